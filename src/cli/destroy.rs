use std::io::IsTerminal;

use super::apply;
use super::args::{ApplyArgs, Consent, DestroyArgs, Global};
use super::ask;
use super::exit::Exit;
use super::failure::Failure;
use super::ledger;
use super::screen::Screen;
use super::work::Work;
use crate::ledger::LedgerPlace;

/// Deletes what the stack owns, once its name was typed.
pub(super) async fn run(
    args: &DestroyArgs,
    global: &Global,
    screen: &Screen,
) -> Result<Exit, Failure> {
    let mut work = Work::load(global, screen)?;
    if work.ledger().place == LedgerPlace::None {
        return Err(ledger::needed());
    }
    let stack = work.stack().to_owned();
    let typed = match &args.stack {
        Some(name) => name.clone(),
        None if std::io::stdin().is_terminal() => {
            let question = format!("Delete what stack `{stack}` owns? Type its name: ");
            ask::line(&question, screen).await?
        }
        None => {
            return Err(
                Failure::said("there is no terminal to type the stack's name on")
                    .hint(format!("pass `--stack {stack}`")),
            );
        }
    };
    if typed != stack {
        return Err(
            Failure::said(format!("the manifest's stack is `{stack}`, not `{typed}`"))
                .hint("nothing was deleted"),
        );
    }
    work.empty();
    let consented = ApplyArgs {
        plan: None,
        auto_approve: true,
        targets: Vec::new(),
        consent: Consent {
            approved: args.approved.clone(),
            max_delete: Some(usize::MAX),
            allow_empty: true,
            throttle: None,
            take_ownership_from: None,
        },
    };
    apply::run_emptied(work, args.stack.is_some(), &consented, global, screen).await
}
