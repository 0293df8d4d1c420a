//! The kinds of resource: what each declares, which rules hold for it, how it is read and written.
//!
//! A kind is one folder and one line of [`registry`]. Its struct is the only place where its
//! fields are written down (see [`Declaration`]); everything else reads them from there.

pub mod acl;
pub mod consumer;
mod declaration;
mod deletion;
mod delta;
mod derived;
mod facts;
mod foretold;
mod kafka;
pub mod kv;
mod link;
mod loss;
mod news;
pub mod object_store;
pub mod quota;
mod rehearsal;
pub mod route;
mod schema;
mod sight;
pub mod stream;
mod surroundings;
pub mod topic;
pub mod user;
mod values;

use std::sync::Arc;

use async_trait::async_trait;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use declaration::{Declaration, Field, Shape};
pub use deletion::kept_from_deletion;
pub use delta::Delta;
pub use facts::{Compare, Edit, Facts, NewerWord, field};
pub use link::{End, Link};
pub use rehearsal::Rehearsal;
pub(crate) use schema::VARIABLE;
pub use schema::{Completeness, of_field, or_null, schema_of};
pub use sight::Sight;
pub use surroundings::{ApiLevel, KafkaFacts, NatsFacts, NatsVersion, Surroundings};
pub use values::{is_in_form, pattern};

use crate::broker::Brokers;
use crate::model::{
    Action, Address, Base, Code, Doc, Flat, KindName, Outcome, Problem, Refusal, Resource, Risk,
    Step, Wanted,
};

/// Every kind, in the order of [`KindName::ALL`].
pub fn registry() -> &'static [&'static dyn Kind] {
    &[
        &stream::Stream,
        &kv::Kv,
        &object_store::ObjectStore,
        &consumer::Consumer,
        &topic::Topic,
        &acl::Acl,
        &quota::Quota,
        &user::User,
        &route::Route,
    ]
}

/// The kind of this name; none is missing (a test sees to it).
pub fn kind(name: KindName) -> Option<&'static dyn Kind> {
    registry().iter().copied().find(|kind| kind.name() == name)
}

/// A kind of resource.
///
/// The pure half (`declaration` to `judge`) decides; the other half (`observe` to `carry_out`)
/// touches the brokers and decides nothing that the plan did not say.
#[async_trait]
pub trait Kind: Send + Sync {
    /// Its word.
    fn name(&self) -> KindName;

    /// Its fields.
    fn declaration(&self) -> &'static Declaration;

