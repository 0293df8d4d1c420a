//! The connectors of NATS's own bridge to Kafka (nats-kafka 1.4), as routes.
//!
//! Facts: its `docs/config.md` and its source at 1.4.2.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::kinds::stream::is_within;
use crate::model::{Code, Doc, Problem};

/// A stream that is known to take a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownStream {
    /// Its name.
    pub name: String,
    /// What it takes.
    pub subject: String,
}

/// What became of a configuration.
#[derive(Clone, Debug)]
pub struct Converted {
    /// The manifest.
    pub manifest: Value,
    /// What was unsafe, is different from now on, or could not be taken over: warnings.
    pub problems: Vec<Problem>,
    /// How many connectors there are.
    pub connectors: usize,
    /// How many of them are routes now.
    pub routes: usize,
}

/// The manifest of a configuration (read by [`parse`](super::parse)): its connections, a route for each connector, and a
/// stream for each subject that none is known of.
pub fn nats_kafka(
    stack: &str,
    configuration: &Map<String, Value>,
    known: &[KnownStream],
) -> Converted {
    let mut desk = Desk {
        streams: known.to_vec(),
        made: Doc::new(),
        routes: Doc::new(),
        kafka: None,
        problems: Vec::new(),
    };
    let connectors: Vec<&Value> = list(configuration.get("connect"));
    for (index, connector) in connectors.iter().enumerate() {
        if let Value::Object(fields) = connector {
            desk.connector(&Connector::new(fields, index));
        }
    }
    let mut manifest = Doc::new();
    manifest.insert("stack".to_owned(), stack.into());
    let mut connections = Doc::new();
    connections.extend(nats_connection(configuration).map(|nats| ("nats".to_owned(), nats)));
    connections.extend(
        desk.kafka
            .clone()
            .map(|kafka| ("kafka".to_owned(), kafka.into())),
    );
    if !connections.is_empty() {
        manifest.insert("connections".to_owned(), connections.into());
    }
    if !desk.made.is_empty() {
        manifest.insert("nats".to_owned(), json!({ "streams": desk.made }));
    }
    let routes = desk.routes.len();
    manifest.insert("bridge".to_owned(), json!({ "routes": desk.routes }));
    Converted {
        manifest: manifest.into(),
        problems: desk.problems,
        connectors: connectors.len(),
        routes,
    }
}

struct Desk {
    streams: Vec<KnownStream>,
    /// The streams that the manifest declares.
    made: Doc,
    routes: Doc,
    /// The cluster of the first connector.
    kafka: Option<Doc>,
    problems: Vec<Problem>,
}

struct Connector<'a> {
    fields: &'a Map<String, Value>,
    /// As messages call it.
    name: String,
    kind: String,
}

impl<'a> Connector<'a> {
    fn new(fields: &'a Map<String, Value>, index: usize) -> Connector<'a> {
        let said = text(fields, "id").map(str::to_owned);
        let name = said.unwrap_or_else(|| format!("connector-{}", index + 1));
        let kind = text(fields, "type").unwrap_or_default().to_lowercase();
        Connector { fields, name, kind }
    }

    fn text(&self, key: &str) -> Option<&'a str> {
        text(self.fields, key)
    }
}

impl Desk {
    fn connector(&mut self, connector: &Connector<'_>) {
        let stan = "NATS Streaming has no server any more: move its channels to streams first";
        let route = match connector.kind.as_str() {
            "jetstreamtokafka" | "natstokafka" => self.route_out(connector),
            "kafkatojetstream" | "kafkatonats" => self.route_in(connector),
            "stantokafka" | "kafkatostan" => Err(("it is of NATS Streaming".to_owned(), stan)),
            _ => Err((
                format!(
                    "`{}` is no type",
                    connector.text("type").unwrap_or_default()
                ),
                "it is one of JetStreamToKafka, NATSToKafka, KafkaToJetStream, KafkaToNATS",
            )),
        };
        let route = route.and_then(|route| self.cluster(connector).map(|()| route));
        match route {
            Ok(route) => {
                let name = self.free_name(&connector.name);
                self.routes.insert(name, route);
            }
            Err((why, way_out)) => {
                let what = format!("connector `{}` is left out: {why}", connector.name);
                self.problems
                    .push(Problem::warning(Code::ConnectorLeftOut, what).hint(way_out));
            }
        }
    }

