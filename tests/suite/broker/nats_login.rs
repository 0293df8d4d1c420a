//! Every way to log in, right and wrong.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nkeys::KeyPair;
use serde_json::{Value, json};
use trueup::broker::nats::{JetStream, NatsError, NatsSettings};

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
    assert!(error.to_string().contains(credentials), "{error}");
    assert!(!format!("{error} {error:?}").contains("wr0ng"), "{error}");
}

/// An operator with a system account and one account, as `nsc` would make them.
struct Operator {
    key: KeyPair,
    system: KeyPair,
    account: KeyPair,
}

impl Operator {
    fn new() -> Operator {
        Operator {
            key: KeyPair::new_operator(),
            system: KeyPair::new_account(),
            account: KeyPair::new_account(),
        }
    }

    fn config(&self) -> String {
        let operator = jwt(
            &self.key,
            &self.key.public_key(),
            json!({"type": "operator", "version": 2}),
        );
        let [system, account] = [(&self.system, 0), (&self.account, -1)].map(|(key, storage)| {
            let token = jwt(&self.key, &key.public_key(), account_claims(storage));
            format!("{}: {token}", key.public_key())
        });
        let system_key = self.system.public_key();
        format!(
            "operator: {operator}\nsystem_account: {system_key}\nresolver: MEMORY\nresolver_preload: {{\n{system}\n{account}\n}}\n"
        )
    }
}

/// `storage` 0 is an account without JetStream, as a system account must be.
fn account_claims(storage: i64) -> Value {
    json!({
        "limits": {"subs": -1, "conn": -1, "leaf": -1, "imports": -1, "exports": -1, "data": -1, "payload": -1,
                   "wildcards": true, "mem_storage": storage, "disk_storage": storage, "streams": -1, "consumer": -1},
        "type": "account", "version": 2,
    })
}

fn creds_file(account: &KeyPair, user: &KeyPair) -> String {
    let claims = json!({"subs": -1, "data": -1, "payload": -1, "type": "user", "version": 2});
    let token = jwt(account, &user.public_key(), claims);
    let seed = user.seed().unwrap();
    format!(
        "-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n\
         -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
    )
}

fn jwt(issuer: &KeyPair, subject: &str, nats: Value) -> String {
    let encode = |part: Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let header = encode(json!({"typ": "JWT", "alg": "ed25519-nkey"}));
    let claims = json!({"jti": "T", "iat": 1_700_000_000, "iss": issuer.public_key(), "name": "t", "sub": subject, "nats": nats});
    let signed = format!("{header}.{}", encode(claims));
    let signature = URL_SAFE_NO_PAD.encode(issuer.sign(signed.as_bytes()).unwrap());
    format!("{signed}.{signature}")
}
