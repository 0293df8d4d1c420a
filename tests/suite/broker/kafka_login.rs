//! SASL.

use trueup::broker::kafka::{Kafka, KafkaError, KafkaSettings};
use trueup::model::Code;

use super::kafka::{plain, refusal, scram, settings};
use crate::sandbox::variable;

fn login(
    listener: &str,
    protocol: &str,
    mechanism: &str,
    user: &str,
    password: &str,
) -> KafkaSettings {
    settings(
        listener,
        &[
            ("security.protocol", protocol),
            ("sasl.mechanism", mechanism),
            ("sasl.username", user),
            ("sasl.password", password),
        ],
    )
}

#[tokio::test]
async fn every_mechanism_of_the_listener_logs_in() {
    for mechanism in ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] {
        let settings = login(
            "KAFKA_SCRAM",
            "sasl_plaintext",
            mechanism,
            "admin",
            "admin-secret",
        );
        assert_eq!(settings.principal_hint().as_deref(), Some("User:admin"));
        let kafka = Kafka::connect(settings)
            .await
            .unwrap_or_else(|error| panic!("{mechanism}: {error}"));
        assert_eq!(
            kafka.cluster().await.unwrap().cluster_id,
            plain().await.cluster().await.unwrap().cluster_id
        );
    }
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_user_say_so_without_the_password() {
    for mechanism in ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] {
        for user in ["admin", "nobody-of-that-name"] {
            let error = refusal(login(
                "KAFKA_SCRAM",
                "sasl_plaintext",
                mechanism,
                user,
                "wr0ng-pass",
            ))
            .await;
            assert!(
                matches!(error, KafkaError::AuthenticationFailed { .. }),
                "{mechanism}: {error:?}"
            );
            assert_eq!(error.code(), Code::LoginRefused);
            let text = error.to_string();
            assert!(
                text.contains(user) && text.contains(mechanism) && !text.contains("wr0ng-pass"),
                "{text}"
            );
        }
    }
}

#[tokio::test]
async fn a_password_that_saslprep_changes_is_tried_in_both_spellings() {
    let error = refusal(login(
        "KAFKA_SCRAM",
        "sasl_plaintext",
        "SCRAM-SHA-512",
        "admin",
        "\u{aa}dmin",
    ))
    .await;
    assert!(
        matches!(error, KafkaError::AuthenticationFailed { .. }),
        "{error:?}"
    );
    // A soft hyphen vanishes: the prepared spelling is the right one.
    scram("admin", "admin\u{ad}-secret")
        .await
        .expect("prepared");
}

#[tokio::test]
async fn a_mechanism_that_is_not_enabled_lists_those_that_are() {
    let token = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(token.path(), "a.b.c").unwrap();
    let oauth = [
        ("security.protocol", "sasl_plaintext"),
        ("sasl.mechanism", "OAUTHBEARER"),
        (
            "sasl.oauthbearer.token.file",
            token.path().to_str().unwrap(),
        ),
    ];
    let error = refusal(settings("KAFKA_SCRAM", &oauth)).await;
    let KafkaError::MechanismNotEnabled { offered, .. } = &error else {
        panic!("{error:?}")
    };
    assert!(offered.contains(&"SCRAM-SHA-512".to_string()), "{error}");
}

#[tokio::test]
async fn a_listener_with_sasl_needs_it_and_one_without_does_not() {
    let ca = variable("SANDBOX_CA");
    let tls = [
        ("security.protocol", "ssl"),
        ("ssl.ca.location", ca.as_str()),
    ];
    for (listener, without, protocol_needed) in [
        ("KAFKA_SCRAM", &[][..], "sasl_plaintext"),
        ("KAFKA_SASL_SSL", &tls, "sasl_ssl"),
    ] {
        let error = refusal(settings(listener, without)).await;
        let KafkaError::SaslRequired {
            offered, protocol, ..
        } = &error
        else {
            panic!("{error:?}")
        };
        assert_eq!(*protocol, protocol_needed);
        assert!(offered.contains(&"PLAIN".to_string()), "{error}");
    }
    for (listener, protocol_used, protocol_fit) in [
        ("KAFKA_BROKERS", "sasl_plaintext", "plaintext"),
        ("KAFKA_SSL", "sasl_ssl", "ssl"),
    ] {
        let sasl = [
            ("security.protocol", protocol_used),
            ("sasl.mechanism", "SCRAM-SHA-512"),
            ("sasl.username", "admin"),
            ("sasl.password", "admin-secret"),
        ];
        let ca = [("ssl.ca.location", ca.as_str())];
        let more = if protocol_fit == "ssl" { &ca[..] } else { &[] };
        let error = refusal(settings(listener, &[&sasl[..], more].concat())).await;
        let KafkaError::SaslNotExpected { protocol, .. } = &error else {
            panic!("{error:?}")
        };
        assert_eq!(*protocol, protocol_fit);
    }
}

#[tokio::test]
async fn a_password_never_travels_in_plain_to_a_listener_of_tls() {
    let error = refusal(login(
        "KAFKA_SASL_SSL",
        "sasl_plaintext",
        "PLAIN",
        "admin",
        "admin-secret",
    ))
    .await;
    assert!(
        matches!(error, KafkaError::PlainAgainstTls { .. }),
        "{error:?}"
    );
}
