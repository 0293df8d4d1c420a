//! Plan and apply, as a test does them: all that is declared, and nobody watches.

use jiff::Timestamp;
use trueup::apply::{Done, Stop, Watch, apply};
use trueup::engine::{Port, plan};
use trueup::kinds::Resources;
use trueup::model::{Address, Outcome};
use trueup::plan::{Desired, Plan};

/// What would change.
pub async fn planned(resources: &Resources, port: &dyn Port) -> Plan {
    let desired = Desired {
        stack: "test",
        manifest_digest: "",
        resources,
        chosen: None,
        warnings: &[],
        owned: None,
        approvals: &[],
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
