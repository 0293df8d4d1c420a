//! Risks that a manifest shows by itself, whatever the brokers hold: what `validate` warns of.
//!
//! Each is the form without evidence of a rule in its kind's `risks`, and stands there beside the one with it.

use crate::model::{Code, Problem, Resource};

/// What a rule says of what is declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Foretold {
    /// The word of the field's value to point at; empty for all of it.
    word: String,
    says: String,
}

impl Foretold {
    /// This, about the whole value.
    pub(super) fn of(says: impl Into<String>) -> Foretold {
        Foretold::at_word("", says)
    }

    /// This, about a word of the value.
    pub(super) fn at_word(word: &str, says: impl Into<String>) -> Foretold {
        Foretold {
            word: word.to_owned(),
            says: says.into(),
        }
    }

    /// The warning that it makes of a rule's field; the way out is the code's own.
    pub(super) fn problem(self, code: Code, resource: &Resource, field: &str) -> Problem {
        warning(code, self.says, resource).at(resource.place_of_word(field, &self.word))
    }
}

/// A warning about a resource, at its own place.
pub(super) fn warning(code: Code, says: String, resource: &Resource) -> Problem {
    Problem::warning(code, says)
        .about(&resource.address)
        .at(resource.place.clone())
        .hint(code.way_out())
}
