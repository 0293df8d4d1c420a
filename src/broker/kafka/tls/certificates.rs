//! Certificates and keys from PEM files and inline text.

use std::path::Path;
use std::sync::Arc;

use pkcs8::EncryptedPrivateKeyInfo;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use secrecy::{ExposeSecret, SecretString};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{Error, RootCertStore};

use super::provider;
use crate::broker::kafka::error::KafkaError;
use crate::broker::kafka::settings::{ClientCertificate, Pem};

/// The authorities that may sign a broker's certificate: those given, or the system's (the public ones where it has none).
pub(super) fn roots(ca: Option<&Pem>) -> Result<RootCertStore, KafkaError> {
    let mut store = RootCertStore::empty();
    let Some(ca) = ca else {
        store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if store.is_empty() {
            store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        return Ok(store);
    };
    for certificate in certificates(ca)? {
        store
            .add(certificate)
            .map_err(|error| wrong(ca, &error.to_string()))?;
    }
    Ok(store)
}

/// The PEM certificates of a file, a directory of files, or inline text; at least one.
pub(crate) fn certificates(pem: &Pem) -> Result<Vec<CertificateDer<'static>>, KafkaError> {
    let text = text(pem)?;
    let found: Result<Vec<_>, _> =
        CertificateDer::pem_slice_iter(text.expose_secret().as_bytes()).collect();
    let found = found.map_err(|error| wrong(pem, &error.to_string()))?;
    if found.is_empty() {
        return Err(wrong(
            pem,
            "holds no PEM certificate (`-----BEGIN CERTIFICATE-----`)",
        ));
    }
    Ok(found)
}

/// The client's certificate chain with its key.
pub(super) fn client_key(client: &ClientCertificate) -> Result<Arc<CertifiedKey>, KafkaError> {
    let chain = certificates(&client.chain)?;
    let key = private_key(&client.key, client.key_password.as_ref())?;
    let certified = CertifiedKey::from_der(chain, key, &provider());
    certified.map(Arc::new).map_err(|error| match error {
        Error::InconsistentKeys(_) => wrong(
            &client.key,
            "does not belong to the certificate that stands beside it: name the key that this certificate was made for",
        ),
        error => wrong(&client.key, &error.to_string()),
    })
}

fn private_key(
    pem: &Pem,
    password: Option<&SecretString>,
) -> Result<PrivateKeyDer<'static>, KafkaError> {
    let text = text(pem)?;
    let text = text.expose_secret();
    if text.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----") {
        let Some(password) = password else {
            return Err(wrong(pem, "is encrypted: set `ssl.key.password`"));
        };
        return decrypted(pem, text, password);
    }
    if text.contains("Proc-Type: 4,ENCRYPTED") {
        return Err(wrong(
            pem,
            "is encrypted in the old OpenSSL form: convert it with `openssl pkcs8 -topk8`",
        ));
    }
    PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|error| wrong(pem, &error.to_string()))
}

/// PKCS#8 with PBES2 (RFC 5208, RFC 8018), what `openssl pkcs8 -topk8` writes.
fn decrypted(
    pem: &Pem,
    text: &str,
    password: &SecretString,
) -> Result<PrivateKeyDer<'static>, KafkaError> {
    let begin = text
        .find("-----BEGIN ENCRYPTED PRIVATE KEY-----")
        .unwrap_or(0);
    let (_, document) = pkcs8::SecretDocument::from_pem(text[begin..].trim_end())
        .map_err(|error| wrong(pem, &error.to_string()))?;
    let encrypted = EncryptedPrivateKeyInfo::try_from(document.as_bytes())
        .map_err(|error| wrong(pem, &error.to_string()))?;
    let plain = encrypted.decrypt(password.expose_secret());
    let plain = plain.map_err(|_| {
        wrong(
            pem,
            "can't be decrypted: `ssl.key.password` is wrong or the cipher is not PBES2",
        )
    })?;
    Ok(PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(
        plain.as_bytes().to_vec(),
    )))
}

fn text(pem: &Pem) -> Result<SecretString, KafkaError> {
    match pem {
        Pem::Inline { text, .. } => Ok(text.clone()),
        Pem::File { path, .. } => {
            let text = read(Path::new(path)).map_err(|error| wrong(pem, &error.to_string()))?;
            Ok(SecretString::from(text))
        }
    }
}

/// The text of a file, or of all files of a directory in the order of their names.
fn read(path: &Path) -> std::io::Result<String> {
    if !path.is_dir() {
        return std::fs::read_to_string(path);
    }
    let mut files: Vec<_> = std::fs::read_dir(path)?.collect::<Result<Vec<_>, _>>()?;
    files.sort_by_key(|entry| entry.path());
    let texts = files
        .iter()
        .filter(|entry| entry.path().is_file())
        .map(|entry| std::fs::read_to_string(entry.path()));
    texts
        .collect::<Result<Vec<_>, _>>()
        .map(|texts| texts.join("\n"))
}

fn wrong(pem: &Pem, cause: &str) -> KafkaError {
    let place = match pem {
        Pem::File { path, .. } => format!("`{path}`: "),
        Pem::Inline { .. } => String::new(),
    };
    KafkaError::Settings {
        property: pem.property().to_string(),
        cause: place + cause,
    }
}

#[cfg(test)]
mod tests;
