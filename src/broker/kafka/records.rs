//! A look into record batches: which records have a key, and how large the batches are. Values are not kept, and a key only
//! as its hash.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Read;

/// What the records behind an offset show.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sample {
    /// The offset that it begins at.
    pub from: i64,
    /// The offset behind the last batch that was read whole; `from` where there was none.
    pub to: i64,
    /// A hash of each record's key, none for a record without one; what marks the ends of transactions is left out.
    pub keys: Vec<Option<u64>>,
    /// The time of the first record of the first batch, in ms since 1970: of one at or just before `from`.
    pub first_time: Option<i64>,
    /// The largest batch in bytes, as `max.message.bytes` counts it; one that was cut off counts as well.
    pub largest_batch: u64,
    /// Why keys are missing from it, where some are.
    pub gap: Option<String>,
}

/// The head of a batch of format 2 (KIP-98), which every supported broker writes.
const HEAD: usize = 61;

/// What is before the length of a batch, and the length itself.
const BEFORE_LENGTH: usize = 12;

/// More than this is not unpacked of one batch: what a broker of default settings takes is 1 MiB before it is packed.
const MOST_UNPACKED: u64 = 8 * 1024 * 1024;

impl Sample {
    /// Reads batches as a broker sends them: the first may begin before `from`, the last may be cut off.
    pub(crate) fn read(from: i64, mut bytes: &[u8]) -> Sample {
        let mut sample = Sample {
            from,
            to: from,
            ..Sample::default()
        };
        while let Some(batch) = Batch::head(bytes) {
            let size = batch.extent.size;
            sample.largest_batch = sample.largest_batch.max(size as u64);
            let Some(whole) = bytes.get(..size) else {
                break;
            };
            sample.add(&batch, whole);
            bytes = bytes.get(size..).unwrap_or_default();
        }
        sample
    }

    /// The same with what was read behind it.
    pub(crate) fn followed_by(mut self, next: &Sample) -> Sample {
        self.to = self.to.max(next.to);
        self.keys.extend(&next.keys);
        self.first_time = self.first_time.or(next.first_time);
        self.largest_batch = self.largest_batch.max(next.largest_batch);
        self.gap = self.gap.or_else(|| next.gap.clone());
        self
    }

    fn add(&mut self, batch: &Batch, whole: &[u8]) {
        self.to = self.to.max(batch.extent.last.saturating_add(1));
        if batch.is_control {
            return;
        }
        self.first_time = self.first_time.or(Some(batch.time));
        let packed = whole.get(HEAD..).unwrap_or_default();
        let keys = unpacked(batch.codec, packed).and_then(|records| batch.keys(&records));
        match keys {
            Ok(keys) => {
                let ours = keys.into_iter().filter(|(offset, _)| *offset >= self.from);
                self.keys.extend(ours.map(|(_, key)| key));
            }
            Err(why) => self.gap = Some(why),
        }
    }
}

/// Which offsets a batch of format 2 covers, and how large it is.
pub(super) struct Extent {
    /// The offset of its first record.
    base: i64,
    /// That of its last one; compaction may have left fewer records than lie between.
    pub(super) last: i64,
    /// Its bytes.
    pub(super) size: usize,
}

impl Extent {
    /// That of the batch that begins here, be it whole or not; none where too little of it is there.
    pub(super) fn of(bytes: &[u8]) -> Option<Extent> {
        let base = number::<8>(bytes, 0)?;
        let length = usize::try_from(number::<4>(bytes, 8)?).ok()?;
        Some(Extent {
            base,
            last: base.saturating_add(number::<4>(bytes, 23)?),
            size: length.checked_add(BEFORE_LENGTH)?,
        })
    }
}

/// What the head of a batch says.
struct Batch {
    extent: Extent,
    codec: i16,
    is_control: bool,
    /// Of its first record, in ms since 1970.
    time: i64,
    count: i32,
}

impl Batch {
    /// The head of the batch that begins here; none where the bytes end before it does, or it is of an older format.
    fn head(bytes: &[u8]) -> Option<Batch> {
        let head = bytes.get(..HEAD)?;
        let extent = Extent::of(head)?;
        if extent.size < HEAD || head.get(16) != Some(&2) {
            return None;
        }
        let attributes = number::<2>(head, 21)?;
        Some(Batch {
            extent,
            codec: i16::try_from(attributes & 0b111).ok()?,
            is_control: attributes & 0b10_0000 != 0,
            time: number::<8>(head, 27)?,
            count: i32::try_from(number::<4>(head, 57)?).ok()?,
        })
    }

