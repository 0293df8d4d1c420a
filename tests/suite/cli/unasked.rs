//! What the server may not be asked: the plan says so, and what fails then names the right.

use serde_json::json;

use super::{file, run, trueup};
use crate::broker::nats_server::{NatsServer, object};

const RIGHT: &str = "needs publish to `$JS.API.STREAM.NAMES`";

#[tokio::test]
async fn subjects_of_others_that_may_not_be_asked_for() {
    let server = NatsServer::start(
        r#"authorization { users: [ {user: all, password: all}, {user: ann, password: ann, permissions: { publish: { deny: ["$JS.API.STREAM.NAMES"] } } } ] }"#,
    );
    let url = |user: &str| format!("nats://{user}:{user}@127.0.0.1:{}", server.port);
    let settings = trueup::broker::nats::NatsSettings::at(&url("all"));
    let all = trueup::broker::nats::JetStream::connect(settings)
        .await
        .unwrap();
    let theirs = object(json!({ "name": "THEIRS", "subjects": ["a.>"] }));
    all.stream_create(&theirs, None).await.unwrap();
    let text = "stack: a\nnats: { streams: { OURS: { subjects: [a.b] } } }\n";
    let manifest = file(text, ".yaml");
    let ran = |user: &str, words: &[&str]| {
        let mut command = trueup(words);
        command.args(["-f", manifest.to_str().unwrap()]);
        command.env("NATS_URL", url(user));
        let ran = run(command);
        let said = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        (ran.code, said)
    };
    let (code, plan) = ran("ann", &["plan"]);
    assert_eq!(code, 0, "{plan}");
    let told = format!("whether another stream captures `a.b` can't be known: {RIGHT}");
    assert!(plan.contains(&told), "{plan}");
    let (code, applied) = ran("ann", &["apply", "--auto-approve"]);
    assert_eq!(code, 6, "{applied}");
    assert!(
        applied.contains("another live stream; which one can't be known"),
        "{applied}"
    );
    let (code, plan) = ran("all", &["plan"]);
    assert_eq!(code, 3, "{plan}");
    assert!(
        plan.contains("subjects of the live stream `THEIRS`"),
        "{plan}"
    );
}
