//! Subjects of all declared streams, compared at once.

use super::origins::{has_sources, is_mirror};
use super::patterns::first_overlapping;
use super::said::Said;
use super::subjects::fault;
use crate::kinds::Resources;
use crate::model::{Address, Code, KindName, Problem, Resource};

/// A subject and the stream that captures it.
struct Captured<'a> {
    subject: String,
    by: &'a Resource,
}

/// Streams of the manifest that would capture the same messages (10065).
pub(super) fn check(all: &Resources) -> Vec<Problem> {
    let of_each = all.values().enumerate().map(|(owner, resource)| {
        let subjects = captured(resource).into_iter();
        subjects.map(move |subject| {
            (
                owner,
                Captured {
                    subject,
                    by: resource,
                },
            )
        })
    });
    let captured: Vec<(usize, Captured<'_>)> = of_each.flatten().collect();
    let subjects = captured
        .iter()
        .map(|(owner, it)| (*owner, it.subject.as_str()));
    let found = first_overlapping(subjects).into_iter().zip(&captured);
    found
        .filter_map(|(other, (_, own))| Some(problem(own, &captured[other?].1)))
        .collect()
}

/// The subjects that a declared resource captures; none for consumers and Kafka's kinds.
pub(in crate::kinds) fn captured(resource: &Resource) -> Vec<String> {
    let said = Said(&resource.declared);
    let Address { kind, name } = &resource.address;
    match kind {
        KindName::Stream if resource.declared.contains_key("subjects") => said
            .texts("subjects")
            .into_iter()
            .filter(|subject| fault(subject).is_none())
            .map(str::to_owned)
            .collect(),
        KindName::Stream if is_mirror(said) || has_sources(said) => Vec::new(),
        KindName::Stream => vec![name.clone()],
        KindName::Kv if is_mirror(said) => Vec::new(),
        KindName::Kv => vec![format!("$KV.{name}.>")],
        KindName::ObjectStore => vec![format!("$O.{name}.C.>"), format!("$O.{name}.M.>")],
        KindName::Consumer
        | KindName::Topic
        | KindName::Acl
        | KindName::Quota
        | KindName::User
        | KindName::Route => Vec::new(),
    }
}

fn problem(own: &Captured<'_>, other: &Captured<'_>) -> Problem {
    let Captured {
        subject,
        by: resource,
    } = own;
    let field = "subjects";
    Problem::error(
        Code::SubjectOverlap,
        format!(
            "`{subject}` of {} overlaps with `{}` of {}",
            resource.address, other.subject, other.by.address
        ),
    )
    .about(&resource.address)
    .at(resource.place_of_word(field, subject))
    .note(
        other.by.place_of_word(field, &other.subject),
        format!("{} captures `{}`", other.by.address, other.subject),
    )
    .hint("make the subjects disjoint, or let one stream source the other")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn declared(address: &str, fields: Value) -> (Address, Resource) {
        let address: Address = address.parse().unwrap();
        let fields = fields.as_object().unwrap().clone();
        let resource = Resource::new(address.clone(), fields.into_iter().collect());
        (address, resource)
    }

    #[test]
    fn overlaps_are_found_across_kinds() {
        let all: Resources = [
            declared("stream/A", json!({ "subjects": ["a.>"] })),
            declared("stream/B", json!({ "subjects": ["a.b", "b"] })),
            declared("stream/b", json!({})),
            declared("stream/M", json!({ "mirror.name": "A" })),
            declared("stream/C", json!({ "sources": [{ "name": "A" }] })),
            declared("kv/x", json!({})),
            declared("stream/D", json!({ "subjects": ["$KV.x.y"] })),
        ]
        .into_iter()
        .collect();
        let told: Vec<String> = check(&all).into_iter().map(|p| p.message).collect();
        assert_eq!(
            told,
            [
                "`a.b` of stream/B overlaps with `a.>` of stream/A",
                "`b` of stream/b overlaps with `b` of stream/B",
                "`$KV.x.y` of stream/D overlaps with `$KV.x.>` of kv/x",
            ]
        );
    }

    #[test]
    fn ten_thousand_streams_are_no_burden() {
        let all: Resources = (0..10_000)
            .map(|i| {
                let wild = format!("*.{i}.b");
                let subjects = [
                    format!("app.{i}.*"),
                    format!("{i}.of"),
                    format!("*.{i}"),
                    wild,
                ];
                declared(&format!("stream/S{i}"), json!({ "subjects": subjects }))
            })
            .collect();
        let begin = std::time::Instant::now();
        assert!(check(&all).is_empty());
        assert!(begin.elapsed().as_secs() < 60, "{:?}", begin.elapsed());
    }
}
