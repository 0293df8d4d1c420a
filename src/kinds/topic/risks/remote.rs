//! Tiered storage that is switched off.

use super::evidence::Seen;
use super::turn::{After, Before};
use super::{Rule, Want};
use crate::broker::kafka::Span;
use crate::kinds::loss::{Finding, Read, unread};
use crate::model::{Code, Harm, counted};

/// The broker takes it only with `remote.log.delete.on.disable`, and then deletes what is there (KIP-950).
pub(super) const OFF: Rule = Rule {
    code: Code::TopicRemoteStorageOff,
    field: "config.remote.storage.enable",
    when_empty: Harm::Low,
    wants: &[Want::Local, Want::Readers],
    foretold: None,
    applies: |turn| {
        let is_on = |side| turn.is_on(side, "remote.storage.enable");
        is_on(After) != Some(true) && is_on(Before) != Some(false)
    },
    find: |turn, seen| match only_remote(seen) {
        Err(why) => {
            let what = "how many records are in remote storage alone";
            Finding::of(Harm::Critical, [unread(what, &why)])
        }
        Ok(going) => {
            let records = going.values().map(|span| span.records()).sum();
            if records == 0 {
                let text = "every record is on local disk, too".to_owned();
                return Finding::of(Harm::Low, [text]).at_stake(0);
            }
            let many = counted(records, "record");
            let first = format!("about {many} are in remote storage alone and are deleted there");
            let readers = seen.readers.of_them(turn.name(), &going);
            Finding::of(Harm::Critical, std::iter::once(first).chain(readers)).at_stake(records)
        }
    },
};

/// The records before the first one that is on local disk.
fn only_remote(seen: &Seen) -> Read<super::evidence::Each<Span>> {
    let spans = seen.spans.as_ref().map_err(String::clone)?;
    let local = seen.local.as_ref().map_err(String::clone)?;
    let going = |(index, span): (&i32, &Span)| {
        let from = local.get(index).copied().unwrap_or(span.end);
        (*index, span.below(from))
    };
    Ok(spans.iter().map(going).collect())
}
