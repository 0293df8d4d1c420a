use super::*;
use crate::model::Flat;
use serde_json::json;

fn resources() -> Resources {
    let said = |address: &str, fields: Value| {
        let fields = fields.as_object().cloned().unwrap_or_default();
        let fields: Flat = fields.into_iter().collect();
        Resource::new(address.parse().unwrap(), fields)
    };
    let all = [
        said("stream/EVENTS", json!({ "subjects": ["events.>", "a\"b"] })),
        said(
            "stream/COPY",
            json!({ "mirror.name": "EVENTS", "republish.dest": "again.>" }),
        ),
        said(
            "stream/ALL",
            json!({ "sources": [{ "name": "OTHERS", "filter_subject": "o.>" }, { "name": "FAR", "external": { "api": "$JS.hub.API" } }] }),
        ),
        said("kv/flags", json!({ "mirror.name": "origin" })),
        said(
            "consumer/EVENTS/search",
            json!({ "filter_subjects": ["events.a", "events.b"] }),
        ),
        said("topic/orders-in", json!({ "partitions": 3 })),
        said("acl/User:a/allow/write/topic/prefixed/orders-/*", json!({})),
        said(
            "acl/User:b/allow/read/topic/literal/orders-in/10.0.0.1",
            json!({}),
        ),
        said("acl/User:b/allow/read/group/prefixed/b-/*", json!({})),
        said("acl/User:c/deny/read/topic/literal/orders-in/*", json!({})),
        said("acl/User:c/allow/all/topic/literal/*/*", json!({})),
        said(
            "acl/User:c/allow/describe/cluster/literal/kafka-cluster/*",
            json!({}),
        ),
    ];
    all.into_iter().map(|r| (r.address.clone(), r)).collect()
}

fn graph() -> Graph {
    let all = resources();
    Graph::of("demo", all.values(), &all)
}

#[test]
fn as_mermaid() {
    insta::assert_snapshot!(mermaid(&graph()));
}

#[test]
fn as_dot() {
    insta::assert_snapshot!(dot(&graph()));
}

#[test]
fn as_json_every_end_of_a_link_is_a_node() {
    let json = json(&graph());
    let nodes = json["nodes"].as_array().unwrap().len() as u64;
    let links = json["links"].as_array().unwrap();
    assert!(links.len() > 8);
    for link in links {
        assert!(link["from"].as_u64().unwrap() < nodes && link["to"].as_u64().unwrap() < nodes);
    }
}

#[test]
fn a_part_draws_what_it_is_tied_to() {
    let all = resources();
    let consumer: crate::model::Address = "consumer/EVENTS/search".parse().unwrap();
    let graph = Graph::of("demo", all.get(&consumer).into_iter(), &all);
    let roles: Vec<_> = graph
        .nodes
        .values()
        .map(|node| node.role.as_str())
        .collect();
    assert_eq!(roles, ["consumer", "stream"]);
}
