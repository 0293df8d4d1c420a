use futures::future::{join, join_all};
use indexmap::{IndexMap, IndexSet};
use jiff::Timestamp;

use super::port::Port;
use crate::kinds::acl::allows_everybody;
use crate::kinds::{Live, Observations, Observed, Rehearsal, Surroundings};
use crate::model::{Action, Address, Broker, KindName, Problem, Risk, Step, Wanted};
use crate::plan::{Desired, Plan, assemble, forecast};

/// Observes what is declared and what is owned, compares, asks the brokers what they would refuse and what it may
/// cost: the plan.
///
/// What exists and is not shown is waited for: brokers show what they were told to make later than they take it, and
/// go on with it when whoever told them was stopped.
pub async fn plan(desired: Desired<'_>, port: &dyn Port) -> Plan {
    for _ in 0..WAITS {
        let plan = plan_once(desired, port).await;
        if !appear(port, &plan).await {
            return plan;
        }
    }
    plan_once(desired, port).await
}

/// How often what exists may turn out to be hidden. One wait is for all of it; while it lasts, more may be made.
const WAITS: usize = 3;

/// Waits for what this plan says to exist and not to be shown; whether some of it is shown now.
async fn appear(port: &dyn Port, plan: &Plan) -> bool {
    let hidden = by_kind(plan.hidden_steps());
    let waits = hidden.into_iter().map(|(kind, steps)| async move {
        let addresses: Vec<Address> = steps.iter().map(|step| step.address.clone()).collect();
        port.appear(kind, addresses).await.len() < steps.len()
    });
    join_all(waits).await.contains(&true)
}

async fn plan_once(desired: Desired<'_>, port: &dyn Port) -> Plan {
    let forecast = foresee(desired, port).await;
    let (rehearsed, risks) = join(rehearse(port, &forecast), risks(port, &forecast)).await;
    assemble(forecast, rehearsed, risks, desired.now)
}

/// A plan that was made before, with what its steps may cost now; its approvals hold, or no longer.
pub async fn weigh_again(plan: Plan, port: &dyn Port, now: Timestamp) -> Plan {
    let risks = risks(port, &plan).await;
    plan.weighed(risks, now)
}

/// Observes what is declared and compares: the plan before the brokers are asked.
pub async fn foresee(desired: Desired<'_>, port: &dyn Port) -> Plan {
    let planned = desired.planned().map(|resource| resource.address.clone());
    let wanted = planned.chain(desired.parents());
    let mut observations = observe(port, wanted.chain(desired.no_longer_declared())).await;
    let mut around = port.surroundings().clone();
    if desired.no_longer_declared().any(|it| allows_everybody(&it)) {
        look_beside(port, &mut observations, &mut around).await;
    }
    forecast(desired, &observations, &around, port.targets())
}

/// Reads all other rights, too: which of them trueup keeps when one of everybody goes.
async fn look_beside(port: &dyn Port, seen: &mut Observations, around: &mut Surroundings) {
    match port.list(KindName::Acl, &|_: &Address| true).await {
        Ok(all) => {
            for acl in all {
                seen.entry(acl)
                    .or_insert_with(|| Observed::Present(Live::default()));
            }
        }
        // without all of them, a right that none of them gives says nothing
        Err(_) => around
            .kafka
            .iter_mut()
            .for_each(|kafka| kafka.rights.clear()),
    }
}

/// Reads these resources, each once, the kinds side by side.
pub async fn observe(port: &dyn Port, addresses: impl Iterator<Item = Address>) -> Observations {
    let mut by_kind: Vec<Vec<Address>> = vec![Vec::new(); KindName::ALL.len()];
    for address in addresses.collect::<IndexSet<_>>() {
        if let Some(of_kind) = by_kind.get_mut(address.kind as usize) {
            of_kind.push(address);
        }
    }
    let reads = KindName::ALL
        .into_iter()
        .zip(&by_kind)
        .filter(|(_, addresses)| !addresses.is_empty())
        .map(|(kind, addresses)| port.observe(kind, addresses));
    let read = join_all(reads).await;
    // at once: what grows step by step is held twice at each
    let mut all = Observations::with_capacity(read.iter().map(IndexMap::len).sum());
    all.extend(read.into_iter().flatten());
    all
}

