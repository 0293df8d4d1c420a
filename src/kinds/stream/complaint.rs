use crate::model::unit::Unit;
use crate::model::{Code, Problem, Refusal, Resource};

/// What is wrong with a configuration, before it is a problem of a manifest or a plan's refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::kinds) struct Complaint {
    /// The stable code.
    pub(in crate::kinds) code: Code,
    /// The field to point at.
    pub(in crate::kinds) field: String,
    /// The word of the field's value to point at, where it is about one.
    pub(in crate::kinds) word: Option<String>,
    /// What is wrong.
    pub(in crate::kinds) message: String,
    /// The way out.
    pub(in crate::kinds) hint: String,
}

impl Complaint {
    /// A complaint about this field.
    pub(in crate::kinds) fn new(
        code: Code,
        field: &str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Complaint {
            code,
            field: field.to_owned(),
            word: None,
            message: message.into(),
            hint: hint.into(),
        }
    }

    /// Two fields that can't both hold.
    pub(in crate::kinds) fn contradiction(
        field: &str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Complaint::new(Code::Contradiction, field, message, hint)
    }

    /// The same, about this word of the field's value.
    pub(in crate::kinds) fn word(mut self, word: &str) -> Self {
        self.word = Some(word.to_owned());
        self
    }

    /// A duration below the shortest that a server takes, both in nanoseconds. What is no whole
    /// number of milliseconds was most likely meant in another unit.
    pub(in crate::kinds) fn too_short(field: &str, nanos: i64, shortest: i64) -> Self {
        let [said, least] = [nanos, shortest].map(|number| Unit::Nanos.format(number));
        let hint = match nanos % 1_000_000 {
            0 => "",
            _ => "; a number without a unit counts nanoseconds",
        };
        Complaint::new(
            Code::OutOfRange,
            field,
            format!("`{field}` is {said}, shorter than {least}, the least that a server takes"),
            format!("take {least} or more{hint}"),
        )
    }

    /// As the manifest's problem, at the place of the field.
    pub(in crate::kinds) fn problem(self, resource: &Resource) -> Problem {
        let mut paths = resource.field_places.keys();
        let field = paths
            .find(|path| **path == self.field || is_under(path, &self.field))
            .unwrap_or(&self.field);
        let place = match &self.word {
            Some(word) => resource.place_of_word(field, word),
            None => resource.place_of(field),
        };
        let weigh = match self.code {
            // a server takes it, so an export may hold it
            Code::FilterOutside => Problem::warning,
            _ => Problem::error,
        };
        weigh(self.code, self.message)
            .about(&resource.address)
            .at(place)
            .hint(self.hint)
    }

    /// As a step's refusal.
    pub(in crate::kinds) fn refusal(self) -> Refusal {
        Refusal::new(self.code, self.message, self.hint).field(self.field)
    }
}

fn is_under(path: &str, object: &str) -> bool {
    path.strip_prefix(object)
        .is_some_and(|rest| rest.starts_with('.'))
}
