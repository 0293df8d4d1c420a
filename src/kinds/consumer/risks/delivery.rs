//! How a consumer delivers, for how long it lives, and where its position is kept.

use super::scene::{Position, Scene};
use super::{Rule, Turn};
use crate::kinds::consumer::losses::Retention;
use crate::kinds::foretold::Foretold;
use crate::kinds::loss::Finding;
use crate::kinds::stream::Said;
use crate::model::unit::Unit;
use crate::model::{Code, Harm, counted};

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: Code::ConsumerMaxDeliverLowered,
        fields: &["max_deliver"],
        fires: |turn| is_lowered(turn, "max_deliver"),
        looks_at_subjects: false,
        foretold: None,
        find: max_deliver,
    },
    Rule {
        code: Code::ConsumerAckWaitShortened,
        fields: &["ack_wait", "backoff"],
        fires: |turn| wait(&turn.next) < wait(&turn.live),
        looks_at_subjects: false,
        foretold: None,
        find: ack_wait,
    },
    Rule {
        code: Code::ConsumerInactiveThresholdSet,
        fields: &["inactive_threshold"],
        fires: |turn| is_lowered(turn, "inactive_threshold"),
        looks_at_subjects: false,
        foretold: Some(|turn| {
            let says = format!(
                "it is deleted, and its position with it, {} after its last client is gone",
                idle(turn)
            );
            Foretold::of(says)
        }),
        find: inactive,
    },
    Rule {
        code: Code::ConsumerMaxAckPendingLowered,
        fields: &["max_ack_pending"],
        fires: |turn| is_lowered(turn, "max_ack_pending"),
        looks_at_subjects: false,
        foretold: None,
        find: max_ack_pending,
    },
    Rule {
        code: Code::ConsumerDeliveryChanged,
        fields: &["deliver_subject", "deliver_group"],
        fires: |_| true,
        looks_at_subjects: false,
        foretold: None,
        find: |scene| {
            scene.by_position(Harm::High, |position| {
                let harm = if position.clients > 0 {
                    Harm::High
                } else {
                    Harm::Medium
                };
                let who = if position.clients > 0 {
                    "somebody listens there now"
                } else {
                    "nobody listens there now"
                };
                Finding::keeping(harm, format!("{who}; {}", told_left(position)))
            })
        },
    },
    Rule {
        code: Code::ConsumerPullLimited,
        fields: &["max_batch"],
        fires: |turn| is_lowered(turn, "max_batch"),
        looks_at_subjects: false,
        foretold: None,
        find: |scene| while_pulled(scene, "a pull for more messages is refused"),
    },
    Rule {
        code: Code::ConsumerPullLimited,
        fields: &["max_expires"],
        fires: |turn| is_lowered(turn, "max_expires"),
        looks_at_subjects: false,
        foretold: None,
        find: |scene| while_pulled(scene, "a pull that would wait for longer is refused"),
    },
    Rule {
        code: Code::ConsumerPullLimited,
        fields: &["max_bytes"],
        fires: |turn| is_lowered(turn, "max_bytes"),
        looks_at_subjects: false,
        foretold: None,
        find: |scene| while_pulled(scene, "a pull for more bytes is refused"),
    },
    Rule {
        code: Code::ConsumerPriorityChanged,
        fields: &["priority_policy", "priority_groups"],
        fires: |_| true,
        looks_at_subjects: false,
        foretold: None,
        find: |scene| {
            while_pulled(
                scene,
                "a pull must name one of the groups, where there are some",
            )
        },
    },
    Rule {
        code: Code::ConsumerHeadersOnly,
        fields: &["headers_only"],
        fires: |turn| Said(&turn.next).is_on("headers_only"),
        looks_at_subjects: false,
        foretold: None,
        find: |scene| {
            scene.by_position(Harm::Medium, |position| {
                Finding::keeping(
                    Harm::Medium,
                    format!("{}: they come without payload", told_left(position)),
                )
            })
        },
    },
    Rule {
        code: Code::ConsumerPaused,
        fields: &["pause_until"],
        fires: |turn| Said(&turn.next).word("pause_until").is_some(),
        looks_at_subjects: false,
        foretold: None,
        find: |scene| {
            let until = scene.next().word("pause_until").unwrap_or_default();
            scene.by_position(Harm::Medium, |position| {
                let words = format!(
                    "{}; nothing is delivered until {until}, if that is to come",
                    told_left(position)
                );
                Finding::keeping(Harm::Medium, words)
            })
        },
    },
    Rule {
        code: Code::ConsumerReplicasLowered,
        fields: &["num_replicas"],
        fires: |turn| {
            let before = Said(&turn.live).limit("num_replicas");
            before.is_some() && is_lowered(turn, "num_replicas")
        },
        looks_at_subjects: false,
        foretold: None,
        find: |scene| {
            let count = scene.next().limit("num_replicas").unwrap_or_default();
            Finding::keeping(
                Harm::Medium,
                format!("its position is on {count} of the stream's servers"),
            )
        },
    },
];

