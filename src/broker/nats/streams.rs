//! Streams, as whole JSON documents.

use indexmap::{IndexMap, IndexSet};
use serde_json::{Map, Value, json};

use super::election::Again;
use super::names::checked;
use super::sift::Kept;
use super::wire::{Body, many};
use super::{Answer, JetStream, NatsError};

/// The error code of a stream that does not exist (`JSStreamNotFoundErr`).
pub(super) const STREAM_NOT_FOUND: u64 = 10059;

/// Above how many names a listing may be cheaper than asking for each: what a page of STREAM.LIST holds
/// (`JSApiListLimit`).
const WORTH_LISTING: usize = 256;

/// How often a set that changes while it is paged is listed.
const LISTINGS: usize = 3;

/// What a deletion met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deletion {
    /// It was there and is gone.
    Done,
    /// There was none of that name.
    NotThere,
}

/// All streams of an account.
#[derive(Debug, Clone, Default)]
pub struct StreamListing {
    /// The documents, sorted by name. They lack `_nats.ver` and `_nats.level` in `metadata`.
    pub streams: Vec<Map<String, Value>>,
    /// Streams that exist and whose document the cluster could not get in time, or that are offline.
    pub missing: Vec<String>,
    /// Streams that exist and are offline, with the reason (2.12).
    pub offline: IndexMap<String, String>,
}

impl JetStream {
    /// The document of a stream: `config`, `state`, `created`, `cluster`, `mirror`, ...; `None` only when the
    /// server says that there is no such stream.
    ///
    /// # Errors
    /// Everything else: a time-out, a missing right and an offline stream (10118, 10194) are never absence.
    pub async fn stream_info(&self, name: &str) -> Result<Option<Map<String, Value>>, NatsError> {
        self.stream(name, Kept::Whole).await
    }

    async fn stream(&self, name: &str, kept: Kept) -> Answer {
        let call = format!("STREAM.INFO.{}", checked("stream", name)?);
        absent_when(self.wire.look(&call, kept).await, &[STREAM_NOT_FOUND])
    }

    /// The documents of many streams, in the order of `names`, each with its own outcome.
    ///
    /// Asks for each by its name, 64 at a time; where listing the account takes fewer requests it lists first
    /// and asks only for those that the listing did not show, because a listing never proves absence.
    pub async fn stream_infos(&self, names: &[String]) -> IndexMap<String, Answer> {
        self.streams(names, Kept::Whole, Kept::Whole).await
    }

    /// The same, of each document only `config` and `created`: of ten thousand, the rest weighs as much as those.
    pub async fn stream_configs(&self, names: &[String]) -> IndexMap<String, Answer> {
        self.streams(names, Kept::Config, Kept::Configs).await
    }

    async fn streams(
        &self,
        names: &[String],
        kept: Kept,
        of_page: Kept,
    ) -> IndexMap<String, Answer> {
        let mut listed = self.listed_when_cheaper(names, of_page).await;
        let names = names.iter().cloned().collect::<IndexSet<_>>();
        let answers = many(names, |name| {
            let found = listed.swap_remove(&name);
            async move {
                let answer = match found {
                    Some(document) => Ok(Some(document)),
                    None => self.stream(&name, kept).await,
                };
                (name, answer)
            }
        });
        answers.await.into_iter().collect()
    }

    /// All streams of the account.
    ///
    /// A set that changes while it is paged is listed again, up to three times.
    ///
    /// # Errors
    /// As for any read.
    pub async fn stream_list(&self) -> Result<StreamListing, NatsError> {
        for _ in 0..LISTINGS {
            let first = self.stream_page(0, Kept::Whole).await?;
            if let Some(listing) = self.list_from(first, Kept::Whole).await? {
                return Ok(listing);
            }
        }
        Err(NatsError::MalformedAnswer {
            server: self.server().url.clone(),
            subject: self.wire.subject("STREAM.LIST"),
            reason: "streams came and went during three listings; try again when it is calmer"
                .to_owned(),
        })
    }

