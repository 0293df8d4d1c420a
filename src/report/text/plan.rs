use indexmap::IndexMap;

use super::View;
use super::step::{self, Told, place};
use super::{summary, unread};
use crate::model::{Action, Address, Step, few};
use crate::plan::{Plan, PlanLedger, Target};
use crate::report::{Line, Page, Tone};

/// The plan as a screen: each step with its fields, what is in the way, then the counts and the
/// next command.
pub fn plan(plan: &Plan, view: &View<'_>) -> String {
    let mut page = Page::new(view.width);
    header(&mut page, plan);
    steps(&mut page, plan);
    unread::all(&mut page, plan);
    summary::plan(&mut page, plan, view.next);
    page.finish()
}

/// The stack and the brokers that the plan was made on.
pub(super) fn header(page: &mut Page, plan: &Plan) {
    page.line(&Line::new().plain("Stack ").put(Tone::Strong, &plan.stack));
    for target in &plan.targets {
        let (broker, at, what) = described(target);
        let line = Line::indented(2).plain(broker).to_column(9, 1).plain(at);
        page.line(&line.put(Tone::Faint, &format!("  {what}")));
    }
    if let Some(PlanLedger { place, owned }) = &plan.ledger {
        let line = Line::indented(2).plain("Ledger").to_column(9, 1);
        let line = line.plain(&place.to_string());
        let begun = if *owned == 0 {
            "  nothing owned yet"
        } else {
            ""
        };
        page.line(&line.put(Tone::Faint, begun));
    }
    page.gap();
}

fn described(target: &Target) -> (&'static str, &str, String) {
    match target {
        Target::Nats {
            url,
            version,
            account,
            cluster: _,
            domain,
        } => {
            let account = account.as_ref().map(|name| format!(", account {name}"));
            let domain = domain.as_ref().map(|name| format!(", domain {name}"));
            let rest = account.unwrap_or_default() + &domain.unwrap_or_default();
            ("NATS", url, format!("server {version}{rest}"))
        }
        Target::Kafka {
            bootstrap,
            cluster_id,
        } => ("Kafka", bootstrap, format!("cluster {cluster_id}")),
    }
}

/// How many of those that are only adopted are named.
const NAMED: usize = 8;

/// One block of the steps: a resource, or those that another one implies.
enum Block<'a> {
    One(&'a Step),
    Implied(&'a Address, Vec<&'a Step>),
}

fn steps(page: &mut Page, plan: &Plan) {
    let blocks = blocks(plan);
    let any = plan.steps.iter().any(|s| s.action != Action::Unread);
    let mut told = Told::default();
    adopted(page, plan);
    for block in blocks {
        match block {
            Block::One(step) => step::whole(page, step, &mut told),
            Block::Implied(by, steps) => implied(page, by, &steps, &mut told),
        }
    }
    if any {
        page.gap();
    }
}

/// What becomes the stack's just as it is, in one line: on brokers that were there before, it is nearly everything.
fn adopted(page: &mut Page, plan: &Plan) {
    let adopted = plan.steps.iter().filter(|step| step.only_adopts());
    let names: Vec<&Address> = adopted.map(|step| &step.address).collect();
    if names.is_empty() {
        return;
    }
    let text = format!(
        "adopted as they are, for nobody owns them: {}",
        few(names.iter(), NAMED)
    );
    page.wrapped(
        Line::indented(2).put(Tone::Change, "= "),
        Tone::Plain,
        &text,
    );
}

/// The steps in the plan's order, with those that one resource implies together where the first stands.
fn blocks(plan: &Plan) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut places: IndexMap<&Address, usize> = IndexMap::new();
    let shown = |s: &&Step| s.action != Action::Unread && !s.only_adopts();
    for step in plan.steps.iter().filter(shown) {
        let Some(by) = &step.required_by else {
            blocks.push(Block::One(step));
            continue;
        };
        let at = *places.entry(by).or_insert_with(|| {
            blocks.push(Block::Implied(by, Vec::new()));
            blocks.len() - 1
        });
        if let Some(Block::Implied(_, steps)) = blocks.get_mut(at) {
            steps.push(step);
        }
    }
    blocks
}

/// The ACLs that one topic's `access` asks for: a heading, then a line each.
fn implied<'a>(page: &mut Page, by: &Address, steps: &[&'a Step], told: &mut Told<'a>) {
    let heading = Line::indented(4)
        .put(Tone::Faint, "required by ")
        .put(Tone::Strong, &by.to_string());
    page.apart(
        heading,
        &place(steps.first().and_then(|s| s.source.as_ref())),
        6,
    );
    for step in steps {
        step::short(page, step, told);
    }
}
