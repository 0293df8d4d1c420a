use super::{Address, Code, Place};

/// How much a problem weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing is planned or applied while it stands.
    Error,
    /// Said, and gone on with.
    Warning,
}

/// A coded complaint with a place and a hint.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// The stable code that `explain` knows.
    pub code: Code,
    /// Whether it stops the work.
    pub severity: Severity,
    /// What is wrong: lower case, no full stop, values in backquotes.
    pub message: String,
    /// The resource that it speaks of.
    pub address: Option<Address>,
    /// Where it stands in the manifest.
    pub place: Option<Place>,
    /// Other places that belong to it, each with what stands there.
    pub notes: Vec<Note>,
    /// What to do next.
    pub hint: Option<String>,
}

/// A second place that a problem points to.
#[derive(Clone, Debug, PartialEq)]
pub struct Note {
    /// Where.
    pub place: Place,
    /// What stands there.
    pub message: String,
}

impl Problem {
    /// An error with this code and message, and nothing else yet.
    pub fn error(code: Code, message: impl Into<String>) -> Self {
        Problem {
            code,
            severity: Severity::Error,
            message: message.into(),
            address: None,
            place: None,
            notes: Vec::new(),
            hint: None,
        }
    }

    /// A warning with this code and message, and nothing else yet.
    pub fn warning(code: Code, message: impl Into<String>) -> Self {
        Problem {
            severity: Severity::Warning,
            ..Problem::error(code, message)
        }
    }

    /// The same, at this place.
    pub fn at(mut self, place: impl Into<Option<Place>>) -> Self {
        self.place = place.into();
        self
    }

    /// The same, about this resource.
    pub fn about(mut self, address: &Address) -> Self {
        self.address = Some(address.clone());
        self
    }

    /// The same, with what to do next.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same, with one more place.
    pub fn note(mut self, place: impl Into<Option<Place>>, message: impl Into<String>) -> Self {
        if let Some(place) = place.into() {
            self.notes.push(Note {
                place,
                message: message.into(),
            });
        }
        self
    }
}
