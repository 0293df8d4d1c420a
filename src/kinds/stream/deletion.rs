//! Deleting on NATS: what the plan means and nothing that has its name by now.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::answer::life;
use crate::broker::nats::{Answer, Deletion, NatsError};
use crate::kinds::deletion::{another_life, kept};
use crate::model::{Doc, Outcome, Step};

/// How long what was deleted may still show: in a cluster another server may answer than the one that deleted.
const PATIENCE: Duration = Duration::from_secs(10);
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// Reads what a step deletes anew, deletes it where it is what the plan means, and waits until it shows no more. What is gone
/// already is as the plan wants it.
pub(in crate::kinds) async fn delete<R, E>(
    step: &Step,
    read: impl Fn() -> R,
    erase: impl FnOnce() -> E,
) -> Result<Outcome, NatsError>
where
    R: Future<Output = Answer>,
    E: Future<Output = Result<Deletion, NatsError>>,
{
    if let Some(outcome) = kept(step) {
        return Ok(outcome);
    }
    let Some(info) = read().await? else {
        tracing::debug!(address = %step.address, "it was gone already");
        return Ok(Outcome::Applied);
    };
    if let Some(outcome) = another_life(step, life(&info).as_deref()) {
        return Ok(outcome);
    }
    match erase().await? {
        Deletion::Done => Ok(until_gone(&info, read).await),
        Deletion::NotThere => Ok(Outcome::Applied),
    }
}

async fn until_gone<R>(deleted: &Doc, read: impl Fn() -> R) -> Outcome
where
    R: Future<Output = Answer>,
{
    let (started, mut pause) = (Instant::now(), FIRST_PAUSE);
    loop {
        match read().await {
            Ok(Some(info)) if life(&info) == life(deleted) => {}
            Ok(_) => return Outcome::Applied,
            Err(error) => {
                let why = format!("the server deleted it, and it could not be read back: {error}");
                return Outcome::Unknown { why };
            }
        }
        if started.elapsed() > PATIENCE {
            let seconds = PATIENCE.as_secs();
            let why =
                format!("the server deleted it, and it still shows after {seconds} s; plan again");
            return Outcome::Unknown { why };
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::deletion::doomed;
    use serde_json::json;
    use std::cell::{Cell, RefCell};

    /// What comes of a deletion while reads answer so, one after the other, and how many deletions were sent.
    async fn deleted(address: &str, lives: &[Option<&str>]) -> (Outcome, u32) {
        let answers = RefCell::new(lives.iter());
        let read = || {
            let life = answers.borrow_mut().next().copied().flatten();
            let info = |life: &str| json!({ "created": life }).as_object().unwrap().clone();
            std::future::ready(Ok(life.map(info)))
        };
        let sent = Cell::new(0);
        let erase = || {
            sent.set(sent.get() + 1);
            std::future::ready(Ok(Deletion::Done))
        };
        let outcome = delete(&doomed(address, Some("one")), read, erase).await;
        (outcome.unwrap(), sent.get())
    }

    #[tokio::test]
    async fn only_what_the_plan_means_is_deleted() {
        let done = (Outcome::Applied, 1);
        assert_eq!(deleted("stream/S", &[Some("one"), None]).await, done);
        let (gone, sent) = deleted("stream/S", &[None]).await;
        assert_eq!((gone, sent), (Outcome::Applied, 0));
        for (address, life) in [("stream/S", "two"), ("stream/KV_b", "one")] {
            let (outcome, sent) = deleted(address, &[Some(life)]).await;
            assert!(matches!(outcome, Outcome::Failed { .. }), "{outcome:?}");
            assert_eq!(sent, 0, "{address}");
        }
    }

    #[tokio::test]
    async fn it_is_done_when_it_shows_no_more() {
        let slow = [Some("one"), Some("one"), Some("one"), None];
        assert_eq!(deleted("kv/b", &slow).await, (Outcome::Applied, 1));
        let anew = [Some("one"), Some("one"), Some("two")];
        assert_eq!(deleted("kv/b", &anew).await, (Outcome::Applied, 1));
    }
}
