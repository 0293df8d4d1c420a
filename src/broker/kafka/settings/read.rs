//! From properties to [`KafkaSettings`].

use std::time::Duration;

use indexmap::IndexMap;

use super::properties::{Properties, PropertyComplaint};
use super::{
    AddressFamily, ClientCertificate, ClientCredentials, KafkaSettings, Login, SaslSettings,
    TlsSettings, TokenSource, Verify, protocol_name,
};

pub(super) fn settings(
    given: &IndexMap<String, String>,
) -> Result<KafkaSettings, Vec<PropertyComplaint>> {
    let mut props = Properties::new(given);
    props.check_names();
    let bootstrap = bootstrap(&mut props);
    let verified = props
        .flag("enable.ssl.certificate.verification")
        .unwrap_or(true);
    let (tls_settings, sasl_settings) = security(&mut props, verified);
    let request_timeout = props
        .number("socket.timeout.ms", 10..=300_000)
        .unwrap_or(60_000);
    let connect_timeout = props
        .number(
            "socket.connection.setup.timeout.ms",
            1_000..=i32::MAX as u64,
        )
        .unwrap_or(30_000);
    let family = props
        .word("broker.address.family", FAMILIES)
        .unwrap_or(AddressFamily::Any);
    let client_id = props
        .text("client.id")
        .unwrap_or_else(|| "trueup".to_string());
    let settings = bootstrap.map(|bootstrap| KafkaSettings {
        bootstrap,
        client_id,
        tls: tls_settings,
        sasl: sasl_settings,
        request_timeout: Duration::from_millis(request_timeout),
        connect_timeout: Duration::from_millis(connect_timeout),
        family,
    });
    props.finish(settings)
}

/// TLS and SASL as `security.protocol` wants them. Where it can't be read, only what doesn't hang on it is looked at.
fn security(props: &mut Properties, verified: bool) -> (Option<TlsSettings>, Option<SaslSettings>) {
    let Some((tls, sasl)) = protocol(props) else {
        props.word("ssl.endpoint.identification.algorithm", IDENTIFICATION);
        props.word("sasl.mechanism", MECHANISMS);
        props.word("sasl.mechanisms", MECHANISMS);
        return (None, None);
    };
    props.check_effect("sasl.", sasl, "`sasl_plaintext` or `sasl_ssl`");
    props.check_effect("ssl.", tls, "`ssl` or `sasl_ssl`");
    let tls = tls.then(|| self::tls(props, verified));
    let sasl = if sasl { self::sasl(props) } else { None };
    (tls, sasl)
}

const FAMILIES: &[(&str, AddressFamily)] = &[
    ("any", AddressFamily::Any),
    ("v4", AddressFamily::V4),
    ("v6", AddressFamily::V6),
];

/// The port that librdkafka assumes.
const DEFAULT_PORT: u16 = 9092;

fn bootstrap(props: &mut Properties) -> Option<Vec<String>> {
    let why = "name the cluster's brokers as `host:port`, separated by commas";
    let name = match props.has("bootstrap.servers") {
        false if props.has("metadata.broker.list") => "metadata.broker.list",
        _ => "bootstrap.servers",
    };
    let value = props.required(name, why)?;
    let addresses: Vec<&str> = value
        .split(',')
        .map(str::trim)
        .filter(|address| !address.is_empty())
        .collect();
    let checked: Vec<Result<String, &str>> = addresses
        .iter()
        .map(|address| host_and_port(address))
        .collect();
    if checked.is_empty() {
        props.complain(name, "names no broker", None);
        return None;
    }
    for (at, address) in checked.iter().enumerate() {
        if let Err(fault) = address {
            // what is no address may be a secret, wherever it stands: none of it is shown
            let which = match checked.len() {
                1 => String::new(),
                _ => format!("number {} ", at + 1),
            };
            let message = format!("{which}is not a broker's address: {fault}");
            props.complain(name, &message, Some("write `host:port`"));
        }
    }
    checked.into_iter().collect::<Result<_, _>>().ok()
}

