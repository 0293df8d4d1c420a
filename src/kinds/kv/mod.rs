//! Key-value buckets: streams of a fixed template.

mod origins;
mod spec;

use std::sync::LazyLock;

use async_trait::async_trait;
use serde_json::{Value, json};

pub use spec::KvSpec;

use super::stream::{
    Said, Template, View, declared_as, fixed, foretells, foretold, links, local_origins, losses,
    losses_by_sight, of_ledger, see_servers, servers_go_on, shared_settle, staged, staged_notes,
    wire,
};
use super::{
    Case, Declaration, Delta, Kind, Link, Live, Observations, Rehearsal, Resources, Shape, Sight,
};
use crate::broker::Brokers;
use crate::model::{
    Address, Code, Flat, KindName, Outcome, Problem, Refusal, Resource, Risk, Step, Wanted,
};

/// Key-value buckets.
#[derive(Clone, Copy, Debug)]
pub struct Kv;

/// What stands before a bucket's name in its stream's.
pub(super) const PREFIX: &str = "KV_";

/// ADR-8, as nats.go writes it (`prepareKeyValueConfig`).
const TEMPLATE: Template = Template {
    what: "bucket",
    prefix: PREFIX,
    renamed: &[
        ("history", "max_msgs_per_subject"),
        ("ttl", "max_age"),
        ("max_value_size", "max_msg_size"),
        ("limit_marker_ttl", "subject_delete_marker_ttl"),
    ],
    fixed: || {
        fixed(&[
            ("retention", json!("limits")),
            ("discard", json!("new")),
            ("allow_rollup_hdrs", json!(true)),
            ("deny_delete", json!(true)),
            ("deny_purge", json!(false)),
            ("allow_direct", json!(true)),
            ("max_consumers", json!(-1)),
            ("max_msgs", json!(-1)),
            ("no_ack", json!(false)),
        ])
    },
    subjects: |bucket| vec![format!("$KV.{bucket}.>")],
};

static DECLARATION: LazyLock<Declaration> = LazyLock::new(|| {
    let mut declaration = TEMPLATE.declaration(Declaration::of::<KvSpec>());
    tell_missing_transforms(&mut declaration);
    declaration
});

/// A source without transforms gets one; that it has none is said by an empty list.
fn tell_missing_transforms(declaration: &mut Declaration) {
    let sources = declaration.fields.get_mut("sources");
    if let Some(Shape::List(source)) = sources.map(|field| &mut field.shape)
        && let Shape::Object(inner) = &mut source.shape
        && let Some(transforms) = inner.fields.get_mut("subject_transforms")
    {
        transforms.facts.default = None;
    }
}

#[async_trait]
impl Kind for Kv {
    fn name(&self) -> KindName {
        KindName::Kv
    }

    fn declaration(&self) -> &'static Declaration {
        &DECLARATION
    }

    fn check(&self, resource: &Resource, all: &Resources) -> Vec<Problem> {
        let checked = TEMPLATE.check(self, resource, all);
        of_ledger(resource).into_iter().chain(checked).collect()
    }

    fn foretold(&self, all: &Resources) -> Vec<Problem> {
        foretold(self, all)
    }

    fn foretells(&self) -> Vec<Code> {
        foretells(self)
    }

    fn rests_on(&self, resource: &Resource, all: &Resources) -> Vec<Address> {
        let stream = self.in_stream_terms(&resource.address.name, resource.declared.clone());
        local_origins(Said(&stream))
            .into_iter()
            .filter_map(|name| declared_as(name, all))
            .collect()
    }

    fn links(&self, resource: &Resource, all: &Resources) -> Vec<Link> {
        let stream = self.in_stream_terms(&resource.address.name, resource.declared.clone());
        links(&resource.address, Said(&stream), all)
    }

    fn settle(&self, declared: &mut Flat, live: &mut Flat) {
        origins::by_bucket_name(declared);
        if let Some(bucket) = Said(live)
            .text("stream.name")
            .and_then(|name| self.resource_name(name))
        {
            origins::forget_no_transforms(bucket, declared);
        }
        shared_settle(declared);
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

impl View for Kv {
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
        let mut fields = TEMPLATE.in_own_terms(&DECLARATION, name, stream);
        origins::to_buckets(name, &mut fields);
        fields
    }

    fn in_stream_terms(&self, name: &str, mut fields: Flat) -> Flat {
        origins::to_streams(name, &mut fields);
        TEMPLATE.in_stream_terms(name, fields)
    }

    fn new_stream(&self, name: &str, fields: Flat) -> Flat {
        TEMPLATE.new_stream(self.in_stream_terms(name, fields))
    }

    fn field_name(&self, stream_field: &str) -> String {
        TEMPLATE.own_path(&DECLARATION, stream_field)
    }

    fn fresh(&self) -> Flat {
        let mut fields = TEMPLATE.fresh();
        fields.insert("history".to_owned(), json!(1));
        fields
    }

    fn untold(&self, fields: &Flat) -> Vec<String> {
        let history = fields.get("history").and_then(Value::as_i64);
        let is_sayable = history.is_some_and(|history| (1..=64).contains(&history));
        let mut untold = TEMPLATE.untold(&DECLARATION, fields);
        untold.extend((!is_sayable).then(|| "max_msgs_per_subject".to_owned()));
        untold
    }
}
