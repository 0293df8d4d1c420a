//! The way from inputs to a checked manifest.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;

use super::aliases::{self, Double};
use super::approvals;
use super::complaints::{Surplus, cut, follows, unknown_field};
use super::connections;
use super::entries::{self, Declared, Kinds};
use super::env_file::{self, EnvFiles};
use super::files::{self, Budget, SourceText};
use super::heads;
use super::implied;
use super::layers::{self, Layer};
use super::node::{Files, Map};
use super::nulls;
use super::secrets::Secrets;
use super::sections::HEADS;
use super::sources::Read;
use super::suggest::nearest;
use super::syntax::holds_any;
use super::variables::{Telling, Variables};
use super::yaml::{self, Parsed};
use super::{Input, Inputs, Loaded, Manifest, Sources};
use crate::model::{
    Address, Code, KindName, LABEL, OWN_NOTES, Place, Problem, Resource, Tally, side_by_side,
};

/// Problems that are shown, errors before warnings; the rest is counted.
const MOST_SHOWN: usize = 200;

/// As [`super::load`], with these kinds.
pub(super) fn load(inputs: &Inputs, kinds: Kinds<'_>) -> Loaded {
    let mut problems = Vec::new();
    let env_files = env_files(inputs, &mut problems);
    let texts = read(inputs, &mut problems);
    let unreadable = !problems.is_empty();
    let files = Files(
        texts
            .iter()
            .flatten()
            .map(|text| text.name.as_str().into())
            .collect(),
    );
    let mut parsed = parse(&texts, &files);
    for (index, part) in parsed.iter_mut().flatten().enumerate() {
        refuse_silence(part, files.0.get(index), texts.iter().flatten().nth(index));
    }
    let is_whole = |p: &Parsed| p.whole && p.documents.iter().all(|node| node.map().is_some());
    let whole = !unreadable && parsed.iter().flatten().all(is_whole);
    let variables = Variables {
        given: &inputs.vars,
        environment: &inputs.environment,
        env_files,
        grown: Cell::default(),
        asked: RefCell::default(),
    };
    let read: Vec<bool> = parsed.iter().flatten().map(|p| p.whole).collect();
    let mut secrets = Secrets::default();
    let (mut layer, mut doubles) = laid_over(parsed, &files, kinds, &mut problems, &mut secrets);
    let mut surplus = Surplus::default();
    let mut telling = Telling {
        files: &files,
        problems: &mut problems,
        surplus: &mut surplus,
    };
    let mut said = texts.iter().flatten().map(|text| text.text.as_str());
    if said.any(may_hold_variables) {
        variables.expand_all(&mut layer.tree, &mut telling);
        for double in &mut doubles {
            variables.expand_one(&mut double.entry.node, &mut telling);
        }
    }
    if whole {
        problems.extend(variables.unused());
    }
    secrets.collect(Some(&layer.tree));
    let texts = texts.into_iter().flatten().map(|text| text.text).zip(read);
    let texts: Vec<Read> = texts.map(|(text, whole)| Read { text, whole }).collect();
    secrets.remember_variables(&variables, &texts);
    let sources = Sources::of(&files, texts, secrets);
    let (manifest, more) = check(layer, inputs, &files, kinds, whole, &mut problems);
    surplus.add(&more);
    problems.extend(aliases::check(&doubles, &files));
    sources.blind(&mut problems);
    finished(manifest, problems, &surplus, sources, &files)
}

/// Whether a value of this text may hold a `$`, be it behind an escape.
fn may_hold_variables(text: &str) -> bool {
    holds_any(text, [b'$', b'\\'])
}

fn env_files(inputs: &Inputs, problems: &mut Vec<Problem>) -> EnvFiles {
    let mut variables = EnvFiles::default();
    for path in &inputs.env_files {
        match files::read_named(path, &mut Budget::of_variables()) {
            Ok(SourceText { name, text }) => {
                variables.extend(env_file::read(&name, &text, problems));
            }
            Err(problem) => {
                variables.unread = true;
                problems.push(problem);
            }
        }
    }
    variables
}

