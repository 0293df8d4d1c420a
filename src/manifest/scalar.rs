//! What a plain scalar means: YAML 1.2's core schema, with everything that looks odd left text.

use super::node::Value;

/// The value of a scalar without quotes.
///
/// `no`, `on`, `0o17`, `0x1f`, `1_000`, `007`, `.inf` and dates are text.
pub(super) fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ => number(text).unwrap_or_else(|| Value::Text(text.into())),
    }
}

fn number(text: &str) -> Option<Value> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    if digits.bytes().all(|b| b.is_ascii_digit()) {
        let leading_zero = digits.len() > 1 && digits.starts_with('0');
        return (!leading_zero).then(|| {
            text.parse()
                .map_or_else(|_| Value::Number(text.into()), Value::Integer)
        });
    }
    is_float(digits).then(|| Value::Number(text.into()))
}

/// `[0-9]+(\.[0-9]*)?([eE][-+]?[0-9]+)?` or the same beginning with the point.
fn is_float(digits: &str) -> bool {
    let (mantissa, exponent) = match digits.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (digits, None),
    };
    let all_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let leading_zero = whole.len() > 1 && whole.starts_with('0');
    let exponent_reads = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        !digits.is_empty() && all_digits(digits)
    });
    !leading_zero
        && all_digits(whole)
        && all_digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent_reads
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_odd_is_text() {
        for text in [
            "no",
            "on",
            "y",
            "yes",
            "off",
            "0o17",
            "0x1f",
            "1_000",
            "007",
            "-01",
            ".",
            "-",
            "+",
            "1.2.3",
            "2026-01-31",
            "12:30:45",
            ".inf",
            ".nan",
            "1e",
            "7d",
            "10GiB",
            "00.5",
        ] {
            assert!(matches!(plain(text), Value::Text(_)), "{text}");
        }
    }

    #[test]
    fn numbers_words_and_nothing() {
        for (text, number) in [("0", 0), ("-1", -1), ("+5", 5), ("604800000", 604_800_000)] {
            assert!(
                matches!(plain(text), Value::Integer(n) if n == number),
                "{text}"
            );
        }
        for text in ["1.5", ".5", "1e3", "5.", "-0.25", "18446744073709551615"] {
            assert!(matches!(plain(text), Value::Number(_)), "{text}");
        }
        for text in ["", "~", "null"] {
            assert!(matches!(plain(text), Value::Null), "{text}");
        }
        assert!(matches!(plain("True"), Value::Bool(true)));
    }
}
