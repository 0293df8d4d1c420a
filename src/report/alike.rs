//! What many steps share is told once.

use std::hash::Hash;

use indexmap::IndexMap;

/// So many that share one reason are all named.
const ALL: usize = 20;
/// Of more, so many are named and the rest is counted; JSON lists each.
const FIRST: usize = 5;

/// Those that share a reason, in order: the ones to name, and how many more there are.
pub(super) struct Alike<T> {
    pub named: Vec<T>,
    pub more: usize,
}

/// The items by what is told of them, each reason where it comes first.
pub(super) fn by_reason<K: Hash + Eq, T>(
    items: impl IntoIterator<Item = (K, T)>,
) -> IndexMap<K, Alike<T>> {
    let mut groups: IndexMap<K, Alike<T>> = IndexMap::new();
    for (reason, item) in items {
        let group = groups.entry(reason).or_insert_with(|| Alike {
            named: Vec::new(),
            more: 0,
        });
        group.named.push(item);
    }
    for group in groups.values_mut() {
        if group.named.len() > ALL {
            group.more = group.named.len() - FIRST;
            group.named.truncate(FIRST);
        }
    }
    groups
}

impl Alike<String> {
    /// The names on one line: `a, b and 3 more`.
    pub fn on_a_line(&self) -> String {
        let named = self.named.join(", ");
        match self.more {
            0 => named,
            more => format!("{named} and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_are_counted_and_few_are_named() {
        let items = (0..400).map(|n| ("down", n.to_string()));
        let groups = by_reason(items.chain([("denied", "x".to_owned())]));
        assert_eq!(groups["down"].on_a_line(), "0, 1, 2, 3, 4 and 395 more");
        assert_eq!(groups["denied"].on_a_line(), "x");
    }
}
