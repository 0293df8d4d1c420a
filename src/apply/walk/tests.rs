use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use serde_json::json;

use super::*;
use crate::kinds::{Observations, Rehearsal, Surroundings};
use crate::model::{Harm, KindName, Problem, Refusal, Risk, Wanted};
use crate::plan::{Summary, Target};

/// A broker that notes what it is asked for, batch by batch.
#[derive(Default)]
struct Noted {
    notes: Mutex<Vec<String>>,
    surroundings: Surroundings,
    stop: Stop,
    /// The batch whose sending comes with a wish to stop.
    stops_at: usize,
    /// A topic that never shows.
    hidden: &'static str,
    /// Whether nothing is seen in time; a look shows all topics but the hidden one.
    stuck: bool,
    /// The batch that the broker does not live to answer.
    dies_at: usize,
    /// What a topic holds now.
    records: HashMap<&'static str, Option<u64>>,
}

impl Noted {
    fn note(&self, verb: &str, steps: &[&Step]) {
        let first = steps.first().map(|step| step.address.to_string());
        let note = format!("{verb} {} from {}", steps.len(), first.unwrap_or_default());
        self.notes().push(note);
    }

    fn notes(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_dead(&self) -> bool {
        self.dies_at > 0 && self.sent() >= self.dies_at
    }

    fn sent(&self) -> usize {
        let notes = self.notes();
        notes.iter().filter(|note| note.starts_with("send")).count()
    }
}

#[async_trait]
impl Port for Noted {
    fn targets(&self) -> Vec<Target> {
        Vec::new()
    }

    fn surroundings(&self) -> &Surroundings {
        &self.surroundings
    }

    async fn observe(&self, _: KindName, addresses: &[Address]) -> Observations {
        let seen = addresses.iter();
        if self.stuck {
            let shown = seen.filter(|address| address.name != self.hidden);
            return shown.map(|address| (address.clone(), live())).collect();
        }
        seen.filter(|_| self.is_dead())
            .map(|address| (address.clone(), Observed::Unreadable(gone())))
            .collect()
    }

    async fn rehearse(&self, _: KindName, _: &[&Step]) -> Rehearsal {
        Rehearsal::default()
    }

    async fn risks(&self, _: KindName, steps: &[&Step]) -> Vec<(Address, Vec<Risk>)> {
        let risky = steps.iter().filter_map(|step| {
            let at_stake = *self.records.get(step.address.name.as_str())?;
            let risk = Risk {
                at_stake,
                ..Risk::of(Code::TopicDeleted, Harm::Critical, "what is read now")
            };
            Some((step.address.clone(), vec![risk]))
        });
        risky.collect()
    }

    async fn carry_out(&self, _: KindName, steps: &[&Step]) -> Vec<(Address, Outcome)> {
        self.note("send", steps);
        if self.sent() == self.stops_at {
            self.stop.ask();
        }
        let outcome = match self.is_dead() {
            true => lost(),
            false => Outcome::Applied,
        };
        let taken = steps.iter();
        taken
            .map(|step| (step.address.clone(), outcome.clone()))
            .collect()
    }

    async fn see(&self, _: KindName, steps: &[&Step]) -> Vec<(Address, Outcome)> {
        self.note("see", steps);
        if self.stuck {
            std::future::pending::<()>().await;
        }
        let outcome = |step: &&Step| match step.address.name == self.hidden {
            true => Outcome::Unknown {
                why: "not visible".to_owned(),
            },
            false => Outcome::Applied,
        };
        let seen = steps.iter();
        seen.map(|step| (step.address.clone(), outcome(step)))
            .collect()
    }

