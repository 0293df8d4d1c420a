use super::*;

fn read(pairs: &[(&str, &str)]) -> Result<KafkaSettings, Vec<PropertyComplaint>> {
    let props = pairs
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_string()));
    KafkaSettings::from_properties(&props.collect())
}

/// The complaints as `property: message (hint)`.
fn complaints(pairs: &[(&str, &str)]) -> Vec<String> {
    let complaints = read(pairs).expect_err("complaints");
    let text = |it: PropertyComplaint| {
        format!(
            "{}: {} ({})",
            it.property,
            it.message,
            it.hint.unwrap_or_default()
        )
    };
    complaints.into_iter().map(text).collect()
}

#[test]
fn addresses_get_librdkafkas_default_port() {
    let settings = read(&[("bootstrap.servers", "a, b:9,[::1]:7 ,[fe80::2],")]).unwrap();
    assert_eq!(
        settings.bootstrap(),
        ["a:9092", "b:9", "[::1]:7", "[fe80::2]:9092"]
    );
    assert_eq!(settings.principal_hint().as_deref(), Some("User:ANONYMOUS"));
}

#[test]
fn addresses_that_are_none() {
    for wrong in [
        "",
        ",",
        "a:b",
        "PLAINTEXT://a:1",
        "::1",
        "a:0",
        "a:70000",
        ":9092",
        "[::1",
    ] {
        let complaints = complaints(&[("bootstrap.servers", wrong)]);
        assert!(
            complaints[0].starts_with("bootstrap.servers: "),
            "{wrong}: {complaints:?}"
        );
    }
    assert!(complaints(&[])[0].contains("is missing"));
}

#[test]
fn sasl_over_tls_with_either_name_of_the_mechanism() {
    for name in ["sasl.mechanism", "sasl.mechanisms"] {
        let settings = read(&[
            ("bootstrap.servers", "b"),
            ("security.protocol", "SASL_SSL"),
            (name, "scram-sha-512"),
            ("sasl.username", "admin"),
            ("sasl.password", "pa ss "),
        ]);
        let settings = settings.unwrap();
        assert!(settings.tls.is_some());
        assert_eq!(settings.principal_hint().as_deref(), Some("User:admin"));
        assert_eq!(settings.sasl.as_ref().unwrap().mechanism(), "SCRAM-SHA-512");
        let debug = format!("{settings:?}");
        assert!(!debug.contains("pa ss"), "{debug}");
    }
}

#[test]
fn what_can_not_be_honoured_is_a_complaint_that_lists_what_can() {
    let complaints = complaints(&[
        ("bootstrap.servers", "b"),
        ("sasl.pasword", "x"),
        ("ssl.keystore.location", "k"),
        ("linger.ms", "5"),
    ]);
    assert_eq!(complaints.len(), 2, "{complaints:?}");
    assert!(complaints[0].contains("did you mean `sasl.password`?"));
    assert!(complaints[1].starts_with("ssl.keystore.location: "));
    assert!(complaints[1].contains("`ssl.ca.location`"));
}

#[test]
fn all_complaints_at_once_in_the_order_of_the_properties() {
    let complaints = complaints(&[
        ("socket.timeout.ms", "soon"),
        ("bootstrap.servers", "a:b"),
        ("security.protocol", "sasl_plaintext"),
        ("sasl.mechanism", "GSSAPI"),
        ("broker.address.family", "v5"),
    ]);
    let names: Vec<&str> = complaints
        .iter()
        .filter_map(|it| it.split(':').next())
        .collect();
    assert_eq!(
        names,
        [
            "socket.timeout.ms",
            "bootstrap.servers",
            "sasl.mechanism",
            "broker.address.family"
        ]
    );
}

#[test]
fn a_password_without_a_protocol_that_uses_it_is_told() {
    let complaints = complaints(&[
        ("bootstrap.servers", "b"),
        ("sasl.username", "u"),
        ("ssl.ca.location", "f"),
    ]);
    assert_eq!(complaints.len(), 2);
    assert!(complaints[0].contains("set `security.protocol` to `sasl_plaintext` or `sasl_ssl`"));
}

