use super::outlook::{Outlook, for_later};
use super::{Finding, Health};
use crate::broker::nats::{JetStream, NatsError, NatsSettings, RightProbe, Verdict, WantedRights};
use crate::engine::port::{LiveBrokers, Port};
use crate::kinds::stream::stream_name;
use crate::kinds::{NatsFacts, NatsVersion, Resources};
use crate::model::Broker;

/// The oldest and the newest server that trueup is tried on.
const SUPPORTED: (NatsVersion, NatsVersion) = (NatsVersion(2, 10, 0), NatsVersion(2, 15, u32::MAX));

/// What a plan asks for streams of others with, where subjects are new.
const NAMES: &str = ".STREAM.NAMES";

/// What a connected NATS server says of itself and of our rights on what is declared.
pub async fn look(port: &LiveBrokers, resources: &Resources) -> Vec<Finding> {
    let (Some(jetstream), Some(facts)) = (&port.brokers().nats, &port.surroundings().nats) else {
        return Vec::new();
    };
    let mut findings = vec![connection(jetstream), version(facts)];
    findings.extend(account(facts));
    let wanted = wanted(resources);
    let probes = if wanted == WantedRights::default() {
        jetstream.probe_rights().await
    } else {
        jetstream.probe_rights_on(&wanted).await
    };
    let outlook = Outlook::of(port, resources, Broker::Nats).await;
    findings.extend(outlook.unread(Broker::Nats));
    // what could not be read was told, with the reason that a probe does not know
    let probes = probes.into_iter().filter(|probe| {
        let is_told = outlook.is_unread(|stream| is_about(&probe.subject, stream));
        !(is_told && matches!(probe.verdict, Verdict::Unknown(_)))
    });
    let needed = needed(resources, &outlook);
    let (later, probes): (Vec<RightProbe>, Vec<RightProbe>) = probes.partition(|probe| {
        let may_wait = probe.needed_for == "apply" || probe.subject.ends_with(NAMES);
        let is_missing = may_wait && probe.verdict == Verdict::Denied;
        is_missing && !needed.iter().any(|call| probe.subject.ends_with(call))
    });
    findings.extend(if resources.is_empty() {
        probes.into_iter().map(right).collect()
    } else {
        summed_up(probes)
    });
    let publish = |probe: RightProbe| format!("publish to `{}`", probe.subject);
    let later: Vec<String> = later.into_iter().map(publish).collect();
    findings.extend(for_later(Broker::Nats, &later));
    findings
}

/// The servers that are named and do not answer, though another one let us in.
pub async fn dead_servers(settings: Option<&NatsSettings>) -> Vec<Finding> {
    let dead = match settings {
        Some(settings) => settings.dead_servers().await,
        None => Vec::new(),
    };
    let finding = |error: NatsError| {
        Finding::new(Broker::Nats, "server", Health::Doubtful, error.to_string())
            .hint("start it, or take its address out; the others stand in")
    };
    dead.into_iter().map(finding).collect()
}

/// Whether a call's subject ends with this stream, or with one of its consumers.
fn is_about(subject: &str, stream: &str) -> bool {
    subject.split('.').any(|token| token == stream)
}

/// The streams, those of buckets among them, and the consumers that are declared.
fn wanted(resources: &Resources) -> WantedRights {
    let mut wanted = WantedRights::default();
    for (address, resource) in resources {
        wanted.streams.extend(stream_name(address));
        if let Some((stream, consumer)) = address.stream_and_consumer() {
            let pair = (stream.to_owned(), consumer.to_owned());
            if resource.declared.contains_key("pause_until") {
                wanted.paused.push(pair.clone());
            }
            wanted.consumers.push(pair);
        }
    }
    wanted
}

/// The ends of the subjects that a plan and an apply publish to now, where that depends on what changes.
fn needed(resources: &Resources, outlook: &Outlook) -> Vec<String> {
    let mut calls = Vec::new();
    for address in resources.keys() {
        let name = stream_name(address);
        if let Some((stream, consumer)) = address.stream_and_consumer() {
            if outlook.sets(address, "") || outlook.creates(address) {
                calls.push(format!(".CONSUMER.CREATE.{stream}.{consumer}"));
            }
            if outlook.sets(address, "pause_until") {
                calls.push(format!(".CONSUMER.PAUSE.{stream}.{consumer}"));
            }
        } else if outlook.creates(address) {
            calls.extend(name.map(|name| format!(".STREAM.CREATE.{name}")));
        } else if outlook.changes(address, "") {
            calls.extend(name.map(|name| format!(".STREAM.UPDATE.{name}")));
        }
        let captures = outlook.creates(address) || outlook.changes(address, "subjects");
        if captures && stream_name(address).is_some() {
            calls.push(NAMES.to_owned());
        }
    }
    calls
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

/// The account, where the server tells it; who pins one is not connected to another.
fn account(facts: &NatsFacts) -> Option<Finding> {
    let account = facts.account.as_ref()?;
    let detail = format!("`{account}`");
    Some(Finding::new(Broker::Nats, "account", Health::Good, detail))
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
        Verdict::Denied => {
            let health = match needed_for {
                "export" | "counts" => Health::Doubtful,
                _ => Health::Bad,
            };
            let without = match needed_for {
                "counts" => "without it, what a lower limit takes can't be counted and is taken for the worst".to_owned(),
                _ => format!("{needed_for} needs it"),
            };
            Finding::new(Broker::Nats, what, health, format!("may not {subject}"))
                .hint(format!("allow it; {without}"))
        }
        Verdict::Unknown(why) => Finding::new(
            Broker::Nats,
            what,
            Health::Doubtful,
            format!("{subject}: {why}"),
        ),
    }
}
