//! Operators and accounts with tokens, as `nsc` would make them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nkeys::KeyPair;
use serde_json::{Value, json};

/// An operator with a system account and one account, as `nsc` would make them.
pub struct Operator {
    key: KeyPair,
    system: KeyPair,
    pub account: KeyPair,
    limits: Value,
}

impl Operator {
    /// Its account may use everything.
    pub fn new() -> Operator {
        Operator::with_limits(
            json!({"mem_storage": -1, "disk_storage": -1, "streams": -1, "consumer": -1}),
        )
    }

    /// Its account may use what these limits say, in the words of its token.
    pub fn with_limits(limits: Value) -> Operator {
        Operator {
            limits,
            key: KeyPair::new_operator(),
            system: KeyPair::new_account(),
            account: KeyPair::new_account(),
        }
    }

    /// The server's configuration.
    pub fn config(&self) -> String {
        let operator = jwt(
            &self.key,
            &self.key.public_key(),
            json!({"type": "operator", "version": 2}),
        );
        // a system account has no JetStream
        let none = json!({});
        let accounts = [(&self.system, &none), (&self.account, &self.limits)];
        let [system, account] = accounts.map(|(key, limits)| {
            let token = jwt(&self.key, &key.public_key(), account_claims(limits));
            format!("{}: {token}", key.public_key())
        });
        let system_key = self.system.public_key();
        format!(
            "operator: {operator}\nsystem_account: {system_key}\nresolver: MEMORY\nresolver_preload: {{\n{system}\n{account}\n}}\n"
        )
    }
}

fn account_claims(limits: &Value) -> Value {
    let mut all = json!({
        "subs": -1, "conn": -1, "leaf": -1, "imports": -1, "exports": -1, "data": -1, "payload": -1, "wildcards": true,
    });
    if let (Some(all), Value::Object(limits)) = (all.as_object_mut(), limits) {
        all.extend(limits.clone());
    }
    json!({ "limits": all, "type": "account", "version": 2 })
}

/// The text of a user's credentials file.
pub fn creds_file(account: &KeyPair, user: &KeyPair) -> String {
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
