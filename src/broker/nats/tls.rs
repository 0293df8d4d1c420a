//! TLS to a NATS server: the files, and what rustls' errors mean.

use std::path::Path;

use async_nats::ConnectOptions;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{AlertDescription, CertificateError, Error};

use super::credentials::file;
use super::{NatsError, NatsSettings};

/// Reads the files once, so that what is wrong with them is said before anything is sent.
pub(super) async fn check_files(settings: &NatsSettings) -> Result<(), NatsError> {
    for (role, path) in [("ca", &settings.ca), ("cert", &settings.cert)] {
        if let Some(path) = path {
            check_certificates(role, path).await?;
        }
    }
    match &settings.key {
        Some(path) => check_key(path).await,
        None => Ok(()),
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
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            NatsError::CertificateName { server }
        }
        other => NatsError::Tls {
            server,
            reason: format!("its certificate is not valid: {other}"),
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

async fn check_key(path: &Path) -> Result<(), NatsError> {
    let pem = file("key", path).await?;
    match PrivateKeyDer::from_pem_slice(&pem) {
        Ok(_) => Ok(()),
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
