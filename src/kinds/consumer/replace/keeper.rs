//! The consumer that holds another one's place while that one is deleted and made anew.
//!
//! It begins where the other one stands, has its filters, and nobody reads from it: what the other one has not done with stays
//! in a stream of retention `interest`, and whoever is killed on the way finds the position in it, with all that the other
//! one was. It is made before anything is deleted and deleted last.

use serde_json::{Value, json};

use super::seen::may_have_keeper;
use crate::kinds::stream::life;
use crate::model::{Doc, Flat};

/// How a keeper that is there shows among the fields of the consumer whose place it holds.
pub(in crate::kinds::consumer) const KEEPER: &str = "metadata.trueup.keeper";

/// Under which key of its metadata it holds what the other one was.
const KEPT: &str = "trueup.keeps";

/// How the name of a keeper begins; the consumer's follows.
pub(in crate::kinds) const KEEPS: &str = "trueup-keeps-";

/// The name of the keeper of a consumer.
pub(super) fn name_of(consumer: &str) -> String {
    format!("{KEEPS}{consumer}")
}

/// The longest name of a consumer that a server takes (`JSMaxNameLen`, nats-server).
const LONGEST: usize = 255;

/// Whether a consumer's name leaves room for that of a keeper.
pub(super) fn has_room(consumer: &str) -> bool {
    KEEPS.len() + consumer.len() <= LONGEST
}

/// The document of a keeper of this consumer that begins at a sequence number.
pub(super) fn document(consumer: &str, info: &Doc, from: u64) -> Doc {
    let name = name_of(consumer);
    let config = info.get("config").cloned().unwrap_or_default();
    let mut keeper = Doc::new();
    for field in ["filter_subject", "filter_subjects"] {
        if let Some(filter) = config.get(field) {
            keeper.insert(field.to_owned(), filter.clone());
        }
    }
    let kept = json!({ "consumer": consumer, "created": info.get("created"), "config": config });
    let said = json!({
        "name": name,
        "durable_name": name,
        "description": format!("holds the place of `{consumer}` while trueup replaces it"),
        "ack_policy": "explicit",
        "deliver_policy": "by_start_sequence",
        "opt_start_seq": from,
        "metadata": { KEPT: kept.to_string() },
    });
    keeper.extend(said.as_object().cloned().unwrap_or_default());
    keeper
}

/// What a keeper holds: the consumer's own configuration and life, and where it goes on.
pub(in crate::kinds::consumer) struct Kept {
    /// The keeper's own name.
    pub(super) name: String,
    pub(in crate::kinds::consumer) info: Doc,
    pub(in crate::kinds::consumer) from: u64,
}

impl Kept {
    /// Whether a consumer is the one whose place it holds, or was made by trueup to go on there. One that a client made meanwhile
    /// stands elsewhere.
    pub(super) fn is_of(&self, consumer: &Doc) -> bool {
        life(consumer) == life(&self.info) || may_have_keeper(Some(consumer))
    }
}

/// Reads the keeper of a consumer; none where it is another's or no keeper at all.
pub(in crate::kinds::consumer) fn kept(keeper: &Doc, consumer: &str) -> Option<Kept> {
    let config = keeper.get("config")?;
    let Value::Object(mut info) = serde_json::from_str(config["metadata"][KEPT].as_str()?).ok()?
    else {
        return None;
    };
    let is_its = info.remove("consumer")? == json!(consumer);
    let from = config.get("opt_start_seq")?.as_u64()?;
    let name = name_of(consumer);
    (is_its && life(&info).is_some()).then_some(Kept { name, info, from })
}

/// Whether a consumer is a keeper.
pub(in crate::kinds::consumer) fn is_keeper(info: &Doc) -> bool {
    let metadata = info.get("config").and_then(|config| config.get("metadata"));
    metadata.is_some_and(|metadata| metadata.get(KEPT).is_some())
}

/// Makes a keeper that is there a difference: no manifest wants one.
pub(in crate::kinds::consumer) fn is_unwanted(declared: &mut Flat, live: &Flat) {
    if live.contains_key(KEEPER) {
        declared.insert(KEEPER.to_owned(), json!(""));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doc(value: Value) -> Doc {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_keeper_gives_back_what_it_was_made_of() {
        let config = json!({ "durable_name": "c", "filter_subjects": ["a", "b"], "deliver_subject": "d", "metadata": { "team": "x" } });
        let info = doc(json!({ "created": "then", "config": config, "num_pending": 7 }));
        let keeper = document("c", &info, 501);
        assert_eq!(keeper["filter_subjects"], json!(["a", "b"]));
        assert!(!keeper.contains_key("deliver_subject"));
        let seen = doc(json!({ "created": "now", "config": keeper }));
        assert!(is_keeper(&seen) && !is_keeper(&info));
        let kept_of = kept(&seen, "c").unwrap();
        assert_eq!(kept_of.from, 501);
        assert_eq!(
            kept_of.info,
            doc(json!({ "created": "then", "config": config }))
        );
        assert!(kept(&seen, "d").is_none(), "it holds another one's place");
        assert!(kept(&info, "c").is_none(), "it holds nobody's place");
    }
}