/// Whether a limit limits more than before.
fn is_lowered(turn: &Turn, field: &str) -> bool {
    let (before, after) = (Said(&turn.live).limit(field), Said(&turn.next).limit(field));
    after.is_some_and(|after| before.is_none_or(|before| after < before))
}

/// After how many nanoseconds a message is delivered again for the first time; 30s where nobody says
/// (`JsAckWaitDefault`, nats-server).
fn wait(fields: &crate::model::Flat) -> i64 {
    let said = Said(fields);
    let first = said
        .items("backoff")
        .first()
        .and_then(serde_json::Value::as_i64);
    first.or(said.limit("ack_wait")).unwrap_or(30_000_000_000)
}

fn told_left(position: &Position) -> String {
    let standing = &position.standing;
    crate::kinds::stream::left(standing.pending, standing.unacknowledged)
}

/// What was delivered as often as that already; delivered once is all that is out.
fn max_deliver(scene: &Scene) -> Finding {
    let limit = scene.next().limit("max_deliver").unwrap_or_default();
    scene.by_position(Harm::High, |position| {
        let out = match limit {
            1 => position.standing.unacknowledged,
            _ => position.redelivered,
        };
        let what = counted(out, "message");
        match (out, limit) {
            (0, _) => Finding::keeping(Harm::Low, "no message was delivered as often without being acknowledged"),
            (_, 1) => Finding::keeping(Harm::High, format!("{what} out unacknowledged: they are not delivered again")),
            _ => Finding::keeping(Harm::High, format!("{what} delivered more than once and unacknowledged: those that came as often are not delivered again")),
        }
    })
}

fn ack_wait(scene: &Scene) -> Finding {
    scene.by_position(Harm::High, |position| {
        match position.standing.unacknowledged {
            0 => Finding::keeping(Harm::Low, "no message is out unacknowledged"),
            out => Finding::keeping(
                Harm::High,
                format!(
                    "{} out unacknowledged: what takes its client longer is delivered again",
                    counted(out, "message")
                ),
            ),
        }
    })
}

fn idle(turn: &Turn) -> String {
    let threshold = Said(&turn.next).limit("inactive_threshold");
    Unit::Nanos.format(threshold.unwrap_or_default())
}

/// It is deleted where nobody is there; what only it held goes with it on a stream that keeps by interest.
fn inactive(scene: &Scene) -> Finding {
    let after = idle(&scene.turn);
    scene.by_position(Harm::High, |position| {
        let waits = told_left(position);
        if position.clients > 0 {
            let words = format!(
                "{waits}; a client is there now; {after} after the last one is gone, it is deleted"
            );
            return Finding::keeping(Harm::Medium, words);
        }
        let at_stake = match &scene.retention {
            Ok(Retention::Limits | Retention::WorkQueue) => Some(0),
            Ok(Retention::Interest) => Some(position.standing.left()),
            Err(_) => None,
        };
        let drops = at_stake != Some(0);
        let lost = match &scene.retention {
            Ok(Retention::Interest) if drops => {
                ", and its stream drops with it what no other consumer holds"
            }
            Ok(_) | Err(_) => "",
        };
        let evidence = format!(
            "{waits}; no client is there now: it is deleted after {after}, unless one comes{lost}"
        );
        Finding {
            harm: if drops { Harm::Critical } else { Harm::High },
            evidence,
            at_stake,
        }
    })
}

fn max_ack_pending(scene: &Scene) -> Finding {
    let limit = scene
        .next()
        .limit("max_ack_pending")
        .and_then(|limit| u64::try_from(limit).ok());
    scene.by_position(Harm::Medium, |position| {
        let out = position.standing.unacknowledged;
        match limit.is_some_and(|limit| out >= limit) {
            true => Finding::keeping(
                Harm::Medium,
                format!(
                    "{} out unacknowledged: nothing more is delivered until some are acknowledged",
                    counted(out, "message")
                ),
            ),
            false => Finding::keeping(Harm::Low, "fewer messages are out unacknowledged"),
        }
    })
}

fn while_pulled(scene: &Scene, words: &str) -> Finding {
    scene.by_position(Harm::Medium, |position| match position.clients {
        0 => Finding::keeping(Harm::Low, format!("{words}; no client waits now")),
        clients => Finding::keeping(
            Harm::Medium,
            format!(
                "{words}; {} now",
                match clients {
                    1 => "1 pull waits".to_owned(),
                    many => format!("{many} pulls wait"),
                }
            ),
        ),
    })
}
