use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::spec::RouteSpec;

/// The version of the records in the table; a worker leaves those of a higher one as they are.
pub const FORMAT: u32 = 1;

/// The bucket that holds the routes, each under its name.
pub const TABLE: &str = "trueup-routes";

/// The bucket in which workers hold leases and tell how they are.
pub const WORKERS: &str = "trueup-workers";

/// The header that names the routes which a message went along, separated by commas.
pub const PATH_HEADER: &str = "trueup-path";

/// A route as it stands in the table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// [`FORMAT`].
    pub format: u32,
    /// Which life of its name it is.
    pub id: Uuid,
    /// Whose it is.
    pub stack: String,
    /// Which life of its source it was made for: the stream's `created`, the topic's id. None where the source could not be read.
    pub source: Option<String>,
    /// What was moved since is not in positions of an earlier one: it grows where `delivery` or `to.stream` of a route from a topic
    /// changes, and `ordering` of one from a stream.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub epoch: u64,
    /// How often it was set to another place by hand.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub resets: u64,
    /// What it is.
    pub spec: RouteSpec,
    /// Which trueup wrote it.
    pub trueup: String,
}

impl Record {
    /// What makes the ids of its messages others than those of a route of this name before, or before it was set to another
    /// place: what is moved anew is no duplicate.
    pub fn life(&self) -> String {
        let id = self.id.simple().to_string();
        let id = id.get(..8).unwrap_or_default();
        match self.resets {
            0 => id.to_owned(),
            resets => format!("{id}.{resets}"),
        }
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// The durable consumer of a shard (counted from 1) of a route from a stream.
pub fn consumer_name(route: &str, shard: u32) -> String {
    match shard {
        1 => format!("trueup-{route}"),
        _ => format!("trueup-{route}-{shard}"),
    }
}

/// The transactional id by which the worker of a shard of a route into a topic is the only one that writes.
pub fn transactional_id(route: &str, shard: u32) -> String {
    format!("trueup.{route}.{shard}")
}

/// The topic that holds the position of a route from a stream that keeps the order.
pub fn position_topic(route: &str) -> String {
    format!("trueup.position.{route}")
}

/// The consumer group of a route from a topic.
pub fn group(route: &str) -> String {
    format!("trueup.{route}")
}

/// The subject, of the target stream, of the position in a partition of a route from a topic that delivers exactly once;
/// of all partitions, for `*`.
pub fn position_subject(route: &str, partition: impl std::fmt::Display) -> String {
    format!("trueup.position.{route}.{partition}")
}
