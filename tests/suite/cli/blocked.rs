//! What an apply makes of steps that can't be carried out, and of a saved plan whose ground has moved.

use async_nats::jetstream::{self, Context};

use super::{Ran, file, run, trueup};
use crate::broker::nats_server::NatsServer;

fn on(server: &NatsServer, arguments: &[&str]) -> Ran {
    let mut command = trueup(arguments);
    command.env("NATS_URL", server.url());
    run(command)
}

fn manifest(nats: &str) -> tempfile::TempPath {
    file(&format!("stack: cli\nnats: {{ {nats} }}\n"), ".yaml")
}

fn apply(server: &NatsServer, manifest: &tempfile::TempPath) -> Ran {
    let path = manifest.to_str().unwrap();
    on(server, &["apply", "-f", path, "--auto-approve"])
}

async fn context(server: &NatsServer) -> Context {
    jetstream::new(async_nats::connect(server.url()).await.unwrap())
}

/// Refused as stale, naming the stream, how it moved and the command that plans again.
fn is_stale(ran: &Ran, how: &str, again: &str) {
    assert_eq!(
        (ran.code, ran.stdout.as_str()),
        (5, ""),
        "{}{}",
        ran.stdout,
        ran.stderr
    );
    for said in ["stream/A", how, "`consumer/A/c` rests on it", again] {
        let words = ran.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(said), "{said}: {}", ran.stderr);
    }
}

#[tokio::test]
async fn a_plan_is_stale_when_the_stream_of_its_consumer_is_another() {
    let stream = "streams: { A: { subjects: [a.>]";
    let declared = format!("{stream}, consumers: {{ c: {{}} }} }} }}");
    let folder = tempfile::tempdir().unwrap();
    let plan = folder.path().join("plan.json");
    let plan = plan.to_str().unwrap();
    for target in ["", " --target consumer/A/c"] {
        let server = NatsServer::start("");
        let before = manifest(&format!("{stream} }} }}"));
        assert_eq!(apply(&server, &before).code, 0);
        let wanted = manifest(&declared);
        let again = format!("trueup plan -f {}{target}", wanted.to_str().unwrap());
        let plan_it = format!("{again} -o {plan}");
        let plan_it: Vec<_> = plan_it.split(' ').skip(1).collect();
        let planned = on(&server, &plan_it);
        assert_eq!(planned.code, 0, "{}", planned.stderr);
        let saved = ["apply", plan, "--auto-approve"];
        context(&server).await.delete_stream("A").await.unwrap();
        is_stale(&on(&server, &saved), "it was deleted since", &again);
        assert_eq!(apply(&server, &before).code, 0);
        let how = "it was deleted and made anew since";
        is_stale(&on(&server, &saved), how, &again);
        assert_eq!(apply(&server, &wanted).code, 0);
    }
}

#[test]
fn a_plan_that_makes_the_parent_itself_is_not_stale() {
    let server = NatsServer::start("");
    let wanted = manifest("streams: { A: { subjects: [a.>], consumers: { c: {} } } }");
    let plan = file("", ".json");
    let (wanted, plan) = (wanted.to_str().unwrap(), plan.to_str().unwrap());
    assert_eq!(on(&server, &["plan", "-f", wanted, "-o", plan]).code, 0);
    let applied = on(&server, &["apply", plan, "--auto-approve"]);
    assert_eq!(applied.code, 0, "{}{}", applied.stdout, applied.stderr);
}

#[test]
fn the_good_steps_are_applied_and_the_next_command_leads_on() {
    let server = NatsServer::start("");
    assert_eq!(
        apply(&server, &manifest("streams: { A: { subjects: [a.>] } }")).code,
        0
    );
    let wanted = manifest(
        "streams: { B: { subjects: [a.>], consumers: { c: {} } }, C: { subjects: [c.>] } }",
    );
    let (path, plan) = (wanted.to_str().unwrap(), file("", ".json"));
    let plan = plan.to_str().unwrap();
    assert_eq!(on(&server, &["plan", "-f", path, "-o", plan]).code, 3);
    let partly = on(&server, &["apply", plan, "--auto-approve"]);
    assert_eq!(partly.code, 6, "{}{}", partly.stdout, partly.stderr);
    for said in [
        "Applied 1 of 3: 2 not attempted.",
        "Blocked: 2 steps can't be carried out: subject-overlap ×2.",
        &format!("Next: trueup plan -f {path}\n"),
    ] {
        assert!(partly.stdout.contains(said), "{said}: {}", partly.stdout);
    }
    let blocked = apply(&server, &wanted);
    assert_eq!(blocked.code, 3, "{}{}", blocked.stdout, blocked.stderr);
    for said in [
        "Applied 0 of 2: 2 not attempted.",
        "blocked: it rests on `stream/B`",
        "Next: trueup explain subject-overlap\n",
    ] {
        assert!(blocked.stdout.contains(said), "{said}: {}", blocked.stdout);
    }
    let planned = on(&server, &["plan", "-f", path]);
    assert!(
        planned.stdout.contains("Next: trueup explain"),
        "{}",
        planned.stdout
    );
}

#[test]
fn nothing_that_can_be_done_is_told_step_by_step_with_the_reasons() {
    let server = NatsServer::start(
        "authorization { users: [ { user: u, password: p, permissions: { publish: { deny: \"$JS.API.STREAM.INFO.X\" } } } ] }",
    );
    let url = server.url().replace("nats://", "nats://u:p@");
    let at = |arguments: &[&str]| {
        let mut command = trueup(arguments);
        command.env("NATS_URL", &url);
        run(command)
    };
    let before = manifest("streams: { A: { subjects: [a.>] } }");
    let before = ["apply", "-f", before.to_str().unwrap(), "--auto-approve"];
    assert_eq!(at(&before).code, 0);
    let wanted = manifest("streams: { X: { subjects: [x.>] }, B: { subjects: [a.>] } }");
    let path = wanted.to_str().unwrap();
    let none = at(&["apply", "-f", path, "--auto-approve"]);
    assert_eq!(none.code, 1, "{}{}", none.stdout, none.stderr);
    for said in [
        "Applied 0 of 2: 2 not attempted.",
        "? stream/X",
        "could not be read: ",
        "blocked: ",
        "Incomplete: 1 resource",
    ] {
        assert!(none.stdout.contains(said), "{said}: {}", none.stdout);
    }
    let unread = manifest("streams: { X: { subjects: [x.>] } }");
    let path = unread.to_str().unwrap();
    let planned = at(&["plan", "-f", path]);
    assert_eq!(planned.code, 1);
    let next = format!("Next: trueup doctor -f {path}\n");
    assert!(planned.stdout.contains(&next), "{}", planned.stdout);
}

#[test]
fn a_result_as_json_lists_every_step() {
    let server = NatsServer::start("");
    let streams: Vec<_> = (0..30)
        .map(|n| format!("S{n}: {{ subjects: [s.{n}] }}"))
        .collect();
    let wanted = manifest(&format!("streams: {{ {} }}", streams.join(", ")));
    let path = wanted.to_str().unwrap();
    let ran = on(
        &server,
        &["apply", "-f", path, "--auto-approve", "--output", "json"],
    );
    let said: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let outcomes = said["outcomes"].as_array().unwrap();
    assert_eq!(outcomes.len(), 30);
    assert!(
        outcomes
            .iter()
            .all(|outcome| outcome["outcome"] == "applied")
    );
}