/// The texts of each input.
fn read(inputs: &Inputs, problems: &mut Vec<Problem>) -> Vec<Vec<SourceText>> {
    let mut budget = Budget::of_manifest();
    let mut reads_stdin = false;
    inputs
        .files
        .iter()
        .map(|input| {
            if matches!(input, Input::Stdin) && std::mem::replace(&mut reads_stdin, true) {
                let what = "`-f -` is given twice: standard input can be read only once";
                let problem = Problem::error(Code::FileUnreadable, what);
                problems.push(problem.hint("give the other text as a file"));
                return Vec::new();
            }
            let (texts, complaints) = files::read_input(input, &mut budget);
            problems.extend(complaints);
            texts
        })
        .collect()
}

/// Parses every text, several at a time.
fn parse(texts: &[Vec<SourceText>], files: &Files) -> Vec<Vec<Parsed>> {
    let flat: Vec<&SourceText> = texts.iter().flatten().collect();
    let (next, nodes) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let work = || {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let (Some(text), Some(name)) = (flat.get(index), files.0.get(index)) else {
                return done;
            };
            let file = u32::try_from(index).unwrap_or(u32::MAX);
            done.push((index, yaml::parse(file, name, &text.text, &nodes)));
        }
    };
    let workers = thread::available_parallelism()
        .map_or(1, usize::from)
        .min(flat.len());
    let mut parsed: Vec<(usize, Parsed)> = thread::scope(|scope| {
        let others: Vec<_> = (1..workers).map(|_| scope.spawn(work)).collect();
        let mut all = work();
        for other in others {
            all.extend(other.join().unwrap_or_default());
        }
        all
    });
    parsed.sort_by_key(|(index, _)| *index);
    let mut parsed = parsed.into_iter().map(|(_, parsed)| parsed);
    texts
        .iter()
        .map(|input| parsed.by_ref().take(input.len()).collect())
        .collect()
}

/// A file that says nothing at all was cut off, more likely than not: what it declared would be taken for no longer declared.
fn refuse_silence(part: &mut Parsed, name: Option<&Arc<str>>, text: Option<&SourceText>) {
    let (true, Some(name), Some(text)) = (part.is_silent(), name, text) else {
        return;
    };
    let what = match text.text.trim().is_empty() {
        true => format!("`{name}` is empty"),
        false => format!("`{name}` says nothing"),
    };
    let place = Place {
        file: name.clone(),
        line: 1,
        column: 1,
        bytes: (0, 0),
    };
    let problem = Problem::error(Code::NothingDeclared, what)
        .hint("where it is meant to declare nothing, write `{}` or delete the file")
        .at(Some(place));
    part.problems.push(problem);
    part.whole = false;
}

/// The layers of all inputs, the later over the earlier. Variables are not replaced yet: what a
/// later layer takes away asks for none.
fn laid_over(
    parsed: Vec<Vec<Parsed>>,
    files: &Files,
    kinds: Kinds<'_>,
    problems: &mut Vec<Problem>,
    secrets: &mut Secrets,
) -> (Layer, Vec<Double>) {
    let mut whole: Option<Layer> = None;
    let mut doubles = Vec::new();
    for input in parsed {
        let mut parts = Vec::new();
        for parsed in input {
            problems.extend(parsed.problems);
            for document in parsed.documents {
                secrets.collect(document.map());
                parts.push(document);
            }
        }
        let mut layer = layers::join(parts, files, problems);
        doubles.extend(aliases::resolve(&mut layer.tree, kinds, files, problems));
        match &mut whole {
            Some(whole) => layers::lay_over(whole, layer, files, problems),
            None => {
                layers::declare_empty(&mut layer.tree);
                problems.extend(nulls::of_unknown_configs(&layer.tree, files));
                whole = Some(layer);
            }
        }
    }
    let whole = whole.unwrap_or_else(|| Layer {
        tree: Map::default(),
        declared: HashSet::new(),
    });
    (whole, doubles)
}