    fn route_out(&mut self, connector: &Connector<'_>) -> Result<Value, Refused> {
        let subject = needed(connector, "subject")?;
        let topic = literal(connector, "topic")?;
        let is_core = connector.kind == "natstokafka";
        let stream = self.stream_of(connector, subject);
        let mut route = Doc::new();
        route.insert(
            "from".to_owned(),
            json!({ "stream": stream, "subjects": [subject] }),
        );
        route.insert("to".to_owned(), json!({ "topic": topic }));
        if let Some(key) = self.key(connector, subject) {
            route.insert("key".to_owned(), key.into());
        }
        route.extend(self.start(connector));
        if is_core {
            self.warn(
                connector,
                "it read from NATS without a stream: what was published while it was away, or slower than its readers, was lost",
                format!("the route reads from stream `{stream}`, which keeps messages until they are moved; nothing that was published before the stream is there is in it"),
            );
        }
        self.warn(
            connector,
            "it wrote with `acks=1` and without idempotence: a message it had acknowledged was lost when the partition's leader died, and one that failed came again behind those after it",
            "the route writes with `acks=all`, acknowledges what all replicas have, and keeps the order",
        );
        Ok(route.into())
    }

    fn route_in(&mut self, connector: &Connector<'_>) -> Result<Value, Refused> {
        let topic = literal(connector, "topic")?;
        let subject = literal(connector, "subject")?;
        let stream = self.stream_of(connector, subject);
        let mut route = Doc::new();
        route.insert("from".to_owned(), json!({ "topic": topic }));
        route.insert(
            "to".to_owned(),
            json!({ "stream": stream, "subject": subject }),
        );
        route.extend(self.start(connector));
        match connector.text("groupid") {
            Some(group) => self.warn(
                connector,
                format!("the route has a consumer group of its own, and does not go on where `{group}` stands; a new group of the old bridge passed over all that was there"),
                "stop the old bridge, note the time, and begin the route there: `start_time: ...` in place of `start`; left out, it begins with the first record that is kept",
            ),
            None => self.warn(
                connector,
                "without `groupid` it read one partition, and all of it again with each start",
                "the route reads every partition, and each record once; say `start: new` or `start_time: ...` if what is there was moved already",
            ),
        }
        self.warn(
            connector,
            "one failed publish stopped a partition for good, or was passed over; headers named `Nats-...` went through, of which one purges a stream",
            "the route tries again, in order, and strips them; records' keys can go into the subject by `{key}`",
        );
        Ok(route.into())
    }

