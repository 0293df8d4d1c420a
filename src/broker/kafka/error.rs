//! What can go wrong with a broker, each in its own words.

mod item;

use std::time::Duration;

pub use item::{Fate, ItemError};

/// A failure of a connection or of a whole request. A refused item is an [`ItemError`] instead.
#[derive(Debug, Clone, thiserror::Error)]
pub enum KafkaError {
    /// A file that a property names can't be used.
    #[error("kafka property `{property}`: {cause}")]
    Settings {
        /// The property that names it.
        property: String,
        /// What is wrong, with the file's name.
        cause: String,
    },
    /// The host name has no address.
    #[error(
        "can't resolve the host of kafka broker `{broker}`: {cause}; check `bootstrap.servers` and DNS"
    )]
    HostUnknown {
        /// `host:port`.
        broker: String,
        /// The resolver's words.
        cause: String,
    },
    /// Nothing listens there.
    #[error(
        "kafka broker `{broker}` refused the connection: nothing listens there; check `bootstrap.servers` and that the broker runs"
    )]
    ConnectionRefused {
        /// `host:port`.
        broker: String,
    },
    /// No TCP connection in time.
    #[error("no connection to kafka broker `{broker}` within {}: the host is down or a firewall drops packets", seconds(.after))]
    ConnectTimeout {
        /// `host:port`.
        broker: String,
        /// How long was waited.
        after: Duration,
    },
    /// Another network failure while connecting.
    #[error("can't reach kafka broker `{broker}`: {cause}")]
    Unreachable {
        /// `host:port`.
        broker: String,
        /// The system's words.
        cause: String,
    },
    /// The broker answers, and the controller that it would ask does not: there is no majority to elect one, or the broker
    /// still waits for one that froze (some 30 s, `controller.socket.timeout.ms`).
    #[error(
        "kafka broker `{broker}` answers, but hears nothing from the cluster's controller: what it passes on of {request} stayed unanswered for {}; either no majority of the controllers (`controller.quorum.voters`) runs, or the one in office is frozen: see their logs",
        seconds(.after)
    )]
    NoController {
        /// `host:port` of the broker that was asked.
        broker: String,
        /// The request, as the protocol names it.
        request: &'static str,
        /// How long was waited.
        after: Duration,
    },
    /// The connection is up and nothing answers (a frozen process, or a port that is no Kafka listener).
    #[error("kafka broker `{broker}` accepts connections but did not answer {request} within {}: it is frozen, overloaded, or no kafka listener", seconds(.after))]
    NoAnswer {
        /// `host:port`.
        broker: String,
        /// The request, as the protocol names it.
        request: &'static str,
        /// How long was waited.
        after: Duration,
    },
    /// The broker hung up. A request that changes something and was on the way is [`KafkaError::AnswerLost`] instead.
    #[error("kafka broker `{broker}` closed the connection during {request}{}; check that it runs and what its log says", because(.cause))]
    ConnectionClosed {
        /// `host:port`.
        broker: String,
        /// What was being asked.
        request: &'static str,
        /// The system's words, when it had any.
        cause: Option<String>,
    },
    /// `security.protocol` is plain, the listener speaks TLS.
    #[error(
        "kafka broker `{broker}` speaks TLS on this port: set `security.protocol` to `ssl` or `sasl_ssl`, or use the port of a plaintext listener"
    )]
    PlainAgainstTls {
        /// `host:port`.
        broker: String,
    },
    /// `security.protocol` says TLS, the listener is plain.
    #[error(
        "kafka broker `{broker}` does not speak TLS on this port: use the port of a TLS listener, or set `security.protocol` to `plaintext` or `sasl_plaintext`"
    )]
    TlsAgainstPlain {
        /// `host:port`.
        broker: String,
    },
    /// The broker's certificate is signed by nobody we trust.
    #[error(
        "the certificate of kafka broker `{broker}` is signed by an unknown authority: name its CA in `ssl.ca.location` or `ssl.ca.pem`"
    )]
    UnknownAuthority {
        /// `host:port`.
        broker: String,
    },
    /// The broker's certificate is past its end (or before its start).
    #[error(
        "the certificate of kafka broker `{broker}` is not valid now: {cause}; renew it, or check this machine's clock"
    )]
    CertificateExpired {
        /// `host:port`.
        broker: String,
        /// Which bound does not hold.
        cause: String,
    },
    /// The broker's certificate is for another host.
    #[error("the certificate of kafka broker `{broker}` is for {}, not for this host: connect by a name in it, or set `ssl.endpoint.identification.algorithm` to `none`", list(.presented))]
    CertificateWrongHost {
        /// `host:port`.
        broker: String,
        /// The names in the certificate.
        presented: Vec<String>,
    },
    /// The listener wants a client certificate and none is configured.
    #[error(
        "kafka broker `{broker}` requires a client certificate: set `ssl.certificate.location` and `ssl.key.location`"
    )]
    ClientCertificateRequired {
        /// `host:port`.
        broker: String,
    },
    /// The listener does not accept the client certificate.
    #[error(
        "kafka broker `{broker}` refused the client certificate ({cause}): check that its CA is in the broker's trust store and that it has not expired"
    )]
    ClientCertificateRefused {
        /// `host:port`.
        broker: String,
        /// The TLS alert.
        cause: String,
    },
    /// Another TLS failure.
    #[error("TLS with kafka broker `{broker}` failed: {cause}")]
    Tls {
        /// `host:port`.
        broker: String,
        /// The TLS library's words.
        cause: String,
    },
    /// The listener asks for SASL and none is configured.
    #[error("kafka broker `{broker}` requires SASL on this port: set `security.protocol` to `{protocol}` and `sasl.mechanism` to one of {}", list(.offered))]
    SaslRequired {
        /// `host:port`.
        broker: String,
        /// The `security.protocol` that fits.
        protocol: &'static str,
        /// The mechanisms that the listener offers.
        offered: Vec<String>,
    },
    /// SASL is configured and the listener does not speak it.
    #[error(
        "kafka broker `{broker}` does not use SASL on this port: use the port of a SASL listener, or set `security.protocol` to `{protocol}`"
    )]
    SaslNotExpected {
        /// `host:port`.
        broker: String,
        /// The `security.protocol` that fits.
        protocol: &'static str,
    },
    /// The listener does not offer the mechanism.
    #[error("kafka broker `{broker}` does not offer SASL mechanism `{mechanism}`, only {}: set `sasl.mechanism`", list(.offered))]
    MechanismNotEnabled {
        /// `host:port`.
        broker: String,
        /// The mechanism that was asked for.
        mechanism: &'static str,
        /// Those that the listener offers.
        offered: Vec<String>,
    },
    /// Wrong user, password or token.
    #[error("kafka broker `{broker}` refused the login by `{mechanism}`{}: {cause}; check the user and the password or token", as_user(.user))]
    AuthenticationFailed {
        /// `host:port`.
        broker: String,
        /// The SASL mechanism.
        mechanism: &'static str,
        /// The user name, where the mechanism has one.
        user: Option<String>,
        /// The broker's words.
        cause: String,
    },
    /// The broker can't prove that it knows the password, or breaks the rules of the mechanism: it may be an impostor.
    #[error(
        "kafka broker `{broker}` broke off a correct `{mechanism}` exchange: {cause}; it may not be the broker that it claims to be"
    )]
    Sasl {
        /// `host:port`.
        broker: String,
        /// The SASL mechanism.
        mechanism: &'static str,
        /// What was wrong.
        cause: String,
    },
    /// No OAuth token.
    #[error("no OAuth token from `{from}`: {cause}")]
    NoToken {
        /// The token endpoint, or the token file.
        from: String,
        /// What went wrong.
        cause: String,
    },
    /// None of several bootstrap addresses works.
    #[error("no kafka broker of `bootstrap.servers` can be used: {}", each(.failures))]
    NoBroker {
        /// One failure per address.
        failures: Vec<KafkaError>,
    },
    /// The bootstrap address works; the address that the cluster gives for one of its brokers does not.
    #[error(
        "the cluster says that broker {id} is at `{advertised}` (its `advertised.listeners`), which can't be used from here: {cause}"
    )]
    AdvertisedUnreachable {
        /// The broker's id.
        id: i32,
        /// `host:port`.
        advertised: String,
        /// Why not.
        cause: Box<KafkaError>,
    },
    /// The cluster has no broker of that id.
    #[error("the kafka cluster has no live broker {id}")]
    NoSuchBroker {
        /// The id that was asked for.
        id: i32,
    },
    /// A change that was not sent, because the lock that it was made under is ours no longer.
    #[error("the lock was lost before {request} was sent, so it was not sent")]
    Fenced {
        /// The request, as the protocol names it.
        request: &'static str,
    },
    /// The user lacks a right on the cluster.
    #[error("kafka refused {request}: the user has no right on the cluster{}", because(.message))]
    ClusterAuthorizationFailed {
        /// The request, as the protocol names it.
        request: &'static str,
        /// The broker's words.
        message: Option<String>,
    },
    /// The cluster runs without an authorizer, so it has no ACLs.
    #[error("this kafka cluster has no ACLs: no authorizer is configured (`authorizer.class.name`){}", because(.message))]
    SecurityDisabled {
        /// The broker's words.
        message: Option<String>,
    },
    /// The broker is too old (or too new) for a request.
    #[error(
        "kafka broker `{broker}` does not speak {request} in a version that trueup knows: {cause}; trueup wants kafka 2.4 or newer"
    )]
    Unsupported {
        /// `host:port`.
        broker: String,
        /// The request, as the protocol names it.
        request: &'static str,
        /// The two ranges.
        cause: String,
    },
    /// It speaks Kafka's protocol and can't say who the brokers are.
    #[error(
        "`{broker}` speaks kafka's protocol and does not know Metadata: is it the port of a KRaft controller? `bootstrap.servers` names the brokers' listeners"
    )]
    Controller {
        /// `host:port`.
        broker: String,
    },
    /// The whole request was refused.
    #[error("kafka refused {request}: {error}")]
    Refused {
        /// The request, as the protocol names it.
        request: &'static str,
        /// The broker's code and words.
        error: ItemError,
    },
    /// A request that changes something was sent and its answer never came: it may have been carried out or not.
    #[error(
        "the answer of kafka broker `{broker}` to {request} was lost ({cause}): it may have been carried out or not"
    )]
    AnswerLost {
        /// `host:port`.
        broker: String,
        /// The request, as the protocol names it.
        request: &'static str,
        /// How it was lost.
        cause: String,
    },
    /// Something else than Kafka listens there.
    #[error("what listens at `{broker}` answers, but does not speak kafka (it begins with `{begins}`{}): check `bootstrap.servers`", guess(.begins))]
    NotKafka {
        /// `host:port`.
        broker: String,
        /// The first four bytes, other signs than ASCII's escaped.
        begins: String,
    },
    /// The records of a topic can't be read.
    #[error("the records of kafka topic `{topic}` can't be read: {cause}")]
    Records {
        /// The topic.
        topic: String,
        /// What is wrong with them.
        cause: String,
    },
    /// The broker's bytes are not what the protocol says.
    #[error("kafka broker `{broker}` sent something that is not the kafka protocol: {cause}")]
    Protocol {
        /// `host:port`.
        broker: String,
        /// What was wrong.
        cause: String,
    },
}

