//! What stands at a manifest's top beside its resources: whose they are, and where that is recorded.

use super::Connections;
use super::node::{Entry, Files, Map, Spot};
use crate::ledger::LedgerPlace;
use crate::model::{Broker, Code, Place, Problem};

/// The name that the resources are owned under; nothing where there is none that can be used.
pub(super) fn stack(tree: &Map, files: &Files, whole: bool, problems: &mut Vec<Problem>) -> String {
    let said = tree.get("stack");
    let Some(Entry { node, .. }) = said.filter(|entry| !entry.node.is_null()) else {
        if whole {
            let at = match said {
                Some(nothing) => files.place(nothing.node.spot),
                None => start_of(files),
            };
            problems.push(
                Problem::error(Code::MissingField, "`stack` is missing")
                    .at(at)
                    .hint("name the stack: `stack: events-platform`"),
            );
        }
        return String::new();
    };
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    match node.text() {
        Some(name) if !name.is_empty() && name.len() <= 63 && name.chars().all(fits) => {
            return name.to_owned();
        }
        Some(_) => {
            let what = format!("a stack can't be called {}", node.shown());
            let problem = Problem::error(Code::BadName, what)
                .hint("take lower-case letters, digits and `-`, at most 63");
            problems.push(files.at(node, problem));
        }
        None if node.is_broken() => {}
        None => {
            let what = format!("`stack` takes text, not {}", node.shown());
            problems.push(files.at(node, Problem::error(Code::WrongType, what)));
        }
    }
    String::new()
}

/// Where the ledger is, where that is said.
pub(super) fn ledger(
    tree: &Map,
    files: &Files,
    problems: &mut Vec<Problem>,
) -> Option<LedgerPlace> {
    let node = &tree.get("ledger")?.node;
    if node.is_null() || node.is_broken() {
        return None;
    }
    let place = node.text().map(str::parse);
    if let Some(Ok(place)) = place {
        return Some(place);
    }
    let what = format!("a ledger can't be at {}", node.shown());
    let problem = Problem::error(Code::UnknownValue, what);
    let hint = "take `nats`, `kafka`, `file:PATH` or `none`";
    problems.push(files.at(node, problem.hint(hint)));
    None
}

/// The brokers that it has a section or a connection for.
pub(super) fn brokers(tree: &Map, connections: &Connections) -> Vec<Broker> {
    let has = |head: &str| tree.get(head).is_some_and(|entry| !entry.node.is_null());
    let nats = has("nats") || has("bridge") || connections.nats.place.is_some();
    let kafka = has("kafka") || has("bridge") || connections.kafka.place.is_some();
    let both = [(nats, Broker::Nats), (kafka, Broker::Kafka)].into_iter();
    both.filter_map(|(has, broker)| has.then_some(broker))
        .collect()
}

/// The first character of the first file.
fn start_of(files: &Files) -> Option<Place> {
    files.place(Spot {
        file: 0,
        line: 1,
        column: 1,
        start: 0,
        end: 0,
    })
}
