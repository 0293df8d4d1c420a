//! What the ledger makes of a resource: whose it is, whether it may be changed, and what becomes of it when it is no
//! longer declared. Whatever is in doubt is kept.

use super::label::{bears_label, has_label, label_of};
use super::{Desired, Plan};
use crate::kinds::stream::{bucket_of, stream_name};
use crate::kinds::{Live, Observations, Observed, Resources, Surroundings, kept_from_deletion};
use crate::ledger::{Book, Phase, Record};
use crate::model::{
    Action, Address, Base, Claim, Code, Flat, Harm, KindName, LABEL, OnRemove, Refusal, Resource,
    Risk, Step,
};

/// What a stack owns, and what it may lose at once.
#[derive(Clone, Copy, Debug)]
pub struct Owned<'a> {
    /// The ledger as it was read.
    pub book: &'a Book,
    /// How many may be deleted; 10, or a tenth of what is owned, where nobody says.
    pub max_delete: Option<usize>,
    /// Whether a manifest without resources may delete.
    pub allow_empty: bool,
    /// What is not deleted, whatever was recorded of it.
    pub spared: &'a [Address],
    /// The stack whose labelled resources may be taken over (`--take-ownership-from`).
    pub taken_from: Option<&'a str>,
}

/// The least number of deletes that is let through.
const MOST_DELETES: usize = 10;

/// What a declared resource gets of its owner.
#[derive(Debug, Default)]
pub(super) struct Title {
    /// Whether it becomes the stack's only now.
    pub(super) is_new: bool,
    /// Whether the ledger holds something else of it than the manifest says.
    pub(super) is_outdated: bool,
    /// The fields that the stack once set.
    pub(super) once_set: Flat,
    pub(super) refusals: Vec<Refusal>,
    pub(super) risks: Vec<Risk>,
    pub(super) notes: Vec<String>,
    pub(super) label: Label,
}

/// What becomes of a resource's label.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Label {
    /// The resource bears none of ours, and gets none.
    #[default]
    None,
    /// It is there.
    Held,
    /// It is written along with other changes.
    Along,
    /// It is written, whether there are other changes or not.
    Written,
}

impl Label {
    /// Whether it is among the changes of a resource that is as declared otherwise, or not.
    pub(super) fn is_written(self, is_equal: bool) -> bool {
        match self {
            Label::None | Label::Held => false,
            Label::Along => !is_equal,
            Label::Written => true,
        }
    }

    /// Whether the resource bears it once the step is done.
    pub(super) fn is_there(self, is_equal: bool) -> bool {
        self == Label::Held || self.is_written(is_equal)
    }
}

