//! What producers and consumers notice of what a topic takes.

use super::evidence::Seen;
use super::turn::{After, Before, Turn};
use super::{Rule, Want};
use crate::kinds::loss::{Finding, unread};
use crate::model::{Code, Harm, rough_size};

pub(super) const MESSAGE_SIZE: Rule = Rule {
    code: Code::TopicMessageSizeLowered,
    field: "config.max.message.bytes",
    when_empty: Harm::Low,
    wants: &[Want::Sample],
    foretold: None,
    applies: |turn| turn.lowers("max.message.bytes"),
    find: |turn, seen| {
        let limit = turn.number(After, "max.message.bytes");
        match largest(seen) {
            Err(why) => Finding::of(Harm::High, [unread("how large its batches are", &why)]),
            Ok(size) if limit.is_some_and(|limit| i128::from(size) <= i128::from(limit)) => {
                let size = rough_size(size);
                let text = format!(
                    "the largest of the last batches looked at has {size}, which it still takes; who sends larger ones is refused"
                );
                Finding::of(Harm::Medium, [text])
            }
            Ok(size) => {
                let size = rough_size(size);
                let text = format!(
                    "the largest of the last batches looked at has {size}: who sends such is refused"
                );
                Finding::of(Harm::High, [text])
            }
        }
    },
};

pub(super) const TIMESTAMPS: Rule = Rule {
    code: Code::TopicTimestampsChanged,
    field: "config.message.timestamp.type",
    when_empty: Harm::Low,
    wants: &[],
    foretold: None,
    applies: |turn| differs(turn, "message.timestamp.type"),
    find: |turn, _| {
        let whose = match turn.text(After, "message.timestamp.type") {
            Some("LogAppendTime") => "the broker's times instead of the producers'",
            Some(_) | None => "the producers' times instead of the broker's",
        };
        let text = format!(
            "new records get {whose}, old ones keep theirs: retention and reading by time go by both"
        );
        Finding::of(Harm::Medium, [text])
    },
};

pub(super) const COMPRESSION: Rule = Rule {
    code: Code::TopicCompressionChanged,
    field: "config.compression.type",
    when_empty: Harm::Low,
    wants: &[Want::Readers],
    foretold: None,
    applies: |turn| {
        let is_packed = |word: &str| !["producer", "uncompressed"].contains(&word);
        let after = turn.text(After, "compression.type");
        after.is_some_and(is_packed) && differs(turn, "compression.type")
    },
    find: |turn, seen| {
        let first = format!(
            "the broker packs anew what comes packed otherwise, and every consumer must know `{}`",
            turn.said(After, "compression.type")
        );
        let readers = seen.readers.at_work(turn.name());
        Finding::of(Harm::Medium, std::iter::once(first).chain(readers))
    },
};

/// Whether a config gets another value than was in force.
fn differs(turn: &Turn, key: &str) -> bool {
    turn.text(Before, key) != turn.text(After, key)
}

fn largest(seen: &Seen) -> Result<u64, String> {
    let samples = seen.samples.as_ref().map_err(String::clone)?;
    let largest = samples.values().map(|sample| sample.largest_batch).max();
    let largest = largest.filter(|largest| *largest > 0);
    largest.ok_or_else(|| "none could be looked at".to_owned())
}
