//! What the kinds on Kafka share: the client, its failures in the plan's words, and waiting until
//! a change is visible.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::{Live, Observations, Observed};
use crate::broker::Brokers;
use crate::broker::kafka::{Fate, ItemError, Kafka, KafkaError, Operation};
use crate::model::{Address, Code, Flat, Outcome, Problem, Refusal, Step};

/// The connected cluster.
pub(super) fn client(brokers: &Brokers) -> Result<&Kafka, Problem> {
    brokers.kafka.as_ref().ok_or_else(|| {
        Problem::error(Code::Unreachable, "kafka is not connected")
            .hint("name the cluster in `connections.kafka`, or set `KAFKA_BROKERS`")
    })
}

/// The same refusal for every step, when the broker could not be asked at all.
pub(super) fn refuse_all(steps: &[&Step], problem: &Problem) -> Vec<(Address, Refusal)> {
    let hint = problem.hint.as_deref().unwrap_or(problem.code.way_out());
    let refusal = Refusal::new(problem.code, &problem.message, hint);
    steps
        .iter()
        .map(|step| (step.address.clone(), refusal.clone()))
        .collect()
}

/// Every step with its outcome; applied, where nothing else is said.
pub(super) fn each(
    steps: &[&Step],
    mut outcomes: HashMap<Address, Outcome>,
) -> Vec<(Address, Outcome)> {
    let outcome = |step: &&Step| {
        let outcome = outcomes.remove(&step.address).unwrap_or(Outcome::Applied);
        (step.address.clone(), outcome)
    };
    steps.iter().map(outcome).collect()
}

/// A resource that has neither an id nor a time of making.
pub(super) fn live_by_name(fields: Flat) -> Live {
    Live {
        raw: fields
            .iter()
            .map(|(path, value)| (path.clone(), value.clone()))
            .collect(),
        fields,
        incarnation: None,
        inherited: Arc::default(),
    }
}

/// The refusal of every step, where a right on the cluster is known to lack.
pub(super) async fn refused_without(
    kafka: &Kafka,
    steps: &[&Step],
    operation: Operation,
    right: &str,
) -> Vec<(Address, Refusal)> {
    let denied = || Problem::error(Code::Denied, needs(right)).hint(Code::Denied.way_out());
    match kafka.cluster().await {
        Err(error) => refuse_all(steps, &error.problem()),
        Ok(cluster) => match cluster.authorized_operations {
            Some(rights) if !rights.contains(&operation) => refuse_all(steps, &denied()),
            Some(_) | None => Vec::new(),
        },
    }
}

/// The same for every step, when nothing could be sent.
pub(super) fn not_attempted(steps: &[&Step], because: &str) -> Vec<(Address, Outcome)> {
    let outcome = Outcome::NotAttempted {
        because: because.to_owned(),
    };
    steps
        .iter()
        .map(|step| (step.address.clone(), outcome.clone()))
        .collect()
}

/// The same problem for every address, when nothing could be read.
pub(super) fn unreadable(addresses: &[Address], problem: &Problem) -> Observations {
    let of = |address: &Address| Observed::Unreadable(problem.clone().about(address));
    addresses
        .iter()
        .map(|address| (address.clone(), of(address)))
        .collect()
}

/// Whether a release (`3.9`, `4.3+`) came before another.
pub(super) fn is_before(release: &str, other: &str) -> bool {
    let numbers = |text: &str| {
        let parts = text.trim_end_matches('+').split('.');
        let numbers: Option<Vec<u32>> = parts.map(|part| part.parse().ok()).collect();
        numbers
    };
    match (numbers(release), numbers(other)) {
        (Some(release), Some(other)) => release < other,
        (_, _) => false,
    }
}

/// A name as one part of an address between slashes: `%` and `/` are percent-encoded.
pub(super) fn encoded(field: &str) -> Cow<'_, str> {
    match field.contains(['%', '/']) {
        true => field.replace('%', "%25").replace('/', "%2F").into(),
        false => field.into(),
    }
}

/// The name that such a part stands for.
pub(super) fn decoded(field: &str) -> Cow<'_, str> {
    if !field.contains('%') {
        return field.into();
    }
    let decoded = field.replace("%2F", "/").replace("%2f", "/");
    decoded.replace("%25", "%").into()
}

/// A right that an error says is missing, as a message.
pub(super) fn needs(right: &str) -> String {
    format!("needs {right}")
}

/// An item's error as an outcome; `right` is the one that an authorization error speaks of.
pub(super) fn outcome(error: &ItemError, right: &str) -> Outcome {
    let why = match is_denial(error) {
        true => format!(
            "{} ({}); `trueup doctor` lists the rights",
            needs(right),
            error.name
        ),
        false => error.to_string(),
    };
    match error.fate {
        Fate::Refused => Outcome::Failed { why },
        Fate::Unknown => Outcome::Unknown { why },
        Fate::NotSent => Outcome::NotAttempted { because: why },
    }
}

/// Whether an item's error says that a right is missing.
pub(super) fn is_denial(error: &ItemError) -> bool {
    error.problem_code() == Code::Denied
}

