use serde_json::json;
use trueup::kinds::Resources;
use trueup::kinds::acl::{
    AclBinding, Operation, PatternType, Permission, ResourceType, acl_of, operations, since,
};
use trueup::model::{Address, Code, Outcome};

use super::{is_before, release};
use crate::kinds::kafka::unique;
use crate::kinds::kafka::world::{World, acls, all};
use crate::matrix::row::{self, Row};

/// Every type of resource with every operation, pattern and permission, those that Kafka never asks
/// for included: a broker takes them all the same.
fn shapes(user: &str, name: &str) -> Resources {
    let mut shapes = Vec::new();
    for kind in ResourceType::ALL {
        for operation in Operation::ALL {
            for pattern in patterns(*kind) {
                for permission in Permission::ALL {
                    let name = match kind {
                        ResourceType::Cluster => "kafka-cluster",
                        _ => name,
                    };
                    let resource = json!({ kind.as_str(): name, "pattern": pattern.as_str() });
                    shapes.push(json!({
                        "principal": user, "permission": permission.as_str(),
                        "operations": [operation.as_str()], "resource": resource,
                    }));
                }
            }
        }
    }
    all(shapes.into_iter().flat_map(shape))
}

/// The one cluster has no beginning of a name.
fn patterns(kind: ResourceType) -> &'static [PatternType] {
    match kind {
        ResourceType::Cluster => &[PatternType::Literal],
        _ => PatternType::ALL,
    }
}

fn shape(said: serde_json::Value) -> Vec<trueup::model::Resource> {
    let entry = serde_json::from_value(said).unwrap();
    trueup::kinds::acl::expand_entry(&entry, &|_| None).acls
}

#[tokio::test]
async fn every_shape_of_an_acl() {
    let world = World::plain().await;
    let release = release(&world);
    let wanted = shapes(&format!("User:{}", unique("shape")), &unique("of"));
    let plan = world.plan(&wanted).await;
    assert_eq!(plan.steps.len(), wanted.len());
    let (mut rows, mut wrong, mut refused) = (Vec::new(), Vec::new(), Vec::new());
    for step in &plan.steps {
        let acl = acl_of(&step.address).unwrap();
        let needs = since(acl.operation).filter(|since| is_before(&release, since));
        let told: Vec<_> = step.refusals.iter().map(|refusal| refusal.code).collect();
        let expected = needs.map(|_| Code::ServerTooOld);
        let names =
            needs.is_none_or(|since| step.refusals[0].message.contains(&format!("Kafka {since}")));
        if told != Vec::from_iter(expected) || !names {
            wrong.push(format!("{}: {:?}", step.address, step.refusals));
        }
        rows.push(row(&release, &acl, needs));
        refused.extend(needs.map(|_| acl));
    }
    row::write("kafka-acl", &rows);
    assert!(wrong.is_empty(), "on {release}: {wrong:#?}");
    for done in world.apply(&plan).await {
        let is_refused = refused.iter().any(|acl| is_of(acl, &done.address));
        match done.outcome {
            Outcome::Applied => assert!(!is_refused, "{}", done.address),
            other => assert!(is_refused, "{}: {other:?}", done.address),
        }
    }
    let again = world.plan(&wanted).await;
    assert_eq!(again.steps.len(), refused.len(), "{:#?}", again.steps);
    for acl in &refused {
        let answer = world.kafka.create_acls(std::slice::from_ref(acl)).await;
        let is_taken = answer.is_ok_and(|items| items.iter().all(Result::is_ok));
        assert!(!is_taken, "{release} takes {acl:?}");
    }
}

fn is_of(acl: &AclBinding, address: &Address) -> bool {
    acl_of(address).is_ok_and(|other| other == *acl)
}

fn row(release: &str, acl: &AclBinding, needs: Option<&str>) -> Row {
    let has =
        acl.operation == Operation::All || operations(acl.resource_type).contains(&acl.operation);
    Row {
        broker: "kafka",
        version: release.to_owned(),
        kind: "acl".to_owned(),
        field: format!("{}: {}", acl.resource_type, acl.operation),
        change: format!("{} {}", acl.permission, acl.pattern),
        verdict: match needs {
            Some(_) => "server-too-old".to_owned(),
            None => "done".to_owned(),
        },
        needs: needs.map(str::to_owned),
        without_effect: !has,
    }
}

/// The words that an ACL is made of stand for themselves, whoever writes them.
#[test]
fn a_shape_is_one_acl() {
    let said =
        json!({ "principal": "User:a", "operations": ["read"], "resource": { "topic": "t" } });
    assert_eq!(acls(said.clone()), shape(said));
    let shapes = shapes("User:a", "t");
    let types = ResourceType::ALL.len() * 2 - 1;
    assert_eq!(
        shapes.len(),
        types * Operation::ALL.len() * Permission::ALL.len()
    );
}
