//! Headers on their way, the route's own among them.

use async_nats::HeaderMap;
use async_nats::header::{HeaderName, HeaderValue};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use indexmap::IndexMap;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::kinds::route::{PATH_HEADER, RouteHeaders};

/// The header with a record's key, where the subject does not tell it; its `-b64` form where that is no text.
pub(crate) const KEY: &str = "Kafka-Key";

/// Stands under a tombstone in NATS, which knows no message without a payload.
pub(super) const TOMBSTONE: &str = "Kafka-Tombstone";

/// Where a bucket's key was deleted.
pub(super) const KV_OPERATION: &str = "KV-Operation";

/// Where the server itself took a message away.
pub(super) const MARKER_REASON: &str = "Nats-Marker-Reason";

/// What a value that NATS can't carry comes under.
const ENCODED: &str = "-b64";

/// What a header's name can't hold in NATS.
const UNFIT: AsciiSet = CONTROLS.add(b':').add(b' ');

/// Which headers go along a route.
#[derive(Clone, Debug)]
pub(super) struct HeaderRules {
    route: String,
    deny: Vec<String>,
    add: IndexMap<String, String>,
}

impl HeaderRules {
    pub(super) fn new(route: &str, said: Option<&RouteHeaders>) -> HeaderRules {
        let said = said.cloned().unwrap_or_default();
        HeaderRules {
            route: route.to_owned(),
            deny: said.deny.unwrap_or_default(),
            add: said.add.unwrap_or_default(),
        }
    }

    pub(super) fn denies(&self, name: &str) -> bool {
        self.deny
            .iter()
            .any(|denied| denied.eq_ignore_ascii_case(name))
            || name.eq_ignore_ascii_case(PATH_HEADER)
            || self
                .add
                .keys()
                .any(|added| added.eq_ignore_ascii_case(name))
    }

    /// The path with this route at its end; none where it stands in it already.
    fn path<'p>(&self, before: impl Iterator<Item = &'p str>) -> Option<String> {
        let mut path: Vec<&str> = before
            .flat_map(|value| value.split(','))
            .map(str::trim)
            .filter(|hop| !hop.is_empty())
            .collect();
        if path.contains(&self.route.as_str()) {
            return None;
        }
        path.push(&self.route);
        Some(path.join(","))
    }

    /// A record's headers, by name, the values of one in their order; none where the message went along this route before.
    pub(super) fn outward(
        &self,
        headers: Option<&HeaderMap>,
    ) -> Option<Vec<(String, Option<Vec<u8>>)>> {
        let mut all: Vec<(&str, &Vec<HeaderValue>)> = headers
            .into_iter()
            .flat_map(HeaderMap::iter)
            .map(|(name, values)| (name.as_ref(), values))
            .collect();
        all.sort_unstable_by_key(|(name, _)| *name);
        let before = all
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case(PATH_HEADER));
        let path =
            self.path(before.flat_map(|(_, values)| values.iter().map(HeaderValue::as_str)))?;
        let kept = all
            .iter()
            .filter(|(name, _)| !self.denies(name) && !name.eq_ignore_ascii_case(TOMBSTONE));
        let mut out: Vec<(String, Option<Vec<u8>>)> = kept
            .flat_map(|(name, values)| {
                let one = |value: &HeaderValue| {
                    (name.to_string(), Some(value.as_str().as_bytes().to_vec()))
                };
                values.iter().map(one)
            })
            .collect();
        let added = self.add.iter();
        out.extend(added.map(|(name, value)| (name.clone(), Some(value.clone().into_bytes()))));
        out.push((PATH_HEADER.to_owned(), Some(path.into_bytes())));
        Some(out)
    }

    /// A message's headers. None where the record went along this route before.
    ///
    /// NATS's own headers are left out: they would purge streams, expire messages or make the publish fail.
    pub(super) fn inward(&self, headers: &[(String, Option<Vec<u8>>)]) -> Option<HeaderMap> {
        let is_path = |name: &str| name.eq_ignore_ascii_case(PATH_HEADER);
        let before = headers.iter().filter(|(name, _)| is_path(name));
        let before = before.filter_map(|(_, value)| std::str::from_utf8(value.as_ref()?).ok());
        let path = self.path(before)?;
        let mut out = HeaderMap::new();
        for (name, value) in headers {
            if !is_of_nats(name) && !self.denies(name) {
                put(&mut out, name, value.as_deref());
            }
        }
        for (name, value) in &self.add {
            put(&mut out, name, Some(value.as_bytes()));
        }
        put(&mut out, PATH_HEADER, Some(path.as_bytes()));
        Some(out)
    }
}

