use super::{Finding, Health};
use crate::broker::nats::{JetStream, RightProbe, Verdict};
use crate::engine::port::{LiveBrokers, Port};
use crate::kinds::{NatsFacts, NatsVersion};
use crate::model::Broker;

/// The oldest and the newest server that trueup is tried on.
const SUPPORTED: (NatsVersion, NatsVersion) = (NatsVersion(2, 10, 0), NatsVersion(2, 15, u32::MAX));

/// What a connected NATS server says of itself and of our rights.
pub async fn look(port: &LiveBrokers) -> Vec<Finding> {
    let (Some(jetstream), Some(facts)) = (&port.brokers().nats, &port.surroundings().nats) else {
        return Vec::new();
    };
    let mut findings = vec![connection(jetstream), version(facts), account(facts)];
    findings.extend(jetstream.probe_rights().await.into_iter().map(right));
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
            Health::Bad,
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
