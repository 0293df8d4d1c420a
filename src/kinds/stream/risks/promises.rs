//! What publishers and readers were promised.

use super::limits::{is_lowered, switches_on};
use super::scene::Scene;
use super::{Need, Rule};
use crate::kinds::foretold::Foretold;
use crate::kinds::loss::{Finding, unread};
use crate::kinds::stream::change::StreamChange;
use crate::kinds::stream::said::Said;
use crate::model::{Code, Harm, counted, grouped};

const SEALED: &str = "nothing comes and nothing goes from then on, for good";
const NO_DELETE: &str = "no single message can be deleted any more, for good";
const NO_PURGE: &str = "it can't be purged any more, for good";

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: Code::StreamSealed,
        fields: &["sealed"],
        fires: |change| switches_on(change, "sealed"),
        needs: &[],
        foretold: Some(|_| Foretold::of(format!("`sealed`: {SEALED}"))),
        find: |scene| {
            let holds = match &scene.held {
                Ok(held) => format!("holds {}", counted(held.messages, "message")),
                Err(why) => unread("how many messages it holds", why),
            };
            Finding::keeping(Harm::High, format!("{holds}; {SEALED}"))
        },
    },
    Rule {
        code: Code::StreamDenySet,
        fields: &["deny_delete"],
        fires: |change| switches_on(change, "deny_delete"),
        needs: &[],
        foretold: Some(|_| Foretold::of(format!("`deny_delete`: {NO_DELETE}"))),
        find: |scene| denied(scene, NO_DELETE),
    },
    Rule {
        code: Code::StreamDenySet,
        fields: &["deny_purge"],
        fires: |change| switches_on(change, "deny_purge"),
        needs: &[],
        foretold: Some(|_| Foretold::of(format!("`deny_purge`: {NO_PURGE}"))),
        find: |scene| denied(scene, NO_PURGE),
    },
    Rule {
        code: Code::StreamMessageSizeLowered,
        fields: &["max_msg_size"],
        fires: |change| is_lowered(change, "max_msg_size"),
        needs: &[Need::Sizes],
        foretold: None,
        find: message_size,
    },
    Rule {
        code: Code::StreamAcksChanged,
        fields: &["no_ack"],
        fires: |change| is_switched(change, "no_ack"),
        needs: &[],
        foretold: None,
        find: |scene| match scene.next().is_on("no_ack") {
            true => Finding::keeping(
                scene.unless_unused(Harm::High),
                "publishers that wait for an answer get none from then on",
            ),
            false => Finding::keeping(
                scene.unless_unused(Harm::Medium),
                "whoever publishes with a reply subject is answered by the stream from then on",
            ),
        },
    },
    Rule {
        code: Code::StreamDuplicateWindowShortened,
        fields: &["duplicate_window"],
        fires: |change| is_shorter(change, "duplicate_window"),
        needs: &[],
        foretold: None,
        find: |scene| {
            Finding::keeping(
                scene.unless_unused(Harm::Medium),
                "what a publisher sends again after that is kept twice",
            )
        },
    },
    Rule {
        code: Code::StreamSwitchedOff,
        fields: &["allow_direct"],
        fires: |change| switches_off(change, "allow_direct"),
        needs: &[],
        foretold: None,
        find: |scene| {
            off(
                scene,
                "reads of single messages (`DIRECT.GET`) get no answer",
            )
        },
    },
    Rule {
        code: Code::StreamSwitchedOff,
        fields: &["mirror_direct"],
        fires: |change| switches_off(change, "mirror_direct"),
        needs: &[],
        foretold: None,
        find: |scene| off(scene, "it no longer answers such reads for its origin"),
    },
    Rule {
        code: Code::StreamSwitchedOff,
        fields: &["allow_rollup_hdrs"],
        fires: |change| switches_off(change, "allow_rollup_hdrs"),
        needs: &[],
        foretold: None,
        find: |scene| {
            off(
                scene,
                "messages that replace earlier ones (`Nats-Rollup`) are refused",
            )
        },
    },
    Rule {
        code: Code::StreamSwitchedOff,
        fields: &["allow_atomic"],
        fires: |change| switches_off(change, "allow_atomic"),
        needs: &[],
        foretold: None,
        find: |scene| off(scene, "atomic batches are refused"),
    },
    Rule {
        code: Code::StreamSwitchedOff,
        fields: &["allow_batched"],
        fires: |change| switches_off(change, "allow_batched"),
        needs: &[],
        foretold: None,
        find: |scene| off(scene, "batches are refused"),
    },
];

fn is_switched(change: &StreamChange, field: &str) -> bool {
    Said(&change.live).is_on(field) != Said(&change.next).is_on(field)
}

fn switches_off(change: &StreamChange, field: &str) -> bool {
    is_switched(change, field) && !Said(&change.next).is_on(field)
}

/// Whether a span that is there before and after is shorter.
fn is_shorter(change: &StreamChange, field: &str) -> bool {
    let (before, after) = (
        Said(&change.live).limit(field),
        Said(&change.next).limit(field),
    );
    before
        .zip(after)
        .is_some_and(|(before, after)| after < before)
}

fn off(scene: &Scene<'_>, words: &str) -> Finding {
    Finding::keeping(scene.unless_unused(Harm::Medium), words)
}

/// An empty stream can be made anew without it, and every bucket of its template denies.
fn denied(scene: &Scene<'_>, words: &str) -> Finding {
    let is_empty = scene.held.as_ref().is_ok_and(|held| held.messages == 0);
    let harm = match is_empty || scene.is_bucket {
        true => Harm::Low,
        false => Harm::High,
    };
    Finding::keeping(harm, words)
}

fn message_size(scene: &Scene<'_>) -> Finding {
    let limit = scene
        .next()
        .limit("max_msg_size")
        .and_then(|limit| u64::try_from(limit).ok());
    let sizes = match &scene.sizes {
        Ok(sizes) => sizes,
        Err(why) => return Finding::keeping(Harm::High, unread("how large its messages are", why)),
    };
    let newest = match sizes.len() {
        0 => return Finding::keeping(Harm::Low, "it holds no messages"),
        1 => "its newest message".to_owned(),
        many => format!("its {many} newest messages"),
    };
    let largest = sizes.iter().max().copied().unwrap_or_default();
    let larger = sizes.iter().filter(|size| Some(**size) > limit).count();
    let seen = format!("the largest of {newest} has {} bytes", grouped(largest));
    match larger {
        0 => Finding::keeping(
            Harm::Medium,
            format!("{seen}; one that is larger than the limit is refused"),
        ),
        larger => Finding::keeping(
            Harm::High,
            format!("{seen}; {larger} of them would be refused from then on"),
        ),
    }
}
