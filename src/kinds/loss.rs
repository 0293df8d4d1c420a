//! What a step costs: evidence in words, and the harm that follows from it.

use std::time::Duration;

use crate::model::{Action, Code, Harm, Risk, Step, counted, grouped, rough_size};

/// What was read, or why it could not be.
pub(super) type Read<T> = Result<T, String>;

/// The deletions among these steps: only they cost what this room looks at.
pub(super) fn deletions<'s>(steps: &[&'s Step]) -> Vec<&'s Step> {
    let steps = steps.iter().copied();
    steps.filter(|step| step.action == Action::Delete).collect()
}

/// What something with data in it holds, and who reads it.
#[derive(Clone, Debug)]
pub(super) struct Holdings {
    /// What it is made of: `message`, `record`.
    pub(super) what: &'static str,
    pub(super) count: Read<u64>,
    pub(super) bytes: Read<u64>,
    /// How bad it is where it holds nothing: somebody else may hang on it.
    pub(super) least: Harm,
    /// What else is worth knowing, each a clause.
    pub(super) clauses: Vec<String>,
}

impl Holdings {
    /// What is lost with all of it. The count decides: what nobody could count is as bad as data.
    pub(super) fn risk(&self, code: Code) -> Risk {
        let harm = match self.count {
            Ok(0) => self.least,
            Ok(_) | Err(_) => Harm::Critical,
        };
        let clauses = std::iter::once(self.holds()).chain(self.clauses.iter().cloned());
        let evidence = clauses.collect::<Vec<_>>().join("; ");
        let count = self.count.as_ref().ok().copied();
        Risk {
            bytes_at_stake: self.bytes.as_ref().ok().copied(),
            ..risk(code, harm, evidence, count)
        }
    }

    fn holds(&self) -> String {
        let what = self.what;
        match (&self.count, &self.bytes) {
            (Err(why), _) => unread(&format!("how many {what}s it holds"), why),
            (Ok(0), _) => format!("holds {}", counted(0, what)),
            (Ok(count), Ok(bytes)) => {
                format!("holds {} ({})", counted(*count, what), rough_size(*bytes))
            }
            (Ok(count), Err(why)) => {
                let size = unread("how large they are", why);
                format!("holds {}; {size}", counted(*count, what))
            }
        }
    }
}

/// What a rule found of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) harm: Harm,
    pub(super) evidence: String,
    pub(super) at_stake: Option<u64>,
}

impl Finding {
    /// So bad, for these reasons, of as many messages or records as nobody counted.
    pub(super) fn of(harm: Harm, clauses: impl IntoIterator<Item = String>) -> Finding {
        let clauses: Vec<String> = clauses.into_iter().collect();
        Finding {
            harm,
            evidence: clauses.join("; "),
            at_stake: None,
        }
    }

    /// One that costs no message.
    pub(super) fn keeping(harm: Harm, evidence: impl Into<String>) -> Finding {
        Finding::of(harm, [evidence.into()]).at_stake(0)
    }

    /// The same, of so many that are lost.
    pub(super) fn at_stake(self, lost: u64) -> Finding {
        Finding {
            at_stake: Some(lost),
            ..self
        }
    }

    /// The risk that it makes of a rule's field.
    pub(super) fn risk(self, code: Code, field: Option<String>) -> Risk {
        Risk {
            field,
            ..risk(code, self.harm, self.evidence, self.at_stake)
        }
    }
}

/// How bad it is that what is there is kept for a shorter time than before, none being for ever: whoever counted on it has to
/// be asked where that is at most a tenth of it, or below an hour and at most half of it.
pub(super) fn of_sooner(before: Option<Duration>, after: Option<Duration>) -> Harm {
    const SHORT: Duration = Duration::from_secs(3_600);
    let Some(after) = after else {
        return Harm::Low;
    };
    let is_within = |part: u32| before.is_none_or(|before| after.saturating_mul(part) <= before);
    match is_within(10) || (after < SHORT && is_within(2)) {
        true => Harm::High,
        false => Harm::Medium,
    }
}

/// What is there and kept for a shorter time from now on.
#[derive(Debug)]
pub(super) struct Sooner {
    /// How many.
    pub(super) rest: u64,
    /// What one of them is called.
    pub(super) what: &'static str,
    /// What one of them does, and what several do: `expires`, `expire`.
    pub(super) does: [&'static str; 2],
    /// How long it is kept, in words.
    pub(super) within: String,
    /// How long it was, in words; none for ever.
    pub(super) before: Option<String>,
    /// How bad that is.
    pub(super) harm: Harm,
}

impl Sooner {
    /// In words, where others go at once.
    pub(super) fn others(&self) -> String {
        let plural = if self.rest == 1 { "" } else { "s" };
        let (rest, what) = (grouped(self.rest), self.what);
        format!("the other {rest} {what}{plural} {}", self.goes())
    }

