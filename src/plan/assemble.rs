use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use super::apart::hold_apart;
use super::diff::{Difference, diff};
use super::document::{FORMAT_VERSION, Plan, PlanProblem, Summary, Target, UndeclaredField};
use super::judge::judge;
use super::label::labelling;
use super::order::in_order;
use super::ownership::{self, Owned};
use super::remembered::Memory;
use super::removals;
use super::replacement::got_over;
use crate::kinds::{
    Case, Delta, Kind, Live, Observations, Observed, Rehearsal, Resources, Surroundings, kind,
    registry,
};
use crate::model::{
    Action, Address, Approval, Base, Change, Code, Flat, Parent, Place, Problem, Refusal, Resource,
    Risk, Source, Stage, Step, Undeclared, side_by_side,
};

/// Everything that a plan is made from, beside what was observed.
#[derive(Clone, Copy, Debug)]
pub struct Desired<'a> {
    /// The stack.
    pub stack: &'a str,
    /// The hash of the checked manifest.
    pub manifest_digest: &'a str,
    /// What is declared.
    pub resources: &'a Resources,
    /// The resources that are planned, where not all are (`--target`).
    pub chosen: Option<&'a HashSet<Address>>,
    /// Warnings of the manifest.
    pub warnings: &'a [Problem],
    /// What the stack owns; none without a ledger: then nothing is adopted, deleted or forgotten.
    pub owned: Option<Owned<'a>>,
    /// What somebody consented to.
    pub approvals: &'a [Approval],
    /// When it is planned: an approval may have ended.
    pub now: Timestamp,
}

impl<'a> Desired<'a> {
    /// The resources that are planned, in manifest order.
    pub fn planned(self) -> impl Iterator<Item = &'a Resource> {
        self.resources.values().filter(move |resource| {
            self.chosen
                .is_none_or(|chosen| chosen.contains(&resource.address))
        })
    }

    /// What the stack owns and no longer declares, unless only some are planned.
    pub fn no_longer_declared(self) -> impl Iterator<Item = Address> + 'a {
        let records = removals::no_longer_declared(self).into_iter();
        records.map(|record| record.address.clone())
    }

    /// What the planned resources rest on, in manifest order; some more than once.
    pub fn parents(self) -> impl Iterator<Item = Address> + 'a {
        self.planned()
            .flat_map(move |resource| parents_of(resource, self.resources))
    }
}

fn parents_of(resource: &Resource, all: &Resources) -> Vec<Address> {
    kind(resource.address.kind).map_or_else(Vec::new, |kind| kind.rests_on(resource, all))
}

/// Those of the parents that are there.
fn living(parents: &[Address], observations: &Observations) -> Vec<Parent> {
    let parent = |address: &Address| match observations.get(address)? {
        Observed::Present(live) => Some(Parent {
            address: address.clone(),
            incarnation: live.incarnation.clone(),
        }),
        Observed::Absent | Observed::Unreadable(_) => None,
    };
    parents.iter().filter_map(parent).collect()
}

/// The plan before the brokers were asked what they would refuse: steps in order, judged by the
/// rules alone.
pub fn forecast(
    desired: Desired<'_>,
    observations: &Observations,
    surroundings: &Surroundings,
    targets: Vec<Target>,
) -> Plan {
    let mut draft = Draft::of(desired, observations, surroundings);
    draft.demand_parents(desired, observations);
    draft
        .problems
        .splice(0..0, desired.warnings.iter().map(plan_problem));
    draft.connect();
    let lost = ownership::lost(desired, &draft.steps);
    draft.problems.extend(lost.as_ref().map(plan_problem));
    for kind in registry() {
        kind.arrange(&mut draft.steps, desired.resources, observations);
    }
    let mut steps = in_order(draft.steps);
    let mut removals = removals::removals(desired, observations, surroundings);
    ownership::keep_in_conflict(&mut steps, &mut removals);
    steps.extend(removals);
    hold_apart(&mut steps);
    Plan {
        format_version: FORMAT_VERSION.to_owned(),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        stack: desired.stack.to_owned(),
        manifest_digest: desired.manifest_digest.to_owned(),
        made_by: None,
        ledger: None,
        targets,
        summary: Summary {
            unchanged: draft.unchanged,
            ..Summary::default()
        },
        complete: !steps.iter().any(|step| step.action == Action::Unread),
        steps,
        problems: draft.problems,
        undeclared: draft.undeclared,
        approvals: desired.approvals.to_vec(),
        applyable: false,
        plan_digest: String::new(),
    }
}

