//! The properties as given: which are honoured, which are not, and what was wrong with each.

use std::str::FromStr;

use indexmap::IndexMap;
use secrecy::SecretString;

use super::Pem;
use super::kept::KEPT;

/// One thing wrong with one property.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PropertyComplaint {
    /// The property's name.
    pub property: String,
    /// What is wrong with it; never shows a secret.
    pub message: String,
    /// The way out, where there is one.
    pub hint: Option<String>,
}

/// Every name that the admin plane honours.
pub(super) const HONOURED: &[&str] = &[
    "bootstrap.servers",
    "metadata.broker.list",
    "client.id",
    "security.protocol",
    "sasl.mechanism",
    "sasl.mechanisms",
    "sasl.username",
    "sasl.password",
    "sasl.oauthbearer.method",
    "sasl.oauthbearer.client.id",
    "sasl.oauthbearer.client.secret",
    "sasl.oauthbearer.scope",
    "sasl.oauthbearer.extensions",
    "sasl.oauthbearer.token.endpoint.url",
    "sasl.oauthbearer.token.file",
    "ssl.ca.location",
    "ssl.ca.pem",
    "ssl.certificate.location",
    "ssl.certificate.pem",
    "ssl.key.location",
    "ssl.key.pem",
    "ssl.key.password",
    "ssl.endpoint.identification.algorithm",
    "enable.ssl.certificate.verification",
    "socket.timeout.ms",
    "socket.connection.setup.timeout.ms",
    "broker.address.family",
    "https.ca.location",
    "https.ca.pem",
];

/// The properties with a place to complain.
pub(super) struct Properties<'a> {
    given: &'a IndexMap<String, String>,
    complaints: Vec<PropertyComplaint>,
}

impl<'a> Properties<'a> {
    pub(super) fn new(given: &'a IndexMap<String, String>) -> Properties<'a> {
        Properties {
            given,
            complaints: Vec::new(),
        }
    }

    /// The complaints in the order of the properties (those about missing ones last), or the value when there is none.
    pub(super) fn finish<T>(mut self, value: Option<T>) -> Result<T, Vec<PropertyComplaint>> {
        let given = self.given;
        let place = |name: &str| given.get_index_of(name).unwrap_or(usize::MAX);
        self.complaints
            .sort_by_key(|complaint| place(&complaint.property));
        match value {
            Some(value) if self.complaints.is_empty() => Ok(value),
            _ => Err(self.complaints),
        }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.given.contains_key(name)
    }

    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        self.given.get(name).map(|value| value.trim())
    }

