//! TLS to a NATS server: the files, and what rustls' errors mean.

use std::path::Path;

use async_nats::ConnectOptions;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{AlertDescription, CertificateError, Error};

use super::credentials::file;
use super::{NatsError, NatsSettings};
use crate::broker::certificate_words::{in_words, names};

/// Reads the files once, so that what is wrong with them is said before anything is sent.
pub(super) async fn check_files(settings: &NatsSettings) -> Result<(), NatsError> {
    for (role, path) in [("ca", &settings.ca), ("cert", &settings.cert)] {
        if let Some(path) = path {
            check_certificates(role, path).await?;
        }
    }
    let Some(path) = &settings.key else {
        return Ok(());
    };
    let key = check_key(path).await?;
    match &settings.cert {
        Some(cert) => check_pair(cert, path, key).await,
        None => Ok(()),
    }
}

/// A key that was made for another certificate can never be used, whatever the server says.
async fn check_pair(
    cert: &Path,
    path: &Path,
    key: PrivateKeyDer<'static>,
) -> Result<(), NatsError> {
    let pem = file("cert", cert).await?;
    let chain = CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok);
    let pair = CertifiedKey::from_der(chain.collect(), key, &ring::default_provider());
    match pair {
        Err(Error::InconsistentKeys(_)) => {
            let reason = format!(
                "it does not belong to the certificate in `{}`; name the key that this certificate was made for",
                cert.display()
            );
            Err(malformed("key", path, &reason))
        }
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Puts the settings into the client's options. `required` asks for TLS at every server.
pub(super) fn into_options(
    settings: &NatsSettings,
    required: bool,
    options: ConnectOptions,
) -> ConnectOptions {
    let mut options = options.require_tls(required);
    if let Some(ca) = &settings.ca {
        options = options.add_root_certificates(ca.clone());
    }
    if let (Some(cert), Some(key)) = (&settings.cert, &settings.key) {
        options = options.add_client_certificate(cert.clone(), key.clone());
    }
    match settings.tls_first {
        true => options.tls_first(),
        false => options,
    }
}

/// What a failed handshake says about the server and the settings.
pub(super) fn meaning(error: &Error, server: &str, settings: &NatsSettings) -> NatsError {
    let server = server.to_owned();
    match error {
        Error::InvalidCertificate(fault) => certificate_meaning(fault, server, settings),
        Error::InvalidMessage(_) | Error::InappropriateMessage { .. } => {
            NatsError::TlsToPlainPort { server }
        }
        Error::AlertReceived(alert) => alert_meaning(*alert, server, settings),
        other => NatsError::Tls {
            server,
            reason: other.to_string(),
        },
    }
}

fn certificate_meaning(
    fault: &CertificateError,
    server: String,
    settings: &NatsSettings,
) -> NatsError {
    match fault {
        // a bad signature: an authority of the same name and another key, as after it was made anew
        CertificateError::UnknownIssuer | CertificateError::BadSignature => match settings.ca {
            None => NatsError::TlsRequired { server },
            Some(_) => NatsError::UnknownAuthority { server },
        },
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            NatsError::CertificateExpired { server }
        }
        CertificateError::NotValidForName => NatsError::CertificateName {
            server,
            names: Vec::new(),
        },
        CertificateError::NotValidForNameContext { presented, .. } => NatsError::CertificateName {
            server,
            names: names(presented),
        },
        other => NatsError::Tls {
            server,
            reason: in_words(other),
        },
    }
}

fn alert_meaning(alert: AlertDescription, server: String, settings: &NatsSettings) -> NatsError {
    let about_our_certificate = matches!(
        alert,
        AlertDescription::CertificateRequired
            | AlertDescription::BadCertificate
            | AlertDescription::UnknownCA
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::AccessDenied
    );
    let reason = format!("{alert:?}");
    match (about_our_certificate, &settings.cert) {
        (true, None) => NatsError::ClientCertificateRequired { server },
        (true, Some(_)) if alert == AlertDescription::CertificateExpired => {
            NatsError::ClientCertificateExpired { server }
        }
        (true, Some(_)) => NatsError::ClientCertificateRefused { server, reason },
        (false, _) => NatsError::Tls {
            server,
            reason: format!("the server ended it with the alert {reason}"),
        },
    }
}

async fn check_certificates(role: &'static str, path: &Path) -> Result<(), NatsError> {
    let pem = file(role, path).await?;
    let found = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
    match found {
        Ok(found) if !found.is_empty() => Ok(()),
        _ => Err(malformed(
            role,
            path,
            "it does not hold certificates in PEM form",
        )),
    }
}

async fn check_key(path: &Path) -> Result<PrivateKeyDer<'static>, NatsError> {
    let pem = file("key", path).await?;
    match PrivateKeyDer::from_pem_slice(&pem) {
        Ok(key) => Ok(key),
        Err(_) => Err(malformed(
            "key",
            path,
            "it does not hold an unencrypted private key in PEM form",
        )),
    }
}

fn malformed(role: &'static str, path: &Path, reason: &str) -> NatsError {
    NatsError::MalformedFile {
        role,
        path: path.to_owned(),
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_key_of_another_certificate_is_told_before_anybody_is_asked() {
        let folder = tempfile::TempDir::new().unwrap();
        let made = |name: &str| rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
        let written = |name: &str, text: String| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            Some(path)
        };
        let (one, other) = (made("a"), made("b"));
        let with_key = |key: &str| NatsSettings {
            cert: written("cert.pem", one.cert.pem()),
            key: written("key.pem", key.to_owned()),
            ..NatsSettings::default()
        };
        let good = with_key(&one.signing_key.serialize_pem());
        check_files(&good).await.unwrap();
        let wrong = with_key(&other.signing_key.serialize_pem());
        let told = check_files(&wrong).await.unwrap_err().to_string();
        assert!(
            told.contains("does not belong to the certificate"),
            "{told}"
        );
    }

    #[test]
    fn an_expired_certificate_of_ours_is_called_so() {
        let settings = NatsSettings {
            cert: Some("cert.pem".into()),
            ..NatsSettings::default()
        };
        let alert = Error::AlertReceived(AlertDescription::CertificateExpired);
        let told = meaning(&alert, "tls://a", &settings).to_string();
        assert!(told.contains("`cert` has expired"), "{told}");
    }
}
