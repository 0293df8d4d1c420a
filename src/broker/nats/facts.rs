//! What a server and an account say about themselves.

use async_nats::ServerInfo;
use indexmap::IndexMap;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// The server that we are connected to, from its greeting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerFacts {
    /// The address without credentials.
    pub url: String,
    /// The server's public key.
    pub id: String,
    /// The server's name.
    pub name: String,
    /// The version as the server writes it.
    pub version: String,
    /// The version's first three numbers.
    pub release: (u64, u64, u64),
    /// The cluster's name, where the server is in one.
    pub cluster: Option<String>,
    /// How many servers of its cluster it tells of, itself among them; nothing where it tells none.
    pub servers_told: Option<usize>,
    /// The JetStream domain that the server is in.
    pub domain: Option<String>,
    /// Whether the connection is encrypted.
    pub tls: bool,
    /// The largest message, in bytes.
    pub max_payload: usize,
}

impl ServerFacts {
    pub(super) fn new(url: String, tls: bool, info: ServerInfo) -> ServerFacts {
        let present = |text: Option<String>| text.filter(|text| !text.is_empty());
        ServerFacts {
            url,
            release: release(&info.version),
            id: info.server_id,
            name: info.server_name,
            version: info.version,
            cluster: present(info.cluster),
            domain: present(info.domain),
            servers_told: Some(info.connect_urls.len()).filter(|count| *count > 0),
            tls,
            max_payload: info.max_payload,
        }
    }
}

/// An account, from `$JS.API.INFO` and, where it may be asked, `$SYS.REQ.USER.INFO`.
#[derive(Debug, Clone)]
pub struct AccountFacts {
    /// The account's public key (operator mode) or name; nothing when the server does not tell.
    pub account: Option<String>,
    /// Our user's public key or name; nothing when the server does not tell.
    pub user: Option<String>,
    /// The JetStream domain that answers.
    pub domain: Option<String>,
    /// The JetStream API level: 0 before 2.11, 1 for 2.11, 2 and 3 for 2.12, 4 for 2.14, 5 for 2.15 (ADR-44).
    pub api_level: u8,
    /// What the account may use.
    pub limits: AccountLimits,
    /// What the account uses.
    pub usage: AccountUsage,
    /// Both by tier (`R1`, `R3`), where limits are by tier: then `limits` says nothing.
    pub tiers: IndexMap<String, Tier>,
    /// The whole document of `$JS.API.INFO`.
    pub document: Map<String, Value>,
}

/// A share of the server: what may be used of it, and what is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Tier {
    /// What may be used.
    pub limits: AccountLimits,
    /// What is used.
    #[serde(flatten)]
    pub usage: AccountUsage,
}

/// What an account may use; `None` is unlimited.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct AccountLimits {
    /// Memory storage, in bytes.
    #[serde(deserialize_with = "limit")]
    pub max_memory: Option<u64>,
    /// File storage, in bytes.
    #[serde(deserialize_with = "limit")]
    pub max_storage: Option<u64>,
    /// Streams; no number above 0 is no limit.
    #[serde(deserialize_with = "count_limit")]
    pub max_streams: Option<u64>,
    /// Consumers of each stream; no number above 0 is no limit.
    #[serde(deserialize_with = "count_limit")]
    pub max_consumers: Option<u64>,
    /// Unacknowledged messages of a consumer.
    #[serde(deserialize_with = "limit")]
    pub max_ack_pending: Option<u64>,
    /// The size of one stream in memory, in bytes; a server writes "none" as 0, too.
    #[serde(deserialize_with = "count_limit")]
    pub memory_max_stream_bytes: Option<u64>,
    /// The size of one stream in files, in bytes; a server writes "none" as 0, too.
    #[serde(deserialize_with = "count_limit")]
    pub storage_max_stream_bytes: Option<u64>,
    /// Whether every stream must set `max_bytes` (10113).
    pub max_bytes_required: bool,
}

