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

/// How many problems there are of each severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// The errors.
    pub errors: usize,
    /// The warnings.
    pub warnings: usize,
}

impl Tally {
    /// The tally of these.
    pub fn of(problems: &[Problem]) -> Tally {
        let is_error = |problem: &&Problem| problem.severity == Severity::Error;
        let errors = problems.iter().filter(is_error).count();
        Tally {
            errors,
            warnings: problems.len() - errors,
        }
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Tally) -> Tally {
        Tally {
            errors: self.errors + other.errors,
            warnings: self.warnings + other.warnings,
        }
    }

    /// What is left of it without the other, never less than nothing.
    #[must_use]
    pub fn minus(self, other: Tally) -> Tally {
        Tally {
            errors: self.errors.saturating_sub(other.errors),
            warnings: self.warnings.saturating_sub(other.warnings),
        }
    }

    /// Problems of any severity.
    pub fn total(self) -> usize {
        self.errors + self.warnings
    }

    /// `12 errors, 1 warning`; empty where there is none of both.
    pub fn words(self) -> String {
        let said = |count: usize, what: &str| match count {
            0 => None,
            1 => Some(format!("1 {what}")),
            n => Some(format!("{n} {what}s")),
        };
        let parts = [said(self.errors, "error"), said(self.warnings, "warning")];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        parts.join(", ")
    }
}
