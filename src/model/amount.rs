//! Numbers and sizes for people, as evidence tells them.

/// A number with its thousands apart: `1,204,331`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// So many of something: `no messages`, `1 message`, `1,204 messages`.
pub fn counted(number: u64, what: &str) -> String {
    match number {
        0 => format!("no {what}s"),
        1 => format!("1 {what}"),
        many => format!("{} {what}s", grouped(many)),
    }
}

/// A size to two or three digits, in powers of ten: `812 MB`.
pub fn rough_size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    #[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
    let mut size = bytes as f64 / 1000.0;
    let mut units = UNITS.iter();
    let mut unit = units.next();
    while size >= 999.5
        && let Some(next) = units.next()
    {
        (size, unit) = (size / 1000.0, Some(next));
    }
    let unit = unit.copied().unwrap_or_default();
    match size < 9.95 {
        true => format!("{size:.1} {unit}"),
        false => format!("{size:.0} {unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (1_204_331, "1,204,331"),
        ] {
            assert_eq!(grouped(number), text);
        }
        assert_eq!(grouped(u64::MAX), "18,446,744,073,709,551,615");
        assert_eq!(counted(0, "message"), "no messages");
        assert_eq!(counted(1, "message"), "1 message");
        assert_eq!(counted(88_120, "record"), "88,120 records");
    }

    #[test]
    fn sizes_are_rough() {
        for (bytes, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (9_960, "10 kB"),
            (999_600, "1.0 MB"),
            (812_000_000, "812 MB"),
            (1_250_000_000, "1.2 GB"),
            (u64::MAX, "18 EB"),
        ] {
            assert_eq!(rough_size(bytes), text, "{bytes}");
        }
    }
}
