//! Limits and retention: what goes because of them.

use super::age;
use super::cut::{Certainty, Cut, told_unread};
use super::holds::Standing;
use super::scene::{Scene, clauses};
use super::{Need, Rule};
use crate::kinds::loss::{Finding, Read, unread};
use crate::kinds::stream::change::StreamChange;
use crate::kinds::stream::said::Said;
use crate::kinds::stream::subjects::collide;
use crate::model::{Code, Harm, counted};

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: Code::StreamLimitLowered,
        fields: &["max_msgs"],
        fires: |change| is_lowered(change, "max_msgs"),
        needs: &[Need::Consumers, Need::Readers],
        foretold: None,
        find: |scene| limit(scene, scene.by_count()),
    },
    Rule {
        code: Code::StreamLimitLowered,
        fields: &["max_bytes"],
        fires: |change| is_lowered(change, "max_bytes"),
        needs: &[Need::Consumers, Need::Readers, Need::Bytes],
        foretold: None,
        find: |scene| limit(scene, scene.heavy.clone()),
    },
    Rule {
        code: Code::StreamLimitLowered,
        fields: &["max_msgs_per_subject"],
        fires: |change| is_lowered(change, "max_msgs_per_subject"),
        needs: &[Need::Consumers, Need::Readers, Need::Subjects],
        foretold: None,
        find: |scene| {
            lost(
                scene,
                scene.by_subject(),
                "goes beyond the new limit of its subject",
                "go beyond the new limit of their subjects",
            )
        },
    },
    age::LOWERED,
    Rule {
        code: Code::StreamRetentionChanged,
        fields: &["retention"],
        fires: |change| change.live.get("retention") != change.next.get("retention"),
        needs: &[Need::Consumers, Need::Readers],
        foretold: None,
        find: retention,
    },
    Rule {
        code: Code::StreamDiscardChanged,
        fields: &["discard"],
        fires: |change| change.live.get("discard") != change.next.get("discard"),
        needs: &[Need::Consumers, Need::Readers, Need::Bytes],
        foretold: None,
        find: discard,
    },
    Rule {
        code: Code::StreamDiscardChanged,
        fields: &["discard_new_per_subject"],
        fires: |change| switches_on(change, "discard_new_per_subject"),
        needs: &[Need::Subjects],
        foretold: None,
        find: per_subject,
    },
];

/// Whether a limit limits more than before.
pub(super) fn is_lowered(change: &StreamChange, field: &str) -> bool {
    let before = Said(&change.live).limit(field);
    let after = Said(&change.next).limit(field);
    after.is_some_and(|after| before.is_none_or(|before| after < before))
}

/// Whether a switch that was off is on.
pub(super) fn switches_on(change: &StreamChange, field: &str) -> bool {
    !Said(&change.live).is_on(field) && Said(&change.next).is_on(field)
}

impl Scene<'_> {
    fn new_limit(&self, field: &str) -> Option<u64> {
        let limit = self.next().limit(field)?;
        u64::try_from(limit).ok()
    }

    /// What lies beyond `max_msgs`.
    fn by_count(&self) -> Read<Cut> {
        let held = self.held.as_ref().map_err(Clone::clone)?;
        let limit = self.new_limit("max_msgs").unwrap_or(u64::MAX);
        Ok(Cut::oldest(held, held.messages.saturating_sub(limit)))
    }

    /// What lies beyond `max_msgs_per_subject`; a server drops it with `discard: new`, too (seen on 2.10 to 2.15).
    fn by_subject(&self) -> Read<Cut> {
        let held = self.held.as_ref().map_err(Clone::clone)?;
        let limit = self.new_limit("max_msgs_per_subject").unwrap_or(u64::MAX);
        if held.messages <= limit {
            return Ok(Cut::default());
        }
        let subjects = self.subjects.as_ref().map_err(Clone::clone)?;
        let beyond = subjects.values().map(|count| count.saturating_sub(limit));
        Ok(Cut {
            count: beyond.sum(),
            ..Cut::default()
        })
    }

    fn keeps_old(&self) -> bool {
        self.next().text("discard") == Some("new")
    }
}