    /// Other names that a manifest may use for a field: alias and path
    /// (`retention` for `config.retention.ms`).
    fn aliases(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    /// Adds what the kind itself fixes (a bucket's stream template) to what the manifest declares.
    fn complete(&self, _resource: &mut Resource) {}

    /// The rules that need no broker: ranges, contradictions, names, references.
    /// `all` holds every declared resource, this one too.
    fn check(&self, resource: &Resource, all: &Resources) -> Vec<Problem>;

    /// The rules that hold between all resources of this kind (subjects of two streams that
    /// overlap). Called once per manifest, so that it can be better than quadratic.
    fn check_all(&self, _all: &Resources) -> Vec<Problem> {
        Vec::new()
    }

    /// Resources of the same manifest that must exist before this one is made or changed.
    fn rests_on(&self, _resource: &Resource, _all: &Resources) -> Vec<Address> {
        Vec::new()
    }

    /// Those of what it rests on without which the broker does not take it at all.
    fn lives_in(&self, _resource: &Resource, _all: &Resources) -> Vec<Address> {
        Vec::new()
    }

    /// The risks that these resources show by themselves, whatever the brokers hold: warnings, each with the code by
    /// which a plan tells of it with evidence.
    fn foretold(&self, _all: &Resources) -> Vec<Problem> {
        Vec::new()
    }

    /// The codes that [`Kind::foretold`] may tell.
    fn foretells(&self) -> Vec<Code> {
        Vec::new()
    }

    /// The arrows that this resource adds to the picture that `graph` draws: from what it rests on.
    fn links(&self, resource: &Resource, all: &Resources) -> Vec<Link> {
        let to = End::Resource(resource.address.clone());
        let from = self.rests_on(resource, all).into_iter();
        from.map(|from| Link::new(End::Resource(from), to.clone(), ""))
            .collect()
    }

    /// Brings both sides to one form just before they are compared: removes what must be left
    /// alone, fills in what the broker derives. Removing a declared field means "no change".
    fn settle(&self, _declared: &mut Flat, _live: &mut Flat) {}

    /// What an export says of a live resource beside what differs from the defaults: what a new
    /// one would not get by itself.
    fn also_says(&self, _live: &Live) -> Flat {
        Flat::new()
    }

    /// What an export has to say about a live resource, for it can't be made anew as it is.
    fn caveats(&self, _live: &Live) -> Vec<Caveat> {
        Vec::new()
    }

    /// Takes away what a change itself makes void, after it was laid over the live fields (the
    /// filter that another one replaces).
    fn fit(&self, _next: &mut Flat, _deltas: &[Delta]) {}

    /// Whether a live value that is not declared can go back to the default at all.
    fn can_reset(&self, path: &str, live: &Value) -> bool {
        let field = self.declaration().field(path);
        field.is_some_and(|field| field.can_reset(live))
    }

    /// Whether a value that nobody declared may come from elsewhere (from what the resource lives in): taken away, it may
    /// be there again.
    fn may_be_given(&self, _path: &str) -> bool {
        false
    }

    /// What the broker would refuse of this change, beyond what [`Edit`] already says.
    fn judge(&self, _case: &Case<'_>) -> Vec<Refusal> {
        Vec::new()
    }

    /// The updates in which this change is carried out, in their order, where the broker does not take it in one; each is
    /// waited for. None where it does.
    fn stages(&self, _case: &Case<'_>) -> Vec<Vec<Delta>> {
        Vec::new()
    }

    /// What is worth knowing before this change is carried out, though it stops nothing.
    fn notes(&self, _case: &Case<'_>) -> Vec<String> {
        Vec::new()
    }

    /// Whether this step has brokers copy data to one another, so that it can be throttled.
    fn copies_data(&self, _step: &Step) -> bool {
        false
    }

    /// Whether this step writes what no plan ever holds: a password, which comes from the manifest again.
    fn wants_secret(&self, _step: &Step) -> bool {
        false
    }

    /// Looks at the drafted steps of a plan together: which of this kind wait for others of it, which have stages because of
    /// that, and which come after steps of another kind.
    fn arrange(&self, _steps: &mut [Step], _all: &Resources, _observations: &Observations) {}

    /// Reads these resources, with few requests. Every address gets an answer.
    async fn observe(&self, brokers: &Brokers, addresses: &[Address]) -> Observations;

    /// Asks the brokers, without changing anything, whether they would take these steps
    /// (`validate_only`, subject overlap with streams of others). Each refusal names its step.
    async fn rehearse(&self, _brokers: &Brokers, _steps: &[&Step]) -> Rehearsal {
        Rehearsal::default()
    }

    /// What these steps may cost, each risk with what was read for it. Asks only for steps that carry a risk, and
    /// creates nothing to find out. What could not be read is said in the evidence and never makes a risk smaller.
    async fn risks(&self, _brokers: &Brokers, _steps: &[&Step]) -> Vec<(Address, Vec<Risk>)> {
        Vec::new()
    }

    /// The same where no broker can be asked: by what was seen of them once. What was not seen is unknown, which makes no
    /// risk smaller.
    fn risks_by_sight(&self, sight: &Sight<'_>, steps: &[&Step]) -> Vec<(Address, Vec<Risk>)>;

    /// Carries these steps out, batched, each with its own outcome, and returns when the brokers
    /// have taken them. Updates read the live document anew, refuse when it is no longer the
    /// step's base, and write the whole of it back with the changes laid over.
    async fn carry_out(&self, brokers: &Brokers, steps: &[&Step]) -> Vec<(Address, Outcome)>;

    /// Waits until what these steps did is visible to everybody; each gets its last word. Only
    /// steps that [`Kind::carry_out`] told as applied come here, and only a kind whose brokers
    /// answer before they show it has something to wait for.
    async fn see(&self, _brokers: &Brokers, steps: &[&Step]) -> Vec<(Address, Outcome)> {
        let seen = steps.iter();
        seen.map(|step| (step.address.clone(), Outcome::Applied))
            .collect()
    }

    /// Waits until what exists is shown, where the brokers know of it before they show it; gives back what is not shown
    /// after a long time.
    async fn appear(&self, _brokers: &Brokers, hidden: Vec<Address>) -> Vec<Address> {
        hidden
    }

    /// What the brokers go on with by themselves when nobody waits for it any longer: how far it is, and what the next
    /// run does about it. None where nothing is under way.
    fn goes_on(&self, _step: &Step, _live: &Live) -> Option<String> {
        None
    }

    /// Why a stack can't let go of this resource yet, with what to do first: nobody else would end what trueup began on it.
    fn holds_on_to(&self, _live: &Live) -> Option<Unfinished> {
        None
    }

    /// Whether the brokers are still at what this step did though the resource is as the step wants it.
    fn is_unsettled(&self, _step: &Step, _live: &Live) -> bool {
        false
    }

    /// The names of all resources of this kind on the brokers, for `export`. It fails only where
    /// some may be hidden that are wanted; what else is hidden is of no matter.
    async fn list(&self, brokers: &Brokers, wanted: &dyn Wanted) -> Result<Vec<Address>, Problem>;

    /// That [`Kind::list`] may leave out some that a manifest could declare, because they may be hidden from whoever asks: a
    /// warning. Where it says something, only what was asked for by name is known to be absent.
    async fn hidden(&self, _brokers: &Brokers, _around: &Surroundings) -> Option<Problem> {
        None
    }

    /// What [`Kind::list`] does not name though it is there, and why: warnings, few of them.
    async fn left_out(&self, _brokers: &Brokers) -> Vec<Problem> {
        Vec::new()
    }
}

/// Whether a manifest alone may show this risk, so that `validate` tells of it, too.
pub fn is_foretold(code: Code) -> bool {
    let mut kinds = registry().iter();
    kinds.any(|kind| kind.foretells().contains(&code))
}

/// The declared resources of one kind.
fn declared_of(kind: KindName, all: &Resources) -> impl Iterator<Item = &Resource> {
    let of_kind = move |resource: &&Resource| resource.address.kind == kind;
    all.values().filter(of_kind)
}

/// Whether a step changes what is there already; an adoption does, where it has changes.
fn is_in_place(step: &Step) -> bool {
    match step.action {
        Action::Update | Action::Adopt => true,
        Action::Create | Action::Replace | Action::Delete | Action::Forget | Action::Unread => {
            false
        }
    }
}

/// What trueup began and has to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// What it is, as it follows the address.
    pub what: &'static str,
    /// What to do about it.
    pub way_out: &'static str,
}

/// What a reader of an export should know of some of its resources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caveat {
    /// How they are exported, as it follows "exported": `sealed, ...`.
    pub what: String,
    /// What to do about it.
    pub way_out: &'static str,
    /// What the resource is better known as than by its own address: the bucket of a stream.
    pub known_as: Option<Address>,
}

