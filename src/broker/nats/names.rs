//! Names that a JetStream API subject can carry.

use super::NatsError;

/// The longest name a server takes, in bytes (`JSMaxNameLen`).
const LONGEST: usize = 255;

/// The name itself when it is one token of a subject and a file name on every platform.
///
/// A stream or consumer name with `.`, `*`, `>`, a blank or a slash makes a subject that no server answers.
pub(super) fn checked<'n>(what: &'static str, name: &'n str) -> Result<&'n str, NatsError> {
    match broken_rule(name) {
        None => Ok(name),
        Some(reason) => Err(NatsError::InvalidName {
            what,
            name: name.to_owned(),
            reason,
        }),
    }
}

fn broken_rule(name: &str) -> Option<&'static str> {
    let unfit = |c: char| c.is_whitespace() || c.is_control() || ".*>/\\".contains(c);
    if name.is_empty() {
        Some("it is empty")
    } else if name.len() > LONGEST {
        Some("it is longer than 255 bytes")
    } else if name.contains(unfit) {
        Some("it holds a blank or one of `.` `*` `>` `/` `\\`")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_token() {
        for good in ["EVENTS", "KV_sessions", "a-b_c", "größe", "x"] {
            assert_eq!(checked("stream", good).unwrap(), good);
        }
        let long = "x".repeat(256);
        for bad in [
            "", "a.b", "a*", ">", "a b", "a/b", "a\\b", "a\tb", "a\u{7f}", &long,
        ] {
            assert!(checked("stream", bad).is_err(), "{bad:?} was taken");
        }
    }

    #[test]
    fn the_message_names_the_rule() {
        let message = checked("consumer", "a.b").unwrap_err().to_string();
        assert_eq!(
            message,
            "`a.b` cannot be the name of a consumer: it holds a blank or one of `.` `*` `>` `/` `\\`"
        );
    }
}
