//! Logging in: the SASL exchange inside Kafka's own requests (KIP-152).

mod credentials;

use std::time::{Duration, Instant};

use kafka_protocol::messages::{SaslAuthenticateRequest, SaslHandshakeRequest};
use kafka_protocol::protocol::StrBytes;
use rsasl::prelude::{Mechname, MessageSent, SASLClient, SASLConfig, Session, State};

use super::connection::Connection;
use super::dial::{Dialing, ask};
use super::error::KafkaError;
use super::oauth;
use super::settings::{Login, SaslSettings, protocol_name};
use credentials::Credentials;
pub(crate) use credentials::Spelling;

/// Logs in on a connection that has negotiated its versions.
pub(crate) async fn log_in(
    dialing: &Dialing,
    connection: &Connection,
    sasl: &SaslSettings,
    spelling: Spelling,
) -> Result<(), KafkaError> {
    let credentials = credentials(dialing, sasl, spelling).await?;
    let exchange = Exchange {
        dialing,
        connection,
        sasl,
        credentials,
    };
    exchange.handshake().await?;
    let lifetime = exchange.authenticate().await?;
    if lifetime > Duration::ZERO {
        // A new connection takes over before the end, as the Java client does at 85 to 95 % of the lifetime.
        connection.expires_at(Instant::now() + lifetime.mul_f64(0.85));
    }
    Ok(())
}

/// True when SASLprep changes the password, so that brokers may know it by either spelling: RFC 5802 wants the prepared
/// one, but Kafka's own tools and clients store and send passwords as they are.
pub(crate) fn has_two_spellings(sasl: &SaslSettings) -> bool {
    sasl.login().is_some_and(Login::has_two_spellings)
}

async fn credentials(
    dialing: &Dialing,
    sasl: &SaslSettings,
    spelling: Spelling,
) -> Result<Credentials, KafkaError> {
    match sasl {
        SaslSettings::Plain(login)
        | SaslSettings::ScramSha256(login)
        | SaslSettings::ScramSha512(login) => Ok(Credentials::login(login, spelling)),
        SaslSettings::OauthBearer(source) => {
            let token = oauth::token(source, dialing.deadline).await?;
            Ok(Credentials::bearer(token, source.extensions()))
        }
    }
}

struct Exchange<'a> {
    dialing: &'a Dialing,
    connection: &'a Connection,
    sasl: &'a SaslSettings,
    credentials: Credentials,
}

impl Exchange<'_> {
    /// Asks for the mechanism.
    async fn handshake(&self) -> Result<(), KafkaError> {
        let mechanism = self.sasl.mechanism();
        let request =
            SaslHandshakeRequest::default().with_mechanism(StrBytes::from_static_str(mechanism));
        let answer = ask(self.dialing, self.connection, &request).await?;
        let broker = self.broker();
        let offered = answer
            .mechanisms
            .iter()
            .map(|name| name.to_string())
            .collect();
        match answer.error_code {
            0 => Ok(()),
            33 => Err(KafkaError::MechanismNotEnabled {
                broker,
                mechanism,
                offered,
            }),
            34 => {
                let protocol = protocol_name(self.dialing.tls.is_some(), false);
                Err(KafkaError::SaslNotExpected { broker, protocol })
            }
            code => Err(self.failed(code, None)),
        }
    }

    /// Carries the mechanism's messages until both sides are content; the session's lifetime comes back (zero: no end).
    async fn authenticate(&self) -> Result<Duration, KafkaError> {
        let mut session = self.session()?;
        let mut lifetime = Duration::ZERO;
        let mut input: Option<Vec<u8>> = None;
        loop {
            let (back, output, state) = self.step(session, input.take()).await?;
            session = back;
            let (finished, message_due) = match state {
                State::Running => (false, true),
                State::Finished(sent) => (true, matches!(sent, MessageSent::Yes)),
            };
            if message_due {
                let answer = self.exchange(output).await?;
                lifetime = Duration::from_millis(answer.1);
                input = Some(answer.0);
            }
            if finished {
                return Ok(lifetime);
            }
        }
    }

    /// One message there and one back, with the session's lifetime in ms.
    async fn exchange(&self, output: Vec<u8>) -> Result<(Vec<u8>, u64), KafkaError> {
        let request = SaslAuthenticateRequest::default().with_auth_bytes(output.into());
        let answer = ask(self.dialing, self.connection, &request).await?;
        if answer.error_code != 0 {
            return Err(self.failed(
                answer.error_code,
                answer.error_message.as_ref().map(|text| text.as_str()),
            ));
        }
        let lifetime = u64::try_from(answer.session_lifetime_ms).unwrap_or(0);
        Ok((answer.auth_bytes.to_vec(), lifetime))
    }

    /// One step of the mechanism, off the async threads: a SCRAM step hashes thousands of times.
    async fn step(
        &self,
        mut session: Session,
        input: Option<Vec<u8>>,
    ) -> Result<(Session, Vec<u8>, State), KafkaError> {
        let stepped = tokio::task::spawn_blocking(move || {
            let mut output = Vec::new();
            let state = session.step(input.as_deref(), &mut output);
            (session, output, state)
        });
        let (session, output, state) = stepped
            .await
            .map_err(|error| self.broken_off(error.to_string()))?;
        if let Some(refusal) = self.credentials.refusal() {
            return Err(self.refused(refusal));
        }
        let state = state.map_err(|error| self.broken_off(credentials::in_words(&error)))?;
        Ok((session, output, state))
    }

    fn session(&self) -> Result<Session, KafkaError> {
        let config = SASLConfig::builder()
            .with_defaults()
            .with_callback(self.credentials.clone());
        let name = Mechname::parse(self.sasl.mechanism().as_bytes())
            .map_err(|error| self.broken_off(error.to_string()))?;
        let session = config.and_then(|config| SASLClient::new(config).start_suggested(&[name]));
        session.map_err(|error| self.broken_off(error.to_string()))
    }

    fn failed(&self, code: i16, message: Option<&str>) -> KafkaError {
        let cause = message
            .filter(|text| !text.is_empty())
            .unwrap_or(super::codes::error_name(code));
        self.refused(cause.to_string())
    }

    fn refused(&self, cause: String) -> KafkaError {
        let cause = self.credentials.blinded(&cause);
        KafkaError::AuthenticationFailed {
            broker: self.broker(),
            mechanism: self.sasl.mechanism(),
            user: self.sasl.user().map(str::to_string),
            cause,
        }
    }

    fn broken_off(&self, cause: String) -> KafkaError {
        KafkaError::Sasl {
            broker: self.broker(),
            mechanism: self.sasl.mechanism(),
            cause,
        }
    }

    fn broker(&self) -> String {
        self.connection.address().to_string()
    }
}
