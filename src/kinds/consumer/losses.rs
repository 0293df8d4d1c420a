//! What deleting a consumer costs.

use indexmap::{IndexMap, IndexSet};
use serde_json::Value;

use super::replace::{KEEPER, Place, keeper_place, keeper_places, kept_place};
use super::wire::split;
use crate::broker::Brokers;
use crate::broker::nats::{Answer, JetStream};
use crate::kinds::loss::{Read, deletions, gone, risk, unread};
use crate::kinds::stream::{consumer_filters, is_within, left};
use crate::model::{Action, Address, Code, Doc, Harm, Risk, Step, counted};

/// Looks at the consumers that these steps delete, and at the retention of their streams.
pub(super) async fn of_deletions(brokers: &Brokers, steps: &[&Step]) -> Vec<(Address, Vec<Risk>)> {
    let steps = deletions(steps);
    let Some(nats) = brokers.nats.as_ref().filter(|_| !steps.is_empty()) else {
        return unseen(&steps, "there is no connection to NATS");
    };
    let Looked {
        names,
        mut infos,
        mut keepers,
        streams,
    } = look(nats, &steps).await;
    let mut risk_of = |step: &&Step, name: &Place| {
        let retention = retention(streams.get(&name.0));
        let itself = match infos.swap_remove(name) {
            Some(Ok(info)) => Ok(info.map(|info| Position::read(&info, retention.clone()))),
            Some(Err(error)) => Err(error.to_string()),
            None => Err("the server gave no answer for it".to_owned()),
        };
        let keeper = match keepers.swap_remove(&keeper_place(name)) {
            Some(Ok(Some(info))) if kept_place(&info, &name.1).is_some() => {
                Ok(Some(Position::read(&info, retention)))
            }
            Some(Ok(_)) | None => Ok(None),
            Some(Err(error)) => Err(error.to_string()),
        };
        (step.address.clone(), vec![of_both(itself, keeper)])
    };
    steps
        .iter()
        .zip(&names)
        .map(|(step, name)| risk_of(step, name))
        .collect()
}

/// What is there of the consumers of some steps: themselves, what holds their places, and their streams.
struct Looked {
    names: Vec<Place>,
    infos: IndexMap<Place, Answer>,
    keepers: IndexMap<Place, Answer>,
    streams: IndexMap<String, Answer>,
}

/// Reads them. A consumer that a client made meanwhile does not show that it has a keeper, so that each is looked for.
async fn look(nats: &JetStream, steps: &[&Step]) -> Looked {
    let names: Vec<Place> = steps.iter().map(|step| split(&step.address)).collect();
    let streams: IndexSet<String> = names.iter().map(|(stream, _)| stream.clone()).collect();
    let streams: Vec<String> = streams.into_iter().collect();
    let keepers = keeper_places(names.iter());
    let (infos, keepers, streams) = tokio::join!(
        nats.consumer_infos(&names),
        nats.consumer_infos(&keepers),
        nats.stream_infos(&streams)
    );
    Looked {
        names,
        infos,
        keepers,
        streams,
    }
}

/// Looks at the keepers that go with a change of their consumers, after a replacement that was cut short: what such a consumer
/// does not get is lost with its keeper.
pub(super) async fn of_keepers(brokers: &Brokers, steps: &[&Step]) -> Vec<(Address, Vec<Risk>)> {
    let drops_keeper = |step: &&&Step| {
        let mut changes = step.changes.iter();
        step.action != Action::Delete && changes.any(|change| change.field == KEEPER)
    };
    let steps: Vec<&Step> = steps.iter().filter(drops_keeper).copied().collect();
    let Some(nats) = brokers.nats.as_ref().filter(|_| !steps.is_empty()) else {
        return Vec::new();
    };
    let Looked {
        names,
        mut infos,
        mut keepers,
        streams,
    } = look(nats, &steps).await;
    let mut risk_of = |name: &Place| {
        let itself = infos.swap_remove(name)?;
        let keeper = keepers.swap_remove(&keeper_place(name))?;
        match (itself, keeper) {
            (Err(error), _) | (_, Err(error)) => Some(unknown(&error.to_string())),
            (Ok(Some(itself)), Ok(Some(keeper))) if kept_place(&keeper, &name.1).is_some() => {
                let position = Position::read(&keeper, retention(streams.get(&name.0)));
                let is_lost = position.left() > 0 && !gets_all_of(&itself, &keeper);
                is_lost.then(|| in_the_place_of(&position))
            }
            (Ok(_), Ok(_)) => None,
        }
    };
    let found = steps.iter().zip(&names);
    found
        .filter_map(|(step, name)| Some((step.address.clone(), vec![risk_of(name)?])))
        .collect()
}

