use serde_json::json;
use trueup::engine::{Port, export};
use trueup::kinds::acl::{
    AclBinding, Operation, PatternType, Permission, ResourceType, acl_of, entries, expand_entry,
};
use trueup::kinds::{Observed, kind};
use trueup::model::{Action, Address, Broker, Code, KindName};

use super::unique;
use super::world::{World, acls, all, topic};

#[tokio::test]
async fn every_sort_of_acl_comes_back_as_it_went() {
    let world = World::plain().await;
    let (user, name) = (format!("User:{}", unique("u")), unique("r"));
    let odd = format!("User:CN={name},O=a/b%2F");
    let wanted = all([
        acls(json!({ "principal": user, "operations": ["read", "write", "create", "describe", "delete", "alter", "describe_configs", "alter_configs", "all"], "resource": { "topic": name } })),
        acls(json!({ "principal": user, "operations": ["read"], "resource": { "topic": name, "pattern": "prefixed" } })),
        acls(json!({ "principal": user, "operations": ["read", "describe", "delete"], "resource": { "group": "*" } })),
        acls(json!({ "principal": user, "operations": ["describe", "idempotent_write", "cluster_action"], "resource": { "cluster": "kafka-cluster" } })),
        acls(json!({ "principal": user, "operations": ["write", "describe", "two_phase_commit"], "resource": { "transactional_id": "tx/", "pattern": "prefixed" } })),
        acls(json!({ "principal": user, "operations": ["describe"], "resource": { "delegation_token": "token" } })),
        acls(json!({ "principal": user, "operations": ["create_tokens", "describe_tokens"], "resource": { "user": "User:other" } })),
        acls(json!({ "principals": [user, odd], "permission": "deny", "operations": ["write"], "resource": { "topic": name }, "hosts": ["10.0.0.1", "::1"] })),
    ]
    .concat());
    let plan = world.bring(&wanted).await;
    assert_eq!(plan.summary.create, wanted.len());
    assert!(plan.steps.iter().all(|step| step.action == Action::Create));
    let listed = kind(KindName::Acl)
        .unwrap()
        .list(world.port.brokers(), &|_: &Address| true)
        .await
        .unwrap();
    let ours: Vec<_> = listed
        .iter()
        .filter(|address| {
            acl_of(address).unwrap().principal.contains(&*user)
                || acl_of(address).unwrap().principal == odd
        })
        .collect();
    assert_eq!(ours.len(), wanted.len());
    let exported = all(entries(ours)
        .iter()
        .flat_map(|entry| expand_entry(entry, &|_| None).acls));
    assert_eq!(exported.len(), wanted.len());
    world.nothing_left(&exported).await;
}

#[tokio::test]
async fn an_acl_that_differs_in_one_field_is_another() {
    let world = World::plain().await;
    let (user, name) = (format!("User:{}", unique("u")), unique("t"));
    let there =
        acls(json!({ "principal": user, "operations": ["read"], "resource": { "topic": name } }));
    world.bring(&all(there.clone())).await;
    let others = [
        json!({ "principal": format!("{user}x"), "operations": ["read"], "resource": { "topic": name } }),
        json!({ "principal": user, "operations": ["write"], "resource": { "topic": name } }),
        json!({ "principal": user, "operations": ["read"], "resource": { "group": name } }),
        json!({ "principal": user, "operations": ["read"], "resource": { "topic": name, "pattern": "prefixed" } }),
        json!({ "principal": user, "operations": ["read"], "resource": { "topic": "*" } }),
        json!({ "principal": user, "operations": ["read"], "resource": { "topic": name }, "host": "10.0.0.1" }),
        json!({ "principal": user, "permission": "deny", "operations": ["read"], "resource": { "topic": name } }),
    ];
    for said in others {
        let plan = world
            .plan(&all([there.clone(), acls(said.clone())].concat()))
            .await;
        assert_eq!(
            (plan.summary.create, plan.summary.unchanged),
            (1, 1),
            "{said}"
        );
    }
}

