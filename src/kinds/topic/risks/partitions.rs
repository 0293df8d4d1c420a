//! Partitions that are added: keys go to others than before.

use super::evidence::Seen;
use super::turn::{Before, Turn};
use super::{Rule, Want};
use crate::kinds::loss::{Finding, unread};
use crate::model::{Code, Harm, grouped};

pub(super) const ADDED: Rule = Rule {
    code: Code::TopicPartitionsAdded,
    field: "partitions",
    when_empty: Harm::Low,
    wants: &[Want::Sample, Want::Readers],
    foretold: None,
    applies: |turn| {
        turn.partitions()
            .is_none_or(|(before, after)| after > before)
    },
    find: |turn, seen| {
        let (harm, first) = of_keys(turn, seen);
        let readers = seen.readers.at_work(turn.name());
        let harm = match readers.is_empty() {
            true => harm,
            false => harm.max(Harm::Medium),
        };
        Finding::of(harm, std::iter::once(first).chain(readers))
    },
};

/// How Kafka Streams ends the names of topics whose partitions are its tasks.
const OF_STREAMS: [&str; 2] = ["-changelog", "-repartition"];

fn of_keys(turn: &Turn, seen: &Seen) -> (Harm, String) {
    if let Some(end) = OF_STREAMS.iter().find(|end| turn.name().ends_with(*end)) {
        let text = format!(
            "the name ends in `{end}`: an application of Kafka Streams has a task for each partition and fails when their number changes"
        );
        return (Harm::Critical, text);
    }
    if turn.cleans_by(Before, "compact") == Some(true) {
        let text = "the topic is compacted: the old value of a key stays in its old partition beside the new one, for good";
        return (Harm::Critical, text.to_owned());
    }
    let samples = match &seen.samples {
        Ok(samples) => samples,
        Err(why) => return (Harm::High, unread("whether its records have keys", why)),
    };
    let keys = || samples.values().flat_map(|sample| &sample.keys);
    let (all, keyed) = (keys().count() as u64, keys().flatten().count() as u64);
    let gap = samples.values().find_map(|sample| sample.gap.as_ref());
    match (keyed, gap) {
        (0, Some(why)) => (Harm::High, unread("whether its records have keys", why)),
        (0, None) if all == 0 => (
            Harm::High,
            unread("whether its records have keys", "none could be looked at"),
        ),
        (0, None) => {
            let text = format!(
                "none of the last {} records looked at has a key",
                grouped(all)
            );
            (Harm::Low, text)
        }
        (keyed, _) => {
            let text = format!(
                "{} of the last {} records looked at have a key: most keys go to another partition than before, so that the order of their records is lost",
                grouped(keyed),
                grouped(all)
            );
            (Harm::High, text)
        }
    }
}
