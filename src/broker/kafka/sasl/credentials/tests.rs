use rsasl::prelude::{Mechname, SASLClient, SASLConfig, Session};

use super::*;

fn login(password: &str) -> Login {
    Login {
        user: "user".to_string(),
        password: SecretString::from(password.to_string()),
    }
}

fn session(mechanism: &str, credentials: &Credentials) -> Session {
    let config = SASLConfig::builder()
        .with_defaults()
        .with_callback(credentials.clone())
        .unwrap();
    let name = Mechname::parse(mechanism.as_bytes()).unwrap();
    SASLClient::new(config).start_suggested(&[name]).unwrap()
}

fn step(session: &mut Session, input: Option<&str>) -> Result<String, SessionError> {
    let mut output = Vec::new();
    session.step(input.map(str::as_bytes), &mut output)?;
    Ok(String::from_utf8(output).unwrap())
}

/// The client's first SCRAM message answered by a server that asks for `iterations`.
fn scram_after_first(iterations: u32) -> (Session, Result<String, SessionError>) {
    let mut session = session(
        "SCRAM-SHA-512",
        &Credentials::login(&login("pencil"), Spelling::Prepared),
    );
    let first = step(&mut session, None).unwrap();
    let nonce = first.split_once(",r=").unwrap().1;
    let server_first = format!("r={nonce}server,s=c2FsdHNhbHQ=,i={iterations}");
    let answer = step(&mut session, Some(&server_first));
    (session, answer)
}

#[test]
fn passwords_are_prepared_where_it_matters() {
    // RFC 4013, section 3: soft hyphen goes, the feminine ordinal becomes `a`.
    assert_eq!(login("I\u{ad}X").prepared().expose_secret(), "IX");
    assert_eq!(login("\u{aa}").prepared().expose_secret(), "a");
    assert!(login("\u{aa}").has_two_spellings());
    assert!(!login("admin-secret").has_two_spellings());
    assert_eq!(login("a\u{7}b").prepared().expose_secret(), "a\u{7}b");
}

#[test]
fn iterations_are_bounded_both_ways() {
    for iterations in [1, 4_095, 1_000_001, u32::MAX] {
        let error = scram_after_first(iterations).1.unwrap_err();
        assert!(
            in_words(&error).contains(&format!("{iterations} SCRAM iterations")),
            "{error}"
        );
    }
    assert!(scram_after_first(4_096).1.unwrap().contains("p="));
}

#[test]
fn a_server_that_does_not_know_the_password_is_found_out() {
    let (mut session, answer) = scram_after_first(4_096);
    answer.unwrap();
    let error = step(&mut session, Some("v=d3Jvbmcgc2lnbmF0dXJl")).unwrap_err();
    assert!(
        matches!(error, SessionError::MutualAuthenticationFailed),
        "{error}"
    );
}

#[test]
fn a_token_is_presented_with_its_extensions() {
    let plain = Credentials::bearer(SecretString::from("a.b.c"), &[]);
    assert_eq!(
        step(&mut session("OAUTHBEARER", &plain), None).unwrap(),
        "n,,\u{1}auth=Bearer a.b.c\u{1}\u{1}"
    );
    let extensions = [("logicalCluster".to_string(), "lkc-1".to_string())];
    let extended = Credentials::bearer(SecretString::from("a.b.c"), &extensions);
    let message = step(&mut session("OAUTHBEARER", &extended), None).unwrap();
    assert_eq!(
        message,
        "n,,\u{1}logicalCluster=lkc-1\u{1}auth=Bearer a.b.c\u{1}\u{1}"
    );
}

#[test]
fn a_refused_token_is_told_in_the_brokers_words() {
    let credentials = Credentials::bearer(SecretString::from("a.b.c"), &[]);
    let mut session = session("OAUTHBEARER", &credentials);
    step(&mut session, None).unwrap();
    assert_eq!(credentials.refusal(), None);
    step(&mut session, Some(r#"{"status":"invalid_token"}"#)).unwrap();
    assert!(credentials.refusal().unwrap().contains("invalid_token"));
}
