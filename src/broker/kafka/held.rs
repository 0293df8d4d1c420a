//! Changes that the cluster holds back for a while: who makes many of them has a quota (`controller_mutation_rate`, KIP-599).

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::batch::Results;
use super::error::{ItemError, KafkaError};

/// `THROTTLING_QUOTA_EXCEEDED`: nothing was done with the item, and it may be sent again when the time is over that the answer
/// tells.
const HELD_BACK: i16 = 89;

impl ItemError {
    /// Whether a quota on changes holds it back.
    pub(crate) fn is_held_back(&self) -> bool {
        self.code == HELD_BACK
    }
}

/// For how long nothing may get through before that is told as a failure.
const AT_MOST: Duration = Duration::from_secs(600);

/// The least that is waited between two requests, and from when on a wait is told.
const LEAST: Duration = Duration::from_millis(100);
const TOLD: Duration = Duration::from_secs(2);

/// What an answer says of each item, and for how long the broker holds this user back.
pub(crate) type Answered = (Results, Duration);

/// Sends items, and those that are held back again when their time has come, until every one has another answer. What is only
/// asked is sent once: it counts against the quota, too.
pub(crate) async fn within_quota<T, F>(
    items: Vec<T>,
    only_asks: bool,
    send: impl Fn(Vec<T>) -> F,
) -> Result<Results, KafkaError>
where
    T: Clone,
    F: Future<Output = Result<Answered, KafkaError>>,
{
    let (mut results, mut wait) = send(items.clone()).await?;
    let mut in_vain = Duration::ZERO;
    loop {
        let held = held_back(&results);
        if only_asks || held.is_empty() || in_vain > AT_MOST {
            return Ok(results);
        }
        let pause = wait.max(LEAST);
        tell(held.len(), pause);
        sleep(pause).await;
        let again = held.iter().map(|at| items[*at].clone()).collect();
        match send(again).await {
            Ok((answers, next)) => {
                for (at, answer) in held.iter().zip(answers) {
                    results[*at] = answer;
                }
                wait = next;
            }
            Err(error) => {
                for at in &held {
                    results[*at] = Err(ItemError::unanswered(&error));
                }
                return Ok(results);
            }
        }
        in_vain = match held_back(&results).len() < held.len() {
            true => Duration::ZERO,
            false => in_vain + pause,
        };
    }
}

fn held_back(results: &Results) -> Vec<usize> {
    let is_held =
        |result: &Result<(), ItemError>| result.as_ref().is_err_and(ItemError::is_held_back);
    let places = results.iter().enumerate();
    let held = places.filter(|(_, result)| is_held(result));
    held.map(|(at, _)| at).collect()
}

/// How often somebody is told that reading is held back.
const NEWS: Duration = Duration::from_secs(10);

static TOLD_OF_READING: Mutex<Option<Instant>> = Mutex::new(None);

/// Tells now and then that a quota holds reading back: many small waits add up to minutes.
pub(crate) fn tell_reading(pause: Duration) {
    let mut last = TOLD_OF_READING
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    if last.is_some_and(|last| last.elapsed() < NEWS) {
        return;
    }
    let is_first = last.replace(Instant::now()).is_none();
    if !is_first || pause >= TOLD {
        tracing::warn!(
            target: "trueup::waiting",
            "a quota on this client (`consumer_byte_rate`) holds reading from Kafka back"
        );
    }
}

fn tell(count: usize, pause: Duration) {
    if pause >= TOLD {
        tracing::warn!(
            target: "trueup::waiting",
            "the cluster's quota for changes (`controller_mutation_rate`) holds {count} back for {} s",
            pause.as_secs()
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held() -> Result<(), ItemError> {
        Err(ItemError::refused(HELD_BACK, None))
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_held_back_is_sent_again_and_nothing_else() {
        let sent = Mutex::new(Vec::new());
        let results = within_quota(vec![1, 2, 3], false, |items: Vec<i32>| {
            let mut sent = sent.lock().unwrap();
            let is_first = sent.is_empty();
            sent.push(items.clone());
            let of = move |item: i32| match (is_first, item) {
                (true, 1) => Ok(()),
                (false, 3) => Err(ItemError::refused(40, None)),
                (true, _) => held(),
                (false, _) => Ok(()),
            };
            let answers: Results = items.into_iter().map(of).collect();
            async move { Ok((answers, Duration::from_secs(5))) }
        });
        let results = results.await.unwrap();
        assert_eq!(*sent.lock().unwrap(), [vec![1, 2, 3], vec![2, 3]]);
        assert_eq!(results[..2], [Ok(()), Ok(())]);
        assert_eq!(results[2].as_ref().unwrap_err().code, 40);
    }

    #[tokio::test(start_paused = true)]
    async fn what_never_gets_through_is_told_in_the_end() {
        let results = within_quota(vec![1], false, |_: Vec<i32>| async {
            Ok((vec![held()], Duration::from_secs(60)))
        });
        assert_eq!(results.await.unwrap(), [held()]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_in_between_leaves_what_was_done() {
        let is_first = Mutex::new(true);
        let results = within_quota(vec![1, 2], false, |_: Vec<i32>| {
            let first = std::mem::replace(&mut *is_first.lock().unwrap(), false);
            async move {
                match first {
                    true => Ok((vec![Ok(()), held()], Duration::ZERO)),
                    false => Err(KafkaError::ConnectionRefused {
                        broker: "b:1".into(),
                    }),
                }
            }
        });
        let results = results.await.unwrap();
        assert_eq!(results[0], Ok(()));
        assert_eq!(results[1].as_ref().unwrap_err().name, "NOT_SENT");
    }
}