    /// The names of the streams whose subjects overlap `subject`.
    ///
    /// # Errors
    /// As for any read.
    pub async fn stream_names_overlapping(&self, subject: &str) -> Result<Vec<String>, NatsError> {
        let mut names = IndexSet::new();
        loop {
            let body = Body::Json(json!({"offset": names.len(), "subject": subject}));
            let page = self.wire.read("STREAM.NAMES", &body).await?;
            let before = names.len();
            names.extend(texts(&page, "streams"));
            if names.len() == before || names.len() >= total(&page) {
                return Ok(names.into_iter().collect());
            }
        }
    }

    /// Creates a stream. `required_level` makes a server below that API level refuse (10185).
    ///
    /// # Errors
    /// [`NatsError::Api`] 10058 when the name exists with another configuration;
    /// [`NatsError::AnswerLost`] when nobody knows whether it was created.
    pub async fn stream_create(
        &self,
        config: &Map<String, Value>,
        required_level: Option<u8>,
    ) -> Result<Map<String, Value>, NatsError> {
        self.write_stream("CREATE", config, required_level).await
    }

    /// Updates a stream. The server replaces the configuration as a whole: what `config` leaves out goes back
    /// to its default.
    ///
    /// # Errors
    /// [`NatsError::Api`] 10059 when there is no such stream;
    /// [`NatsError::AnswerLost`] when nobody knows whether it was updated.
    pub async fn stream_update(
        &self,
        config: &Map<String, Value>,
        required_level: Option<u8>,
    ) -> Result<Map<String, Value>, NatsError> {
        self.write_stream("UPDATE", config, required_level).await
    }

    /// Deletes a stream with all that it holds, whichever life of the name it is by now: the server has no request that
    /// deletes one life only.
    ///
    /// # Errors
    /// [`NatsError::AnswerLost`] when nobody knows whether it was deleted; it is never sent twice, for the second might
    /// meet a stream that was made anew meanwhile.
    pub async fn stream_delete(&self, name: &str) -> Result<Deletion, NatsError> {
        let call = format!("STREAM.DELETE.{}", checked("stream", name)?);
        self.delete(&call, &[STREAM_NOT_FOUND]).await
    }

    /// Sends a deletion; these codes say that there is nothing to delete.
    pub(super) async fn delete(
        &self,
        call: &str,
        not_there: &[u64],
    ) -> Result<Deletion, NatsError> {
        let answer = self
            .wire
            .write(call, &Body::Empty, None, Again::Never)
            .await;
        let found = absent_when(answer, not_there)?;
        Ok(found.map_or(Deletion::NotThere, |_| Deletion::Done))
    }

    async fn write_stream(
        &self,
        verb: &str,
        config: &Map<String, Value>,
        level: Option<u8>,
    ) -> Result<Map<String, Value>, NatsError> {
        let name = config
            .get("name")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let name = checked("stream", name)?;
        let body = Body::Json(Value::Object(config.clone()));
        // the server takes the same configuration again as done (2.9 and newer)
        let again = match verb {
            "CREATE" => Again::Harmless,
            _ => Again::Never,
        };
        self.wire
            .write(&format!("STREAM.{verb}.{name}"), &body, level, again)
            .await
    }

    /// The wanted documents as far as a listing shows them; none when a listing is no saving or fails.
    async fn listed_when_cheaper(
        &self,
        names: &[String],
        kept: Kept,
    ) -> IndexMap<String, Map<String, Value>> {
        if names.len() <= WORTH_LISTING {
            return IndexMap::new();
        }
        let Ok(first) = self.stream_page(0, kept).await else {
            return IndexMap::new();
        };
        let worth = first.total <= 4 * names.len();
        let listing = match worth {
            true => self.list_from(first, kept).await,
            false => Ok(None),
        };
        let streams = listing.ok().flatten().unwrap_or_default().streams;
        let named = streams
            .into_iter()
            .filter_map(|stream| Some((name_of(&stream)?, stream)));
        let wanted = names
            .iter()
            .map(String::as_str)
            .collect::<std::collections::HashSet<_>>();
        named
            .filter(|(name, _)| wanted.contains(name.as_str()))
            .collect()
    }