impl Caveat {
    /// A caveat about a resource that is known by its own address.
    pub fn new(what: impl Into<String>, way_out: &'static str) -> Caveat {
        Caveat {
            what: what.into(),
            way_out,
            known_as: None,
        }
    }
}

/// Declared resources by address, in manifest order.
pub type Resources = IndexMap<Address, Resource>;

/// What was seen of each address that was asked for.
pub type Observations = IndexMap<Address, Observed>;

/// What was seen of one resource.
#[derive(Clone, Debug, PartialEq)]
pub enum Observed {
    /// The broker said that it does not exist.
    Absent,
    /// It exists.
    Present(Live),
    /// It could not be read, which says nothing of whether it exists.
    Unreadable(Problem),
}

/// A live resource.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// Its fields in the terms of the kind's declaration, wire units, unknown fields included.
    pub fields: Flat,
    /// What a rule wants to know of it beside its fields (how far a topic's reassignment is).
    pub raw: Doc,
    /// Which life of the name it is: a topic's id, JetStream's `created`.
    pub incarnation: Option<String>,
    /// Text to show behind a value that is not the resource's own, by field
    /// (`broker default`), for notes on a change that sets the same.
    /// What most resources of a broker share is held once.
    #[serde(with = "shared")]
    pub inherited: Arc<IndexMap<String, Value>>,
}

/// Written and read as what is shared.
mod shared {
    use std::sync::Arc;

    use indexmap::IndexMap;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use serde_json::Value;

    type Shared = Arc<IndexMap<String, Value>>;

    pub(super) fn serialize<S: Serializer>(shared: &Shared, to: S) -> Result<S::Ok, S::Error> {
        shared.as_ref().serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Shared, D::Error> {
        IndexMap::deserialize(from).map(Arc::new)
    }
}

impl Live {
    /// A hash of what the resource is set to, without what the server itself moves and without the
    /// throttles that a running reassignment of a topic sets and takes away.
    pub fn fingerprint(&self) -> String {
        use sha2::{Digest, Sha256};
        let kept = |(path, _): &(&String, &Value)| !topic::is_throttle(path);
        let mut fields: Vec<_> = self.fields.iter().filter(kept).collect();
        fields.sort_by_key(|(path, _)| *path);
        let text = serde_json::to_string(&fields).unwrap_or_default();
        format!("sha256:{:x}", Sha256::digest(text))
    }
}

impl Base {
    /// A resource as it is now.
    pub fn of_live(live: &Live) -> Base {
        Base {
            incarnation: live.incarnation.clone(),
            fingerprint: Some(live.fingerprint()),
        }
    }
}

/// One resource with everything that a rule may want to look at.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// What is wanted.
    pub resource: &'a Resource,
    /// What is there; none when it gets created.
    pub live: Option<&'a Live>,
    /// The fields that change, in wire units.
    pub deltas: &'a [Delta],
    /// Everything else that is declared.
    pub all: &'a Resources,
    /// The brokers' versions and limits.
    pub surroundings: &'a Surroundings,
}

impl Case<'_> {
    /// The change of this field, where it changes.
    pub fn delta(&self, path: &str) -> Option<&Delta> {
        self.deltas.iter().find(|delta| delta.path == path)
    }
}