/// The finished plan: with what the brokers said in rehearsal and what the steps may cost, counted and sealed.
pub fn assemble(
    mut plan: Plan,
    rehearsed: Rehearsal,
    risks: Vec<(Address, Vec<Risk>)>,
    now: Timestamp,
) -> Plan {
    take_back(&mut plan, rehearsed.unseen.into_iter().collect());
    let mut said: HashMap<Address, Vec<Refusal>> = HashMap::new();
    for (address, refusal) in rehearsed.refusals {
        // a broker that is gone says nothing of the step: it was not learned, not refused
        plan.complete &= !refusal.code.is_of_silence();
        said.entry(address).or_default().push(refusal);
    }
    plan.problems
        .extend(rehearsed.unasked.iter().map(plan_problem));
    for step in &mut plan.steps {
        step.refusals
            .extend(said.remove(&step.address).unwrap_or_default());
    }
    plan.weighed(risks, now).sealed()
}

/// What turned out to be there was not read, whatever the step wanted to make of it.
fn take_back(plan: &mut Plan, unseen: HashMap<Address, Problem>) {
    for step in &mut plan.steps {
        if let Some(problem) = unseen.get(&step.address) {
            let (source, required_by) = (step.source.take(), step.required_by.take());
            *step = unread(&step.address, source, required_by, problem);
            plan.problems.push(problem_of(step, problem));
            plan.complete = false;
        }
    }
}

/// A plan in the making.
#[derive(Default)]
struct Draft {
    steps: Vec<Step>,
    problems: Vec<PlanProblem>,
    undeclared: Vec<UndeclaredField>,
    unchanged: usize,
}

impl Draft {
    /// Every planned resource compared, in manifest order.
    fn of(desired: Desired<'_>, observations: &Observations, surroundings: &Surroundings) -> Draft {
        let planned: Vec<&Resource> = desired.planned().collect();
        let parts = side_by_side(planned, |part| {
            let mut draft = Draft::default();
            for resource in part {
                if let Some(kind) = kind(resource.address.kind) {
                    draft.add(kind, resource, desired, observations, surroundings);
                }
            }
            draft
        });
        let mut whole = Draft::default();
        for part in parts {
            whole.append(part);
        }
        whole
    }

    fn append(&mut self, mut other: Draft) {
        self.steps.append(&mut other.steps);
        self.problems.append(&mut other.problems);
        self.undeclared.append(&mut other.undeclared);
        self.unchanged += other.unchanged;
    }

