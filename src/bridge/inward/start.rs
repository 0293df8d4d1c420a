//! Where a group begins that has no position yet.

use std::time::Duration;

use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::{Offset, TopicPartitionList};

use super::setup::Setup;
use crate::bridge::fault::Fault;
use crate::broker::kafka::{KafkaData, RdError};
use crate::kinds::route::{RouteSpec, Start};

/// How long each question may take.
const PATIENCE: Duration = Duration::from_secs(10);

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
        let read: Result<jiff::Timestamp, _> = time.parse();
        let unreadable = |error| Fault::standing(format!("`start_time: {time}`: {error}"));
        return read
            .map(|time| Begin::Time(time.as_millisecond()))
            .map_err(unreadable);
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
    if committed
        .elements()
        .iter()
        .any(|place| matches!(place.offset(), Offset::Offset(_)))
    {
        return Ok(());
    }
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
    match consumer.commit(&places, CommitMode::Sync) {
        Ok(()) => Ok(()),
        // somebody else is in the group by now, and made it
        Err(error) => {
            let again = consumer.committed_offsets(places, PATIENCE)?;
            let is_made = |offset| matches!(offset, Offset::Offset(_));
            match again.elements().iter().any(|place| is_made(place.offset())) {
                true => Ok(()),
                false => Err(error),
            }
        }
    }
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
