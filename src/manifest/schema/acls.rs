//! Entries about ACLs: what their fields may say together.

use serde_json::{Value as Json, json};

use super::super::access::{SIDES, entry_declaration};
use crate::kinds::acl::{CLUSTER_NAME, ResourceType};
use crate::kinds::{Completeness, VARIABLE, schema_of};

/// An entry of `kafka.acls`.
pub(super) fn entry() -> Json {
    let mut schema = with_hosts(schema_of(entry_declaration(), Completeness::Whole));
    schema["properties"]["principal"]["pattern"] = principal().into();
    schema["properties"]["principals"]["items"]["pattern"] = principal().into();
    schema["properties"]["operations"]["minItems"] = 1.into();
    schema["oneOf"] = json!([said("principal"), several("principals")]);
    let resource = &mut schema["properties"]["resource"];
    let names = ResourceType::ALL.iter().map(|kind| kind.as_str());
    for name in names.clone() {
        resource["properties"][name]["minLength"] = 1.into();
    }
    let cluster = format!("^{CLUSTER_NAME}$|{VARIABLE}");
    resource["properties"][ResourceType::Cluster.as_str()]["pattern"] = cluster.into();
    resource["oneOf"] = names.map(said).collect();
    schema
}

/// A topic's `access`.
pub(super) fn access() -> Json {
    let sides = SIDES.iter().map(|(side, terms)| {
        let mut terms = with_hosts(schema_of(terms, Completeness::Whole));
        terms["properties"]["principal"]["pattern"] = principal().into();
        let entry = json!({ "anyOf": [
            {
                "type": "string",
                "description": "A principal: `User:analytics`.",
                "pattern": principal(),
            },
            terms,
        ] });
        let schema = json!({ "type": ["array", "null"], "items": entry });
        ((*side).to_owned(), schema)
    });
    json!({
        "description": "Who produces to a topic and who consumes from it; expands into ACLs.",
        "type": ["object", "null"],
        "properties": sides.collect::<serde_json::Map<_, _>>(),
        "additionalProperties": false,
    })
}

/// `host` or `hosts`, none of them empty.
fn with_hosts(mut schema: Json) -> Json {
    schema["properties"]["host"]["minLength"] = 1.into();
    schema["properties"]["hosts"]["items"]["minLength"] = 1.into();
    schema["not"] = json!({ "allOf": [said("host"), several("hosts")] });
    schema
}

/// `Type:name`.
fn principal() -> String {
    format!("^[^:]+:|{VARIABLE}")
}

/// A field that is there and not `null`.
fn said(name: &str) -> Json {
    json!({ "required": [name], "properties": { name: { "not": { "type": "null" } } } })
}

/// A list that is there and not empty.
fn several(name: &str) -> Json {
    json!({ "required": [name], "properties": { name: { "type": "array", "minItems": 1 } } })
}
