use std::collections::HashSet;

use indexmap::IndexMap;
use jiff::Timestamp;

use super::{Finding, Health};
use crate::engine::planning::foresee;
use crate::engine::port::Port;
use crate::kinds::Resources;
use crate::kinds::stream::stream_name;
use crate::model::{Action, Address, Broker, Code, KindName, Refusal, Step, few};
use crate::plan::Desired;

/// What is named in one line at most.
pub(super) const NAMED: usize = 3;

/// What an apply would do on one broker now, as far as the live state can be read: it says which
/// of the missing rights will make it fail.
pub(super) struct Outlook(IndexMap<Address, Step>);

impl Outlook {
    /// Reads what is declared on this broker and compares, without asking what would be refused.
    pub(super) async fn of(port: &dyn Port, resources: &Resources, broker: Broker) -> Outlook {
        let here = resources.keys().filter(|a| a.kind.broker() == broker);
        let here: HashSet<Address> = here.cloned().collect();
        let desired = Desired {
            stack: "",
            manifest_digest: "",
            resources,
            chosen: Some(&here),
            warnings: &[],
            owned: None,
            approvals: &[],
            now: Timestamp::default(),
        };
        let steps = foresee(desired, port).await.steps;
        let by_address = steps.into_iter().map(|step| (step.address.clone(), step));
        Outlook(by_address.collect())
    }

    /// Whether this one is going to be made.
    pub(super) fn creates(&self, address: &Address) -> bool {
        self.step(address, Action::Create).is_some()
    }

    /// Whether any of this kind is going to be made or changed.
    pub(super) fn writes_any(&self, kind: KindName) -> bool {
        let mut steps = self.0.values();
        steps.any(|step| {
            let is_written = matches!(step.action, Action::Create | Action::Update);
            is_written && step.address.kind == kind
        })
    }

    /// Whether a field of this one is going to change whose path begins so.
    pub(super) fn changes(&self, address: &Address, field: &str) -> bool {
        let step = self.step(address, Action::Update);
        step.is_some_and(|step| sets(step, field))
    }

    /// Whether this one is going to be made or changed with a field whose path begins so.
    pub(super) fn sets(&self, address: &Address, field: &str) -> bool {
        let step = self.0.get(address);
        step.is_some_and(|step| sets(step, field))
    }

    /// Whether a stream, or that of a bucket or a consumer, could not be read that is meant.
    pub(super) fn is_unread(&self, is_meant: impl Fn(&str) -> bool) -> bool {
        let mut steps = self.0.values();
        steps.any(|step| {
            let stream = stream_name(&step.address);
            let of_consumer = step
                .address
                .stream_and_consumer()
                .map(|(stream, _)| stream.to_owned());
            let stream = stream.or(of_consumer);
            step.action == Action::Unread && stream.is_some_and(|name| is_meant(&name))
        })
    }

    /// What could not be read, a finding for each reason but a missing right, which is told by its name.
    pub(super) fn unread(&self, broker: Broker) -> Vec<Finding> {
        let mut by_reason: IndexMap<(&str, Option<&str>), Vec<&Address>> = IndexMap::new();
        for step in self.0.values().filter(|s| s.action == Action::Unread) {
            let told = step.refusals.iter().filter(|r| r.code != Code::Denied);
            for Refusal { message, hint, .. } in told {
                let reason = (message.as_str(), hint.as_deref());
                by_reason.entry(reason).or_default().push(&step.address);
            }
        }
        let finding = |((message, hint), addresses): ((&str, Option<&str>), Vec<&Address>)| {
            let detail = format!("can't read {}: {message}", few(addresses.iter(), NAMED));
            Finding {
                hint: hint.map(str::to_owned),
                ..Finding::new(broker, "reading", Health::Bad, detail)
            }
        };
        by_reason.into_iter().map(finding).collect()
    }

    fn step(&self, address: &Address, action: Action) -> Option<&Step> {
        self.0.get(address).filter(|step| step.action == action)
    }
}

fn sets(step: &Step, field: &str) -> bool {
    let mut changes = step.changes.iter();
    changes.any(|change| change.field.starts_with(field))
}

/// The rights that are missing and that nothing declared is known to need now, in one line.
pub(super) fn for_later(broker: Broker, missing: &[String]) -> Option<Finding> {
    let detail = format!("lacks {}", few(missing.iter(), NAMED));
    let hint = "an apply may need them later; what is declared isn't known to need them now";
    let finding = Finding::new(broker, "rights for later", Health::Doubtful, detail).hint(hint);
    (!missing.is_empty()).then_some(finding)
}
