//! What comes next, looked at without taking it: a message whose headers no client library reads as NATS has them breaks the
//! connection that it comes on, again and again.

use std::str::FromStr;

use async_nats::StatusCode;
use async_nats::header::HeaderName;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::rewind::{NO_MESSAGE, RESETS, back, info, number};
use crate::bridge::fault::Fault;
use crate::broker::nats::NatsData;
use crate::kinds::stream::consumer_filters;

/// A message that can't be pulled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::bridge) struct Unreadable {
    pub(in crate::bridge) sequence: u64,
    pub(in crate::bridge) subject: String,
    pub(in crate::bridge) why: String,
    /// Its headers, as far as lines and names can be told apart.
    pub(in crate::bridge) headers: Vec<(String, Option<Vec<u8>>)>,
    pub(in crate::bridge) payload: Vec<u8>,
    /// How many messages come before it.
    pub(in crate::bridge) before: usize,
}

/// The first message that can't be pulled, among so many that a consumer delivers next.
pub(in crate::bridge) async fn unreadable(
    nats: &NatsData,
    stream: &str,
    consumer: &str,
    most: usize,
) -> Result<Option<Unreadable>, Fault> {
    let found = info(nats, stream, consumer).await?;
    let mut behind = number(&found, "ack_floor", "stream_seq");
    for before in 0..most {
        let Some(message) = next_behind(nats, stream, &found, behind).await? else {
            return Ok(None);
        };
        behind = message["seq"].as_u64().unwrap_or(u64::MAX);
        let part = |field: &str| {
            let text = message[field].as_str().unwrap_or_default();
            STANDARD.decode(text).unwrap_or_default()
        };
        let block = part("hdrs");
        if let Err(why) = is_readable(&block) {
            return Ok(Some(Unreadable {
                sequence: behind,
                subject: message["subject"].as_str().unwrap_or_default().to_owned(),
                why,
                headers: headers_of(&block),
                payload: part("data"),
                before,
            }));
        }
    }
    Ok(None)
}

/// The first message behind a sequence that a consumer is to deliver.
pub(super) async fn next_behind(
    nats: &NatsData,
    stream: &str,
    consumer: &Map<String, Value>,
    sequence: u64,
) -> Result<Option<Value>, Fault> {
    let mut first: Option<Value> = None;
    let place = |message: &Value| message["seq"].as_u64().unwrap_or(u64::MAX);
    for filter in consumer_filters(consumer) {
        let body = json!({ "seq": sequence + 1, "next_by_subj": filter });
        let call = format!("STREAM.MSG.GET.{stream}");
        match nats.api(&call, Some(&body)).await {
            Ok(mut answer) => {
                let message = answer.remove("message").unwrap_or_default();
                if first.as_ref().is_none_or(|it| place(&message) < place(it)) {
                    first = Some(message);
                }
            }
            Err(error) if error.err_code() == Some(NO_MESSAGE) => {}
            Err(error) => return Err(Fault::from(error).of("what comes next")),
        }
    }
    Ok(first)
}

/// Takes the next message of a consumer for done that never comes. Servers of 2.14 and newer set the consumer behind it; on others
/// it is out, and its place among the deliveries follows from the one before.
pub(in crate::bridge) async fn pass_over(
    nats: &NatsData,
    stream: &str,
    consumer: &str,
    sequence: u64,
) -> Result<(), Fault> {
    if nats.server().release >= RESETS {
        return back(nats, stream, consumer, sequence + 1).await.map(drop);
    }
    let found = info(nats, stream, consumer).await?;
    let place = number(&found, "ack_floor", "consumer_seq") + 1;
    let subject = format!("$JS.ACK.{stream}.{consumer}.1.{sequence}.{place}.0.0");
    let stays = |what: String| {
        Fault::standing(format!(
            "message {sequence} of stream `{stream}` can't be pulled, and its consumer stays before it ({what}); remove it from the stream"
        ))
    };
    match super::acknowledge(nats, &subject, true).await {
        Ok(()) => {}
        Err(fault) => return Err(stays(fault.text)),
    }
    let floor = super::acknowledged(nats, stream, consumer).await?;
    match floor >= sequence {
        true => Ok(()),
        false => Err(stays(format!("it has acknowledgements up to {floor}"))),
    }
}

/// Whether the client library reads a block of headers; why it does not.
fn is_readable(block: &[u8]) -> Result<(), String> {
    if block.is_empty() {
        return Ok(());
    }
    for line in block.split(|byte| *byte == b'\n').skip(1) {
        if std::str::from_utf8(line).is_err() {
            let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
            let name = String::from_utf8_lossy(name);
            return Err(format!("its header `{name}` is no text in UTF-8"));
        }
    }
    let text = std::str::from_utf8(block).unwrap_or_default();
    let mut lines = text.lines();
    let version = lines.next().unwrap_or_default();
    let Some(status) = version.strip_prefix("NATS/1.0") else {
        return Err("its headers begin with no version".to_owned());
    };
    let status = status.split_whitespace().next().unwrap_or_default();
    if !status.is_empty() && status.parse::<StatusCode>().is_err() {
        return Err(format!("its headers tell a status `{status}`"));
    }
    let mut is_first = true;
    for line in lines.filter(|line| !line.is_empty()) {
        let goes_on = !is_first && line.starts_with(char::is_whitespace);
        is_first = false;
        if goes_on {
            continue;
        }
        let Some((name, _)) = line.split_once(':') else {
            return Err(format!("its header `{line}` has no value"));
        };
        if HeaderName::from_str(name).is_err() {
            return Err(format!("`{name}` is no name of a header"));
        }
    }
    Ok(())
}

/// What can be told apart, as bytes.
fn headers_of(block: &[u8]) -> Vec<(String, Option<Vec<u8>>)> {
    let lines = block.split(|byte| *byte == b'\n').skip(1);
    let header = |line: &[u8]| {
        let line = line.trim_ascii_end();
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = String::from_utf8_lossy(&line[..colon]).into_owned();
        Some((name, Some(line[colon + 1..].trim_ascii_start().to_vec())))
    };
    lines.filter_map(header).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_breaks_the_connection_is_told_with_its_name() {
        let why = |lines: &[u8]| {
            let block = [b"NATS/1.0\r\n".as_slice(), lines, b"\r\n\r\n"].concat();
            is_readable(&block).err()
        };
        for fine in ["A: b", "A: caf\u{e9}\r\nB:", "A: b\r\n  c", "A: nul\0z"] {
            assert_eq!(why(fine.as_bytes()), None, "{fine}");
        }
        assert!(why(b"Bin:\xff").unwrap().contains("`Bin`"));
        assert!(why(b"with space: x").unwrap().contains("`with space`"));
        assert!(
            why("na\u{e9}me: x".as_bytes())
                .unwrap()
                .contains("is no name")
        );
        assert!(why(b"none").unwrap().contains("has no value"));
        assert!(is_readable(b"HTTP/1.1\r\n\r\n").is_err());
        assert_eq!(is_readable(b""), Ok(()));
    }

    #[test]
    fn bytes_of_headers_are_kept() {
        let headers = headers_of(b"NATS/1.0\r\nBin: \xff\r\nB:c\r\n\r\n");
        let header = |name: &str, value: &[u8]| (name.to_owned(), Some(value.to_vec()));
        assert_eq!(headers, [header("Bin", b"\xff"), header("B", b"c")]);
    }
}
