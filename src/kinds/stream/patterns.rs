//! Many subjects compared at once.
//!
//! Whether two subjects overlap is decided by where they have wildcards, and by the tokens where neither has one.
//! Subjects with their wildcards in the same places have one pattern, and a manifest has few patterns, however many
//! subjects: for two patterns, what meets is looked up by the tokens that both name.

use std::collections::HashMap;
use std::iter::zip;

use indexmap::IndexMap;

/// For each subject the place of the first that overlaps it, among those whose owner's number is smaller. Owners are
/// numbered in the order of the subjects. Takes time for each subject and each pattern, not for each pair of subjects.
pub(in crate::kinds) fn first_overlapping<'s>(
    subjects: impl IntoIterator<Item = (usize, &'s str)>,
) -> Vec<Option<usize>> {
    first_related(subjects, Pattern::overlaps)
}

/// The same, where one of the two takes all that the other takes.
pub(in crate::kinds) fn first_covering<'s>(
    subjects: impl IntoIterator<Item = (usize, &'s str)>,
) -> Vec<Option<usize>> {
    first_related(subjects, |one, other| {
        one.is_within(other) || other.is_within(one)
    })
}

/// Where a subject names a token: at each place before a `>`.
#[derive(PartialEq, Eq, Hash)]
struct Pattern {
    named: Vec<bool>,
    /// Whether a `>` follows, which takes one token and more.
    is_open: bool,
}

/// A subject of some pattern: its tokens, whose it is, and its place among all.
struct Subject<'s> {
    tokens: Vec<&'s str>,
    owner: usize,
    place: usize,
}

fn first_related<'s>(
    subjects: impl IntoIterator<Item = (usize, &'s str)>,
    related: impl Fn(&Pattern, &Pattern) -> bool,
) -> Vec<Option<usize>> {
    let mut groups: IndexMap<Pattern, Vec<Subject<'s>>> = IndexMap::new();
    let mut owners = Vec::new();
    for (owner, text) in subjects {
        let tokens: Vec<&str> = text.split('.').take_while(|token| *token != ">").collect();
        let pattern = Pattern::of(text, &tokens);
        let place = owners.len();
        owners.push(owner);
        groups.entry(pattern).or_default().push(Subject {
            tokens,
            owner,
            place,
        });
    }
    let mut first = vec![None; owners.len()];
    for (pattern, held) in &groups {
        for (asking, asked) in &groups {
            if related(pattern, asking) {
                look_up(&pattern.in_common(asking), held, asked, &mut first);
            }
        }
    }
    first
}

/// For each subject that is asked about, the first of those held that has the same tokens at these places and belongs
/// to an earlier owner, where it is before what was found so far.
fn look_up(
    places: &[usize],
    held: &[Subject<'_>],
    asked: &[Subject<'_>],
    first: &mut [Option<usize>],
) {
    let mut known: HashMap<Vec<&str>, &Subject<'_>> = HashMap::with_capacity(held.len());
    for subject in held {
        known.entry(subject.at(places)).or_insert(subject);
    }
    for subject in asked {
        // the first has the smallest owner
        let found = known.get(&subject.at(places));
        let found = found.filter(|found| found.owner < subject.owner);
        let before = first[subject.place].into_iter();
        first[subject.place] = before.chain(found.map(|found| found.place)).min();
    }
}

impl Pattern {
    fn of(text: &str, tokens: &[&str]) -> Pattern {
        Pattern {
            named: tokens.iter().map(|token| *token != "*").collect(),
            is_open: text.split('.').any(|token| token == ">"),
        }
    }

    /// How many tokens a message has at least.
    fn least(&self) -> usize {
        self.named.len() + usize::from(self.is_open)
    }

    /// Whether it takes every length that the other takes.
    fn spans(&self, other: &Pattern) -> bool {
        match self.is_open {
            true => other.least() >= self.least(),
            false => !other.is_open && other.least() == self.least(),
        }
    }

    /// Whether subjects of the two overlap where they name the same.
    fn overlaps(&self, other: &Pattern) -> bool {
        self.spans(other) || other.spans(self)
    }

    /// Whether a subject of this pattern is within one of the other that names the same.
    fn is_within(&self, other: &Pattern) -> bool {
        let mut places = zip(&self.named, &other.named);
        other.spans(self) && places.all(|(own, theirs)| *own || !theirs)
    }

    /// The places where both name a token.
    fn in_common(&self, other: &Pattern) -> Vec<usize> {
        let both = zip(&self.named, &other.named).map(|(own, theirs)| *own && *theirs);
        let places = both.enumerate().filter(|(_, both)| *both);
        places.map(|(place, _)| place).collect()
    }
}

impl<'s> Subject<'s> {
    fn at(&self, places: &[usize]) -> Vec<&'s str> {
        places.iter().map(|place| self.tokens[*place]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::subjects::{collide, is_within};
    use super::*;
    use proptest::prelude::*;

    /// Whether a subject and an earlier owner's are related, asked of every pair.
    fn by_pairs(
        subjects: &[(usize, String)],
        related: impl Fn(&str, &str) -> bool,
    ) -> Vec<Option<usize>> {
        let first = |(owner, subject): &(usize, String)| {
            let found =
                |(earlier, other): &(usize, String)| earlier < owner && related(other, subject);
            subjects.iter().position(found)
        };
        subjects.iter().map(first).collect()
    }

    fn borrowed(subjects: &[(usize, String)]) -> impl Iterator<Item = (usize, &str)> {
        subjects.iter().map(|(owner, text)| (*owner, text.as_str()))
    }

    fn subject() -> impl Strategy<Value = String> {
        let token = prop::sample::select(vec!["a", "b", "*"]);
        let last = prop::sample::select(vec!["", ">", "*"]);
        (prop::collection::vec(token, 0..4), last).prop_map(|(mut tokens, last)| {
            if tokens.is_empty() || !last.is_empty() {
                tokens.push(if last.is_empty() { "c" } else { last });
            }
            tokens.join(".")
        })
    }

    /// Up to 16 subjects, of owners in their order, some of which have several.
    fn owned() -> impl Strategy<Value = Vec<(usize, String)>> {
        prop::collection::vec((0..2_usize, subject()), 0..16).prop_map(|subjects| {
            let mut owner = 0;
            let numbered = |(step, subject)| {
                owner += step;
                (owner, subject)
            };
            subjects.into_iter().map(numbered).collect()
        })
    }

    proptest! {
        #[test]
        fn the_first_overlap_is_what_a_search_finds(subjects in owned()) {
            prop_assert_eq!(first_overlapping(borrowed(&subjects)), by_pairs(&subjects, collide));
        }

        #[test]
        fn the_first_that_covers_is_what_a_search_finds(subjects in owned()) {
            let covers = |one: &str, other: &str| is_within(one, other) || is_within(other, one);
            prop_assert_eq!(first_covering(borrowed(&subjects)), by_pairs(&subjects, covers));
        }
    }
}
