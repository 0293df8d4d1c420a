//! Splitting work into requests, keeping some in flight, and putting the results together again.

use std::sync::{Mutex, PoisonError};

use futures::{StreamExt, TryStreamExt, stream};

use super::error::{ItemError, KafkaError};

/// The controller refuses a request that would write more than 10,000 records (KAFKA-17870: `POLICY_VIOLATION`); a topic, a
/// partition, a config and an ACL is a record each. What stays below is kept for what a broker adds by itself.
pub(crate) const RECORDS_PER_REQUEST: usize = 9_000;

/// Topics per describe request: an answer stays within a few MB.
pub(crate) const TOPICS_PER_DESCRIBE: usize = 1_000;

/// Requests in flight that change something. A broker carries out one after the other; the second hides the way there.
const WRITES_IN_FLIGHT: usize = 2;

/// Requests in flight that only read.
pub(crate) const READS_IN_FLIGHT: usize = 4;

/// Slices of `items` that weigh `limit` at most; an item that is heavier goes alone.
pub(crate) fn split<T>(items: &[T], limit: usize, weight: impl Fn(&T) -> usize) -> Vec<&[T]> {
    let mut slices = Vec::new();
    let mut rest = items;
    while !rest.is_empty() {
        let mut sum = 0;
        let fits = rest.iter().take_while(|item| {
            sum += weight(item);
            sum <= limit
        });
        let (slice, behind) = rest.split_at(fits.count().max(1));
        slices.push(slice);
        rest = behind;
    }
    slices
}

/// Reads every slice, some at a time; the answers come in the order of the slices, the first failure ends it.
pub(crate) async fn read<T, A, F>(
    slices: Vec<&[T]>,
    in_flight: usize,
    ask: impl Fn(Vec<T>) -> F,
) -> Result<Vec<A>, KafkaError>
where
    T: Clone,
    F: Future<Output = Result<A, KafkaError>>,
{
    let asks: Vec<F> = slices
        .into_iter()
        .map(|slice| ask(slice.to_vec()))
        .collect();
    stream::iter(asks).buffered(in_flight).try_collect().await
}

/// What became of each item of a request.
pub(crate) type Results = Vec<Result<(), ItemError>>;

/// Changes every slice, some at a time; the results come in the order of the items.
///
/// After the first failure of a whole request nothing more is sent. The items of a request whose answer was lost are
/// `Unknown`, those of a request that was never sent are `NotSent`. When nothing at all was sent, the failure itself comes back.
pub(crate) async fn write<T, F>(
    slices: Vec<&[T]>,
    send: impl Fn(Vec<T>) -> F,
) -> Result<Results, KafkaError>
where
    T: Clone,
    F: Future<Output = Result<Results, KafkaError>>,
{
    let failure: Mutex<Option<KafkaError>> = Mutex::new(None);
    let failed = || failure.lock().unwrap_or_else(PoisonError::into_inner);
    let (failed, send) = (&failed, &send);
    let sends: Vec<_> = slices
        .iter()
        .map(|slice| async move {
            let earlier = failed().clone();
            if let Some(earlier) = earlier {
                return Err(not_sent_after(earlier, slice.len()));
            }
            send(slice.to_vec()).await.map_err(|error| {
                failed().get_or_insert(error.clone());
                unanswered(&error, slice.len())
            })
        })
        .collect();
    let results: Vec<Result<Results, Results>> = stream::iter(sends)
        .buffered(WRITES_IN_FLIGHT)
        .collect()
        .await;
    let first_failure = failed().clone();
    match first_failure {
        Some(error) if !error.is_outcome_unknown() && results.iter().all(never_sent) => Err(error),
        Some(_) | None => Ok(results
            .into_iter()
            .flat_map(|part| part.unwrap_or_else(|failed| failed))
            .collect()),
    }
}

fn unanswered(error: &KafkaError, count: usize) -> Results {
    vec![Err(ItemError::unanswered(error)); count]
}

/// What was held back after a failure was not sent, whatever became of the one that failed.
fn not_sent_after(earlier: KafkaError, count: usize) -> Results {
    vec![Err(ItemError::held_back(&earlier)); count]
}

fn never_sent(part: &Result<Results, Results>) -> bool {
    let not_sent = |result: &Result<(), ItemError>| {
        result
            .as_ref()
            .is_err_and(|error| error.fate == super::error::Fate::NotSent)
    };
    part.as_ref()
        .is_err_and(|results| results.iter().all(not_sent))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::kafka::Fate;

    fn lost() -> KafkaError {
        KafkaError::AnswerLost {
            broker: "b:1".into(),
            request: "CreateTopics",
            cause: "closed".into(),
        }
    }

    #[test]
    fn slices_stay_below_the_limit_and_keep_the_order() {
        let weights = [3, 3, 3, 20, 1, 9, 1];
        let slices = split(&weights, 10, |weight| *weight);
        assert_eq!(slices, [&[3, 3, 3][..], &[20], &[1, 9], &[1]]);
        assert!(split(&[] as &[usize], 10, |_| 1).is_empty());
    }

    #[tokio::test]
    async fn a_lost_answer_is_unknown_and_what_follows_is_not_sent() {
        let items = [1, 2, 3, 4];
        let results = write(split(&items, 1, |_| 1), |slice: Vec<i32>| async move {
            if slice[0] == 2 {
                Err(lost())
            } else {
                Ok(vec![Ok(()); slice.len()])
            }
        });
        let fates: Vec<Option<Fate>> = results
            .await
            .unwrap()
            .into_iter()
            .map(|result| result.err().map(|error| error.fate))
            .collect();
        assert_eq!(fates[0..2], [None, Some(Fate::Unknown)]);
        assert_eq!(fates[3], Some(Fate::NotSent));
    }

    #[tokio::test]
    async fn nothing_sent_is_the_failure_itself() {
        let refused = || KafkaError::ConnectionRefused {
            broker: "b:1".into(),
        };
        let results = write(split(&[1, 2, 3], 1, |_| 1), |_: Vec<i32>| async move {
            Err(refused())
        })
        .await;
        assert!(matches!(results, Err(KafkaError::ConnectionRefused { .. })));
    }
}
