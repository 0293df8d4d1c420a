use serde_json::Value;

use crate::model::Flat;

/// Reads what a flat configuration says, by path; absent is absent, whatever the default.
#[derive(Clone, Copy)]
pub(in crate::kinds) struct Said<'a>(pub(in crate::kinds) &'a Flat);

impl<'a> Said<'a> {
    /// The text there.
    pub(in crate::kinds) fn text(self, path: &str) -> Option<&'a str> {
        self.0.get(path)?.as_str()
    }

    /// The text there, where it is not empty.
    pub(in crate::kinds) fn word(self, path: &str) -> Option<&'a str> {
        self.text(path).filter(|text| !text.is_empty())
    }

    /// The number there.
    pub(in crate::kinds) fn number(self, path: &str) -> Option<i64> {
        self.0.get(path)?.as_i64()
    }

    /// The number there, where it is above zero: a limit that limits.
    pub(in crate::kinds) fn limit(self, path: &str) -> Option<i64> {
        self.number(path).filter(|number| *number > 0)
    }

    /// Whether a number above zero is there, which may go beyond 63 bits.
    pub(in crate::kinds) fn is_above_zero(self, path: &str) -> bool {
        let value = self.0.get(path);
        self.limit(path).is_some() || value.is_some_and(|value| value.as_u64() > Some(0))
    }

    /// Whether it is there and true.
    pub(in crate::kinds) fn is_on(self, path: &str) -> bool {
        self.flag(path) == Some(true)
    }

    /// The boolean there.
    pub(in crate::kinds) fn flag(self, path: &str) -> Option<bool> {
        self.0.get(path)?.as_bool()
    }

    /// The items of the list there; none when there is none.
    pub(in crate::kinds) fn items(self, path: &str) -> &'a [Value] {
        let list = self.0.get(path).and_then(Value::as_array);
        list.map_or(&[], Vec::as_slice)
    }

    /// The texts of the list there.
    pub(in crate::kinds) fn texts(self, path: &str) -> Vec<&'a str> {
        self.items(path).iter().filter_map(Value::as_str).collect()
    }

    /// Whether anything stands under this object.
    pub(in crate::kinds) fn has_under(self, object: &str) -> bool {
        self.under(object).next().is_some()
    }

    /// What stands under this object, by the rest of the path.
    pub(in crate::kinds) fn under(
        self,
        object: &str,
    ) -> impl Iterator<Item = (&'a str, &'a Value)> {
        let prefix = format!("{object}.");
        self.0
            .iter()
            .filter_map(move |(path, value)| Some((path.strip_prefix(&prefix)?, value)))
    }
}