    fn add(
        &mut self,
        kind: &dyn Kind,
        resource: &Resource,
        desired: Desired<'_>,
        observations: &Observations,
        surroundings: &Surroundings,
    ) {
        let all = desired.resources;
        let live = match observations.get(&resource.address) {
            Some(Observed::Present(live)) => Some(live),
            Some(Observed::Absent) => None,
            Some(Observed::Unreadable(problem)) => return self.add_unread(resource, problem),
            None => return self.add_unread(resource, &unanswered()),
        };
        let owned = desired.owned;
        let title = owned.map(|owned| owned.title(desired.stack, resource, live, surroundings));
        let memory = Memory::of(kind, resource, live, title.as_ref());
        self.problems
            .extend(memory.unknown.iter().map(plan_problem));
        let title = title.unwrap_or_default();
        let held = memory.live.as_ref().or(live);
        let mut difference = diff(kind, resource, held, &title.once_set);
        self.add_undeclared(kind, resource, &difference);
        let kept = not_reset(resource, &difference, &title.once_set);
        self.problems.extend(kept);
        let is_equal = live.is_some() && difference.deltas.is_empty();
        if title.label.is_written(is_equal) {
            difference.deltas.push(labelling(desired.stack, live));
        }
        let is_same = live.is_some() && difference.deltas.is_empty();
        if is_same && !title.is_new && !title.is_outdated {
            self.unchanged += 1;
            return;
        }
        let case = Case {
            resource,
            live,
            deltas: &difference.deltas,
            all,
            surroundings,
        };
        let labelled = title.label.is_there(is_equal).then_some(desired.stack);
        let mut refusals = title.refusals;
        let is_ours = title.is_ours && refusals.is_empty();
        let (is_replaced, judged) = got_over(resource, is_ours, judge(kind, &case));
        refusals.extend(judged);
        let mut notes = title.notes;
        if is_same && title.is_outdated {
            notes.push(ownership::OUTDATED.to_owned());
        }
        notes.extend(memory.notes);
        notes.extend(kind.notes(&case));
        let rests_on = kind.rests_on(resource, all);
        self.steps.push(Step {
            address: resource.address.clone(),
            action: match live {
                Some(_) if is_replaced => Action::Replace,
                Some(_) if title.is_new || is_same => Action::Adopt,
                Some(_) => Action::Update,
                None => Action::Create,
            },
            base: live.map(Base::of_live).unwrap_or_default(),
            changes: difference
                .deltas
                .iter()
                .map(|delta| change(kind, live, delta))
                .collect(),
            stages: stages(kind, live, kind.stages(&case)),
            unchanged: difference.unchanged,
            source: resource.place.as_ref().map(source),
            required_by: resource.required_by.clone(),
            parents: living(&rests_on, observations),
            rests_on,
            awaits: Vec::new(),
            refusals,
            risks: title.risks,
            notes,
            throttle: None,
            claim: owned.map(|_| ownership::claim(resource, labelled)),
        });
    }

    fn add_unread(&mut self, resource: &Resource, problem: &Problem) {
        let source = resource.place.as_ref().map(source);
        let required_by = resource.required_by.clone();
        let step = unread(&resource.address, source, required_by, problem);
        self.problems.push(problem_of(&step, problem));
        self.steps.push(step);
    }

    fn add_undeclared(&mut self, kind: &dyn Kind, resource: &Resource, difference: &Difference) {
        let undeclared = difference.undeclared.iter().map(|held| (held, false));
        let unknown = difference.unknown.iter().map(|held| (held, true));
        self.undeclared
            .extend(
                undeclared
                    .chain(unknown)
                    .map(|((path, value), unknown)| UndeclaredField {
                        address: resource.address.clone(),
                        field: path.clone(),
                        value: in_manifest_units(kind, path, value),
                        unknown,
                    }),
            );
    }

    /// Refuses what lives in something that is neither there nor planned: `--target` left it out.
    fn demand_parents(&mut self, desired: Desired<'_>, observations: &Observations) {
        let is_planned = |address: &Address| {
            let chosen = desired.chosen;
            chosen.is_none_or(|chosen| chosen.contains(address))
        };
        for step in self.steps.iter_mut().filter(|step| step.is_open()) {
            let parents = desired.resources.get(&step.address).and_then(|resource| {
                Some(kind(resource.address.kind)?.lives_in(resource, desired.resources))
            });
            let absent = parents.into_iter().flatten().filter(|parent| {
                let seen = observations.get(parent);
                !is_planned(parent) && matches!(seen, Some(Observed::Absent))
            });
            step.refusals.extend(absent.map(parent_absent));
        }
    }

    /// Keeps of what a step rests on only what this plan makes first: the rest is there already.
    fn connect(&mut self) {
        let made: HashSet<Address> = self
            .steps
            .iter()
            .filter(|step| step.action != Action::Update)
            .map(|step| step.address.clone())
            .collect();
        for step in &mut self.steps {
            step.rests_on.retain(|address| made.contains(address));
        }
    }
}

