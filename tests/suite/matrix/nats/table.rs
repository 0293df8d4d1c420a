//! All changes of a field, one after another.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use trueup::engine::Port;
use trueup::kinds::{Field, NatsVersion, Resources, Shape, kind};
use trueup::model::{Address, Severity};

use super::cell::{Cell, Verdict};
use super::raw::Raw;
use super::sample::Sample;
use crate::kinds::nats::bench::{Bench, resource};
use crate::matrix::row::Row;

/// What is seen of a kind's fields on one server.
pub struct Table<'a> {
    bench: &'a Bench,
    raw: Raw,
    beside: Resources,
    /// The present way's resource, under a name of its own: a server may still be busy deleting the last.
    address: Address,
    base: String,
    ways: usize,
    pub rows: Vec<Row>,
    /// What is not as it should be, by field and change.
    pub wrong: BTreeMap<String, String>,
}

type Said = Map<String, Value>;

/// One step of the way that a resource goes.
struct Act {
    change: &'static str,
    said: Said,
    resets: bool,
    /// The refusal that the sample tells of.
    refused: Option<String>,
    /// The version that it needs, as the sample tells.
    needs: Option<String>,
}

impl Act {
    fn of(change: &'static str, said: &Said) -> Act {
        Act {
            change,
            said: said.clone(),
            resets: false,
            refused: None,
            needs: None,
        }
    }
}

impl<'a> Table<'a> {
    pub async fn new(bench: &'a Bench, address: &str, beside: Resources) -> Table<'a> {
        Table {
            bench,
            raw: Raw::at(&bench.url()).await,
            beside,
            address: address.parse().unwrap(),
            base: address.to_owned(),
            ways: 0,
            rows: Vec::new(),
            wrong: BTreeMap::new(),
        }
    }

    pub fn version(&self) -> NatsVersion {
        let surroundings = self.bench.port().surroundings();
        surroundings.nats.as_ref().unwrap().version
    }

    /// Every kind of change of one field, and every word that it takes.
    pub async fn try_field(&mut self, path: &str, sample: &Sample) {
        let field = self.field(path);
        let bare = &sample.with;
        let (first, second) = (
            self.with(path, &sample.first, bare),
            self.with(path, &sample.second, bare),
        );
        // where the field can't be left out, its default can't be said either
        let can_be_bare = self.is_possible(bare);
        let default = field.facts.default.as_ref().filter(|_| can_be_bare);
        let default = default.map(|value| self.with(path, &field.to_manifest(value), bare));
        let defaults = |change| {
            let refused = sample.refused_default.clone();
            default.iter().map(move |said| Act {
                refused: refused.clone(),
                ..Act::of(change, said)
            })
        };
        let mut there_and_back = vec![
            Act::of("created", &first),
            Act {
                refused: sample.refused.clone(),
                ..Act::of("changed", &second)
            },
            Act::of("changed back", &first),
        ];
        there_and_back.extend(defaults("set to its default"));
        let removed = vec![
            Act::of("created", &first),
            Act::of("no longer declared", bare),
            Act {
                resets: true,
                ..Act::of("reset", bare)
            },
        ];
        let mut added = vec![Act::of("made without", bare)];
        added.extend(defaults("its default added"));
        added.push(Act {
            needs: sample.added_since.clone(),
            ..Act::of("added", &first)
        });
        let made = defaults("created with its default").collect();
        let mut ways = vec![there_and_back];
        if can_be_bare {
            ways.extend([removed, added, made]);
        }
        for way in ways {
            self.go(path, sample, path, way).await;
        }
        for (word, said) in self.words(path, &field, sample) {
            self.go(
                path,
                sample,
                &format!("{path}: {word}"),
                vec![Act::of("created", &said)],
            )
            .await;
        }
    }

    fn field(&self, path: &str) -> Field {
        let declaration = kind(self.address.kind).unwrap().declaration();
        declaration.field(path).unwrap().into_owned()
    }

    fn is_possible(&self, said: &Said) -> bool {
        let wanted = resource(&self.address.to_string(), said);
        let mut all = self.beside.clone();
        all.insert(wanted.address.clone(), wanted.clone());
        let problems = kind(self.address.kind).unwrap().check(&wanted, &all);
        problems
            .iter()
            .all(|problem| problem.severity != Severity::Error)
    }

    fn with(&self, path: &str, value: &Value, bare: &Said) -> Said {
        let declaration = kind(self.address.kind).unwrap().declaration();
        let mut said = bare.clone();
        declaration.set(&mut said, path, Some(value.clone()));
        said
    }

    /// The words of a field, each in a resource that can have it.
    fn words(&self, path: &str, field: &Field, sample: &Sample) -> Vec<(String, Said)> {
        let Shape::Choice(words) = &field.shape else {
            return Vec::new();
        };
        let said = |word: &String| {
            let bare = sample.words.get(word).unwrap_or(&sample.with);
            self.with(path, &word.as_str().into(), bare)
        };
        words
            .iter()
            .map(|word| (word.clone(), said(word)))
            .collect()
    }

    /// Goes this way with a new resource, as far as there is one.
    async fn go(&mut self, path: &str, sample: &Sample, shown: &str, way: Vec<Act>) {
        let server = self.version();
        self.ways += 1;
        self.address = format!("{}{}", self.base, self.ways).parse().unwrap();
        for (index, act) in way.iter().enumerate() {
            let cell = Cell {
                bench: self.bench,
                raw: &self.raw,
                beside: &self.beside,
                address: &self.address,
                path,
                said: act.said.clone(),
                resets: act.resets,
                server,
                refused: act.refused.as_deref(),
                needs: act.needs.as_deref(),
                without_effect: index > 0 && sample.is_without_effect(server),
            };
            match cell.run().await {
                Ok(verdict) => {
                    let is_made = verdict == Verdict::Done;
                    self.rows.push(self.row(shown, act.change, verdict));
                    if index == 0 && !is_made {
                        break;
                    }
                }
                Err(why) => {
                    self.wrong.insert(format!("{shown}, {}", act.change), why);
                    break;
                }
            }
        }
        self.raw.delete(&self.address).await;
    }

    fn row(&self, shown: &str, change: &str, verdict: Verdict) -> Row {
        let (word, needs, without_effect) = match verdict {
            Verdict::Nothing => ("nothing".to_owned(), None, false),
            Verdict::Done => ("done".to_owned(), None, false),
            Verdict::Refused {
                codes,
                needs,
                without_effect,
            } => (code_of(codes), needs, without_effect),
        };
        Row {
            broker: "nats",
            version: self.version().to_string(),
            kind: self.address.kind.to_string(),
            field: shown.to_owned(),
            change: change.to_owned(),
            verdict: word,
            needs,
            without_effect,
        }
    }
}

/// The code that weighs most: what a newer server would take is no matter of principle.
fn code_of(codes: Vec<String>) -> String {
    let too_old = codes.iter().find(|code| *code == "server-too-old");
    too_old.unwrap_or(&codes[0]).clone()
}
