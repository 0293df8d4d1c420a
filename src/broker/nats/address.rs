//! Addresses of NATS servers, with and without their credentials.

use async_nats::ServerAddr;
use percent_encoding::percent_decode_str;
use secrecy::SecretString;

use super::NatsError;

/// One server of `url`, its credentials taken out.
#[derive(Debug, Clone)]
pub(super) struct Address {
    /// The address without credentials, safe to show and to log.
    pub(super) shown: String,
    /// What the client connects to: no credentials in it either.
    pub(super) server: ServerAddr,
    /// The user that the address carried; without a password it is a token (as in every NATS client).
    pub(super) user: Option<String>,
    /// The password that the address carried.
    pub(super) password: Option<SecretString>,
}

/// All servers of a comma-separated list.
pub(super) fn addresses(list: &str) -> Result<Vec<Address>, NatsError> {
    let written = list
        .split(',')
        .map(str::trim)
        .filter(|text| !text.is_empty());
    let servers = written.map(address).collect::<Result<Vec<_>, _>>()?;
    if servers.is_empty() {
        return Err(bad(list, "it is empty"));
    }
    Ok(servers)
}

/// The list as it may be shown: no credentials in it, whether or not it can be read.
pub(super) fn scrubbed(list: &str) -> String {
    let written = list
        .split(',')
        .map(str::trim)
        .filter(|text| !text.is_empty());
    let shown = written.map(|text| match address(text) {
        Ok(address) => address.shown,
        Err(_) => place_of_unreadable(text).to_owned(),
    });
    shown.collect::<Vec<_>>().join(",")
}

/// Whether every server of the list can be read. Of one that can't nothing is known to be no secret.
pub(super) fn is_well_formed(list: &str) -> bool {
    addresses(list).is_ok()
}

/// What may be shown of a text that is no address: a secret may stand anywhere in it but for a scheme
/// that is known.
fn place_of_unreadable(text: &str) -> &'static str {
    const KNOWN: [(&str, &str); 6] = [
        ("nats", "nats://…"),
        ("tls", "tls://…"),
        ("ws", "ws://…"),
        ("wss", "wss://…"),
        ("http", "http://…"),
        ("https", "https://…"),
    ];
    let scheme = scheme_of(text).unwrap_or_default();
    let known = KNOWN.iter().find(|(known, _)| *known == scheme);
    known.map_or("…", |(_, shown)| shown)
}

fn scheme_of(text: &str) -> Option<&str> {
    text.split_once("://").map(|(scheme, _)| scheme)
}

fn address(text: &str) -> Result<Address, NatsError> {
    let is_spoken = |scheme: &str| ["nats", "tls"].contains(&scheme);
    if !scheme_of(text).is_none_or(|scheme| is_spoken(&scheme.to_ascii_lowercase())) {
        return Err(bad(text, "only `nats` and `tls` are spoken"));
    }
    let parsed = text
        .parse::<ServerAddr>()
        .map_err(|error| bad(text, &error.to_string()))?;
    let scheme = parsed.scheme();
    if parsed.host().is_empty() {
        return Err(bad(text, "it has no host"));
    }
    let host = bracketed(parsed.host());
    let shown = format!("{scheme}://{host}:{}", parsed.port());
    let server = shown
        .parse::<ServerAddr>()
        .map_err(|error| bad(text, &error.to_string()))?;
    Ok(Address {
        user: parsed.username().map(decoded),
        password: parsed.password().map(|secret| decoded(secret).into()),
        shown,
        server,
    })
}

fn bracketed(host: &str) -> String {
    match host.contains(':') {
        true => format!("[{host}]"),
        false => host.to_owned(),
    }
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn bad(text: &str, reason: &str) -> NatsError {
    NatsError::BadAddress {
        url: place_of_unreadable(text).to_owned(),
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    #[test]
    fn credentials_are_taken_out_and_decoded() {
        let found = &addresses("nats://ann:s%40cret@h:4333").unwrap()[0];
        assert_eq!(found.shown, "nats://h:4333");
        assert_eq!(found.server.as_url_str(), "nats://h:4333");
        assert_eq!(found.user.as_deref(), Some("ann"));
        assert_eq!(found.password.as_ref().unwrap().expose_secret(), "s@cret");
    }

    #[test]
    fn a_list_keeps_its_order_and_gets_default_ports() {
        let found = addresses(" nats://b , tls://a:1,[::1]:7").unwrap();
        let shown = found.iter().map(|a| a.shown.as_str()).collect::<Vec<_>>();
        assert_eq!(shown, ["nats://b:4222", "tls://a:1", "nats://[::1]:7"]);
    }

    #[test]
    fn nothing_secret_is_shown_even_of_what_cannot_be_read() {
        for list in [
            "nats://u:s3cret@h:4222",
            "nats://s3cret@h:4222",
            "nats://u:s3cret@h:99999",
            "u:s3cret@h",
            "http://u:s3cret@h",
            "nats://u:s3cret",
            "nats://u:s3@cret:s3cret@h",
            "s3cret@@://",
            "s3cret://h",
            "nats://h:s3cret",
            "nats://h:4s3cret",
            "nats://u:s3cret h:1",
            "nats://h:1?token=s3cret",
            "nats://h/s3cret",
            "[s3cret",
            "nats://a:1,u:s3cret b:2",
        ] {
            assert!(!scrubbed(list).contains("s3cret"), "{}", scrubbed(list));
            if let Err(error) = addresses(list) {
                let message = error.to_string();
                assert!(!message.contains("s3cret"), "{message}");
            }
        }
    }

    #[test]
    fn what_cannot_be_read_is_told_with_its_scheme_alone() {
        let message = addresses("nats://h:s3cret").unwrap_err().to_string();
        assert!(message.contains("nats://…"), "{message}");
        assert!(message.contains("invalid port"), "{message}");
        assert_eq!(scrubbed("nats://h:x,tls://a"), "nats://…,tls://a:4222");
    }

    #[test]
    fn other_schemes_are_refused() {
        for list in ["ws://h:1", "http://h", "", " , ", "nats://"] {
            assert!(addresses(list).is_err(), "`{list}` was taken");
        }
    }
}
