//! The JSON Schema of a manifest, from the sections and the kinds' declarations.

mod acls;
mod configs;
mod names;

use serde_json::{Map, Value as Json, json};

use self::acls::access;
use self::configs::configs;
use self::names::{consumer_of_stream, names};
use super::approvals::approval_declaration;
use super::connections::nats_declaration;
use super::entries::{Kinds, lifecycle_declaration};
use super::passwords::FIELDS;
use super::sections::{APPROVALS, HEADS, Holds, LEDGER, SECTIONS, Section};
use crate::kinds::{Completeness, Kind, VARIABLE, of_field, or_null, schema_of};
use crate::model::KindName;

/// The JSON Schema (draft-07) of a manifest, of its parts and of its overlays alike: nothing is
/// required that another part may say, and `null` takes a field away.
pub fn schema() -> Json {
    schema_with(&crate::kinds::kind)
}

/// The schema as `schema/manifest.schema.json` holds it.
pub fn schema_text() -> String {
    let mut text = serde_json::to_string_pretty(&schema()).unwrap_or_default();
    text.push('\n');
    text
}

pub(super) fn schema_with(kinds: Kinds<'_>) -> Json {
    let mut definitions = Map::new();
    for kind in KindName::ALL.into_iter().filter_map(kinds) {
        if kind.name() != KindName::Acl {
            definitions.insert(kind.name().to_string(), of_kind(kind));
        }
    }
    definitions.insert("access".into(), access());
    let mut properties = Map::new();
    for head in HEADS {
        properties.insert(head.into(), of_head(head, kinds));
    }
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "a trueup manifest",
        "type": "object",
        "properties": properties,
        "patternProperties": { "^x-": { "description": "Yours, to hold anchors." } },
        "additionalProperties": false,
        "definitions": definitions,
    })
}

fn of_head(head: &str, kinds: Kinds<'_>) -> Json {
    if head == "stack" {
        return json!({
            "description": "The name that the resources are owned under.",
            "type": "string",
            "pattern": r"^[a-z0-9-]{1,63}$|\$\{",
        });
    }
    if head == "ledger" {
        return json!({
            "description": LEDGER,
            "type": ["string", "null"],
            "pattern": r"^(nats|kafka|none|file:.+)$|\$\{",
        });
    }
    if head == "approvals" {
        return json!({
            "description": APPROVALS,
            "type": ["array", "null"],
            "items": schema_of(approval_declaration(), Completeness::Whole),
        });
    }
    let properties: Map<String, Json> = SECTIONS
        .iter()
        .filter(|section| section.head == head)
        .map(|section| (section.name.to_owned(), of_section(section, kinds)))
        .collect();
    json!({ "type": ["object", "null"], "properties": properties, "additionalProperties": false })
}

fn of_section(section: &Section, kinds: Kinds<'_>) -> Json {
    let by_name = |kind: KindName, definition: &str| {
        json!({
            "type": ["object", "null"],
            "propertyNames": names(kind),
            "additionalProperties": reference(definition),
        })
    };
    let mut schema = match section.holds {
        Holds::NatsConnection => or_null(schema_of(nats_declaration(), Completeness::Partial)),
        Holds::KafkaConnection => kafka_connection(),
        Holds::Resources(kind) if kinds(kind).is_none() => json!({}),
        Holds::Resources(kind) => by_name(kind, kind.as_str()),
        Holds::Consumers => json!({
            "type": ["object", "null"],
            "patternProperties": { consumer_of_stream(): reference("consumer") },
            "additionalProperties": false,
        }),
        Holds::Access => by_name(KindName::Topic, "access"),
        Holds::Principal => json!({ "type": ["string", "null"], "pattern": r"^[^:]+:|\$\{" }),
        Holds::Acls => json!({
            "type": ["array", "null"],
            "items": acls::entry(),
        }),
        Holds::Defaults(words) => defaults(words, kinds),
    };
    schema["description"] = section.description.into();
    schema
}

fn reference(definition: &str) -> Json {
    json!({ "$ref": format!("#/definitions/{definition}") })
}

fn defaults(words: &[(&str, KindName)], kinds: Kinds<'_>) -> Json {
    let properties: Map<String, Json> = words
        .iter()
        .map(|(word, kind)| {
            (
                (*word).to_owned(),
                kinds(*kind).map_or(json!({}), of_fields),
            )
        })
        .collect();
    json!({ "type": ["object", "null"], "properties": properties, "additionalProperties": false })
}

/// A resource: its fields and what is declared inside of it.
fn of_kind(kind: &dyn Kind) -> Json {
    let mut schema = of_fields(kind);
    match kind.name() {
        KindName::Stream => {
            schema["properties"]["consumers"] = json!({
                "description": "Its durable consumers by name.",
                "type": ["object", "null"],
                "propertyNames": names(KindName::Consumer),
                "additionalProperties": reference("consumer"),
            });
        }
        KindName::Topic => {
            schema["properties"]["access"] = reference("access");
        }
        KindName::User => {
            for (name, words) in FIELDS {
                schema["properties"][name] =
                    json!({ "description": words, "type": ["string", "null"] });
            }
            schema["properties"]["password"]["pattern"] = format!("^{VARIABLE}").into();
        }
        KindName::Kv
        | KindName::ObjectStore
        | KindName::Consumer
        | KindName::Acl
        | KindName::Quota
        | KindName::Route => {}
    }
    schema
}

/// A resource's fields, their other names and its lifecycle.
fn of_fields(kind: &dyn Kind) -> Json {
    let declaration = kind.declaration();
    let mut schema = or_null(schema_of(declaration, Completeness::Partial));
    if kind.name() == KindName::Topic {
        schema["properties"]["config"]["properties"] = configs(declaration);
    }
    for (alias, path) in kind.aliases() {
        if let Some(field) = declaration.field(path) {
            let mut aliased = of_field(&field, Completeness::Partial);
            aliased["description"] =
                format!("`{path}` by another name. {}", field.description).into();
            schema["properties"][*alias] = aliased;
        }
    }
    schema["properties"]["lifecycle"] =
        or_null(schema_of(lifecycle_declaration(), Completeness::Partial));
    schema
}

fn kafka_connection() -> Json {
    json!({
        "type": ["object", "null"],
        "properties": {
            "bootstrap.servers": {
                "description": "Addresses to begin with, separated by commas.",
                "type": ["string", "array", "null"],
                "items": { "type": "string" },
            },
            "cluster_id": {
                "description": "The cluster that it must be; another one is an error.",
                "type": ["string", "null"],
            },
        },
        "additionalProperties": { "type": ["string", "number", "boolean", "null"] },
    })
}
