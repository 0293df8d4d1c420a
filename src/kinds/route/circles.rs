//! Routes that lead back to where their messages come from.

use std::collections::{HashMap, HashSet, VecDeque};

use super::ends::{dead_letters, targets};
use super::template::SubjectTemplate;
use super::{LoopGuard, RouteSpec, all_of};
use crate::kinds::Resources;
use crate::kinds::stream::{Said, collide, local_origins};
use crate::model::{Address, Code, KindName, Problem};

/// Circles of declared routes. Each route of one that does not say `loop_guard: header` is an error; one that goes round over
/// the dead letters of a route is a circle, too.
pub(super) fn check(all: &Resources) -> Vec<Problem> {
    let routes = all_of(all);
    let specs: Vec<&RouteSpec> = routes.iter().map(|(_, spec)| spec).collect();
    let next = edges(&specs, &copies(all));
    let unguarded = routes
        .iter()
        .enumerate()
        .filter(|(_, (_, spec))| spec.loop_guard != Some(LoopGuard::Header));
    let circles = unguarded.filter_map(|(number, (route, _))| {
        let way = way_back(number, &next)?;
        let mut shown: Vec<String> = way
            .iter()
            .map(|number| format!("`{}`", routes[*number].0.address))
            .collect();
        shown.push(format!("`{}`", route.address));
        let what = match shown.len() {
            2 => format!("`{}` leads back into its own source", route.address),
            _ => format!("routes lead back in a circle: {}", shown.join(" to ")),
        };
        let problem = Problem::error(Code::RouteCircle, what)
            .about(&route.address)
            .at(route.place_of("to"))
            .hint(Code::RouteCircle.way_out());
        Some(problem)
    });
    circles.collect()
}

/// Circles of routes that are about to be over others that are in the table: the number of each that is to be, where one of the
/// circle does not say `loop_guard: header`, and what is wrong. Circles of theirs alone are left out: [`check`] tells those.
pub(super) fn over_others(
    wanted: &[(&Address, &RouteSpec)],
    others: &[(Address, RouteSpec)],
) -> Vec<(usize, String)> {
    let theirs = others.iter().map(|(address, spec)| (address, spec));
    let routes: Vec<(&Address, &RouteSpec)> = wanted.iter().copied().chain(theirs).collect();
    let specs: Vec<&RouteSpec> = routes.iter().map(|(_, spec)| *spec).collect();
    let next = edges(&specs, &HashMap::new());
    let is_unguarded = |it: &usize| specs[*it].loop_guard != Some(LoopGuard::Header);
    let circles = (0..wanted.len()).filter_map(|number| {
        let way = way_back(number, &next)?;
        let other = way.iter().find(|it| **it >= wanted.len())?;
        let open = way.iter().find(|it| is_unguarded(it))?;
        let what = format!(
            "its messages come back to its own source over `{}`, which is in the table of routes and not changed here; `{}` does not say `loop_guard: header`",
            routes[*other].0, routes[*open].0
        );
        Some((number, what))
    });
    circles.collect()
}

/// The shortest way from a route back to it, with the route itself first.
fn way_back(start: usize, next: &[Vec<usize>]) -> Option<Vec<usize>> {
    let mut before: HashMap<usize, usize> = HashMap::new();
    let mut open = VecDeque::from([start]);
    while let Some(at) = open.pop_front() {
        for to in &next[at] {
            if *to == start {
                let mut way = vec![at];
                let mut last = at;
                while last != start {
                    last = before[&last];
                    way.push(last);
                }
                way.reverse();
                return Some(way);
            }
            if !before.contains_key(to) {
                before.insert(*to, at);
                open.push_back(*to);
            }
        }
    }
    None
}

/// For each route those that take what it writes.
fn edges(routes: &[&RouteSpec], copies: &HashMap<String, Vec<String>>) -> Vec<Vec<usize>> {
    let mut of_stream: HashMap<&str, Vec<usize>> = HashMap::new();
    let mut of_topic: HashMap<&str, Vec<usize>> = HashMap::new();
    for (number, spec) in routes.iter().enumerate() {
        if let Some(stream) = &spec.from.stream {
            of_stream.entry(stream).or_default().push(number);
        }
        if let Some(topic) = &spec.from.topic {
            of_topic.entry(topic).or_default().push(number);
        }
    }
    let of = |spec: &&RouteSpec| {
        let mut found: Vec<usize> = Vec::new();
        for (target, subject) in written(spec) {
            if target.kind == KindName::Topic {
                found.extend(of_topic.get(target.name.as_str()).into_iter().flatten());
                continue;
            }
            let takes = |number: &&usize| takes(routes[**number], subject.as_deref());
            let direct = of_stream.get(target.name.as_str()).into_iter().flatten();
            found.extend(direct.filter(takes));
            // a copy may keep messages under other subjects
            for copy in downstream(&target.name, copies) {
                found.extend(of_stream.get(copy.as_str()).into_iter().flatten());
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    };
    routes.iter().map(of).collect()
}

/// Where a route writes, with the subjects that it publishes on.
fn written(spec: &RouteSpec) -> Vec<(Address, Option<String>)> {
    let topic = spec.from.topic.as_deref().unwrap_or_default();
    let template = spec.to.subject.as_deref().map(SubjectTemplate::parse);
    let pattern = template.and_then(Result::ok).map(|it| it.pattern(topic));
    let ends = targets(spec).into_iter();
    let ends = ends.map(|target| (target, pattern.clone()));
    let subject = spec.dlq.as_ref().and_then(|dlq| dlq.subject.clone());
    let dead = dead_letters(spec).into_iter();
    ends.chain(dead.map(|target| (target, subject.clone())))
        .collect()
}

/// Whether a route from a stream takes messages on this subject.
fn takes(spec: &RouteSpec, subject: Option<&str>) -> bool {
    let taken = spec.from.subjects.as_deref().unwrap_or_default();
    let Some(subject) = subject else { return true };
    taken.is_empty() || taken.iter().any(|taken| collide(taken, subject))
}

/// The declared streams that copy from a stream, by its name.
fn copies(all: &Resources) -> HashMap<String, Vec<String>> {
    let mut copies: HashMap<String, Vec<String>> = HashMap::new();
    let streams = all
        .values()
        .filter(|it| it.address.kind == KindName::Stream);
    for stream in streams {
        for origin in local_origins(Said(&stream.declared)) {
            let of_origin = copies.entry(origin.to_owned()).or_default();
            of_origin.push(stream.address.name.clone());
        }
    }
    copies
}

/// Everything that copies from a stream, from its copies, and so on.
fn downstream(stream: &str, copies: &HashMap<String, Vec<String>>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut seen: HashSet<&str> = HashSet::from([stream]);
    let mut open = vec![stream];
    while let Some(name) = open.pop() {
        for copy in copies.get(name).into_iter().flatten() {
            if seen.insert(copy) {
                found.push(copy.clone());
                open.push(copy);
            }
        }
    }
    found
}
