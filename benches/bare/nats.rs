use std::error::Error;
use std::ops::Range;

use async_nats::Client;
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};

use crate::Done;

/// As many as trueup has in flight.
const IN_FLIGHT: usize = 64;

pub(crate) fn run(work: impl Future<Output = Done>) -> Done {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.enable_all().build()?.block_on(work)
}

async fn connect() -> Result<Client, Box<dyn Error>> {
    Ok(async_nats::connect(std::env::var("NATS_URL")?).await?)
}

/// Creates streams with one consumer each.
pub(crate) async fn create(streams: Range<usize>) -> Done {
    let nats = connect().await?;
    let each = streams.clone().map(|number| {
        let config = json!({
            "name": format!("BENCH_{number:05}"),
            "subjects": [format!("bench.{number:05}")],
            "max_age": 604_800_000_000_000_i64,
        });
        ask(&nats, format!("STREAM.CREATE.BENCH_{number:05}"), config)
    });
    all(each).await?;
    let each = streams.map(|number| {
        let body = json!({
            "stream_name": format!("BENCH_{number:05}"),
            "config": { "name": "worker", "durable_name": "worker", "ack_policy": "explicit" },
            "action": "create",
        });
        ask(
            &nats,
            format!("CONSUMER.CREATE.BENCH_{number:05}.worker"),
            body,
        )
    });
    all(each).await
}

/// Reads the streams page by page, and each one's consumer.
pub(crate) async fn read(streams: Range<usize>) -> Done {
    let nats = connect().await?;
    let mut seen = 0;
    if streams.len() > 1 {
        loop {
            let page = ask(&nats, "STREAM.LIST".to_owned(), json!({ "offset": seen })).await?;
            seen += page["streams"].as_array().map_or(0, Vec::len);
            if page["total"].as_u64().unwrap_or(0) <= seen as u64 {
                break;
            }
        }
    } else {
        let name = format!("STREAM.INFO.BENCH_{:05}", streams.start);
        ask(&nats, name, Value::Null).await?;
        seen += 1;
    }
    if seen < streams.len() {
        return Err(format!("{seen} of {} streams are there", streams.len()).into());
    }
    let each = streams.map(|number| {
        ask(
            &nats,
            format!("CONSUMER.INFO.BENCH_{number:05}.worker"),
            Value::Null,
        )
    });
    all(each).await
}

async fn all(
    each: impl Iterator<Item = impl Future<Output = Result<Value, Box<dyn Error>>>>,
) -> Done {
    stream::iter(each)
        .buffer_unordered(IN_FLIGHT)
        .try_for_each(|_| async { Ok(()) })
        .await
}

async fn ask(nats: &Client, call: String, body: Value) -> Result<Value, Box<dyn Error>> {
    let body = match body {
        Value::Null => Vec::new(),
        body => serde_json::to_vec(&body)?,
    };
    let answer = nats.request(format!("$JS.API.{call}"), body.into()).await?;
    let answer: Value = serde_json::from_slice(&answer.payload)?;
    match answer.get("error") {
        None => Ok(answer),
        Some(error) => Err(format!("{call}: {error}").into()),
    }
}
