//! What the ledger makes of a resource: whose it is, whether it may be changed, and what becomes of it when it is no
//! longer declared. Whatever is in doubt is kept.

use serde_json::Value;

use super::diff::is_ignored;
use super::label::{bears_label, has_label, label_of};
use super::{Desired, Plan};
use crate::kinds::stream::{bucket_of, stream_name};
use crate::kinds::{Live, Resources, Surroundings};
use crate::ledger::{Book, Phase, Record};
use crate::model::{
    Action, Address, Claim, Code, Flat, Harm, KindName, LABEL, OnRemove, Problem, Refusal,
    Resource, Risk, Step, few,
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

/// What a declared resource gets of its owner.
#[derive(Debug, Default)]
pub(super) struct Title {
    /// Whether it becomes the stack's only now.
    pub(super) is_new: bool,
    /// Whether the ledger knows this very life of it, or a replacement that was cut short, to be the stack's.
    pub(super) is_ours: bool,
    /// Whether the ledger holds something else of it than the manifest says.
    pub(super) is_outdated: bool,
    /// Whether an apply was interrupted at it: what it recorded may not have been done.
    pub(super) is_interrupted: bool,
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
        if let Some(other) = owner_among(self.book, stack, address) {
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
                risks: recreated(resource).into_iter().collect(),
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
            (Some(live), Phase::Present) => Title {
                is_ours: record.is_this_life(live),
                is_outdated: !is_same(&record.claim(), &claim(resource, None), address.kind),
                once_set: record.applied.clone(),
                ..Title::default()
            },
            (Some(live), Phase::Intent | Phase::Deleting) => Title {
                is_new: true,
                is_interrupted: record.action != Some(Action::Adopt),
                is_ours: record.is_this_life(live) || remade(stack, record, live),
                once_set: record.applied.clone(),
                notes: vec!["an apply was interrupted at it; what it did is kept".to_owned()],
                ..Title::default()
            },
        }
    }
}

/// Whether what is there was made by the stack itself, when it was replaced: an apply ended before that was recorded.
pub(super) fn remade(stack: &str, record: &Record, live: &Live) -> bool {
    record.phase == Phase::Intent
        && record.action == Some(Action::Replace)
        && label_of(live) == Some(stack)
}

/// Said where the resource is as declared, and only its record is not.
pub(super) const OUTDATED: &str = "what the ledger holds of it is brought up to date";

/// Said where the ledger knows nothing of what bears the stack's label.
const LOST: &str = "the ledger does not know it, and its label says that it is the stack's: it is the stack's again";

/// That the ledger is not what it was: what bears the stack's label is unknown to it.
pub(super) fn lost(desired: Desired<'_>, steps: &[Step]) -> Option<Problem> {
    const NAMED: usize = 3;
    let owned = desired.owned?;
    let is_lost = |step: &&Step| step.notes.iter().any(|note| note == LOST);
    let labelled: Vec<&Address> = steps.iter().filter(is_lost).map(|s| &s.address).collect();
    if labelled.is_empty() {
        return None;
    }
    let names = few(labelled.iter().map(|address| format!("`{address}`")), NAMED);
    let stack = desired.stack;
    let message = match owned.book.of(stack).next() {
        None => format!(
            "the ledger holds nothing of stack `{stack}`, whose label {names} bear: it was lost, or is another one"
        ),
        Some(_) => format!(
            "the ledger does not know {names}, which bear the label of stack `{stack}`: it may be an older copy"
        ),
    };
    let hint = "an apply records what is declared again; what the stack made and no longer declares is unknown to this \
        ledger and stays: `trueup ledger rebuild` names what of it bears the label";
    Some(Problem::warning(Code::LedgerLost, message).hint(hint))
}

/// Said where a label was written and is gone.
const ERASED: &str = "another client erased the stack's label from it; it is put back";

/// What a stack claims of a resource that it declares, and that bears its label, or not.
pub fn claim(resource: &Resource, label: Option<&str>) -> Claim {
    let mut fields = resource.declared.clone();
    // what is left to others was never set
    fields.retain(|path, _| !is_ignored(&resource.lifecycle, path));
    fields.extend(label.map(|stack| (LABEL.to_owned(), stack.into())));
    Claim {
        fields,
        protected: resource.lifecycle.protect,
        forgets: resource.lifecycle.on_remove == OnRemove::Forget,
    }
}

