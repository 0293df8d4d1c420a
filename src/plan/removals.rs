//! What becomes of what a stack owns and no longer declares. Whatever is in doubt is kept.

use std::collections::{HashMap, HashSet};

use super::Desired;
use super::label::{has_label, label_of};
use super::ownership::{Owned, alias, names, remade};
use crate::kinds::acl::{Own, Spared};
use crate::kinds::user::own_login;
use crate::kinds::{Live, Observations, Observed, Surroundings, kept_from_deletion, route};
use crate::ledger::{Phase, Record};
use crate::model::{Action, Address, Base, Code, KindName, Refusal, Step};

/// The least number of deletes that is let through.
const MOST_DELETES: usize = 10;

/// What the stack owns and no longer declares: to be looked at, unless only some are planned.
pub(super) fn no_longer_declared<'a>(desired: Desired<'a>) -> Vec<&'a Record> {
    let (Some(owned), None) = (desired.owned, desired.chosen) else {
        return Vec::new();
    };
    let of_stack = owned.book.of(desired.stack);
    of_stack
        .filter(|record| !desired.resources.contains_key(&record.address))
        .collect()
}

/// The steps for what is no longer declared, in the reverse order of creation.
pub(super) fn removals(
    desired: Desired<'_>,
    observations: &Observations,
    surroundings: &Surroundings,
) -> Vec<Step> {
    let Some(owned) = desired.owned else {
        return Vec::new();
    };
    let records = no_longer_declared(desired);
    let goes: HashSet<&Address> = records.iter().map(|record| &record.address).collect();
    let kafka = surroundings.kafka.as_ref();
    let own = kafka.and_then(|facts| Own::of(facts, desired.resources, observations, &goes));
    let mut steps: Vec<Step> = records
        .into_iter()
        .map(|record| {
            let seen = observations.get(&record.address);
            let step = kept(desired, record).unwrap_or_else(|| {
                let is_spared = owned.spared.contains(&record.address);
                removal(desired.stack, record, seen, is_spared)
            });
            spare_ourselves(step, own.as_ref(), surroundings)
        })
        .collect();
    spare_what_goes_along(&mut steps, desired, owned);
    spare_what_routes_need(&mut steps, desired);
    let_routes_go_first(&mut steps, desired.stack, owned);
    let_consumers_go_first(&mut steps);
    steps.sort_by(|a, b| b.address.cmp(&a.address));
    let deletes = steps.iter().filter(|s| s.action == Action::Delete).count();
    let most = owned.most_deletes(desired.stack);
    let in_the_way = if desired.resources.is_empty() && !owned.allow_empty {
        Some(nothing_declared())
    } else if deletes > most {
        Some(too_many(deletes, most))
    } else {
        None
    };
    if let Some(refusal) = in_the_way {
        let deletes = steps.iter_mut().filter(|s| s.action == Action::Delete);
        deletes.for_each(|step| step.refusals.push(refusal.clone()));
    }
    steps
}

/// A stream takes its consumers along: it stays while one of them is to stay.
fn spare_what_goes_along(steps: &mut [Step], desired: Desired<'_>, owned: Owned<'_>) {
    let mut staying: HashMap<Address, Vec<String>> = HashMap::new();
    let mut stays = |consumer: &Address, why: String| {
        let stream = consumer.stream_and_consumer().map(|(stream, _)| stream);
        if let Some(stream) = stream {
            let stream = Address::new(KindName::Stream, stream);
            staying.entry(stream).or_default().push(why);
        }
    };
    for step in steps.iter() {
        let consumer = &step.address;
        let record = owned.book.record(desired.stack, consumer);
        let is_protected = record.is_some_and(|record| record.protected);
        let is_there = step.base != Base::default();
        if is_there && (is_protected || owned.spared.contains(consumer)) {
            stays(consumer, format!("`{consumer}` is protected"));
        } else if is_there && record.is_some_and(|record| record.forgets) {
            stays(
                consumer,
                format!("`on_remove: forget` was said of `{consumer}`"),
            );
        }
    }
    for consumer in desired.resources.keys() {
        stays(consumer, format!("`{consumer}` is declared"));
    }
    for (other, record) in owned.book.others(desired.stack) {
        let consumer = &record.address;
        stays(consumer, format!("stack `{other}` owns `{consumer}`"));
    }
    for step in steps.iter_mut().filter(|s| s.action == Action::Delete) {
        let whys = names(&step.address).filter_map(|name| staying.get(&name));
        let whys = whys.flatten();
        let refusals: Vec<Refusal> = whys.map(|why| goes_along(why)).collect();
        step.refusals.extend(refusals);
    }
}

