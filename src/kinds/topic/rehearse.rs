//! Asking the broker what it would refuse, without changing anything.

use indexmap::IndexMap;

use super::configs::{KnownConfig, known_config};
use super::deletion;
use super::order::Order;
use super::replicas::FACTOR;
use super::rules::nearest_key;
use crate::broker::kafka::{ConfigChange, ItemError, Kafka, KafkaError, NewTopic, Operation};
use crate::kinds::Rehearsal;
use crate::kinds::kafka::{TOPIC_EXISTS, is_denial, needs, refuse_all};
use crate::model::{Action, Address, Code, KindName, Problem, Refusal, Step, few};

type Answers = IndexMap<String, Result<(), ItemError>>;

/// What the broker would refuse of these steps, by three batched requests with `validate_only`.
pub(super) async fn rehearse(kafka: &Kafka, steps: &[&Step]) -> Rehearsal {
    let mut rehearsal = Rehearsal::from(deletion::rehearse(kafka, steps).await);
    let mut orders = Vec::new();
    for step in steps.iter().filter(|step| step.action != Action::Delete) {
        match Order::of(step) {
            Ok(order) => orders.push(order),
            Err(why) => {
                let hint = "plan again";
                rehearsal.refusals.push((
                    step.address.clone(),
                    Refusal::new(Code::Immutable, why, hint),
                ));
            }
        }
    }
    match ask(kafka, &orders).await {
        Ok(said) => rehearsal.append(said),
        Err(error) => rehearsal.append(refuse_all(steps, &error.problem()).into()),
    }
    rehearsal
}

async fn ask(kafka: &Kafka, orders: &[Order]) -> Result<Rehearsal, KafkaError> {
    let creates: Vec<NewTopic> = orders.iter().filter_map(|o| o.create.clone()).collect();
    let counts: Vec<(String, i32)> = orders.iter().filter_map(|o| o.partitions.clone()).collect();
    let configs: Vec<ConfigChange> = orders.iter().filter_map(|o| o.configs.clone()).collect();
    let mut said = Rehearsal::default();
    if !creates.is_empty() {
        let (held, answers) = held_back(kafka.create_topics(&creates, true).await?);
        let (unseen, answers) = unseen(answers);
        said.unasked.extend(held);
        said.unseen.extend(unseen);
        said.refusals.extend(refused(answers, of_create));
    }
    if !counts.is_empty() {
        let (held, answers) = held_back(kafka.create_partitions(&counts, true).await?);
        said.unasked.extend(held);
        said.refusals.extend(refused(answers, of_partitions));
    }
    if !configs.is_empty() {
        said.refusals.extend(refused(
            kafka.alter_configs(&configs, true).await?,
            of_configs,
        ));
    }
    let moved = || orders.iter().filter_map(|order| order.replicas.as_ref());
    if moved().next().is_some() && !may_alter(kafka).await? {
        let names = moved().map(|(name, _)| Address::new(KindName::Topic, name.clone()));
        said.refusals
            .extend(names.map(|address| (address, no_right_to_move())));
    }
    Ok(said)
}

/// No broker validates a reassignment; but it tells whether the user may make any.
async fn may_alter(kafka: &Kafka) -> Result<bool, KafkaError> {
    let rights = kafka.cluster().await?.authorized_operations;
    Ok(rights.is_none_or(|rights| rights.contains(&Operation::Alter)))
}

fn no_right_to_move() -> Refusal {
    let message = needs(&replicas_right());
    Refusal::new(Code::Denied, message, Code::Denied.way_out()).field(FACTOR)
}

/// One warning for all that a quota on changes holds back, and the other answers: only what is asked counts against it, too
/// (KIP-599), and an apply waits until it lets them through.
fn held_back(answers: Answers) -> (Option<Problem>, Answers) {
    let is_held =
        |answer: &Result<(), ItemError>| answer.as_ref().is_err_and(ItemError::is_held_back);
    let (held, others): (Answers, Answers) =
        answers.into_iter().partition(|(_, answer)| is_held(answer));
    let warning = (!held.is_empty()).then(|| {
        let names = few(held.keys().map(|name| format!("`{name}`")), 3);
        let message = format!(
            "whether the cluster takes {names} can't be known now: the quota for changes (`controller_mutation_rate`) of this user is used up"
        );
        let hint = "an apply waits for the quota; what the cluster refuses otherwise shows only then";
        Problem::warning(Code::RefusedByBroker, message).hint(hint)
    });
    (warning, others)
}

/// Those that exist, though the broker that was read did not know them, and the others.
fn unseen(answers: Answers) -> (Vec<(Address, Problem)>, Answers) {
    let exists = |answer: &Result<(), ItemError>| {
        let error = answer.as_ref().err();
        error.is_some_and(|error| error.code == TOPIC_EXISTS)
    };
    let (there, others): (Answers, Answers) =
        answers.into_iter().partition(|(_, answer)| exists(answer));
    let there = there.into_keys();
    let unseen = there.map(|name| (Address::new(KindName::Topic, name), hidden()));
    (unseen.collect(), others)
}

/// Why a topic that exists is not known as it is.
pub(super) fn hidden() -> Problem {
    let message = "it exists, and the broker does not show it";
    Problem::error(Code::Exists, message).hint(Code::Exists.way_out())
}