/// Whether a server or a client of NATS acts by it.
fn is_of_nats(name: &str) -> bool {
    let is = |other: &str| name.eq_ignore_ascii_case(other);
    let begins = name
        .get(..5)
        .is_some_and(|head| head.eq_ignore_ascii_case("nats-"));
    begins || is(KV_OPERATION) || is(TOMBSTONE)
}

/// Puts a value under a name, as base64 under another where NATS would change or refuse it.
pub(crate) fn put(headers: &mut HeaderMap, name: &str, value: Option<&[u8]>) {
    let clean = value.and_then(|value| std::str::from_utf8(value).ok());
    let clean = clean.filter(|text| text.trim() == *text && !text.contains(['\r', '\n', '\0']));
    let name = match name {
        "" => "%".to_owned(),
        name => utf8_percent_encode(name, &UNFIT).to_string(),
    };
    let (name, value) = match clean {
        Some(text) => (name, text.to_owned()),
        None => (name + ENCODED, STANDARD.encode(value.unwrap_or_default())),
    };
    if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) {
        headers.append(name, value);
    }
}

/// The first value under a name, whatever its case.
pub(super) fn first_of<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    if let Some(value) = headers.get(name) {
        return Some(value.as_str());
    }
    let mut found: Vec<(&str, &str)> = headers
        .iter()
        .filter(|(known, _)| AsRef::<str>::as_ref(*known).eq_ignore_ascii_case(name))
        .filter_map(|(known, values)| Some((known.as_ref(), values.first()?.as_str())))
        .collect();
    found.sort_unstable();
    found.first().map(|(_, value)| *value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> HeaderRules {
        let said = RouteHeaders {
            deny: Some(vec!["authorization".to_owned()]),
            add: Some(IndexMap::from([("origin".to_owned(), "nats".to_owned())])),
        };
        HeaderRules::new("me", Some(&said))
    }

    fn in_order(headers: &HeaderMap) -> Vec<String> {
        let mut all: Vec<String> = headers
            .iter()
            .map(|(name, values)| {
                let values: Vec<&str> = values.iter().map(HeaderValue::as_str).collect();
                format!("{name}={}", values.join("|"))
            })
            .collect();
        all.sort_unstable();
        all
    }

    #[test]
    fn values_keep_their_order_and_the_path_grows() {
        let mut headers = HeaderMap::new();
        headers.append("b", "2");
        headers.append("b", "1");
        headers.append("Authorization", "secret");
        headers.append("Origin", "theirs");
        headers.append("trueup-path", "other");
        let out = rules().outward(Some(&headers)).unwrap();
        let text = |value: &Option<Vec<u8>>| String::from_utf8(value.clone().unwrap()).unwrap();
        let out: Vec<_> = out
            .iter()
            .map(|(name, value)| format!("{name}={}", text(value)))
            .collect();
        assert_eq!(out, ["b=2", "b=1", "origin=nats", "trueup-path=other,me"]);
    }

    #[test]
    fn who_went_along_before_is_known_both_ways() {
        let mut headers = HeaderMap::new();
        headers.append("Trueup-Path", "a, me");
        assert_eq!(rules().outward(Some(&headers)), None);
        let record = [("trueup-path".to_owned(), Some(b"me,a".to_vec()))];
        assert!(rules().inward(&record).is_none());
        let other = [("trueup-path".to_owned(), Some(b"mee".to_vec()))];
        assert!(rules().inward(&other).is_some());
    }

    #[test]
    fn what_nats_acts_by_stays_out_and_what_it_cannot_carry_is_encoded() {
        let header =
            |name: &str, value: Option<&[u8]>| (name.to_owned(), value.map(<[u8]>::to_vec));
        let record = [
            header("Nats-Rollup", Some(b"all")),
            header("nats-ttl", Some(b"1s")),
            header("KV-Operation", Some(b"PURGE")),
            header("plain", Some("ä".as_bytes())),
            header("multi", Some(b"2")),
            header("multi", Some(b"1")),
            header("empty", Some(b"")),
            header("null", None),
            header("lines", Some(b"a\r\nNats-Rollup: all")),
            header("bytes", Some(&[0xff, 0])),
            header("blank", Some(b" a ")),
            header("my name:", Some(b"v")),
        ];
        assert_eq!(
            in_order(&rules().inward(&record).unwrap()),
            [
                "blank-b64=IGEg",
                "bytes-b64=/wA=",
                "empty=",
                "lines-b64=YQ0KTmF0cy1Sb2xsdXA6IGFsbA==",
                "multi=2|1",
                "my%20name%3A=v",
                "null-b64=",
                "origin=nats",
                "plain=ä",
                "trueup-path=me",
            ]
        );
    }
}
