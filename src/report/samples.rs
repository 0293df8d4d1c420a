//! Plans made by hand, for the tests of the screens.

use serde_json::{Value, json};

use crate::apply::Done;
use crate::model::{Action, Address, Change, Code, Outcome, Refusal, Source, Step};
use crate::plan::{FORMAT_VERSION, Plan, PlanProblem, Summary, Target, UndeclaredField};

pub(crate) fn step(address: &str, action: Action, line: u32) -> Step {
    Step {
        source: Some(Source {
            file: "platform.yaml".into(),
            line,
        }),
        ..Step::of(address.parse::<Address>().unwrap(), action)
    }
}

pub(crate) fn change(field: &str, before: Value, after: Value) -> Change {
    let some = |value: Value| (!value.is_null()).then_some(value);
    Change {
        field: field.into(),
        before: some(before),
        after: some(after),
        note: None,
    }
}

/// A plan with these steps, its counts made up from them.
pub(crate) fn of(steps: Vec<Step>, unchanged: usize) -> Plan {
    let count = |action| steps.iter().filter(|s| s.action == action).count();
    let open = |s: &&Step| s.action != Action::Unread && s.is_open();
    let summary = Summary {
        create: count(Action::Create),
        update: count(Action::Update),
        replace: count(Action::Replace),
        delete: count(Action::Delete),
        adopt: count(Action::Adopt),
        forget: count(Action::Forget),
        unread: count(Action::Unread),
        unchanged,
        blocked: steps
            .iter()
            .filter(|s| s.action != Action::Unread && !s.is_open())
            .count(),
    };
    Plan {
        format_version: FORMAT_VERSION.into(),
        tool_version: "0.1.0".into(),
        stack: "events-platform".into(),
        manifest_digest: "sha256:00".into(),
        made_by: None,
        ledger: None,
        targets: vec![
            Target::Nats {
                url: "nats://127.0.0.1:4222".into(),
                version: "2.15.0".into(),
                account: Some("$G".into()),
                cluster: None,
                domain: None,
            },
            Target::Kafka {
                bootstrap: "127.0.0.1:9092".into(),
                cluster_id: "MkU3OEVBNTcwNTJENDM2Qk".into(),
            },
        ],
        complete: summary.unread == 0,
        applyable: steps.iter().filter(open).count() > 0,
        summary,
        steps,
        problems: Vec::new(),
        undeclared: Vec::new(),
        approvals: Vec::new(),
        plan_digest: "sha256:11".into(),
    }
}

/// One of everything.
pub(crate) fn mixed() -> Plan {
    let mut steps = vec![
        created_stream(),
        changed_stream(),
        replaced_consumer(),
        changed_topic(),
    ];
    for operation in ["write", "describe"] {
        let address = format!("acl/User:bridge/allow/{operation}/topic/literal/analytics-events/*");
        let mut acl = step(&address, Action::Create, 47);
        acl.required_by = Some("topic/analytics-events".parse().unwrap());
        acl.changes = vec![change("principal", Value::Null, json!("User:bridge"))];
        steps.push(acl);
    }
    steps.push(step(
        "acl/User:ops/allow/describe/topic/literal/*/*",
        Action::Create,
        60,
    ));
    steps.push(step("topic/orders", Action::Unread, 52));
    let mut plan = of(steps, 214);
    plan.problems = vec![PlanProblem {
        code: Code::Denied,
        message: "needs DESCRIBE on topic/orders".into(),
        address: Some("topic/orders".parse().unwrap()),
        source: None,
        hint: Some("grant it to `User:trueup`, or leave the topic out".into()),
    }];
    plan.undeclared = vec![UndeclaredField {
        address: "topic/analytics-events".parse().unwrap(),
        field: "config.segment.bytes".into(),
        value: json!("64MiB"),
        unknown: false,
    }];
    plan
}

/// A live value in a field that this version does not know.
pub(crate) fn of_a_newer_server() -> UndeclaredField {
    UndeclaredField {
        address: "stream/A".parse().unwrap(),
        field: "of_a_newer_server".into(),
        value: json!({ "deep": ["x y"] }),
        unknown: true,
    }
}

fn created_stream() -> Step {
    let mut made = step("stream/NOTIFICATIONS", Action::Create, 22);
    made.changes = vec![
        change("subjects", Value::Null, json!(["notifications.>"])),
        change("max_age", Value::Null, json!("2d")),
        change("placement.cluster", Value::Null, json!("eu-central")),
    ];
    made
}

fn changed_stream() -> Step {
    let mut changed = step("stream/EVENTS", Action::Update, 14);
    changed.unchanged = 6;
    let subjects = |last: &str| {
        let mut all: Vec<String> = (0..12).map(|n| format!("events.service-{n}.>")).collect();
        all.push(last.to_owned());
        json!(all)
    };
    changed.changes = vec![
        change("storage", json!("file"), json!("memory")),
        change("subjects", subjects("events.old"), subjects("events.new")),
        change(
            "description",
            json!(
                "everything that the shop tells the world about orders, in the order it happened"
            ),
            json!(
                "everything that the shop tells the world about orders and returns, as it happened"
            ),
        ),
        change("max_msgs_per_subject", json!(1000), Value::Null),
    ];
    changed.refusals = vec![
        Refusal::new(
            Code::Immutable,
            "`storage` can't change after creation",
            "make a new stream beside it that sources this one, move the consumers, then retire this one",
        )
        .field("storage"),
    ];
    changed.notes = vec!["the stream is sealed on 2 of 3 peers".into()];
    changed
}

fn replaced_consumer() -> Step {
    let mut replaced = step("consumer/EVENTS/search-indexer", Action::Replace, 18);
    replaced.changes = vec![change("deliver_policy", json!("all"), json!("new"))];
    replaced.refusals = vec![Refusal {
        code: Code::NeedsReplace,
        field: None,
        message: "the consumer would lose its position".into(),
        hint: None,
        origin: None,
    }];
    replaced
}

fn changed_topic() -> Step {
    let mut changed = step("topic/analytics-events", Action::Update, 41);
    changed.unchanged = 1;
    let mut pinned = change("config.min.insync.replicas", Value::Null, json!(2));
    pinned.note = Some("pin, = broker default".into());
    changed.changes = vec![
        change("config.retention.ms", json!("7d"), json!("1d")),
        pinned,
    ];
    changed
}

pub(crate) fn done(address: &str, action: Action, outcome: Outcome) -> Done {
    Done {
        address: address.parse().unwrap(),
        action,
        outcome,
    }
}
