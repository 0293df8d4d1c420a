use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// Why a document of ours is refused before its content is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FormatError {
    /// It is not JSON, or says no version.
    NotOne(String),
    /// It is of this other major version.
    OtherVersion(String),
}

/// A value costs up to a few hundred bytes of memory, whatever it costs in the text: this many is
/// what a hostile file may cost, too.
const MOST_VALUES: usize = 2_000_000;

/// The JSON of a document whose `format_version` is of the same major as `ours`: a minor adds, a
/// major is refused.
///
/// # Errors
/// When it is no JSON, says no version as text, or is of another major.
pub fn versioned(text: &str, ours: &str) -> Result<Value, FormatError> {
    let values = text
        .bytes()
        .filter(|byte| matches!(byte, b',' | b'[' | b'{'));
    if values.count() > MOST_VALUES {
        let what = format!(
            "it holds more than {MOST_VALUES} values; tens of thousands of resources need fewer"
        );
        return Err(FormatError::NotOne(what));
    }
    let not_one = |error: serde_json::Error| FormatError::NotOne(error.to_string());
    let value: Value = serde_json::from_str(text).map_err(not_one)?;
    serde_json::from_str::<Unambiguous>(text).map_err(not_one)?;
    let version = match &value["format_version"] {
        Value::String(version) => version.as_str(),
        Value::Null => {
            let what = "`format_version` is missing".to_owned();
            return Err(FormatError::NotOne(what));
        }
        other => {
            let what = format!("`format_version` is `{other}`, not text such as `{ours}`");
            return Err(FormatError::NotOne(what));
        }
    };
    if major(version) != major(ours) {
        return Err(FormatError::OtherVersion(version.to_owned()));
    }
    Ok(value)
}

fn major(version: &str) -> &str {
    version.split('.').next().unwrap_or_default()
}

/// JSON in which no object says the same key twice: which of the two counts is not for everyone who reads it the same.
struct Unambiguous;

impl<'de> Deserialize<'de> for Unambiguous {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Unambiguous)
    }
}

impl<'de> Visitor<'de> for Unambiguous {
    type Value = Unambiguous;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        let mut keys = HashSet::new();
        while let Some((key, Unambiguous)) = map.next_entry::<String, Unambiguous>()? {
            if let Some(twice) = keys.replace(key) {
                return Err(A::Error::custom(format!("`{twice}` is there twice")));
            }
        }
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
        while items.next_element::<Unambiguous>()?.is_some() {}
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_would_fill_the_memory_is_not_read() {
        let text = format!(
            "{{\"format_version\": \"1.0\", \"x\": [{}1]}}",
            "1,".repeat(MOST_VALUES)
        );
        assert!(matches!(
            versioned(&text, "1.0"),
            Err(FormatError::NotOne(_))
        ));
    }

    #[test]
    fn a_minor_is_read_and_all_else_says_what_is_wrong() {
        let of = |version: &str| versioned(&format!("{{{version}}}"), "1.0");
        assert!(of(r#""format_version": "1.7", "new": 1"#).is_ok());
        let other = FormatError::OtherVersion("2.0".to_owned());
        assert_eq!(of(r#""format_version": "2.0""#), Err(other));
        for (version, said) in [
            (r#""format_version": 2"#, "is `2`, not text"),
            ("", "is missing"),
            ("?", "key must be a string"),
            (
                r#""format_version": "1.0", "a": [{ "b": 1, "b": 1 }]"#,
                "`b` is there twice",
            ),
        ] {
            let Err(FormatError::NotOne(why)) = of(version) else {
                panic!("{version} was taken");
            };
            assert!(why.contains(said), "{why}");
        }
    }
}
