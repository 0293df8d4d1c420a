//! What can go wrong between us and a JetStream server, each case by its own name.

use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A connection, a request or an answer that failed.
///
/// Every message names the server (its address without credentials) and what to do next.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum NatsError {
    /// The address cannot be read as one of a NATS server.
    #[error(
        "`{url}` is not the address of a NATS server: {reason}; write `nats://HOST:PORT` or `tls://HOST:PORT`"
    )]
    BadAddress {
        /// The address as written, without credentials.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Settings that contradict each other or cannot be honoured.
    #[error("the NATS connection of `{server}` cannot be set up: {reason}")]
    Settings {
        /// The address without credentials.
        server: String,
        /// The contradiction and the way out.
        reason: String,
    },
    /// A file that the settings name cannot be read.
    #[error(
        "cannot read the NATS {role} file `{}`: {source}; correct the path or its permissions",
        shown(path)
    )]
    UnreadableFile {
        /// The setting: `creds`, `nkey`, `ca`, `cert`, `key`, `context`.
        role: &'static str,
        /// The file.
        path: PathBuf,
        /// The operating system's answer.
        source: Arc<std::io::Error>,
    },
    /// A file that the settings name holds something else than it should.
    #[error("the NATS {role} file `{}` is malformed: {reason}", shown(path))]
    MalformedFile {
        /// The setting: `creds`, `nkey`, `ca`, `cert`, `key`, `context`.
        role: &'static str,
        /// The file.
        path: PathBuf,
        /// What was expected.
        reason: String,
    },
    /// Nobody listens at the address.
    #[error("NATS server `{server}` refused the connection; is it running, and is the port right?")]
    Refused {
        /// The address without credentials.
        server: String,
    },
    /// The host name has no address.
    #[error(
        "the host `{host}` of NATS server `{server}` cannot be resolved: {reason}; check its spelling and the name service"
    )]
    Unresolvable {
        /// The address without credentials.
        server: String,
        /// The host's name.
        host: String,
        /// The resolver's answer.
        reason: String,
    },
    /// No connection came about in time.
    #[error(
        "NATS server `{server}` could not be reached within {seconds} s; check the address, the network and firewalls"
    )]
    ConnectTimeout {
        /// The address without credentials.
        server: String,
        /// How long we tried, in seconds.
        seconds: u64,
    },
    /// The server accepts connections and then says nothing.
    #[error(
        "NATS server `{server}` accepts connections but says nothing: it is frozen or overloaded, or something else than a NATS server listens there"
    )]
    Frozen {
        /// The address without credentials.
        server: String,
    },
    /// The server or something between closed the connection while it was set up.
    #[error(
        "NATS server `{server}` ended the connection while it was set up: {reason}; look into the server's log"
    )]
    Closed {
        /// The address without credentials.
        server: String,
        /// What the connection reported.
        reason: String,
    },
    /// Something else than a NATS server listens there.
    #[error(
        "`{server}` answers, but does not speak NATS: {reason}; is it the port of something else, a Kafka broker's for one?"
    )]
    NotNats {
        /// The address without credentials.
        server: String,
        /// What it does that no NATS server does.
        reason: &'static str,
    },
    /// Several servers are named, and none of them let us in.
    #[error("none of the {} NATS servers can be used: {}", errors.len(), listed(errors))]
    NoneReachable {
        /// Why not, for each in the order of the addresses.
        errors: Vec<NatsError>,
    },
    /// The server does not know these credentials.
    #[error(
        "NATS server `{server}` does not accept {credentials}: authorization violation; check them in `connections.nats`"
    )]
    Unauthorized {
        /// The address without credentials.
        server: String,
        /// Which credentials were shown, never their values.
        credentials: &'static str,
    },
    /// The server wants TLS with a certificate that nothing here can judge.
    #[error(
        "NATS server `{server}` requires TLS and its certificate is not signed by an authority that this machine trusts; set `ca` to the file of its certificate authority"
    )]
    TlsRequired {
        /// The address without credentials.
        server: String,
    },
    /// The server begins with TLS, before any word of the NATS protocol.
    #[error(
        "what listens at `{server}` expects TLS before any word of NATS; a NATS server does with `handshake_first`: then set `tls_first: true`, otherwise check the port"
    )]
    TlsFirstRequired {
        /// The address without credentials.
        server: String,
    },
    /// We began with TLS, and the server wants to speak first.
    #[error(
        "NATS server `{server}` speaks TLS only after its first word; remove `tls_first`, or set `handshake_first` on the server"
    )]
    TlsFirstUnwanted {
        /// The address without credentials.
        server: String,
    },
    /// We asked for TLS and the port speaks plain.
    #[error(
        "NATS server `{server}` does not speak TLS at this port; remove `ca`, `cert`, `key`, `tls_first` and `tls://`, or use its TLS port"
    )]
    TlsToPlainPort {
        /// The address without credentials.
        server: String,
    },
    /// The server's certificate is signed by an authority outside of `ca`.
    #[error(
        "the certificate of NATS server `{server}` is not signed by an authority in `ca`; use the file of the authority that signed it"
    )]
    UnknownAuthority {
        /// The address without credentials.
        server: String,
    },
    /// The server's certificate has expired.
    #[error(
        "the certificate of NATS server `{server}` has expired; renew it on the server (and check this machine's clock)"
    )]
    CertificateExpired {
        /// The address without credentials.
        server: String,
    },
    /// The server's certificate is for another name.
    #[error(
        "the certificate of NATS server `{server}` is not valid for this host name{}; connect by a name that it carries",
        but_for(names)
    )]
    CertificateName {
        /// The address without credentials.
        server: String,
        /// The names that it carries.
        names: Vec<String>,
    },
    /// The server asks for a client certificate and we have none.
    #[error("NATS server `{server}` requires a client certificate; set `cert` and `key`")]
    ClientCertificateRequired {
        /// The address without credentials.
        server: String,
    },
    /// The server refused our client certificate.
    #[error(
        "NATS server `{server}` refused the client certificate in `cert`: {reason}; use one that is signed by an authority the server knows"
    )]
    ClientCertificateRefused {
        /// The address without credentials.
        server: String,
        /// The TLS alert.
        reason: String,
    },
    /// Our client certificate has expired.
    #[error(
        "the client certificate in `cert` has expired, says NATS server `{server}`; renew it (and check the clocks)"
    )]
    ClientCertificateExpired {
        /// The address without credentials.
        server: String,
    },
    /// Any other failure of TLS.
    #[error("TLS with NATS server `{server}` failed: {reason}")]
    Tls {
        /// The address without credentials.
        server: String,
        /// What rustls reported.
        reason: String,
    },
    /// Nobody answers the JetStream API for this account.
    #[error(
        "JetStream is not enabled at NATS server `{server}` ({reason}); enable it on the server and for this account, and check `jetstream_domain` and `jetstream_api_prefix`"
    )]
    JetStreamNotEnabled {
        /// The address without credentials.
        server: String,
        /// How we know: the server's words, or that nobody answers on a subject.
        reason: String,
    },
    /// The account may not do this.
    #[error("permission denied by NATS server `{server}`: needs {action} to `{subject}`")]
    PermissionDenied {
        /// The address without credentials.
        server: String,
        /// `publish` or `subscribe`.
        action: Action,
        /// The exact subject.
        subject: String,
    },
    /// No answer in time to a request that changes nothing.
    #[error(
        "NATS server `{server}` did not answer `{}` within {seconds} s; it may be frozen, overloaded or cut off: try again when it answers",
        nameless(subject)
    )]
    RequestTimeout {
        /// The address without credentials.
        server: String,
        /// The request.
        subject: String,
        /// How long we waited, in seconds.
        seconds: u64,
    },
    /// The connection broke and did not come back in time.
    #[error(
        "the connection to NATS server `{server}` was lost during `{}` and did not come back: {reason}",
        nameless(subject)
    )]
    ConnectionLost {
        /// The address without credentials.
        server: String,
        /// The request.
        subject: String,
        /// What the connection reported.
        reason: String,
    },
    /// A request that was not sent, because the server has stopped answering or the connection is gone.
    #[error("NATS server `{server}` no longer answers, so it was not asked")]
    NotAsked {
        /// The address without credentials.
        server: String,
    },
    /// The server is alive, and nobody in its cluster leads what was asked for.
    #[error(
        "NATS server `{server}` is alive, but its cluster has no leader to answer `{}`, and none was elected within {seconds} s; start the servers of the cluster that are down (a majority has to run), and try again",
        nameless(subject)
    )]
    Leaderless {
        /// The address without credentials.
        server: String,
        /// The request.
        subject: String,
        /// How long we waited for an election, in seconds.
        seconds: u64,
    },
    /// The cluster has its leader, and the servers that hold one stream do not answer.
    #[error(
        "the cluster of NATS server `{server}` is up, but the servers that hold it did not answer within {seconds} s: they are down, or it has no leader; `nats stream report` and `nats consumer report STREAM` tell where it is, start that server"
    )]
    StreamSilent {
        /// The address without credentials.
        server: String,
        /// How long we waited for an election, in seconds.
        seconds: u64,
    },
    /// A change that was not sent, because the lock that it was made under is ours no longer.
    #[error("the lock was lost before this was sent to NATS server `{server}`, so it was not sent")]
    Fenced {
        /// The address without credentials.
        server: String,
    },
    /// A request that was not sent, because the cluster elected no leader.
    #[error("the cluster of NATS server `{server}` has no leader, so it was not asked")]
    LeaderNotAsked {
        /// The address without credentials.
        server: String,
    },
    /// The server answered with an error.
    #[error(
        "NATS server `{server}` refused `{subject}`: {description} (code {code}, error {err_code})"
    )]
    Api {
        /// The address without credentials.
        server: String,
        /// The request.
        subject: String,
        /// The HTTP-like class: 400, 404, 500, 503.
        code: u64,
        /// The server's own code, `server/errors.json`.
        err_code: u64,
        /// The server's words.
        description: String,
    },
    /// A request that changes something was sent and its answer never came: nobody knows whether it was done.
    #[error(
        "the answer of NATS server `{server}` to `{}` was lost ({reason}): whether it was done is unknown; plan again to find out",
        nameless(subject)
    )]
    AnswerLost {
        /// The address without credentials.
        server: String,
        /// The request.
        subject: String,
        /// How the answer was lost.
        reason: String,
    },
    /// The answer is not what the API promises.
    #[error("NATS server `{server}` answered `{subject}` with something unreadable: {reason}")]
    MalformedAnswer {
        /// The address without credentials.
        server: String,
        /// The request.
        subject: String,
        /// What was expected.
        reason: String,
    },
    /// A cluster could not gather a whole listing.
    #[error(
        "NATS server `{server}` answered `{subject}` incompletely: {missing} did not report; try again when the cluster is whole"
    )]
    ListingIncomplete {
        /// The address without credentials.
        server: String,
        /// The request.
        subject: String,
        /// The names that did not report.
        missing: String,
    },
    /// A request that cannot be sent.
    #[error("the request `{subject}` cannot be sent to NATS server `{server}`: {reason}")]
    Unsendable {
        /// The address without credentials.
        server: String,
        /// The request.
        subject: String,
        /// Why, with the limit.
        reason: String,
    },
    /// A name that the JetStream API cannot carry: the server would never answer.
    #[error("`{name}` cannot be the name of a {what}: {reason}")]
    InvalidName {
        /// `stream` or `consumer`.
        what: &'static str,
        /// The name.
        name: String,
        /// The rule that it breaks.
        reason: &'static str,
    },
}

