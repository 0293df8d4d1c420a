//! What rustls says of a server's certificate, in words.

use tokio_rustls::rustls::CertificateError;

/// What is wrong with a server's certificate, and the way out.
pub(super) fn in_words(error: &CertificateError) -> String {
    let words = error.to_string();
    match words.contains(OF_AN_AUTHORITY) {
        true => "its certificate is that of an authority (`CA:TRUE`), which no server may show; give it one of its own, signed by that authority (`basicConstraints=CA:FALSE`, its host in `subjectAltName`)".to_owned(),
        false => format!("its certificate is not valid: {words}"),
    }
}

/// webpki's name for it; rustls hands it on as text.
const OF_AN_AUTHORITY: &str = "CaUsedAsEndEntity";

/// The names that a certificate is for: `localhost` of rustls's `DnsName("localhost")`.
pub(super) fn names(presented: &[String]) -> Vec<String> {
    let name = |text: &String| {
        let inner = text
            .split_once('(')
            .and_then(|(_, rest)| rest.strip_suffix(')'));
        inner.unwrap_or(text).trim_matches('"').to_owned()
    };
    presented.iter().map(name).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio_rustls::rustls::OtherError;

    use super::*;

    #[test]
    fn names_are_told_without_the_librarys_own_words() {
        let presented = ["DnsName(\"a.example\")", "IpAddress(127.0.0.1)", "plain"];
        let presented = presented.map(str::to_owned);
        assert_eq!(names(&presented), ["a.example", "127.0.0.1", "plain"]);
    }

    #[test]
    fn an_authority_that_shows_its_own_certificate_is_told_as_that() {
        let error = OtherError(Arc::new(std::io::Error::other(OF_AN_AUTHORITY)));
        let told = in_words(&CertificateError::Other(error));
        assert!(told.contains("an authority") && !told.contains(OF_AN_AUTHORITY));
    }

    #[test]
    fn what_has_no_words_of_ours_is_told_in_theirs() {
        let told = in_words(&CertificateError::BadEncoding);
        assert!(told.starts_with("its certificate is not valid: "), "{told}");
    }
}