    /// A value that must not be empty when given.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        let value = self.get(name)?;
        if value.is_empty() {
            self.complain(name, "is empty", None);
            return None;
        }
        Some(value.to_string())
    }

    /// A value that must be there.
    pub(super) fn required(&mut self, name: &str, why: &str) -> Option<String> {
        if !self.has(name) {
            self.complain(name, &format!("is missing: {why}"), None);
        }
        self.text(name)
    }

    /// A secret that must be there; blanks at its ends belong to it.
    pub(super) fn required_secret(&mut self, name: &str, why: &str) -> Option<SecretString> {
        self.required(name, why)?;
        self.secret(name)
    }

    pub(super) fn secret(&self, name: &str) -> Option<SecretString> {
        self.given
            .get(name)
            .map(|value| SecretString::from(value.clone()))
    }

    /// PEM from `location` or inline from `pem`; both is a complaint.
    pub(super) fn pem(&mut self, location: &'static str, pem: &'static str) -> Option<Pem> {
        if self.has(location) && self.has(pem) {
            self.complain(
                pem,
                &format!("is given together with `{location}`"),
                Some("keep one of the two"),
            );
        }
        if let Some(path) = self.text(location) {
            return Some(Pem::File {
                property: location,
                path,
            });
        }
        self.text(pem)?;
        let text = self.secret(pem)?;
        Some(Pem::Inline {
            property: pem,
            text,
        })
    }

    /// A whole number within bounds.
    pub(super) fn number(
        &mut self,
        name: &str,
        bounds: std::ops::RangeInclusive<u64>,
    ) -> Option<u64> {
        let value = self.text(name)?;
        let number = value.parse().ok().filter(|number| bounds.contains(number));
        if number.is_none() {
            let message = format!(
                "`{value}` is not a whole number from {} to {}",
                bounds.start(),
                bounds.end()
            );
            self.complain(name, &message, None);
        }
        number
    }

    /// One of some words, in any case.
    pub(super) fn word<T: Copy>(&mut self, name: &str, words: &[(&str, T)]) -> Option<T> {
        let value = self.text(name)?;
        let found = words
            .iter()
            .find(|(word, _)| word.eq_ignore_ascii_case(&value));
        if found.is_none() {
            let known: Vec<String> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
            let nearest = nearest(&value, words.iter().map(|(word, _)| *word));
            self.complain(
                name,
                &format!("`{value}` is none of {}", known.join(", ")),
                nearest.as_deref(),
            );
        }
        found.map(|(_, meaning)| *meaning)
    }

    /// `true` or `false`.
    pub(super) fn flag(&mut self, name: &str) -> Option<bool> {
        let value = self.text(name)?.to_ascii_lowercase();
        let flag = bool::from_str(&value).ok();
        if flag.is_none() {
            self.complain(
                name,
                &format!("`{value}` is neither `true` nor `false`"),
                None,
            );
        }
        flag
    }

    pub(super) fn complain(&mut self, property: &str, message: &str, hint: Option<&str>) {
        self.complaints.push(PropertyComplaint {
            property: property.to_string(),
            message: message.to_string(),
            hint: hint.map(str::to_string),
        });
    }

    /// Names that mean nothing, or that would silently not be honoured.
    pub(super) fn check_names(&mut self) {
        for name in self.given.keys().filter(|name| !is_taken(name)) {
            let candidates = HONOURED.iter().chain(KEPT).chain(&BESIDE);
            let nearest = nearest(name, candidates.copied()).map_or(String::new(), |it| it + " ");
            let hint = format!("{nearest}those that trueup honours are {}", honoured());
            let what = match name.split_once('.') {
                Some(("sasl" | "ssl" | "security", _)) => {
                    "is not a property that trueup can honour"
                }
                _ => "is no property of librdkafka's",
            };
            self.complain(name, what, Some(&hint));
        }
    }

    /// Properties without effect under the `security.protocol` in use: most often the protocol is what was forgotten.
    pub(super) fn check_effect(&mut self, prefix: &str, in_use: bool, protocols: &str) {
        let given = self.given;
        let honoured =
            |name: &&String| name.starts_with(prefix) && HONOURED.contains(&name.as_str());
        let idle: Vec<&String> = given.keys().filter(honoured).collect();
        for name in idle.into_iter().filter(|_| !in_use) {
            let hint = format!("set `security.protocol` to {protocols}, or remove it");
            self.complain(
                name,
                "has no effect under this `security.protocol`",
                Some(&hint),
            );
        }
    }
}

/// Whether a property of this name is taken: honoured, or kept for the data plane.
pub(super) fn is_taken(name: &str) -> bool {
    HONOURED.contains(&name) || KEPT.contains(&name)
}

/// What the manifest takes beside the properties: only ever a suggestion here.
const BESIDE: [&str; 1] = ["cluster_id"];

fn honoured() -> String {
    HONOURED
        .iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// `did you mean ...`, when a known word is near enough.
fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    let distance =
        |candidate: &str| strsim::damerau_levenshtein(&word.to_ascii_lowercase(), candidate);
    let best = known.min_by_key(|candidate| distance(candidate))?;
    (distance(best) <= 1 + word.len() / 6).then(|| format!("did you mean `{best}`?"))
}
