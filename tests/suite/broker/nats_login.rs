//! Every way to log in, right and wrong.

use nkeys::KeyPair;
use serde_json::json;
use trueup::broker::nats::{JetStream, NatsError, NatsSettings};
use trueup::model::Code;

use super::nats_operator::{Operator, creds_file};
use super::nats_server::{NatsServer, refusal};

#[tokio::test]
async fn user_and_password() {
    let server = NatsServer::start("authorization { user: ann, password: right }");
    let with = |password: &str| NatsSettings {
        user: Some("ann".to_owned()),
        password: Some(password.into()),
        ..server.settings()
    };
    assert!(JetStream::connect(with("right")).await.is_ok());
    assert_unauthorized(refusal(with("wr0ng")).await, "the user and password");
    assert_unauthorized(
        refusal(server.settings()).await,
        "a connection without credentials",
    );
    let in_url = |password: &str| {
        NatsSettings::at(&format!("nats://ann:{password}@127.0.0.1:{}", server.port))
    };
    assert!(JetStream::connect(in_url("right")).await.is_ok());
    assert_unauthorized(refusal(in_url("wr0ng")).await, "the user and password");
}

#[tokio::test]
async fn token() {
    let server = NatsServer::start("authorization { token: right }");
    let with = |token: &str| NatsSettings {
        token: Some(token.into()),
        ..server.settings()
    };
    assert!(JetStream::connect(with("right")).await.is_ok());
    assert_unauthorized(refusal(with("wr0ng")).await, "the token");
    let in_url = NatsSettings::at(&format!("nats://right@127.0.0.1:{}", server.port));
    assert!(JetStream::connect(in_url).await.is_ok());
}

#[tokio::test]
async fn nkey() {
    let (right, wrong) = (KeyPair::new_user(), KeyPair::new_user());
    let server = NatsServer::start(&format!(
        "authorization {{ users: [{{ nkey: {} }}] }}",
        right.public_key()
    ));
    let with = |name: &str, text: &str| NatsSettings {
        nkey: Some(server.write(name, text)),
        ..server.settings()
    };
    let file = format!("# ann's\n{}\n", right.seed().unwrap());
    assert!(JetStream::connect(with("right.nk", &file)).await.is_ok());
    assert_unauthorized(
        refusal(with("wrong.nk", &wrong.seed().unwrap())).await,
        "the nkey",
    );
    let account_seed = KeyPair::new_account().seed().unwrap();
    for text in ["", "SUABC", &account_seed] {
        let error = refusal(with("broken.nk", text)).await;
        assert!(
            matches!(error, NatsError::MalformedFile { role: "nkey", .. }),
            "{error:?}"
        );
        assert!(error.to_string().contains("broken.nk"), "{error}");
    }
}

#[tokio::test]
async fn creds() {
    let operator = Operator::new();
    let server = NatsServer::start(&operator.config());
    let (user, stranger) = (KeyPair::new_user(), KeyPair::new_account());
    let with = |name: &str, text: &str| NatsSettings {
        creds: Some(server.write(name, text)),
        ..server.settings()
    };
    let right = with("ann.creds", &creds_file(&operator.account, &user));
    let facts = JetStream::connect(right)
        .await
        .unwrap()
        .account()
        .await
        .unwrap();
    assert_eq!(facts.account, Some(operator.account.public_key()));
    assert_eq!(facts.user, Some(user.public_key()));
    assert_unauthorized(
        refusal(with("wrong.creds", &creds_file(&stranger, &user))).await,
        "the credentials file",
    );
}

#[tokio::test]
async fn a_creds_file_that_is_none_is_said_before_anything_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ann.creds");
    let settings = NatsSettings {
        creds: Some(path.clone()),
        ..NatsSettings::at("nats://127.0.0.1:1")
    };
    let error = refusal(settings.clone()).await;
    assert!(
        matches!(error, NatsError::UnreadableFile { role: "creds", .. }),
        "{error:?}"
    );
    std::fs::write(
        &path,
        "-----BEGIN NATS USER JWT-----\ns3cret\n------END NATS USER JWT------\n",
    )
    .unwrap();
    let error = refusal(settings).await;
    assert!(
        matches!(error, NatsError::MalformedFile { role: "creds", .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains("ann.creds"), "{error}");
    assert!(!format!("{error} {error:?}").contains("s3cret"), "{error}");
}

#[tokio::test]
async fn a_context_of_the_nats_tool() {
    let server = NatsServer::start("authorization { user: ann, password: right }");
    let path = NatsSettings::context_path(&server.path(""), "local");
    assert!(path.ends_with("nats/context/local.json"));
    let json = json!({"url": server.url(), "user": "ann", "password": "right"});
    let settings = NatsSettings::from_context(&json.to_string(), &path, None).unwrap();
    assert!(JetStream::connect(settings).await.is_ok());
}

fn assert_unauthorized(error: NatsError, credentials: &str) {
    assert!(matches!(error, NatsError::Unauthorized { .. }), "{error:?}");
    assert_eq!(error.code(), Code::LoginRefused);
    assert!(error.to_string().contains(credentials), "{error}");
    assert!(!format!("{error} {error:?}").contains("wr0ng"), "{error}");
}