/// What a declared route lies on, or needs, stays.
fn spare_what_routes_need(steps: &mut [Step], desired: Desired<'_>) {
    let routes = desired.resources.values();
    let routes = routes.filter(|resource| resource.address.kind == KindName::Route);
    for route in routes {
        let needed = steps.iter_mut().filter(|step| {
            step.action == Action::Delete
                && matches!(
                    step.address.kind,
                    KindName::Stream | KindName::Topic | KindName::Kv
                )
                && route::needs(&route.address, &route.declared, &step.address)
                && !route::is_left_behind(&route.address, &route.declared, &step.address)
        });
        needed.for_each(|step| step.refusals.push(lies_on_it(&route.address)));
    }
}

/// A route goes before what it moves messages between: nothing of it is taken away under a worker's hands.
fn let_routes_go_first(steps: &mut [Step], stack: &str, owned: Owned<'_>) {
    let routes = steps
        .iter()
        .filter(|step| step.address.kind == KindName::Route && step.action == Action::Delete);
    let routes: Vec<&Record> = routes
        .filter_map(|step| owned.book.record(stack, &step.address))
        .collect();
    for step in steps.iter_mut().filter(|s| s.action == Action::Delete) {
        let needing = routes
            .iter()
            .filter(|route| route::needs(&route.address, &route.applied, &step.address));
        step.rests_on
            .extend(needing.map(|route| route.address.clone()));
    }
}

/// A stream takes its consumers along: those that go by consent of their own go before it, or it stays with them.
fn let_consumers_go_first(steps: &mut [Step]) {
    let mut going: HashMap<Address, Vec<Address>> = HashMap::new();
    for step in steps.iter() {
        let is_going = matches!(step.action, Action::Delete | Action::Unread);
        if let Some((stream, _)) = step.address.stream_and_consumer().filter(|_| is_going) {
            let stream = Address::new(KindName::Stream, stream);
            going.entry(stream).or_default().push(step.address.clone());
        }
    }
    for step in steps.iter_mut().filter(|s| s.action == Action::Delete) {
        let along = names(&step.address).filter_map(|name| going.get(&name));
        step.rests_on.extend(along.flatten().cloned());
    }
}

/// What is never deleted, whatever the ledger says: it is forgotten.
fn kept(desired: Desired<'_>, record: &Record) -> Option<Step> {
    let forget = || Step::of(record.address.clone(), Action::Forget);
    if let Some(alias) = alias(&record.address).filter(|a| desired.resources.contains_key(a)) {
        return Some(forget().noted(format!("it is declared as `{alias}` now")));
    }
    let owned = desired.owned?;
    let other = alias(&record.address).and_then(|alias| {
        owned
            .book
            .other_owner(desired.stack, &alias)
            .map(str::to_owned)
    });
    if let Some(other) = other {
        return Some(forget().noted(format!("stack `{other}` owns it by its other name")));
    }
    kept_from_deletion(&record.address).map(|why| forget().noted(why))
}

/// A right of trueup's own principal is not taken away: what comes after could neither be done nor read.
fn spare_ourselves(step: Step, own: Option<&Own<'_>>, surroundings: &Surroundings) -> Step {
    if step.action == Action::Delete && own_login(&step.address, surroundings) {
        return step.refused(Refusal::new(
            Code::LockOut,
            "trueup itself logs in as this user",
            "delete it as another principal, or with `kafka-configs`; or `trueup forget` it",
        ));
    }
    let is_right = step.action == Action::Delete && step.address.kind == KindName::Acl;
    let spared = own
        .filter(|_| is_right)
        .and_then(|own| own.spares(&step.address));
    let otherwise =
        "take it away as another principal, or with `kafka-acls`; or `trueup forget` it";
    let (what, way_out) = match spared {
        None => return step,
        Some(Spared::Own) => (
            "it would take a right away from trueup's own principal".to_owned(),
            otherwise.to_owned(),
        ),
        Some(Spared::Only(right)) => (
            format!(
                "it would take {right} away from trueup's own principal, to which nothing else gives it"
            ),
            format!("declare that right for the principal itself; or {otherwise}"),
        ),
    };
    step.refused(Refusal::new(Code::LockOut, what, way_out))
}