fn listed(errors: &[NatsError]) -> String {
    let each: Vec<String> = errors.iter().map(ToString::to_string).collect();
    each.join("; ")
}

/// The subject of a call with `*` in place of the names that it is about, so that one reason of many
/// resources is one text.
fn nameless(subject: &str) -> String {
    let tokens: Vec<&str> = subject.split('.').collect();
    let is_api = |token: &&str| ["STREAM", "CONSUMER"].contains(token);
    let Some(api) = tokens.iter().position(is_api) else {
        return subject.to_owned();
    };
    let star = |(at, token): (usize, &&str)| if at > api + 1 { "*" } else { *token }.to_owned();
    let tokens: Vec<String> = tokens.iter().enumerate().map(star).collect();
    tokens.join(".")
}

/// A path as an error may show it: what stands where a path is wanted may be the secret itself,
/// an nkey seed or the text of a credentials file.
fn shown(path: &Path) -> String {
    let text = path.display().to_string();
    let is_seed = text.len() > 50 && text.starts_with('S') && !text.contains(['/', '.']);
    if is_seed || text.contains("-----") || text.contains('\n') {
        return "*** (this looks like the secret itself; name a file that holds it)".to_owned();
    }
    text
}

impl NatsError {
    /// The server's own error code (`server/errors.json`), where the server answered with one.
    pub fn api_code(&self) -> Option<u64> {
        match self {
            NatsError::Api { err_code, .. } => Some(*err_code),
            _ => None,
        }
    }

