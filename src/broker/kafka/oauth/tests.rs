use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};

use super::*;

/// Answers one request and hands it out.
fn endpoint(status: &'static str, body: &'static str) -> (String, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}/token", listener.local_addr().unwrap());
    let served = std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let request = request(&mut client);
        let length = body.len();
        write!(client, "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}").unwrap();
        request
    });
    (url, served)
}

/// Head and form of a request.
fn request(client: &mut impl Read) -> String {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    while !text.contains("\r\n\r\n") || !text.contains("grant_type=") {
        let count = client.read(&mut buffer).unwrap();
        assert!(count > 0, "the client hung up: {text}");
        text += std::str::from_utf8(&buffer[..count]).unwrap();
    }
    text
}

fn grant(endpoint: &str) -> TokenSource {
    TokenSource::Oidc(ClientCredentials {
        endpoint: endpoint.to_string(),
        client_id: "app".to_string(),
        client_secret: SecretString::from("s3cret"),
        scope: Some("kafka write".to_string()),
        extensions: Vec::new(),
        ca: None,
    })
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

#[tokio::test]
async fn client_credentials_are_posted_and_the_token_comes_back() {
    let (url, served) = endpoint(
        "200 OK",
        r#"{"access_token":"a.b.c","token_type":"Bearer","expires_in":60}"#,
    );
    let token = token(&grant(&url), soon()).await.unwrap();
    assert_eq!(token.expose_secret(), "a.b.c");
    let request = served.join().unwrap();
    assert!(request.starts_with("POST /token HTTP/1.1\r\n"), "{request}");
    // base64 of `app:s3cret`
    assert!(
        request
            .to_lowercase()
            .contains(&"authorization: Basic YXBwOnMzY3JldA==".to_lowercase()),
        "{request}"
    );
    assert!(
        request.ends_with("grant_type=client_credentials&scope=kafka+write")
            || request.ends_with("scope=kafka%20write"),
        "{request}"
    );
}

#[tokio::test]
async fn a_denial_is_told_without_the_secret() {
    let (url, served) = endpoint(
        "401 Unauthorized",
        r#"{"error":"invalid_client","error_description":"no such client"}"#,
    );
    let error = token(&grant(&url), soon()).await.unwrap_err().to_string();
    served.join().unwrap();
    assert!(
        error.contains("HTTP 401: invalid_client: no such client") && error.contains(&url),
        "{error}"
    );
    assert!(!error.contains("s3cret"), "{error}");
}

#[tokio::test]
async fn an_endpoint_that_repeats_the_secret_is_told_without_it() {
    let said = r#"{"error":"s3cret","error_description":"app:s3cret is unknown, Basic YXBwOnMzY3JldA== was sent"}"#;
    let (url, served) = endpoint("400 Bad Request", said);
    let error = token(&grant(&url), soon()).await.unwrap_err().to_string();
    served.join().unwrap();
    assert!(
        error.contains("HTTP 400: ***: app:*** is unknown, Basic *** was sent"),
        "{error}"
    );
}

#[test]
fn a_secret_is_found_in_the_form_of_a_form() {
    let TokenSource::Oidc(grant) = grant("http://h/token") else {
        panic!("an endpoint")
    };
    let grant = ClientCredentials {
        client_secret: SecretString::from("a b/c~d"),
        ..grant
    };
    let said = "client_secret=a+b%2Fc%7Ed&x=a%20b%2Fc%7Ed".to_owned();
    assert_eq!(without_secret(said, &grant), "client_secret=***&x=***");
}

#[tokio::test]
async fn answers_without_a_token_and_endpoints_that_are_not_there() {
    let (url, served) = endpoint("200 OK", "{}");
    let error = token(&grant(&url), soon()).await.unwrap_err().to_string();
    served.join().unwrap();
    assert!(error.contains("`access_token`"), "{error}");
    let gone = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .unwrap()
        .local_addr()
        .unwrap();
    let error = token(&grant(&format!("http://{gone}/")), soon())
        .await
        .unwrap_err();
    assert!(matches!(error, KafkaError::NoToken { .. }), "{error}");
}

#[tokio::test]
async fn a_token_file_is_trimmed_and_must_hold_something() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let source = TokenSource::File(file.path().to_str().unwrap().to_string());
    assert!(
        token(&source, soon())
            .await
            .unwrap_err()
            .to_string()
            .contains("empty")
    );
    std::fs::write(file.path(), " a.b.c\n").unwrap();
    assert_eq!(
        token(&source, soon()).await.unwrap().expose_secret(),
        "a.b.c"
    );
}

#[tokio::test]
async fn credentials_in_the_endpoints_url_are_not_shown() {
    let error = token(&grant("http://x:CANARY@127.0.0.1:1/token"), soon())
        .await
        .unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("CANARY"), "{shown}");
    assert!(shown.contains("***@127.0.0.1:1"), "{shown}");
}

#[test]
fn neither_the_query_nor_the_credentials_of_the_endpoint_are_shown() {
    let url = "https://u:CANARY@idp:8443/token?key=CANARY&x=1#CANARY";
    for cause in [url, "bad uri: /token?key=CANARY&x=1#CANARY"] {
        let said = no_token(url, cause.to_string()).to_string();
        assert!(!said.contains("CANARY"), "{said}");
        assert!(said.contains("https://***@idp:8443/token"), "{said}");
    }
    let file = no_token("/run/token?x", "the file is empty".to_string()).to_string();
    assert!(file.contains("/run/token?x"), "{file}");
}
