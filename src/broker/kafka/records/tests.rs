use std::io::Write;

use bytes::{Bytes, BytesMut};
use kafka_protocol::indexmap::IndexMap;
use kafka_protocol::records::{
    Compression, NO_PARTITION_LEADER_EPOCH, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE, Record,
    RecordBatchEncoder, RecordEncodeOptions, TimestampType,
};
use proptest::prelude::*;

use super::*;

/// A batch with these keys from this offset on, as a producer writes it.
fn batch(base: i64, keys: &[Option<&str>]) -> Vec<u8> {
    let record = |(place, key): (usize, &Option<&str>)| Record {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: NO_PARTITION_LEADER_EPOCH,
        producer_id: NO_PRODUCER_ID,
        producer_epoch: NO_PRODUCER_EPOCH,
        timestamp_type: TimestampType::Creation,
        offset: base + i64::try_from(place).unwrap(),
        sequence: NO_SEQUENCE + i32::try_from(place).unwrap(),
        timestamp: 1_700_000_000_000 + i64::try_from(place).unwrap(),
        key: key.map(|key| Bytes::copy_from_slice(key.as_bytes())),
        value: Some(Bytes::from(vec![b'x'; 100])),
        headers: IndexMap::new(),
    };
    let records: Vec<Record> = keys.iter().enumerate().map(record).collect();
    let mut bytes = BytesMut::new();
    let options = RecordEncodeOptions {
        version: 2,
        compression: Compression::None,
    };
    RecordBatchEncoder::encode(&mut bytes, &records, &options).unwrap();
    bytes.to_vec()
}

/// The same batch with its records packed.
fn packed(codec: u8, pack: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let plain = batch(7, &[Some("a"), None, Some("a")]);
    let mut bytes = plain[..HEAD].to_vec();
    bytes.extend(pack(&plain[HEAD..]));
    let length = i32::try_from(bytes.len() - BEFORE_LENGTH).unwrap();
    bytes[8..12].copy_from_slice(&length.to_be_bytes());
    bytes[22] |= codec;
    bytes
}

fn keyed(sample: &Sample) -> Vec<bool> {
    sample.keys.iter().map(Option::is_some).collect()
}

#[test]
fn keys_are_seen_and_none_is_kept() {
    let mut bytes = batch(10, &[Some("a"), None]);
    let first = bytes.len() as u64;
    bytes.extend(batch(12, &[Some("b"), Some("a")]));
    let sample = Sample::read(11, &bytes);
    assert_eq!(keyed(&sample), [false, true, true]);
    assert_eq!((sample.from, sample.to, sample.gap.clone()), (11, 14, None));
    assert!(sample.largest_batch >= first);
    assert_ne!(sample.keys[1], sample.keys[2]);
    let whole = Sample::read(10, &bytes);
    assert_eq!(whole.keys[0], whole.keys[3]);
}

#[test]
fn a_batch_that_is_cut_off_counts_by_its_size_alone() {
    let mut bytes = batch(0, &[Some("a")]);
    let large = batch(1, &[None; 50]);
    bytes.extend(&large[..HEAD + 5]);
    let sample = Sample::read(0, &bytes);
    assert_eq!((sample.to, keyed(&sample)), (1, vec![true]));
    assert_eq!(sample.largest_batch, large.len() as u64);
    assert_eq!(Sample::read(5, &large[..20]).to, 5);
}

#[test]
fn every_way_to_pack_is_read() {
    let gzip = |records: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(records).unwrap();
        encoder.finish().unwrap()
    };
    let lz4 = |records: &[u8]| {
        let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
        encoder.write_all(records).unwrap();
        encoder.finish().unwrap()
    };
    let zstd = |records: &[u8]| {
        let fastest = ruzstd::encoding::CompressionLevel::Fastest;
        ruzstd::encoding::compress_to_vec(records, fastest)
    };
    let bare = |records: &[u8]| snap::raw::Encoder::new().compress_vec(records).unwrap();
    let of_java = |records: &[u8]| {
        let mut bytes = SNAPPY_OF_JAVA.to_vec();
        for part in records.chunks(100) {
            let block = bare(part);
            bytes.extend(u32::try_from(block.len()).unwrap().to_be_bytes());
            bytes.extend(block);
        }
        bytes
    };
    for bytes in [
        packed(1, gzip),
        packed(2, bare),
        packed(2, of_java),
        packed(3, lz4),
        packed(4, zstd),
    ] {
        let sample = Sample::read(7, &bytes);
        assert_eq!(sample.gap, None);
        assert_eq!(keyed(&sample), [true, false, true]);
    }
    let sample = Sample::read(7, &packed(5, <[u8]>::to_vec));
    assert_eq!(sample.keys, []);
    assert!(sample.gap.unwrap().contains("number 5"));
}

#[test]
fn what_unpacks_to_too_much_is_left() {
    let bomb = |_: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&vec![0; 9 * 1024 * 1024]).unwrap();
        encoder.finish().unwrap()
    };
    let sample = Sample::read(7, &packed(1, bomb));
    assert!(sample.gap.unwrap().contains("larger than 8 MiB"));
}

proptest! {
    #[test]
    fn no_bytes_are_fatal(bytes: Vec<u8>, at in 0_usize..200, byte: u8, codec in 0_u8..5) {
        Sample::read(0, &bytes);
        let mut bent = packed(codec, <[u8]>::to_vec);
        if let Some(place) = bent.get_mut(at) {
            *place = byte;
        }
        Sample::read(0, &bent);
    }
}
