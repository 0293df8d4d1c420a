//! The laws, for random pairs of what is declared and what is live, on a snapshot.
//!
//! `PROPTEST_CASES` says how many pairs a law is tried on; `make laws` tries many.

mod generate;
mod live;
mod possible;

use futures::executor::block_on;
use indexmap::IndexMap;
use proptest::prelude::*;
use serde_json::json;
use trueup::engine::{self, Port, SNAPSHOT_VERSION, Snapshot, SnapshotPort};
use trueup::kinds::{
    Delta, KafkaFacts, Live, NatsFacts, NatsVersion, Observed, Resources, Surroundings, kind,
};
use trueup::manifest::{self, Input, Inputs, Manifest};
use trueup::model::{Address, Broker, Flat, KindName, Outcome, Resource, Step};
use trueup::plan::Plan;

use crate::main_job;

/// The kinds that have fields to differ in.
const KINDS: [KindName; 7] = [
    KindName::Stream,
    KindName::Kv,
    KindName::ObjectStore,
    KindName::Consumer,
    KindName::Topic,
    KindName::Quota,
    KindName::Route,
];

/// What is declared of one resource, and what the broker holds of it.
type Pair = (KindName, Flat, Option<Flat>);

fn pair() -> impl Strategy<Value = Pair> {
    proptest::sample::select(KINDS.to_vec()).prop_flat_map(|name| {
        let live = proptest::option::weighted(0.8, generate::fields(name, 0.3));
        (Just(name), generate::fields(name, 0.2), live)
    })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn after_one_apply_the_plan_is_empty((name, declared, live) in pair()) {
        let (resources, port) = world(name, declared, live, 0);
        let first = planned(&resources, &port);
        prop_assume!(first.blocked_steps().next().is_none());
        carried_out(&first, &port);
        let second = planned(&resources, &port);
        prop_assert!(second.steps.is_empty(), "{:#?}\nthen\n{:#?}", first.steps, second.steps);
    }

    #[test]
    fn what_is_not_named_is_not_touched((name, declared, live) in pair()) {
        let (resources, port) = world(name, declared, live, 0);
        let stranger = address(name, 7);
        let before = seen(&port, &stranger);
        carried_out(&planned(&resources, &port), &port);
        prop_assert_eq!(seen(&port, &stranger), before);
    }

    #[test]
    fn an_unknown_field_and_what_is_undeclared_survive((name, declared, live) in pair()) {
        prop_assume!(live.is_some());
        let (resources, port) = world(name, declared, live.clone(), 0);
        let plan = planned(&resources, &port);
        carried_out(&plan, &port);
        let Observed::Present(after) = seen(&port, &address(name, 0)) else {
            return Err(TestCaseError::fail("it is gone"));
        };
        prop_assert_eq!(after.fields.get("of_a_newer_server"), Some(&json!({ "deep": [1, 2] })));
        let kind = kind(name).unwrap();
        let deltas: Vec<Delta> = plan.steps.iter()
            .flat_map(|step| Delta::of_step(step, kind.declaration()).unwrap())
            .collect();
        let mut kept = live.unwrap_or_default();
        kept.retain(|path, _| deltas.iter().all(|delta| delta.path != *path));
        kind.fit(&mut kept, &deltas);
        for (path, value) in kept {
            prop_assert_eq!(after.fields.get(&path), Some(&value), "{}", path);
        }
    }

    #[test]
    fn units_say_the_same((name, declared, live) in pair()) {
        let declaration = kind(name).unwrap().declaration();
        let said = declaration.to_manifest(&declaration.unflatten(&declared));
        let heard = declaration.flatten(declaration.to_wire(&said).map_err(TestCaseError::fail)?);
        let (plain, port) = world(name, declared, live, 0);
        let (spoken, _) = world(name, heard, None, 0);
        prop_assert_eq!(planned(&plain, &port).steps, planned(&spoken, &port).steps);
    }

    #[test]
    fn an_export_plans_to_nothing_and_makes_the_same_again(held in proptest::collection::vec(held(), 1..4)) {
        let live: IndexMap<Address, Live> = held.into_iter().enumerate()
            .map(|(number, (name, fields))| (address(name, number), held_as(name, fields)))
            .collect();
        let here = snapshot(live);
        let text = exported(&here);
        let Some(manifest) = loaded(&text) else {
            return Err(TestCaseError::reject("the rules of the manifest forbid it"));
        };
        let plan = planned(&manifest.resources, &here);
        prop_assert!(plan.steps.is_empty(), "{text}\n{:#?}", plan.steps);
        let elsewhere = snapshot(IndexMap::new());
        let plan = planned(&manifest.resources, &elsewhere);
        prop_assume!(plan.blocked_steps().next().is_none());
        carried_out(&plan, &elsewhere);
        prop_assert_eq!(exported(&elsewhere), text);
    }

    #[test]
    fn the_order_of_the_manifest_does_not_matter(pairs in proptest::collection::vec(pair(), 2..5)) {
        let (forward, backward) = (Several::of(&pairs), Several::of(&pairs));
        let mut reversed = Resources::new();
        reversed.extend(backward.resources.into_iter().rev());
        carried_out(&planned(&forward.resources, &forward.port), &forward.port);
        carried_out(&planned(&reversed, &backward.port), &backward.port);
        for address in reversed.keys() {
            prop_assert_eq!(sorted(seen(&forward.port, address)), sorted(seen(&backward.port, address)));
        }
    }
}

