use super::*;
use crate::model::{KindName, Severity};
use serde_json::json;

fn entry(value: serde_json::Value) -> AclEntry {
    serde_json::from_value(value).unwrap()
}

fn nowhere(_: &str) -> Option<Place> {
    None
}

fn addresses(expansion: &Expansion) -> Vec<String> {
    expansion
        .acls
        .iter()
        .map(|acl| acl.address.to_string())
        .collect()
}

#[test]
fn an_entry_is_every_principal_operation_and_host() {
    let said = entry(json!({
        "principals": ["User:a", "User:CN=b/O=x"], "permission": "deny",
        "operations": ["read", "describe_configs"],
        "resource": { "topic": "orders-", "pattern": "prefixed" },
        "hosts": ["10.0.0.1"]
    }));
    let expansion = expand_entry(&said, &nowhere);
    assert_eq!(expansion.problems, []);
    assert_eq!(
        addresses(&expansion),
        [
            "acl/User:a/deny/read/topic/prefixed/orders-/10.0.0.1",
            "acl/User:a/deny/describe_configs/topic/prefixed/orders-/10.0.0.1",
            "acl/User:CN=b%2FO=x/deny/read/topic/prefixed/orders-/10.0.0.1",
            "acl/User:CN=b%2FO=x/deny/describe_configs/topic/prefixed/orders-/10.0.0.1",
        ]
    );
}

#[test]
fn an_access_is_what_clients_need() {
    let access: Access = serde_json::from_value(json!({
        "produce": ["User:bridge", { "principal": "User:tx", "transactional_ids": ["tx-*"] }],
        "consume": [{ "principal": "User:analytics", "groups": ["analytics-*", "*", "one"] }]
    }))
    .unwrap();
    let topic = Address::new(KindName::Topic, "events");
    let expansion = expand_access(&topic, &access, &nowhere);
    assert_eq!(expansion.problems, []);
    assert!(
        expansion
            .acls
            .iter()
            .all(|acl| acl.required_by.as_ref() == Some(&topic))
    );
    assert_eq!(
        addresses(&expansion),
        [
            "acl/User:bridge/allow/write/topic/literal/events/*",
            "acl/User:bridge/allow/describe/topic/literal/events/*",
            "acl/User:tx/allow/write/topic/literal/events/*",
            "acl/User:tx/allow/describe/topic/literal/events/*",
            "acl/User:tx/allow/write/transactional_id/prefixed/tx-/*",
            "acl/User:tx/allow/describe/transactional_id/prefixed/tx-/*",
            "acl/User:analytics/allow/read/topic/literal/events/*",
            "acl/User:analytics/allow/describe/topic/literal/events/*",
            "acl/User:analytics/allow/read/group/prefixed/analytics-/*",
            "acl/User:analytics/allow/read/group/literal/*/*",
            "acl/User:analytics/allow/read/group/literal/one/*",
        ]
    );
}

#[test]
fn an_unknown_field_of_an_access_is_refused() {
    let said = json!({ "produce": [{ "principal": "User:a", "groups": ["x"] }] });
    assert!(serde_json::from_value::<Access>(said).is_err());
}

#[test]
fn every_mistake_is_told_once_at_its_place() {
    let place = |path: &str| {
        let line = match path {
            "principals[1]" => 2,
            "resource.cluster" => 3,
            "" => 1,
            _ => return None,
        };
        Some(Place {
            file: "f".into(),
            line,
            column: 1,
            bytes: (0, 0),
        })
    };
    let said = entry(json!({
        "principals": ["User:a", "ops"], "operations": ["read", "alter"],
        "resource": { "cluster": "mine" }
    }));
    let expansion = expand_entry(&said, &place);
    let told: Vec<_> = expansion
        .problems
        .iter()
        .map(|p| (p.message.as_str(), p.place.as_ref().map(|p| p.line)))
        .collect();
    assert_eq!(
        told,
        [
            ("`ops` is no principal", Some(2)),
            ("`mine` is no name of a cluster", Some(3)),
        ]
    );
    assert_eq!(expansion.acls, []);
}

#[test]
fn what_has_no_effect_is_a_warning() {
    for said in [
        json!({ "principal": "User:a", "operations": ["write"], "resource": { "group": "g" } }),
        json!({ "principal": "User:a", "operations": ["read"], "resource": { "topic": "*", "pattern": "prefixed" } }),
        json!({ "principal": "User:a", "operations": ["read"], "resource": { "topic": "orders-*" } }),
        json!({ "principal": "User:a", "operations": ["read"], "resource": { "topic": "x" }, "host": "db1.example.com" }),
    ] {
        let expansion = expand_entry(&entry(said.clone()), &nowhere);
        let severities: Vec<_> = expansion.problems.iter().map(|p| p.severity).collect();
        assert_eq!(severities, [Severity::Warning], "{said}");
        assert_eq!(expansion.acls.len(), 1, "{said}");
    }
}

#[test]
fn what_is_missing_or_twice_is_an_error() {
    for said in [
        json!({ "operations": ["read"], "resource": { "topic": "x" } }),
        json!({ "principal": "User:a", "principals": ["User:b"], "operations": ["read"], "resource": { "topic": "x" } }),
        json!({ "principal": "User:a", "operations": [], "resource": { "topic": "x" } }),
        json!({ "principal": "User:a", "operations": ["read"], "resource": {} }),
        json!({ "principal": "User:a", "operations": ["read"], "resource": { "topic": "x", "group": "y" } }),
        json!({ "principal": "User:a", "operations": ["read"], "resource": { "topic": "" } }),
    ] {
        let expansion = expand_entry(&entry(said.clone()), &nowhere);
        assert_eq!(expansion.problems.len(), 1, "{said}");
        assert_eq!(expansion.problems[0].severity, Severity::Error, "{said}");
        assert_eq!(expansion.acls, [], "{said}");
    }
}
