//! Kinds of the tests' own, so that the room's tests rest on no kind's fields.

use std::sync::LazyLock;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::*;
use crate::broker::Brokers;
use crate::kinds::{Declaration, Edit, Facts, Kind, Observations, Sight, field};
use crate::model::unit::Unit;
use crate::model::{Address, Code, KindName, Outcome, Resource, Risk, Step, Undeclared, Wanted};

mod approving;
mod checks;
mod hostile;
mod merging;
mod secret;
mod slips;
mod writing;

/// A stream, more or less.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the declaration is all that is wanted")]
struct Stream {
    /// Which subjects.
    subjects: Option<Vec<String>>,
    /// How long.
    #[schemars(extend("x-field" = field().unit(Unit::Nanos).unlimited(&[0])))]
    max_age: Option<i64>,
    /// How much.
    #[schemars(extend("x-field" = field().unit(Unit::Bytes).unlimited(&[-1])))]
    max_bytes: Option<i64>,
    /// How often.
    #[schemars(range(min = 1, max = 5), extend("x-field" = field().edit(Edit::Ruled)))]
    num_replicas: Option<i64>,
    /// Where.
    storage: Option<Storage>,
    /// Never again.
    deny_delete: Option<bool>,
    /// What.
    description: Option<String>,
    /// Where.
    placement: Option<Placement>,
    /// From whom.
    sources: Option<Vec<Source>>,
    /// Tags.
    metadata: Option<IndexMap<String, String>>,
    /// By the server.
    #[schemars(extend("x-field" = field().hidden()))]
    sealed: Option<bool>,
}

/// A storage.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Storage {
    /// On disk.
    File,
    /// In memory.
    Memory,
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the declaration is all that is wanted")]
struct Placement {
    cluster: Option<String>,
    tags: Option<Vec<String>>,
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the declaration is all that is wanted")]
struct Source {
    name: String,
    opt_start_seq: Option<u64>,
}

/// A consumer, more or less.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the declaration is all that is wanted")]
struct Consumer {
    #[schemars(extend("x-field" = field().unit(Unit::Nanos)))]
    ack_wait: Option<i64>,
    filter_subject: Option<String>,
}

/// A topic, more or less.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the declaration is all that is wanted")]
struct Topic {
    #[schemars(range(min = 1))]
    partitions: i32,
    config: Option<IndexMap<String, String>>,
}

fn config_facts(key: &str) -> Facts {
    match key {
        "retention.ms" => field().unit(Unit::Millis).unlimited(&[-1]).text(),
        "max.message.bytes" => field().unit(Unit::Bytes).text(),
        _ => field().text(),
    }
}

struct TestKind {
    name: KindName,
    declaration: LazyLock<Declaration>,
}

#[async_trait]
impl Kind for TestKind {
    fn name(&self) -> KindName {
        self.name
    }

    fn declaration(&self) -> &'static Declaration {
        match KINDS.iter().find(|kind| kind.name == self.name) {
            Some(kind) => &kind.declaration,
            None => unreachable!("it is one of them"),
        }
    }

    fn aliases(&self) -> &'static [(&'static str, &'static str)] {
        match self.name {
            KindName::Topic => &[("retention", "config.retention.ms")],
            _ => &[],
        }
    }

    fn check(&self, resource: &Resource, _: &Resources) -> Vec<Problem> {
        let odd = resource.declared.get("description") == Some(&json!("odd"));
        let problem = Problem::error(Code::Contradiction, "odd with `storage: file`")
            .at(resource.place.clone());
        odd.then_some(problem).into_iter().collect()
    }

    async fn observe(&self, _: &Brokers, _: &[Address]) -> Observations {
        Observations::new()
    }

    fn risks_by_sight(&self, _: &Sight<'_>, _: &[&Step]) -> Vec<(Address, Vec<Risk>)> {
        Vec::new()
    }

    async fn carry_out(&self, _: &Brokers, _: &[&Step]) -> Vec<(Address, Outcome)> {
        Vec::new()
    }

    async fn list(&self, _: &Brokers, _: &dyn Wanted) -> Result<Vec<Address>, Problem> {
        Ok(Vec::new())
    }
}

static KINDS: [TestKind; 4] = [
    TestKind {
        name: KindName::Stream,
        declaration: LazyLock::new(Declaration::of::<Stream>),
    },
    TestKind {
        name: KindName::Consumer,
        declaration: LazyLock::new(Declaration::of::<Consumer>),
    },
    TestKind {
        name: KindName::Kv,
        declaration: LazyLock::new(Declaration::of::<Consumer>),
    },
    TestKind {
        name: KindName::Topic,
        declaration: LazyLock::new(|| {
            Declaration::of::<Topic>().with_entries("config", config_facts)
        }),
    },
];

fn test_kind(name: KindName) -> Option<&'static dyn Kind> {
    KINDS
        .iter()
        .find(|kind| kind.name == name)
        .map(|kind| kind as &dyn Kind)
}

fn text(name: &str, text: &str) -> Input {
    Input::Text {
        name: name.to_owned(),
        text: text.to_owned(),
    }
}

fn loaded(inputs: &Inputs) -> Loaded {
    load::load(inputs, &test_kind)
}

/// The layers `0.yaml`, `1.yaml`, ... laid over each other.
fn layers(texts: &[&str]) -> Loaded {
    let files = texts.iter().enumerate();
    loaded(&Inputs {
        files: files
            .map(|(index, layer)| text(&format!("{index}.yaml"), layer))
            .collect(),
        ..Inputs::default()
    })
}

/// A manifest of one text, without its `stack`.
fn one(text: &str) -> Loaded {
    layers(&[&format!("stack: s\n{text}")])
}

/// The manifest; fails where there is a problem.
fn sound(loaded: Loaded) -> Manifest {
    let told = told(&loaded);
    assert_eq!(told, Vec::<String>::new());
    loaded.manifest.unwrap()
}

/// The problems, one line each: place, code, message, hint.
fn told(loaded: &Loaded) -> Vec<String> {
    let line = |problem: &Problem| {
        let place = problem.place.as_ref().map(ToString::to_string);
        let mut line = format!(
            "{} {}: {}",
            place.unwrap_or_else(|| "-".into()),
            problem.code,
            problem.message
        );
        if let Some(hint) = &problem.hint {
            line.push_str(&format!(" ({hint})"));
        }
        for note in &problem.notes {
            line.push_str(&format!(" [{} {}]", note.place, note.message));
        }
        line
    };
    loaded.problems.iter().map(line).collect()
}

fn fields(manifest: &Manifest, address: &str) -> Value {
    let resource = &manifest.resources[&address.parse::<Address>().unwrap()];
    json!(resource.declared)
}
