//! Rules for mirrors and sources.

use std::collections::HashSet;

use serde_json::Value;

use super::complaint::Complaint;
use super::said::Said;
use super::subjects;
use super::view::stream_declaration;
use crate::kinds::Shape;
use crate::model::{Code, Doc, Flat};

/// Whether the configuration is a mirror.
pub(in crate::kinds) fn is_mirror(said: Said<'_>) -> bool {
    said.word("mirror.name").is_some()
}

/// Whether the configuration takes its messages from other streams, too.
pub(in crate::kinds) fn has_sources(said: Said<'_>) -> bool {
    !said.items("sources").is_empty()
}

/// What is wrong with a mirror, or with the sources.
pub(super) fn complaints(said: Said<'_>) -> Vec<Complaint> {
    let mut found = Vec::new();
    if let Some(mirror) = mirror_of(said) {
        found.extend(forbidden_with_mirror(said));
        found.extend(origin(&mirror, "mirror"));
        found.extend(overlapping_transforms(&mirror, "mirror", subjects::collide));
    }
    found.extend(schedules_with_sources(said));
    let mut seen = HashSet::new();
    for source in said.items("sources") {
        let Some(source) = source.as_object() else {
            continue;
        };
        found.extend(origin(source, "sources"));
        found.extend(overlapping_transforms(
            source,
            "sources",
            subjects::is_within,
        ));
        if !seen.insert(identity(source)) {
            let name = source.get("name").and_then(Value::as_str);
            found.push(Complaint::contradiction(
                "sources",
                format!(
                    "`{}` is a source twice with the same filter",
                    name.unwrap_or_default()
                ),
                "leave one out, or give them different filters",
            ));
        }
    }
    found
}

/// Fields that a mirror can't have, with why.
const NOT_WITH_MIRROR: &[(&str, &str)] = &[
    ("subjects", "a mirror captures no subjects"),
    ("sources", "a stream has a mirror or sources, not both"),
    ("first_seq", "a mirror has its origin's sequence numbers"),
    (
        "subject_delete_marker_ttl",
        "a mirror makes no delete markers",
    ),
    ("allow_msg_counter", "a mirror counts nothing itself"),
    ("allow_atomic", "nobody publishes to a mirror"),
    ("allow_msg_schedules", "nobody publishes to a mirror"),
    ("allow_batched", "nobody publishes to a mirror"),
];

pub(super) fn forbidden_with_mirror(said: Said<'_>) -> Vec<Complaint> {
    let is_set = |field: &str| match said.0.get(field) {
        None | Some(Value::Null) => false,
        Some(Value::Bool(on)) => *on,
        Some(Value::Number(number)) => number.as_i64() != Some(0),
        Some(Value::Array(items)) => !items.is_empty(),
        Some(Value::String(_) | Value::Object(_)) => true,
    };
    NOT_WITH_MIRROR
        .iter()
        .filter(|(field, _)| is_set(field))
        .map(|(field, why)| {
            Complaint::contradiction(
                field,
                format!("`{field}` can't be had with `mirror`: {why}"),
                format!("leave `{field}` out, or leave `mirror` out"),
            )
        })
        .collect()
}

fn schedules_with_sources(said: Said<'_>) -> Option<Complaint> {
    (said.is_on("allow_msg_schedules") && has_sources(said)).then(|| {
        Complaint::contradiction(
            "allow_msg_schedules",
            "a stream with sources can't have `allow_msg_schedules`",
            "leave one of them out",
        )
    })
}

/// What is wrong with one origin.
fn origin(origin: &Doc, field: &str) -> Vec<Complaint> {
    let name = origin
        .get("name")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let has = |key: &str| match origin.get(key) {
        None | Some(Value::Null) => false,
        Some(Value::String(text)) => !text.is_empty(),
        Some(Value::Array(items)) => !items.is_empty(),
        Some(Value::Number(number)) => number.as_i64() != Some(0),
        Some(Value::Bool(_) | Value::Object(_)) => true,
    };
    let both = |one: &str, other: &str| {
        (has(one) && has(other)).then(|| {
            Complaint::contradiction(
                field,
                format!("`{one}` and `{other}` of the origin `{name}` can't both hold"),
                "leave one of them out",
            )
        })
    };
    let mut found: Vec<Complaint> = [
        half_consumer(origin, name, field),
        both("filter_subject", "subject_transforms"),
        both("consumer", "opt_start_seq"),
        both("consumer", "opt_start_time"),
        both("consumer", "filter_subject"),
        both("consumer", "subject_transforms"),
    ]
    .into_iter()
    .flatten()
    .collect();
    let filter = origin.get("filter_subject").and_then(Value::as_str);
    if let Some(filter) = filter.filter(|filter| !filter.is_empty()) {
        let fault = subjects::fault(filter);
        found.extend(fault.map(|fault| subjects::no_subject(field, filter, fault)));
    }
    found.extend(consumer_names(origin, field));
    found.extend(external_prefixes(origin, field));
    let is_elsewhere = field == "mirror" && origin.contains_key("external");
    if let Some(mut complaint) = super::names::asset_name("stream", name)
        && !is_elsewhere
    {
        complaint.field = field.to_owned();
        found.push(complaint);
    }
    found
}

