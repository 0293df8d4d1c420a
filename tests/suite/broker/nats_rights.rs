//! Missing rights: named, and said at once.

use std::time::{Duration, Instant};

use serde_json::json;
use trueup::broker::nats::{Action, ConsumerAction, JetStream, NatsError, NatsSettings, Verdict};
use trueup::engine::{Endpoints, Finding, Health, doctor};
use trueup::kinds::Resources;
use trueup::model::{Address, Flat, Resource};

use super::nats_server::{NatsServer, object, refusal};

/// Under the 9 s after which a request without an answer is given up.
const AT_ONCE: Duration = Duration::from_secs(8);

fn server(permissions: &str) -> NatsServer {
    NatsServer::start(&format!(
        "authorization {{ users: [ {{user: all, password: all}}, {{user: ann, password: ann, permissions: {{ {permissions} }} }} ] }}"
    ))
}

fn user(server: &NatsServer, name: &str) -> NatsSettings {
    NatsSettings::at(&format!("nats://{name}:{name}@127.0.0.1:{}", server.port))
}

#[tokio::test]
async fn a_denied_request_names_its_subject_at_once() {
    let server = server(r#"publish: { allow: ["$JS.API.INFO", "$JS.API.STREAM.INFO.ORDERS"] }"#);
    let jetstream = JetStream::connect(user(&server, "ann")).await.unwrap();
    let begin = Instant::now();
    let names = ["EVENTS", "ORDERS", "USERS"].map(str::to_owned);
    let mut infos = jetstream.stream_infos(&names).await;
    assert!(infos["ORDERS"].as_ref().unwrap().is_none());
    assert_denied(
        infos.swap_remove("EVENTS").unwrap().unwrap_err(),
        "$JS.API.STREAM.INFO.EVENTS",
    );
    assert_denied(
        infos.swap_remove("USERS").unwrap().unwrap_err(),
        "$JS.API.STREAM.INFO.USERS",
    );
    let config = object(json!({"name": "EVENTS"}));
    let error = jetstream.stream_create(&config, None).await.unwrap_err();
    assert_denied(error, "$JS.API.STREAM.CREATE.EVENTS");
    let consumer = object(json!({"durable_name": "c"}));
    let error = jetstream
        .consumer_create("EVENTS", &consumer, ConsumerAction::Create, None)
        .await;
    assert_denied(error.unwrap_err(), "$JS.API.CONSUMER.CREATE.EVENTS.c");
    assert!(begin.elapsed() < AT_ONCE, "{:?}", begin.elapsed());
    let account = jetstream.account().await.unwrap();
    assert_eq!(account.account, None, "the identity may not be asked here");
}

#[tokio::test]
async fn a_large_batch_of_denied_requests_is_fast() {
    let server = server(r#"publish: { allow: ["$JS.API.INFO"] }"#);
    let jetstream = JetStream::connect(user(&server, "ann")).await.unwrap();
    let names = (0..1000).map(|n| format!("S{n}")).collect::<Vec<_>>();
    let begin = Instant::now();
    let infos = jetstream.stream_infos(&names).await;
    assert_eq!(infos.len(), 1000);
    for (name, answer) in infos {
        assert_denied(answer.unwrap_err(), &format!("$JS.API.STREAM.INFO.{name}"));
    }
    assert!(begin.elapsed() < AT_ONCE, "{:?}", begin.elapsed());
}

#[tokio::test]
async fn a_denied_api_is_said_when_connecting() {
    let server = server(r#"publish: { deny: ["$JS.API.>"] }"#);
    let begin = Instant::now();
    assert_denied(refusal(user(&server, "ann")).await, "$JS.API.INFO");
    assert!(begin.elapsed() < AT_ONCE, "{:?}", begin.elapsed());
}

#[tokio::test]
async fn a_denied_inbox_names_the_right_to_subscribe() {
    let server = server(r#"subscribe: { allow: ["_INBOX_ann.>"] }"#);
    let begin = Instant::now();
    let error = refusal(user(&server, "ann")).await;
    let NatsError::PermissionDenied {
        action, subject, ..
    } = &error
    else {
        panic!("{error:?}");
    };
    assert_eq!((*action, subject.as_str()), (Action::Subscribe, "_INBOX.>"));
    assert!(
        error.to_string().ends_with("needs subscribe to `_INBOX.>`"),
        "{error}"
    );
    assert!(begin.elapsed() < AT_ONCE, "{:?}", begin.elapsed());
    let own = NatsSettings {
        inbox_prefix: Some("_INBOX_ann".to_owned()),
        ..user(&server, "ann")
    };
    assert!(JetStream::connect(own).await.is_ok());
}

#[tokio::test]
async fn rights_are_probed_without_changing_anything() {
    let server = server(
        r#"publish: { allow: ["$JS.API.INFO", "$JS.API.STREAM.NAMES", "$JS.API.STREAM.LIST", "$JS.API.STREAM.INFO.*",
                              "$JS.API.CONSUMER.INFO.*.*", "$JS.API.STREAM.UPDATE.*"] }"#,
    );
    let all = JetStream::connect(user(&server, "all")).await.unwrap();
    all.stream_create(&object(json!({"name": "S", "subjects": ["s"]})), None)
        .await
        .unwrap();
    let before = all.stream_list().await.unwrap().streams;
    for right in all.probe_rights().await {
        assert_eq!(right.verdict, Verdict::Allowed, "{right:?}");
    }
    let ann = JetStream::connect(user(&server, "ann")).await.unwrap();
    let denied = ann
        .probe_rights()
        .await
        .into_iter()
        .filter(|right| right.verdict == Verdict::Denied);
    let denied = denied
        .map(|right| (right.subject, right.needed_for))
        .collect::<Vec<_>>();
    let expected = [
        ("$JS.API.CONSUMER.LIST.*", "plan"),
        ("$JS.API.STREAM.MSG.GET.*", "counts"),
        ("$JS.API.STREAM.CREATE.*", "apply"),
        ("$JS.API.CONSUMER.CREATE.*.*", "apply"),
        ("$JS.API.CONSUMER.PAUSE.*.*", "apply"),
    ];
    assert_eq!(
        denied,
        expected.map(|(subject, needed)| (subject.to_owned(), needed))
    );
    let after = all.stream_list().await.unwrap().streams;
    assert_eq!(without_time(before), without_time(after));
    assert_eq!(all.consumer_list("S").await.unwrap().len(), 0);
}

#[tokio::test]
async fn rights_on_names_are_probed_by_those_names() {
    let denying = server(
        r#"publish: { deny: ["$JS.API.STREAM.INFO.S1", "$JS.API.CONSUMER.INFO.S1.c1", "$JS.API.STREAM.CREATE.S1"] }"#,
    );
    let may_not = |call: &str| format!("may not publish to `$JS.API.{call}`");
    // S1 can't be read, so that nobody knows whether it has to be made.
    assert_eq!(
        missing(&denying).await,
        [
            (may_not("STREAM.INFO.S1"), Health::Bad),
            (may_not("CONSUMER.INFO.S1.c1"), Health::Bad),
            (
                "lacks publish to `$JS.API.STREAM.CREATE.S1`".to_owned(),
                Health::Doubtful
            ),
        ]
    );
    let making =
        server(r#"publish: { deny: ["$JS.API.STREAM.CREATE.S1", "$JS.API.STREAM.UPDATE.S1"] }"#);
    assert_eq!(
        missing(&making).await,
        [
            (may_not("STREAM.CREATE.S1"), Health::Bad),
            (
                "lacks publish to `$JS.API.STREAM.UPDATE.S1`".to_owned(),
                Health::Doubtful
            ),
        ]
    );
    let admin = JetStream::connect(user(&making, "all")).await.unwrap();
    let there = serde_json::json!({ "name": "S1", "storage": "file", "subjects": ["S1"] });
    admin
        .stream_create(there.as_object().unwrap(), None)
        .await
        .unwrap();
    assert_eq!(
        missing(&making).await,
        [(
            "lacks publish to `$JS.API.STREAM.CREATE.S1`, publish to `$JS.API.STREAM.UPDATE.S1`"
                .to_owned(),
            Health::Doubtful
        )]
    );
    let naming = server(r#"publish: { deny: ["$JS.API.STREAM.NAMES"] }"#);
    assert_eq!(
        missing(&naming).await,
        [(may_not("STREAM.NAMES"), Health::Bad)]
    );
    let exact = server(
        r#"publish: { allow: ["$SYS.REQ.USER.INFO", "$JS.API.INFO", "$JS.API.STREAM.NAMES", "$JS.API.STREAM.*.S1",
                              "$JS.API.STREAM.*.KV_b", "$JS.API.CONSUMER.*.S1.c1"] }"#,
    );
    assert_eq!(
        missing(&exact).await,
        [
            "STREAM.MSG.GET.S1",
            "STREAM.MSG.GET.KV_b",
            "STREAM.LIST",
            "CONSUMER.LIST.*"
        ]
        .map(|call| (may_not(call), Health::Doubtful))
    );
    let all = JetStream::connect(user(&exact, "all")).await.unwrap();
    assert!(all.stream_list().await.unwrap().streams.is_empty());
}

/// What doctor finds amiss for `ann`, who declares a stream, its consumer and a bucket.
async fn missing(server: &NatsServer) -> Vec<(String, Health)> {
    let resources: Resources = ["stream/S1", "kv/b", "consumer/S1/c1"]
        .map(|address| {
            let address: Address = address.parse().unwrap();
            (address.clone(), Resource::new(address, Flat::new()))
        })
        .into_iter()
        .collect();
    let endpoints = Endpoints {
        nats: Some(user(server, "ann")),
        ..Endpoints::default()
    };
    let findings = doctor(endpoints, &resources).await;
    let sum = |finding: &&Finding| finding.what == "rights";
    assert_eq!(findings.iter().filter(sum).count(), 1, "{findings:?}");
    findings
        .into_iter()
        .filter(|finding| finding.verdict != Health::Good)
        .map(|finding| {
            let hint = finding.hint.as_deref().expect("a hint");
            assert!(!hint.contains('$'), "the subject is said once: {hint}");
            (finding.detail, finding.verdict)
        })
        .collect()
}

fn without_time(
    mut streams: Vec<serde_json::Map<String, serde_json::Value>>,
) -> Vec<serde_json::Map<String, serde_json::Value>> {
    for stream in &mut streams {
        stream.remove("ts");
    }
    streams
}

fn assert_denied(error: NatsError, right: &str) {
    let NatsError::PermissionDenied {
        action, subject, ..
    } = &error
    else {
        panic!("{error:?}");
    };
    assert_eq!((*action, subject.as_str()), (Action::Publish, right));
    assert!(
        error
            .to_string()
            .ends_with(&format!("needs publish to `{right}`")),
        "{error}"
    );
}
