//! What a server says of a change that it does not take, and what next.

use super::answer::{failed, gone, outcome_of};
use crate::broker::nats::{JetStream, NatsError};
use crate::model::{Change, Outcome, Step};

/// The name is taken by a stream of another configuration (10058).
const EXISTS: u64 = 10058;

/// The server or the account has no room for what the stream reserves (10028, 10047).
const NO_ROOM: [u64; 2] = [10028, 10047];

/// The stream is not there (10059).
const NOT_FOUND: u64 = 10059;

/// Too few servers fit (10005); a server that stands alone keeps one replica (10074).
const NO_PEERS: [u64; 2] = [10005, 10074];

/// The outcome of a change, or of what the server says in its place.
pub(super) fn told(result: Result<Outcome, NatsError>, step: &Step, nats: &JetStream) -> Outcome {
    let error = match result {
        Ok(outcome) => return outcome,
        Err(error) => error,
    };
    if lacks_room(&error) {
        return failed(format!(
            "{error}; `max_bytes` is reserved as a whole: lower it, or raise the server's or the account's limit of storage"
        ));
    }
    if let Some(why) = unmet(&error, step, nats.server().servers_told) {
        return failed(why);
    }
    match error.api_code() {
        Some(EXISTS) => {
            failed("somebody created it meanwhile with another configuration; plan again")
        }
        Some(NOT_FOUND) => gone(),
        _ => outcome_of(&error),
    }
}

/// A cluster says so in words only: each of its servers lacks the room, so none fits (10005).
fn lacks_room(error: &NatsError) -> bool {
    let code = error.api_code();
    let in_words = || error.to_string().contains("insufficient storage");
    code.is_some_and(|code| NO_ROOM.contains(&code) || (NO_PEERS.contains(&code) && in_words()))
}

/// What the step asks of the cluster in vain, and what next; none where the error is another one.
/// `servers` is how many the cluster tells of.
fn unmet(error: &NatsError, step: &Step, servers: Option<usize>) -> Option<String> {
    error.api_code().filter(|code| NO_PEERS.contains(code))?;
    let asked: Vec<String> = step.changes.iter().filter_map(asked).collect();
    let asked = match asked.is_empty() {
        true => "its `num_replicas` and `placement`".to_owned(),
        false => asked.join(" and "),
    };
    let known = match servers {
        None => "the cluster does not tell how many servers it has".to_owned(),
        Some(1) => "the server tells of itself alone".to_owned(),
        Some(count) => format!("the cluster tells of {count} servers"),
    };
    Some(format!(
        "{error}; too few servers fit {asked}, and {known}: lower `num_replicas`, take a `placement.cluster` and `placement.tags` that enough servers have, or start those that are down"
    ))
}

/// What a change asks of the servers.
fn asked(change: &Change) -> Option<String> {
    let is_of_servers = change.field == "num_replicas" || change.field.starts_with("placement.");
    let wanted = change.after.as_ref().filter(|_| is_of_servers)?;
    Some(format!("`{}: {wanted}`", change.field))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples::{change, step};
    use serde_json::{Value, json};

    #[test]
    fn what_a_cluster_cant_give_is_said_with_the_way_out() {
        let refused = |err_code| NatsError::Api {
            server: "nats://a".to_owned(),
            subject: "$JS.API.STREAM.CREATE.A".to_owned(),
            code: 400,
            err_code,
            description: "no suitable peers for placement".to_owned(),
        };
        let mut made = step("stream/A", crate::model::Action::Create, 1);
        made.changes = vec![
            change("subjects", Value::Null, json!(["a"])),
            change("num_replicas", Value::Null, json!(5)),
            change("placement.tags", Value::Null, json!(["ssd"])),
        ];
        let told = unmet(&refused(10005), &made, Some(3)).unwrap();
        let words = "too few servers fit `num_replicas: 5` and `placement.tags: [\"ssd\"]`, and the cluster tells of 3 servers: lower";
        assert!(told.contains(words), "{told}");
        made.changes.clear();
        let told = unmet(&refused(10074), &made, None).unwrap();
        assert!(
            told.contains("fit its `num_replicas` and `placement`"),
            "{told}"
        );
        assert_eq!(unmet(&refused(10052), &made, Some(3)), None);
        assert!(lacks_room(&refused(10047)) && !lacks_room(&refused(10005)));
        let words = "no suitable peers for placement, insufficient storage".to_owned();
        assert!(lacks_room(&NatsError::Api {
            server: String::new(),
            subject: String::new(),
            code: 400,
            err_code: 10005,
            description: words,
        }));
    }
}