fn parent_absent(parent: Address) -> Refusal {
    Refusal::new(
        Code::ParentAbsent,
        format!("it rests on `{parent}`, which is not there"),
        format!("target it too: `--target {parent}`"),
    )
}

/// The step of a resource that could not be read.
fn unread(
    address: &Address,
    source: Option<Source>,
    required_by: Option<Address>,
    problem: &Problem,
) -> Step {
    Step {
        source,
        required_by,
        ..Step::of(address.clone(), Action::Unread).refused(Refusal {
            code: problem.code,
            field: None,
            message: problem.message.clone(),
            hint: problem.hint.clone(),
            origin: None,
        })
    }
}

fn problem_of(step: &Step, problem: &Problem) -> PlanProblem {
    PlanProblem {
        address: Some(step.address.clone()),
        source: step.source.clone(),
        ..plan_problem(problem)
    }
}

fn unanswered() -> Problem {
    Problem::error(Code::Unreadable, "the broker gave no answer for it")
        .hint("plan again; if it stays so, see `trueup doctor`")
}

fn change(kind: &dyn Kind, live: Option<&Live>, delta: &Delta) -> Change {
    let said = |value: &serde_json::Value| in_manifest_units(kind, &delta.path, value);
    Change {
        field: delta.path.clone(),
        before: delta.before.as_ref().map(said),
        after: delta.after.as_ref().map(said),
        note: live.and_then(|live| pinned(kind, live, delta)),
    }
}

fn stages(kind: &dyn Kind, live: Option<&Live>, stages: Vec<Vec<Delta>>) -> Vec<Stage> {
    let changes = |deltas: &[Delta]| deltas.iter().map(|it| change(kind, live, it)).collect();
    stages
        .iter()
        .map(|deltas| Stage {
            changes: changes(deltas),
        })
        .collect()
}

/// A declared value that the broker's own default equals: it becomes an override all the same.
fn pinned(kind: &dyn Kind, live: &Live, delta: &Delta) -> Option<String> {
    let inherited = live.inherited.get(&delta.path)?;
    let field = kind.declaration().field(&delta.path)?;
    let equal = delta.after.is_some() && field.same(delta.after.as_ref(), Some(inherited));
    equal.then(|| "the broker's default already; set, it stays when that changes".to_owned())
}

fn in_manifest_units(kind: &dyn Kind, path: &str, value: &serde_json::Value) -> serde_json::Value {
    kind.declaration()
        .field(path)
        .map_or_else(|| value.clone(), |field| field.to_manifest(value))
}

fn source(place: &Place) -> Source {
    Source {
        file: place.file.to_string(),
        line: place.line,
    }
}

/// What is to go back to the default and can't.
fn not_reset(resource: &Resource, difference: &Difference, once_set: &Flat) -> Option<PlanProblem> {
    let resets_all = resource.lifecycle.undeclared == Undeclared::Reset;
    let kept = difference.undeclared.iter().chain(&difference.unknown);
    let kept: Vec<String> = kept
        .filter(|(path, _)| resets_all || once_set.contains_key(path))
        .map(|(path, _)| format!("`{path}`"))
        .collect();
    if kept.is_empty() {
        return None;
    }
    let them = kept.join(", ");
    let message = format!(
        "`{}`: {them} can't be reset and stays as it is",
        resource.address
    );
    let problem = Problem::warning(Code::NotReset, message)
        .hint("declare it as it is, or name it in `lifecycle: { ignore: [..] }`")
        .about(&resource.address)
        .at(resource.place.clone());
    Some(plan_problem(&problem))
}

pub(super) fn plan_problem(problem: &Problem) -> PlanProblem {
    PlanProblem {
        code: problem.code,
        message: problem.message.clone(),
        address: problem.address.clone(),
        source: problem.place.as_ref().map(source),
        hint: problem.hint.clone(),
    }
}
