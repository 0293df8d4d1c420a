//! The table of routes, watched.
//!
//! It is read whole whenever its stream moved, which is looked for every 2 s and at once when a key is written. So nothing that
//! a watch could lose matters, and a table that can't be read changes nothing: routes go on with the last good record. Only a
//! marker of deletion stops one.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::fault::Fault;
use crate::broker::nats::{DataError, NatsData};
use crate::kinds::route::{FORMAT, Record, TABLE};

/// What stands under a key.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Entry {
    Record(Box<Record>),
    Deleted,
    /// Another stack's.
    Foreign(String),
    /// Of a newer trueup.
    Higher(u64),
    Unreadable(String),
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Change {
    /// Run this record of a route from now on.
    Run(String, u64, Box<Record>),
    /// Stop a route, because of this.
    Stop(String, String),
    /// Say this of a route, and leave it as it is.
    Say(String, String),
}

/// A record's revision, and which life of its name it is: a table that was made anew counts its revisions anew.
type Known = (u64, uuid::Uuid);

/// The table as it was last seen.
pub(super) struct Table {
    nats: NatsData,
    stack: String,
    mark: Option<(String, u64)>,
    /// The revisions of the routes that run.
    known: BTreeMap<String, Known>,
    said: BTreeMap<String, String>,
}

impl Table {
    pub(super) fn new(nats: &NatsData, stack: &str) -> Table {
        Table {
            nats: nats.clone(),
            stack: stack.to_owned(),
            mark: None,
            known: BTreeMap::new(),
            said: BTreeMap::new(),
        }
    }

    /// What changed since it was last read.
    ///
    /// # Errors
    /// Why it can't be read; what runs goes on.
    pub(super) async fn look(&mut self) -> Result<Vec<Change>, Fault> {
        let stream = format!("KV_{TABLE}");
        let Some(document) = self.nats.stream(&stream).await? else {
            self.mark = None;
            return Err(Fault::standing(format!("there is no bucket `{TABLE}`")));
        };
        let created = document
            .get("created")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let last = document
            .get("state")
            .and_then(|state| state["last_seq"].as_u64());
        let mark = (created.to_owned(), last.unwrap_or_default());
        if self.mark.as_ref() == Some(&mark) {
            return Ok(Vec::new());
        }
        let entries = self.entries(&stream).await?;
        self.mark = Some(mark);
        let changes = heed(&self.stack, &mut self.known, &entries);
        Ok(changes
            .into_iter()
            .filter(|change| self.is_news(change))
            .collect())
    }

    /// A word that was said already is said no more.
    fn is_news(&mut self, change: &Change) -> bool {
        match change {
            Change::Say(name, text) => {
                self.said.insert(name.clone(), text.clone()).as_ref() != Some(text)
            }
            Change::Run(name, ..) | Change::Stop(name, _) => {
                self.said.remove(name);
                true
            }
        }
    }

    async fn entries(&self, stream: &str) -> Result<Vec<(String, u64, Entry)>, DataError> {
        let mut entries = Vec::new();
        for name in self.keys(stream).await? {
            let Some(last) = self.nats.key(TABLE, &name).await? else {
                continue;
            };
            let entry = match &last.value {
                None => Entry::Deleted,
                Some(value) => read(&self.stack, value),
            };
            entries.push((name, last.sequence, entry));
        }
        Ok(entries)
    }

    async fn keys(&self, stream: &str) -> Result<Vec<String>, DataError> {
        let prefix = format!("$KV.{TABLE}.");
        let mut keys = Vec::new();
        loop {
            let body = json!({"subjects_filter": format!("{prefix}>"), "offset": keys.len()});
            let page = self
                .nats
                .api(&format!("STREAM.INFO.{stream}"), Some(&body))
                .await?;
            let before = keys.len();
            let subjects = page
                .get("state")
                .and_then(|state| state["subjects"].as_object());
            let names = subjects.into_iter().flat_map(serde_json::Map::keys);
            keys.extend(
                names
                    .filter_map(|subject| subject.strip_prefix(&prefix))
                    .map(str::to_owned),
            );
            let total = page
                .get("total")
                .and_then(Value::as_u64)
                .unwrap_or_default();
            if keys.len() as u64 >= total || keys.len() == before {
                return Ok(keys);
            }
        }
    }
}

fn read(stack: &str, value: &[u8]) -> Entry {
    let document: Value = match serde_json::from_slice(value) {
        Ok(document) => document,
        Err(error) => return Entry::Unreadable(error.to_string()),
    };
    match document["format"].as_u64() {
        Some(format) if format > u64::from(FORMAT) => return Entry::Higher(format),
        Some(_) => {}
        None => return Entry::Unreadable("it tells no `format`".to_owned()),
    }
    match serde_json::from_value::<Record>(document) {
        Ok(record) if record.stack == stack => Entry::Record(Box::new(record)),
        Ok(record) => Entry::Foreign(record.stack),
        Err(error) => Entry::Unreadable(error.to_string()),
    }
}