/// Transforms of one origin that take the same messages (10147, 10154).
fn overlapping_transforms(
    origin: &Doc,
    field: &str,
    overlap: fn(&str, &str) -> bool,
) -> Option<Complaint> {
    let transforms = origin.get("subject_transforms")?.as_array()?;
    let taken: Vec<&str> = transforms
        .iter()
        .map(|one| one.get("src").and_then(Value::as_str).unwrap_or_default())
        .map(|src| if src.is_empty() { ">" } else { src })
        .collect();
    let (one, other) = taken.iter().enumerate().find_map(|(index, one)| {
        let others = taken.get(index + 1..)?;
        let other = others
            .iter()
            .find(|other| overlap(one, other) || overlap(other, one))?;
        Some((one, other))
    })?;
    Some(Complaint::contradiction(
        field,
        format!("the `subject_transforms` of `{one}` and `{other}` overlap"),
        "make them disjoint",
    ))
}

/// Names that an origin's consumer can't have (10213, 10215).
fn consumer_names(origin: &Doc, field: &str) -> Vec<Complaint> {
    let text = |key: &str| text_under(origin, "consumer", key);
    let misnamed = text("name").and_then(|name| super::names::asset_name("consumer", name));
    let subject = text("deliver_subject").and_then(|subject| {
        let reason = subjects::not_literal(subject)?;
        Some(
            Complaint::new(
                Code::BadName,
                field,
                format!("an origin's consumer can't deliver to `{subject}`: {reason}"),
                "take one subject without `*` and `>`",
            )
            .word(subject),
        )
    });
    let at_field = |complaint: Complaint| Complaint {
        field: field.to_owned(),
        ..complaint
    };
    misnamed.into_iter().chain(subject).map(at_field).collect()
}

/// Prefixes that an origin elsewhere can't have (10022 and its kin).
fn external_prefixes(origin: &Doc, field: &str) -> Vec<Complaint> {
    let fault = |key: &'static str| {
        let prefix = text_under(origin, "external", key)?;
        let reason = match subjects::not_literal(prefix) {
            None if key == "api" && prefix == OWN_API => "it is this account's own",
            fault => fault?,
        };
        Some(Complaint::contradiction(
            field,
            format!("`external.{key}` can't be `{prefix}`: {reason}"),
            "take a prefix like `$JS.domain.API`, without `*` and `>`",
        ))
    };
    ["api", "deliver"].into_iter().filter_map(fault).collect()
}

/// The prefix of the account's own JetStream API.
const OWN_API: &str = "$JS.API";

fn text_under<'d>(origin: &'d Doc, object: &str, key: &str) -> Option<&'d str> {
    let text = origin.get(object)?.get(key)?.as_str()?;
    (!text.is_empty()).then_some(text)
}

/// An origin's consumer is named with where it delivers (10213).
fn half_consumer(origin: &Doc, name: &str, field: &str) -> Option<Complaint> {
    let consumer = origin.get("consumer")?.as_object()?;
    let is_missing = |half: &&str| {
        let text = consumer.get(*half).and_then(Value::as_str);
        text.is_none_or(str::is_empty)
    };
    let half = ["name", "deliver_subject"].into_iter().find(is_missing)?;
    Some(Complaint::contradiction(
        field,
        format!("`consumer` of the origin `{name}` needs `{half}`"),
        "give both `name` and `deliver_subject`, or leave `consumer` out",
    ))
}

/// A stream that copies from itself (10034, 10052 and their kin).
pub(in crate::kinds) fn own_origin(stream: &str, said: Said<'_>) -> Option<Complaint> {
    local_origins(said).contains(&stream).then(|| {
        let field = match is_mirror(said) {
            true => "mirror",
            false => "sources",
        };
        Complaint::contradiction(
            field,
            format!("`{stream}` can't be its own origin"),
            "name another stream, or leave it out",
        )
    })
}

/// What tells one source from another: the origin, its consumer and its filter
/// (`StreamSource.composeIName`, nats-server 2.15).
fn identity(source: &Doc) -> String {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let or_all = |text: String| {
        if text.is_empty() {
            ">".to_owned()
        } else {
            text
        }
    };
    let api = source
        .get("external")
        .map(|external| text(external.get("api")));
    let consumer = source
        .get("consumer")
        .map(|consumer| text(consumer.get("name")));
    let transforms = source.get("subject_transforms").and_then(Value::as_array);
    let filters: Vec<(String, String)> = match transforms {
        Some(transforms) if !transforms.is_empty() => transforms
            .iter()
            .map(|one| (or_all(text(one.get("src"))), or_all(text(one.get("dest")))))
            .collect(),
        _ => vec![(or_all(text(source.get("filter_subject"))), ">".to_owned())],
    };
    format!("{:?}", (text(source.get("name")), api, consumer, filters))
}

/// The names of the origins in the same account.
pub(in crate::kinds) fn local_origins(said: Said<'_>) -> Vec<&str> {
    let mirror = said
        .word("mirror.name")
        .filter(|_| !said.has_under("mirror.external"));
    let sources = said
        .items("sources")
        .iter()
        .filter(|source| source.get("external").is_none())
        .filter_map(|source| source["name"].as_str());
    mirror.into_iter().chain(sources).collect()
}

/// The mirror as an object; none when there is none.
pub(super) fn mirror_of(said: Said<'_>) -> Option<Doc> {
    let mirror = stream_declaration().field("mirror")?;
    let Shape::Object(inner) = &mirror.shape else {
        return None;
    };
    let flat: Flat = said
        .under("mirror")
        .map(|(path, value)| (path.to_owned(), value.clone()))
        .collect();
    let doc = inner.unflatten(&flat);
    (!doc.is_empty()).then_some(doc)
}
