//! What a manifest holds beside the fields of its kinds, for `explain`.

use std::sync::LazyLock;

use indexmap::IndexMap;

use super::access::{SIDES, entry_declaration};
use super::approvals::approval_declaration;
use super::connections::nats_declaration;
use super::entries::lifecycle_declaration;
use super::passwords::FIELDS;
use super::sections::{APPROVALS, Holds, LEDGER, SECTIONS, Section};
use crate::broker::kafka::KafkaSettings;
use crate::kinds::{Declaration, Field, Shape, field};
use crate::model::KindName;

/// A part of a manifest that is no kind: where it stands, what it is and what can be said there.
#[derive(Clone, Debug)]
pub struct Part {
    /// Its keys from the top, or its one key where it stands inside of resources.
    pub path: String,
    /// What it is.
    pub description: String,
    /// The kind that its resources are of, where it holds resources by name.
    pub kind: Option<KindName>,
    /// What can be said there, by path.
    pub fields: Vec<(String, Field)>,
}

impl Part {
    /// The fields that stand under `path`, as a part of their own; none where there are none.
    pub fn group(&self, path: &str) -> Option<Part> {
        let below = |(field, facts): &(String, Field)| {
            let rest = field.strip_prefix(path)?.strip_prefix('.')?;
            Some((rest.to_owned(), facts.clone()))
        };
        let fields: Vec<(String, Field)> = self.fields.iter().filter_map(below).collect();
        (!fields.is_empty()).then(|| Part {
            path: format!("{}.{path}", self.path),
            description: self.description.clone(),
            kind: None,
            fields,
        })
    }
}

/// Every part in the order of a manifest, then those that stand inside of resources.
pub fn parts() -> &'static [Part] {
    static PARTS: LazyLock<Vec<Part>> = LazyLock::new(all);
    &PARTS
}

fn all() -> Vec<Part> {
    let mut parts = vec![
        part(
            "stack",
            "The name that the resources are owned under: at most 63 of a-z, 0-9 and `-`.",
        ),
        part("ledger", LEDGER),
        Part {
            fields: below("connections"),
            ..part("connections", "How to reach the brokers.")
        },
    ];
    parts.extend(SECTIONS.iter().map(of_section));
    parts.push(Part {
        fields: under("", approval_declaration()),
        ..part("approvals", APPROVALS)
    });
    parts.push(Part {
        fields: access(),
        ..part(
            "access",
            "Who produces to a topic and who consumes from it: lists of principals, or of these fields. It stands in a topic, or under `kafka.access`, and expands into ACLs.",
        )
    });
    let lifecycle = lifecycle_declaration();
    parts.push(Part {
        fields: under("", lifecycle),
        ..part(
            "lifecycle",
            &format!("{} It stands in a resource.", lifecycle.description),
        )
    });
    parts
}

fn part(path: &str, description: &str) -> Part {
    Part {
        path: path.to_owned(),
        description: description.to_owned(),
        kind: None,
        fields: Vec::new(),
    }
}

fn of_section(section: &Section) -> Part {
    let whole = part(
        &format!("{}.{}", section.head, section.name),
        section.description,
    );
    match section.holds {
        Holds::NatsConnection => Part {
            fields: under("", nats_declaration()),
            ..whole
        },
        Holds::KafkaConnection => Part {
            fields: properties(),
            ..whole
        },
        Holds::Resources(KindName::User) => Part {
            kind: Some(KindName::User),
            fields: FIELDS.map(|(name, words)| named(name, words)).into(),
            ..whole
        },
        Holds::Resources(kind) => Part {
            kind: Some(kind),
            ..whole
        },
        Holds::Principal => whole,
        Holds::Consumers => Part {
            kind: Some(KindName::Consumer),
            ..whole
        },
        Holds::Access => Part {
            fields: access(),
            ..whole
        },
        Holds::Acls => Part {
            fields: under("", entry_declaration()),
            ..whole
        },
        Holds::Defaults(words) => Part {
            fields: words
                .iter()
                .map(|(word, kind)| object(word, &format!("As `trueup explain {kind}` has it.")))
                .collect(),
            ..whole
        },
    }
}

/// The sections under a key at the top, as fields.
fn below(head: &str) -> Vec<(String, Field)> {
    SECTIONS
        .iter()
        .filter(|section| section.head == head)
        .map(|section| object(section.name, section.description))
        .collect()
}

fn access() -> Vec<(String, Field)> {
    SIDES
        .iter()
        .flat_map(|(side, terms)| under(&format!("{side}."), terms))
        .collect()
}

/// The fields of a declaration by path, objects taken apart.
fn under(before: &str, declaration: &Declaration) -> Vec<(String, Field)> {
    let mut found = Vec::new();
    for (name, field) in &declaration.fields {
        match &field.shape {
            Shape::Object(inner) => found.extend(under(&format!("{before}{name}."), inner)),
            _ => found.push((format!("{before}{name}"), field.clone())),
        }
    }
    found
}

/// The properties that are honoured, and the pinned cluster.
fn properties() -> Vec<(String, Field)> {
    let mut all: Vec<_> = KafkaSettings::honoured()
        .iter()
        .map(|name| named(name, "As librdkafka has it."))
        .collect();
    all.push(named(
        "cluster_id",
        "The cluster that it must be; another one is an error.",
    ));
    all
}

fn object(name: &str, description: &str) -> (String, Field) {
    let (name, text) = named(name, description);
    let shape = Shape::Object(Declaration {
        description: String::new(),
        fields: IndexMap::new(),
    });
    (name, Field { shape, ..text })
}

fn named(name: &str, description: &str) -> (String, Field) {
    let known = Field {
        name: name.to_owned(),
        description: description.to_owned(),
        facts: field(),
        shape: Shape::Text,
        required: false,
        entry_facts: None,
        entry_description: None,
        entry_keys: None,
    };
    (name.to_owned(), known)
}
