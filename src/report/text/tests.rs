use std::time::Instant;

use serde_json::{Value, json};

use super::{Drift, View, drift, outcomes, plan};
use crate::model::{Action, Code, Harm, Outcome, Refusal, Risk};
use crate::plan::PlanProblem;
use crate::report::samples::{change, done, mixed, of, of_a_newer_server, step};

fn bare(screen: &str) -> String {
    anstream::adapter::strip_str(screen).to_string()
}

fn view(width: usize) -> View<'static> {
    View {
        width,
        next: Some("trueup apply -f platform.yaml"),
    }
}

#[test]
fn a_plan_with_one_of_everything() {
    insta::assert_snapshot!(bare(&plan(&mixed(), &view(100))));
}

#[test]
fn a_narrow_terminal_gets_the_same_without_overlap() {
    let screen = bare(&plan(&mixed(), &view(50)));
    insta::assert_snapshot!(screen);
}

#[test]
fn lines_keep_within_a_very_narrow_terminal_but_for_words_and_commands() {
    let plan_of_all = mixed();
    for width in [40, 20] {
        let view = view(width);
        for screen in [
            plan(&plan_of_all, &view),
            drift(&plan_of_all, Drift::Strict, &view),
        ] {
            for line in bare(&screen).lines() {
                let fits = line.chars().count() <= width;
                let one_word = !line
                    .trim()
                    .trim_start_matches(['+', '~', '±', '?', '-', ' '])
                    .contains(' ');
                assert!(
                    fits || one_word || line.starts_with("Next: "),
                    "{width}: {line}"
                );
            }
        }
    }
}

#[test]
fn a_risk_stands_under_its_field_and_one_of_none_behind_them() {
    let mut lowered = step("stream/S", Action::Update, 1);
    lowered.changes = vec![
        change("max_age", json!("7d"), json!("1d")),
        change("max_msgs", json!(9), json!(5)),
    ];
    let risk = |field: Option<&str>, evidence: &str| Risk {
        field: field.map(str::to_owned),
        safer: Some("Wait.".to_owned()),
        ..Risk::of(Code::StreamAgeLowered, Harm::Critical, evidence)
    };
    lowered.risks = vec![risk(None, "of all"), risk(Some("max_age"), "of the age")];
    let screen = bare(&plan(&of(vec![lowered], 0), &view(100)));
    let shown = "
      ~ max_age             7d -> 1d
        ! critical stream-age-lowered: of the age
          → wait; or `--approve stream-age-lowered@stream/S`
      ~ max_msgs            9 -> 5
      ! critical stream-age-lowered: of all
        → wait; or `--approve stream-age-lowered@stream/S`
";
    assert!(screen.contains(shown), "{screen}");
}

#[test]
fn an_unread_resource_says_why_once_and_its_hint_reads_as_one() {
    let mut unread = step("topic/a", Action::Unread, 1);
    let way_out = Code::Denied.way_out();
    unread.refusals = vec![Refusal::new(Code::Denied, "no right", way_out)];
    let mut plan_of_it = of(vec![unread], 0);
    plan_of_it.problems = vec![PlanProblem {
        code: Code::Denied,
        message: "no right".into(),
        address: Some("topic/a".parse().unwrap()),
        source: None,
        hint: Some(way_out.into()),
    }];
    plan_of_it.complete = false;
    let screen = bare(&plan(&plan_of_it, &view(100)));
    assert_eq!(screen.matches("no right").count(), 1, "{screen}");
    let hint = "→ grant the right that the message names; `trueup doctor` lists them all\n";
    assert!(screen.contains(hint), "{screen}");
    assert!(screen.contains("Nothing could be compared."), "{screen}");
}

#[test]
fn a_plan_without_changes_says_so() {
    let view = View {
        width: 100,
        next: None,
    };
    insta::assert_snapshot!(bare(&plan(&of(Vec::new(), 214), &view)));
}

