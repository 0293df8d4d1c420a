//! OAuth tokens for librdkafka, from where the admin plane has them.

use std::error::Error;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use rdkafka::client::OAuthToken;
use secrecy::ExposeSecret;
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::time::Instant;

use crate::broker::kafka::oauth;
use crate::broker::kafka::settings::TokenSource;

/// How long fetching a token may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a token is used that does not say when it ends.
const USUAL_LIFE: Duration = Duration::from_secs(300);

/// Where tokens come from, for who must ask from a thread of librdkafka's.
#[derive(Clone)]
pub(crate) struct Login {
    source: Option<TokenSource>,
    runtime: Option<Handle>,
}

impl Login {
    pub(super) fn new(source: Option<TokenSource>) -> Login {
        Login {
            source,
            runtime: Handle::try_current().ok(),
        }
    }

    /// A fresh token.
    pub(crate) fn token(&self) -> Result<OAuthToken, Box<dyn Error>> {
        let (Some(source), Some(runtime)) = (self.source.clone(), &self.runtime) else {
            return Err("the connection has no source of tokens".into());
        };
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        // on the runtime's own threads: the caller is a thread of librdkafka's, or one that must not block a runtime in itself
        runtime.spawn(async move {
            let token = oauth::token(&source, Instant::now() + PATIENCE).await;
            let _caller_may_have_left = sender.send(token);
        });
        let token = receiver.recv_timeout(PATIENCE + Duration::from_secs(1))??;
        let claims = claims(token.expose_secret());
        let text = |name: &str| claims.as_ref()?.get(name)?.as_str().map(str::to_owned);
        let ends = claims
            .as_ref()
            .and_then(|claims| claims.get("exp")?.as_i64());
        let usual = Timestamp::now().as_millisecond() + USUAL_LIFE.as_millis() as i64;
        Ok(OAuthToken {
            principal_name: text("sub").unwrap_or_else(|| "trueup".to_owned()),
            lifetime_ms: ends.map_or(usual, |seconds| seconds.saturating_mul(1000)),
            token: token.expose_secret().to_owned(),
        })
    }
}

/// What a JSON Web Token says of itself.
fn claims(token: &str) -> Option<Value> {
    let middle = token.split('.').nth(1)?;
    let bytes = URL_SAFE_NO_PAD.decode(middle.trim_end_matches('=')).ok()?;
    serde_json::from_slice(&bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_tells_whose_it_is_and_until_when() {
        let body = URL_SAFE_NO_PAD.encode(r#"{"sub":"ann","exp":17}"#);
        let claims = claims(&format!("e30.{body}.")).unwrap();
        assert_eq!(
            (claims["sub"].as_str(), claims["exp"].as_i64()),
            (Some("ann"), Some(17))
        );
        assert_eq!(super::claims("opaque"), None);
    }
}