    /// In words, where it is all that there is, of this size.
    pub(super) fn all(&self, size: Option<String>) -> String {
        let size = size.map(|size| format!(" ({size})")).unwrap_or_default();
        let all = counted(self.rest, self.what);
        format!("all that it holds, {all}{size}, {}", self.goes())
    }

    /// A loss at once with this behind it: what goes so soon is part of what somebody consents to.
    pub(super) fn behind(&self, now: Finding) -> Finding {
        let soon = if self.harm == Harm::High {
            self.rest
        } else {
            0
        };
        Finding {
            at_stake: now.at_stake.map(|count| count.saturating_add(soon)),
            ..Finding::of(now.harm, [now.evidence, self.others()])
        }
    }

    fn goes(&self) -> String {
        let [one, many] = self.does;
        let (does, they) = match self.rest {
            1 => (one, "it was"),
            _ => (many, "they were"),
        };
        let before = self.before.as_ref();
        let before = before.map_or_else(|| "for ever".to_owned(), |age| format!("for {age}"));
        format!(
            "{does} within {}; before, {they} kept {before}",
            self.within
        )
    }
}

/// Risks of one resource, those of one code bound together to what there is: what two fields lose may be the same.
pub(super) fn no_more_than(held: Option<u64>, mut risks: Vec<Risk>) -> Vec<Risk> {
    for risk in &mut risks {
        risk.at_stake_in_all = held;
    }
    risks
}

/// A risk with its evidence; the way that costs less is the code's own.
pub(super) fn risk(code: Code, harm: Harm, evidence: String, at_stake: Option<u64>) -> Risk {
    let safer = (harm > Harm::Low).then(|| code.way_out().to_owned());
    Risk {
        at_stake,
        safer,
        ..Risk::of(code, harm, evidence)
    }
}

/// What is no longer there costs nothing.
pub(super) fn gone(code: Code) -> Risk {
    risk(code, Harm::Low, "it is gone already".to_owned(), Some(0))
}

/// Evidence that nobody has.
pub(super) fn unread(what: &str, why: &str) -> String {
    format!("{what} could not be read: {why}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(count: Read<u64>, bytes: Read<u64>) -> (Harm, String, Option<u64>) {
        let holdings = Holdings {
            what: "message",
            count,
            bytes,
            least: Harm::Low,
            clauses: vec!["nobody reads it".to_owned()],
        };
        let risk = holdings.risk(Code::StreamDeleted);
        assert_eq!(risk.safer.is_some(), risk.harm > Harm::Low);
        (risk.harm, risk.evidence, risk.at_stake)
    }

    #[test]
    fn what_is_kept_for_much_shorter_needs_consent() {
        let secs = Duration::from_secs;
        let (minute, hour, day) = (60, 3_600, 86_400);
        for (before, after, harm) in [
            (Some(7 * day), Some(minute), Harm::High),
            (None, Some(40), Harm::High),
            (None, Some(7 * day), Harm::High),
            (Some(10 * day), Some(day), Harm::High),
            (Some(7 * day), Some(day), Harm::Medium),
            (Some(2 * hour), Some(50 * minute), Harm::High),
            (Some(hour), Some(50 * minute), Harm::Medium),
            (Some(3 * hour), Some(hour), Harm::Medium),
            (Some(hour), None, Harm::Low),
        ] {
            let found = of_sooner(before.map(secs), after.map(secs));
            assert_eq!(found, harm, "{before:?} -> {after:?}");
        }
    }

    #[test]
    fn harm_follows_what_could_be_counted() {
        let denied = || Err("needs a right".to_owned());
        for (count, bytes, harm, text, at_stake) in [
            (Ok(0), Ok(0), Harm::Low, "holds no messages", Some(0)),
            (Ok(0), denied(), Harm::Low, "holds no messages", Some(0)),
            (
                Ok(1_204),
                Ok(812_000_000),
                Harm::Critical,
                "holds 1,204 messages (812 MB)",
                Some(1_204),
            ),
            (
                Ok(1),
                denied(),
                Harm::Critical,
                "holds 1 message; how large they are could not be read: needs a right",
                Some(1),
            ),
            (
                denied(),
                Ok(0),
                Harm::Critical,
                "how many messages it holds could not be read: needs a right",
                None,
            ),
        ] {
            let text = format!("{text}; nobody reads it");
            assert_eq!(told(count, bytes), (harm, text, at_stake));
        }
    }
}
