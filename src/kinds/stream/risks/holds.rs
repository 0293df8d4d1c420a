//! What a stream holds, and where its consumers stand.

use jiff::Timestamp;
use serde_json::Value;

use crate::kinds::consumer::is_internal;
use crate::kinds::stream::subjects::{collide, is_within};
use crate::model::Doc;

/// What a stream's own document tells of what it holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) messages: u64,
    pub(super) bytes: u64,
    pub(super) first_seq: u64,
    pub(super) last_seq: u64,
    pub(super) first: Option<Timestamp>,
    pub(super) last: Option<Timestamp>,
    /// What the server's clock said.
    pub(super) now: Option<Timestamp>,
    pub(super) consumers: u64,
    pub(super) subjects: u64,
    /// How many sequence numbers in between hold nothing.
    pub(super) deleted: u64,
}

impl Held {
    /// What the document tells.
    ///
    /// # Errors
    /// When it does not say how many messages there are.
    pub(super) fn read(info: &Doc) -> Result<Held, String> {
        let state = info.get("state").cloned().unwrap_or_default();
        let number = |field: &str| state[field].as_u64();
        let of = |field: &str| number(field).unwrap_or_default();
        let instant = |value: &Value| value.as_str()?.parse().ok();
        let needed = |field: &str| {
            number(field).ok_or_else(|| format!("the server does not tell its `{field}`"))
        };
        Ok(Held {
            messages: needed("messages")?,
            bytes: needed("bytes")?,
            first_seq: of("first_seq"),
            last_seq: of("last_seq"),
            first: instant(&state["first_ts"]),
            last: instant(&state["last_ts"]),
            now: info.get("ts").and_then(instant),
            consumers: of("consumer_count"),
            subjects: of("num_subjects"),
            deleted: of("num_deleted"),
        })
    }
}

/// What a consumer without a filter is asked for.
pub(in crate::kinds) const EVERYTHING: &str = ">";

/// The filters of a consumer; one without has everything.
pub(in crate::kinds) fn or_everything(filters: Vec<String>) -> Vec<String> {
    match filters.is_empty() {
        true => vec![EVERYTHING.to_owned()],
        false => filters,
    }
}

/// Where a consumer stands in its stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::kinds) struct Standing {
    pub(in crate::kinds) name: String,
    /// What it is asked for; everything where it filters nothing.
    pub(in crate::kinds) filters: Vec<String>,
    pub(in crate::kinds) pending: u64,
    pub(in crate::kinds) unacknowledged: u64,
    /// All up to this sequence number is acknowledged.
    pub(in crate::kinds) floor: u64,
    /// Whether the server keeps it for a mirror or a source.
    pub(in crate::kinds) is_internal: bool,
}

impl Standing {
    /// What it has before it.
    pub(in crate::kinds) fn left(&self) -> u64 {
        self.pending + self.unacknowledged
    }

    /// Whether it is asked for some of these only by name.
    pub(super) fn filters_on(&self, subject: &str) -> bool {
        let named = self.filters.iter().filter(|filter| *filter != EVERYTHING);
        named.clone().any(|filter| collide(filter, subject))
    }

    /// Whether it gets the messages of this literal subject.
    pub(in crate::kinds) fn gets(&self, literal: &str) -> bool {
        self.filters.iter().any(|filter| is_within(literal, filter))
    }
}

/// The filters of a consumer, by its document; `>` where it has none.
pub fn consumer_filters(info: &Doc) -> Vec<String> {
    let config = info.get("config").unwrap_or(&Value::Null);
    let one = config["filter_subject"]
        .as_str()
        .filter(|text| !text.is_empty());
    let many = config["filter_subjects"].as_array().into_iter().flatten();
    let filters = one.into_iter().chain(many.filter_map(Value::as_str));
    or_everything(filters.map(str::to_owned).collect())
}

/// Reads a consumer's document.
pub(in crate::kinds) fn standing(info: &Doc) -> Standing {
    let number = |field: &str| info.get(field).and_then(Value::as_u64).unwrap_or_default();
    let floor = info
        .get("ack_floor")
        .and_then(|floor| floor["stream_seq"].as_u64());
    Standing {
        name: info
            .get("name")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned(),
        filters: consumer_filters(info),
        pending: number("num_pending"),
        unacknowledged: number("num_ack_pending"),
        floor: floor.unwrap_or_default(),
        is_internal: is_internal(info),
    }
}
