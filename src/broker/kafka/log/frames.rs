//! Batches of records, on the wire and off.

use std::collections::HashSet;

use bytes::{Bytes, BytesMut};
use indexmap::IndexMap;
use kafka_protocol::messages::fetch_response::AbortedTransaction;
use kafka_protocol::records::{
    Compression, NO_PARTITION_LEADER_EPOCH, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE, Record,
    RecordBatchDecoder, RecordBatchEncoder, RecordEncodeOptions, TimestampType,
};

use crate::broker::kafka::records::Extent;

/// A record: the latest of its key counts, and one without a value takes the key away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Where it is.
    pub offset: i64,
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: Option<Bytes>,
}

/// Who writes a batch in a transaction, and the how manieth record of this epoch it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signature {
    pub producer_id: i64,
    pub epoch: i16,
    pub sequence: i32,
}

/// What an answer holds.
#[derive(Debug, Default)]
pub(super) struct Frames {
    pub entries: Vec<Entry>,
    /// The offset behind the last whole batch; None where there is none.
    pub next: Option<i64>,
}

/// One record as a batch.
pub(super) fn encode(
    key: &str,
    value: Option<&[u8]>,
    by: Option<Signature>,
) -> Result<Bytes, String> {
    let record = Record {
        transactional: by.is_some(),
        control: false,
        delete_horizon: false,
        partition_leader_epoch: NO_PARTITION_LEADER_EPOCH,
        producer_id: by.map_or(NO_PRODUCER_ID, |by| by.producer_id),
        producer_epoch: by.map_or(NO_PRODUCER_EPOCH, |by| by.epoch),
        timestamp_type: TimestampType::Creation,
        offset: 0,
        sequence: by.map_or(NO_SEQUENCE, |by| by.sequence),
        timestamp: jiff::Timestamp::now().as_millisecond(),
        key: Some(Bytes::copy_from_slice(key.as_bytes())),
        value: value.map(Bytes::copy_from_slice),
        headers: IndexMap::new(),
    };
    let options = RecordEncodeOptions {
        version: 2,
        compression: Compression::None,
    };
    let mut batch = BytesMut::new();
    let encoded = RecordBatchEncoder::encode(&mut batch, [&record], &options);
    encoded.map_err(|error| error.to_string())?;
    Ok(batch.freeze())
}

/// The records of the batches from an offset on, without those of transactions that were given up. A last batch that
/// is not whole is left for the next answer.
pub(super) fn decode(
    mut bytes: Bytes,
    from: i64,
    mut aborted: Vec<AbortedTransaction>,
) -> Result<Frames, String> {
    aborted.sort_by_key(|aborted| std::cmp::Reverse(aborted.first_offset));
    let mut given_up = HashSet::new();
    let mut frames = Frames::default();
    while let Some((mut frame, last)) = cut(&mut bytes) {
        while let Some(begun) = aborted.pop_if(|aborted| aborted.first_offset <= last) {
            given_up.insert(begun.producer_id.0);
        }
        let set = RecordBatchDecoder::decode(&mut frame).map_err(|error| error.to_string())?;
        for record in set.records {
            match (record.control, record.transactional) {
                // the end of a transaction, of one that was given up, too
                (true, _) => _ = given_up.remove(&record.producer_id),
                (false, true) if given_up.contains(&record.producer_id) => {}
                (false, _) if record.offset < from => {}
                (false, _) => frames.entries.extend(entry(record)),
            }
        }
        frames.next = Some(last.saturating_add(1));
    }
    Ok(frames)
}

/// Takes the first batch off, where it is whole, with the offset of its last record.
fn cut(bytes: &mut Bytes) -> Option<(Bytes, i64)> {
    let Extent { size, last, .. } = Extent::of(bytes)?;
    (size <= bytes.len()).then(|| (bytes.split_to(size), last))
}

/// None for a key that is none of ours.
fn entry(record: Record) -> Option<Entry> {
    let key = String::from_utf8(record.key?.into()).ok()?;
    Some(Entry {
        offset: record.offset,
        key,
        value: record.value,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use kafka_protocol::messages::ProducerId;

    fn at(offset: i64, batch: &Bytes) -> Vec<u8> {
        let mut batch = batch.to_vec();
        batch[..8].copy_from_slice(&offset.to_be_bytes());
        batch
    }

    fn by(producer_id: i64) -> Option<Signature> {
        Some(Signature {
            producer_id,
            epoch: 1,
            sequence: 0,
        })
    }

    /// A marker is a control batch, whose bit and checksum are set by hand.
    fn marker(offset: i64, producer_id: i64) -> Vec<u8> {
        let record = Record {
            transactional: true,
            control: true,
            delete_horizon: false,
            partition_leader_epoch: 0,
            producer_id,
            producer_epoch: 1,
            timestamp_type: TimestampType::Creation,
            offset: 0,
            sequence: NO_SEQUENCE,
            timestamp: 0,
            key: Some(Bytes::from_static(&[0, 0, 0, 0])),
            value: Some(Bytes::from_static(&[0; 6])),
            headers: IndexMap::new(),
        };
        let options = RecordEncodeOptions {
            version: 2,
            compression: Compression::None,
        };
        let mut batch = BytesMut::new();
        RecordBatchEncoder::encode(&mut batch, [&record], &options).unwrap();
        at(offset, &batch.freeze())
    }

    fn keys(frames: &Frames) -> Vec<(i64, &str)> {
        let entries = frames.entries.iter();
        entries.map(|e| (e.offset, e.key.as_str())).collect()
    }

    #[test]
    fn what_is_written_is_read_and_a_cut_batch_is_left() {
        let first = encode("a", Some(b"1"), by(7)).unwrap();
        let second = encode("b", None, None).unwrap();
        let mut bytes = at(5, &first);
        bytes.extend(at(6, &second));
        let whole = decode(bytes.clone().into(), 0, Vec::new()).unwrap();
        assert_eq!(keys(&whole), [(5, "a"), (6, "b")]);
        assert_eq!(whole.entries[0].value.as_deref(), Some(&b"1"[..]));
        assert_eq!(
            (whole.entries[1].value.as_ref(), whole.next),
            (None, Some(7))
        );
        bytes.pop();
        let cut = decode(bytes.clone().into(), 0, Vec::new()).unwrap();
        assert_eq!((keys(&cut), cut.next), (vec![(5, "a")], Some(6)));
        let later = decode(at(5, &first).into(), 6, Vec::new()).unwrap();
        assert_eq!((later.entries.len(), later.next), (0, Some(6)));
    }

    #[test]
    fn what_was_given_up_is_not_read_and_what_its_writer_wrote_after_is() {
        let mut bytes = at(0, &encode("lost", Some(b"1"), by(7)).unwrap());
        bytes.extend(at(1, &encode("other", Some(b"1"), by(8)).unwrap()));
        bytes.extend(marker(2, 7));
        bytes.extend(at(3, &encode("kept", Some(b"2"), by(7)).unwrap()));
        let aborted = AbortedTransaction::default()
            .with_producer_id(ProducerId(7))
            .with_first_offset(0);
        let read = decode(bytes.into(), 0, vec![aborted]).unwrap();
        assert_eq!(keys(&read), [(1, "other"), (3, "kept")]);
    }
}