    /// The pages after `page`, put together; nothing when the set changed meanwhile.
    ///
    /// The offset grows by the streams and the missing ones together: an offline stream takes a place and is
    /// only in `missing` (standalone) or in both (clustered).
    async fn list_from(
        &self,
        mut page: Page,
        kept: Kept,
    ) -> Result<Option<StreamListing>, NatsError> {
        let mut listing = StreamListing::default();
        let mut seen = IndexSet::new();
        let total = page.total;
        loop {
            let before = seen.len();
            seen.extend(page.streams.iter().filter_map(name_of));
            seen.extend(page.missing.iter().cloned());
            seen.extend(page.offline.keys().cloned());
            listing.streams.append(&mut page.streams);
            listing.missing.append(&mut page.missing);
            listing.offline.append(&mut page.offline);
            if page.total != total || seen.len() < before + page.places.min(1) {
                return Ok(None);
            }
            if seen.len() >= total {
                return Ok(Some(listing));
            }
            page = self.stream_page(seen.len(), kept).await?;
            if page.places == 0 {
                return Ok(None);
            }
        }
    }

    async fn stream_page(&self, offset: usize, kept: Kept) -> Result<Page, NatsError> {
        let body = Body::Json(json!({"offset": offset}));
        let document = self.wire.page("STREAM.LIST", &body, kept).await?;
        Ok(Page::read(document))
    }
}

/// One page of STREAM.LIST.
struct Page {
    total: usize,
    places: usize,
    streams: Vec<Map<String, Value>>,
    missing: Vec<String>,
    offline: IndexMap<String, String>,
}

impl Page {
    fn read(mut document: Map<String, Value>) -> Page {
        let missing = texts(&document, "missing").collect::<Vec<_>>();
        let offline = match document.get("offline") {
            Some(Value::Object(reasons)) => reasons
                .iter()
                .map(|(name, reason)| {
                    (name.clone(), reason.as_str().unwrap_or_default().to_owned())
                })
                .collect(),
            _ => IndexMap::new(),
        };
        let total = total(&document);
        let streams = objects(&mut document, "streams");
        Page {
            total,
            places: streams.len() + missing.len() + offline.len(),
            streams,
            missing,
            offline,
        }
    }
}

/// Turns the given error codes into absence.
pub(super) fn absent_when(answer: Result<Map<String, Value>, NatsError>, codes: &[u64]) -> Answer {
    match answer {
        Ok(document) => Ok(Some(document)),
        Err(error) if error.api_code().is_some_and(|code| codes.contains(&code)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The objects in the array `field`, taken out of the document.
pub(super) fn objects(document: &mut Map<String, Value>, field: &str) -> Vec<Map<String, Value>> {
    let Some(Value::Array(items)) = document.remove(field) else {
        return Vec::new();
    };
    let object = |item| match item {
        Value::Object(object) => Some(object),
        _ => None,
    };
    items.into_iter().filter_map(object).collect()
}

/// How many items there are in all pages.
pub(super) fn total(page: &Map<String, Value>) -> usize {
    let total = page
        .get("total")
        .and_then(Value::as_u64)
        .unwrap_or_default();
    usize::try_from(total).unwrap_or(usize::MAX)
}

fn texts<'m>(document: &'m Map<String, Value>, field: &str) -> impl Iterator<Item = String> + 'm {
    let items = document.get(field).and_then(Value::as_array);
    items
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
}

fn name_of(stream: &Map<String, Value>) -> Option<String> {
    let name = stream.get("config")?.get("name")?.as_str()?;
    Some(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offline_stream_takes_a_place() {
        let page = json!({
            "total": 3,
            "streams": [{"config": {"name": "A"}}, {"config": {"name": "C"}}],
            "missing": ["B"],
            "offline": {"B": "unsupported api level"},
        });
        let page = Page::read(page.as_object().unwrap().clone());
        assert_eq!((page.total, page.streams.len()), (3, 2));
        assert_eq!(page.missing, ["B"]);
        assert_eq!(page.offline["B"], "unsupported api level");
    }

    #[test]
    fn null_is_an_empty_page() {
        let page = json!({"total": 0, "streams": null});
        let page = Page::read(page.as_object().unwrap().clone());
        assert_eq!((page.total, page.places), (0, 0));
    }
}