    /// The stream that takes a subject: a known one, or one that the manifest declares for it.
    fn stream_of(&mut self, connector: &Connector<'_>, subject: &str) -> String {
        let known = self
            .streams
            .iter()
            .find(|stream| is_within(subject, &stream.subject));
        if let Some(stream) = known {
            return stream.name.clone();
        }
        let letters = connector.name.chars();
        let plain = letters.map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_uppercase()
            } else {
                '_'
            }
        });
        let name: String = plain.collect();
        self.streams.push(KnownStream {
            name: name.clone(),
            subject: subject.to_owned(),
        });
        self.made.insert(
            name.clone(),
            json!({ "subjects": [subject], "max_age": "7d" }),
        );
        let what = format!(
            "the old configuration names no stream for `{subject}`, so one is declared, `{name}`, which keeps 7 days"
        );
        self.warn(
            connector,
            what,
            format!("where another stream takes the subject, convert again with `--stream NAME={subject}`; a plan refuses two that overlap"),
        );
        name
    }

    fn key(&mut self, connector: &Connector<'_>, subject: &str) -> Option<String> {
        let kind = connector.text("keytype")?.to_lowercase();
        let value = connector.text("keyvalue").unwrap_or_default();
        let key = match kind.as_str() {
            "fixed" => Some(format!("fixed({value})")),
            "subject" => {
                if subject.contains(['*', '>']) && connector.kind == "jetstreamtokafka" {
                    self.warn(
                        connector,
                        format!("every key was `{subject}` itself, not the message's subject"),
                        "the route takes the message's subject",
                    );
                }
                Some("subject".to_owned())
            }
            "subjectre" => match token_of(value) {
                Some(token) => Some(format!("subject({token})")),
                None => {
                    self.warn(
                        connector,
                        format!("its key was what `{value}` takes out of the subject; the route takes the whole subject"),
                        "write `subject(N)` for the token that is meant, counted from 1",
                    );
                    Some("subject".to_owned())
                }
            },
            "reply" | "replyre" => {
                self.warn(
                    connector,
                    "its key came from the reply subject, which in a stream is none of the publisher's: the route has none",
                    "take another one: `subject(N)`, `header(NAME)` or `json(/POINTER)`",
                );
                None
            }
            _ => None,
        };
        if key.is_some() {
            self.warn(
                connector,
                "its keys went to partitions by another hash (FNV-1a) than that of Kafka's own producers",
                "the route takes theirs (murmur2): a key that is in the topic already may go to another partition from now on; where that matters, write into a new topic",
            );
        }
        key
    }

    fn start(&mut self, connector: &Connector<'_>) -> Option<(String, Value)> {
        let number = |key: &str| connector.fields.get(key).and_then(Value::as_i64);
        if let Some(durable) = connector.text("durablename") {
            self.warn(
                connector,
                format!("the route has a consumer of its own, and does not go on where `{durable}` stands"),
                format!("stop the old bridge, look with `nats consumer info STREAM {durable}`, and begin behind its acknowledgment floor: `start_sequence: N` (N is the floor + 1)"),
            );
        }
        if let (None, Some(queue)) = (connector.text("durablename"), connector.text("queuename")) {
            self.warn(
                connector,
                format!("the queue group `{queue}` of core NATS keeps no place, and lost what came while nobody was there; the route begins with the first message that the stream holds"),
                "where the old bridge has moved those, begin when it stopped: `start_time`, or `start: new` before it stops",
            );
        }
        if let Some(seconds) = number("startattime").filter(|seconds| *seconds > 0) {
            let time = Timestamp::from_second(seconds).ok()?;
            return Some(("start_time".to_owned(), time.to_string().into()));
        }
        match number("startatsequence")? {
            -1 => Some(("start".to_owned(), "new".into())),
            0 => None,
            sequence => Some(("start_sequence".to_owned(), sequence.into())),
        }
    }

    /// Takes the connector's cluster, or sees that it is the one of those before.
    fn cluster(&mut self, connector: &Connector<'_>) -> Result<(), Refused> {
        if connector.text("schemaregistryurl").is_some() {
            let way_out =
                "move the bytes as they are: leave the registry out, and let the readers decode";
            return Err((
                "it encodes by a schema registry, and routes move bytes".to_owned(),
                way_out,
            ));
        }
        let kafka = self.kafka_connection(connector);
        let servers = |kafka: &Doc| -> BTreeSet<String> {
            let servers = kafka["bootstrap.servers"].as_str().unwrap_or_default();
            servers.split(',').map(str::to_owned).collect()
        };
        match &self.kafka {
            Some(first) if servers(first).is_disjoint(&servers(&kafka)) => Err((
                format!(
                    "it is of another Kafka cluster than those before (`{}`)",
                    kafka["bootstrap.servers"].as_str().unwrap_or_default()
                ),
                "a manifest is of one cluster: put its connectors into a file of their own, and convert that",
            )),
            Some(_) => Ok(()),
            None => {
                self.kafka = Some(kafka);
                Ok(())
            }
        }
    }

    fn kafka_connection(&mut self, connector: &Connector<'_>) -> Doc {
        let brokers = list(connector.fields.get("brokers"));
        let brokers: Vec<&str> = brokers.into_iter().filter_map(Value::as_str).collect();
        let mut kafka = Doc::new();
        kafka.insert("bootstrap.servers".to_owned(), brokers.join(",").into());
        let section = |key: &str| connector.fields.get(key).and_then(Value::as_object);
        let (tls, sasl) = (section("tls"), section("sasl"));
        let protocol = match (tls, sasl) {
            (None, None) => None,
            (Some(_), None) => Some("SSL"),
            (None, Some(sasl)) if sasl.get("tls") == Some(&Value::Bool(true)) => Some("SASL_SSL"),
            (None, Some(_)) => Some("SASL_PLAINTEXT"),
            (Some(_), Some(_)) => Some("SASL_SSL"),
        };
        if let Some(protocol) = protocol {
            kafka.insert("security.protocol".to_owned(), protocol.into());
        }
        for (key, property) in [
            ("root", "ssl.ca.location"),
            ("cert", "ssl.certificate.location"),
            ("key", "ssl.key.location"),
        ] {
            if let Some(file) = tls.and_then(|tls| text(tls, key)) {
                kafka.insert(property.to_owned(), file.into());
            }
        }
        if let Some(sasl) = sasl {
            kafka.insert("sasl.mechanism".to_owned(), "PLAIN".into());
            kafka.insert(
                "sasl.username".to_owned(),
                text(sasl, "user").unwrap_or_default().into(),
            );
            kafka.insert(
                "sasl.password".to_owned(),
                self.secret(connector, sasl).into(),
            );
        }
        if sasl
            .or(tls)
            .is_some_and(|section| section.get("insecureskipverify") == Some(&Value::Bool(true)))
        {
            self.warn(
                connector,
                "it took any certificate (`insecureskipverify`)",
                "the manifest's connection verifies; name the authority with `ssl.ca.location`",
            );
        }
        kafka
    }

    /// A reference: what is a secret in the old file is not written into the new one.
    fn secret(&mut self, connector: &Connector<'_>, sasl: &Map<String, Value>) -> String {
        let said = text(sasl, "password").unwrap_or_default();
        if said.starts_with("${") {
            return said.to_owned();
        }
        if self.kafka.is_none() {
            self.warn(
                connector,
                "its password stands in the file; the manifest refers to `KAFKA_PASSWORD` in its place",
                "set that variable where trueup runs",
            );
        }
        "${KAFKA_PASSWORD}".to_owned()
    }

    fn free_name(&self, wanted: &str) -> String {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let name: String = wanted
            .chars()
            .map(|c| if plain(c) { c } else { '-' })
            .collect();
        let numbered = (2..).map(|n| format!("{name}-{n}"));
        let mut names = [name.clone()].into_iter().chain(numbered);
        names
            .find(|name| !self.routes.contains_key(name))
            .unwrap_or(name)
    }

    fn warn(&mut self, connector: &Connector<'_>, what: impl AsRef<str>, hint: impl Into<String>) {
        let what = format!("connector `{}`: {}", connector.name, what.as_ref());
        self.problems
            .push(Problem::warning(Code::ConnectorChanged, what).hint(hint));
    }
}