/// Kafka takes a principal without a name, and almost any sign in the others.
#[tokio::test]
async fn strange_names_are_exported_and_planned_to_nothing() {
    let world = World::plain().await;
    let name = format!("{} a/b%2F#: \"é\" ${{X}} $$", unique("odd"));
    let acl = |principal: &str, host: &str| AclBinding {
        principal: principal.to_owned(),
        permission: Permission::Allow,
        operation: Operation::Read,
        resource_type: ResourceType::Group,
        pattern: PatternType::Literal,
        name: name.clone(),
        host: host.to_owned(),
    };
    let odd = [
        acl("User:", "*"),
        acl(&format!("User:{name}"), "db.example.com"),
    ];
    let made = world.kafka.create_acls(&odd).await.unwrap();
    assert_eq!(made, [Ok(()), Ok(())]);
    let wanted = |address: &Address| acl_of(address).is_ok_and(|acl| acl.name == name);
    super::eventually("both are exported", || async {
        export(&world.port, &[Broker::Kafka], &[], &wanted)
            .await
            .is_ok_and(|seen| seen.resources.len() == 2)
    })
    .await;
    let exported = export(&world.port, &[Broker::Kafka], &[], &wanted)
        .await
        .unwrap();
    let said = entries(exported.resources.keys());
    let expanded = said.iter().map(|entry| expand_entry(entry, &|_| None));
    let again = all(expanded.flat_map(|expansion| expansion.acls));
    assert_eq!(again.len(), 2);
    world.nothing_left(&again).await;
}

#[tokio::test]
async fn trueup_is_never_locked_out() {
    let world = World::plain().await;
    let wanted = all(acls(json!({
        "principals": ["User:ANONYMOUS", "User:*"], "permission": "deny", "operations": ["alter"],
        "resource": { "cluster": "kafka-cluster" }
    })));
    let plan = world.plan(&wanted).await;
    assert!(
        plan.steps
            .iter()
            .all(|step| step.refusals[0].code == Code::LockOut)
    );
    assert!(!plan.applyable);
}

/// An exported cluster may hold such denies, and it can be made anew.
#[tokio::test]
async fn a_deny_for_a_host_concerns_trueup_where_it_comes_from() {
    let world = World::plain().await;
    let name = unique("hosts");
    let denied = |host: &str| {
        let acls = acls(json!({
            "principal": "User:*", "permission": "deny", "operations": ["all"],
            "resource": { "topic": name }, "host": host
        }));
        all([vec![topic(&name, json!({ "partitions": 1 }))], acls].concat())
    };
    let local = world.kafka.local_address().await.unwrap().to_string();
    let ours = world.plan(&denied(&local)).await;
    let codes = ours.steps.iter().flat_map(|step| &step.refusals);
    assert_eq!(codes.map(|r| r.code).collect::<Vec<_>>(), [Code::LockOut]);
    let others = world.bring(&denied("10.0.0.1")).await;
    let notes = others.steps.iter().flat_map(|step| &step.notes);
    assert!(
        notes.clone().any(|note| note.contains(&local)),
        "{others:#?}"
    );
    world.nothing_left(&denied("10.0.0.1")).await;
}

/// One or two, and then some: a client that waits long looks whether the broker is alive.
const FEW: u64 = 40;

#[tokio::test]
async fn many_acls_are_a_handful_of_requests() {
    let world = World::plain().await;
    let user = format!("User:{}", unique("many"));
    let wanted = all((0..500).flat_map(|index| {
        acls(json!({ "principal": user, "operations": ["read", "describe"], "resource": { "topic": format!("t-{index}") } }))
    }));
    let before = world.kafka.requests_sent();
    let plan = world.plan(&wanted).await;
    assert_eq!(plan.summary.create, 1_000);
    let planned = world.kafka.requests_sent() - before;
    assert!(planned <= FEW, "{planned} requests to plan");
    world.bring(&wanted).await;
    let before = world.kafka.requests_sent();
    let observed = world
        .port
        .observe(KindName::Acl, &wanted.keys().cloned().collect::<Vec<_>>())
        .await;
    assert!(
        observed
            .values()
            .all(|seen| matches!(seen, Observed::Present(_)))
    );
    let again = world.kafka.requests_sent() - before;
    assert!(again <= FEW, "{again} requests to observe");
}
