//! Subjects with wildcards: syntax, overlap.

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
pub(crate) fn is_within(inner: &str, outer: &str) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

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
        for (subject, filter, expected) in [
            ("a.b", "a.b", true),
            ("a.b", "a.*", true),
            ("a.b.c", "a.*", false),
            ("a.b.c", "a.>", true),
            ("a", "a.>", false),
            ("a", ">", true),
            ("a.b", "a.b.c", false),
        ] {
            assert_eq!(is_within(subject, filter), expected, "{subject} {filter}");
        }
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
}
