//! Brokers that are not there, not well, or not brokers: each its own error, and soon.

use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use trueup::broker::kafka::{Kafka, KafkaError, KafkaSettings};

use super::kafka::{refusal, settings_at};
use crate::sandbox::variable;

async fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}

/// An address where nothing listens.
async fn nobody() -> String {
    listener().await.1
}

fn at(address: &str) -> KafkaSettings {
    settings_at(address, &[])
}

#[tokio::test]
async fn nobody_listens() {
    let address = nobody().await;
    let error = refusal(at(&address)).await;
    assert!(
        matches!(&error, KafkaError::ConnectionRefused { broker } if *broker == address),
        "{error:?}"
    );
}

#[tokio::test]
async fn the_host_has_no_address() {
    let error = refusal(at("no-such-host.invalid:9092")).await;
    assert!(matches!(error, KafkaError::HostUnknown { .. }), "{error:?}");
}

/// A full backlog: the kernel drops further attempts, as a firewall does.
#[tokio::test]
async fn no_connection_comes_about() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let listener = socket.listen(0).unwrap();
    let place = listener.local_addr().unwrap();
    let mut held = Vec::new();
    while let Ok(Ok(stream)) =
        tokio::time::timeout(Duration::from_secs(1), TcpStream::connect(place)).await
    {
        held.push(stream);
    }
    let error = refusal(settings_at(
        &place.to_string(),
        &[("socket.connection.setup.timeout.ms", "1500")],
    ))
    .await;
    assert!(
        matches!(error, KafkaError::ConnectTimeout { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_frozen_broker_accepts_and_says_nothing() {
    let (_frozen, address) = listener().await;
    let tls = settings_at(&address, &[("security.protocol", "ssl")]);
    let (plain, tls) = tokio::join!(refusal(at(&address)), refusal(tls));
    for error in [plain, tls] {
        assert!(matches!(error, KafkaError::NoAnswer { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn another_protocol_and_a_hang_up() {
    for (greeting, expected) in [
        (&b"SSH-2.0-OpenSSH_9.2\r\n"[..], "an SSH server?"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "a web server?"),
        (
            b"INFO {\"server_id\":\"x\"}\r\n",
            "does not speak kafka (it begins with `INFO`, a NATS server?)",
        ),
        (b"", "closed"),
    ] {
        let (server, address) = listener().await;
        let greeter = tokio::spawn(async move {
            while let Ok((mut client, _)) = server.accept().await {
                let _ = client.write_all(greeting).await;
            }
        });
        let error = refusal(at(&address)).await;
        greeter.abort();
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[tokio::test]
async fn the_first_bootstrap_address_that_answers_wins() {
    let (_frozen, frozen) = listener().await;
    let (dead, alive) = (nobody().await, variable("KAFKA_BROKERS"));
    Kafka::connect(at(&format!("{dead},{frozen},{alive}")))
        .await
        .expect("the third works");
    let error = refusal(at(&format!("{dead},no-such-host.invalid"))).await;
    let KafkaError::NoBroker { failures } = &error else {
        panic!("{error:?}")
    };
    assert!(
        matches!(
            failures[..],
            [
                KafkaError::ConnectionRefused { .. },
                KafkaError::HostUnknown { .. }
            ]
        ),
        "{error}"
    );
}

/// TLS to a server that speaks first, as NATS does.
#[tokio::test]
async fn tls_to_a_nats_server() {
    let (listener, address) = listener().await;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"INFO {}\r\n").await;
        }
    });
    let error = refusal(settings_at(&address, &[("security.protocol", "ssl")])).await;
    let told = error.to_string();
    assert!(told.contains("a NATS server?"), "{told}");
}
