//! One cell: planned, carried out or confirmed on the server, planned again.

use serde_json::{Map, Value};
use trueup::engine::Port;
use trueup::kinds::{Delta, Kind, NatsVersion, Observed, Resources, kind};
use trueup::model::{Address, Flat, KindName, Outcome, Refusal, Resource, Severity, Undeclared};
use trueup::plan::Plan;

use super::expected::{Change, Expected};
use super::raw::Raw;
use crate::kinds::nats::bench::{Bench, resource};

/// What became of a cell.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    Nothing,
    Done,
    Refused {
        codes: Vec<String>,
        needs: Option<String>,
        /// The server takes it, without effect.
        without_effect: bool,
    },
}

/// One change of one field of one resource.
pub struct Cell<'a> {
    pub bench: &'a Bench,
    pub raw: &'a Raw,
    pub beside: &'a Resources,
    pub address: &'a Address,
    pub path: &'a str,
    /// What the manifest says of the resource.
    pub said: Map<String, Value>,
    /// Whether what it does not say goes back to the default.
    pub resets: bool,
    pub server: NatsVersion,
    /// The code that refuses this value, where the declaration can't tell.
    pub refused: Option<&'a str>,
    /// The version that it needs, where the declaration can't tell.
    pub needs: Option<&'a str>,
    /// Whether the server takes what the plan refuses.
    pub without_effect: bool,
}

