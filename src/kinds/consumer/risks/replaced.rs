//! What it costs that a consumer is deleted and made anew.

use super::scene::{Position, Scene};
use crate::kinds::Delta;
use crate::kinds::consumer::losses::Retention;
use crate::kinds::consumer::replace;
use crate::kinds::loss::{Finding, risk as risk_of};
use crate::kinds::stream::Said;
use crate::model::{Code, Harm, Risk, counted};

/// No message is lost: some come twice, and clients have to begin anew.
pub(super) fn risk(scene: &Scene, deltas: &[Delta]) -> Risk {
    let reasons = replace::reasons(&scene.turn.live, deltas);
    let field = reasons.first().map(|delta| delta.path.clone());
    let is_of_start = |path: &str| path.starts_with("opt_start_") || path == "deliver_policy";
    let begins_elsewhere = reasons.iter().any(|delta| is_of_start(&delta.path));
    let finding = scene.by_position(Harm::High, |position| {
        let is_idle = again(scene, position) == 0
            && position.standing.pending == 0
            && position.standing.unacknowledged == 0
            && position.clients == 0;
        let harm = if is_idle { Harm::Low } else { Harm::High };
        let start = begins_elsewhere.then(|| "a start is for a consumer that is new".to_owned());
        let clauses = [
            Some(goes_on(scene, position)),
            start,
            Some(comes_again(scene, position)),
            left(scene, position),
            clients(position),
        ];
        Finding::of(harm, clauses.into_iter().flatten()).at_stake(0)
    });
    finding.risk(Code::ConsumerReplaced, field)
}

/// One that is deleted already.
pub(super) fn amid() -> Risk {
    let evidence = "it is deleted already, and its place is held: it goes on from there";
    risk_of(
        Code::ConsumerReplaced,
        Harm::Low,
        evidence.to_owned(),
        Some(0),
    )
}

fn is_work_queue(scene: &Scene) -> bool {
    scene.retention == Ok(Retention::WorkQueue)
}

/// What was acknowledged and comes again: a work queue holds nothing of it any longer.
fn again(scene: &Scene, position: &Position) -> u64 {
    match is_work_queue(scene) {
        true => 0,
        false => position.acknowledged_beyond,
    }
}

fn goes_on(scene: &Scene, position: &Position) -> String {
    match position.resumes_at {
        _ if is_work_queue(scene) => "it goes on with the first message that is left".to_owned(),
        Some(sequence) => format!("it goes on at sequence {sequence} of its stream"),
        None => "where it stands is not told".to_owned(),
    }
}

fn comes_again(scene: &Scene, position: &Position) -> String {
    let out = position.standing.unacknowledged;
    if Said(&scene.turn.live).word("ack_policy") == Some("none") {
        return "it acknowledges nothing, so that what was delivered counts as done".to_owned();
    }
    let unacknowledged =
        (out > 0).then(|| format!("{} out unacknowledged", counted(out, "message")));
    let beyond = again(scene, position);
    let at_most = if position.redelivered > 0 {
        "at most "
    } else {
        ""
    };
    let beyond = (beyond > 0).then(|| {
        format!(
            "{at_most}{} acknowledged out of order",
            counted(beyond, "message")
        )
    });
    let both: Vec<String> = unacknowledged.into_iter().chain(beyond).collect();
    match both.as_slice() {
        [] => "nothing is delivered twice".to_owned(),
        both => format!("{} come again", both.join(" and ")),
    }
}

fn left(scene: &Scene, position: &Position) -> Option<String> {
    let pending = position.standing.pending;
    let is_of_last = Said(&scene.turn.live).word("deliver_policy") == Some("last_per_subject");
    let how = if is_of_last {
        ", with all of each subject from there on"
    } else {
        ""
    };
    (pending > 0).then(|| format!("{} pending{how}", counted(pending, "message")))
}

fn clients(position: &Position) -> Option<String> {
    let verb = if position.clients == 1 { "is" } else { "are" };
    let clients = counted(position.clients, "client");
    (position.clients > 0).then(|| format!("{clients} {verb} told that it was deleted"))
}

#[cfg(test)]
mod tests {
    use super::super::tests::scene;
    use super::*;
    use serde_json::{Value, json};

    fn told(live: Value, change: Value, set: impl Fn(&mut Scene, &mut Position)) -> Risk {
        let mut scene = scene(live, json!({}));
        let mut position = scene.position.clone().unwrap();
        set(&mut scene, &mut position);
        scene.position = Ok(position);
        let change = change.as_object().unwrap().clone().into_iter();
        let deltas: Vec<Delta> = change
            .map(|(path, after)| Delta {
                path,
                before: None,
                after: Some(after),
            })
            .collect();
        risk(&scene, &deltas)
    }

    #[test]
    fn what_comes_again_and_who_is_there_is_told() {
        let busy = |_: &mut Scene, position: &mut Position| {
            position.resumes_at = Some(501);
            position.standing.unacknowledged = 12;
            position.standing.pending = 88;
            position.acknowledged_beyond = 3;
            position.clients = 1;
        };
        let policy = json!({ "max_deliver": 3, "ack_policy": "all" });
        let risk = told(json!({}), policy.clone(), busy);
        assert_eq!(
            (risk.harm, risk.at_stake, risk.field.as_deref()),
            (Harm::High, Some(0), Some("ack_policy"))
        );
        assert_eq!(
            risk.evidence,
            "it goes on at sequence 501 of its stream; 12 messages out unacknowledged and 3 messages acknowledged out of order \
             come again; 88 messages pending; 1 client is told that it was deleted"
        );
        let queue = told(json!({}), policy.clone(), |scene, position| {
            busy(scene, position);
            scene.retention = Ok(Retention::WorkQueue);
            position.clients = 0;
        });
        assert_eq!(
            queue.evidence,
            "it goes on with the first message that is left; 12 messages out unacknowledged come again; 88 messages pending"
        );
        let doubtful = told(json!({}), policy, |scene, position| {
            busy(scene, position);
            position.redelivered = 1;
        });
        assert!(
            doubtful
                .evidence
                .contains("and at most 3 messages acknowledged"),
            "{}",
            doubtful.evidence
        );
    }

    #[test]
    fn an_idle_one_costs_nothing_and_one_that_nobody_can_read_is_as_bad_as_a_busy_one() {
        let idle = told(
            json!({ "ack_policy": "none" }),
            json!({ "deliver_policy": "new" }),
            |_, position| {
                position.resumes_at = Some(7);
            },
        );
        assert_eq!(idle.harm, Harm::Low);
        assert_eq!(
            idle.evidence,
            "it goes on at sequence 7 of its stream; a start is for a consumer that is new; it acknowledges nothing, so that what was \
             delivered counts as done"
        );
        let mut dark = scene(json!({}), json!({}));
        dark.position = Err("needs a right".to_owned());
        let risk = risk(&dark, &[]);
        assert!(
            risk.blocks() && risk.evidence.contains("needs a right"),
            "{risk:?}"
        );
        assert!(!amid().blocks());
    }
}