    async fn list(&self, _: KindName, _: &dyn Wanted) -> Result<Vec<Address>, Problem> {
        Ok(Vec::new())
    }
}

fn gone() -> Problem {
    Problem::error(Code::Unreachable, "it is frozen")
}

fn live() -> Observed {
    Observed::Present(crate::kinds::Live {
        fields: Default::default(),
        raw: Default::default(),
        incarnation: None,
        inherited: Default::default(),
    })
}

struct Nobody;

impl Watch for Nobody {
    fn started(&self, _: &[&Address]) {}
    fn finished(&self, _: &Address, _: &Outcome) {}
}

fn plan_of(topics: usize, more: &[(&str, &str)]) -> Plan {
    let step = |address: String, rests_on: &[&str]| json!({ "address": address, "action": "create", "base": {}, "rests_on": rests_on });
    let mut steps: Vec<_> = (0..topics)
        .map(|number| step(format!("topic/t{number}"), &[]))
        .collect();
    let more = more.iter();
    steps.extend(more.map(|(address, origin)| step((*address).to_owned(), &[origin])));
    let plan = json!({
        "format_version": "1.0", "tool_version": "0", "stack": "s", "manifest_digest": "",
        "targets": [], "complete": true, "applyable": true, "steps": steps,
        "summary": Summary::default(),
    });
    serde_json::from_value(plan).unwrap()
}

/// Nobody watches, and there is no ledger.
async fn applied(plan: &Plan, port: &Noted) -> Vec<Done> {
    let now = Timestamp::default;
    apply(plan, port, &Nobody, &port.stop, None, now).await
}

#[tokio::test]
async fn a_batch_is_sent_while_the_one_before_becomes_visible() {
    let port = Noted::default();
    let done = applied(&plan_of(2_400, &[]), &port).await;
    assert!(done.iter().all(|done| done.outcome == Outcome::Applied));
    assert_eq!(
        *port.notes(),
        [
            "send 1000 from topic/t0",
            "send 1000 from topic/t1000",
            "see 1000 from topic/t0",
            "send 400 from topic/t2000",
            "see 1000 from topic/t1000",
            "see 400 from topic/t2000",
        ]
    );
}

#[tokio::test]
async fn after_a_wish_to_stop_what_was_sent_is_seen_and_nothing_is_sent() {
    let port = Noted {
        stops_at: 1,
        ..Noted::default()
    };
    let done = applied(&plan_of(2_400, &[]), &port).await;
    assert_eq!(
        *port.notes(),
        ["send 1000 from topic/t0", "see 1000 from topic/t0"]
    );
    let applied = done.iter().filter(|done| done.outcome == Outcome::Applied);
    assert_eq!(applied.count(), 1_000);
    assert!(matches!(done[1_000].outcome, Outcome::NotAttempted { .. }));
}

#[tokio::test]
async fn a_broker_that_is_known_to_be_gone_is_asked_nothing_more() {
    let port = Noted {
        dies_at: 2,
        ..Noted::default()
    };
    let plan = plan_of(3_400, &[("acl/b", "topic/t0")]);
    let done = applied(&plan, &port).await;
    assert_eq!(
        *port.notes(),
        [
            "send 1000 from topic/t0",
            "send 1000 from topic/t1000",
            "see 1000 from topic/t0",
        ]
    );
    assert_eq!(done[1_000].outcome, lost());
    for not_sent in &done[2_000..] {
        assert!(
            matches!(&not_sent.outcome, Outcome::NotAttempted { because } if because.contains("no longer answers")),
            "{not_sent:?}"
        );
    }
}

#[tokio::test]
async fn what_a_broker_took_that_is_gone_is_not_waited_for() {
    let port = Noted::default();
    let plan = plan_of(1, &[]);
    let board = Board::default();
    let track = Track {
        board: &board,
        plan: &plan,
        port: &port,
        watch: &Nobody,
        stop: &port.stop,
        kept: None,
        now: Timestamp::default,
    };
    let steps: Vec<&Step> = plan.steps.iter().collect();
    let seen = track.see(&steps, true).await;
    assert_eq!(seen, [("topic/t0".parse().unwrap(), unseen())]);
    assert!(port.notes().is_empty());
}

#[tokio::test]
async fn what_is_in_flight_too_long_after_a_wish_to_stop_is_looked_at_once() {
    let port = Noted {
        stops_at: 1,
        stuck: true,
        hidden: "t7",
        ..Noted::default()
    };
    let begin = std::time::Instant::now();
    let done = applied(&plan_of(2_400, &[]), &port).await;
    assert!(begin.elapsed() >= IN_FLIGHT);
    assert_eq!(done[0].outcome, Outcome::Applied);
    assert!(matches!(done[7].outcome, Outcome::Unknown { .. }));
    let applied = done.iter().filter(|done| done.outcome == Outcome::Applied);
    assert_eq!(applied.count(), 999);
    assert!(matches!(done[1_000].outcome, Outcome::NotAttempted { .. }));
}

#[tokio::test]
async fn what_rests_on_something_that_never_shows_is_not_sent() {
    let port = Noted {
        hidden: "t1",
        ..Noted::default()
    };
    let plan = plan_of(2, &[("acl/a", "topic/t1"), ("acl/b", "topic/t0")]);
    let done = applied(&plan, &port).await;
    assert!(matches!(done[1].outcome, Outcome::Unknown { .. }));
    assert!(matches!(done[2].outcome, Outcome::NotAttempted { .. }));
    assert_eq!(done[3].outcome, Outcome::Applied);
}

/// A plan that deletes these topics, each approved for 10 records until the end of 2026.
fn plan_of_deletes(topics: &[&str]) -> Plan {
    let approval = |topic: &&str| {
        json!({
            "risk": "topic-deleted", "address": format!("topic/{topic}"), "max": 10,
            "terms": { "reason": "T", "expires": "2026-12-31", "source": { "file": "a.yaml", "line": 1 } },
        })
    };
    let mut plan = plan_of(0, &[]);
    plan.approvals = serde_json::from_value(topics.iter().map(approval).collect()).unwrap();
    plan.steps = topics
        .iter()
        .map(|topic| Step::of(Address::new(KindName::Topic, *topic), Action::Delete))
        .collect();
    plan
}

async fn why_not(port: &Noted, topics: &[&str], now: fn() -> Timestamp) -> Vec<String> {
    let plan = plan_of_deletes(topics);
    let done = apply(&plan, port, &Nobody, &port.stop, None, now).await;
    let because = done.into_iter().map(|done| match done.outcome {
        Outcome::NotAttempted { because } => because,
        other => format!("{other:?}"),
    });
    because.collect()
}

#[tokio::test]
async fn what_grew_beyond_its_bound_is_not_sent_and_the_others_are() {
    let port = Noted {
        records: [("grew", Some(11)), ("still", Some(10)), ("unread", None)].into(),
        ..Noted::default()
    };
    let told = why_not(&port, &["grew", "still", "unread"], Timestamp::default).await;
    let approval = "topic-deleted since the plan was made: what is read now; approval a.yaml:1 (T, until 2026-12-31) does not hold";
    assert_eq!(
        told,
        [
            format!("{approval}: 11 records are at stake, more than its bound of 10"),
            "Applied".to_owned(),
            format!(
                "{approval}: it is bounded to 10, and nobody knows how many records are at stake"
            ),
        ]
    );
}

#[tokio::test]
async fn an_approval_that_ended_since_holds_no_longer() {
    let port = Noted {
        records: [("still", Some(10))].into(),
        ..Noted::default()
    };
    let late = || Timestamp::from_second(1_798_761_600).unwrap_or_default();
    let told = why_not(&port, &["still"], late).await;
    assert!(
        told.iter()
            .all(|why| why.ends_with("it ended with 2026-12-31")),
        "{told:?}"
    );
    assert_eq!(*port.notes(), Vec::<String>::new());
}

/// What becomes of an ACL that goes while another one, which is to be made, is blocked.
async fn gone_beside(unmade: &str, gone: &str) -> Outcome {
    let mut plan = plan_of(0, &[]);
    let step = |acl: &str, action| Step::of(format!("acl/{acl}").parse().unwrap(), action);
    let blocked = Refusal::new(Code::LockOut, "it is blocked", "leave it out");
    plan.steps = vec![
        step(unmade, Action::Create).refused(blocked),
        step("User:other/allow/read/topic/literal/x/*", Action::Create),
        step(gone, Action::Delete),
    ];
    let port = Noted::default();
    let done = applied(&plan, &port).await;
    assert_eq!(done[1].outcome, Outcome::Applied);
    done[2].outcome.clone()
}

#[tokio::test]
async fn a_deny_stays_until_what_takes_its_place_stands() {
    let gone = "User:app/deny/read/topic/literal/secret-x/*";
    for unmade in [
        "User:app/deny/read/topic/prefixed/secret-/*",
        "User:*/deny/all/topic/literal/*/*",
    ] {
        let because = format!("`acl/{unmade}` was not applied, which may be to take its place");
        assert_eq!(
            gone_beside(unmade, gone).await,
            Outcome::NotAttempted { because }
        );
    }
    for unrelated in [
        "User:app/allow/read/topic/prefixed/secret-/*",
        "User:intern/deny/read/topic/prefixed/secret-/*",
        "User:app/deny/read/topic/literal/prod-x/*",
    ] {
        assert_eq!(
            gone_beside(unrelated, gone).await,
            Outcome::Applied,
            "{unrelated}"
        );
    }
}

#[tokio::test]
async fn an_allow_stays_until_what_takes_its_place_stands_and_waits_for_no_deny() {
    let gone = "User:txn/allow/write/transactional_id/literal/txn-1/*";
    let unmade = "User:txn/allow/all/transactional_id/prefixed/txn-/*";
    let because = format!("`acl/{unmade}` was not applied, which may be to take its place");
    assert_eq!(
        gone_beside(unmade, gone).await,
        Outcome::NotAttempted { because }
    );
    for unrelated in [
        "User:intern/deny/read/topic/literal/prod-x/*",
        "User:txn/deny/write/transactional_id/literal/txn-1/*",
        "User:txn/allow/write/topic/literal/txn-1/*",
    ] {
        assert_eq!(
            gone_beside(unrelated, gone).await,
            Outcome::Applied,
            "{unrelated}"
        );
    }
}

#[tokio::test]
async fn a_deny_stays_while_the_right_that_it_denies_does() {
    let mut plan = plan_of(0, &[]);
    let gone = |acl: &str| Step::of(format!("acl/{acl}").parse().unwrap(), Action::Delete);
    let blocked = Refusal::new(Code::Protected, "it is protected", "let go of it");
    plan.steps = vec![
        gone("User:app/deny/read/topic/literal/secret-x/*"),
        gone("User:app/deny/read/topic/literal/other/*"),
        gone("User:app/allow/read/topic/prefixed/secret-/*").refused(blocked),
    ];
    let done = applied(&plan, &Noted::default()).await;
    let because =
        "`acl/User:app/allow/read/topic/prefixed/secret-/*` stays, and this denies some of it"
            .to_owned();
    assert_eq!(done[0].outcome, Outcome::NotAttempted { because });
    assert_eq!(done[1].outcome, Outcome::Applied);
}
