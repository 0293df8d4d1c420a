//! Every way a NATS connection can fail without credentials or TLS being the reason.

use std::time::Instant;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use trueup::broker::nats::{JetStream, NatsError, NatsSettings};

use super::nats_server::{ANSWER, NatsServer, object, refusal};

#[tokio::test]
async fn a_server_tells_about_itself() {
    let server = NatsServer::start("server_name: tells");
    let jetstream = server.connect().await;
    let facts = jetstream.server();
    assert_eq!(facts.url, server.url());
    assert_eq!(facts.name, "tells");
    assert!(facts.id.starts_with('N'), "{}", facts.id);
    assert!(facts.release >= (2, 10, 0), "{:?}", facts.release);
    assert!(!facts.tls);
    assert_eq!(facts.max_payload, 1024 * 1024);
    let account = jetstream.account().await.unwrap();
    assert_eq!(account.account.as_deref(), Some("$G"));
    assert_eq!(account.limits.max_streams, None);
    assert_eq!(account.usage.streams, 0);
    assert!(account.document.contains_key("limits"));
}

#[tokio::test]
async fn nobody_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("nats://127.0.0.1:{}", listener.local_addr().unwrap().port());
    drop(listener);
    let error = refusal(NatsSettings::at(&url)).await;
    assert!(matches!(error, NatsError::Refused { .. }), "{error:?}");
    assert!(error.to_string().contains(&url), "{error}");
}

#[tokio::test]
async fn the_host_has_no_address() {
    let error = refusal(NatsSettings::at("nats://u:s3cret@no-such-host.invalid")).await;
    assert!(matches!(error, NatsError::Unresolvable { .. }), "{error:?}");
    assert!(
        error.to_string().contains("`no-such-host.invalid`"),
        "{error}"
    );
    assert!(!format!("{error} {error:?}").contains("s3cret"));
}

/// A full backlog: the kernel drops further attempts, as a firewall does.
#[tokio::test]
async fn no_connection_comes_about() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(0).unwrap();
    let place = listener.local_addr().unwrap();
    let mut held = Vec::new();
    while let Ok(Ok(stream)) =
        tokio::time::timeout(std::time::Duration::from_secs(1), TcpStream::connect(place)).await
    {
        held.push(stream);
    }
    let error = refusal(NatsSettings::at(&format!("nats://{place}"))).await;
    assert!(
        matches!(error, NatsError::ConnectTimeout { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_frozen_server_at_the_start() {
    let server = NatsServer::start("");
    server.freeze();
    let error = refusal(server.settings()).await;
    server.thaw();
    assert!(matches!(error, NatsError::Frozen { .. }), "{error:?}");
}

#[tokio::test]
async fn a_frozen_server_during_a_run() {
    let server = NatsServer::start("");
    let jetstream = server.connect().await;
    server.freeze();
    let begin = Instant::now();
    let (config, name) = (object(json!({"name": "S"})), "S");
    let (read, list, write) = tokio::join!(
        jetstream.stream_info(name),
        jetstream.stream_list(),
        jetstream.stream_create(&config, None),
    );
    let took = begin.elapsed();
    server.thaw();
    assert!(took < ANSWER, "{took:?}");
    assert_gone(&read.unwrap_err());
    assert_gone(&list.unwrap_err());
    let write = write.unwrap_err();
    assert!(write.outcome_unknown(), "{write:?}");
    assert!(write.to_string().contains("unknown"), "{write}");
}

#[tokio::test]
async fn a_server_that_dies_during_a_run() {
    let mut server = NatsServer::start("");
    let jetstream = server.connect().await;
    server.kill();
    let begin = Instant::now();
    let error = jetstream.stream_info("S").await.unwrap_err();
    assert!(begin.elapsed() < ANSWER, "{:?}", begin.elapsed());
    assert_gone(&error);
    let config = object(json!({"name": "S"}));
    let error = jetstream.stream_create(&config, None).await.unwrap_err();
    let sent = !matches!(
        error,
        NatsError::NotAsked { .. } | NatsError::ConnectionLost { .. }
    );
    assert!(!sent, "nothing was sent, so nothing is unknown: {error:?}");
    assert!(begin.elapsed() < ANSWER * 2, "{:?}", begin.elapsed());
}

fn assert_gone(error: &NatsError) {
    let gone = matches!(
        error,
        NatsError::ConnectionLost { .. }
            | NatsError::RequestTimeout { .. }
            | NatsError::NotAsked { .. }
    );
    assert!(gone, "{error:?}");
}

#[tokio::test]
async fn a_server_that_restarts_during_a_run() {
    let mut server = NatsServer::start("");
    let jetstream = server.connect().await;
    let config = object(json!({"name": "S"}));
    jetstream.stream_create(&config, None).await.unwrap();
    server.kill();
    let server = tokio::task::spawn_blocking(move || {
        server.restart();
        server
    })
    .await
    .unwrap();
    let begin = Instant::now();
    while jetstream.stream_info("S").await.is_err() {
        assert!(begin.elapsed() < ANSWER * 3, "it did not come back");
    }
    jetstream.stream_update(&config, None).await.unwrap();
    drop(server);
}

/// Many requests to a dead server do not add up their time-outs.
#[tokio::test]
async fn a_thousand_requests_to_a_frozen_server() {
    let server = NatsServer::start("");
    let jetstream = server.connect().await;
    server.freeze();
    let names = (0..1000).map(|n| format!("S{n}")).collect::<Vec<_>>();
    let begin = Instant::now();
    let infos = jetstream.stream_infos(&names).await;
    let took = begin.elapsed();
    server.thaw();
    assert!(infos.values().all(Result::is_err));
    assert!(took < ANSWER * 3, "{took:?}");
}

/// Whoever found a server silent has found it so for all that comes later.
#[tokio::test]
async fn a_frozen_server_is_asked_nothing_more() {
    let server = NatsServer::start("");
    let jetstream = server.connect().await;
    server.freeze();
    let silent = jetstream.stream_info("S").await.unwrap_err();
    assert_gone(&silent);
    let begin = Instant::now();
    for _ in 0..20 {
        let error = jetstream.stream_info("S").await.unwrap_err();
        assert!(matches!(error, NatsError::NotAsked { .. }), "{error:?}");
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    }
    let took = begin.elapsed();
    server.thaw();
    assert!(took < ANSWER + ANSWER / 2, "{took:?}");
}

#[tokio::test]
async fn something_else_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("nats://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.6\r\n").await;
        }
    });
    let error = refusal(NatsSettings::at(&url)).await;
    assert!(matches!(error, NatsError::NotNats { .. }), "{error:?}");
}

