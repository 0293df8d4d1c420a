//! On how many servers a stream is, and which.

use super::Rule;
use super::limits::is_lowered;
use super::scene::Scene;
use crate::kinds::foretold::Foretold;
use crate::kinds::loss::{Finding, unread};
use crate::kinds::stream::change::StreamChange;
use crate::kinds::stream::said::Said;
use crate::model::{Code, Harm, counted, rough_size};

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: Code::StreamReplicasLowered,
        fields: &["num_replicas"],
        fires: |change| is_lowered(change, "num_replicas") && replicas(change).0 > 1,
        needs: &[],
        foretold: None,
        find: fewer,
    },
    Rule {
        code: Code::StreamReplicasEven,
        fields: &["num_replicas"],
        fires: |change| replicas(change).1 % 2 == 0,
        needs: &[],
        foretold: Some(|change| Foretold::of(even(change))),
        find: |scene| Finding::keeping(Harm::Medium, even(&scene.change)),
    },
    Rule {
        code: Code::StreamMoved,
        fields: &["num_replicas"],
        fires: |change| replicas(change).1 > replicas(change).0,
        needs: &[],
        foretold: None,
        find: moved,
    },
    Rule {
        code: Code::StreamMoved,
        fields: &["placement.cluster", "placement.tags"],
        fires: |change| Said(&change.next).has_under("placement"),
        needs: &[],
        foretold: None,
        find: moved,
    },
];

/// Before and after.
fn replicas(change: &StreamChange) -> (i64, i64) {
    let of = |said: Said<'_>| said.limit("num_replicas").unwrap_or(1);
    (of(Said(&change.live)), of(Said(&change.next)))
}

fn even(change: &StreamChange) -> String {
    let count = replicas(change).1;
    format!(
        "{count} replicas stand the loss of no more servers than {} do",
        count - 1
    )
}

fn fewer(scene: &Scene<'_>) -> Finding {
    let is_empty = scene.held.as_ref().is_ok_and(|held| held.messages == 0);
    let holds = match &scene.held {
        Ok(held) => format!("holds {}", counted(held.messages, "message")),
        Err(why) => unread("how many messages it holds", why),
    };
    match replicas(&scene.change).1 {
        1 => Finding::keeping(
            if is_empty { Harm::Medium } else { Harm::High },
            format!("{holds}; from then on each is on one server, and gone when that is"),
        ),
        count => Finding::keeping(
            if is_empty { Harm::Low } else { Harm::Medium },
            format!("{holds}; from then on each is on {count} servers"),
        ),
    }
}

fn moved(scene: &Scene<'_>) -> Finding {
    match &scene.held {
        Ok(held) if held.messages == 0 => Finding::keeping(Harm::Low, "holds no messages"),
        Ok(held) => {
            let what = counted(held.messages, "message");
            Finding::keeping(
                Harm::Medium,
                format!(
                    "{what} ({}) are copied to other servers",
                    rough_size(held.bytes)
                ),
            )
        }
        Err(why) => Finding::keeping(
            Harm::Medium,
            unread("how much is copied to other servers", why),
        ),
    }
}
