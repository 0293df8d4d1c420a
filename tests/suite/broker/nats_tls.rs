//! TLS to NATS, right and wrong.

use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use tempfile::TempDir;
use trueup::broker::nats::{JetStream, NatsError, NatsSettings};

use super::nats_server::{NatsServer, refusal, write};

#[tokio::test]
async fn tls_with_the_right_authority() {
    let (server, papers) = served(Papers::new(), "");
    assert!(connect(papers.trusting(&server)).await.server().tls);
    let by_scheme = NatsSettings::at(&format!("tls://127.0.0.1:{}", server.port));
    let by_scheme = NatsSettings {
        ca: papers.trusting(&server).ca,
        ..by_scheme
    };
    assert!(connect(by_scheme).await.server().tls);
}

#[tokio::test]
async fn tls_that_the_settings_know_nothing_of() {
    let (server, _papers) = served(Papers::new(), "");
    let error = refusal(server.settings()).await;
    assert!(matches!(error, NatsError::TlsRequired { .. }), "{error:?}");
}

#[tokio::test]
async fn another_authority() {
    let (server, _papers) = served(Papers::new(), "");
    let other = Papers::new();
    let error = refusal(other.trusting(&server)).await;
    assert!(
        matches!(error, NatsError::UnknownAuthority { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn an_expired_certificate() {
    let (server, papers) = served(Papers::expired(), "");
    let error = refusal(papers.trusting(&server)).await;
    assert!(
        matches!(error, NatsError::CertificateExpired { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_certificate_for_another_name() {
    let (server, papers) = served(Papers::for_name("elsewhere.test"), "");
    let error = refusal(papers.trusting(&server)).await;
    assert!(
        matches!(&error, NatsError::CertificateName { names, .. } if names == &["elsewhere.test"]),
        "{error:?}"
    );
    assert!(error.to_string().contains("but for `elsewhere.test`"));
}

#[tokio::test]
async fn the_certificate_of_an_authority() {
    let (server, papers) = served(Papers::of_an_authority(), "");
    let told = refusal(papers.trusting(&server)).await.to_string();
    assert!(
        told.contains("its certificate is that of an authority") && !told.contains("EndEntity"),
        "{told}"
    );
}

#[tokio::test]
async fn a_client_certificate() {
    let (server, papers) = served(Papers::new(), "ca_file: \"$DIR/ca.pem\", verify: true");
    let with = |papers: &Papers| NatsSettings {
        cert: Some(papers.path("client.pem")),
        key: Some(papers.path("client.key")),
        ..papers.trusting(&server)
    };
    connect(with(&papers)).await;
    let error = refusal(papers.trusting(&server)).await;
    assert!(
        matches!(error, NatsError::ClientCertificateRequired { .. }),
        "{error:?}"
    );
    let stranger = Papers::new();
    let error = refusal(NatsSettings {
        ca: papers.trusting(&server).ca,
        ..with(&stranger)
    })
    .await;
    let refused = matches!(
        error,
        NatsError::ClientCertificateRefused { .. } | NatsError::Closed { .. }
    );
    assert!(refused, "{error:?}");
}

#[tokio::test]
async fn tls_to_a_plain_port() {
    let server = NatsServer::start("");
    let papers = Papers::new();
    let by_scheme = NatsSettings::at(&format!("tls://127.0.0.1:{}", server.port));
    let first = NatsSettings {
        tls_first: true,
        ..papers.trusting(&server)
    };
    for settings in [papers.trusting(&server), by_scheme, first] {
        let error = refusal(settings).await;
        assert!(
            matches!(error, NatsError::TlsToPlainPort { .. }),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn tls_before_the_first_word() {
    let (server, papers) = served(Papers::new(), "handshake_first: true");
    connect(NatsSettings {
        tls_first: true,
        ..papers.trusting(&server)
    })
    .await;
    let error = refusal(papers.trusting(&server)).await;
    assert!(
        matches!(error, NatsError::TlsFirstRequired { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn tls_before_the_first_word_of_a_server_that_speaks_first() {
    let (server, papers) = served(Papers::new(), "");
    let error = refusal(NatsSettings {
        tls_first: true,
        ..papers.trusting(&server)
    })
    .await;
    assert!(
        matches!(error, NatsError::TlsFirstUnwanted { .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains("remove `tls_first`"), "{error}");
}

#[tokio::test]
async fn files_that_are_none() {
    let papers = Papers::new();
    let broken = write(
        papers.folder.path(),
        "broken.pem",
        "-----BEGIN NONSENSE-----\n",
    );
    let at = NatsSettings::at("nats://127.0.0.1:1");
    let error = refusal(NatsSettings {
        ca: Some(broken.clone()),
        ..at.clone()
    })
    .await;
    assert!(
        matches!(error, NatsError::MalformedFile { role: "ca", .. }),
        "{error:?}"
    );
    let error = refusal(NatsSettings {
        ca: Some(papers.path("absent.pem")),
        ..at.clone()
    })
    .await;
    assert!(
        matches!(error, NatsError::UnreadableFile { role: "ca", .. }),
        "{error:?}"
    );
    let cert = Some(papers.path("client.pem"));
    let error = refusal(NatsSettings {
        cert,
        key: Some(broken),
        ..at
    })
    .await;
    assert!(
        matches!(error, NatsError::MalformedFile { role: "key", .. }),
        "{error:?}"
    );
}

async fn connect(settings: NatsSettings) -> JetStream {
    JetStream::connect(settings).await.unwrap()
}

/// A server whose TLS block ends with `more`; the papers come back with the folder of the test's own copies.
fn served(papers: Papers, more: &str) -> (NatsServer, Papers) {
    let folder = TempDir::new().unwrap();
    for name in ["ca.pem", "server.pem", "server.key"] {
        std::fs::copy(papers.path(name), folder.path().join(name)).unwrap();
    }
    let tls = format!(
        "tls {{ cert_file: \"$DIR/server.pem\", key_file: \"$DIR/server.key\"\n{more}\n}}\n"
    );
    let server = NatsServer::launch_in(
        folder,
        &format!("jetstream {{ store_dir: \"$DIR/js\" }}\n{tls}"),
    );
    (server, papers)
}

/// An authority, a server certificate and a client certificate.
struct Papers {
    folder: TempDir,
}

impl Papers {
    fn new() -> Papers {
        Papers::for_name("127.0.0.1")
    }

    fn for_name(name: &str) -> Papers {
        Papers::written(CertificateParams::new(vec![name.to_owned()]).unwrap())
    }

    fn expired() -> Papers {
        let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        params.not_before = date_time_ymd(2019, 1, 1);
        params.not_after = date_time_ymd(2020, 1, 1);
        Papers::written(params)
    }

    /// A server that shows its authority's own certificate.
    fn of_an_authority() -> Papers {
        let papers = Papers::new();
        let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let folder = papers.folder.path();
        write(folder, "server.key", &key.serialize_pem());
        let authority = CertifiedIssuer::self_signed(params, key).unwrap();
        for name in ["ca.pem", "server.pem"] {
            write(folder, name, &authority.pem());
        }
        papers
    }

    fn written(server: CertificateParams) -> Papers {
        let folder = TempDir::new().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        write(folder.path(), "ca.pem", &authority.pem());
        let client = CertificateParams::new(vec!["client.test".to_owned()]).unwrap();
        for (name, params) in [("server", server), ("client", client)] {
            let key = KeyPair::generate().unwrap();
            let certificate = params.signed_by(&key, &authority).unwrap();
            write(folder.path(), &format!("{name}.pem"), &certificate.pem());
            write(folder.path(), &format!("{name}.key"), &key.serialize_pem());
        }
        Papers { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn trusting(&self, server: &NatsServer) -> NatsSettings {
        NatsSettings {
            ca: Some(self.path("ca.pem")),
            ..server.settings()
        }
    }
}
