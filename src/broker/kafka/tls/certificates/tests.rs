use pkcs8::LineEnding;
use pkcs8::der::pem::PemLabel;
use pkcs8::pkcs5::pbes2::Parameters;

use super::*;

fn inline(property: &'static str, text: String) -> Pem {
    Pem::Inline {
        property,
        text: SecretString::from(text),
    }
}

/// A certificate and its key, encrypted with `password` as `openssl pkcs8 -topk8` does.
fn encrypted(password: &str) -> (Pem, Pem) {
    let made = rcgen::generate_simple_self_signed(vec!["client".to_string()]).unwrap();
    let der = made.signing_key.serialize_der();
    let plain = pkcs8::PrivateKeyInfo::try_from(der.as_slice()).unwrap();
    let cipher = Parameters::pbkdf2_sha256_aes256cbc(2_048, b"saltsalt", &[7; 16]).unwrap();
    let document = plain.encrypt_with_params(cipher, password).unwrap();
    let pem = document
        .to_pem(EncryptedPrivateKeyInfo::PEM_LABEL, LineEnding::LF)
        .unwrap();
    (
        inline("ssl.certificate.pem", made.cert.pem()),
        inline("ssl.key.pem", pem.to_string()),
    )
}

fn key(password: Option<&str>) -> Result<Arc<CertifiedKey>, KafkaError> {
    let (chain, key) = encrypted("pa55");
    let key_password = password.map(|text| SecretString::from(text.to_string()));
    client_key(&ClientCertificate {
        chain,
        key,
        key_password,
    })
}

#[test]
fn an_encrypted_key_opens_with_its_password_only() {
    key(Some("pa55")).expect("opens");
    let error = key(Some("wr0ng")).unwrap_err().to_string();
    assert!(
        error.contains("`ssl.key.password` is wrong") && !error.contains("wr0ng"),
        "{error}"
    );
    assert!(
        key(None)
            .unwrap_err()
            .to_string()
            .contains("set `ssl.key.password`")
    );
}

#[test]
fn a_key_must_fit_its_certificate() {
    let one = rcgen::generate_simple_self_signed(vec!["a".to_string()]).unwrap();
    let other = rcgen::generate_simple_self_signed(vec!["b".to_string()]).unwrap();
    let client = ClientCertificate {
        chain: inline("ssl.certificate.pem", one.cert.pem()),
        key: inline("ssl.key.pem", other.signing_key.serialize_pem()),
        key_password: None,
    };
    assert!(matches!(
        client_key(&client),
        Err(KafkaError::Settings { .. })
    ));
}

#[test]
fn authorities_come_from_a_file_or_every_file_of_a_directory() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a", "b"] {
        let made = rcgen::generate_simple_self_signed(vec![name.to_string()]).unwrap();
        std::fs::write(folder.path().join(name), made.cert.pem()).unwrap();
    }
    let at = |path: &Path| Pem::File {
        property: "ssl.ca.location",
        path: path.to_str().unwrap().to_string(),
    };
    assert_eq!(roots(Some(&at(folder.path()))).unwrap().len(), 2);
    assert_eq!(roots(Some(&at(&folder.path().join("a")))).unwrap().len(), 1);
    let nothing = inline("ssl.ca.pem", "no certificate".to_string());
    assert!(
        certificates(&nothing)
            .unwrap_err()
            .to_string()
            .contains("`ssl.ca.pem`: holds no PEM")
    );
}
