//! What of a broker's words is for people.

/// Longer words than these are cut; Kafka's own sentences are shorter.
const LONGEST: usize = 300;
/// The log gets more of them.
const LONGEST_LOGGED: usize = 4_000;

/// One line, of sane length; none where the broker dumps its own objects (`Request(processor=..`),
/// which says nothing that the error's code does not. What is taken away goes to the log.
pub(super) fn for_people(raw: &str) -> Option<String> {
    let line = raw.split_whitespace().collect::<Vec<_>>().join(" ");
    let told = if is_dump(&line) {
        None
    } else {
        Some(cut(&line, LONGEST)).filter(|line| !line.is_empty())
    };
    if told.as_deref() != Some(raw) && !raw.is_empty() {
        tracing::debug!(words = %cut(&line, LONGEST_LOGGED), "the broker's own words");
    }
    told
}

/// Kafka's `Request.toString` and Java's `Class@hash`, as `KafkaApis` puts them into messages.
fn is_dump(line: &str) -> bool {
    line.contains("Request(processor=") || line.contains("session=org.apache.kafka")
}

fn cut(line: &str, longest: usize) -> String {
    match line.char_indices().nth(longest) {
        Some((end, _)) => format!("{}…", line[..end].trim_end()),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dump_of_the_brokers_objects_is_not_for_people() {
        let raw = "Request Request(processor=0, connectionId=127.0.0.1:18133-127.0.0.1:51594-0-1, \
                   session=org.apache.kafka.network.Session@3d77e920, envelope=None) needs ALTER permission.";
        assert_eq!(for_people(raw), None);
    }

    #[test]
    fn a_sentence_stays_and_is_one_line_of_sane_length() {
        let told = for_people("Invalid value x for\n  configuration retention.ms").unwrap();
        assert_eq!(told, "Invalid value x for configuration retention.ms");
        let long = for_people(&"é".repeat(10_000)).unwrap();
        assert_eq!(long.chars().count(), LONGEST + 1);
        assert_eq!(for_people(" \n"), None);
    }
}