/// Reads every resource of these brokers that is wanted: what they list, and what is declared, for a broker may not list what
/// it refuses to show.
///
/// # Errors
/// All that could not be listed or read: what is missing would be taken for absent.
pub async fn observe_all(
    port: &dyn Port,
    brokers: &[Broker],
    declared: &[Address],
    wanted: &dyn Wanted,
) -> Result<IndexMap<Address, Live>, Vec<Problem>> {
    let mut addresses = IndexSet::new();
    let mut problems = Vec::new();
    let kinds = KindName::of_brokers(brokers);
    for name in kinds.filter(|kind| wanted.may_take_under(&format!("{kind}/"))) {
        match port.list(name, wanted).await {
            Ok(found) => addresses.extend(found.into_iter().filter(|a| wanted.takes(a))),
            // one missing right hides several kinds
            Err(problem) if problems.contains(&problem) => {}
            Err(problem) => problems.push(problem),
        }
    }
    let of_brokers = |it: &&Address| brokers.contains(&it.kind.broker()) && wanted.takes(it);
    addresses.extend(declared.iter().filter(of_brokers).cloned());
    let mut resources = IndexMap::new();
    for (address, observed) in observe(port, addresses.into_iter()).await {
        match observed {
            Observed::Present(live) => {
                resources.insert(address, live);
            }
            Observed::Absent => {}
            Observed::Unreadable(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() {
        Ok(resources)
    } else {
        Err(problems)
    }
}

async fn rehearse(port: &dyn Port, plan: &Plan) -> Rehearsal {
    let asked = by_kind(plan.open_steps().filter(|step| step.is_on_broker()));
    let asked = asked
        .into_iter()
        .map(|(kind, steps)| async move { port.rehearse(kind, &steps).await });
    let mut rehearsal = Rehearsal::default();
    for of_kind in join_all(asked).await {
        rehearsal.append(of_kind);
    }
    rehearsal
}

/// What the steps of a plan may cost; of those that are refused anyway, only what a deletion would.
async fn risks(port: &dyn Port, plan: &Plan) -> Vec<(Address, Vec<Risk>)> {
    let is_sent = |step: &&Step| step.is_on_broker() && step.is_fit();
    let is_asked = |step: &&Step| step.action == Action::Delete || is_sent(step);
    let asked = by_kind(plan.steps.iter().filter(is_asked))
        .into_iter()
        .map(|(kind, steps)| async move { port.risks(kind, &steps).await });
    join_all(asked).await.into_iter().flatten().collect()
}

/// The steps of each kind that has some.
fn by_kind<'a>(steps: impl Iterator<Item = &'a Step>) -> IndexMap<KindName, Vec<&'a Step>> {
    let mut kinds: IndexMap<KindName, Vec<&Step>> = IndexMap::new();
    for step in steps {
        kinds.entry(step.address.kind).or_default().push(step);
    }
    kinds
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;
    use serde_json::json;

    use super::*;
    use crate::kinds::{Resources, Surroundings};
    use crate::model::{Code, Doc, Outcome, Resource};
    use crate::plan::Target;

    /// A broker that makes two topics, and shows one more after each wait, up to `shows`.
    struct Late {
        surroundings: Surroundings,
        waits: AtomicUsize,
        shows: usize,
    }

    #[async_trait]
    impl Port for Late {
        fn targets(&self) -> Vec<Target> {
            Vec::new()
        }

        fn surroundings(&self) -> &Surroundings {
            &self.surroundings
        }

        async fn observe(&self, _: KindName, addresses: &[Address]) -> Observations {
            let shown = self.waits.load(Ordering::Relaxed).min(self.shows);
            let seen = addresses.iter().enumerate();
            let seen = seen.map(|(at, address)| {
                let observed = match at < shown {
                    true => Observed::Present(Live {
                        fields: [("partitions".to_owned(), json!(1))].into_iter().collect(),
                        raw: Doc::new(),
                        incarnation: None,
                        inherited: Default::default(),
                    }),
                    false => Observed::Absent,
                };
                (address.clone(), observed)
            });
            seen.collect()
        }

        async fn rehearse(&self, _: KindName, steps: &[&Step]) -> Rehearsal {
            let hidden = |step: &&Step| {
                let problem = Problem::error(Code::Exists, "it exists");
                (step.address.clone(), problem)
            };
            Rehearsal {
                unseen: steps.iter().map(hidden).collect(),
                ..Rehearsal::default()
            }
        }

        async fn carry_out(&self, _: KindName, _: &[&Step]) -> Vec<(Address, Outcome)> {
            Vec::new()
        }

        async fn appear(&self, _: KindName, mut hidden: Vec<Address>) -> Vec<Address> {
            if self.waits.fetch_add(1, Ordering::Relaxed) < self.shows {
                hidden.remove(0);
            }
            hidden
        }

        async fn list(&self, _: KindName, _: &dyn Wanted) -> Result<Vec<Address>, Problem> {
            Ok(Vec::new())
        }
    }

    async fn planned(shows: usize) -> (Plan, usize) {
        let topic = |name: &str| {
            let address = Address::new(KindName::Topic, name);
            let fields = [("partitions".to_owned(), json!(1))].into_iter().collect();
            (address.clone(), Resource::new(address, fields))
        };
        let resources: Resources = [topic("a"), topic("b")].into_iter().collect();
        let port = Late {
            surroundings: Surroundings::default(),
            waits: AtomicUsize::new(0),
            shows,
        };
        let desired = Desired {
            stack: "s",
            manifest_digest: "",
            resources: &resources,
            chosen: None,
            warnings: &[],
            owned: None,
            approvals: &[],
            now: Timestamp::now(),
        };
        let plan = plan(desired, &port).await;
        (plan, port.waits.load(Ordering::Relaxed))
    }

    #[tokio::test]
    async fn what_exists_and_is_not_shown_is_waited_for_while_something_appears() {
        let (plan, waits) = planned(2).await;
        assert!(plan.complete && plan.steps.is_empty(), "{plan:#?}");
        assert_eq!(waits, 2);
        let (plan, waits) = planned(1).await;
        assert_eq!((plan.summary.unread, plan.summary.unchanged), (1, 1));
        assert_eq!(waits, 2, "a wait in vain is the last one");
    }

    #[tokio::test]
    async fn what_appears_after_the_plan_is_no_step_of_it_any_more() {
        let (plan, _) = planned(0).await;
        assert_eq!((plan.complete, plan.summary.unread), (false, 2));
        let one = plan.steps[0].address.clone();
        let rest = plan.clone().settled(|address| *address == one);
        assert_eq!((rest.complete, rest.summary.unread), (false, 1));
        assert!(
            rest.problems
                .iter()
                .all(|it| it.address.as_ref() != Some(&one))
        );
        let none = plan.settled(|_| true);
        assert!(none.complete && none.steps.is_empty() && none.problems.is_empty());
        assert_eq!(none.summary.unchanged, 2);
    }
}
