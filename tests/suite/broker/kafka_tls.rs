//! TLS, alone and with SASL.

use trueup::broker::kafka::{Kafka, KafkaError};

use super::kafka::{refusal, settings};
use crate::sandbox::variable;

fn certificate(file: &str) -> String {
    format!("{}/{file}", variable("SANDBOX_CERTS"))
}

#[tokio::test]
async fn sasl_over_tls_and_tls_alone() {
    let ca = variable("SANDBOX_CA");
    let sasl_ssl = [
        ("security.protocol", "sasl_ssl"),
        ("sasl.mechanism", "SCRAM-SHA-512"),
        ("sasl.username", "admin"),
        ("sasl.password", "admin-secret"),
        ("ssl.ca.location", ca.as_str()),
    ];
    Kafka::connect(settings("KAFKA_SASL_SSL", &sasl_ssl))
        .await
        .unwrap()
        .cluster()
        .await
        .unwrap();
    let pem = std::fs::read_to_string(&ca).unwrap();
    let ssl = [("security.protocol", "ssl"), ("ssl.ca.pem", pem.as_str())];
    Kafka::connect(settings("KAFKA_SSL", &ssl))
        .await
        .unwrap()
        .cluster()
        .await
        .unwrap();
    let (chain, key) = (certificate("client.pem"), certificate("client.key"));
    let mutual = [
        &ssl[..],
        &[
            ("ssl.certificate.location", chain.as_str()),
            ("ssl.key.location", key.as_str()),
        ],
    ]
    .concat();
    Kafka::connect(settings("KAFKA_SSL", &mutual))
        .await
        .unwrap()
        .cluster()
        .await
        .unwrap();
}

#[tokio::test]
async fn an_unknown_authority_and_unreadable_files_say_which() {
    let stranger = certificate("stranger-ca.pem");
    let error = refusal(settings(
        "KAFKA_SSL",
        &[("security.protocol", "ssl"), ("ssl.ca.location", &stranger)],
    ))
    .await;
    assert!(
        matches!(error, KafkaError::UnknownAuthority { .. }),
        "{error:?}"
    );
    let error = refusal(settings(
        "KAFKA_SSL",
        &[
            ("security.protocol", "ssl"),
            ("ssl.ca.location", "/nowhere.pem"),
        ],
    ))
    .await;
    assert!(
        error
            .to_string()
            .contains("`ssl.ca.location`: `/nowhere.pem`"),
        "{error}"
    );
    let trusting = [
        ("security.protocol", "ssl"),
        ("enable.ssl.certificate.verification", "false"),
    ];
    Kafka::connect(settings("KAFKA_SSL", &trusting))
        .await
        .expect("nothing is checked");
}

#[tokio::test]
async fn tls_against_plain_and_plain_against_tls() {
    let ca = variable("SANDBOX_CA");
    for listener in ["KAFKA_BROKERS", "KAFKA_SCRAM"] {
        let error = refusal(settings(
            listener,
            &[("security.protocol", "ssl"), ("ssl.ca.location", &ca)],
        ))
        .await;
        assert!(
            matches!(error, KafkaError::TlsAgainstPlain { .. }),
            "{listener}: {error:?}"
        );
    }
    for listener in ["KAFKA_SSL", "KAFKA_SASL_SSL"] {
        let error = refusal(settings(listener, &[])).await;
        assert!(
            matches!(error, KafkaError::PlainAgainstTls { .. }),
            "{listener}: {error:?}"
        );
    }
}
