//! Plan and apply, as a test does them: all that is declared, and nobody watches.

use jiff::Timestamp;
use trueup::apply::{Done, Stop, Watch, apply};
use trueup::engine::{Port, plan};
use trueup::kinds::Resources;
use trueup::model::{Address, Approval, Outcome};
use trueup::plan::{Desired, Plan};

/// What would change, all that it may cost consented to.
pub async fn planned(resources: &Resources, port: &dyn Port) -> Plan {
    let unapproved = approved(resources, port, &[]).await;
    let risks = unapproved.steps.iter().flat_map(|step| {
        let blocking = step.risks.iter().filter(|risk| risk.blocks());
        blocking.map(|risk| Approval {
            risk: risk.code,
            address: step.address.clone(),
            max: None,
            max_bytes: None,
            terms: None,
        })
    });
    let approvals: Vec<Approval> = risks.collect();
    match approvals.is_empty() {
        true => unapproved,
        false => approved(resources, port, &approvals).await,
    }
}

/// What would change, with these approvals.
pub async fn approved(resources: &Resources, port: &dyn Port, approvals: &[Approval]) -> Plan {
    let desired = Desired {
        stack: "test",
        manifest_digest: "",
        resources,
        chosen: None,
        warnings: &[],
        owned: None,
        approvals,
        now: Timestamp::now(),
    };
    plan(desired, port).await
}

/// What became of each step.
pub async fn applied(plan: &Plan, port: &dyn Port) -> Vec<Done> {
    apply(plan, port, &Nobody, &Stop::default(), None, Timestamp::now).await
}

struct Nobody;

impl Watch for Nobody {
    fn started(&self, _: &[&Address]) {}
    fn finished(&self, _: &Address, _: &Outcome) {}
}