    /// Whether a mutation may have been done although its answer never came.
    pub fn outcome_unknown(&self) -> bool {
        matches!(self, NatsError::AnswerLost { .. })
    }
}

/// What a permission allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Sending to a subject.
    Publish,
    /// Receiving from a subject.
    Subscribe,
}

impl std::fmt::Display for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Action::Publish => "publish",
            Action::Subscribe => "subscribe",
        })
    }
}

fn but_for(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match names.is_empty() {
        true => String::new(),
        false => format!(", but for {}", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_reason_of_many_is_one_text() {
        let lost = |subject: &str| NatsError::AnswerLost {
            server: "nats://a".to_owned(),
            subject: subject.to_owned(),
            reason: "it broke".to_owned(),
        };
        let told = lost("$JS.hub.API.STREAM.CREATE.A").to_string();
        assert!(told.contains("`$JS.hub.API.STREAM.CREATE.*`"), "{told}");
        assert_eq!(told, lost("$JS.hub.API.STREAM.CREATE.B").to_string());
        assert_eq!(
            nameless("$JS.API.CONSUMER.INFO.S.c"),
            "$JS.API.CONSUMER.INFO.*.*"
        );
        assert_eq!(nameless("$JS.API.INFO"), "$JS.API.INFO");
    }

    #[test]
    fn a_secret_in_place_of_a_path_is_not_shown() {
        let seed = format!("SU{}", "A".repeat(56));
        for secret in [seed.as_str(), "-----BEGIN NATS USER JWT-----\nCANARY"] {
            let error = NatsError::UnreadableFile {
                role: "nkey",
                path: secret.into(),
                source: Arc::new(std::io::ErrorKind::NotFound.into()),
            };
            assert!(!error.to_string().contains(secret), "{error}");
        }
        assert_eq!(shown(Path::new("/etc/nats/user.nk")), "/etc/nats/user.nk");
    }
}
