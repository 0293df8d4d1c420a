//! What every kind makes sure of just before it deletes: the last guard, whatever the plan says.

use super::stream::is_of_ledger;
use crate::model::{Address, KindName, Outcome, Step};

/// Why nothing of this name is ever deleted; none where it may be.
///
/// The brokers and the tools around them keep such names for themselves, and a bucket's stream goes only as a bucket.
pub fn kept_from_deletion(address: &Address) -> Option<&'static str> {
    let begins = |names: &[&str], prefixes: &[&str]| {
        let begins = |name: &&str| prefixes.iter().any(|prefix| name.starts_with(prefix));
        names.iter().any(begins)
    };
    let (stream, consumer) = match address.kind {
        KindName::Acl | KindName::Quota | KindName::User | KindName::Route => return None,
        KindName::Consumer => address.stream_and_consumer().unwrap_or_default(),
        KindName::Stream | KindName::Kv | KindName::ObjectStore | KindName::Topic => {
            (address.name.as_str(), "")
        }
    };
    if begins(&[stream, consumer], &["__", "$"]) {
        return Some(
            "names that begin with `__` or `$` are internal, and nothing internal is ever deleted",
        );
    }
    if begins(&[consumer], &["JS_SRC_", "JS_MIRROR_"]) {
        return Some("the server keeps it for a source or a mirror, so it is never deleted here");
    }
    if is_of_ledger(address) {
        return Some("it is trueup's own, which is never deleted here");
    }
    let is_bucket = address.kind == KindName::Stream && begins(&[stream], &["KV_", "OBJ_"]);
    is_bucket.then_some(
        "it is the stream of a bucket, which is deleted only as the bucket that a manifest declared",
    )
}

/// The refusal of a step whose name is never deleted.
pub(super) fn kept(step: &Step) -> Option<Outcome> {
    kept_from_deletion(&step.address).map(failed)
}

/// The refusal of a step when what has the name now is not what the plan wants deleted. `found` is which life of the name it is,
/// where the broker tells.
pub(super) fn another_life(step: &Step, found: Option<&str>) -> Option<Outcome> {
    match (step.base.incarnation.as_deref(), found) {
        (Some(meant), Some(found)) if meant == found => None,
        (Some(_), Some(_)) => Some(failed(
            "it was deleted and made anew since the plan was made; it is not the one that the stack owns",
        )),
        (None, _) => Some(failed(
            "the plan does not tell which life of the name it means, so it is not deleted; plan again",
        )),
        (_, None) => Some(failed(
            "the broker does not tell which life of the name it is, so it is not deleted",
        )),
    }
}

fn failed(why: &str) -> Outcome {
    let why = why.to_owned();
    Outcome::Failed { why }
}

/// A step that deletes this life of a resource.
#[cfg(test)]
pub(super) fn doomed(address: &str, life: Option<&str>) -> Step {
    use crate::model::{Action, Base};
    Step {
        base: Base {
            incarnation: life.map(str::to_owned),
            fingerprint: Some("settings do not matter".to_owned()),
        },
        ..Step::of(address.parse().expect("an address"), Action::Delete)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn internal_names_are_kept_whatever_the_plan_says() {
        let kept = |text: &str| kept_from_deletion(&text.parse().unwrap()).is_some();
        for text in [
            "topic/__consumer_offsets",
            "topic/__amazon_msk_canary",
            "stream/$MQTT_msgs",
            "stream/__own",
            "stream/KV_sessions",
            "stream/OBJ_media",
            "kv/__own",
            "object-store/__own",
            "consumer/$MQTT_msgs/c",
            "consumer/EVENTS/__own",
            "consumer/EVENTS/JS_SRC_x",
            "consumer/EVENTS/JS_MIRROR_x",
        ] {
            assert!(kept(text), "{text}");
        }
        for text in [
            "topic/_schemas",
            "topic/KV_orders",
            "stream/KVORDERS",
            "kv/KV_sessions",
            "consumer/KV_sessions/watcher",
            "acl/User:a/allow/read/topic/literal/__consumer_offsets/*",
        ] {
            assert!(!kept(text), "{text}");
        }
    }

    #[test]
    fn only_the_life_that_the_plan_means_is_deleted() {
        let step = |life: Option<&str>| doomed("stream/S", life);
        assert_eq!(another_life(&step(Some("a")), Some("a")), None);
        for (meant, found, word) in [
            (Some("a"), Some("b"), "not the one that the stack owns"),
            (None, Some("b"), "the plan does not tell"),
            (None, None, "the plan does not tell"),
            (Some("a"), None, "the broker does not tell"),
        ] {
            let Some(Outcome::Failed { why }) = another_life(&step(meant), found) else {
                panic!("{meant:?} {found:?} is deleted");
            };
            assert!(why.contains(word), "{why}");
        }
    }
}