impl Cell<'_> {
    /// Tries it; what is wrong, where something is.
    pub async fn run(&self) -> Result<Verdict, String> {
        let all = self.resources();
        let wanted = &all[self.address];
        let live = self.live().await;
        let expected = self.expected(wanted, live.clone());
        let plan = self.bench.plan(&all).await;
        let refusals = self.refusals(&plan, wanted, &all);
        let verdict = if !refusals.is_empty() {
            self.confirmed(&plan, &refusals, live.is_none()).await?
        } else if plan.has_changes() {
            self.carried_out(&plan, &all).await?
        } else {
            Verdict::Nothing
        };
        self.compared(expected, verdict, &refusals)
    }

    fn kind(&self) -> &'static dyn Kind {
        kind(self.address.kind).unwrap()
    }

    fn resources(&self) -> Resources {
        let mut wanted = resource(&self.address.to_string(), &self.said);
        if self.resets {
            wanted.lifecycle.undeclared = Undeclared::Reset;
        }
        let mut all = self.beside.clone();
        all.insert(wanted.address.clone(), wanted);
        all
    }

    async fn live(&self) -> Option<Flat> {
        let asked = [self.address.clone()];
        let mut seen = self.bench.port().observe(self.address.kind, &asked).await;
        match seen.shift_remove(self.address) {
            Some(Observed::Present(live)) => Some(live.fields),
            _ => None,
        }
    }

    fn expected(&self, wanted: &Resource, mut live: Option<Flat>) -> Expected {
        if let Some(code) = self.refused {
            return Expected::Refused(code_of(code), None);
        }
        let mut said = wanted.declared.clone();
        if let Some(live) = &mut live {
            self.kind().settle(&mut said, live);
        }
        let needs = self
            .needs
            .filter(|version| self.server < version.parse().unwrap());
        let change = Change {
            kind: self.kind(),
            path: self.path,
            said: &said,
            live: live.as_ref(),
            resets: self.resets,
            server: self.server,
        };
        match (change.expected(), needs) {
            (Expected::Done, Some(version)) => {
                Expected::Refused("server-too-old", Some(version.to_owned()))
            }
            (expected, _) => expected,
        }
    }

    /// What check and plan have against it.
    fn refusals(&self, plan: &Plan, wanted: &Resource, all: &Resources) -> Vec<Refusal> {
        let problems = self.kind().check(wanted, all).into_iter();
        let errors = problems.filter(|problem| problem.severity == Severity::Error);
        let mut refusals: Vec<Refusal> = errors
            .map(|problem| Refusal::new(problem.code, problem.message, ""))
            .collect();
        refusals.extend(plan.steps.iter().flat_map(|step| step.refusals.clone()));
        refusals
    }

    async fn carried_out(&self, plan: &Plan, all: &Resources) -> Result<Verdict, String> {
        for (address, outcome) in self.bench.apply(plan).await {
            if outcome != Outcome::Applied {
                return Err(format!("{address}: {outcome:?}"));
            }
        }
        let again = self.bench.plan(all).await;
        match again.has_changes() || !again.complete {
            true => Err(format!("the second plan: {:?}", again.steps)),
            false => Ok(Verdict::Done),
        }
    }

    /// The server refuses it too, or doesn't know it, or takes it without effect.
    async fn confirmed(
        &self,
        plan: &Plan,
        refusals: &[Refusal],
        creates: bool,
    ) -> Result<Verdict, String> {
        let taken = match plan.steps.first() {
            Some(step) if !self.is_bucket() => {
                let deltas = Delta::of_step(step, self.kind().declaration())?;
                self.is_taken(&deltas, creates).await
            }
            _ => None,
        };
        if let Some(held) = taken.as_ref().filter(|_| !self.without_effect) {
            return Err(format!(
                "the server takes what is refused by {refusals:?}: {held:?}"
            ));
        }
        Ok(Verdict::Refused {
            codes: refusals
                .iter()
                .map(|refusal| refusal.code.to_string())
                .collect(),
            needs: refusals
                .iter()
                .find_map(|refusal| version_in(&refusal.message)),
            without_effect: taken.is_some(),
        })
    }

    /// A bucket's documents are the streams' business.
    fn is_bucket(&self) -> bool {
        matches!(self.address.kind, KindName::Kv | KindName::ObjectStore)
    }

    /// What the server holds after it took the change past all rules, and then takes back.
    async fn is_taken(&self, deltas: &[Delta], creates: bool) -> Option<Flat> {
        let before = self.raw.config(self.address).await;
        let config = self.raw.changed(self.address, deltas).await;
        let held = self.raw.write(self.address, config, creates).await.ok()?;
        match before {
            Some(before) => {
                let _ = self.raw.write(self.address, before, false).await;
            }
            None => self.raw.delete(self.address).await,
        }
        let held = self.kind().declaration().flatten(held);
        let is_there = deltas.iter().all(|delta| {
            let field = self.kind().declaration().field(&delta.path);
            field.is_some_and(|field| field.same(held.get(&delta.path), delta.after.as_ref()))
        });
        is_there.then_some(held)
    }

    fn compared(
        &self,
        expected: Expected,
        verdict: Verdict,
        refusals: &[Refusal],
    ) -> Result<Verdict, String> {
        let fits = match (&expected, &verdict) {
            (Expected::Nothing, Verdict::Nothing) | (Expected::Done, Verdict::Done) => true,
            (Expected::AsTheServer, Verdict::Done | Verdict::Refused { .. }) => true,
            (Expected::Refused(code, since), Verdict::Refused { codes, .. }) => {
                let names = |refusal: &Refusal| match since {
                    Some(since) => refusal.message.contains(&format!("NATS {since}")),
                    None => true,
                };
                codes.iter().any(|told| told == code) && refusals.iter().any(names)
            }
            _ => false,
        };
        match fits {
            true => Ok(verdict),
            false => Err(format!(
                "expected {expected:?}, not {verdict:?} {refusals:?}"
            )),
        }
    }
}

fn code_of(text: &str) -> &'static str {
    let known = trueup::model::Code::ALL.iter().map(|code| code.as_str());
    known.into_iter().find(|code| *code == text).unwrap()
}

/// The version that a message asks for.
fn version_in(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("NATS ")?;
    let version: String = rest
        .chars()
        .take_while(|c| c.is_ascii_digit() || *c == '.')
        .collect();
    (!version.is_empty()).then_some(version)
}