/// `host`, `host:port`, `[v6]`, `[v6]:port`; else what is wrong, without any of it.
pub(super) fn host_and_port(address: &str) -> Result<String, &'static str> {
    if address.contains("://") {
        return Err("it has a scheme");
    }
    if address.contains('@') {
        return Err("a login stands before its host");
    }
    let bracketed = address.starts_with('[');
    let end_of_host = match (bracketed, address.find(']')) {
        (true, Some(end)) => end + 1,
        (true, None) => return Err("its bracket is not closed"),
        (false, _) => 0,
    };
    let (host, port) = match address[end_of_host..].rsplit_once(':') {
        Some((rest, port)) => (&address[..end_of_host + rest.len()], port.parse::<u16>()),
        None => (address, Ok(DEFAULT_PORT)),
    };
    let port = port.ok().filter(|port| *port > 0);
    let port = port.ok_or("its port is no number from 1 to 65535")?;
    if host.is_empty() {
        return Err("it has no host");
    }
    if !bracketed && host.contains(':') {
        return Err("it holds more than one `:`, and an IPv6 address stands in brackets");
    }
    let is_of_host = |c: char| c.is_alphanumeric() || "-._".contains(c);
    let is_of_v6 = |c: char| is_of_host(c) || "[]:%".contains(c);
    match host
        .chars()
        .all(|c| is_of_host(c) || bracketed && is_of_v6(c))
    {
        true => Ok(format!("{host}:{port}")),
        false => Err("its host holds a sign that no host's name has"),
    }
}

/// Whether TLS and SASL are on; None after a complaint.
fn protocol(props: &mut Properties) -> Option<(bool, bool)> {
    let combinations = [(false, false), (true, false), (false, true), (true, true)];
    let words = combinations.map(|(tls, sasl)| (protocol_name(tls, sasl), (tls, sasl)));
    if !props.has("security.protocol") {
        return Some((false, false));
    }
    props.word("security.protocol", &words)
}

const IDENTIFICATION: &[(&str, Verify)] = &[("https", Verify::Full), ("none", Verify::Chain)];

fn tls(props: &mut Properties, verified: bool) -> TlsSettings {
    let named = props.word("ssl.endpoint.identification.algorithm", IDENTIFICATION);
    TlsSettings {
        ca: props.pem("ssl.ca.location", "ssl.ca.pem"),
        client: client_certificate(props),
        verify: if verified {
            named.unwrap_or(Verify::Full)
        } else {
            Verify::Nothing
        },
    }
}

fn client_certificate(props: &mut Properties) -> Option<ClientCertificate> {
    let chain = props.pem("ssl.certificate.location", "ssl.certificate.pem");
    let key = props.pem("ssl.key.location", "ssl.key.pem");
    let key_password = props.secret("ssl.key.password");
    match (chain, key) {
        (Some(chain), Some(key)) => Some(ClientCertificate {
            chain,
            key,
            key_password,
        }),
        (None, None) => {
            if key_password.is_some() {
                props.complain(
                    "ssl.key.password",
                    "is given without a key",
                    Some("set `ssl.key.location`"),
                );
            }
            None
        }
        (Some(chain), None) => {
            props.complain(
                chain.property(),
                "is a certificate without its key",
                Some("set `ssl.key.location`"),
            );
            None
        }
        (None, Some(key)) => {
            props.complain(
                key.property(),
                "is a key without its certificate",
                Some("set `ssl.certificate.location`"),
            );
            None
        }
    }
}

#[derive(Clone, Copy)]
enum Mechanism {
    Plain,
    ScramSha256,
    ScramSha512,
    OauthBearer,
}

const MECHANISMS: &[(&str, Mechanism)] = &[
    ("PLAIN", Mechanism::Plain),
    ("SCRAM-SHA-256", Mechanism::ScramSha256),
    ("SCRAM-SHA-512", Mechanism::ScramSha512),
    ("OAUTHBEARER", Mechanism::OauthBearer),
];

