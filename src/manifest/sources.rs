//! The texts of a manifest, for snippets.

use std::fmt;
use std::sync::{Arc, OnceLock};

use indexmap::IndexMap;

use super::node::Files;
use super::secrets::Secrets;
use crate::model::Problem;

/// The texts that places point into, by the name of their file. Secrets that stand in them are
/// blinded, byte for byte, before anybody sees them.
#[derive(Clone, Default)]
pub struct Sources(Arc<Texts>);

#[derive(Default)]
struct Texts {
    /// As they were read; nothing shows them.
    read: Vec<Read>,
    /// What a manifest's tree told of its secrets.
    secrets: Secrets,
    /// Made when somebody asks for it: where nothing is complained of, nobody does.
    blinded: OnceLock<Blinded>,
    /// Where the text of each file is.
    files: IndexMap<Arc<str>, usize>,
}

/// The texts as they may be shown, and all secrets that were found in them.
struct Blinded {
    texts: Vec<String>,
    secrets: Secrets,
}

/// A text that was read.
pub(super) struct Read {
    pub text: String,
    /// Whether it was read to its end.
    pub whole: bool,
}

impl Sources {
    /// Of each file its text.
    pub(super) fn of(files: &Files, read: Vec<Read>, secrets: Secrets) -> Sources {
        let files = files.0.iter().enumerate();
        Sources(Arc::new(Texts {
            read,
            secrets,
            blinded: OnceLock::new(),
            files: files.map(|(index, name)| (name.clone(), index)).collect(),
        }))
    }

    /// The text of a file.
    pub fn text(&self, file: &str) -> Option<&str> {
        let index = *self.0.files.get(file)?;
        self.0.blinded().texts.get(index).map(AsRef::as_ref)
    }

    /// The files in the order in which they were read.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.0.files.keys().map(AsRef::as_ref)
    }

    /// Blinds the secrets of the texts in what the problems say.
    pub(super) fn blind(&self, problems: &mut [Problem]) {
        if !problems.is_empty() {
            self.0.blinded().secrets.blind(problems);
        }
    }
}

impl Texts {
    fn blinded(&self) -> &Blinded {
        self.blinded.get_or_init(|| {
            let mut secrets = self.secrets.clone();
            let texts = secrets.blinded(&self.read);
            Blinded { texts, secrets }
        })
    }
}

/// The files' names, never a text.
impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sources").field(&self.0.files).finish()
    }
}