#[test]
fn text_without_colour_says_the_same_as_with_it() {
    let screen = plan(&mixed(), &view(100));
    assert!(screen.contains('\u{1b}'));
    assert!(bare(&screen).contains("! blocked immutable"));
}

#[test]
fn drift_shows_live_and_declared_side_by_side() {
    let plan = mixed();
    insta::assert_snapshot!(bare(&drift(&plan, Drift::Strict, &view(100))));
    let narrow = bare(&drift(&plan, Drift::Declared, &view(50)));
    insta::assert_snapshot!(narrow);
}

#[test]
fn no_drift_is_one_sentence() {
    let view = View {
        width: 100,
        next: None,
    };
    let plan = of(Vec::new(), 3);
    assert!(
        bare(&drift(&plan, Drift::Strict, &view))
            .contains("No drift. 3 resources are as declared.")
    );
    assert!(!Drift::Strict.is_in(&plan));
    assert!(!Drift::Declared.is_in(&plan));
}

#[test]
fn outcomes_tell_what_happened_and_why_not() {
    let plan = mixed();
    let all = vec![
        ("stream/NOTIFICATIONS", Action::Create, Outcome::Applied),
        (
            "topic/analytics-events",
            Action::Update,
            Outcome::Failed {
                why: "the broker says INVALID_CONFIG: `compression.type` can't be `brotli`; it takes uncompressed, zstd, lz4, snappy, gzip, producer".into(),
            },
        ),
        (
            "consumer/NOTIFICATIONS/mailer",
            Action::Create,
            Outcome::NotAttempted {
                because: "stream/NOTIFICATIONS failed".into(),
            },
        ),
        (
            "kv/sessions",
            Action::Create,
            Outcome::Unknown {
                why: "no answer within 10s".into(),
            },
        ),
    ]
    .into_iter()
    .map(|(address, action, outcome)| done(address, action, outcome))
    .collect::<Vec<_>>();
    insta::assert_snapshot!(bare(&outcomes(&plan, &all, &view(100))));
}

#[test]
fn a_reason_beside_a_long_address_has_a_line_of_its_own() {
    let address = "acl/User:bridge/allow/write/topic/literal/analytics-event/*";
    let why = "the broker says CLUSTER_AUTHORIZATION_FAILED: no right";
    let failed = Outcome::Failed { why: why.into() };
    let all = [done(address, Action::Create, failed)];
    let screen = bare(&outcomes(&of(Vec::new(), 0), &all, &view(100)));
    let lines: Vec<&str> = screen.lines().collect();
    assert_eq!(lines[0], format!("  failed  + {address}"), "{screen}");
    assert_eq!(lines[1], format!("    {why}"), "{screen}");
}

#[test]
fn of_many_that_were_applied_the_rest_is_counted() {
    let applied = |n| done(&format!("topic/t{n}"), Action::Create, Outcome::Applied);
    let of_so_many = |count| {
        let all: Vec<_> = (0..count).map(applied).collect();
        bare(&outcomes(&of(Vec::new(), 0), &all, &view(100)))
    };
    let twenty = of_so_many(20);
    assert!(
        !twenty.contains("more") && twenty.contains("topic/t19"),
        "{twenty}"
    );
    let many = of_so_many(25);
    assert!(many.contains("… and 5 more applied\n"), "{many}");
    assert!(!many.contains("topic/t20"), "{many}");
}