/// Why a connector is left out, and the way out.
type Refused = (String, &'static str);

fn needed<'a>(connector: &Connector<'a>, key: &str) -> Result<&'a str, Refused> {
    let said = connector.text(key).filter(|said| !said.is_empty());
    said.ok_or_else(|| {
        (
            format!("it has no `{key}`"),
            "name it in the old configuration, and convert again",
        )
    })
}

/// A destination that is no template.
fn literal<'a>(connector: &Connector<'a>, key: &str) -> Result<&'a str, Refused> {
    let said = needed(connector, key)?;
    match said.contains("{{") {
        false => Ok(said),
        true => Err((
            format!("its `{key}` is a template, `{said}`"),
            "write the route by hand: `to.topic` may hold `{subject(N)}` where `to.topics` lists what it can become, `to.subject` may hold `{key}`, `{topic}` and `{partition}`",
        )),
    }
}

/// The token, counted from 1, that an expression such as `^[^.]+\.([^.]+)` takes out of a subject; none for any other.
fn token_of(expression: &str) -> Option<usize> {
    let expression = expression.strip_prefix('^')?.trim_end_matches('$');
    let mut before = 0;
    for part in expression.split("\\.") {
        match part {
            "([^.]+)" | "([^.]*)" | "(\\w+)" => return Some(before + 1),
            "[^.]+" | "[^.]*" | "\\w+" => before += 1,
            literal
                if literal
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_') =>
            {
                before += 1
            }
            _ => return None,
        }
    }
    None
}

fn nats_connection(configuration: &Map<String, Value>) -> Option<Value> {
    let nats = configuration.get("nats")?.as_object()?;
    let mut connection = Doc::new();
    let servers = list(nats.get("servers"));
    let servers: Vec<String> = servers
        .into_iter()
        .filter_map(Value::as_str)
        .map(with_scheme)
        .collect();
    if !servers.is_empty() {
        connection.insert("url".to_owned(), servers.join(",").into());
    }
    let fields = |of: &Map<String, Value>, names: &[(&str, &str)]| -> Vec<(String, Value)> {
        let named = names
            .iter()
            .filter_map(|(from, to)| Some(((*to).to_owned(), text(of, from)?.into())));
        named.collect()
    };
    connection.extend(fields(
        nats,
        &[("usercredentials", "creds"), ("nkey", "nkey")],
    ));
    if let Some(tls) = nats.get("tls").and_then(Value::as_object) {
        connection.extend(fields(
            tls,
            &[("root", "ca"), ("cert", "cert"), ("key", "key")],
        ));
    }
    (!connection.is_empty()).then(|| connection.into())
}

fn with_scheme(server: &str) -> String {
    match server.contains("://") {
        true => server.to_owned(),
        false => format!("nats://{server}"),
    }
}

fn text<'a>(map: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    map.get(key)?.as_str()
}

