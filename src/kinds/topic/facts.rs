//! The facts of one entry of a topic's `config`.

use super::configs::{ConfigType, KnownConfig, is_throttle, known_config};
use crate::kinds::facts::{Compare, Facts, field};
use crate::model::unit::Unit;

/// The facts of a config by its key: from the table, or from the key's own ending.
///
/// No `default` is among them: an absent config has the broker's value, which is not always
/// Kafka's, and a declared value is pinned even where both are the same.
pub fn config_facts(key: &str) -> Facts {
    match known_config(key) {
        Some(config) => of_known(config),
        None => of_unknown(key),
    }
}

fn of_known(config: &KnownConfig) -> Facts {
    let mut facts = field().text().unlimited(config.unlimited);
    facts.unit = config.unit;
    facts.since = config.since.map(str::to_owned);
    let facts = facts.takes(&takes(config)).source(config.source);
    match config.holds {
        ConfigType::List => facts.compare(Compare::TextSet),
        ConfigType::Bool | ConfigType::Number | ConfigType::Fraction | ConfigType::Word => {
            facts.single()
        }
    }
}

fn takes(config: &KnownConfig) -> String {
    let words = config.words.join(", ");
    match config.holds {
        ConfigType::Bool => "true or false".to_owned(),
        ConfigType::Number => "integer".to_owned(),
        ConfigType::Fraction => "number".to_owned(),
        ConfigType::Word if words.is_empty() => "text".to_owned(),
        ConfigType::Word => format!("one of {words}"),
        ConfigType::List if words.is_empty() => "list of text".to_owned(),
        ConfigType::List => format!("list of {words}"),
    }
}

/// What `explain` says of a config: what it is for, what it takes, and Kafka's own default.
pub fn config_description(key: &str) -> Option<String> {
    let config = known_config(key)?;
    let mut text = sentence(config.description);
    if !config.words.is_empty() {
        let words: Vec<String> = config
            .words
            .iter()
            .map(|word| format!("`{word}`"))
            .collect();
        text.push_str(&format!(" Takes {}.", words.join(", ")));
    }
    if !config.default.is_empty() {
        text.push_str(&format!(
            " Kafka's own default is `{}`; the brokers' configuration may say otherwise.",
            default_of(config)
        ));
    }
    Some(text)
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters
        .next()
        .map(|letter| letter.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), letters.as_str())
}

/// The default as a manifest says it.
fn default_of(config: &KnownConfig) -> String {
    let number = config.default.parse::<i64>().ok();
    match (number, config.unit) {
        (Some(number), _) if config.unlimited.contains(&number) => "unlimited".to_owned(),
        (Some(number @ 0..), Some(unit)) => unit.format(number),
        (_, _) => config.default.to_owned(),
    }
}

/// Kafka ends the names of durations and sizes in their units.
fn of_unknown(key: &str) -> Facts {
    let facts = field().text();
    match key.rsplit(['.', '_']).next() {
        _ if is_throttle(key) => facts.compare(Compare::TextSet),
        Some("ms") => facts.unit(Unit::Millis),
        Some("bytes") => facts.unit(Unit::Bytes),
        _ => facts,
    }
}

#[cfg(test)]
mod tests {
    use super::super::configs::known_configs;
    use super::*;
    use crate::kinds::topic::declaration;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn the_table_is_sorted_and_agrees_with_the_keys_endings() {
        let keys: Vec<_> = known_configs().iter().map(|config| config.key).collect();
        assert!(keys.is_sorted());
        for config in known_configs() {
            assert_eq!(config.unit, of_unknown(config.key).unit, "{}", config.key);
            assert!(config.default.is_empty() || reads(config), "{}", config.key);
        }
    }

    fn reads(config: &KnownConfig) -> bool {
        match config.holds {
            ConfigType::Bool => config.default.parse::<bool>().is_ok(),
            ConfigType::Number => config.default.parse::<i64>().is_ok(),
            ConfigType::Fraction => config.default.parse::<f64>().is_ok(),
            ConfigType::Word | ConfigType::List => {
                config.words.is_empty() || config.words.contains(&config.default)
            }
        }
    }

    #[test]
    fn every_known_config_is_described() {
        let described = declaration().field("config.retention.ms").unwrap();
        assert_eq!(
            described.description,
            "How long messages are kept before `delete` drops them: the time that consumers have to read. \
             Kafka's own default is `7d`; the brokers' configuration may say otherwise."
        );
        let flush = config_description("flush.ms").unwrap();
        assert!(flush.contains("`unlimited`"), "{flush}");
        assert_eq!(config_description("no.such.key"), None);
    }

    #[test]
    fn configs_are_text_on_the_wire() {
        for (key, said, wire, again) in [
            ("retention.ms", json!("7d"), "604800000", json!("7d")),
            ("retention.ms", json!(604_800_000), "604800000", json!("7d")),
            ("retention.ms", json!("unlimited"), "-1", json!("unlimited")),
            ("local.retention.ms", json!(-2), "-2", json!("-2")),
            ("max.message.bytes", json!("2MiB"), "2097152", json!("2MiB")),
            (
                "flush.ms",
                json!("unlimited"),
                "9223372036854775807",
                json!("unlimited"),
            ),
            ("min.insync.replicas", json!(2), "2", json!("2")),
            ("preallocate", json!(true), "true", json!("true")),
            (
                "cleanup.policy",
                json!(["compact", "delete"]),
                "compact,delete",
                json!("compact,delete"),
            ),
            ("some.new.ms", json!("1s"), "1000", json!("1s")),
            ("some.new.thing", json!("x"), "x", json!("x")),
        ] {
            let field = declaration().field(&format!("config.{key}")).unwrap();
            assert_eq!(field.to_wire(&said), Ok(json!(wire)), "{key}");
            assert_eq!(field.to_manifest(&json!(wire)), again, "{key}");
        }
    }

    proptest! {
        #[test]
        fn whatever_a_broker_holds_is_exported_and_read_back(number: i64, index in 0..known_configs().len()) {
            let field = declaration().field(&format!("config.{}", known_configs()[index].key)).unwrap();
            let wire = json!(number.to_string());
            let again = field.to_wire(&field.to_manifest(&wire));
            prop_assert!(field.same(Some(&wire), again.as_ref().ok()), "{again:?}");
        }
    }

    #[test]
    fn configs_compare_as_what_they_hold() {
        for (key, left, right, same) in [
            ("cleanup.policy", "compact,delete", "delete, compact", true),
            ("cleanup.policy", "compact", "delete", false),
            ("min.cleanable.dirty.ratio", "0.50", "0.5", true),
            ("min.cleanable.dirty.ratio", "1.0", "1", true),
            ("min.cleanable.dirty.ratio", "1.0", "0.1", false),
            ("preallocate", "TRUE", "true", true),
            ("retention.ms", "-1", "9223372036854775807", true),
            ("retention.ms", "-1", "1", false),
            (
                "leader.replication.throttled.replicas",
                "0:1,1:2",
                "1:2,0:1",
                true,
            ),
        ] {
            let field = declaration().field(&format!("config.{key}")).unwrap();
            assert_eq!(
                field.same(Some(&json!(left)), Some(&json!(right))),
                same,
                "{key} {left} {right}"
            );
        }
    }

    #[test]
    fn a_declared_default_still_differs_from_nothing() {
        for config in known_configs() {
            let field = declaration()
                .field(&format!("config.{}", config.key))
                .unwrap();
            assert!(
                !field.same(None, Some(&json!(config.default))),
                "{}",
                config.key
            );
        }
    }
}