/// What follows from what stands in the table, for who runs these revisions.
fn heed(
    stack: &str,
    known: &mut BTreeMap<String, Known>,
    entries: &[(String, u64, Entry)],
) -> Vec<Change> {
    let mut changes = Vec::new();
    for (name, revision, entry) in entries {
        let runs = known.contains_key(name);
        let on = match runs {
            true => "it goes on with the last good record",
            false => "it is left alone",
        };
        let say = |text: String| Change::Say(name.clone(), text);
        match entry {
            Entry::Record(record) => {
                let now = (*revision, record.id);
                if known.insert(name.clone(), now) != Some(now) {
                    changes.push(Change::Run(name.clone(), *revision, record.clone()));
                }
            }
            Entry::Deleted if known.remove(name).is_some() => {
                changes.push(Change::Stop(name.clone(), "it was deleted".to_owned()));
            }
            Entry::Foreign(other) if known.remove(name).is_some() => {
                let why = format!("it is stack `{other}`'s now, not `{stack}`'s");
                changes.push(Change::Stop(name.clone(), why));
            }
            Entry::Deleted | Entry::Foreign(_) => {}
            Entry::Higher(format) => changes.push(say(format!(
                "its record is of format {format}, which only a newer trueup reads; {on}"
            ))),
            Entry::Unreadable(why) => {
                changes.push(say(format!("its record can't be read: {why}; {on}")));
            }
        }
    }
    for name in known.keys() {
        if !entries.iter().any(|(listed, ..)| listed == name) {
            let text = "it is gone from the table without a marker of deletion; it goes on with the last good record";
            changes.push(Change::Say(name.clone(), text.to_owned()));
        }
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::route::RouteSpec;

    fn record() -> Box<Record> {
        Box::new(Record {
            format: FORMAT,
            id: uuid::Uuid::nil(),
            stack: "s".to_owned(),
            source: None,
            epoch: 0,
            resets: 0,
            spec: RouteSpec::default(),
            trueup: "0".to_owned(),
        })
    }

    fn one(entry: Entry, runs: bool) -> Vec<Change> {
        let mut known = BTreeMap::new();
        if runs {
            known.insert("r".to_owned(), (1, uuid::Uuid::nil()));
        }
        heed("s", &mut known, &[("r".to_owned(), 2, entry)])
    }

    fn stops(changes: &[Change]) -> bool {
        matches!(changes, [Change::Stop(..)])
    }

    fn says(changes: &[Change], what: &str) -> bool {
        matches!(changes, [Change::Say(_, text)] if text.contains(what))
    }

    #[test]
    fn only_a_marker_or_another_owner_stops_a_route() {
        assert!(stops(&one(Entry::Deleted, true)));
        assert!(one(Entry::Deleted, false).is_empty());
        assert!(stops(&one(Entry::Foreign("o".to_owned()), true)));
        assert!(one(Entry::Foreign("o".to_owned()), false).is_empty());
        let rubbish = || Entry::Unreadable("x".to_owned());
        assert!(says(&one(rubbish(), true), "goes on with the last good"));
        assert!(says(&one(rubbish(), false), "left alone"));
        assert!(says(
            &one(Entry::Higher(9), true),
            "goes on with the last good"
        ));
        let mut known = BTreeMap::from([("r".to_owned(), (1, uuid::Uuid::nil()))]);
        assert!(says(&heed("s", &mut known, &[]), "without a marker"));
        assert_eq!(known.len(), 1);
    }

    #[test]
    fn a_record_runs_once_a_revision() {
        let mut known = BTreeMap::new();
        let entries = [("r".to_owned(), 2, Entry::Record(record()))];
        assert_eq!(
            heed("s", &mut known, &entries),
            [Change::Run("r".to_owned(), 2, record())]
        );
        assert!(heed("s", &mut known, &entries).is_empty());
    }

    #[test]
    fn what_stands_under_a_key_is_told_apart() {
        let text = serde_json::to_string(&record()).unwrap();
        assert_eq!(read("s", text.as_bytes()), Entry::Record(record()));
        assert_eq!(read("o", text.as_bytes()), Entry::Foreign("s".to_owned()));
        assert_eq!(read("s", br#"{"format": 2}"#), Entry::Higher(2));
        for rubbish in ["", "x", "{}", r#"{"format": 1}"#, "[1]"] {
            assert!(
                matches!(read("s", rubbish.as_bytes()), Entry::Unreadable(_)),
                "{rubbish}"
            );
        }
    }
}