fn sasl(props: &mut Properties) -> Option<SaslSettings> {
    let mechanism = mechanism(props)?;
    match mechanism {
        Mechanism::Plain => login(props).map(SaslSettings::Plain),
        Mechanism::ScramSha256 => login(props).map(SaslSettings::ScramSha256),
        Mechanism::ScramSha512 => login(props).map(SaslSettings::ScramSha512),
        Mechanism::OauthBearer => token_source(props).map(SaslSettings::OauthBearer),
    }
}

/// `sasl.mechanism` and `sasl.mechanisms` are one property under two names.
fn mechanism(props: &mut Properties) -> Option<Mechanism> {
    let both = props
        .get("sasl.mechanism")
        .zip(props.get("sasl.mechanisms"));
    if both.is_some_and(|(one, other)| !one.eq_ignore_ascii_case(other)) {
        props.complain(
            "sasl.mechanisms",
            "differs from `sasl.mechanism`, its other name",
            Some("keep one of the two"),
        );
    }
    if props.has("sasl.mechanisms") {
        return props.word("sasl.mechanisms", MECHANISMS);
    }
    let known =
        "a `sasl_*` protocol needs one of `PLAIN`, `SCRAM-SHA-256`, `SCRAM-SHA-512`, `OAUTHBEARER`";
    props.required("sasl.mechanism", known)?;
    props.word("sasl.mechanism", MECHANISMS)
}

fn login(props: &mut Properties) -> Option<Login> {
    let why = "the mechanism logs in with user and password";
    let user = props.required("sasl.username", why);
    let password = props.required_secret("sasl.password", why);
    Some(Login {
        user: user?,
        password: password?,
    })
}

#[derive(Clone, Copy, PartialEq)]
enum Method {
    Default,
    Oidc,
}

fn token_source(props: &mut Properties) -> Option<TokenSource> {
    let methods = [("default", Method::Default), ("oidc", Method::Oidc)];
    let method = props
        .word("sasl.oauthbearer.method", &methods)
        .unwrap_or(Method::Default);
    if let Some(path) = props.text("sasl.oauthbearer.token.file") {
        return Some(TokenSource::File(path));
    }
    if method == Method::Default {
        let ways = "set `sasl.oauthbearer.method` to `oidc`, or name a file with a token in `sasl.oauthbearer.token.file`";
        props.complain(
            "sasl.oauthbearer.method",
            "is not `oidc`, and no token file is given",
            Some(ways),
        );
        return None;
    }
    client_credentials(props).map(TokenSource::Oidc)
}

fn client_credentials(props: &mut Properties) -> Option<ClientCredentials> {
    let why = "`sasl.oauthbearer.method` is `oidc`";
    let endpoint = props.required("sasl.oauthbearer.token.endpoint.url", why);
    let client_id = props.required("sasl.oauthbearer.client.id", why);
    let client_secret = props.required_secret("sasl.oauthbearer.client.secret", why);
    let scope = props.text("sasl.oauthbearer.scope");
    let extensions = extensions(props);
    let ca = props.pem("https.ca.location", "https.ca.pem");
    let endpoint = endpoint?;
    if !endpoint.starts_with("https://") && !endpoint.starts_with("http://") {
        props.complain(
            "sasl.oauthbearer.token.endpoint.url",
            "is not a `https://` or `http://` URL",
            None,
        );
        return None;
    }
    Some(ClientCredentials {
        endpoint,
        client_id: client_id?,
        client_secret: client_secret?,
        scope,
        extensions,
        ca,
    })
}

/// `key=value,key=value`, letters only in keys (KIP-342).
fn extensions(props: &mut Properties) -> Vec<(String, String)> {
    let name = "sasl.oauthbearer.extensions";
    let Some(value) = props.text(name) else {
        return Vec::new();
    };
    let mut pairs = Vec::new();
    for pair in value.split(',') {
        match pair.trim().split_once('=') {
            Some((key, value))
                if !key.is_empty()
                    && key != "auth"
                    && key.chars().all(|c| c.is_ascii_alphabetic()) =>
            {
                pairs.push((key.to_string(), value.to_string()));
            }
            Some(_) | None => props.complain(
                name,
                "holds something that is not an extension",
                Some("write `key=value`, letters only in the key"),
            ),
        }
    }
    pairs
}
