//! Subjects with wildcards: syntax, overlap, and a tree that finds an overlap among many.

use std::collections::HashMap;

use super::complaint::Complaint;
use crate::model::Code;

/// What is wrong with a subject; none when a server takes it.
pub(in crate::kinds) fn fault(subject: &str) -> Option<&'static str> {
    if subject.is_empty() {
        return Some("it is empty");
    }
    if subject.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Some("it holds a blank");
    }
    let tokens: Vec<&str> = subject.split('.').collect();
    if tokens.iter().any(|token| token.is_empty()) {
        return Some("a token between two dots is empty");
    }
    let (_, before) = tokens.split_last()?;
    before
        .contains(&">")
        .then_some("`>` may only be the last token")
}

/// A subject with this fault.
pub(in crate::kinds) fn no_subject(field: &str, subject: &str, fault: &str) -> Complaint {
    Complaint::new(
        Code::BadName,
        field,
        format!("`{subject}` is no subject: {fault}"),
        "tokens stand between dots; `*` is one token, `>` the rest",
    )
    .word(subject)
}

/// Why nothing can be published to a subject as it stands; none when a server takes it.
pub(in crate::kinds) fn not_literal(subject: &str) -> Option<&'static str> {
    let holds_wildcard = subject.split('.').any(|token| ["*", ">"].contains(&token));
    fault(subject).or(holds_wildcard.then_some("it holds a wildcard"))
}

/// Whether some message would match both.
pub(in crate::kinds) fn collide(left: &str, right: &str) -> bool {
    let mut left = left.split('.');
    let mut right = right.split('.');
    loop {
        match (left.next(), right.next()) {
            (None, None) | (Some(">"), Some(_)) | (Some(_), Some(">")) => return true,
            (None, Some(_)) | (Some(_), None) => return false,
            (Some(a), Some(b)) if a == b || a == "*" || b == "*" => {}
            (Some(_), Some(_)) => return false,
        }
    }
}

/// Whether every message that matches `inner` matches `outer` too.
pub(in crate::kinds) fn is_within(inner: &str, outer: &str) -> bool {
    let mut inner = inner.split('.');
    let mut outer = outer.split('.');
    loop {
        match (inner.next(), outer.next()) {
            (None, None) | (Some(_), Some(">")) => return true,
            (None, Some(_)) | (Some(_), None) | (Some(">"), Some(_)) => return false,
            (Some(_), Some("*")) => {}
            (Some(a), Some(b)) if a == b => {}
            (Some(_), Some(_)) => return false,
        }
    }
}

/// Subjects with what they belong to. Finding what overlaps one costs its length, not the number
/// of subjects.
pub(in crate::kinds) struct SubjectTree<T> {
    root: Node<T>,
}

struct Node<T> {
    children: HashMap<String, Node<T>>,
    ends: Vec<T>,
}

impl<T> Default for SubjectTree<T> {
    fn default() -> Self {
        SubjectTree {
            root: Node::default(),
        }
    }
}

impl<T> Default for Node<T> {
    fn default() -> Self {
        Node {
            children: HashMap::new(),
            ends: Vec::new(),
        }
    }
}

impl<T> SubjectTree<T> {
    /// Adds a subject of this owner.
    pub(in crate::kinds) fn insert(&mut self, subject: &str, owner: T) {
        let mut node = &mut self.root;
        for token in subject.split('.') {
            node = node.children.entry(token.to_owned()).or_default();
        }
        node.ends.push(owner);
    }

    /// One owner that `counts` and whose subject overlaps this one.
    pub(in crate::kinds) fn overlapping(
        &self,
        subject: &str,
        counts: &dyn Fn(&T) -> bool,
    ) -> Option<&T> {
        let tokens: Vec<&str> = subject.split('.').collect();
        self.root.overlapping(&tokens, counts)
    }
}

impl<T> Node<T> {
    fn overlapping<'n>(&'n self, tokens: &[&str], counts: &dyn Fn(&T) -> bool) -> Option<&'n T> {
        let Some((token, rest)) = tokens.split_first() else {
            return self.ends.iter().find(|owner| counts(owner));
        };
        if *token == ">" {
            return self.children.values().find_map(|node| node.any(counts));
        }
        let everything = self
            .children
            .get(">")
            .and_then(|node| node.ends.iter().find(|owner| counts(owner)));
        everything.or_else(|| {
            self.matching(token)
                .into_iter()
                .find_map(|node| node.overlapping(rest, counts))
        })
    }

    /// The children that may stand for the same token.
    fn matching<'n>(&'n self, token: &str) -> Vec<&'n Node<T>> {
        if token == "*" {
            let children = self.children.iter().filter(|(name, _)| *name != ">");
            return children.map(|(_, node)| node).collect();
        }
        let named = [token, "*"].into_iter();
        named.filter_map(|name| self.children.get(name)).collect()
    }

    fn any(&self, counts: &dyn Fn(&T) -> bool) -> Option<&T> {
        let here = self.ends.iter().find(|owner| counts(owner));
        here.or_else(|| self.children.values().find_map(|node| node.any(counts)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn subjects_collide_as_servers_say() {
        for (left, right, expected) in [
            ("a.b", "a.b", true),
            ("a.*", "a.b", true),
            ("a.>", "a.b.c", true),
            ("a.>", "a", false),
            (">", "$JS.API", true),
            ("*.b", "a.*", true),
            ("a.b", "a.b.c", false),
            ("a.*.c", "a.b.d", false),
        ] {
            assert_eq!(collide(left, right), expected, "{left} {right}");
            assert_eq!(collide(right, left), expected, "{right} {left}");
        }
    }

    #[test]
    fn within_is_one_way() {
        assert!(is_within("$SYS.ACCOUNT.x", "$SYS.ACCOUNT.>"));
        assert!(!is_within("$SYS.>", "$SYS.ACCOUNT.>"));
        assert!(is_within("a.b", "a.*") && !is_within("a.*", "a.b"));
    }

    #[test]
    fn faults_are_found() {
        for bad in ["", "a..b", ".a", "a.", "a.>.b", "a b"] {
            assert!(fault(bad).is_some(), "{bad}");
        }
        for good in ["a", "a.*", ">", "a.>", "$KV.b.>", "a*b.c"] {
            assert_eq!(fault(good), None, "{good}");
        }
    }

    fn subject() -> impl Strategy<Value = String> {
        let token = prop::sample::select(vec!["a", "b", "*"]);
        (prop::collection::vec(token, 1..4), any::<bool>()).prop_map(|(mut tokens, full)| {
            if full {
                tokens.push(">");
            }
            tokens.join(".")
        })
    }

    proptest! {
        #[test]
        fn the_tree_finds_what_a_search_finds(held in prop::collection::vec(subject(), 1..8), asked in subject()) {
            let mut tree = SubjectTree::default();
            for (owner, subject) in held.iter().enumerate() {
                tree.insert(subject, owner);
            }
            let expected = held.iter().any(|subject| collide(subject, &asked));
            prop_assert_eq!(tree.overlapping(&asked, &|_| true).is_some(), expected);
        }
    }
}