/// Whether a consumer that goes on where its keeper stands has all of its subjects.
fn gets_all_of(consumer: &Doc, keeper: &Doc) -> bool {
    let own = consumer_filters(consumer);
    let mut held = consumer_filters(keeper).into_iter();
    held.all(|subject| own.iter().any(|wider| is_within(&subject, wider)))
}

fn in_the_place_of(keeper: &Position) -> Risk {
    let risk = keeper.risk();
    let evidence = format!(
        "a replacement was cut short, and what held its place goes, with subjects that it does not have: {}",
        risk.evidence
    );
    Risk { evidence, ..risk }
}

/// What goes with a consumer and with the keeper of its place, where a replacement was cut short: with the one that has more
/// before it.
fn of_both(itself: Read<Option<Position>>, keeper: Read<Option<Position>>) -> Risk {
    match (itself, keeper) {
        (Err(why), _) | (_, Err(why)) => unknown(&why),
        (Ok(None), Ok(None)) => gone(Code::ConsumerDeleted),
        (Ok(Some(itself)), Ok(None)) => itself.risk(),
        (Ok(Some(itself)), Ok(Some(keeper))) if keeper.left() <= itself.left() => itself.risk(),
        (Ok(itself), Ok(Some(keeper))) => {
            let clients = itself.map_or(0, |itself| itself.clients);
            let risk = Position { clients, ..keeper }.risk();
            let evidence = format!(
                "its replacement was cut short, and what holds its place goes, too: {}",
                risk.evidence
            );
            Risk { evidence, ..risk }
        }
    }
}

/// The same where nothing can be looked at.
pub(super) fn unseen(steps: &[&Step], why: &str) -> Vec<(Address, Vec<Risk>)> {
    let steps = deletions(steps).into_iter();
    steps
        .map(|step| (step.address.clone(), vec![unknown(why)]))
        .collect()
}

fn unknown(why: &str) -> Risk {
    let evidence = unread("what waits for it", why);
    risk(Code::ConsumerDeleted, Harm::Critical, evidence, None)
}

/// The retention of a consumer's stream.
pub(super) fn retention(stream: Option<&Answer>) -> Read<Retention> {
    let info = match stream {
        Some(Ok(Some(info))) => info,
        Some(Ok(None)) => return Err("the stream is gone".to_owned()),
        Some(Err(error)) => return Err(error.to_string()),
        None => return Err("the server gave no answer for it".to_owned()),
    };
    let config = info.get("config");
    retention_of(config.and_then(|config| config["retention"].as_str()))
}

/// The retention of this name; that of a stream which names none.
pub(super) fn retention_of(name: Option<&str>) -> Read<Retention> {
    match name {
        Some("limits") | None => Ok(Retention::Limits),
        Some("interest") => Ok(Retention::Interest),
        Some("workqueue") => Ok(Retention::WorkQueue),
        Some(other) => Err(format!("`{other}` is newer than this trueup")),
    }
}

/// What a stream keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Retention {
    /// Everything within its limits, whoever reads it.
    Limits,
    /// What a consumer has not acknowledged. What only a deleted one held goes at once (seen on 2.15.1).
    Interest,
    /// What its one consumer has not acknowledged. It stays when that one is deleted (seen on 2.15.1), and nobody reads it.
    WorkQueue,
}

/// Where a consumer is in its stream.
struct Position {
    pending: u64,
    unacknowledged: u64,
    /// Clients that wait for messages or have them pushed.
    clients: u64,
    retention: Read<Retention>,
}

impl Position {
    fn read(info: &Doc, retention: Read<Retention>) -> Position {
        let number = |field: &str| info.get(field).and_then(Value::as_u64).unwrap_or_default();
        let is_bound = info.get("push_bound") == Some(&Value::Bool(true));
        Position {
            pending: number("num_pending"),
            unacknowledged: number("num_ack_pending"),
            clients: number("num_waiting") + u64::from(is_bound),
            retention,
        }
    }

    fn left(&self) -> u64 {
        self.pending + self.unacknowledged
    }

    fn risk(&self) -> Risk {
        let clauses = [Some(self.holds()), self.told_clients()];
        let evidence = clauses.into_iter().flatten().collect::<Vec<_>>().join("; ");
        risk(
            Code::ConsumerDeleted,
            self.harm(),
            evidence,
            self.at_stake(),
        )
    }

    fn harm(&self) -> Harm {
        match (self.left(), &self.retention) {
            (0, _) if self.clients == 0 => Harm::Low,
            (0, _) | (_, Ok(Retention::Limits | Retention::WorkQueue)) => Harm::High,
            (_, Ok(Retention::Interest) | Err(_)) => Harm::Critical,
        }
    }

    /// What its readers never get, be it kept or not; unknown where it is not known whether the stream keeps it.
    fn at_stake(&self) -> Option<u64> {
        match (self.left(), &self.retention) {
            (0, _) => Some(0),
            (left, Ok(_)) => Some(left),
            (_, Err(_)) => None,
        }
    }