impl Owned<'_> {
    /// The standing of a declared resource that is there, or not: by the ledger, then by its label.
    pub(super) fn title(
        self,
        stack: &str,
        resource: &Resource,
        live: Option<&Live>,
        surroundings: &Surroundings,
    ) -> Title {
        let recorded = self.recorded(stack, resource, live);
        if !recorded.refusals.is_empty() {
            return recorded;
        }
        let bears = bears_label(resource, surroundings);
        let record = self.book.record(stack, &resource.address);
        let was_labelled = record.is_some_and(|record| has_label(&record.applied));
        let mut title = Title {
            is_outdated: recorded.is_outdated || (was_labelled && !bears),
            ..recorded
        };
        title.once_set.shift_remove(LABEL);
        let Some(live) = live else {
            title.label = if bears { Label::Along } else { Label::None };
            return title;
        };
        match label_of(live) {
            Some(label) if label == stack => {
                title.label = Label::Held;
                if record.is_none() {
                    title.notes.push(LOST.to_owned());
                }
            }
            Some(other) if self.taken_from == Some(other) => {
                title.is_new = true;
                title.label = Label::Written;
                title.notes.push(format!(
                    "it is taken over from stack `{other}`, whose label it bears"
                ));
            }
            Some(other) => {
                title.is_new = true;
                title.refusals.push(labelled_by(other));
            }
            None if !bears => {}
            None if was_labelled && !title.is_new => {
                title.label = Label::Written;
                title.notes.push(ERASED.to_owned());
            }
            None => title.label = Label::Along,
        }
        title
    }

    /// The standing by the ledger alone.
    fn recorded(self, stack: &str, resource: &Resource, live: Option<&Live>) -> Title {
        let address = &resource.address;
        let names = alias(address).into_iter().chain([address.clone()]);
        let mut others = names.filter_map(|name| self.book.other_owner(stack, &name));
        if let Some(other) = others.next() {
            return Title {
                is_new: true,
                refusals: vec![owned_by(other, address)],
                ..Title::default()
            };
        }
        let Some(record) = self.book.record(stack, address) else {
            return Title {
                is_new: true,
                ..Title::default()
            };
        };
        match (live, record.phase) {
            (None, Phase::Present) => Title {
                risks: recreated(address.kind).into_iter().collect(),
                ..Title::default()
            },
            (None, Phase::Intent | Phase::Deleting) => Title::default(),
            (Some(live), Phase::Present) if record.is_another_life(live) => Title {
                is_new: true,
                notes: vec![
                    "somebody deleted it and made it anew; it becomes the stack's again".to_owned(),
                ],
                ..Title::default()
            },
            (Some(_), Phase::Present) => Title {
                is_outdated: record.claim() != claim(resource, None),
                once_set: record.applied.clone(),
                ..Title::default()
            },
            (Some(_), Phase::Intent | Phase::Deleting) => Title {
                is_new: true,
                once_set: record.applied.clone(),
                notes: vec!["an apply was interrupted at it; what it did is kept".to_owned()],
                ..Title::default()
            },
        }
    }

    /// How many deletes are let through.
    fn most_deletes(self, stack: &str) -> usize {
        let tenth = self.book.of(stack).count() / 10;
        self.max_delete.unwrap_or(MOST_DELETES.max(tenth))
    }
}

/// Said where the resource is as declared, and only its record is not.
pub(super) const OUTDATED: &str = "what the ledger holds of it is brought up to date";

/// Said where the ledger knows nothing of what bears the stack's label.
const LOST: &str = "the ledger does not know it, and its label says that it is the stack's: it is the stack's again";

/// Said where a label was written and is gone.
const ERASED: &str = "another client erased the stack's label from it; it is put back";

/// What a stack claims of a resource that it declares, and that bears its label, or not.
pub fn claim(resource: &Resource, label: Option<&str>) -> Claim {
    let mut fields = resource.declared.clone();
    fields.extend(label.map(|stack| (LABEL.to_owned(), stack.into())));
    Claim {
        fields,
        protected: resource.lifecycle.protect,
        forgets: resource.lifecycle.on_remove == OnRemove::Forget,
    }
}

/// What bears the stack's label, and is neither declared nor known to the ledger: it is told, and left alone.
pub fn orphans<'a>(
    stack: &str,
    resources: &Resources,
    book: &Book,
    seen: impl Iterator<Item = (&'a Address, &'a Live)>,
) -> Vec<&'a Address> {
    let is_orphan = |(address, live): &(&Address, &Live)| {
        let is_known = resources.contains_key(*address) || book.record(stack, address).is_some();
        label_of(live) == Some(stack) && !is_known
    };
    seen.filter(is_orphan).map(|(address, _)| address).collect()
}

/// The other address of the same thing: a bucket is a stream, too.
fn alias(address: &Address) -> Option<Address> {
    match address.kind {
        KindName::Stream => bucket_of(&address.name),
        KindName::Kv | KindName::ObjectStore => {
            Some(Address::new(KindName::Stream, stream_name(address)?))
        }
        KindName::Consumer | KindName::Topic | KindName::Acl => None,
    }
}

