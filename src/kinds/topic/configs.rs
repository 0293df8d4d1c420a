//! Kafka's topic configs: what each is, by key.
//!
//! A key that is not in the table is allowed: a newer broker knows more.

mod table;

use table::KNOWN;

use crate::broker::kafka::{ConfigEntry, ConfigSource};
use crate::model::unit::Unit;

/// What is known of one topic config.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KnownConfig {
    /// Kafka's key.
    pub key: &'static str,
    /// What its text holds.
    pub holds: ConfigType,
    /// What its number counts.
    pub unit: Option<Unit>,
    /// The numbers that mean `unlimited`; the first is the one that is sent.
    pub unlimited: &'static [i64],
    /// The words that it takes, where it takes only these.
    pub words: &'static [&'static str],
    /// Kafka's own default, which the broker's configuration may replace.
    pub default: &'static str,
    /// The release that brought it; none when every supported one has it.
    pub since: Option<&'static str>,
    /// Where that is written: a KIP, or Kafka's own table.
    pub source: &'static str,
    /// The release that took it away; none when the newest has it.
    pub gone: Option<&'static str>,
    /// What it is for.
    pub description: &'static str,
}

/// What the text of a config holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigType {
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Number,
    /// A number with a fraction.
    Fraction,
    /// One word.
    Word,
    /// Words with commas between them, whose order has no meaning.
    List,
}

/// Every known topic config, by key.
pub fn known_configs() -> &'static [KnownConfig] {
    KNOWN
}

/// What is known of this key; none for a key that is not in the table, which may exist all the same.
pub fn known_config(key: &str) -> Option<&'static KnownConfig> {
    let found = KNOWN.binary_search_by_key(&key, |config| config.key);
    found.ok().map(|index| &KNOWN[index])
}

/// What a topic has when it is not set there, in the unit of its key: a broker may have its own in minutes or hours.
pub(super) fn inherited(entry: &ConfigEntry) -> Option<String> {
    let mut synonyms = entry.synonyms.iter();
    let synonym = synonyms
        .find(|synonym| synonym.source != ConfigSource::DynamicTopic && synonym.value.is_some())?;
    let value = synonym.value.clone()?;
    let millis = match synonym.name.rsplit('.').next() {
        Some("hours") => 3_600_000,
        Some("minutes") => 60_000,
        Some(_) | None => return Some(value),
    };
    let number = value.parse::<i64>().ok()?;
    Some(
        number
            .saturating_mul(if number < 0 { 1 } else { millis })
            .to_string(),
    )
}

/// Whether the key is one that a running reassignment sets and takes away, so that it is left
/// alone unless it is declared.
pub fn is_throttle(key: &str) -> bool {
    key.ends_with(".replication.throttled.replicas")
}
