//! The table of routes: a bucket of NATS, written by compare-and-set.

use serde_json::Value;

use super::{FORMAT, TABLE};
use crate::broker::nats::{Bucket, JetStream, NatsError, Template, Writing, Written, many};
use crate::model::Doc;

/// How the bucket is made: with the versions of a route that came before.
const TEMPLATE: Template = Template {
    description: "the routes of trueup's bridge: what goes where",
    history: 10,
    markers: None,
};

/// No such stream (`JSStreamNotFoundErr`).
const NO_BUCKET: u64 = 10059;

/// The table.
#[derive(Clone, Debug)]
pub struct Table {
    bucket: Bucket,
}

/// A record as it stands there.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The revision that a writing has to follow.
    pub revision: u64,
    /// The record with all that is in it, or why it can't be read.
    pub record: Result<Doc, String>,
}

/// What became of a writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// It is done.
    Done,
    /// Somebody else wrote meanwhile.
    Overtaken,
}

impl Table {
    /// The table of the account; it is made with the first route.
    pub fn new(jetstream: &JetStream) -> Table {
        Table {
            bucket: Bucket::new(jetstream.clone(), TABLE),
        }
    }

    /// A route's record; none where there is none.
    ///
    /// # Errors
    /// As for any read.
    pub async fn get(&self, name: &str) -> Result<Option<Entry>, NatsError> {
        let last = match self.bucket.last(name).await {
            Err(error) if error.api_code() == Some(NO_BUCKET) => return Ok(None),
            last => last?,
        };
        Ok(last.and_then(|last| {
            Some(Entry {
                revision: last.sequence,
                record: read(&last.value?),
            })
        }))
    }

    /// Several, in this order.
    pub async fn get_all(
        &self,
        names: Vec<String>,
    ) -> Vec<(String, Result<Option<Entry>, NatsError>)> {
        let of = |name: String| async move {
            let entry = self.get(&name).await;
            (name, entry)
        };
        many(names, of).await
    }

    /// Every route, by name.
    ///
    /// # Errors
    /// As for any read, of all or of one.
    pub async fn list(&self) -> Result<Vec<(String, Entry)>, NatsError> {
        let mut names = self.bucket.keys("").await?.unwrap_or_default();
        names.sort();
        let mut found = Vec::new();
        for (name, entry) in self.get_all(names).await {
            found.extend(entry?.map(|entry| (name, entry)));
        }
        Ok(found)
    }

    /// Writes a route that is not there, and makes the bucket for the first one.
    ///
    /// # Errors
    /// As for any writing.
    pub async fn put_new(&self, name: &str, record: &Doc) -> Result<Put, NatsError> {
        // asked for, because a worker that listens to its subjects hides that no stream takes them
        if self.bucket.info().await?.is_none() {
            self.bucket.create(&TEMPLATE).await?;
        }
        let mut written = self.write(name, Some(record), 0).await?;
        if written == Written::Overtaken
            && let Some(marker) = self.bucket.last(name).await?
            && marker.value.is_none()
        {
            written = self.write(name, Some(record), marker.sequence).await?;
        }
        Ok(put(written))
    }

    /// Writes a route where its record is still this revision.
    ///
    /// # Errors
    /// As for any writing.
    pub async fn put(&self, name: &str, record: &Doc, after: u64) -> Result<Put, NatsError> {
        Ok(put(self.write(name, Some(record), after).await?))
    }

    /// Takes a route away where its record is still this revision.
    ///
    /// # Errors
    /// As for any writing.
    pub async fn remove(&self, name: &str, after: u64) -> Result<Put, NatsError> {
        Ok(put(self.write(name, None, after).await?))
    }

    async fn write(
        &self,
        name: &str,
        record: Option<&Doc>,
        after: u64,
    ) -> Result<Written, NatsError> {
        let text = record.map(|record| Value::Object(record.clone()).to_string());
        let writing = Writing {
            value: text.as_deref().map(str::as_bytes),
            after: Some(after),
            ttl: None,
        };
        self.bucket.write(name, &writing).await
    }
}

fn put(written: Written) -> Put {
    match written {
        Written::At(_) => Put::Done,
        // a bucket that was deleted took the route along
        Written::Overtaken | Written::NoBucket => Put::Overtaken,
    }
}

fn read(value: &[u8]) -> Result<Doc, String> {
    let record: Value = serde_json::from_slice(value)
        .map_err(|error| format!("what stands in the table is no JSON: {error}"))?;
    let Value::Object(record) = record else {
        return Err("what stands in the table is no record of a route".to_owned());
    };
    match record.get("format").and_then(Value::as_u64) {
        Some(format) if format <= u64::from(FORMAT) => {}
        Some(format) => {
            let by = record.get("trueup").and_then(Value::as_str).unwrap_or("?");
            return Err(format!(
                "a newer trueup ({by}) wrote it, in format {format}; this one reads up to {FORMAT}"
            ));
        }
        None => return Err("what stands in the table is no record of a route".to_owned()),
    }
    match record.get("spec") {
        Some(Value::Object(_)) => Ok(record),
        _ => Err("the record in the table does not say what the route is".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_no_record_is_told() {
        let text = |value: Value| read(value.to_string().as_bytes());
        assert!(text(json!({ "format": 1, "spec": {}, "later": 1 })).is_ok());
        for (value, why) in [
            (json!(1), "no record"),
            (json!({ "spec": {} }), "no record"),
            (json!({ "format": 1 }), "does not say"),
            (
                json!({ "format": 2, "trueup": "9.0", "spec": {} }),
                "a newer trueup (9.0)",
            ),
        ] {
            let told = text(value).unwrap_err();
            assert!(told.contains(why), "{told}");
        }
        assert!(read(b"rubbish").unwrap_err().contains("no JSON"));
    }
}
