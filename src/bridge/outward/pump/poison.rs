//! Messages that can't be written, or not even pulled: what the route says of them.

use tokio::time::Instant;

use super::Pump;
use crate::bridge::fault::Fault;
use crate::bridge::feed::{Unreadable, pass_over};
use crate::bridge::gauge::count;
use crate::bridge::ground::{self, BELIEVED};
use crate::bridge::letters::{Letter, Policy};
use crate::bridge::outward::poison_words;
use crate::bridge::route::End;
use crate::broker::kafka::ToWrite;

/// A message that can't be written.
pub(super) struct Bad<'m> {
    pub(super) sequence: u64,
    pub(super) subject: &'m str,
    pub(super) payload: &'m [u8],
    pub(super) headers: Vec<(String, Option<Vec<u8>>)>,
}

impl Pump<'_> {
    /// Does with a message that can't be pulled what the route says of poison, and takes it for done.
    pub(in crate::bridge::outward) async fn pass_over(
        &mut self,
        next: &Unreadable,
        consumer: &str,
    ) -> Result<End, Fault> {
        if next.sequence > self.setup.after {
            let bad = Bad {
                sequence: next.sequence,
                subject: &next.subject,
                payload: &next.payload,
                headers: next.headers.clone(),
            };
            if let Some(halt) = self.poison(bad, &next.why).await? {
                return Err(halt);
            }
            self.pulled = next.sequence;
            self.open.messages += 1;
            self.commit_with_position().await?;
        }
        let (nats, stream) = (&self.route.shared.nats, &self.setup.stream.name);
        pass_over(nats, stream, consumer, next.sequence).await?;
        Ok(End::Again)
    }

    pub(super) async fn poison(&mut self, bad: Bad<'_>, why: &str) -> Result<Option<Fault>, Fault> {
        let stream = &self.setup.stream.name;
        let what = poison_words(stream, (bad.sequence, bad.subject), why);
        if self.setup.policy == Policy::Stop {
            // it is tried again: what refuses it may be changed by then
            self.suspects.known.remove(&bad.sequence);
            return Ok(Some(Fault::standing(format!(
                "{what}; mend that, or set `on_error` to `dlq` or `skip`"
            ))));
        }
        let letter = Letter {
            route: &self.route.name,
            life: format!("{}/{}", self.route.record.life(), self.setup.stream.created),
            why,
            from: format!("stream/{stream}/{} {}", bad.sequence, bad.subject),
            key: None,
            payload: Some(bad.payload),
            headers: bad.headers,
        };
        self.is_poison_still().await?;
        self.route.tell_poison(&what);
        let gauge = &self.route.gauge;
        match self.setup.policy.clone() {
            Policy::Stop | Policy::Skip => count(&gauge.skipped),
            Policy::ToStream { stream, subject } => {
                letter
                    .publish(&self.route.shared.nats, &stream, &subject)
                    .await?;
                count(&gauge.dead);
            }
            Policy::ToTopic(topic) => {
                let headers = letter.of_record();
                let record = ToWrite {
                    topic: &topic,
                    key: letter.key,
                    value: letter.payload,
                    headers: &headers,
                };
                if let Some(refusal) = self.send(&record, None).await? {
                    return Ok(Some(Fault::standing(format!(
                        "{what}; and dead letters to topic `{topic}`: {refusal}"
                    ))));
                }
                count(&gauge.dead);
            }
        }
        Ok(None)
    }

    /// Whether what the topics take is as it was read; a session that goes by older limits ends before it gives anything up.
    async fn is_poison_still(&mut self) -> Result<(), Fault> {
        if self.setup.read.elapsed() < BELIEVED {
            return Ok(());
        }
        let names: Vec<String> = self
            .setup
            .targets
            .iter()
            .map(|it| it.name.clone())
            .collect();
        let admin = self.route.shared.kafka.admin().await?;
        let now = ground::topics(&admin, &names).await?;
        let before = self.setup.targets.iter();
        match now
            .iter()
            .zip(before)
            .find(|(now, was)| now.limits() != was.limits())
        {
            None => {
                self.setup.read = Instant::now();
                Ok(())
            }
            Some((changed, _)) => Err(Fault::passing(format!(
                "topic `{}` takes other records than before",
                changed.name
            ))),
        }
    }
}
