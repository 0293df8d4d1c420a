use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Address, Broker, Code, Harm, Risk, Source, counted, grouped, rough_size};

/// Consent to one risk of one resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Approval {
    /// Which risk.
    pub risk: Code,
    /// Of which resource.
    pub address: Address,
    /// How many messages or records may be lost at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<u64>,
    /// How many bytes may be lost at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<u64>,
    /// What a manifest says beside it; none for `--approve`, which is of one command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<Terms>,
}

/// Where, why and until when a manifest consents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Terms {
    /// Where it is written.
    pub source: Source,
    /// Why: a ticket, a decision.
    pub reason: String,
    /// When it ends.
    pub expires: Expiry,
}

impl Approval {
    /// Whether it is about this risk of this resource.
    pub fn is_of(&self, risk: &Risk, address: &Address) -> bool {
        self.risk == risk.code && self.address == *address
    }

    /// Whether its end has come.
    pub fn is_over(&self, now: Timestamp) -> bool {
        let terms = self.terms.as_ref();
        terms.is_some_and(|terms| terms.expires.is_over(now))
    }

    /// Whether it holds for a risk that it is about.
    ///
    /// # Errors
    /// Why it does not, in words. What nobody could count never is within a bound.
    pub fn holds(&self, risk: &Risk, now: Timestamp) -> Result<(), String> {
        if let Some(terms) = self
            .terms
            .as_ref()
            .filter(|terms| terms.expires.is_over(now))
        {
            return Err(format!("it ended with {}", terms.expires));
        }
        let what = match self.address.kind.broker() {
            Broker::Nats => "message",
            Broker::Kafka => "record",
        };
        if let Some(max) = self.max {
            within(risk.at_stake, max, &format!("{what}s"), grouped)?;
        }
        if let Some(max) = self.max_bytes {
            within(risk.bytes_at_stake, max, "bytes", rough_size)?;
        }
        let is_bounded = self.max.is_some() || self.max_bytes.is_some();
        match (is_bounded || self.terms.is_none(), risk.at_stake) {
            (false, Some(count)) if count > 0 => {
                let is_are = if count == 1 { "is" } else { "are" };
                let lost = counted(count, what);
                Err(format!(
                    "it has no bound, and {lost} {is_are} at stake; give it `max_{what}s`"
                ))
            }
            (false, None) if risk.harm == Harm::Critical => {
                Err("it has no bound, and nobody knows how much is at stake".to_owned())
            }
            (_, _) => Ok(()),
        }
    }
}

fn within(
    at_stake: Option<u64>,
    max: u64,
    what: &str,
    shown: impl Fn(u64) -> String,
) -> Result<(), String> {
    match at_stake {
        Some(count) if count <= max => Ok(()),
        // a rough size may read the same on both sides
        Some(count) if shown(count) == shown(max) => Err(format!(
            "{} {what} are at stake, more than its bound of {}",
            grouped(count),
            grouped(max)
        )),
        Some(count) => Err(format!(
            "{} are at stake, more than its bound of {}",
            said(count, what, &shown),
            shown(max)
        )),
        None => Err(format!(
            "it is bounded to {}, and nobody knows how many {what} are at stake",
            shown(max)
        )),
    }
}

fn said(count: u64, what: &str, shown: impl Fn(u64) -> String) -> String {
    match what {
        "bytes" => shown(count),
        what => format!("{} {what}", shown(count)),
    }
}

impl fmt::Display for Approval {
    /// Who consents: `--approve`, or `platform.yaml:12 (GDPR-114, until 2026-12-31)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.terms {
            None => f.write_str("--approve"),
            Some(Terms {
                source: Source { file, line },
                reason,
                expires,
            }) => write!(f, "{file}:{line} ({reason}, until {expires})"),
        }
    }
}

/// When an approval ends: with a day of UTC, or at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// It holds through this day.
    Day(Date),
    /// It holds before this instant.
    Instant(Timestamp),
}

impl Expiry {
    /// Whether it has come.
    pub fn is_over(self, now: Timestamp) -> bool {
        match self {
            Expiry::Day(day) => now.to_zoned(TimeZone::UTC).date() > day,
            Expiry::Instant(end) => now >= end,
        }
    }
}

impl fmt::Display for Expiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Expiry::Day(day) => day.fmt(f),
            Expiry::Instant(end) => end.fmt(f),
        }
    }
}

/// A text that is neither a day nor an instant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no day and no instant; write `2026-12-31` or `2026-12-31T18:00:00Z`")]
pub struct ExpiryError(String);

impl FromStr for Expiry {
    type Err = ExpiryError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // a civil date would also be read out of the front of an instant without a zone
        let is_day = text.len() == "2026-12-31".len();
        let day = text.parse().ok().filter(|_| is_day).map(Expiry::Day);
        let instant = || text.parse().ok().map(Expiry::Instant);
        day.or_else(instant)
            .ok_or_else(|| ExpiryError(text.to_owned()))
    }
}

