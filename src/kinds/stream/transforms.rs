//! Subject transforms, as `NewSubjectTransform` of nats-server 2.15 sees them.

use serde_json::Value;

use super::complaint::Complaint;
use super::said::Said;
use super::subjects;

/// What is wrong with the transforms of a stream and of its origins.
pub(super) fn complaints(said: Said<'_>) -> Vec<Complaint> {
    let own = (
        said.text("subject_transform.src"),
        said.text("subject_transform.dest"),
    );
    let mut found = Vec::new();
    if let Some(reason) = fault(own.0.unwrap_or_default(), own.1.unwrap_or_default()) {
        found.push(complaint("subject_transform.dest", own.1, &reason));
    }
    let of_mirror = said.items("mirror.subject_transforms").iter();
    let of_sources = said
        .items("sources")
        .iter()
        .filter_map(|source| source.get("subject_transforms")?.as_array())
        .flatten();
    let of_origins = of_mirror
        .map(|one| ("mirror.subject_transforms", one))
        .chain(of_sources.map(|one| ("sources", one)));
    for (field, transform) in of_origins {
        let text = |key: &str| transform.get(key).and_then(Value::as_str);
        let (src, dest) = (
            text("src").unwrap_or_default(),
            text("dest").unwrap_or_default(),
        );
        // an origin's `src` is its filter, with a `dest` or without
        let no_subject = subjects::fault(src).filter(|_| !src.is_empty());
        if let Some(reason) = no_subject {
            found.push(subjects::no_subject(field, src, reason));
        } else if let Some(reason) = fault(src, dest) {
            found.push(complaint(field, text("dest"), &reason));
        }
    }
    found
}

/// A transform with this fault.
pub(super) fn complaint(field: &str, dest: Option<&str>, reason: &str) -> Complaint {
    Complaint::contradiction(
        field,
        format!(
            "`{}` can't be a transform's `dest`: {reason}",
            dest.unwrap_or_default()
        ),
        "each `*` of `src` is `{{wildcard(1)}}`, `{{wildcard(2)}}` and so on in `dest`; `>` ends both or none",
    )
}

/// What is wrong with a transform; none when a server takes it. Nothing becomes of nothing.
pub(super) fn fault(src: &str, dest: &str) -> Option<String> {
    if dest.is_empty() {
        let is_bad = !src.is_empty() && subjects::fault(src).is_some();
        return is_bad.then(|| format!("`{src}` is no subject"));
    }
    let src = if src.is_empty() { ">" } else { src };
    let (from, to): (Vec<&str>, Vec<&str>) = (src.split('.').collect(), dest.split('.').collect());
    for (text, tokens) in [(src, &from), (dest, &to)] {
        let is_open_early = tokens.iter().rev().skip(1).any(|token| *token == ">");
        if tokens.contains(&"") || is_open_early {
            return Some(format!("`{text}` is no subject"));
        }
    }
    if to.contains(&"*") {
        return Some("it holds `*`".to_owned());
    }
    if from.contains(&">") != to.contains(&">") {
        return Some(format!("only one of it and `{src}` ends with `>`"));
    }
    let wildcards = from.iter().filter(|token| **token == "*").count();
    to.iter()
        .find_map(|token| token_fault(token, src, wildcards))
}

/// Functions whose first argument is a wildcard.
const OF_ONE: [&str; 7] = [
    "wildcard",
    "split",
    "splitfromleft",
    "splitfromright",
    "slicefromleft",
    "slicefromright",
    "left",
];

fn token_fault(token: &str, src: &str, wildcards: usize) -> Option<String> {
    let beyond = |index: usize| {
        (index == 0 || index > wildcards)
            .then(|| format!("`{token}` speaks of a `*` that `{src}` does not have"))
    };
    if let Some(index) = token
        .strip_prefix('$')
        .and_then(|digits| digits.parse().ok())
    {
        return beyond(index);
    }
    let inner = token.strip_prefix("{{")?.strip_suffix("}}")?;
    let call = inner
        .trim()
        .strip_suffix(')')
        .and_then(|call| call.split_once('('));
    let Some((name, arguments)) = call else {
        return Some(format!("`{token}` is no function"));
    };
    let name = name.trim().to_ascii_lowercase();
    let numbers: Vec<Option<usize>> = arguments
        .split(',')
        .map(|n| n.trim().parse().ok())
        .collect();
    let indices = match name.as_str() {
        "partition" => numbers.get(1..).unwrap_or_default(),
        "random" => &[],
        name if OF_ONE.contains(&name) || name == "right" => numbers.get(..1).unwrap_or_default(),
        _ => return Some(format!("`{name}` is no function that servers know")),
    };
    indices.iter().find_map(|index| match index {
        Some(index) => beyond(*index),
        None => Some(format!("`{token}` names no wildcard by its number")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transforms_are_taken_as_servers_do() {
        for (src, dest) in [
            ("", ""),
            ("a.*", "b.{{wildcard(1)}}"),
            ("a.*.*", "b.$2.$1"),
            ("a.>", "b.>"),
            ("a", "b"),
            ("$KV.a.>", "$KV.b.>"),
            ("*.*", "{{ partition(3, 1, 2) }}.x"),
            ("*", "{{split(1,-)}}"),
        ] {
            assert_eq!(fault(src, dest), None, "{src} {dest}");
        }
        for (src, dest) in [
            ("s.*", "q.{{wildcard(2)}}"),
            ("s.*", "q.$2"),
            ("s", "q.{{wildcard(1)}}"),
            ("s.>", "q"),
            ("s.*", "q.*"),
            ("s.*", "q..x"),
            ("s.*", "q.{{wildcrad(1)}}"),
            ("s.*", "q.{{wildcard(x)}}"),
        ] {
            assert!(fault(src, dest).is_some(), "{src} {dest}");
        }
    }
}