/// What an account uses.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct AccountUsage {
    /// Memory storage, in bytes.
    pub memory: u64,
    /// File storage, in bytes.
    pub storage: u64,
    /// Memory storage that streams have reserved by `max_bytes`, in bytes.
    pub reserved_memory: u64,
    /// File storage that streams have reserved by `max_bytes`, in bytes.
    pub reserved_storage: u64,
    /// Streams.
    pub streams: u64,
    /// Consumers.
    pub consumers: u64,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Info {
    domain: String,
    api: Api,
    tiers: IndexMap<String, Tier>,
    limits: AccountLimits,
    #[serde(flatten)]
    usage: AccountUsage,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Api {
    level: u8,
}

impl AccountFacts {
    /// The share that streams of so many replicas are in; none where limits are by tier and there is
    /// no such tier (10120).
    pub fn tier(&self, replicas: i64) -> Option<Tier> {
        match self.tiers.is_empty() {
            true => Some(Tier {
                limits: self.limits.clone(),
                usage: self.usage.clone(),
            }),
            false => self.tiers.get(&format!("R{replicas}")).cloned(),
        }
    }

    /// Reads the two documents.
    pub(super) fn read(
        document: Map<String, Value>,
        identity: Option<Map<String, Value>>,
    ) -> Result<AccountFacts, serde_json::Error> {
        let info = Info::deserialize(&document)?;
        let identity = identity
            .and_then(|reply| reply.get("data").cloned())
            .unwrap_or_default();
        let told = |field: &str| {
            let text = identity.get(field).and_then(Value::as_str)?;
            Some(text.to_owned()).filter(|text| !text.is_empty())
        };
        Ok(AccountFacts {
            account: told("account"),
            user: told("user"),
            domain: Some(info.domain).filter(|domain| !domain.is_empty()),
            api_level: info.api.level,
            limits: info.limits,
            usage: info.usage,
            tiers: info.tiers,
            document,
        })
    }
}

fn limit<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let wire = i64::deserialize(deserializer)?;
    Ok(u64::try_from(wire).ok())
}

fn count_limit<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Ok(limit(deserializer)?.filter(|number| *number > 0))
}

/// `2.12.0-RC.1` is 2.12.0; what is no number counts as 0.
fn release(version: &str) -> (u64, u64, u64) {
    let core = version.trim_start_matches('v');
    let mut numbers = core
        .split(['.', '-', '+'])
        .map(|part| part.parse::<u64>().unwrap_or(0));
    let mut next = || numbers.next().unwrap_or(0);
    (next(), next(), next())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn versions_compare_by_their_numbers() {
        assert_eq!(release("2.15.1"), (2, 15, 1));
        assert_eq!(release("v2.12.0-RC.1"), (2, 12, 0));
        assert_eq!(release("2.9"), (2, 9, 0));
        assert_eq!(release(""), (0, 0, 0));
    }

    #[test]
    fn unlimited_is_no_limit() {
        let document = json!({
            "memory": 1, "storage": 2, "reserved_memory": 3, "reserved_storage": 4, "streams": 5, "consumers": 6,
            "domain": "hub", "api": {"level": 4, "total": 9, "errors": 0},
            "limits": {"max_memory": -1, "max_storage": 1000, "max_streams": 0, "memory_max_stream_bytes": 0,
                       "max_bytes_required": true},
            "tiers": {"R3": {"limits": {"max_storage": 7}}},
        });
        let identity = json!({"data": {"user": "ann", "account": "APP"}});
        let facts = AccountFacts::read(object(document), Some(object(identity))).unwrap();
        assert_eq!(facts.api_level, 4);
        assert_eq!(facts.limits.max_memory, None);
        assert_eq!(facts.limits.max_storage, Some(1000));
        assert_eq!(facts.limits.max_streams, None);
        assert_eq!(facts.limits.memory_max_stream_bytes, None);
        assert!(facts.limits.max_bytes_required);
        assert_eq!(facts.tiers["R3"].limits.max_storage, Some(7));
        assert_eq!(facts.usage.reserved_storage, 4);
        assert_eq!(facts.account.as_deref(), Some("APP"));
        assert_eq!(facts.domain.as_deref(), Some("hub"));
    }

    #[test]
    fn a_server_that_keeps_the_account_to_itself_is_fine() {
        let facts = AccountFacts::read(Map::new(), None).unwrap();
        assert_eq!((facts.account, facts.api_level), (None, 0));
    }

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }
}
