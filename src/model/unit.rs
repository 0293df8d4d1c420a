//! Durations and sizes: the one parser and the one writer of each.

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

/// What is written only, beside [`DURATIONS`], from large to small.
const LONGER: [(&str, i128); 2] = [("y", 365 * DAY), ("w", 7 * DAY)];

/// Some 20,000 years: a number beyond stands for "ever" and is said as a number.
const LONGEST: i128 = 7_304_484 * DAY;

/// Numbers with their units, each smaller than the one before.
fn parse_duration(text: &str, unit: i128) -> Result<i64, String> {
    let text = text.trim();
    let wrong = || format!("`{text}` is not a duration");
    let finer = || format!("`{text}` is finer than the broker's unit");
    let beyond = || format!("`{text}` is beyond the broker's range");
    let (mut rest, mut nanos, mut before) = (text, 0i128, i128::MAX);
    while !rest.is_empty() || before == i128::MAX {
        let (number, behind) = rest.split_at(end_of(rest, is_of_number));
        let (word, behind) = behind
            .trim_start()
            .split_at_checked(end_of(behind.trim_start(), |c| c.is_ascii_alphabetic()))
            .ok_or_else(wrong)?;
        let mut units = LONGER.iter().chain(&DURATIONS);
        let (_, size) = units.find(|(known, _)| *known == word).ok_or_else(wrong)?;
        if *size >= before {
            return Err(wrong());
        }
        let decimal = Decimal::read(number).ok_or_else(wrong)?;
        let part = decimal.of(*size).ok_or_else(beyond)?.ok_or_else(finer)?;
        nanos = nanos.checked_add(part).ok_or_else(beyond)?;
        (rest, before) = (behind.trim_start(), *size);
    }
    if nanos > LONGEST {
        return Err(beyond());
    }
    if nanos % unit != 0 {
        return Err(finer());
    }
    i64::try_from(nanos / unit).map_err(|_| beyond())
}

/// A number as it is written, `1.5`: its digits and how many of them are a fraction.
struct Decimal {
    digits: i128,
    fraction: u32,
}

impl Decimal {
    /// None for what is no number, or one of more digits than any quantity has.
    fn read(text: &str) -> Option<Decimal> {
        const MOST_DIGITS: usize = 30;
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        let fits = is_digits(whole) && is_digits(fraction) && text.len() <= MOST_DIGITS;
        let digits = fits.then(|| format!("{whole}{fraction}"))?;
        Some(Decimal {
            digits: digits.parse().ok()?,
            fraction: u32::try_from(fraction.len()).ok()?,
        })
    }

    /// So many of a unit of this size: outer none beyond what can be counted, inner none where that
    /// is no whole number.
    fn of(&self, size: i128) -> Option<Option<i128>> {
        let parts = self.digits.checked_mul(size)?;
        let in_one = 10i128.checked_pow(self.fraction)?;
        Some((parts % in_one == 0).then_some(parts / in_one))
    }
}

fn is_of_number(c: char) -> bool {
    c.is_ascii_digit() || c == '.'
}

/// Where the first signs of this sort end.
fn end_of(text: &str, sort: impl Fn(char) -> bool) -> usize {
    text.find(|c| !sort(c)).unwrap_or(text.len())
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
    let beyond = || format!("`{text}` is beyond the broker's range");
    let has_unit = text.ends_with(['B', 'b']) && text.starts_with(|c: char| c.is_ascii_digit());
    if !has_unit {
        return Err(wrong());
    }
    let (number, unit) = text.split_at(end_of(text, is_of_number));
    let one: bytesize::ByteSize = format!("1{}", unit.trim()).parse().map_err(|_| wrong())?;
    let decimal = Decimal::read(number).ok_or_else(wrong)?;
    let bytes = decimal.of(i128::from(one.as_u64()));
    let bytes = bytes.ok_or_else(beyond)?;
    let bytes = bytes.ok_or_else(|| format!("`{text}` is no whole number of bytes"))?;
    i64::try_from(bytes).map_err(|_| beyond())
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
            ("1h 30m", 5400 * second),
            ("1.5h", 5400 * second),
            ("1.5d", 129_600 * second),
            ("0.5w", 302_400 * second),
            ("1.5y", 47_304_000 * second),
            ("1d 0.5h", 88_200 * second),
        ] {
            assert_eq!(Unit::Nanos.parse(text), Ok(nanos), "{text}");
        }
        for (text, bytes) in [
            ("512B", 512),
            ("64KiB", 65_536),
            ("10GiB", 10 << 30),
            ("10MB", 10_000_000),
            ("1.5GiB", 3 << 29),
            ("0.5 KiB", 512),
            ("8191PiB", 8191 << 50),
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
        for text in [
            "",
            "7",
            "7dd",
            "7 parsecs",
            "-7d",
            "PT1H",
            "1mo",
            "d",
            "1m1h",
            "1h1h",
            "1..5h",
            "1.h",
            ".5h",
            "0.5ns",
            "1.0000000001s",
            "999999999y",
            "1h30",
        ] {
            assert!(Unit::Nanos.parse(text).is_err(), "{text}");
        }
        for text in [
            "",
            "10",
            "10G",
            "GiB",
            "10XiB",
            "-1B",
            "0.9B",
            "1.0001KiB",
            "8192PiB",
            "1.2.3KiB",
        ] {
            assert!(Unit::Bytes.parse(text).is_err(), "{text}");
        }
        assert!(Unit::Millis.parse("1us").is_err());
        let ever = Unit::Millis.format(i64::MAX);
        assert!(Unit::Millis.parse(&ever).is_err(), "{ever}");
        let rounded = Unit::Bytes.parse("0.9B").unwrap_err();
        assert_eq!(rounded, "`0.9B` is no whole number of bytes");
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