/// What a limit on the whole stream costs: what is beyond it goes, or with `discard: new` nothing more comes.
fn limit(scene: &Scene<'_>, cut: Read<Cut>) -> Finding {
    if !scene.keeps_old() {
        return lost(
            scene,
            cut,
            "is beyond the new limit",
            "are beyond the new limit",
        );
    }
    match cut {
        Err(why) => Finding::keeping(
            Harm::High,
            unread("whether it is beyond the new limit", &why),
        ),
        Ok(_) if scene.is_full() => Finding::keeping(
            Harm::High,
            "it is full by the new limit: with `discard: new`, what is published is refused from then on",
        ),
        Ok(_) => Finding::keeping(Harm::Low, "it holds less than the new limit"),
    }
}

impl Scene<'_> {
    /// Whether it is at one of its new limits already.
    fn is_full(&self) -> bool {
        let Ok(held) = &self.held else { return false };
        let is_at = |field, has| self.new_limit(field).is_some_and(|limit| has >= limit);
        is_at("max_msgs", held.messages) || is_at("max_bytes", held.bytes)
    }
}

/// What deleting the old end costs.
pub(super) fn lost(scene: &Scene<'_>, cut: Read<Cut>, one: &str, more: &str) -> Finding {
    let cut = match cut {
        Ok(cut) => cut,
        Err(why) => {
            return Finding {
                harm: Harm::Critical,
                evidence: unread("how many of its messages go", &why),
                at_stake: None,
            };
        }
    };
    if cut.count == 0 {
        return Finding::keeping(Harm::Low, format!("no message {one}"));
    }
    let verb = if cut.count == 1 { one } else { more };
    let of = scene
        .held
        .as_ref()
        .ok()
        .map(|held| format!(" of its {}", counted(held.messages, "message")));
    let goes = format!(
        "{}{} {verb} and deleted at once",
        cut.told(),
        of.unwrap_or_default()
    );
    Finding {
        harm: Harm::Critical,
        evidence: clauses([
            Some(goes),
            told_unread(cut, &scene.consumers),
            scene.readers.clone(),
        ]),
        at_stake: Some(cut.at_most()),
    }
}

/// Between `limits` and `interest`; a server takes no other change.
fn retention(scene: &Scene<'_>) -> Finding {
    if scene.next().text("retention") != Some("interest") {
        return to_limits(scene);
    }
    let found = scene.held.as_ref().and_then(|held| {
        let consumers = scene.consumers.as_ref()?;
        Ok((held, consumers))
    });
    let (held, consumers) = match found {
        Ok(found) => found,
        Err(why) => {
            return Finding {
                harm: Harm::Critical,
                evidence: unread("what its consumers still need", why),
                at_stake: None,
            };
        }
    };
    let cut = unneeded(held.messages, consumers);
    if cut.count == 0 {
        let words = "its consumers still need all that it holds; what comes when none is there is dropped from then on";
        return Finding::keeping(
            if held.messages == 0 {
                Harm::Low
            } else {
                Harm::Medium
            },
            words,
        );
    }
    let who = match consumers.len() {
        0 => "it has no consumer".to_owned(),
        many => format!("its {} need no more", counted(many as u64, "consumer")),
    };
    let goes = format!(
        "{} of its {} are dropped: {who}",
        cut.told(),
        counted(held.messages, "message")
    );
    Finding {
        harm: Harm::Critical,
        evidence: clauses([Some(goes), scene.readers.clone()]),
        at_stake: Some(cut.count),
    }
}

