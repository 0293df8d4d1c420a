//! What is wrong with a topic, whatever the brokers are.

use std::cell::RefCell;
use std::collections::HashMap;

use serde_json::Value;

use super::configs::{ConfigType, KnownConfig, known_config, known_configs};
use crate::kinds::Resources;
use crate::ledger::is_own_topic;
use crate::model::{Code, KindName, Problem, Resource};

/// Kafka's own topics, which no manifest may declare.
const INTERNAL: [&str; 5] = [
    "__cluster_metadata",
    "__consumer_offsets",
    "__remote_log_metadata",
    "__share_group_state",
    "__transaction_state",
];

/// Kafka's own topics by name.
pub(crate) fn internal_topics() -> &'static [&'static str] {
    &INTERNAL
}

/// Whether the topic is one of Kafka's own, or of trueup's: none that a user manages.
pub fn is_internal(name: &str) -> bool {
    INTERNAL.contains(&name) || is_own_topic(name)
}

/// Every problem of one topic.
pub(super) fn check(topic: &Resource) -> Vec<Problem> {
    let mut problems = name(topic);
    problems.extend(counts(topic));
    for (path, said) in &topic.declared {
        if let (Some(key), Value::String(text)) = (path.strip_prefix("config."), said) {
            match known_config(key) {
                Some(config) => {
                    let found = value(config, text).into_iter();
                    problems.extend(
                        found.map(|(word, problem)| problem.at(topic.place_of_word(path, word))),
                    );
                }
                None => problems.extend(unknown_key(key).map(|p| p.at(topic.place_of(path)))),
            }
        }
    }
    problems.extend(in_sync(topic));
    problems
        .into_iter()
        .map(|problem| problem.about(&topic.address))
        .collect()
}

/// Names that differ only by `.` and `_`: Kafka's metrics can't tell them apart, so it refuses the
/// second one.
pub(super) fn check_all(all: &Resources) -> Vec<Problem> {
    let mut seen: HashMap<String, &Resource> = HashMap::new();
    let mut problems = Vec::new();
    let topics = all.values().filter(|r| r.address.kind == KindName::Topic);
    for topic in topics.filter(|topic| topic.address.name.contains(['.', '_'])) {
        let name = &topic.address.name;
        match seen.get(&name.replace('.', "_")) {
            None => {
                seen.insert(name.replace('.', "_"), topic);
            }
            Some(first) => problems.push(
                Problem::warning(
                    Code::BadName,
                    format!("`{name}` and `{}` differ only by `.` and `_`", first.address.name),
                )
                .about(&topic.address)
                .at(topic.place.clone())
                .note(first.place.clone(), "the other one")
                .hint("Kafka refuses a new topic that collides with another so; use one of the two signs in all names"),
            ),
        }
    }
    problems
}

/// Everything that is wrong with the name.
fn name(topic: &Resource) -> Vec<Problem> {
    let name = topic.address.name.as_str();
    let problems = [
        strange_sign(name),
        bad_length(name),
        reserved(name),
        like_internal(name),
    ];
    let placed = |problem: Problem| problem.at(topic.place.clone());
    problems.into_iter().flatten().map(placed).collect()
}

/// What keeps a topic from having this name, and the way out.
pub(in crate::kinds) fn name_faults(name: &str) -> Vec<(String, String)> {
    let problems = [strange_sign(name), bad_length(name), reserved(name)];
    let problems = problems.into_iter().flatten();
    problems
        .map(|problem| (problem.message, problem.hint.unwrap_or_default()))
        .collect()
}

fn strange_sign(name: &str) -> Option<Problem> {
    let is_legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let strange = name.chars().find(|c| !is_legal(*c))?;
    let message = format!("the topic name `{name}` holds `{strange}`");
    let hint = "use letters, digits, `.`, `_` and `-`";
    Some(Problem::error(Code::BadName, message).hint(hint))
}

fn bad_length(name: &str) -> Option<Problem> {
    let length = name.chars().count();
    (!(1..=249).contains(&length)).then(|| {
        let message = format!("the topic name has {length} characters");
        Problem::error(Code::BadName, message).hint("Kafka takes 1 to 249")
    })
}

fn reserved(name: &str) -> Option<Problem> {
    if matches!(name, "." | "..") {
        let message = format!("`{name}` is no name of a topic");
        return Some(Problem::error(Code::BadName, message).hint(Code::BadName.way_out()));
    }
    if is_own_topic(name) {
        let message = format!("`{name}` is trueup's own ledger");
        return Some(Problem::error(Code::BadName, message).hint("take another name"));
    }
    is_internal(name).then(|| {
        let message = format!("`{name}` is one of Kafka's own topics");
        Problem::error(Code::BadName, message).hint("leave it out: the brokers make and keep it")
    })
}

fn like_internal(name: &str) -> Option<Problem> {
    (name.starts_with("__") && !is_internal(name)).then(|| {
        let message = format!("`{name}` begins like an internal topic");
        Problem::warning(Code::BadName, message)
            .hint("Kafka and the tools around it keep names that begin with `__` for themselves")
    })
}