#[test]
fn what_a_mechanism_needs() {
    let base = [
        ("bootstrap.servers", "b"),
        ("security.protocol", "sasl_plaintext"),
    ];
    let with = |more: &[(&'static str, &'static str)]| complaints(&[&base[..], more].concat());
    assert!(with(&[])[0].starts_with("sasl.mechanism: is missing"));
    assert_eq!(with(&[("sasl.mechanism", "PLAIN")]).len(), 2);
    assert!(with(&[("sasl.mechanism", "OAUTHBEARER")])[0].contains("sasl.oauthbearer.token.file"));
    let oidc = with(&[
        ("sasl.mechanism", "OAUTHBEARER"),
        ("sasl.oauthbearer.method", "oidc"),
    ]);
    assert_eq!(oidc.len(), 3, "{oidc:?}");
}

#[test]
fn a_certificate_needs_its_key() {
    let base = [("bootstrap.servers", "b"), ("security.protocol", "ssl")];
    let complaints = complaints(&[&base[..], &[("ssl.certificate.location", "c.pem")]].concat());
    assert!(complaints[0].contains("without its key"));
    assert_eq!(read(&base).unwrap().principal_hint(), None);
}

#[test]
fn name_and_chain_checks_can_be_switched_off_one_by_one() {
    let base = [("bootstrap.servers", "b"), ("security.protocol", "ssl")];
    let verify = |more: &[(&'static str, &'static str)]| {
        read(&[&base[..], more].concat())
            .unwrap()
            .tls
            .unwrap()
            .verify
    };
    assert_eq!(verify(&[]), Verify::Full);
    assert_eq!(
        verify(&[("ssl.endpoint.identification.algorithm", "none")]),
        Verify::Chain
    );
    assert_eq!(
        verify(&[("enable.ssl.certificate.verification", "false")]),
        Verify::Nothing
    );
}

#[test]
fn a_name_that_librdkafka_does_not_have_is_a_complaint() {
    let complaints = complaints(&[
        ("bootstrap.server", "b"),
        ("bootstrap.servers", "b"),
        ("client.idd", "c"),
        ("cluster_idd", "c"),
        ("foo.bar", "c"),
        ("fetch.min.bytes", "3"),
        ("acks", "all"),
    ]);
    assert_eq!(complaints.len(), 4, "{complaints:?}");
    for (complaint, near) in complaints
        .iter()
        .zip(["bootstrap.servers", "client.id", "cluster_id"])
    {
        assert!(
            complaint.contains(&format!("did you mean `{near}`?")),
            "{complaint}"
        );
    }
    assert!(!complaints[3].contains("did you mean"), "{complaints:?}");
    for honoured in ["bootstrap.servers", "client.id", "socket.timeout.ms"] {
        assert!(complaints[3].contains(&format!("`{honoured}`")));
    }
}

#[test]
fn a_protocol_that_can_not_be_read_is_the_only_complaint() {
    for more in [&[][..], &[("sasl.username", "u"), ("ssl.ca.location", "c")]] {
        let base = [("bootstrap.servers", "b"), ("security.protocol", "FOO")];
        let complaints = complaints(&[&base[..], more].concat());
        assert_eq!(complaints.len(), 1, "{complaints:?}");
        assert!(complaints[0].starts_with("security.protocol: `FOO`"));
    }
}

#[test]
fn values_are_checked_whatever_the_protocol() {
    let complaints = complaints(&[
        ("bootstrap.servers", "b"),
        ("enable.ssl.certificate.verification", "maybe"),
    ]);
    assert_eq!(complaints.len(), 1, "{complaints:?}");
    assert!(complaints[0].contains("neither `true` nor `false`"));
}

#[test]
fn the_other_name_of_the_bootstrap_servers() {
    let settings = read(&[("metadata.broker.list", "a:1")]).unwrap();
    assert_eq!(settings.bootstrap(), ["a:1"]);
}

#[test]
fn credentials_in_an_address_are_not_shown() {
    let complaints = complaints(&[("bootstrap.servers", "http://u:CANARY@h:1,u:CANARY@h")]);
    assert_eq!(complaints.len(), 2);
    assert!(!complaints.concat().contains("CANARY"), "{complaints:?}");
}