#[test]
fn a_reason_that_many_share_is_told_once() {
    let why = "no answer from the broker";
    let address = |n: u32| format!("topic/t{n}");
    let steps_of = |action: Action, code: Code| {
        let steps = (0..400).map(|n| {
            let mut blocked = step(&address(n), action, n);
            blocked.refusals = vec![Refusal::new(code, why, "ask for it")];
            blocked
        });
        of(steps.collect(), 0)
    };
    let failed = |n: u32| {
        done(
            &address(n),
            Action::Update,
            Outcome::Failed { why: why.into() },
        )
    };
    let failed: Vec<_> = (0..400).map(failed).collect();
    let blocked = steps_of(Action::Update, Code::Immutable);
    let unread = steps_of(Action::Unread, Code::Unreachable);
    for (screen, line) in [
        (
            plan(&blocked, &view(100)),
            "! blocked immutable: for the same reason as topic/t0\n",
        ),
        (
            plan(&unread, &view(100)),
            "    … and 395 more, all for one reason:\n",
        ),
        (
            drift(&blocked, Drift::Declared, &view(100)),
            "for the same reason as topic/t0\n",
        ),
        (
            outcomes(&blocked, &failed, &view(100)),
            "  … 395 more  for the same reason\n",
        ),
    ] {
        let screen = bare(&screen);
        assert_eq!(screen.matches(why).count(), 1, "{screen}");
        assert!(screen.contains(line), "{screen}");
    }
}

#[test]
fn text_over_several_lines_is_compared_line_by_line() {
    let mut changed = step("topic/a", Action::Update, 1);
    let text = |middle: &str| {
        let lines: Vec<_> = (0..20)
            .map(|n| {
                if n == 10 {
                    middle.to_owned()
                } else {
                    format!("line {n}")
                }
            })
            .collect();
        json!(lines.join("\n"))
    };
    changed.changes = vec![
        change("config.note", text("before"), text("after")),
        change("config.empty", json!(""), json!("a\u{1b}[31mb")),
        change(
            "config.x",
            Value::Null,
            json!({ "a": "x".repeat(120), "b": [1, 2] }),
        ),
    ];
    insta::assert_snapshot!(bare(&plan(&of(vec![changed], 0), &view(80))));
}

#[test]
fn what_differs_in_blanks_only_is_seen() {
    for (old, new, seen) in [
        ("x\ny\n", "x\ny", "+ (no newline at the end)"),
        ("x\ny", "x\ny\n", "- (no newline at the end)"),
        ("x\ny ", "x\ny", "- y·"),
        ("x y", "x\u{a0}y", "x\\u{a0}y"),
    ] {
        let mut changed = step("topic/a", Action::Update, 1);
        changed.changes = vec![change("config.note", json!(old), json!(new))];
        for screen in [
            plan(&of(vec![changed.clone()], 0), &view(80)),
            drift(&of(vec![changed], 0), Drift::Declared, &view(80)),
        ] {
            assert!(bare(&screen).contains(seen), "{screen}");
        }
    }
}

#[test]
fn a_long_value_is_cut_and_counted_and_its_difference_is_seen() {
    let mut made = step("topic/a", Action::Create, 1);
    made.changes = vec![change("config.x", Value::Null, json!("x".repeat(4_000)))];
    let screen = bare(&plan(&of(vec![made], 0), &view(100)));
    assert!(screen.len() < 1_000, "{screen}");
    assert!(screen.contains("(3700 more characters)"), "{screen}");
    let mut changed = step("topic/a", Action::Update, 1);
    let long = |end: &str| json!(format!("{}{end}", "x ".repeat(2_000)));
    changed.changes = vec![change("config.x", long("old"), long("new"))];
    for screen in [
        plan(&of(vec![changed.clone()], 0), &view(100)),
        drift(&of(vec![changed], 0), Drift::Declared, &view(100)),
    ] {
        let screen = bare(&screen);
        assert!(
            screen.contains("x old") && screen.contains("x new"),
            "{screen}"
        );
        assert!(screen.len() < 1_000, "{screen}");
    }
}