fn check(
    layer: Layer,
    inputs: &Inputs,
    files: &Files,
    kinds: Kinds<'_>,
    whole: bool,
    problems: &mut Vec<Problem>,
) -> (Manifest, Surplus) {
    let mut heads = Surplus::default();
    check_heads(&layer.tree, files, problems, &mut heads);
    let stack = heads::stack(&layer.tree, files, whole, problems);
    let (connections, complaints) = connections::read(
        layer.tree.get("connections"),
        &inputs.environment,
        files,
        whole,
    );
    problems.extend(complaints);
    let ledger = heads::ledger(&layer.tree, files, problems);
    let brokers = heads::brokers(&layer.tree, &connections);
    let said = layer.tree.get("approvals");
    let approvals = approvals::read(said, files, inputs.now, problems, &mut heads);
    let terms = implied::terms(&layer.tree, files, problems);
    let mut declared = entries::read(layer, files, kinds, whole);
    implied::imply(&mut declared, &terms);
    let mut surplus = std::mem::take(&mut declared.surplus);
    surplus.add(&heads);
    check_rules(&declared, kinds, whole, problems, &mut surplus);
    if inputs.foretells {
        problems.extend(foretold(&declared, kinds));
    }
    if declared.resources.is_empty() && declared.problems.is_empty() && whole {
        let what = "the manifest declares no resources";
        problems
            .push(Problem::warning(Code::NothingDeclared, what).hint("check the `-f` arguments"));
    }
    problems.extend(declared.problems);
    let manifest = Manifest {
        digest: OnceLock::new(),
        stack,
        ledger,
        brokers,
        connections,
        resources: declared.resources,
        passwords: declared.passwords,
        approvals,
    };
    (manifest, surplus)
}

/// The rules of the kinds. Those that ask for the whole of a text keep quiet where a part of it is
/// missing; of a resource that has lost a field to another problem, and of what rests on it, only what does
/// not follow from the hole is said.
fn check_rules(
    declared: &Declared,
    kinds: Kinds<'_>,
    whole: bool,
    problems: &mut Vec<Problem>,
    surplus: &mut Surplus,
) {
    let check = |resources: Vec<&Resource>| {
        let (mut found, mut surplus) = (Vec::new(), Surplus::default());
        for resource in resources {
            let Some(kind) = kinds(resource.address.kind) else {
                continue;
            };
            let of_it = kind.check(resource, &declared.resources).into_iter();
            let of_it = of_it.chain(own_label(resource));
            let lost = declared.faulty.get(&resource.address);
            found.extend(of_it.filter(|problem| lost.is_none_or(|lost| !follows(problem, lost))));
            surplus.bound(&mut found);
        }
        (found, surplus)
    };
    let all: Vec<&Resource> = declared.resources.values().collect();
    let mut found = Vec::new();
    for (problems, more) in side_by_side(all, check) {
        found.extend(problems);
        surplus.add(&more);
        surplus.bound(&mut found);
    }
    for kind in KindName::ALL.into_iter().filter_map(kinds) {
        found.extend(kind.check_all(&declared.resources));
    }
    let misnamed: HashSet<Address> = found
        .iter()
        .filter(|problem| problem.code == Code::BadName)
        .filter_map(|problem| problem.address.clone())
        .collect();
    let partial = |code: Code| matches!(code, Code::Dangling | Code::MissingField);
    let of_holes = |problem: &Problem| {
        let resource = problem.address.as_ref();
        let resource = resource.and_then(|address| declared.resources.get(address));
        let beneath = resource.and_then(|resource| {
            let kind = kinds(resource.address.kind)?;
            Some(kind.rests_on(resource, &declared.resources))
        });
        let mut beneath = beneath.into_iter().flatten();
        matches!(problem.code, Code::FilterOutside | Code::RouteOutside)
            && beneath.any(|it| {
                declared
                    .faulty
                    .get(&it)
                    .is_some_and(|lost| holds_subjects(lost))
            })
    };
    found.retain(|problem| !of_holes(problem));
    problems.extend(found.into_iter().filter(|problem| {
        let of_misnamed = problem
            .address
            .as_ref()
            .is_some_and(|a| misnamed.contains(a));
        (whole || !partial(problem.code)) && !(of_misnamed && problem.code == Code::FilterOverlap)
    }));
}