/// The items of a list, or the only one.
fn list(value: Option<&Value>) -> Vec<&Value> {
    match value {
        Some(Value::Array(items)) => items.iter().collect(),
        Some(Value::Null) | None => Vec::new(),
        Some(one) => vec![one],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn converted(text: &str, known: &[(&str, &str)]) -> Converted {
        let configuration = super::super::parse(text, &|_| Err("none".to_owned())).unwrap();
        let known = known.iter().map(|(name, subject)| KnownStream {
            name: (*name).to_owned(),
            subject: (*subject).to_owned(),
        });
        nats_kafka("moved", &configuration, &known.collect::<Vec<_>>())
    }

    #[test]
    fn a_connector_becomes_a_route_and_what_was_unsafe_is_told() {
        let text = r#"
            nats: { servers: ["localhost:4222"], usercredentials: "app.creds" }
            connect: [
              { type: JetStreamToKafka, id: orders, brokers: ["k:9092"], topic: orders, subject: "orders.*.created",
                durablename: old, keytype: subjectre, keyvalue: "^orders\\.([^.]+)\\.created", startatsequence: -1 },
              { type: KafkaToJetStream, id: back, brokers: ["k:9092"], topic: t, subject: "in.t", groupid: g },
            ]"#;
        let done = converted(text, &[("ORDERS", "orders.>")]);
        assert_eq!((done.connectors, done.routes), (2, 2));
        assert_eq!(
            done.manifest,
            json!({
                "stack": "moved",
                "connections": { "nats": { "url": "nats://localhost:4222", "creds": "app.creds" }, "kafka": { "bootstrap.servers": "k:9092" } },
                "nats": { "streams": { "BACK": { "subjects": ["in.t"], "max_age": "7d" } } },
                "bridge": { "routes": {
                    "orders": { "from": { "stream": "ORDERS", "subjects": ["orders.*.created"] }, "to": { "topic": "orders" }, "key": "subject(2)", "start": "new" },
                    "back": { "from": { "topic": "t" }, "to": { "stream": "BACK", "subject": "in.t" } }
                } }
            })
        );
        let said: Vec<&str> = done
            .problems
            .iter()
            .map(|problem| problem.message.as_str())
            .collect();
        for word in [
            "`old` stands",
            "acks=1",
            "FNV-1a",
            "`g` stands",
            "names no stream",
        ] {
            assert!(
                said.iter().any(|message| message.contains(word)),
                "{word}: {said:#?}"
            );
        }
    }

    #[test]
    fn what_can_be_no_route_is_left_out_and_told() {
        let text = r#"connect: [
            { type: STANToKafka, id: a, topic: t, channel: c, brokers: [k] }
            { type: NATSToKafka, id: b, topic: "{{ .Subject }}", subject: s, brokers: [k] }
            { type: NATSToKafka, id: c, topic: t, subject: s, brokers: [k], schemaregistryurl: "http://r" }
            { type: NATSToKafka, id: d, topic: t, subject: s, brokers: [k] }
            { type: NATSToKafka, id: d, topic: t, subject: s, brokers: [l] }
            { type: Other, id: e }
        ]"#;
        let done = converted(text, &[]);
        assert_eq!((done.connectors, done.routes), (6, 1));
        let left_out = done
            .problems
            .iter()
            .filter(|problem| problem.code == Code::ConnectorLeftOut);
        assert_eq!(left_out.count(), 5);
    }

    #[test]
    fn no_secret_goes_along() {
        let text = r#"connect: [{ type: KafkaToNATS, id: a, topic: t, subject: s, brokers: [k], sasl: { user: u, password: hunter2 } }]"#;
        let done = converted(text, &[("S", "s")]);
        assert!(!format!("{done:?}").contains("hunter2"));
        assert_eq!(
            done.manifest["connections"]["kafka"]["sasl.password"],
            "${KAFKA_PASSWORD}"
        );
        let text = text.replace("hunter2", "$PW");
        assert_eq!(
            converted(&text, &[("S", "s")]).manifest["connections"]["kafka"]["sasl.password"],
            "${PW}"
        );
    }

    #[test]
    fn the_token_of_a_plain_expression_is_known() {
        for (expression, token) in [
            (r"^([^.]+)", Some(1)),
            (r"^orders\.([^.]+)\.created$", Some(2)),
            (r"^[^.]+\.[^.]+\.(\w+)", Some(3)),
            (r"orders\.(.*)", None),
            (r"^(a|b)", None),
        ] {
            assert_eq!(token_of(expression), token, "{expression}");
        }
    }
}
