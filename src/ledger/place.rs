use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::Broker;

/// Where a ledger is: `nats`, `kafka`, `file:PATH`, or `none`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub enum LedgerPlace {
    /// There is none: nothing is adopted, deleted or forgotten, and no lock is taken.
    None,
    /// The bucket of the NATS account that the manifest is for.
    Nats,
    /// A topic of the Kafka cluster that the manifest is for.
    Kafka,
    /// A file of this machine.
    File(PathBuf),
}

impl LedgerPlace {
    /// Where it is when nobody says, for what is on these brokers: on NATS, be there Kafka beside it or not.
    pub const fn usual(on_nats: bool, on_kafka: bool) -> LedgerPlace {
        match (on_nats, on_kafka) {
            (true, _) => LedgerPlace::Nats,
            (false, true) => LedgerPlace::Kafka,
            (false, false) => LedgerPlace::None,
        }
    }

    /// The broker that it is on.
    pub const fn broker(&self) -> Option<Broker> {
        match self {
            LedgerPlace::Nats => Some(Broker::Nats),
            LedgerPlace::Kafka => Some(Broker::Kafka),
            LedgerPlace::File(_) | LedgerPlace::None => None,
        }
    }
}

impl std::str::FromStr for LedgerPlace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match (text, text.strip_prefix("file:")) {
            ("none", _) => Ok(LedgerPlace::None),
            ("nats", _) => Ok(LedgerPlace::Nats),
            ("kafka", _) => Ok(LedgerPlace::Kafka),
            (_, Some(path)) if !path.is_empty() => Ok(LedgerPlace::File(path.into())),
            _ => Err("take `nats`, `kafka`, `file:PATH` or `none`".to_owned()),
        }
    }
}

impl TryFrom<String> for LedgerPlace {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<LedgerPlace> for String {
    fn from(place: LedgerPlace) -> Self {
        place.to_string()
    }
}

impl std::fmt::Display for LedgerPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            LedgerPlace::None => f.write_str("none"),
            LedgerPlace::Nats => f.write_str("nats"),
            LedgerPlace::Kafka => f.write_str("kafka"),
            LedgerPlace::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_written_as_it_is_read() {
        for text in ["none", "nats", "kafka", "file:a/b.json"] {
            let place: LedgerPlace = text.parse().unwrap();
            assert_eq!(place.to_string(), text);
            let json = serde_json::to_string(&place).unwrap();
            assert_eq!(json, format!("\"{text}\""));
            assert_eq!(serde_json::from_str::<LedgerPlace>(&json).unwrap(), place);
        }
        for bad in ["", "file:", "NATS", "redis"] {
            assert!(bad.parse::<LedgerPlace>().is_err(), "{bad}");
        }
    }
}