/// Whether two claims on a resource of this kind say the same, in whatever order a list is that has none.
fn is_same(one: &Claim, other: &Claim, kind: KindName) -> bool {
    let declaration = crate::kinds::kind(kind).map(|kind| kind.declaration());
    let is_as_said = |path: &str, value: &Value, said: &Value| {
        let field = || declaration.and_then(|declaration| declaration.field(path));
        value == said || field().is_some_and(|field| field.same(Some(value), Some(said)))
    };
    let mut fields = one.fields.iter();
    (one.protected, one.forgets) == (other.protected, other.forgets)
        && one.fields.len() == other.fields.len()
        && fields.all(|(path, value)| {
            let said = other.fields.get(path);
            said.is_some_and(|said| is_as_said(path, value, said))
        })
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

/// Both addresses of the same thing, or the one that it has.
pub(super) fn names(address: &Address) -> impl Iterator<Item = Address> {
    alias(address).into_iter().chain([address.clone()])
}

/// The other address of the same thing: a bucket is a stream, too.
pub(super) fn alias(address: &Address) -> Option<Address> {
    match address.kind {
        KindName::Stream => bucket_of(&address.name),
        KindName::Kv | KindName::ObjectStore => {
            Some(Address::new(KindName::Stream, stream_name(address)?))
        }
        KindName::Consumer
        | KindName::Topic
        | KindName::Acl
        | KindName::Quota
        | KindName::User
        | KindName::Route => None,
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

    /// Whether what is there is what was recorded, beyond doubt.
    fn is_this_life(&self, live: &Live) -> bool {
        self.incarnation.is_some() && self.incarnation == live.incarnation
    }

    /// Whether what is there is not what was recorded; a record that never saw it can't tell.
    pub(super) fn is_another_life(&self, live: &Live) -> bool {
        self.incarnation.is_some() && self.incarnation != live.incarnation
    }
}

/// Another stack that owns a resource by this ledger, by the one name or the other.
pub fn owner_among<'b>(book: &'b Book, stack: &str, address: &Address) -> Option<&'b str> {
    names(address).find_map(|name| book.other_owner(stack, &name))
}

/// The steps by which a plan takes over, deletes or replaces what is there; with `all`, those by which it makes or changes
/// something, too.
pub fn take_or_delete(plan: &mut Plan, all: bool) -> impl Iterator<Item = &mut Step> {
    let steps = plan.steps.iter_mut();
    steps.filter(move |step| match step.action {
        Action::Adopt | Action::Delete | Action::Replace => true,
        Action::Create | Action::Update => all,
        Action::Forget | Action::Unread => false,
    })
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

/// That another stack owns a resource.
pub fn owned_by(other: &str, address: &Address) -> Refusal {
    Refusal::new(
        Code::OwnedByAnother,
        format!("stack `{other}` owns it"),
        format!(
            "declare it in one of the two only; to take it over, let `{other}` go of it with `trueup forget {address}`"
        ),
    )
}

/// A manifest that declares what another stack owns may be the wrong one, or that of two stacks: nothing is deleted for it, and
/// no field goes back to its default.
pub(super) fn keep_in_conflict(steps: &mut [Step], removals: &mut [Step]) {
    let is_anothers = |step: &&Step| {
        let mut refusals = step.refusals.iter();
        refusals.any(|refusal| refusal.code == Code::OwnedByAnother)
    };
    let Some(conflict) = steps.iter().find(is_anothers) else {
        return;
    };
    let refusal = Refusal::new(
        Code::OwnedByAnother,
        format!(
            "nothing is deleted, and no field goes back to its default, while the manifest declares what another stack owns (`{}`): it may be another stack's",
            conflict.address
        ),
        "see that every `-f` and `stack` are meant; settle whose it is, then plan again",
    );
    let goes_back = |step: &&mut Step| {
        let mut changes = step.changes.iter();
        let is_reset = changes.any(|change| change.before.is_some() && change.after.is_none());
        step.action == Action::Update && step.is_fit() && is_reset
    };
    let deletes = removals.iter_mut().filter(|s| s.action == Action::Delete);
    let resets = steps.iter_mut().filter(goes_back);
    let held = deletes.chain(resets);
    held.for_each(|step| step.refusals.push(refusal.clone()));
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

/// What holds data and vanished comes back empty, and a consumer without its place.
fn recreated(resource: &Resource) -> Option<Risk> {
    let kind = resource.address.kind;
    let harm = match kind {
        KindName::Stream | KindName::Kv | KindName::ObjectStore | KindName::Topic => Harm::High,
        KindName::Consumer => Harm::Medium,
        KindName::Acl | KindName::Quota | KindName::User | KindName::Route => return None,
    };
    let (lacks, safer) = match kind {
        KindName::Consumer => (begins(resource), "find out who deleted it"),
        _ => (
            "without what it held",
            "find out who deleted it, and restore it where there is a copy",
        ),
    };
    let evidence = format!("it was deleted outside of trueup, and is made anew {lacks}");
    Some(Risk {
        safer: Some(safer.to_owned()),
        ..Risk::of(Code::RecreatedEmpty, harm, evidence)
    })
}

/// Where a consumer begins whose place nobody knows any more.
fn begins(consumer: &Resource) -> &'static str {
    let policy = consumer.declared.get("deliver_policy");
    match policy.and_then(Value::as_str) {
        None | Some("all") => {
            "without its place: all that its stream holds for it is delivered again, what was acknowledged included"
        }
        Some("new") => "without its place: what came since it was deleted is not delivered to it",
        Some(_) => {
            "without its place: it begins where `deliver_policy` says, so that messages may come again or be passed over"
        }
    }
}