    /// The offset and the key of each record.
    fn keys(&self, records: &[u8]) -> Result<Vec<(i64, Option<u64>)>, String> {
        let mut rest = Cursor(records);
        let mut keys = Vec::new();
        for _ in 0..self.count {
            let key = rest.record(self.extent.base);
            keys.push(key.ok_or("a batch ends before its records do")?);
        }
        Ok(keys)
    }
}

/// A number of so many bytes, the highest first.
fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<i64> {
    let bytes = bytes.get(at..at + N)?;
    let sign = if bytes.first()? & 0x80 == 0 { 0 } else { -1 };
    let push = |sum: i64, byte: &u8| (sum << 8) | i64::from(*byte);
    Some(bytes.iter().fold(sign, push))
}

/// What is left of the records of a batch.
struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn record(&mut self, base: i64) -> Option<(i64, Option<u64>)> {
        let length = self.length()?;
        let record = self.0.get(..length)?;
        self.0 = self.0.get(length..)?;
        // one byte of attributes stands before the times
        let mut fields = Cursor(record.get(1..)?);
        fields.varint()?;
        let offset = base.checked_add(fields.varint()?)?;
        let key = match fields.varint()? {
            ..0 => None,
            length => Some(hash(fields.0.get(..usize::try_from(length).ok()?)?)),
        };
        Some((offset, key))
    }

    fn length(&mut self) -> Option<usize> {
        usize::try_from(self.varint()?).ok()
    }

    /// Seven bits a byte, the lowest first, the sign in the lowest bit of all.
    fn varint(&mut self) -> Option<i64> {
        let mut sum = 0_u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            sum |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some((sum >> 1).cast_signed() ^ -(sum & 1).cast_signed());
            }
        }
        None
    }
}

fn hash(key: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

/// The records of a batch, by how the producer packed them (`CompressionType` of Kafka).
fn unpacked(codec: i16, packed: &[u8]) -> Result<Vec<u8>, String> {
    match codec {
        0 => Ok(packed.to_vec()),
        1 => bounded(flate2::read::GzDecoder::new(packed)),
        2 => snappy(packed),
        3 => bounded(lz4_flex::frame::FrameDecoder::new(packed)),
        4 => match ruzstd::decoding::StreamingDecoder::new(packed) {
            Ok(decoder) => bounded(decoder),
            Err(error) => Err(unreadable(&error)),
        },
        other => Err(format!("they are compressed in a way of number {other}")),
    }
}

fn bounded(packed: impl Read) -> Result<Vec<u8>, String> {
    let mut records = Vec::new();
    let mut packed = packed.take(MOST_UNPACKED + 1);
    packed
        .read_to_end(&mut records)
        .map_err(|error| unreadable(&error))?;
    within(records.len()).map(|()| records)
}

fn within(size: usize) -> Result<(), String> {
    match size as u64 > MOST_UNPACKED {
        true => Err("a batch is larger than 8 MiB when unpacked".to_owned()),
        false => Ok(()),
    }
}

/// How Java's snappy begins: blocks follow, each behind its length. Other clients send one bare block.
const SNAPPY_OF_JAVA: &[u8] = b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01";

fn snappy(packed: &[u8]) -> Result<Vec<u8>, String> {
    let Some(mut blocks) = packed.strip_prefix(SNAPPY_OF_JAVA) else {
        return block(packed, 0);
    };
    let mut records = Vec::new();
    while !blocks.is_empty() {
        let length = number::<4>(blocks, 0).and_then(|length| usize::try_from(length).ok());
        let ends = length.and_then(|length| length.checked_add(4));
        let whole = ends.and_then(|end| Some((blocks.get(4..end)?, blocks.get(end..)?)));
        let (packed, rest) = whole.ok_or("a batch ends within a block")?;
        records.extend(block(packed, records.len())?);
        blocks = rest;
    }
    Ok(records)
}

fn block(packed: &[u8], before: usize) -> Result<Vec<u8>, String> {
    let size = snap::raw::decompress_len(packed).map_err(|error| unreadable(&error))?;
    within(before.saturating_add(size))?;
    let mut decoder = snap::raw::Decoder::new();
    let records = decoder.decompress_vec(packed);
    records.map_err(|error| unreadable(&error))
}

fn unreadable(error: &dyn std::fmt::Display) -> String {
    format!("a batch could not be unpacked: {error}")
}

#[cfg(test)]
mod tests;