/// Why a step may not be carried out: what it rests on is not what is there now.
pub(super) fn moved(step: &Step, observed: &Observed) -> Option<Outcome> {
    let failed = |why: &str| {
        Some(Outcome::Failed {
            why: why.to_owned(),
        })
    };
    match observed {
        Observed::Absent => failed("deleted since the plan was made; plan again"),
        Observed::Present(live) if live.incarnation != step.base.incarnation => {
            failed("deleted and made anew since the plan was made; plan again")
        }
        Observed::Present(live) if Some(live.fingerprint()) != step.base.fingerprint => {
            failed("changed since the plan was made; plan again")
        }
        Observed::Present(_) => None,
        Observed::Unreadable(problem) => Some(Outcome::NotAttempted {
            because: format!("it can't be read now: {}", problem.message),
        }),
    }
}

/// `UNKNOWN_TOPIC_OR_PARTITION`.
pub(super) const UNKNOWN_TOPIC: i16 = 3;
/// `UNKNOWN_TOPIC_ID`.
pub(super) const UNKNOWN_TOPIC_ID: i16 = 100;
/// `TOPIC_ALREADY_EXISTS`.
pub(super) const TOPIC_EXISTS: i16 = 36;

const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// How long to wait for so many items.
///
/// A broker shows nothing new while it still opens the logs of topics made before, whoever made
/// them: measured on a slow machine, 47 s behind 1,000 creations.
pub(super) fn patience(items: usize) -> Duration {
    let items = u32::try_from(items).unwrap_or(u32::MAX);
    Duration::from_secs(180) + Duration::from_millis(50).saturating_mul(items)
}

/// For how long every look may fail before the cluster is given up: long enough for a broker that
/// restarts its listener, short enough for whoever waits: with the pause and the command's own end,
/// a broker that was killed is given up within 10 s.
const SILENCE: Duration = Duration::from_secs(8);

/// What did not become visible in time, and the last failure to look.
pub(super) struct Unseen<T> {
    pub(super) items: Vec<T>,
    pub(super) failure: Option<KafkaError>,
}

/// Looks again and again, with growing pauses, for what is not visible yet. `look` gives back what
/// is still to wait for.
///
/// A broker applies changes in their order, so that one read right behind a batch proves nothing.
/// A cluster that can't be read for [`SILENCE`] is given up.
pub(super) async fn until_visible<T, F>(
    mut items: Vec<T>,
    allowed: Duration,
    look: impl Fn(Vec<T>) -> F,
) -> Unseen<T>
where
    T: Clone,
    F: Future<Output = Result<Vec<T>, KafkaError>>,
{
    let (started, mut pause, mut failure) = (Instant::now(), FIRST_PAUSE, None);
    let mut last_seen = started;
    while !items.is_empty() {
        match look(items.clone()).await {
            Ok(left) => (items, failure, last_seen) = (left, None, Instant::now()),
            Err(error) => failure = Some(error),
        }
        if items.is_empty() || started.elapsed() > allowed || last_seen.elapsed() > SILENCE {
            break;
        }
        tracing::debug!(waiting_for = items.len(), "not visible yet");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    Unseen { items, failure }
}

/// Why an item that the broker took is not known to be there.
pub(super) fn unseen(allowed: Duration, failure: Option<&KafkaError>) -> Outcome {
    let seconds = allowed.as_secs();
    Outcome::Unknown {
        why: match failure {
            Some(error) => format!("the broker took it, and it could not be read back: {error}"),
            None => {
                format!("the broker took it, and it was not visible after {seconds} s; plan again")
            }
        },
    }
}

/// Why an item that the broker deleted is not known to be gone.
pub(super) fn still_seen(allowed: Duration, failure: Option<&KafkaError>) -> Outcome {
    let seconds = allowed.as_secs();
    Outcome::Unknown {
        why: match failure {
            Some(error) => {
                format!("the broker deleted it, and it could not be read back: {error}")
            }
            None => {
                format!("the broker deleted it, and it still shows after {seconds} s; plan again")
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_compare_as_numbers() {
        assert!(is_before("3.9", "4.1") && is_before("4.1", "4.10"));
        assert!(!is_before("4.3+", "4.3") && !is_before("?", "4.3"));
    }

    #[test]
    fn a_missing_right_is_one_line_with_the_way_out() {
        let denied = ItemError {
            code: 31,
            name: "CLUSTER_AUTHORIZATION_FAILED",
            message: None,
            fate: Fate::Refused,
        };
        let Outcome::Failed { why } = outcome(&denied, "ALTER on the cluster") else {
            panic!("{denied}")
        };
        assert_eq!(
            why,
            "needs ALTER on the cluster (CLUSTER_AUTHORIZATION_FAILED); `trueup doctor` lists the rights"
        );
    }

    #[tokio::test]
    async fn a_cluster_that_is_gone_is_given_up() {
        let started = Instant::now();
        let gone = || KafkaError::ConnectionRefused {
            broker: "127.0.0.1:1".to_owned(),
        };
        let unseen = until_visible(vec![1, 2], Duration::from_secs(3600), |_| async move {
            Err(gone())
        })
        .await;
        assert_eq!(unseen.items, [1, 2]);
        assert!(unseen.failure.is_some());
        assert!(started.elapsed() >= SILENCE);
    }

    #[tokio::test]
    async fn a_look_that_fails_once_ends_nothing() {
        let looks = std::sync::atomic::AtomicUsize::new(0);
        let unseen = until_visible(vec![1], Duration::from_secs(3600), |_| async {
            match looks.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
                0 => Ok(vec![1]),
                1 => Err(KafkaError::ConnectionRefused {
                    broker: "127.0.0.1:1".to_owned(),
                }),
                _ => Ok(Vec::new()),
            }
        })
        .await;
        assert!(unseen.items.is_empty() && unseen.failure.is_none());
    }
}
