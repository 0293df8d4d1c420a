//! Short looks at a listener that failed, to say why: what does it speak, is it alive?

use std::ops::RangeInclusive;
use std::time::Duration;

use kafka_protocol::messages::{ApiVersionsRequest, SaslHandshakeRequest};
use kafka_protocol::protocol::StrBytes;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::rustls;

use super::connection::Broken;
use super::dial::{Dialing, NoWire};
use super::tls::Tls;

/// How long a look may take: until the end of the attempt that failed, or a little, within these bounds.
const LOOK: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(3);

/// True when the listener answers a TLS handshake, with consent or with an alert.
pub(crate) async fn speaks_tls(dialing: &Dialing) -> bool {
    let Ok(tls) = Tls::for_probe() else {
        return false;
    };
    let dialing = Dialing {
        tls: Some(tls),
        ..look(dialing)
    };
    match timeout_at(dialing.deadline, dialing.wire()).await {
        Ok(Ok(_)) => true,
        Ok(Err(NoWire::Tls(Broken::Tls(rustls::Error::AlertReceived(_))))) => true,
        Ok(Err(_)) | Err(_) => false,
    }
}

/// True when the listener answers Kafka's first request without TLS.
pub(crate) async fn speaks_plain(dialing: &Dialing) -> bool {
    answers(Dialing {
        tls: None,
        ..look(dialing)
    })
    .await
}

/// The first bytes of a listener without TLS that speaks another protocol.
pub(crate) async fn greeting(dialing: &Dialing) -> Option<[u8; 4]> {
    let dialing = Dialing {
        tls: None,
        ..look(dialing)
    };
    let asked = async {
        let connection = dialing.wire().await.ok()?;
        let request = ApiVersionsRequest::default();
        connection.call(&request, 0).await.err()
    };
    match timeout_at(dialing.deadline, asked)
        .await
        .ok()
        .flatten()?
        .why
    {
        Broken::Foreign(bytes) => Some(bytes),
        _ => None,
    }
}

/// True when the broker still answers on a new connection.
pub(crate) async fn is_alive(dialing: &Dialing) -> bool {
    answers(look(dialing)).await
}

/// The mechanisms of the listener, when it asks for SASL.
pub(crate) async fn sasl_mechanisms(dialing: &Dialing) -> Option<Vec<String>> {
    let request = SaslHandshakeRequest::default().with_mechanism(StrBytes::from_static_str("ANY"));
    let dialing = look(dialing);
    let asked = async {
        let connection = dialing.wire().await.ok()?;
        connection.call(&request, 1).await.ok()
    };
    let answer = timeout_at(dialing.deadline, asked).await.ok().flatten()?;
    let offered = answer
        .mechanisms
        .iter()
        .map(|name| name.to_string())
        .collect();
    (answer.error_code == 33).then_some(offered)
}

async fn answers(dialing: Dialing) -> bool {
    let request = ApiVersionsRequest::default();
    let asked = async {
        let connection = dialing.wire().await.ok()?;
        connection.call(&request, 0).await.ok()
    };
    timeout_at(dialing.deadline, asked)
        .await
        .ok()
        .flatten()
        .is_some()
}

/// The same address, without login, with a deadline of its own.
fn look(dialing: &Dialing) -> Dialing {
    let started = Instant::now();
    let left = dialing.deadline.saturating_duration_since(started);
    Dialing {
        started,
        deadline: started + left.clamp(*LOOK.start(), *LOOK.end()),
        ..dialing.clone()
    }
}