fn counts(topic: &Resource) -> Vec<Problem> {
    ["partitions", "replication_factor"]
        .into_iter()
        .filter(|path| number(topic, path).is_some_and(|count| count < 1))
        .map(|path| {
            Problem::error(Code::OutOfRange, format!("`{path}` is below 1"))
                .at(topic.place_of_word(path, ""))
                .hint("write 1 or more, or leave it out for the broker's default")
        })
        .collect()
}

/// A topic that no producer with `acks=all` can ever write to.
fn in_sync(topic: &Resource) -> Option<Problem> {
    let path = "config.min.insync.replicas";
    let (wanted, kept) = (number(topic, path)?, number(topic, "replication_factor")?);
    (wanted > kept).then(|| {
        Problem::warning(
            Code::Contradiction,
            format!("`min.insync.replicas` is {wanted} and `replication_factor` is {kept}: no producer with `acks=all` can write"),
        )
        .at(topic.place_of(path))
        .note(topic.place_of("replication_factor"), "the replication factor")
        .hint(format!("declare `min.insync.replicas: {}`, or more replicas", kept.saturating_sub(1).max(1)))
    })
}

pub(super) fn number(topic: &Resource, path: &str) -> Option<i64> {
    match topic.declared.get(path)? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// Allowed, because a newer broker may know it; but it may also be a slip of the pen.
fn unknown_key(key: &str) -> Option<Problem> {
    nearest_key(key).map(|near| {
        Problem::warning(
            Code::UnknownField,
            format!("`{key}` is no topic config that trueup knows"),
        )
        .hint(format!(
            "did you mean `{near}`? A key that your brokers know is sent as it is"
        ))
    })
}

/// The known key that somebody may have meant, when it is near enough. Aliases bring the same key to
/// thousands of topics: what was looked for last is kept.
pub(super) fn nearest_key(key: &str) -> Option<&'static str> {
    const MOST_KEPT: usize = 1_000;
    const LONGEST: usize = 100;
    thread_local! {
        static FOUND: RefCell<HashMap<String, Option<&'static str>>> = RefCell::default();
    }
    if key.len() > LONGEST {
        return None;
    }
    FOUND.with_borrow_mut(|found| {
        if let Some(known) = found.get(key) {
            return *known;
        }
        if found.len() >= MOST_KEPT {
            found.clear();
        }
        let near = search(key);
        found.insert(key.to_owned(), near);
        near
    })
}

fn search(key: &str) -> Option<&'static str> {
    let bare = key.strip_prefix("log.").unwrap_or(key).replace('_', ".");
    // four fifths alike: no more than a fifth of the letters may be missing
    let is_as_long = |known: &str| {
        let (short, long) = (known.len().min(bare.len()), known.len().max(bare.len()));
        short * 5 >= long * 4
    };
    known_configs()
        .iter()
        .filter(|config| is_as_long(config.key))
        .map(|config| {
            (
                config.key,
                strsim::normalized_damerau_levenshtein(&bare, config.key),
            )
        })
        .filter(|(near, likeness)| *likeness >= 0.8 && *near != key)
        .max_by(|(_, a), (_, b)| a.total_cmp(b))
        .map(|(near, _)| near)
}

/// What is wrong with a value, each with the word that it is about.
fn value<'t>(config: &KnownConfig, text: &'t str) -> Vec<(&'t str, Problem)> {
    let whole = text;
    let text = text.trim();
    let wrong = |what| vec![(whole, wrong(config, text, what))];
    let unknown = |said, word| unknown_word(config, word).map(|problem| (said, problem));
    match config.holds {
        ConfigType::List => {
            let words = text.split(',').map(str::trim);
            let words = words.filter(|word| !word.is_empty());
            words.filter_map(|word| unknown(word, word)).collect()
        }
        ConfigType::Word => unknown(whole, text).into_iter().collect(),
        ConfigType::Bool if !is_bool(text) => wrong("`true` or `false`"),
        ConfigType::Number if text.parse::<i64>().is_err() => wrong("whole number"),
        ConfigType::Fraction if text.parse::<f64>().is_err() => wrong("number"),
        ConfigType::Bool | ConfigType::Number | ConfigType::Fraction => Vec::new(),
    }
}

fn wrong(config: &KnownConfig, text: &str, what: &str) -> Problem {
    let KnownConfig { key, default, .. } = config;
    let message = format!("`{key}` is `{text}`, which is no {what}");
    Problem::error(Code::WrongType, message).hint(format!("Kafka's default is `{default}`"))
}

fn is_bool(text: &str) -> bool {
    text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false")
}

fn unknown_word(config: &KnownConfig, word: &str) -> Option<Problem> {
    if config.words.is_empty() || config.words.contains(&word) {
        return None;
    }
    let listed: Vec<String> = config
        .words
        .iter()
        .map(|word| format!("`{word}`"))
        .collect();
    let listed = format!("`{}` takes {}", config.key, listed.join(", "));
    let near = config
        .words
        .iter()
        .find(|known| strsim::damerau_levenshtein(known, &word.to_lowercase()) <= 2);
    let hint = match near {
        Some(near) => format!("did you mean `{near}`? {listed}"),
        None => listed,
    };
    Some(
        Problem::error(
            Code::UnknownValue,
            format!("`{}` can't be `{word}`", config.key),
        )
        .hint(hint),
    )
}

#[cfg(test)]
mod tests;
