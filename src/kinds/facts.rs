use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::unit::Unit;

/// What a field's declaration says of it beside its type: stands on the field itself, as
/// `#[schemars(extend("x-field" = field().unit(Unit::Nanos)))]`, and is read back by
/// [`Declaration`](super::Declaration).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// What its number counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<Unit>,
    /// The wire numbers that mean `unlimited`; the first is the one that is sent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unlimited: Vec<i64>,
    /// How a live resource takes a change.
    pub edit: Edit,
    /// How two values are compared.
    pub compare: Compare,
    /// The value (on the wire) that an absent field means.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
    /// The server that brought it: `2.11` for NATS, `3.7` for Kafka; none when every supported one has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// The same as the JetStream API level (ADR-44).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_level: Option<u8>,
    /// Words that came later than the field itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub newer_words: Vec<NewerWord>,
    /// The wire holds text even where the value is a number or a boolean (Kafka's configs).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub text: bool,
    /// That text is one value, never a list.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub single: bool,
    /// The server sets it; never declared, never drift.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub hidden: bool,
    /// Every resource has it and there is no default to go back to (a topic's partitions): a live
    /// value that is not declared is no override, and is never reset.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub inherent: bool,
    /// What of the resource it stands for, where no broker holds the field itself: it is compared with what the ledger says was
    /// last applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stands_for: Option<String>,
    /// Where the facts come from: an ADR, a KIP, a server's source. Where a field says nothing, its
    /// struct's `x-source` holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// What it takes, in words, where its type is wider (a text that holds a number).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub takes: Option<String>,
}

/// A word of a field that came with a later server than the field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewerWord {
    /// The word.
    pub word: String,
    /// The server that brought it.
    pub since: String,
    /// The same as the JetStream API level (ADR-44).
    pub api_level: u8,
}

/// How a live resource takes a change of a field.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Edit {
    /// At once, both ways.
    #[default]
    InPlace,
    /// Only from false to true.
    OneWay,
    /// Never; what holds data is then refused, a consumer is replaced.
    Fixed,
    /// In place from this server version on, never before.
    InPlaceSince(String),
    /// The kind's own rule decides (`Kind::judge`).
    Ruled,
}

/// How two values of a field are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Compare {
    /// As values: numbers as numbers, text as text, lists in order.
    #[default]
    Exact,
    /// A list whose order has no meaning.
    Set,
    /// RFC 3339 text, compared as the instant it names.
    Instant,
    /// A percentage with or without its sign.
    Percent,
    /// Text that holds a comma-separated list whose order has no meaning.
    TextSet,
}

impl Default for Facts {
    fn default() -> Self {
        field()
    }
}

/// The facts of a plain field: no unit, changes in place, compared exactly.
pub fn field() -> Facts {
    Facts {
        unit: None,
        unlimited: Vec::new(),
        edit: Edit::InPlace,
        compare: Compare::Exact,
        default: None,
        since: None,
        api_level: None,
        newer_words: Vec::new(),
        text: false,
        single: false,
        hidden: false,
        inherent: false,
        stands_for: None,
        source: None,
        takes: None,
    }
}

impl Facts {
    /// A number of this unit.
    pub fn unit(mut self, unit: Unit) -> Self {
        self.unit = Some(unit);
        self
    }

    /// Takes `unlimited`, sent as the first of these and read from any.
    pub fn unlimited(mut self, wire: &[i64]) -> Self {
        self.unlimited = wire.to_vec();
        self
    }

    /// Changes this way.
    pub fn edit(mut self, edit: Edit) -> Self {
        self.edit = edit;
        self
    }

    /// A list whose order has no meaning.
    pub fn set(self) -> Self {
        self.compare(Compare::Set)
    }

    /// Compared this way.
    pub fn compare(mut self, compare: Compare) -> Self {
        self.compare = compare;
        self
    }

    /// Means this where the wire leaves it out.
    pub fn default_is(mut self, value: impl Into<Value>) -> Self {
        self.default = Some(value.into());
        self
    }

    /// Came with this NATS server and JetStream API level.
    pub fn since_nats(mut self, version: &str, api_level: u8) -> Self {
        self.since = Some(version.to_owned());
        self.api_level = Some(api_level);
        self
    }

    /// This word of it came with a later NATS server and JetStream API level.
    pub fn word_since_nats(mut self, word: &str, version: &str, api_level: u8) -> Self {
        self.newer_words.push(NewerWord {
            word: word.to_owned(),
            since: version.to_owned(),
            api_level,
        });
        self
    }

    /// Came with this Kafka version.
    pub fn since_kafka(mut self, version: &str) -> Self {
        self.since = Some(version.to_owned());
        self
    }

    /// Text on the wire.
    pub fn text(mut self) -> Self {
        self.text = true;
        self
    }

    /// Text on the wire that is one value, never a list.
    pub fn single(mut self) -> Self {
        self.single = true;
        self
    }

    /// Set by the server, never declared.
    pub fn hidden(mut self) -> Self {
        self.hidden = true;
        self
    }

    /// Has no default to go back to.
    pub fn inherent(mut self) -> Self {
        self.inherent = true;
        self
    }

    /// Held by the ledger alone; stands for this.
    pub fn stands_for(mut self, what: &str) -> Self {
        self.stands_for = Some(what.to_owned());
        self
    }

    /// Takes this, in words.
    pub fn takes(mut self, words: &str) -> Self {
        self.takes = Some(words.to_owned());
        self
    }

    /// Where the facts come from.
    pub fn source(mut self, source: &str) -> Self {
        self.source = Some(source.to_owned());
        self
    }
}