/// Whether what a stream stores is among the fields that it lost.
fn holds_subjects(lost: &[String]) -> bool {
    let is_one = |field: &str| ["subjects", "sources", "mirror"].contains(&field);
    lost.iter()
        .any(|path| is_one(path.split('.').next().unwrap_or(path)))
}

/// What the declared resources show of risks by themselves; nothing of one that has lost a field to a problem.
fn foretold(declared: &Declared, kinds: Kinds<'_>) -> Vec<Problem> {
    let all = KindName::ALL.into_iter().filter_map(kinds);
    let told = all.flat_map(|kind| kind.foretold(&declared.resources));
    let is_whole = |problem: &Problem| {
        let address = problem.address.as_ref();
        address.is_none_or(|address| !declared.faulty.contains_key(address))
    };
    told.filter(is_whole).collect()
}

/// What trueup notes on a resource is its own: who declares it would say whose the resource is, or where it stands.
fn own_label(resource: &Resource) -> Option<Problem> {
    if resource.required_by.is_some() {
        return None;
    }
    let mut said = resource.declared.keys();
    let said = said.find(|path| path.starts_with(OWN_NOTES))?;
    let what = match said.as_str() {
        LABEL => format!("`{LABEL}` is trueup's own: it says which stack a resource belongs to"),
        other => format!("`{other}` is trueup's own, as all keys that begin with `trueup.` are"),
    };
    let problem = Problem::error(Code::Contradiction, what)
        .at(resource.place_of(said))
        .about(&resource.address)
        .hint("take it out; with a ledger, trueup writes it by itself");
    Some(problem)
}

fn check_heads(tree: &Map, files: &Files, problems: &mut Vec<Problem>, surplus: &mut Surplus) {
    let unknown = tree
        .iter()
        .filter(|(key, _)| !HEADS.contains(&&***key) && !key.starts_with("x-"));
    for (key, entry) in unknown {
        let near = nearest(key, HEADS.into_iter());
        let problem = unknown_field("a manifest", key, near);
        let problem = match near {
            Some(_) => problem,
            None => problem.hint("a key of your own, to hold anchors, begins with `x-`"),
        };
        problems.push(problem.at(files.place(entry.key)));
        surplus.bound(problems);
    }
}

/// Sorts the problems, takes away what is said twice and counts what is too much.
fn finished(
    manifest: Manifest,
    problems: Vec<Problem>,
    surplus: &Surplus,
    sources: Sources,
    files: &Files,
) -> Loaded {
    let order: HashMap<&str, usize> = files
        .0
        .iter()
        .enumerate()
        .map(|(index, name)| (name.as_ref(), index))
        .collect();
    let mut seen = HashSet::new();
    let mut problems: Vec<Problem> = problems
        .into_iter()
        .filter(|p| seen.insert((p.code, p.place.clone(), p.message.clone())))
        .collect();
    problems.sort_by_key(|problem| {
        problem.place.as_ref().map(|place| {
            let file = order.get(place.file.as_ref()).copied();
            (file, place.line, place.column)
        })
    });
    let left_out = surplus.0.plus(cut(&mut problems, MOST_SHOWN));
    let failed = left_out.plus(Tally::of(&problems)).errors > 0;
    Loaded {
        named: manifest
            .connections
            .files()
            .into_iter()
            .chain(manifest.passwords.files())
            .collect(),
        manifest: (!failed).then_some(manifest),
        problems,
        left_out,
        sources,
    }
}
