//! An age that is lowered: what is older goes at once, and what is younger goes sooner than it was kept for.

use std::time::Duration;

use super::cut::{Certainty, Cut, told_unread};
use super::holds::Held;
use super::limits::{is_lowered, lost};
use super::scene::{Scene, clauses};
use super::{Need, Rule};
use crate::kinds::loss::{Finding, Sooner, of_sooner};
use crate::kinds::stream::said::Said;
use crate::model::unit::Unit;
use crate::model::{Code, Harm, rough_size};

pub(super) const LOWERED: Rule = Rule {
    code: Code::StreamAgeLowered,
    fields: &["max_age"],
    fires: |change| is_lowered(change, "max_age"),
    needs: &[Need::Consumers, Need::Readers, Need::Age],
    foretold: None,
    find: lowered,
};

fn lowered(scene: &Scene<'_>) -> Finding {
    let at_once = |cut| {
        lost(
            scene,
            cut,
            "is older than the new age",
            "are older than the new age",
        )
    };
    let (held, cut) = match (&scene.held, scene.aged.clone()) {
        (Ok(held), Ok(cut)) => (held, cut),
        (Err(why), _) => return at_once(Err(why.clone())),
        (_, cut) => return at_once(cut),
    };
    let rest = held.messages.saturating_sub(cut.count);
    if rest == 0 {
        return at_once(Ok(cut));
    }
    let sooner = Sooner {
        rest,
        what: "message",
        does: ["expires", "expire"],
        within: said(scene.next()).unwrap_or_default(),
        before: said(scene.live()),
        harm: match goes_unforeseen(held, age(scene.live()), age(scene.next())) {
            true => Harm::High,
            false => of_sooner(age(scene.live()), age(scene.next())),
        },
    };
    if cut.count > 0 {
        return sooner.behind(at_once(Ok(cut)));
    }
    let all = Cut {
        count: rest,
        certainty: Certainty::AtMost,
        stays_from: None,
        worst: None,
    };
    Finding {
        harm: sooner.harm,
        evidence: clauses([
            Some(sooner.all(Some(rough_size(held.bytes)))),
            told_unread(all, &scene.consumers),
            scene.readers.clone(),
        ]),
        at_stake: Some(rest),
    }
}

/// How soon is too soon for somebody to step in.
const SOON: Duration = Duration::from_secs(3_600);

/// Whether its oldest message goes soon by the new age, and by the old one had longer.
fn goes_unforeseen(held: &Held, before: Option<Duration>, after: Option<Duration>) -> bool {
    let (Some(first), Some(now), Some(after)) = (held.first, held.now, after) else {
        return false;
    };
    let old = Duration::try_from(now.duration_since(first)).unwrap_or_default();
    let left = |age: Duration| age.saturating_sub(old);
    left(after) < SOON && before.is_none_or(|before| left(before) >= SOON)
}

/// How long it keeps what it has; none for ever.
fn age(said: Said<'_>) -> Option<Duration> {
    let nanos = said.limit("max_age")?;
    u64::try_from(nanos).ok().map(Duration::from_nanos)
}

fn said(said: Said<'_>) -> Option<String> {
    said.limit("max_age").map(|nanos| Unit::Nanos.format(nanos))
}