by_text!(
    Expiry,
    "a day, through which it holds in UTC, or an instant in RFC 3339"
);

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn risk(harm: Harm, at_stake: Option<u64>, bytes_at_stake: Option<u64>) -> Risk {
        Risk {
            at_stake,
            bytes_at_stake,
            ..Risk::of(Code::TopicDeleted, harm, "")
        }
    }

    fn declared(max: Option<u64>, max_bytes: Option<u64>) -> Approval {
        Approval {
            risk: Code::TopicDeleted,
            address: "topic/t".parse().unwrap(),
            max,
            max_bytes,
            terms: Some(Terms {
                source: Source {
                    file: "a.yaml".to_owned(),
                    line: 12,
                },
                reason: "GDPR-114".to_owned(),
                expires: "2026-12-31".parse().unwrap(),
            }),
        }
    }

    #[test]
    fn an_end_is_the_end_of_a_day_or_an_instant() {
        for (end, now, is_over) in [
            ("2026-12-31", "2026-12-31T23:59:59Z", false),
            ("2026-12-31", "2027-01-01T00:00:00Z", true),
            ("2026-12-31T18:00:00Z", "2026-12-31T17:59:59Z", false),
            ("2026-12-31T18:00:00+01:00", "2026-12-31T17:00:00Z", true),
        ] {
            let expiry: Expiry = end.parse().unwrap();
            assert_eq!(expiry.is_over(at(now)), is_over, "{end} at {now}");
        }
        for rubbish in ["", "tomorrow", "2026-13-01", "2026-12-31T18:00:00", "7d"] {
            assert!(rubbish.parse::<Expiry>().is_err(), "{rubbish}");
        }
        let kept: Expiry = serde_json::from_str("\"2026-12-31\"").unwrap();
        assert_eq!(serde_json::to_string(&kept).unwrap(), "\"2026-12-31\"");
    }

    #[test]
    fn a_bound_holds_what_is_known_to_be_within() {
        let now = at("2026-06-01T00:00:00Z");
        let critical = |count, bytes| risk(Harm::Critical, count, bytes);
        let two_million = || declared(Some(2_000_000), None);
        for (approval, risk, why) in [
            (two_million(), critical(Some(2_000_000), None), ""),
            (
                two_million(),
                critical(Some(2_100_000), None),
                "2,100,000 records are at stake, more than its bound of 2,000,000",
            ),
            (
                two_million(),
                critical(None, Some(1)),
                "it is bounded to 2,000,000, and nobody knows how many records are at stake",
            ),
            (
                declared(Some(9), Some(1_000_000)),
                critical(Some(1), Some(2_000_000)),
                "2.0 MB are at stake, more than its bound of 1.0 MB",
            ),
            (
                declared(None, Some(1_000_000)),
                critical(Some(1), Some(1_000_001)),
                "1,000,001 bytes are at stake, more than its bound of 1,000,000",
            ),
            (
                declared(None, Some(1_000_000)),
                critical(Some(1), None),
                "it is bounded to 1.0 MB, and nobody knows how many bytes are at stake",
            ),
            (
                declared(None, None),
                critical(Some(1), None),
                "it has no bound, and 1 record is at stake; give it `max_records`",
            ),
            (declared(None, None), critical(Some(0), None), ""),
            (
                declared(None, None),
                critical(None, None),
                "it has no bound, and nobody knows how much is at stake",
            ),
            (declared(None, None), risk(Harm::High, None, None), ""),
        ] {
            let held = approval.holds(&risk, now);
            assert_eq!(held.err().unwrap_or_default(), why, "{approval:?}");
        }
    }

    #[test]
    fn an_approval_of_the_command_line_is_as_wide_as_it_was_typed() {
        let now = at("2026-06-01T00:00:00Z");
        let typed = |max| Approval {
            terms: None,
            ..declared(max, None)
        };
        let much = risk(Harm::Critical, Some(9), None);
        let unknown = risk(Harm::Critical, None, None);
        assert_eq!(typed(None).holds(&much, now), Ok(()));
        assert_eq!(typed(None).holds(&unknown, now), Ok(()));
        assert!(typed(Some(8)).holds(&much, now).is_err());
        assert!(typed(Some(8)).holds(&unknown, now).is_err());
        assert_eq!(typed(None).to_string(), "--approve");
    }

    #[test]
    fn what_has_ended_does_not_hold() {
        let approval = declared(Some(9), None);
        let late = approval.holds(
            &risk(Harm::Critical, Some(1), None),
            at("2027-01-01T00:00:00Z"),
        );
        assert_eq!(late, Err("it ended with 2026-12-31".to_owned()));
        assert_eq!(
            approval.to_string(),
            "a.yaml:12 (GDPR-114, until 2026-12-31)"
        );
    }
}