impl Record {
    /// What it claims, whatever the label is.
    fn claim(&self) -> Claim {
        let mut fields = self.applied.clone();
        fields.shift_remove(LABEL);
        Claim {
            fields,
            protected: self.protected,
            forgets: self.forgets,
        }
    }

    /// Whether what is there is not what was recorded; a record that never saw it can't tell.
    fn is_another_life(&self, live: &Live) -> bool {
        self.incarnation.is_some() && self.incarnation != live.incarnation
    }
}

/// The steps of a saved plan whose resource changed hands since.
pub fn titles_moved(plan: &Plan, book: &Book) -> Vec<(Address, String)> {
    let how = |step: &Step| {
        if let Some(other) = book.other_owner(&plan.stack, &step.address) {
            return Some(format!("stack `{other}` owns it since"));
        }
        let is_removal = matches!(step.action, Action::Delete | Action::Forget);
        let owned = book.record(&plan.stack, &step.address).is_some();
        (is_removal && !owned).then(|| "the stack owns it no longer".to_owned())
    };
    let moved = plan
        .open_steps()
        .filter_map(|step| Some((step.address.clone(), how(step)?)));
    moved.collect()
}

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
    let mut steps: Vec<Step> = records
        .into_iter()
        .map(|record| {
            let seen = observations.get(&record.address);
            let step = kept(desired, record).unwrap_or_else(|| {
                let is_spared = owned.spared.contains(&record.address);
                removal(desired.stack, record, seen, is_spared)
            });
            spare_ourselves(step, surroundings)
        })
        .collect();
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
fn spare_ourselves(step: Step, surroundings: &Surroundings) -> Step {
    let kafka = surroundings.kafka.as_ref();
    let own = kafka.and_then(|facts| facts.principal.as_deref());
    let is_own = own.is_some_and(|own| step.address.name.starts_with(&format!("{own}/allow/")));
    if step.address.kind != KindName::Acl || step.action != Action::Delete || !is_own {
        return step;
    }
    step.refused(Refusal::new(
        Code::LockOut,
        "it would take a right away from trueup's own principal",
        "take it away as another principal, or with `kafka-acls`; or `trueup forget` it",
    ))
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
            if record.incarnation.is_none() && record.address.kind != KindName::Acl {
                return step(Action::Forget, Some(live)).noted(
                    "an apply was interrupted before trueup saw it, so it may be somebody else's: it is kept",
                );
            }
            if record.is_another_life(live) {
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
        }),
        None => step(Action::Unread, None).refused(Refusal::new(
            Code::Unreadable,
            "the broker gave no answer for it",
            "plan again; if it stays so, see `trueup doctor`",
        )),
    }
}

fn owned_by(other: &str, address: &Address) -> Refusal {
    Refusal::new(
        Code::OwnedByAnother,
        format!("stack `{other}` owns it"),
        format!(
            "declare it in one of the two only; to take it over, let `{other}` go of it with `trueup forget {address}`"
        ),
    )
}

fn labelled_by(other: &str) -> Refusal {
    Refusal::new(
        Code::OwnedByAnother,
        format!("its label says that stack `{other}` owns it"),
        format!(
            "declare it in one of the two only; to take it over, `--take-ownership-from {other}`"
        ),
    )
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

/// What holds data and vanished comes back empty.
fn recreated(kind: KindName) -> Option<Risk> {
    let harm = match kind {
        KindName::Stream | KindName::Kv | KindName::ObjectStore | KindName::Topic => Harm::High,
        KindName::Consumer => Harm::Medium,
        KindName::Acl => return None,
    };
    let evidence = "it was deleted outside of trueup, and is made anew without what it held";
    let safer = "find out who deleted it, and restore it where there is a copy";
    Some(Risk {
        safer: Some(safer.to_owned()),
        ..Risk::of(Code::RecreatedEmpty, harm, evidence)
    })
}
