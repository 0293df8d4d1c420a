use super::{Finding, Health};
use crate::broker::nats::{JetStream, RightProbe, Verdict, WantedRights};
use crate::engine::port::{LiveBrokers, Port};
use crate::kinds::{NatsFacts, NatsVersion, Resources};
use crate::model::{Broker, KindName};

/// The oldest and the newest server that trueup is tried on.
const SUPPORTED: (NatsVersion, NatsVersion) = (NatsVersion(2, 10, 0), NatsVersion(2, 15, u32::MAX));

/// What a connected NATS server says of itself and of our rights on what is declared.
pub async fn look(port: &LiveBrokers, resources: &Resources) -> Vec<Finding> {
    let (Some(jetstream), Some(facts)) = (&port.brokers().nats, &port.surroundings().nats) else {
        return Vec::new();
    };
    let mut findings = vec![connection(jetstream), version(facts), account(facts)];
    let wanted = wanted(resources);
    if wanted == WantedRights::default() {
        findings.extend(jetstream.probe_rights().await.into_iter().map(right));
    } else {
        let probes = jetstream.probe_rights_on(&wanted).await;
        findings.extend(summed_up(probes));
    }
    findings
}

/// The streams, those of buckets among them, and the consumers that are declared.
fn wanted(resources: &Resources) -> WantedRights {
    let mut wanted = WantedRights::default();
    for (address, resource) in resources {
        let name = &address.name;
        match address.kind {
            KindName::Stream => wanted.streams.push(name.clone()),
            KindName::Kv => wanted.streams.push(format!("KV_{name}")),
            KindName::ObjectStore => wanted.streams.push(format!("OBJ_{name}")),
            KindName::Consumer => {
                let Some((stream, consumer)) = address.stream_and_consumer() else {
                    continue;
                };
                let pair = (stream.to_owned(), consumer.to_owned());
                if resource.declared.contains_key("pause_until") {
                    wanted.paused.push(pair.clone());
                }
                wanted.consumers.push(pair);
            }
            KindName::Topic | KindName::Acl => {}
        }
    }
    wanted
}

/// The rights that are there in one line, those that are not each by itself.
fn summed_up(probes: Vec<RightProbe>) -> Vec<Finding> {
    let (there, missing): (Vec<RightProbe>, Vec<RightProbe>) = probes
        .into_iter()
        .partition(|probe| probe.verdict == Verdict::Allowed);
    let mut findings = Vec::new();
    if !there.is_empty() {
        let detail = format!("{} rights on what is declared are there", there.len());
        findings.push(Finding::new(Broker::Nats, "rights", Health::Good, detail));
    }
    findings.extend(missing.into_iter().map(right));
    findings
}

fn connection(jetstream: &JetStream) -> Finding {
    let server = jetstream.server();
    let tls = if server.tls {
        "with TLS"
    } else {
        "without TLS"
    };
    let detail = format!("{} answers as `{}`, {tls}", server.url, server.name);
    Finding::new(Broker::Nats, "connection", Health::Good, detail)
}

fn version(facts: &NatsFacts) -> Finding {
    let detail = format!(
        "nats-server {}, JetStream API level {}",
        facts.version, facts.api_level
    );
    if facts.version < SUPPORTED.0 {
        return Finding::new(Broker::Nats, "version", Health::Bad, detail)
            .hint("trueup supports NATS 2.10 to 2.15: upgrade the server");
    }
    if facts.version > SUPPORTED.1 {
        return Finding::new(Broker::Nats, "version", Health::Doubtful, detail)
            .hint("newer than 2.15, the newest that trueup is tried on");
    }
    Finding::new(Broker::Nats, "version", Health::Good, detail)
}

fn account(facts: &NatsFacts) -> Finding {
    match &facts.account {
        Some(account) => Finding::new(
            Broker::Nats,
            "account",
            Health::Good,
            format!("`{account}`"),
        ),
        None => Finding::new(
            Broker::Nats,
            "account",
            Health::Doubtful,
            "the server does not tell",
        )
        .hint("allow publishing to `$SYS.REQ.USER.INFO`, or do without pinning `account`"),
    }
}

fn right(probe: RightProbe) -> Finding {
    let RightProbe {
        subject,
        needed_for,
        verdict,
    } = probe;
    let what = format!("right for {needed_for}");
    let subject = format!("publish to `{subject}`");
    match verdict {
        Verdict::Allowed => Finding::new(Broker::Nats, what, Health::Good, subject),
        Verdict::Denied => Finding::new(
            Broker::Nats,
            what,
            match needed_for {
                "export" => Health::Doubtful,
                _ => Health::Bad,
            },
            format!("may not {subject}"),
        )
        .hint(format!(
            "allow the user to {subject}; {needed_for} needs it"
        )),
        Verdict::Unknown(why) => Finding::new(
            Broker::Nats,
            what,
            Health::Doubtful,
            format!("{subject}: {why}"),
        ),
    }
}