/// What a broker may hold: consumers only come with a stream, so they are left to the pairs.
fn held() -> impl Strategy<Value = (KindName, Flat)> {
    let kinds = [
        KindName::Stream,
        KindName::Kv,
        KindName::ObjectStore,
        KindName::Topic,
    ];
    proptest::sample::select(kinds.to_vec())
        .prop_flat_map(|name| (Just(name), generate::fields(name, 0.1)))
}

fn exported(port: &SnapshotPort) -> String {
    let everything = |_: &Address| true;
    let resources = block_on(engine::export(
        port,
        &[Broker::Nats, Broker::Kafka],
        &[],
        &everything,
    ));
    manifest::write("laws", &resources.unwrap().resources)
}

fn loaded(text: &str) -> Option<Manifest> {
    let files = vec![Input::Text {
        name: "export.yaml".into(),
        text: text.into(),
    }];
    manifest::load(&Inputs {
        files,
        ..Inputs::default()
    })
    .manifest
}

/// A law is tried on `PROPTEST_CASES` pairs, or on 500; random documents break rules often, so
/// many may be thrown away.
fn config() -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|n| n.parse().ok());
    ProptestConfig {
        cases: asked.unwrap_or(500),
        max_global_rejects: u32::MAX,
        max_local_rejects: u32::MAX,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// Several pairs in one world.
struct Several {
    resources: Resources,
    port: SnapshotPort,
}

impl Several {
    fn of(pairs: &[Pair]) -> Several {
        let mut resources = Resources::new();
        let mut live = IndexMap::new();
        for (number, (name, declared, held)) in pairs.iter().enumerate() {
            let address = address(*name, number);
            resources.insert(
                address.clone(),
                Resource::new(address.clone(), declared.clone()),
            );
            if let Some(fields) = held {
                live.insert(address, held_as(*name, fields.clone()));
            }
        }
        Several {
            resources,
            port: snapshot(live),
        }
    }
}

/// One declared resource, what the broker holds of it, and a stranger beside it.
fn world(
    name: KindName,
    declared: Flat,
    live: Option<Flat>,
    number: usize,
) -> (Resources, SnapshotPort) {
    let address = address(name, number);
    let mut held = IndexMap::new();
    if let Some(mut fields) = live {
        fields.insert("of_a_newer_server".into(), json!({ "deep": [1, 2] }));
        held.insert(address.clone(), held_as(name, fields));
    }
    held.insert(self::address(name, 7), held_as(name, Flat::new()));
    let resources = Resources::from([(address.clone(), Resource::new(address, declared))]);
    (resources, snapshot(held))
}

fn address(name: KindName, number: usize) -> Address {
    match name {
        KindName::Consumer => Address::new(name, format!("S{number}/c")),
        KindName::Quota => Address::new(name, format!("user/R{number}")),
        KindName::User
        | KindName::Route
        | KindName::Stream
        | KindName::Kv
        | KindName::ObjectStore
        | KindName::Topic
        | KindName::Acl => Address::new(name, format!("R{number}")),
    }
}

fn held_as(name: KindName, fields: Flat) -> Live {
    Live {
        raw: kind(name).unwrap().declaration().unflatten(&fields),
        fields,
        incarnation: Some("first".into()),
        inherited: Default::default(),
    }
}

fn snapshot(resources: IndexMap<Address, Live>) -> SnapshotPort {
    let nats = NatsFacts {
        version: NatsVersion(2, 15, 1),
        api_level: 5,
        account: None,
        domain: None,
        clustered: true,
        max_bytes_required: false,
    };
    let kafka = KafkaFacts {
        cluster_id: "cluster".into(),
        brokers: 5,
        release: Some("4.3".into()),
        principal: None,
        rights: Vec::new(),
        local_address: None,
    };
    SnapshotPort::new(Snapshot {
        format_version: SNAPSHOT_VERSION.into(),
        tool_version: String::new(),
        targets: Vec::new(),
        surroundings: Surroundings {
            nats: Some(nats),
            kafka: Some(kafka),
        },
        resources,
        hidden: IndexMap::new(),
        absent: Vec::new(),
    })
}

fn planned(resources: &Resources, port: &SnapshotPort) -> Plan {
    block_on(main_job::planned(resources, port))
}

fn carried_out(plan: &Plan, port: &SnapshotPort) {
    let open: Vec<&Step> = plan.open_steps().collect();
    for done in block_on(main_job::applied(plan, port)) {
        let was_open = open.iter().any(|step| step.address == done.address);
        assert_eq!(done.outcome == Outcome::Applied, was_open, "{done:?}");
    }
}

fn seen(port: &SnapshotPort, address: &Address) -> Observed {
    let mut seen = block_on(port.observe(address.kind, std::slice::from_ref(address)));
    seen.swap_remove(address).unwrap()
}

fn sorted(observed: Observed) -> Observed {
    match observed {
        Observed::Present(mut live) => {
            live.fields.sort_keys();
            live.raw.sort_keys();
            Observed::Present(live)
        }
        other => other,
    }
}
