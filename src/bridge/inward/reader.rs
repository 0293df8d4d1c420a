//! The member of the group: a thread that serves its calls, and a task for each partition it has.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::{Offset, TopicPartitionList};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::batches::{self, Next};
use super::partition::{self, Place};
use super::setup::{Setup, Way};
use crate::bridge::fault::{Fault, of_code};
use crate::bridge::gauge::State;
use crate::bridge::route::End;
use crate::bridge::stop::Stop;
use crate::broker::kafka::{Change, RdCode, RdError, Receiver, words};

/// How often the thread looks up from its queue.
const LOOK: Duration = Duration::from_millis(200);

/// How often what is acknowledged is committed.
const COMMIT: Duration = Duration::from_millis(500);

/// How often everything is committed once more.
const COMMIT_ANEW: Duration = Duration::from_secs(20);

/// After how long a member that has no partition stands by.
const JOINED: Duration = Duration::from_secs(5);

/// How long a partition's task may take to finish when the partition goes.
const LET_GO: Duration = Duration::from_secs(10);

/// How often it is looked whether Kafka is back.
const BACK: Duration = Duration::from_secs(3);

/// How many batches are on their way at once.
const BATCHES: usize = 32;

/// How long the position may be asked for when a partition comes.
const FIND: Duration = Duration::from_secs(30);

/// What the partitions' queues hold altogether, and each at least, in bytes.
const HELD: u64 = 32 << 20;
const HELD_LEAST: u64 = 1 << 20;

/// What the thread, the calls of the group and the tasks share.
pub(super) struct Session {
    pub(super) setup: Setup,
    consumer: OnceLock<Weak<Receiver>>,
    runtime: Handle,
    tasks: Mutex<BTreeMap<i32, Running>>,
    /// The offset from which on nothing is acknowledged, by partition, and whether it was committed.
    done: Mutex<BTreeMap<i32, (i64, bool)>>,
    fault: Mutex<Option<Fault>>,
    /// How many batches may be on their way at once: a stream takes 50 (nats-server, `streamDefaultMaxAtomicBatchInflightPerStream`).
    pub(super) batches: Semaphore,
    /// Since when Kafka is known to be away.
    away: Mutex<Option<Instant>>,
}

/// A partition's task.
struct Running {
    stop: Stop,
    task: JoinHandle<()>,
}

/// Reads until somebody asks to stop, or a fault ends it.
pub(super) async fn read(setup: Setup, stop: &Stop) -> Result<End, Fault> {
    let session = Arc::new(Session {
        setup,
        consumer: OnceLock::new(),
        runtime: Handle::current(),
        tasks: Mutex::default(),
        done: Mutex::default(),
        fault: Mutex::default(),
        batches: Semaphore::new(BATCHES),
        away: Mutex::default(),
    });
    let stop = stop.clone();
    let thread = tokio::task::spawn_blocking(move || session.serve(&stop));
    thread
        .await
        .unwrap_or_else(|error| Err(Fault::passing(error.to_string())))
}