    fn holds(&self) -> String {
        let left = left(self.pending, self.unacknowledged);
        match (self.left(), &self.retention) {
            (0, _) => "nothing is pending".to_owned(),
            (_, Ok(Retention::Limits)) => {
                format!("{left}: its stream keeps them, and its position is lost")
            }
            (_, Ok(Retention::Interest)) => {
                format!("{left}: its stream drops those that no other consumer holds")
            }
            (_, Ok(Retention::WorkQueue)) => {
                format!("{left}: they stay in the work queue, and nobody reads them")
            }
            (_, Err(why)) => {
                let retention = unread("whether its stream keeps them", why);
                format!("{left}; {retention}")
            }
        }
    }

    fn told_clients(&self) -> Option<String> {
        let clients = counted(self.clients, "client");
        let verb = if self.clients == 1 { "waits" } else { "wait" };
        (self.clients > 0).then(|| format!("{clients} {verb} for messages"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(
        pending: u64,
        unacknowledged: u64,
        clients: u64,
        retention: Read<Retention>,
    ) -> (Harm, Option<u64>, String) {
        let position = Position {
            pending,
            unacknowledged,
            clients,
            retention,
        };
        let risk = position.risk();
        (risk.harm, risk.at_stake, risk.evidence)
    }

    #[test]
    fn harm_follows_what_the_stream_keeps() {
        use Retention::{Interest, Limits, WorkQueue};
        let unread = || Err("needs a right".to_owned());
        for (pending, unacknowledged, clients, retention, harm, at_stake, words) in [
            (
                0,
                0,
                0,
                Ok(Limits),
                Harm::Low,
                Some(0),
                "nothing is pending",
            ),
            (
                0,
                0,
                0,
                Ok(WorkQueue),
                Harm::Low,
                Some(0),
                "nothing is pending",
            ),
            (0, 0, 0, unread(), Harm::Low, Some(0), "nothing is pending"),
            (0, 0, 2, Ok(Limits), Harm::High, Some(0), "2 clients wait"),
            (0, 0, 1, Ok(Interest), Harm::High, Some(0), "1 client waits"),
            (
                88,
                0,
                0,
                Ok(Limits),
                Harm::High,
                Some(88),
                "88 messages pending: its stream keeps",
            ),
            (
                88,
                3,
                0,
                Ok(Interest),
                Harm::Critical,
                Some(91),
                "and 3 messages unacknowledged",
            ),
            (
                0,
                1,
                0,
                Ok(WorkQueue),
                Harm::High,
                Some(1),
                "stay in the work queue",
            ),
            (
                1,
                0,
                0,
                unread(),
                Harm::Critical,
                None,
                "could not be read: needs a right",
            ),
        ] {
            let (found, lost, text) = told(pending, unacknowledged, clients, retention);
            assert_eq!((found, lost), (harm, at_stake), "{text}");
            assert!(text.contains(words), "{text}");
        }
        let (harm, at_stake) = (unknown("why").harm, unknown("why").at_stake);
        assert_eq!((harm, at_stake), (Harm::Critical, None));
    }

    #[test]
    fn what_holds_its_place_counts_as_it_does() {
        let position = |pending| {
            Some(Position {
                pending,
                unacknowledged: 0,
                clients: 0,
                retention: Ok(Retention::Interest),
            })
        };
        for (itself, keeper, harm, at_stake) in [
            (Ok(None), Ok(None), Harm::Low, Some(0)),
            (Ok(None), Ok(position(25)), Harm::Critical, Some(25)),
            (Ok(position(0)), Ok(position(25)), Harm::Critical, Some(25)),
            (Ok(position(30)), Ok(position(25)), Harm::Critical, Some(30)),
            (Ok(None), Ok(position(0)), Harm::Low, Some(0)),
            (Ok(None), Err("why".to_owned()), Harm::Critical, None),
        ] {
            let risk = of_both(itself, keeper);
            assert_eq!((risk.harm, risk.at_stake), (harm, at_stake), "{risk:?}");
        }
    }

    #[test]
    fn a_document_is_read_as_a_position() {
        let info =
            json!({ "num_pending": 7, "num_ack_pending": 2, "num_waiting": 1, "push_bound": true });
        let position = Position::read(info.as_object().unwrap(), Ok(Retention::Limits));
        assert_eq!((position.left(), position.clients), (9, 2));
        let of = |retention: &str| {
            let info = json!({ "config": { "retention": retention } });
            retention_of(info.as_object().unwrap())
        };
        assert_eq!(of("interest"), Ok(Retention::Interest));
        assert_eq!(of("limits"), Ok(Retention::Limits));
        assert!(of("forever").unwrap_err().contains("newer"));
    }

    fn retention_of(info: &Doc) -> Read<Retention> {
        retention(Some(&Ok(Some(info.clone()))))
    }
}
