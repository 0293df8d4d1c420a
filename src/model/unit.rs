//! Durations and sizes: the one parser and the one writer of each.

use jiff::Span;

/// What a number of the wire counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Nanoseconds (JetStream's durations).
    Nanos,
    /// Milliseconds (Kafka's durations).
    Millis,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
}

impl Unit {
    /// Reads `text` into a number of this unit.
    ///
    /// # Errors
    /// Says what is wrong with the text when it is no duration or size, is finer than the unit
    /// can tell, or is beyond 64 bits.
    pub fn parse(self, text: &str) -> Result<i64, String> {
        match self.nanos() {
            Some(nanos) => parse_duration(text, nanos),
            None => parse_size(text),
        }
    }

    /// Writes a number of this unit so that [`Unit::parse`] gives it back exactly.
    pub fn format(self, number: i64) -> String {
        match self.nanos() {
            Some(nanos) => format_duration(i128::from(number) * nanos),
            None => format_size(number),
        }
    }

    /// Nanoseconds in one of this unit; none for sizes.
    const fn nanos(self) -> Option<i128> {
        match self {
            Unit::Nanos => Some(1),
            Unit::Millis => Some(1_000_000),
            Unit::Seconds => Some(1_000_000_000),
            Unit::Bytes => None,
        }
    }
}

const DAY: i128 = 86_400_000_000_000;

/// Units from large to small, each with its nanoseconds; a year counts 365 days.
const DURATIONS: [(&str, i128); 7] = [
    ("d", DAY),
    ("h", DAY / 24),
    ("m", DAY / 1440),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

fn parse_duration(text: &str, unit: i128) -> Result<i64, String> {
    let text = text.trim();
    let span: Span = text
        .parse()
        .map_err(|_| format!("`{text}` is not a duration"))?;
    if text.starts_with(['P', 'p', '-', '+']) || span.get_months() != 0 || span.is_negative() {
        return Err(format!("`{text}` is not a duration"));
    }
    let nanos = span_nanos(&span);
    if nanos % unit != 0 {
        return Err(format!("`{text}` is finer than the broker's unit"));
    }
    i64::try_from(nanos / unit).map_err(|_| format!("`{text}` is beyond the broker's range"))
}

fn span_nanos(span: &Span) -> i128 {
    let days = i128::from(span.get_years()) * 365
        + i128::from(span.get_weeks()) * 7
        + i128::from(span.get_days());
    days * DAY
        + i128::from(span.get_hours()) * (DAY / 24)
        + i128::from(span.get_minutes()) * (DAY / 1440)
        + i128::from(span.get_seconds()) * 1_000_000_000
        + i128::from(span.get_milliseconds()) * 1_000_000
        + i128::from(span.get_microseconds()) * 1_000
        + i128::from(span.get_nanoseconds())
}

fn format_duration(nanos: i128) -> String {
    if nanos == 0 {
        return "0s".to_owned();
    }
    if let Some((unit, size)) = DURATIONS.iter().find(|(_, size)| nanos % size == 0) {
        let number = nanos / size;
        if number < 1000 || *unit == "d" {
            return format!("{number}{unit}");
        }
    }
    let mut rest = nanos;
    let mut text = String::new();
    for (unit, size) in DURATIONS {
        if rest / size != 0 {
            text.push_str(&format!("{}{unit}", rest / size));
            rest %= size;
        }
    }
    text
}

const SIZES: [(&str, i64); 6] = [
    ("PiB", 1 << 50),
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("B", 1),
];

fn parse_size(text: &str) -> Result<i64, String> {
    let text = text.trim();
    let wrong = || format!("`{text}` is not a size");
    let has_unit = text.ends_with(['B', 'b']) && text.starts_with(|c: char| c.is_ascii_digit());
    if !has_unit {
        return Err(wrong());
    }
    let size: bytesize::ByteSize = text.parse().map_err(|_| wrong())?;
    i64::try_from(size.as_u64()).map_err(|_| format!("`{text}` is beyond the broker's range"))
}

fn format_size(bytes: i64) -> String {
    SIZES
        .iter()
        .find(|(_, size)| bytes != 0 && bytes % size == 0)
        .map_or_else(
            || format!("{bytes}B"),
            |(unit, size)| format!("{}{unit}", bytes / size),
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_designs_examples_read() {
        let second = 1_000_000_000;
        for (text, nanos) in [
            ("500ms", second / 2),
            ("30s", 30 * second),
            ("2m", 120 * second),
            ("7d", 604_800 * second),
            ("1y", 31_536_000 * second),
            ("1h30m", 5400 * second),
        ] {
            assert_eq!(Unit::Nanos.parse(text), Ok(nanos), "{text}");
        }
        for (text, bytes) in [
            ("512B", 512),
            ("64KiB", 65_536),
            ("10GiB", 10 << 30),
            ("10MB", 10_000_000),
        ] {
            assert_eq!(Unit::Bytes.parse(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn the_same_span_is_the_same_number() {
        for text in ["7d", "168h", "604800s", "1w"] {
            assert_eq!(Unit::Millis.parse(text), Ok(604_800_000), "{text}");
        }
    }

    #[test]
    fn rubbish_is_refused() {
        for text in ["", "7", "7dd", "7 parsecs", "-7d", "PT1H", "1mo", "d"] {
            assert!(Unit::Nanos.parse(text).is_err(), "{text}");
        }
        for text in ["", "10", "10G", "GiB", "10XiB", "-1B"] {
            assert!(Unit::Bytes.parse(text).is_err(), "{text}");
        }
        assert!(Unit::Millis.parse("1us").is_err());
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(number in 0..i64::MAX, small in 0..100_000i64) {
            for unit in [Unit::Nanos, Unit::Bytes] {
                prop_assert_eq!(unit.parse(&unit.format(small)), Ok(small));
            }
            prop_assert_eq!(Unit::Nanos.parse(&Unit::Nanos.format(number)), Ok(number));
        }
    }
}
