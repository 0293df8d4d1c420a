//! Object stores: streams of a fixed template.

mod spec;

use std::sync::LazyLock;

use async_trait::async_trait;
use serde_json::{Value, json};

pub use spec::ObjectStoreSpec;

use super::stream::{
    Template, View, fixed, foretells, foretold, losses, losses_by_sight, see_servers,
    servers_go_on, staged, staged_notes, wire,
};
use super::{Case, Declaration, Delta, Kind, Live, Observations, Rehearsal, Resources, Sight};
use crate::broker::Brokers;
use crate::model::{
    Address, Code, Flat, KindName, Outcome, Problem, Refusal, Resource, Risk, Step, Wanted,
};

/// Object stores.
#[derive(Clone, Copy, Debug)]
pub struct ObjectStore;

/// What stands before a store's name in its stream's.
pub(super) const PREFIX: &str = "OBJ_";

/// ADR-20, as nats.go writes it (`prepareObjectStoreConfig`). `deny_delete` is left alone: it is
/// off in a new store and harms nothing when it is on.
const TEMPLATE: Template = Template {
    what: "object store",
    prefix: PREFIX,
    renamed: &[("ttl", "max_age")],
    fixed: || {
        fixed(&[
            ("retention", json!("limits")),
            ("discard", json!("new")),
            ("allow_rollup_hdrs", json!(true)),
            ("deny_purge", json!(false)),
            ("allow_direct", json!(true)),
            ("max_consumers", json!(-1)),
            ("max_msgs", json!(-1)),
            ("max_msgs_per_subject", json!(-1)),
            ("no_ack", json!(false)),
        ])
    },
    subjects: |store| vec![format!("$O.{store}.C.>"), format!("$O.{store}.M.>")],
};

static DECLARATION: LazyLock<Declaration> =
    LazyLock::new(|| TEMPLATE.declaration(Declaration::of::<ObjectStoreSpec>()));

#[async_trait]
impl Kind for ObjectStore {
    fn name(&self) -> KindName {
        KindName::ObjectStore
    }

    fn declaration(&self) -> &'static Declaration {
        &DECLARATION
    }

    fn check(&self, resource: &Resource, all: &Resources) -> Vec<Problem> {
        TEMPLATE.check(self, resource, all)
    }

    fn foretold(&self, all: &Resources) -> Vec<Problem> {
        foretold(self, all)
    }

    fn foretells(&self) -> Vec<Code> {
        foretells(self)
    }

    fn settle(&self, declared: &mut Flat, live: &mut Flat) {
        TEMPLATE.mend(&DECLARATION, declared, live);
    }

    fn can_reset(&self, path: &str, live: &Value) -> bool {
        TEMPLATE.can_reset(&DECLARATION, path, live)
    }

    fn judge(&self, case: &Case<'_>) -> Vec<Refusal> {
        TEMPLATE.judge(self, case)
    }

    fn stages(&self, case: &Case<'_>) -> Vec<Vec<Delta>> {
        staged(self, case)
    }

    fn notes(&self, case: &Case<'_>) -> Vec<String> {
        staged_notes(self, case)
    }

    async fn observe(&self, brokers: &Brokers, addresses: &[Address]) -> Observations {
        wire::observe(self, brokers, addresses).await
    }

    async fn rehearse(&self, brokers: &Brokers, steps: &[&Step]) -> Rehearsal {
        wire::rehearse(self, brokers, steps).await
    }

    async fn risks(&self, brokers: &Brokers, steps: &[&Step]) -> Vec<(Address, Vec<Risk>)> {
        losses(self, brokers, steps).await
    }

    fn risks_by_sight(&self, sight: &Sight<'_>, steps: &[&Step]) -> Vec<(Address, Vec<Risk>)> {
        losses_by_sight(self, sight, steps)
    }

    async fn carry_out(&self, brokers: &Brokers, steps: &[&Step]) -> Vec<(Address, Outcome)> {
        wire::carry_out(self, brokers, steps).await
    }

    async fn see(&self, brokers: &Brokers, steps: &[&Step]) -> Vec<(Address, Outcome)> {
        see_servers(self, brokers, steps).await
    }

    fn goes_on(&self, step: &Step, live: &Live) -> Option<String> {
        servers_go_on(self, step, live)
    }

    fn is_unsettled(&self, step: &Step, live: &Live) -> bool {
        servers_go_on(self, step, live).is_some()
    }

    async fn list(&self, brokers: &Brokers, wanted: &dyn Wanted) -> Result<Vec<Address>, Problem> {
        wire::list(self, brokers, wanted).await
    }
}

impl View for ObjectStore {
    fn what(&self) -> &'static str {
        TEMPLATE.what
    }

    fn stream_name(&self, name: &str) -> String {
        TEMPLATE.stream_name(name)
    }

    fn resource_name<'n>(&self, stream: &'n str) -> Option<&'n str> {
        stream.strip_prefix(PREFIX)
    }

    fn in_own_terms(&self, name: &str, stream: Flat) -> Flat {
        TEMPLATE.in_own_terms(&DECLARATION, name, stream)
    }

    fn in_stream_terms(&self, name: &str, fields: Flat) -> Flat {
        TEMPLATE.in_stream_terms(name, fields)
    }

    fn field_name(&self, stream_field: &str) -> String {
        TEMPLATE.own_path(&DECLARATION, stream_field)
    }

    fn fresh(&self) -> Flat {
        TEMPLATE.fresh()
    }

    fn untold(&self, fields: &Flat) -> Vec<String> {
        TEMPLATE.untold(&DECLARATION, fields)
    }
}
