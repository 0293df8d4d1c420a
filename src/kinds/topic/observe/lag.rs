//! What a broker does not know, though it exists: it lags behind its controller, after a restart or a freeze.

use indexmap::IndexMap;

use super::read;
use crate::broker::kafka::{ItemError, Kafka, NewTopic};
use crate::kinds::Observed;
use crate::kinds::kafka::TOPIC_EXISTS;
use crate::kinds::topic::rehearse::hidden;
use crate::model::{Code, Problem};

type Seen = IndexMap<String, Observed>;

/// The same, read from another broker where the one that was read lags behind: absent is what no broker knows.
///
/// Where one knows what another does not, the controller has the last word, for either may lag.
pub(super) async fn made_up_for(kafka: &Kafka, seen: Seen) -> Seen {
    let absent = |(name, observed): (&String, &Observed)| {
        (*observed == Observed::Absent).then(|| name.clone())
    };
    let absent: Vec<String> = seen.iter().filter_map(absent).collect();
    if absent.is_empty() {
        return seen;
    }
    let Some(witness) = kafka.witness(&absent).await else {
        return seen;
    };
    let ruling = ruling(kafka, &witness.knows).await;
    let names: Vec<String> = seen.keys().cloned().collect();
    if !ruling.values().any(|word| *word == Word::Exists) {
        return merged(seen, Seen::new(), &ruling);
    }
    kafka.turn_to(witness).await;
    let again = read(kafka, &names).await.unwrap_or_default();
    merged(seen, again, &ruling)
}

/// What the controller says of a topic.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Word {
    Exists,
    IsNot,
    /// It says nothing (without the right to create it, for one).
    Nothing,
}

/// Asks the controller, without making anything.
async fn ruling(kafka: &Kafka, names: &[String]) -> IndexMap<String, Word> {
    let smallest = |name: &String| NewTopic {
        name: name.clone(),
        partitions: Some(1),
        replication_factor: Some(1),
        configs: IndexMap::new(),
    };
    let topics: Vec<NewTopic> = names.iter().map(smallest).collect();
    let answers = kafka.create_topics(&topics, true).await.unwrap_or_default();
    let word = |name: &String| (name.clone(), answers.get(name).map_or(Word::Nothing, word));
    names.iter().map(word).collect()
}

fn word(answer: &Result<(), ItemError>) -> Word {
    match answer {
        Ok(()) => Word::IsNot,
        Err(error) if error.code == TOPIC_EXISTS => Word::Exists,
        Err(_) => Word::Nothing,
    }
}

/// What was seen first, with what the other broker shows in its place, and without what the two disagree on.
fn merged(first: Seen, mut again: Seen, ruling: &IndexMap<String, Word>) -> Seen {
    let merge = |(name, before): (String, Observed)| {
        let after = again.swap_remove(&name).filter(|o| *o != Observed::Absent);
        let observed = match (ruling.get(&name), after) {
            (Some(Word::IsNot), _) => Observed::Absent,
            (Some(Word::Exists), Some(after)) => after,
            (Some(Word::Exists), None) => Observed::Unreadable(hidden()),
            (Some(Word::Nothing), _) => Observed::Unreadable(disputed()),
            (None, after) => after.unwrap_or(before),
        };
        (name, observed)
    };
    first.into_iter().map(merge).collect()
}

fn disputed() -> Problem {
    let message = "one broker shows it, and another one does not";
    Problem::error(Code::Exists, message).hint(Code::Exists.way_out())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::Live;
    use crate::model::{Doc, Flat};

    fn present(incarnation: &str) -> Observed {
        Observed::Present(Live {
            fields: Flat::new(),
            raw: Doc::new(),
            incarnation: Some(incarnation.to_owned()),
            inherited: Default::default(),
        })
    }

    fn seen(all: &[(&str, Observed)]) -> Seen {
        let all = all.iter();
        all.map(|(name, seen)| ((*name).to_owned(), seen.clone()))
            .collect()
    }

    #[test]
    fn absent_is_what_the_controller_does_not_know_either() {
        let first = seen(&[
            ("made", Observed::Absent),
            ("hidden", Observed::Absent),
            ("deleted", Observed::Absent),
            ("unruled", Observed::Absent),
            ("new", Observed::Absent),
            ("old", present("before")),
            ("only-here", present("here")),
        ]);
        let again = seen(&[
            ("made", present("made")),
            ("hidden", Observed::Absent),
            ("deleted", present("deleted")),
            ("unruled", present("unruled")),
            ("new", Observed::Absent),
            ("old", present("after")),
            ("only-here", Observed::Absent),
        ]);
        let ruling = [
            ("made", Word::Exists),
            ("hidden", Word::Exists),
            ("deleted", Word::IsNot),
            ("unruled", Word::Nothing),
        ];
        let ruling = ruling.map(|(name, word)| (name.to_owned(), word));
        let merged = merged(first, again, &ruling.into_iter().collect());
        let is = |name: &str, wanted: Observed| assert_eq!(merged[name], wanted, "{name}");
        is("made", present("made"));
        is("deleted", Observed::Absent);
        is("new", Observed::Absent);
        is("old", present("after"));
        is("only-here", present("here"));
        for name in ["hidden", "unruled"] {
            let Observed::Unreadable(problem) = &merged[name] else {
                panic!("{name}: {:?}", merged[name])
            };
            assert_eq!(problem.code, Code::Exists);
        }
    }
}