impl Session {
    fn serve(self: &Arc<Self>, stop: &Stop) -> Result<End, Fault> {
        let setup = &self.setup;
        let partitions = setup.topic.description.partitions.len().max(1) as u64;
        let held = (HELD / partitions).max(HELD_LEAST);
        let on_change = {
            let session = Arc::downgrade(self);
            Box::new(move |consumer: &Receiver, change: Change<'_>| {
                session
                    .upgrade()
                    .and_then(|session| session.change(consumer, change))
            })
        };
        let consumer = setup
            .route
            .shared
            .kafka
            .member(&setup.group, held, Some(on_change))?;
        let consumer = Arc::new(consumer);
        let _only_once = self.consumer.set(Arc::downgrade(&consumer));
        consumer.subscribe(&[&setup.topic.name])?;
        let ended = self.poll(&consumer, stop);
        self.let_go(None);
        self.commit(&consumer, CommitMode::Sync);
        consumer.unsubscribe();
        drop(consumer);
        ended
    }

    fn poll(&self, consumer: &Receiver, stop: &Stop) -> Result<End, Fault> {
        let begin = Instant::now();
        let mut committed = begin;
        let mut committed_anew = begin;
        while !stop.is_asked() {
            self.setup.pulse.check()?;
            match consumer.poll(LOOK) {
                None => {}
                Some(Ok(_)) => {
                    return Err(Fault::passing("a record came beside its partition's queue"));
                }
                Some(Err(error)) => self.heed(&error)?,
            }
            if let Some(fault) = self.lock_fault().take() {
                return Err(fault);
            }
            // one that panicked has no last word
            if self.lock_tasks().values().any(|it| it.task.is_finished()) {
                return Err(Fault::passing("what moved a partition's records ended"));
            }
            self.look_for_kafka(consumer);
            if begin.elapsed() > JOINED && self.lock_tasks().is_empty() {
                let why = "its group has no partition for this worker";
                self.setup.route.become_(State::Standby, Some(why));
            }
            if consumer.context().take_failed_commit() {
                self.not_committed();
            }
            // a commit that was lost on its way is made good, be there anything new or not
            if committed_anew.elapsed() > COMMIT_ANEW {
                self.not_committed();
                committed_anew = Instant::now();
            }
            if committed.elapsed() > COMMIT {
                self.commit(consumer, CommitMode::Async);
                committed = Instant::now();
            }
        }
        Ok(End::Stopped)
    }

    /// What librdkafka tells beside records: some of it passes by itself.
    pub(super) fn heed(&self, error: &RdError) -> Result<(), Fault> {
        let text = words(error);
        match error.rdkafka_error_code() {
            Some(
                RdCode::AllBrokersDown
                | RdCode::BrokerTransportFailure
                | RdCode::OperationTimedOut
                | RdCode::Resolve,
            ) => {
                self.setup
                    .route
                    .become_(State::Degraded, Some(&format!("Kafka: {text}")));
                self.lock_away().get_or_insert_with(Instant::now);
                Ok(())
            }
            Some(RdCode::OffsetOutOfRange | RdCode::AutoOffsetReset) => {
                let route = &self.setup.route.name;
                Err(Fault::standing(format!(
                    "topic `{}` holds no record any more at the route's position ({text}); `trueup bridge pause {route}`, `trueup bridge reset {route} --to start` and `resume` begin anew with what there is",
                    self.setup.topic.name
                )))
            }
            Some(
                RdCode::UnknownTopicOrPartition | RdCode::UnknownTopic | RdCode::UnknownPartition,
            ) => Err(Fault::standing(format!(
                "topic `{}` is not there any more, or a part of it ({text})",
                self.setup.topic.name
            ))),
            Some(RdCode::TopicAuthorizationFailed) => Err(Fault::standing(format!(
                "the worker's user lacks READ or DESCRIBE on topic `{}` ({text})",
                self.setup.topic.name
            ))),
            Some(RdCode::GroupAuthorizationFailed) => Err(Fault::standing(format!(
                "the worker's user lacks READ on group `{}` ({text})",
                self.setup.group
            ))),
            Some(code) => Err(of_code(code, format!("Kafka: {text}"))),
            None => Err(Fault::passing(format!("Kafka: {text}"))),
        }
    }

    /// Nobody tells that Kafka is back, and a topic where nothing comes does not show it.
    fn look_for_kafka(&self, consumer: &Receiver) {
        let since = *self.lock_away();
        if since.is_none_or(|since| since.elapsed() < BACK) {
            return;
        }
        let topic = Some(self.setup.topic.name.as_str());
        let answer = consumer.fetch_metadata(topic, Duration::from_secs(1));
        *self.lock_away() = answer.is_err().then(Instant::now);
        if answer.is_ok() && !self.lock_tasks().is_empty() {
            self.setup.route.become_(State::Running, None);
        }
    }

    /// How many partitions are ours.
    pub(super) fn partitions(&self) -> usize {
        self.lock_tasks().len()
    }

    /// A task's last word.
    pub(super) fn end(&self, fault: Fault) {
        self.lock_fault().get_or_insert(fault);
    }

    /// Everything of a partition before this offset is acknowledged.
    pub(super) fn done(&self, partition: i32, offset: i64) {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        done.insert(partition, (offset, false));
    }

    fn change(
        self: &Arc<Self>,
        consumer: &Receiver,
        change: Change<'_>,
    ) -> Option<TopicPartitionList> {
        match change {
            Change::Comes(partitions) => Some(self.take_up(consumer, partitions)),
            Change::Goes(partitions) => {
                let indexes: Vec<i32> = partitions
                    .elements()
                    .iter()
                    .map(|place| place.partition())
                    .collect();
                self.let_go(Some(&indexes));
                if !consumer.assignment_lost() {
                    self.commit(consumer, CommitMode::Sync);
                }
                let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
                done.retain(|partition, _| !indexes.contains(partition));
                None
            }
        }
    }

    /// Finds where each partition goes on, and starts its task.
    fn take_up(
        self: &Arc<Self>,
        consumer: &Receiver,
        partitions: &TopicPartitionList,
    ) -> TopicPartitionList {
        let topic = &self.setup.topic.name;
        let mut chosen = TopicPartitionList::new();
        let committed = consumer.committed_offsets(partitions.clone(), FIND);
        let committed = match committed {
            Ok(committed) => committed,
            Err(error) => {
                self.end(Fault::from(error).of("the group's position"));
                return chosen;
            }
        };
        for place in committed.elements() {
            let index = place.partition();
            let found = self.runtime.block_on(tokio::time::timeout(
                FIND,
                self.place(index, place.offset()),
            ));
            let found =
                found.unwrap_or_else(|_| Err(Fault::passing("NATS does not tell the position")));
            let queue = self.consumer.get().and_then(Weak::upgrade);
            let queue = queue.and_then(|consumer| consumer.split_partition_queue(topic, index));
            match (found, queue) {
                (Ok(place), Some(queue)) => {
                    if chosen
                        .add_partition_offset(topic, index, place.begin)
                        .is_ok()
                    {
                        self.start(index, place, queue);
                    }
                }
                (Err(fault), _) => self.end(fault),
                (Ok(_), None) => {
                    self.end(Fault::passing(format!("partition {index} has no queue")))
                }
            }
        }
        let names: Vec<String> = chosen
            .elements()
            .iter()
            .map(|p| p.partition().to_string())
            .collect();
        if !names.is_empty() {
            let (route, label) = (&self.setup.route, self.setup.route.label());
            route.shared.tell(&format!(
                "route/{label}: has partitions {}",
                names.join(", ")
            ));
            route.become_(State::Running, None);
        }
        chosen
    }

    /// Where a partition goes on: behind what stands in the stream, or where the group committed, or with its first record.
    async fn place(&self, partition: i32, committed: Offset) -> Result<Place, Fault> {
        let begin = match committed {
            Offset::Offset(offset) => Offset::Offset(offset),
            _ => Offset::Beginning,
        };
        match self.setup.way {
            Way::Batches | Way::Rounds => Ok(Place { begin, after: 0 }),
            Way::BatchesWithPosition => {
                let position = batches::position(&self.setup, partition).await?;
                let Some((next, after)) = position else {
                    return Ok(Place { begin, after: 0 });
                };
                let begin = match (next, begin) {
                    (Next::Void, begin) => begin,
                    (Next::NotBefore(next), Offset::Offset(committed)) => {
                        Offset::Offset(next.max(committed))
                    }
                    (Next::At(next) | Next::NotBefore(next), _) => Offset::Offset(next),
                };
                Ok(Place { begin, after })
            }
        }
    }

    fn start(self: &Arc<Self>, index: i32, place: Place, queue: partition::Queue) {
        let stop = Stop::default();
        let task = partition::run(Arc::clone(self), index, place, queue, stop.clone());
        let task = self.runtime.spawn(task);
        self.lock_tasks().insert(index, Running { stop, task });
    }

    /// Ends the tasks of these partitions, or of all, and waits for them.
    fn let_go(&self, partitions: Option<&[i32]>) {
        let running: Vec<Running> = {
            let mut tasks = self.lock_tasks();
            let goes = |index: &i32| partitions.is_none_or(|partitions| partitions.contains(index));
            tasks
                .extract_if(.., |index, _| goes(index))
                .map(|(_, running)| running)
                .collect()
        };
        for running in &running {
            running.stop.ask();
        }
        self.runtime.block_on(async {
            let ends = running.into_iter().map(async |mut running: Running| {
                if tokio::time::timeout(LET_GO, &mut running.task)
                    .await
                    .is_err()
                {
                    // its queue must be gone before the consumer is
                    running.task.abort();
                    let _ended = (&mut running.task).await;
                }
            });
            futures::future::join_all(ends).await;
        });
    }

    /// Commits what was acknowledged since.
    fn commit(&self, consumer: &Receiver, mode: CommitMode) {
        let mut places = TopicPartitionList::new();
        {
            let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
            for (partition, (offset, is_committed)) in done.iter_mut() {
                let offset = Offset::Offset(*offset);
                let is_new = matches!(mode, CommitMode::Sync) || !*is_committed;
                if is_new
                    && places
                        .add_partition_offset(&self.setup.topic.name, *partition, offset)
                        .is_ok()
                {
                    *is_committed = true;
                }
            }
        }
        if places.count() == 0 {
            return;
        }
        if let Err(error) = consumer.commit(&places, mode) {
            tracing::debug!(
                error = words(&error),
                group = self.setup.group,
                "not committed"
            );
            self.not_committed();
        }
    }

    /// What was committed last may not be.
    fn not_committed(&self) {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        done.values_mut()
            .for_each(|(_, is_committed)| *is_committed = false);
    }

    fn lock_away(&self) -> MutexGuard<'_, Option<Instant>> {
        self.away.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_fault(&self) -> MutexGuard<'_, Option<Fault>> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_tasks(&self) -> MutexGuard<'_, BTreeMap<i32, Running>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