fn refused(
    answers: Answers,
    refusal: fn(&str, &ItemError) -> Refusal,
) -> impl Iterator<Item = (Address, Refusal)> {
    answers.into_iter().filter_map(move |(name, answer)| {
        let refusal = refusal(&name, &answer.err()?);
        Some((Address::new(KindName::Topic, name), refusal))
    })
}

fn of_create(name: &str, error: &ItemError) -> Refusal {
    of_item(error, &create_right(name))
}

fn of_partitions(name: &str, error: &ItemError) -> Refusal {
    of_item(error, &partitions_right(name)).field("partitions")
}

fn of_configs(name: &str, error: &ItemError) -> Refusal {
    of_item(error, &configs_right(name))
}

fn of_item(error: &ItemError, right: &str) -> Refusal {
    if is_denial(error) {
        return Refusal::new(Code::Denied, needs(right), Code::Denied.way_out());
    }
    of_unknown_key(error).unwrap_or_else(|| {
        Refusal::new(
            Code::RefusedByBroker,
            format!("the broker says {error}"),
            Code::RefusedByBroker.way_out(),
        )
    })
}

/// The refusal of a key that the broker says it does not know.
fn of_unknown_key(error: &ItemError) -> Option<Refusal> {
    let message = error.message.as_deref()?;
    let (_, key) = message.split_once("nknown topic config name: ")?;
    let key = key.trim_end_matches('.').trim();
    let refusal = match (known_config(key), nearest_key(key)) {
        (
            Some(KnownConfig {
                since: Some(since), ..
            }),
            _,
        ) => Refusal::new(
            Code::ServerTooOld,
            format!("`{key}` needs Kafka {since}, and the broker does not know it"),
            format!("upgrade the brokers to {since}, or leave `{key}` out"),
        ),
        (
            Some(KnownConfig {
                gone: Some(gone), ..
            }),
            _,
        ) => Refusal::new(
            Code::RefusedByBroker,
            format!("`{key}` is gone from Kafka {gone} on, and the broker does not know it"),
            format!("leave `{key}` out"),
        ),
        (None, Some(near)) => Refusal::new(
            Code::RefusedByBroker,
            format!("the broker says {error}"),
            format!("did you mean `{near}`?"),
        ),
        (_, _) => return None,
    };
    Some(refusal.field(format!("config.{key}")))
}

/// The right that making a topic wants.
pub(super) fn create_right(name: &str) -> String {
    format!("CREATE on topic/{name} or on the cluster")
}

/// The right that adding partitions wants.
pub(super) fn partitions_right(name: &str) -> String {
    format!("ALTER on topic/{name}")
}

/// The right that moving replicas wants.
pub(super) fn replicas_right() -> String {
    "ALTER on the cluster".to_owned()
}

/// The right that changing configs wants.
pub(super) fn configs_right(name: &str) -> String {
    format!("ALTER_CONFIGS on topic/{name}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::kafka::Fate;

    fn error(code: i16, message: &str) -> ItemError {
        ItemError {
            code,
            name: "NAME",
            message: Some(message.to_owned()),
            fate: Fate::Refused,
        }
    }

    #[test]
    fn a_refusal_says_what_to_do() {
        let told = |message: &str| of_configs("t", &error(40, message)).hint.unwrap();
        let unknown = |key: &str| told(&format!("Unknown topic config name: {key}"));
        assert_eq!(unknown("retention.mss"), "did you mean `retention.ms`?");
        assert!(unknown("remote.log.copy.disable").contains("to 3.9"));
        assert!(unknown("message.format.version").contains("leave"));
        assert_eq!(unknown("foo"), Code::RefusedByBroker.way_out());
        assert_eq!(told("Invalid value 1"), Code::RefusedByBroker.way_out());
    }

    #[test]
    fn a_key_of_another_release_is_told_with_the_release() {
        let refusal = |key: &str| {
            of_create(
                "t",
                &error(40, &format!("Unknown topic config name: {key}")),
            )
        };
        let newer = refusal("remote.log.copy.disable");
        assert_eq!(newer.code, Code::ServerTooOld);
        assert!(
            newer.message.contains("needs Kafka 3.9"),
            "{}",
            newer.message
        );
        assert_eq!(
            newer.field.as_deref(),
            Some("config.remote.log.copy.disable")
        );
        let older = refusal("message.format.version");
        assert!(
            older.message.contains("gone from Kafka 4.0"),
            "{}",
            older.message
        );
    }

    #[test]
    fn a_missing_right_is_named() {
        let denied = of_create("t", &error(29, "Authorization failed."));
        assert_eq!(denied.code, Code::Denied);
        assert_eq!(denied.message, "needs CREATE on topic/t or on the cluster");
    }

    #[test]
    fn a_topic_that_exists_though_it_was_not_seen_is_not_refused_but_unread() {
        let answers = [
            ("a", Err(error(36, "exists"))),
            ("b", Err(error(40, "no"))),
            ("c", Ok(())),
        ];
        let answers = answers.map(|(name, answer)| (name.to_owned(), answer));
        let (unseen, others) = unseen(answers.into_iter().collect());
        let [(address, problem)] = &unseen[..] else {
            panic!("{unseen:?}")
        };
        assert_eq!((address.name.as_str(), problem.code), ("a", Code::Exists));
        assert!(others.keys().eq(["b", "c"]));
    }
}