#[test]
fn fields_drift_in_their_order_long_ones_too() {
    let mut changed = step("stream/A", Action::Update, 1);
    changed.changes = vec![
        change("max_age", json!("1d"), json!("2d")),
        change("description", Value::Null, json!("d".repeat(90))),
        change("max_msgs", json!(1), json!(2)),
    ];
    let screen = bare(&drift(&of(vec![changed], 0), Drift::Declared, &view(100)));
    let at = |word: &str| screen.find(word).unwrap();
    assert!(at("max_age") < at("description"), "{screen}");
    assert!(
        at("description") < at("+ ddd") && at("+ ddd") < at("max_msgs"),
        "{screen}"
    );
}

#[test]
fn what_is_blocked_adds_up() {
    let blocked = |address: &str, codes: &[Code]| {
        let mut step = step(address, Action::Update, 1);
        let refusal = |code: &Code| Refusal::new(*code, "no", "way");
        step.refusals = codes.iter().map(refusal).collect();
        step
    };
    let why = |steps| super::blocked_why(&of(steps, 0)).unwrap();
    let two = [Code::NeedsReplace, Code::NeedsReplace];
    let consumer = blocked("consumer/A/c", &two);
    let topic = blocked("topic/t", &[Code::PartitionDecrease]);
    assert_eq!(
        why(vec![consumer, topic.clone()]),
        "2 steps can't be carried out, for 3 reasons: needs-replace ×2, partition-decrease"
    );
    assert_eq!(
        why(vec![topic]),
        "1 step can't be carried out: partition-decrease"
    );
    let mut risky = step("stream/S", Action::Update, 1);
    risky.risks = vec![Risk::of(Code::StreamSealed, Harm::High, "for good")];
    let denied = blocked("topic/u", &[Code::Denied]);
    let topic = blocked("topic/t", &[Code::PartitionDecrease, Code::Denied]);
    assert_eq!(
        why(vec![risky, denied, topic]),
        "1 step can't be carried out, for 2 reasons: partition-decrease, denied; 1 step lacks a right: denied; 1 step needs an approval: stream-sealed"
    );
}

#[test]
fn values_that_apply_leaves_alone_have_a_way_out_where_they_count() {
    let mut plan = mixed();
    plan.steps.clear();
    let said = |counted| bare(&drift(&plan, counted, &view(100)));
    assert!(said(Drift::Strict).contains("→ declare them, or put them back"));
    assert!(!said(Drift::Declared).contains("→ declare them"));
}

#[test]
fn a_field_of_a_newer_server_is_drift_where_it_is_strict() {
    let mut plan = of(Vec::new(), 1);
    plan.undeclared = vec![of_a_newer_server()];
    assert!(Drift::Strict.is_in(&plan) && !Drift::Declared.is_in(&plan));
    let strict = bare(&drift(&plan, Drift::Strict, &view(100)));
    for line in [
        "Set on the brokers in fields that this trueup does not know:\n",
        "  stream/A  of_a_newer_server  {\"deep\":[\"x y\"]}\n  → no manifest can declare them",
        "\nDrift: 1 value in unknown fields, 1 as declared.",
    ] {
        assert!(strict.contains(line), "{strict}");
    }
    let plain = bare(&drift(&plan, Drift::Declared, &view(100)));
    assert!(
        plain.contains("of_a_newer_server") && plain.contains("No drift."),
        "{plain}"
    );
}

#[test]
fn twice_the_steps_take_about_twice_the_time() {
    let plan_of = |count: usize| {
        let steps = (0..count).map(|n| {
            let mut acl = step(
                &format!("acl/User:u/allow/read/topic/literal/t{n}/*"),
                Action::Create,
                1,
            );
            acl.required_by = Some(format!("topic/t{}", n / 2).parse().unwrap());
            acl
        });
        of(steps.collect(), 0)
    };
    let time = |count: usize| {
        let plan = plan_of(count);
        let start = Instant::now();
        assert!(super::plan(&plan, &view(100)).lines().count() > count);
        start.elapsed()
    };
    time(1_000);
    let (small, large) = (time(4_000), time(16_000));
    assert!(
        large < small * 16,
        "{small:?} for 4,000, {large:?} for 16,000"
    );
}