/// Whether what has the name is what was recorded, for want of anything else that would tell. An ACL is nothing but its
/// name; a quota or a user that trueup never saw may be somebody else's.
fn is_told_by_name(record: &Record) -> bool {
    let kind = record.address.kind;
    kind.is_its_name() && (kind == KindName::Acl || record.phase != Phase::Intent)
}

fn removal(stack: &str, record: &Record, seen: Option<&Observed>, is_spared: bool) -> Step {
    let step = |action, live: Option<&Live>| Step {
        address: record.address.clone(),
        action,
        base: live.map(Base::of_live).unwrap_or_default(),
        ..Step::of(record.address.clone(), action)
    };
    match seen {
        Some(Observed::Present(live)) => {
            if record.forgets {
                return step(Action::Forget, Some(live))
                    .noted("`on_remove: forget` was said of it");
            }
            // only what was seen as this life of the name is deleted
            if record.incarnation.is_none() && !is_told_by_name(record) {
                return step(Action::Forget, Some(live)).noted(
                    "an apply was interrupted before trueup saw it, so it may be somebody else's: it is kept",
                );
            }
            if record.is_another_life(live) && !remade(stack, record, live) {
                return step(Action::Forget, Some(live))
                    .noted("somebody deleted it and made it anew, so it is not the one that the stack owns: it is kept");
            }
            let label = label_of(live);
            if let Some(other) = label.filter(|label| *label != stack) {
                return step(Action::Forget, Some(live)).noted(format!(
                    "its label says that it is stack `{other}`'s, so it is kept"
                ));
            }
            let mut step = step(Action::Delete, Some(live));
            if label.is_none() && has_label(&record.applied) {
                step.refusals.push(label_is_gone());
            }
            if record.protected || is_spared {
                step.refusals.push(protected());
            }
            step
        }
        Some(Observed::Absent) => step(Action::Forget, None).noted("it is gone already"),
        Some(Observed::Unreadable(problem)) => step(Action::Unread, None).refused(Refusal {
            code: problem.code,
            field: None,
            message: problem.message.clone(),
            hint: problem.hint.clone(),
            origin: None,
        }),
        None => step(Action::Unread, None).refused(Refusal::new(
            Code::Unreadable,
            "the broker gave no answer for it",
            "plan again; if it stays so, see `trueup doctor`",
        )),
    }
}

impl Owned<'_> {
    /// How many deletes are let through.
    fn most_deletes(self, stack: &str) -> usize {
        let tenth = self.book.of(stack).count() / 10;
        self.max_delete.unwrap_or(MOST_DELETES.max(tenth))
    }
}

fn label_is_gone() -> Refusal {
    Refusal::new(
        Code::LabelGone,
        "the ledger says that it bears the stack's label, and it does not: who it belongs to is in doubt, so it is kept",
        "declare it again and apply, which puts the label back; or `trueup forget` it",
    )
}

fn protected() -> Refusal {
    Refusal::new(
        Code::Protected,
        "`protect: true` was said of it, so it is not deleted",
        "declare it with `lifecycle: { protect: false }` and apply before it is taken away, or `trueup forget` it",
    )
}

fn goes_along(why: &str) -> Refusal {
    Refusal::new(
        Code::Protected,
        format!("its consumers go with it, and {why}"),
        "let go of the consumer first, where it is declared; or `trueup forget` what is to be kept",
    )
}

fn lies_on_it(route: &Address) -> Refusal {
    Refusal::new(
        Code::Protected,
        format!("`{route}` is declared and lies on it"),
        "take the route out, too; or declare what it lies on",
    )
}

fn nothing_declared() -> Refusal {
    Refusal::new(
        Code::NothingDeclared,
        "the manifest declares no resources, so nothing is deleted",
        "check the `-f` arguments; if all of it is meant to go, `trueup destroy`, or `--allow-empty`",
    )
}

fn too_many(deletes: usize, most: usize) -> Refusal {
    Refusal::new(
        Code::TooManyDeletes,
        format!("{deletes} would be deleted, more than {most} at once"),
        format!("see that the manifest is whole; if it is meant, `--max-delete {deletes}`"),
    )
}