/// Kafka waits for the first word, and ends the connection when it makes no sense.
#[tokio::test]
async fn a_port_that_waits_for_the_first_word() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("nats://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move { stream.read_u8().await });
        }
    });
    let error = refusal(NatsSettings::at(&url)).await;
    assert!(matches!(error, NatsError::NotNats { .. }), "{error:?}");
    let several = format!("nats://127.0.0.1:1,{url}");
    let NatsError::NoneReachable { errors } = refusal(NatsSettings::at(&several)).await else {
        panic!("not all are told");
    };
    let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert!(matches!(errors[0], NatsError::Refused { .. }), "{told:?}");
    assert!(matches!(errors[1], NatsError::NotNats { .. }), "{told:?}");
}

/// What follows on a lost answer is not sent to a server that is silent still.
#[tokio::test]
async fn a_server_that_freezes_between_two_changes() {
    let server = NatsServer::start("");
    let jetstream = server.connect().await;
    server.freeze();
    let begin = Instant::now();
    let config = object(json!({"name": "S"}));
    let lost = jetstream.stream_create(&config, None).await.unwrap_err();
    assert!(lost.outcome_unknown(), "{lost:?}");
    let names: Vec<String> = (0..1000).map(|n| format!("S{n}")).collect();
    let later = trueup::broker::nats::many(names, |name| {
        let jetstream = jetstream.clone();
        async move {
            let config = object(json!({ "name": name }));
            jetstream.stream_create(&config, None).await
        }
    });
    let later = later.await;
    let took = begin.elapsed();
    server.thaw();
    let unsent = |error: &NatsError| matches!(error, NatsError::NotAsked { .. });
    let mut errors = later.into_iter().map(Result::unwrap_err);
    assert!(errors.all(|error| unsent(&error)));
    assert!(took < ANSWER, "{took:?}");
}

#[tokio::test]
async fn the_next_server_of_the_list_is_tried() {
    let server = NatsServer::start("");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dead = format!("nats://{}", listener.local_addr().unwrap());
    drop(listener);
    let settings = NatsSettings::at(&format!("{dead},{}", server.url()));
    let jetstream = JetStream::connect(settings).await.unwrap();
    assert_eq!(jetstream.server().url, server.url());
}

#[tokio::test]
async fn a_server_without_jetstream() {
    let server = NatsServer::launch("");
    let error = refusal(server.settings()).await;
    assert!(
        matches!(error, NatsError::JetStreamNotEnabled { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn an_account_without_jetstream() {
    let accounts = "accounts { A: { users: [{user: a, password: a}] }, B: { jetstream: enabled, users: [{user: b, password: b}] } }";
    let server = NatsServer::start(accounts);
    let at =
        |user: &str| NatsSettings::at(&format!("nats://{user}:{user}@127.0.0.1:{}", server.port));
    let error = refusal(at("a")).await;
    assert!(
        matches!(error, NatsError::JetStreamNotEnabled { .. }),
        "{error:?}"
    );
    assert!(
        error.to_string().contains("not enabled for account"),
        "{error}"
    );
    let account = JetStream::connect(at("b"))
        .await
        .unwrap()
        .account()
        .await
        .unwrap();
    assert_eq!(account.account.as_deref(), Some("B"));
    assert_eq!(account.user.as_deref(), Some("b"));
}

#[tokio::test]
async fn a_domain_is_where_the_api_lives() {
    let server = NatsServer::launch("jetstream { store_dir: \"$DIR/js\", domain: hub }");
    let at = |domain: &str| NatsSettings {
        jetstream_domain: Some(domain.to_owned()),
        ..server.settings()
    };
    let jetstream = JetStream::connect(at("hub")).await.unwrap();
    assert_eq!(jetstream.server().domain.as_deref(), Some("hub"));
    assert_eq!(
        jetstream.account().await.unwrap().domain.as_deref(),
        Some("hub")
    );
    let config = object(json!({"name": "S"}));
    jetstream.stream_create(&config, None).await.unwrap();
    assert!(jetstream.stream_info("S").await.unwrap().is_some());
    let error = refusal(at("elsewhere")).await;
    assert!(
        matches!(error, NatsError::JetStreamNotEnabled { .. }),
        "{error:?}"
    );
    assert!(
        error.to_string().contains("$JS.elsewhere.API.INFO"),
        "{error}"
    );
    let prefix = NatsSettings {
        jetstream_api_prefix: Some("$JS.hub.API".to_owned()),
        ..server.settings()
    };
    assert!(JetStream::connect(prefix).await.is_ok());
}
