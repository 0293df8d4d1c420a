//! Where a group begins that has no position yet, and where one is set to by hand.

use std::time::Duration;

use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::{Offset, TopicPartitionList};

use super::setup::Setup;
use crate::bridge::fault::Fault;
use crate::broker::kafka::{KafkaData, RdCode, RdError, Receiver};
use crate::kinds::route::{Place, RouteSpec, Start};

/// How long each question may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The pause before a group is set again that had members.
const AGAIN: Duration = Duration::from_millis(500);

/// Where to begin, in every partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begin {
    First,
    Next,
    Offset(i64),
    Time(i64),
}

/// Makes the group's position in all partitions, where it has none in any: only then the route's `start` counts. A partition that
/// comes later begins with its first record.
pub(super) async fn settle(setup: &Setup) -> Result<(), Fault> {
    let begin = begin(setup.route.spec())?;
    if begin == Begin::First {
        return Ok(());
    }
    let (data, group) = (setup.route.shared.kafka.clone(), setup.group.clone());
    let topic = setup.topic.name.clone();
    let partitions: Vec<i32> = setup
        .topic
        .description
        .partitions
        .iter()
        .map(|p| p.index)
        .collect();
    let settling =
        tokio::task::spawn_blocking(move || make(&data, &group, &topic, &partitions, begin));
    let made = settling
        .await
        .map_err(|error| Fault::passing(error.to_string()))?;
    made.map_err(|error| Fault::from(error).of("the group's position"))
}

fn begin(spec: &RouteSpec) -> Result<Begin, Fault> {
    if let Some(offset) = spec.start_sequence {
        return Ok(Begin::Offset(offset));
    }
    if let Some(time) = &spec.start_time {
        let time = instant(time).map_err(|fault| fault.of("`start_time`"))?;
        return Ok(Begin::Time(time));
    }
    Ok(match spec.start.unwrap_or_default() {
        Start::All => Begin::First,
        Start::New => Begin::Next,
    })
}

fn make(
    data: &KafkaData,
    group: &str,
    topic: &str,
    partitions: &[i32],
    begin: Begin,
) -> Result<(), RdError> {
    let consumer = data.member(group, 1 << 20, None)?;
    let mut all = TopicPartitionList::new();
    for partition in partitions {
        all.add_partition(topic, *partition);
    }
    let committed = consumer.committed_offsets(all, PATIENCE)?;
    let is_made = |offset| matches!(offset, Offset::Offset(_));
    if committed.elements().iter().any(|it| is_made(it.offset())) {
        return Ok(());
    }
    let places = places(&consumer, topic, partitions, begin)?;
    match consumer.commit(&places, CommitMode::Sync) {
        Ok(()) => Ok(()),
        // somebody else is in the group by now, and made it
        Err(error) => {
            let again = consumer.committed_offsets(places, PATIENCE)?;
            match again.elements().iter().any(|it| is_made(it.offset())) {
                true => Ok(()),
                false => Err(error),
            }
        }
    }
}

/// The offset of each partition where it is to begin.
fn places(
    consumer: &Receiver,
    topic: &str,
    partitions: &[i32],
    begin: Begin,
) -> Result<TopicPartitionList, RdError> {
    let mut places = TopicPartitionList::new();
    for partition in partitions {
        let (first, next) = consumer.fetch_watermarks(topic, *partition, PATIENCE)?;
        let offset = match begin {
            Begin::First => first,
            Begin::Next => next,
            Begin::Offset(offset) => offset.clamp(first, next),
            Begin::Time(time) => {
                let mut asked = TopicPartitionList::new();
                asked.add_partition_offset(topic, *partition, Offset::Offset(time))?;
                let found = consumer.offsets_for_times(asked, PATIENCE)?;
                let found = found.elements().first().map(|place| place.offset());
                match found {
                    Some(Offset::Offset(offset)) => offset,
                    _ => next,
                }
            }
        };
        places.add_partition_offset(topic, *partition, Offset::Offset(offset))?;
    }
    Ok(places)
}

/// Sets a group to another place, and tells the offset of each partition. A group that has members takes no offsets from others:
/// these are waited for so long.
pub(in crate::bridge) fn set(
    data: &KafkaData,
    group: &str,
    topic: &str,
    partitions: &[i32],
    place: &Place,
    patience: Duration,
) -> Result<Vec<(i32, i64)>, Fault> {
    let begin = match place {
        Place::Start => Begin::First,
        Place::End => Begin::Next,
        Place::Sequence(offset) => Begin::Offset(i64::try_from(*offset).unwrap_or(i64::MAX)),
        Place::Time(time) => Begin::Time(instant(time)?),
    };
    let consumer = data.member(group, 1 << 20, None)?;
    let places = places(&consumer, topic, partitions, begin)?;
    let end = std::time::Instant::now() + patience;
    loop {
        let Err(error) = consumer.commit(&places, CommitMode::Sync) else {
            break;
        };
        let has_members = matches!(
            error.rdkafka_error_code(),
            Some(RdCode::UnknownMemberId | RdCode::IllegalGeneration | RdCode::RebalanceInProgress)
        );
        match has_members {
            true if std::time::Instant::now() < end => std::thread::sleep(AGAIN),
            true => return Err(Fault::moved(format!("a member of group `{group}`"))),
            false => return Err(Fault::from(error).of("the group's position")),
        }
    }
    let offset = |place: Offset| place.to_raw().unwrap_or_default();
    let places = places.elements().into_iter();
    Ok(places
        .map(|it| (it.partition(), offset(it.offset())))
        .collect())
}

fn instant(time: &str) -> Result<i64, Fault> {
    let read: Result<jiff::Timestamp, _> = time.parse();
    let unreadable = |error| Fault::standing(format!("`{time}` is no time: {error}"));
    read.map(|time| time.as_millisecond()).map_err(unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_and_a_time_come_before_the_word() {
        let spec = |start, start_sequence, start_time: Option<&str>| RouteSpec {
            start,
            start_sequence,
            start_time: start_time.map(str::to_owned),
            ..RouteSpec::default()
        };
        assert_eq!(begin(&spec(None, None, None)), Ok(Begin::First));
        assert_eq!(begin(&spec(Some(Start::New), None, None)), Ok(Begin::Next));
        assert_eq!(
            begin(&spec(Some(Start::New), Some(7), None)),
            Ok(Begin::Offset(7))
        );
        assert_eq!(
            begin(&spec(None, None, Some("1970-01-01T00:00:01Z"))),
            Ok(Begin::Time(1000))
        );
        assert!(begin(&spec(None, None, Some("noon"))).is_err());
    }
}
