//! Certificates that are not right, shown by a TLS server that is no broker: the handshake decides.

use std::net::Ipv4Addr;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls_pki_types::PrivatePkcs8KeyDer;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};
use trueup::broker::kafka::KafkaError;

use super::kafka::{refusal, settings_at};

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A server with a certificate of these parameters, which hangs up after the first bytes of a client.
struct Server {
    address: String,
    ca: String,
    _accepting: JoinSet<()>,
}

impl Server {
    async fn start(params: CertificateParams, asks_clients: bool) -> Server {
        let authority = authority();
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &authority).unwrap();
        let provider = Arc::new(default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = if asks_clients {
            let mut roots = RootCertStore::empty();
            roots.add(authority.der().clone()).unwrap();
            builder.with_client_cert_verifier(
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                    .build()
                    .unwrap(),
            )
        } else {
            builder.with_no_client_auth()
        };
        let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
        let config = builder
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let mut accepting = JoinSet::new();
        accepting.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if let Ok(mut tls) = acceptor.accept(client).await {
                    let _ = tls.read(&mut [0; 1024]).await;
                }
            }
        });
        Server {
            address,
            ca: authority.pem(),
            _accepting: accepting,
        }
    }

    async fn refusal(&self, more: &[(&str, &str)]) -> KafkaError {
        let base = [
            ("security.protocol", "ssl"),
            ("ssl.ca.pem", self.ca.as_str()),
        ];
        refusal(settings_at(&self.address, &[&base[..], more].concat())).await
    }
}

fn params(name: &str) -> CertificateParams {
    CertificateParams::new(vec![name.to_string()]).unwrap()
}

#[tokio::test]
async fn an_expired_certificate() {
    let mut params = params("127.0.0.1");
    (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
    let error = Server::start(params, false).await.refusal(&[]).await;
    assert!(
        matches!(error, KafkaError::CertificateExpired { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_certificate_for_another_host_unless_names_are_not_checked() {
    let server = Server::start(params("kafka.example.org"), false).await;
    let error = server.refusal(&[]).await;
    assert!(
        matches!(error, KafkaError::CertificateWrongHost { .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains("kafka.example.org"), "{error}");
    // The handshake is done then, and this server is no broker.
    let unnamed = server
        .refusal(&[("ssl.endpoint.identification.algorithm", "none")])
        .await;
    assert!(
        matches!(unnamed, KafkaError::ConnectionClosed { .. }),
        "{unnamed:?}"
    );
}

#[tokio::test]
async fn a_chain_is_checked_even_when_names_are_not() {
    let server = Server::start(params("kafka.example.org"), false).await;
    let stranger = authority().pem();
    let more = [
        ("security.protocol", "ssl"),
        ("ssl.ca.pem", &stranger),
        ("ssl.endpoint.identification.algorithm", "none"),
    ];
    let error = refusal(settings_at(&server.address, &more)).await;
    assert!(
        matches!(error, KafkaError::UnknownAuthority { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_client_certificate_is_required_or_refused() {
    let server = Server::start(params("127.0.0.1"), true).await;
    let error = server.refusal(&[]).await;
    assert!(
        matches!(error, KafkaError::ClientCertificateRequired { .. }),
        "{error:?}"
    );
    let (key, stranger) = (KeyPair::generate().unwrap(), authority());
    let certificate = params("client").signed_by(&key, &stranger).unwrap();
    let (chain, key) = (certificate.pem(), key.serialize_pem());
    let error = server
        .refusal(&[("ssl.certificate.pem", &chain), ("ssl.key.pem", &key)])
        .await;
    assert!(
        matches!(error, KafkaError::ClientCertificateRefused { .. }),
        "{error:?}"
    );
}