fn to_limits(scene: &Scene<'_>) -> Finding {
    let limits = ["max_msgs", "max_bytes", "max_age", "max_msgs_per_subject"];
    match limits
        .iter()
        .any(|field| scene.next().limit(field).is_some())
    {
        true => Finding::keeping(
            Harm::Low,
            "messages stay until a limit is met, acknowledged or not",
        ),
        false => Finding::keeping(
            Harm::Medium,
            "messages stay, acknowledged or not, and nothing limits how many",
        ),
    }
}

/// What no consumer needs: those whose filters meet share what they need, so that the one that needs most tells it.
fn unneeded(messages: u64, consumers: &[Standing]) -> Cut {
    let mut groups: Vec<Vec<&Standing>> = Vec::new();
    for standing in consumers {
        let meets = |group: &Vec<&Standing>| group.iter().any(|other| meet(standing, other));
        let (mut met, apart): (Vec<_>, Vec<_>) = groups.into_iter().partition(meets);
        let mut group: Vec<&Standing> = met.drain(..).flatten().collect();
        group.push(standing);
        groups = apart;
        groups.push(group);
    }
    let most = |group: &Vec<&Standing>| group.iter().map(|standing| standing.left()).max();
    let needed: u64 = groups.iter().filter_map(most).sum();
    let certainty = match groups.iter().all(|group| group.len() == 1) {
        true => Certainty::Exact,
        false => Certainty::AtMost,
    };
    Cut {
        count: messages.saturating_sub(needed),
        certainty,
        stays_from: None,
        worst: None,
    }
}

fn meet(one: &Standing, other: &Standing) -> bool {
    let meets = |filter: &String| other.filters.iter().any(|theirs| collide(filter, theirs));
    one.filters.iter().any(meets)
}

/// What happens at the limits from then on, and at once where it is at one.
fn discard(scene: &Scene<'_>) -> Finding {
    if scene.held.is_err() {
        let why = scene.held.as_ref().err().cloned().unwrap_or_default();
        let at_stake = scene.keeps_old().then_some(0);
        let harm = if scene.keeps_old() {
            Harm::High
        } else {
            Harm::Critical
        };
        let evidence = unread("whether it is at a limit", &why);
        return Finding {
            harm,
            evidence,
            at_stake,
        };
    }
    let has_limits = ["max_msgs", "max_bytes"]
        .iter()
        .any(|field| scene.next().limit(field).is_some());
    let harm = if has_limits { Harm::Medium } else { Harm::Low };
    if scene.keeps_old() {
        return match scene.is_full() {
            true => Finding::keeping(
                Harm::High,
                "it is full: what is published is refused from then on",
            ),
            false => Finding::keeping(
                harm,
                "it is not full; once it is, what is published is refused",
            ),
        };
    }
    let cut = match (scene.by_count(), scene.heavy.clone()) {
        (Ok(one), Ok(other)) => Ok(if one.count < other.count { other } else { one }),
        (Err(why), _) | (_, Err(why)) => Err(why),
    };
    match cut {
        Ok(Cut { count: 0, .. }) => Finding::keeping(
            harm,
            "it is within its limits; once it is full, its oldest messages go",
        ),
        cut => lost(scene, cut, "is beyond its limits", "are beyond its limits"),
    }
}

fn per_subject(scene: &Scene<'_>) -> Finding {
    let limit = scene.new_limit("max_msgs_per_subject").unwrap_or(u64::MAX);
    match &scene.subjects {
        Err(why) => Finding::keeping(Harm::High, unread("which subjects are at their limit", why)),
        Ok(subjects) => match subjects.values().filter(|count| **count >= limit).count() {
            0 => Finding::keeping(
                Harm::Medium,
                "no subject is at its limit; once one is, what is published to it is refused",
            ),
            1 => Finding::keeping(
                Harm::High,
                "1 subject is at its limit: what is published to it is refused from then on",
            ),
            full => Finding::keeping(
                Harm::High,
                format!(
                    "{full} subjects are at their limit: what is published to them is refused from then on"
                ),
            ),
        },
    }
}
