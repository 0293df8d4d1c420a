//! Words that a shell's completions offer for an option that takes others, too.

use std::ffi::OsStr;
use std::sync::LazyLock;

use clap::ValueEnum;
use clap::builder::{PossibleValue, TypedValueParser};

use super::Form;
use crate::kinds::registry;
use crate::manifest::parts;
use crate::model::{Code, KindName};
use crate::report::explain::topics;

/// Reads a text, and offers these words for it.
#[derive(Clone)]
pub(super) struct Offered<T> {
    read: fn(&str) -> Result<T, String>,
    words: fn() -> &'static [String],
}

impl<T> Offered<T> {
    pub(super) fn new(
        read: fn(&str) -> Result<T, String>,
        words: fn() -> &'static [String],
    ) -> Offered<T> {
        Offered { read, words }
    }
}

impl<T: Clone + Send + Sync + 'static> TypedValueParser for Offered<T> {
    type Value = T;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<T, clap::Error> {
        self.read.parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let words = (self.words)().iter();
        Some(Box::new(
            words.map(|word| PossibleValue::new(word.as_str())),
        ))
    }
}

/// Any text.
pub(super) fn any(text: &str) -> Result<String, String> {
    Ok(text.to_owned())
}

/// What `explain` explains: kinds and sections, their fields, and codes.
pub(in crate::cli) fn topics_offered() -> &'static [String] {
    static TOPICS: LazyLock<Vec<String>> = LazyLock::new(|| {
        let codes = Code::ALL.iter().map(|code| code.as_str().to_owned());
        topics(registry(), parts())
            .into_iter()
            .chain(codes)
            .collect()
    });
    &TOPICS
}

/// The kinds.
pub(super) fn kinds() -> &'static [String] {
    static KINDS: LazyLock<Vec<String>> =
        LazyLock::new(|| KindName::ALL.iter().map(ToString::to_string).collect());
    &KINDS
}

/// The kinds as addresses begin with them; what follows is a name or a pattern.
pub(super) fn patterns() -> &'static [String] {
    static PATTERNS: LazyLock<Vec<String>> =
        LazyLock::new(|| kinds().iter().map(|kind| format!("{kind}/")).collect());
    &PATTERNS
}

/// Where a ledger may be.
pub(super) fn ledgers() -> &'static [String] {
    static PLACES: LazyLock<Vec<String>> =
        LazyLock::new(|| ["nats", "kafka", "none", "file:"].map(str::to_owned).into());
    &PLACES
}

/// The forms of a report, each before its file.
pub(super) fn forms() -> &'static [String] {
    static FORMS: LazyLock<Vec<String>> = LazyLock::new(|| {
        let forms = Form::value_variants()
            .iter()
            .filter_map(Form::to_possible_value);
        forms.map(|form| format!("{}=", form.get_name())).collect()
    });
    &FORMS
}
