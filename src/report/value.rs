use serde_json::Value;

use super::line::safe;
use crate::model::Change;

/// A value as a manifest would say it, on one line: `7d`, `[a, b]`, `{tier: hot}`.
pub fn one_line(value: &Value) -> String {
    match value {
        Value::String(text) => scalar(text, false),
        other => nested(other),
    }
}

/// What was there before a change, on one line. No partition has 0 replicas: in a plan that stands for a throttle that is left
/// behind where the replicas are.
pub(super) fn before(change: &Change) -> Option<String> {
    let before = change.before.as_ref()?;
    let is_throttled = change.field == "replication_factor" && *before == 0;
    match change.after.as_ref().filter(|_| is_throttled) {
        Some(after) => Some(format!("{}, throttled", one_line(after))),
        None => Some(one_line(before)),
    }
}

/// The value over several lines, for a comparison line by line: an item or a key on each.
pub(super) fn lines(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().map(nested).collect(),
        Value::Object(object) => object
            .iter()
            .map(|(key, value)| format!("{}: {}", safe(key), nested(value)))
            .collect(),
        Value::String(text) => text.lines().map(to_its_end).collect(),
        other => vec![nested(other)],
    }
}

/// The line with the spaces at its end made visible.
fn to_its_end(line: &str) -> String {
    let text = line.trim_end_matches(' ');
    safe(text).into_owned() + &"·".repeat(line.len() - text.len())
}

/// Characters of a value, or of one line of it, that text and Markdown show; JSON holds them all.
pub(super) const LONG: usize = 300;

/// The text without what goes beyond so many characters, which is counted.
pub(super) fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => {
            let hidden = text[at..].chars().count();
            format!("{}… ({hidden} more characters)", &text[..at])
        }
        None => text.to_owned(),
    }
}

fn nested(value: &Value) -> String {
    match value {
        Value::String(text) => scalar(text, true),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(nested).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(object) => {
            let entries: Vec<_> = object
                .iter()
                .map(|(key, value)| format!("{}: {}", safe(key), nested(value)))
                .collect();
            format!("{{{}}}", entries.join(", "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// Text, in quotes where it would not be seen for what it is.
fn scalar(text: &str, inside: bool) -> String {
    let bare = !text.is_empty()
        && text.trim() == text
        && safe(text) == text
        && !(inside && text.contains([',', '[', ']', '{', '}', '"']));
    if bare {
        return text.to_owned();
    }
    let quoted = Value::from(text).to_string();
    safe(&quoted).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn no_topic_has_0_replicas() {
        let change = |field: &str, before: Value, after: Value| Change {
            field: field.to_owned(),
            before: Some(before),
            after: Some(after),
            note: None,
        };
        let moved = change("replication_factor", json!(0), json!(3));
        assert_eq!(before(&moved).unwrap(), "3, throttled");
        let raised = change("replication_factor", json!(1), json!(3));
        assert_eq!(before(&raised).unwrap(), "1");
        let other = change("max_age", json!(0), json!(3));
        assert_eq!(before(&other).unwrap(), "0");
    }

    #[test]
    fn what_is_cut_is_counted_in_characters() {
        assert_eq!(cut("消息", 2), "消息");
        assert_eq!(cut("消息消息消", 2), "消息… (3 more characters)");
    }

    #[test]
    fn values_are_said_as_a_manifest_says_them() {
        for (value, said) in [
            (json!("7d"), "7d"),
            (json!(""), "\"\""),
            (json!(["a.>", "b,c"]), "[a.>, \"b,c\"]"),
            (
                json!({ "tier": "hot", "n": [1, true] }),
                "{tier: hot, n: [1, true]}",
            ),
            (json!(null), "null"),
            (json!("a\u{1b}[2J"), "\"a\\u001b[2J\""),
        ] {
            assert_eq!(one_line(&value), said);
        }
    }
}
