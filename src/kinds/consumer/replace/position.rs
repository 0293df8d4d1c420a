//! Where a consumer stands in its stream, as its document tells.

use serde_json::Value;

use crate::kinds::NatsVersion;
use crate::model::Doc;

/// The first sequence number that it has not done with; none where its server doesn't tell.
///
/// A server before 2.14 calls the floor of a consumer 0 until all up to some message is acknowledged, wherever it began (seen on
/// 2.10.26, 2.11.11 and 2.12.8).
pub(in crate::kinds::consumer) fn resumes_at(info: &Doc) -> Option<u64> {
    let floor = number(info, "ack_floor", "stream_seq");
    if floor > 0 || tells_every_floor(info) {
        return Some(floor + 1);
    }
    if number(info, "delivered", "consumer_seq") == 0 {
        return Some(number(info, "delivered", "stream_seq") + 1);
    }
    let config = info.get("config")?;
    match config.get("deliver_policy").and_then(Value::as_str) {
        Some("all") | None => Some(1),
        Some("by_start_sequence") => config.get("opt_start_seq").and_then(Value::as_u64),
        Some(_) => None,
    }
}

/// By the version that a server writes into each answer, from 2.11 on.
fn tells_every_floor(info: &Doc) -> bool {
    let metadata = info.get("config").and_then(|config| config.get("metadata"));
    let version = metadata.and_then(|metadata| metadata.get("_nats.ver"));
    let version = version
        .and_then(Value::as_str)
        .map(str::parse::<NatsVersion>);
    matches!(version, Some(Ok(version)) if version >= NatsVersion(2, 14, 0))
}

/// How many messages at most were acknowledged beyond the first that was not: they are delivered again to a consumer that begins
/// there. (A message that was delivered twice counts twice in the consumer's own sequence.)
pub(in crate::kinds::consumer) fn acknowledged_beyond(info: &Doc) -> u64 {
    let ahead = |of: &str| {
        let delivered = number(info, "delivered", of);
        delivered.saturating_sub(number(info, "ack_floor", of))
    };
    let out = info.get("num_ack_pending").and_then(Value::as_u64);
    let settled = ahead("consumer_seq").saturating_sub(out.unwrap_or_default());
    match number(info, "ack_floor", "stream_seq") {
        0 => settled,
        _ => settled.min(ahead("stream_seq").saturating_sub(out.unwrap_or_default())),
    }
}

fn number(info: &Doc, pair: &str, of: &str) -> u64 {
    let pair = info.get(pair).and_then(|pair| pair.get(of));
    pair.and_then(Value::as_u64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn info(delivered: (u64, u64), floor: (u64, u64), out: u64, policy: &str) -> Doc {
        let pair = |(consumer, stream): (u64, u64)| json!({ "consumer_seq": consumer, "stream_seq": stream });
        let info = json!({
            "delivered": pair(delivered), "ack_floor": pair(floor), "num_ack_pending": out,
            "config": { "deliver_policy": policy, "opt_start_seq": 40 },
        });
        info.as_object().unwrap().clone()
    }

    #[test]
    fn it_goes_on_behind_the_floor() {
        for (delivered, floor, policy, from) in [
            ((10, 10), (3, 3), "all", Some(4)),
            ((0, 5), (0, 5), "new", Some(6)),
            // before 2.14: a floor of 0 says nothing
            ((0, 5), (0, 0), "new", Some(6)),
            ((2, 41), (0, 0), "by_start_sequence", Some(40)),
            ((2, 2), (0, 0), "all", Some(1)),
            ((2, 7), (0, 0), "new", None),
        ] {
            let info = info(delivered, floor, 0, policy);
            assert_eq!(resumes_at(&info), from, "{info:?}");
        }
    }

    #[test]
    fn a_newer_server_tells_of_a_floor_of_0() {
        let mut info = info((2, 2), (0, 0), 2, "new");
        assert_eq!(resumes_at(&info), None);
        info["config"]["metadata"] = json!({ "_nats.ver": "2.15.1" });
        assert_eq!(resumes_at(&info), Some(1));
        info["config"]["metadata"] = json!({ "_nats.ver": "2.12.8" });
        assert_eq!(resumes_at(&info), None);
    }

    #[test]
    fn what_was_acknowledged_out_of_order_is_counted() {
        assert_eq!(acknowledged_beyond(&info((10, 10), (3, 3), 5, "all")), 2);
        assert_eq!(acknowledged_beyond(&info((10, 10), (10, 10), 0, "all")), 0);
        // five deliveries more than there are messages
        assert_eq!(acknowledged_beyond(&info((15, 10), (3, 3), 5, "all")), 2);
        // only some of the stream's messages are its own
        assert_eq!(acknowledged_beyond(&info((6, 60), (3, 30), 1, "all")), 2);
        assert_eq!(acknowledged_beyond(&info((4, 44), (0, 0), 4, "new")), 0);
    }
}
