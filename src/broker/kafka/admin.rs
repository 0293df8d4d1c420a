//! The calls, by what they are about.

mod acls;
mod alter;
mod cluster;
mod configs;
mod create;
mod delete;
mod fetch;
mod groups;
mod log_dirs;
mod offsets;
mod quotas;
mod reassignments;
mod said;
mod scram;
mod topics;

pub use alter::ConfigChange;
pub use cluster::{Broker, Cluster};
pub use configs::{ConfigEntry, ConfigSource, ConfigSynonym, ConfigType};
pub use create::NewTopic;
pub use delete::OldTopic;
pub use groups::{Committed, Group};
pub use offsets::Span;
pub use quotas::{EntityName, Quota, QuotaChange, QuotaEntity};
pub use reassignments::{Assignment, Reassignment};
pub use scram::{Credential, NewCredential, ScramChange, ScramMechanism};
pub(super) use topics::request as topics_of;
pub use topics::{Partition, TopicDescription};

use std::collections::HashMap;
use std::time::Duration;

use indexmap::{IndexMap, IndexSet};
use kafka_protocol::messages::TopicName;
use kafka_protocol::protocol::StrBytes;

use super::batch::Results;
use super::client::api::Request;
use super::client::{Effect, Kafka, Target};
use super::error::{ItemError, KafkaError};
use super::held::Answered;

/// How long a broker may take for a change before it answers `REQUEST_TIMED_OUT`, in ms.
const BROKER_TIMEOUT_MS: i32 = 30_000;

const NOT_CONTROLLER: i16 = 41;

/// What an answer tells of one name.
struct Told {
    name: String,
    code: i16,
    message: Option<StrBytes>,
}

impl Kafka {
    /// Asks the controller to change what has these names; the results in their order.
    async fn change<R: Request>(
        &self,
        names: impl Iterator<Item = &str>,
        effect: Effect,
        request: &R,
        told: fn(&R::Response) -> Vec<Told>,
    ) -> Result<Results, KafkaError> {
        let changed = self.held_change(names, effect, request, told, |_| 0);
        changed.await.map(|(results, _)| results)
    }

    /// The same of a request that a quota on changes counts, with the time that the answer tells, in ms on the wire.
    async fn held_change<R: Request>(
        &self,
        names: impl Iterator<Item = &str>,
        effect: Effect,
        request: &R,
        told: fn(&R::Response) -> Vec<Told>,
        throttle_ms: fn(&R::Response) -> i32,
    ) -> Result<Answered, KafkaError> {
        let moved = |answer: &R::Response| {
            let codes = told(answer);
            codes.iter().any(|told| told.code == NOT_CONTROLLER)
        };
        let answer = self.ask(Target::Controller, effect, request, moved).await?;
        let throttle = u64::try_from(throttle_ms(&answer)).unwrap_or(0);
        let answers = told(&answer).into_iter();
        let answers = answers.map(|told| (told.name, item(told.code, &told.message)));
        let results = in_order(names, answers.collect());
        Ok((results, Duration::from_millis(throttle)))
    }
}

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_string())
}

pub(super) fn topic_name(name: &str) -> TopicName {
    TopicName(text(name))
}

/// A text of the broker's, as it is; none for an empty one.
fn given(text: &Option<StrBytes>) -> Option<String> {
    text.as_ref()
        .filter(|text| !text.is_empty())
        .map(|text| text.to_string())
}

/// The broker's words on an error, as far as they are for people; all of them are in the log.
fn words(message: &Option<StrBytes>) -> Option<String> {
    said::for_people(message.as_ref()?.as_str())
}

fn item(code: i16, message: &Option<StrBytes>) -> Result<(), ItemError> {
    ItemError::check(code, words(message).as_deref())
}

/// Each name once, in the order of the first mention.
fn distinct(names: &[String]) -> Vec<String> {
    names
        .iter()
        .collect::<IndexSet<_>>()
        .into_iter()
        .cloned()
        .collect()
}

/// The answers in the order of the question.
fn in_order<'a, T>(
    names: impl Iterator<Item = &'a str>,
    mut answers: HashMap<String, Result<T, ItemError>>,
) -> Vec<Result<T, ItemError>> {
    names
        .map(|name| {
            answers
                .remove(name)
                .unwrap_or_else(|| Err(ItemError::left_out()))
        })
        .collect()
}

/// Names with their results.
fn by_name<'a>(
    names: impl Iterator<Item = &'a String>,
    results: Results,
) -> IndexMap<String, Result<(), ItemError>> {
    names.cloned().zip(results).collect()
}