impl KafkaError {
    /// True when trying another address can't help: the broker has understood and said no.
    pub(crate) fn is_final(&self) -> bool {
        matches!(
            self,
            KafkaError::AuthenticationFailed { .. }
                | KafkaError::MechanismNotEnabled { .. }
                | KafkaError::Settings { .. }
                | KafkaError::NoToken { .. }
        )
    }

    /// True when a request that changes something may have been carried out all the same.
    pub fn is_outcome_unknown(&self) -> bool {
        matches!(self, KafkaError::AnswerLost { .. })
    }

    /// The error of a whole request with a code at its top.
    pub(crate) fn refused(request: &'static str, error: ItemError) -> KafkaError {
        match error.code {
            31 => KafkaError::ClusterAuthorizationFailed {
                request,
                message: error.message,
            },
            54 => KafkaError::SecurityDisabled {
                message: error.message,
            },
            _ => KafkaError::Refused { request, error },
        }
    }
}

/// What a server that greets so may be.
fn guess(begins: &str) -> &'static str {
    match begins {
        "INFO" => ", a NATS server?",
        "HTTP" => ", a web server?",
        "SSH-" => ", an SSH server?",
        "-ERR" => ", a NATS or Redis server?",
        _ => "",
    }
}

fn seconds(duration: &Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

fn because(cause: &Option<String>) -> String {
    cause.as_ref().map_or(String::new(), |cause| {
        format!(": {}", cause.trim_end_matches('.'))
    })
}

fn as_user(user: &Option<String>) -> String {
    user.as_ref()
        .map_or(String::new(), |user| format!(" as `{user}`"))
}

fn list(words: &[String]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    if quoted.is_empty() {
        "nothing".to_string()
    } else {
        quoted.join(", ")
    }
}

fn each(failures: &[KafkaError]) -> String {
    let texts: Vec<String> = failures.iter().map(KafkaError::to_string).collect();
    texts.join("; ")
}
