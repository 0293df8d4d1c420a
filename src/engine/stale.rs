use std::collections::HashSet;

use indexmap::IndexMap;

use super::planning::observe;
use super::port::Port;
use crate::kinds::Observed;
use crate::model::{Address, Base, Parent, Problem, Step};
use crate::plan::{Plan, Target};

/// A resource that is no longer what a saved plan rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The resource.
    pub address: Address,
    /// What happened to it.
    pub how: How,
}

/// What happened to a resource of a saved plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum How {
    /// It is no longer what the plan rests on.
    Changed(String),
    /// It can't be read, so nobody knows.
    Unread(String),
}

impl How {
    /// In words.
    pub fn words(&self) -> &str {
        match self {
            How::Changed(words) | How::Unread(words) => words,
        }
    }

    fn changed(words: &str) -> How {
        How::Changed(words.to_owned())
    }

    fn and(self, more: &str) -> How {
        match self {
            How::Changed(words) => How::Changed(words + more),
            How::Unread(words) => How::Unread(words + more),
        }
    }
}

/// The resources of a saved plan that changed since it was made, and those that its steps rest on
/// and that are gone or made anew since.
pub async fn moved(plan: &Plan, port: &dyn Port) -> Vec<Moved> {
    let planned = plan.open_steps().map(|step| step.address.clone());
    let parents = parents(plan);
    let seen = observe(port, planned.chain(parents.keys().copied().cloned())).await;
    let steps = plan.open_steps().filter_map(|step| {
        let how = how_it_moved(step, seen.get(&step.address))?;
        Some(Moved {
            address: step.address.clone(),
            how,
        })
    });
    let parents = parents.iter().filter_map(|(address, (parent, step))| {
        let how = how_a_parent_moved(parent, seen.get(*address))?;
        Some(Moved {
            address: (*address).clone(),
            how: how.and(&format!("; `{step}` rests on it")),
        })
    });
    steps.chain(parents).collect()
}

/// What the open steps rest on and no open step looks at itself, each with the first that does.
fn parents(plan: &Plan) -> IndexMap<&Address, (&Parent, &Address)> {
    let planned: HashSet<&Address> = plan.open_steps().map(|step| &step.address).collect();
    let mut parents = IndexMap::new();
    for step in plan.open_steps() {
        for parent in &step.parents {
            if !planned.contains(&parent.address) {
                parents
                    .entry(&parent.address)
                    .or_insert((parent, &step.address));
            }
        }
    }
    parents
}

fn how_a_parent_moved(parent: &Parent, seen: Option<&Observed>) -> Option<How> {
    match seen {
        Some(Observed::Present(live)) if live.incarnation == parent.incarnation => None,
        Some(Observed::Present(_)) => Some(How::changed(MADE_ANEW)),
        Some(Observed::Absent) => Some(How::changed(DELETED)),
        Some(Observed::Unreadable(problem)) => Some(unreadable(problem)),
        None => Some(How::Unread(UNANSWERED.to_owned())),
    }
}

const MADE_ANEW: &str = "it was deleted and made anew since";
const DELETED: &str = "it was deleted since";
const UNANSWERED: &str = "the broker gave no answer for it";

fn unreadable(problem: &Problem) -> How {
    How::Unread(format!("it can't be read now: {}", problem.message))
}

fn how_it_moved(step: &Step, seen: Option<&Observed>) -> Option<How> {
    let now = match seen {
        Some(Observed::Present(live)) => Base::of_live(live),
        Some(Observed::Absent) => Base::default(),
        Some(Observed::Unreadable(problem)) => return Some(unreadable(problem)),
        None => return Some(How::Unread(UNANSWERED.to_owned())),
    };
    if now == step.base {
        return None;
    }
    Some(How::changed(
        match (&step.base.fingerprint, &now.fingerprint) {
            (None, _) => "it was absent and exists now",
            (Some(_), None) => DELETED,
            (Some(_), Some(_)) if now.incarnation != step.base.incarnation => MADE_ANEW,
            (Some(_), Some(_)) => "it was changed since",
        },
    ))
}

/// Why a saved plan does not belong to these brokers; none when it does.
pub fn wrong_target(plan: &Plan, port: &dyn Port) -> Option<String> {
    let here = port.targets();
    plan.targets.iter().find_map(|planned| {
        if here.iter().any(|target| same_broker(planned, target)) {
            return None;
        }
        let connected: Vec<String> = here.iter().map(identity).collect();
        Some(format!(
            "the plan was made on {}; connected is {}",
            identity(planned),
            connected.join(" and ")
        ))
    })
}

fn same_broker(planned: &Target, here: &Target) -> bool {
    match (planned, here) {
        (Target::Kafka { cluster_id: a, .. }, Target::Kafka { cluster_id: b, .. }) => a == b,
        (Target::Nats { .. }, Target::Nats { .. }) => same_account(planned, here),
        (Target::Kafka { .. }, Target::Nats { .. })
        | (Target::Nats { .. }, Target::Kafka { .. }) => false,
    }
}

/// NATS has no cluster id. An account's public key names it anywhere; a plain name such as `$G`
/// stands in every server, so the cluster's name or the address has to agree, too.
fn same_account(planned: &Target, here: &Target) -> bool {
    let (
        Target::Nats {
            url: a_url,
            account: a,
            cluster: a_cluster,
            domain: a_domain,
            ..
        },
        Target::Nats {
            url: b_url,
            account: b,
            cluster: b_cluster,
            domain: b_domain,
            ..
        },
    ) = (planned, here)
    else {
        return false;
    };
    let is_key = a
        .as_ref()
        .is_some_and(|account| account.len() == 56 && account.starts_with('A'));
    let same_place = a_url == b_url || (a_cluster.is_some() && a_cluster == b_cluster);
    a == b && a_domain == b_domain && (is_key || same_place)
}

fn identity(target: &Target) -> String {
    match target {
        Target::Kafka { cluster_id, .. } => format!("the Kafka cluster `{cluster_id}`"),
        Target::Nats { account, url, .. } => match account {
            Some(account) => format!("the NATS account `{account}` at `{url}`"),
            None => format!("the NATS server at `{url}`"),
        },
    }
}
