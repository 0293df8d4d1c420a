//! Whether the brokers can be reached, are of a supported version, and grant what plan and apply
//! need. Asks, and changes nothing.

mod kafka;
mod ledger;
mod nats;
mod outlook;
mod replicas;

pub use ledger::look_at_ledger;

use futures::future::join;

use super::connect::{Endpoints, connect};
use crate::kinds::Resources;
use crate::model::{Broker, Problem};

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The broker that it is about.
    pub broker: Broker,
    /// What was looked at.
    pub what: String,
    /// How it is.
    pub verdict: Health,
    /// What was seen.
    pub detail: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Health {
    /// As it should be.
    Good,
    /// It may hinder.
    Doubtful,
    /// It will fail.
    Bad,
}

impl Finding {
    fn new(
        broker: Broker,
        what: impl Into<String>,
        verdict: Health,
        detail: impl Into<String>,
    ) -> Self {
        Finding {
            broker,
            what: what.into(),
            verdict,
            detail: detail.into(),
            hint: None,
        }
    }

    fn hint(self, hint: impl Into<String>) -> Self {
        Finding {
            hint: Some(hint.into()),
            ..self
        }
    }

    fn unreachable(broker: Broker, problem: Problem) -> Self {
        Finding::bad(broker, "connection", problem)
    }

    /// What a plan would say of its ledger.
    pub fn of_ledger(broker: Broker, problem: Problem) -> Self {
        Finding::bad(broker, "ledger", problem)
    }

    /// What it means for a plan that another ledger can't be read.
    pub fn of_other_ledger(broker: Broker, what: String) -> Self {
        Finding::new(broker, "ledger", Health::Doubtful, what)
    }

    fn bad(broker: Broker, what: &str, problem: Problem) -> Self {
        let finding = Finding::new(broker, what, Health::Bad, problem.message);
        Finding {
            hint: problem.hint,
            ..finding
        }
    }
}

/// Looks at each broker by itself, so that one that is down hides nothing of the other.
pub async fn doctor(endpoints: Endpoints, resources: &Resources) -> Vec<Finding> {
    let Endpoints {
        nats,
        account,
        kafka,
        cluster_id,
    } = endpoints;
    let nats = Endpoints {
        nats,
        account,
        ..Endpoints::default()
    };
    let kafka = Endpoints {
        kafka,
        cluster_id,
        ..Endpoints::default()
    };
    let (mut findings, of_kafka) = join(
        look_at_nats(nats, resources),
        look_at_kafka(kafka, resources),
    )
    .await;
    findings.extend(of_kafka);
    findings
}

async fn look_at_nats(endpoints: Endpoints, resources: &Resources) -> Vec<Finding> {
    let settings = endpoints.nats.clone();
    match connect(endpoints).await {
        Ok(port) => {
            let (mut findings, dead) = join(
                nats::look(&port, resources),
                nats::dead_servers(settings.as_ref()),
            )
            .await;
            findings.extend(dead);
            findings
        }
        Err(problems) => unreachable(Broker::Nats, problems),
    }
}

async fn look_at_kafka(endpoints: Endpoints, resources: &Resources) -> Vec<Finding> {
    match connect(endpoints).await {
        Ok(port) => kafka::look(&port, resources).await,
        Err(problems) => unreachable(Broker::Kafka, problems),
    }
}

fn unreachable(broker: Broker, problems: Vec<Problem>) -> Vec<Finding> {
    problems
        .into_iter()
        .map(|problem| Finding::unreachable(broker, problem))
        .collect()
}
