//! Routes beside each other.

use std::collections::HashMap;

use super::ends::{is_exactly_once, targets, topic};
use super::{RouteSpec, all_of, position_subject};
use crate::kinds::Resources;
use crate::kinds::stream::{collide, first_overlapping, subject_fault};
use crate::model::{Code, Problem, Resource};

/// Routes of one stream that write the same messages into one topic; and positions that a subject of another route would
/// take for messages.
pub(super) fn check(all: &Resources) -> Vec<Problem> {
    let routes = all_of(all);
    let mut groups: HashMap<(String, String), Vec<usize>> = HashMap::new();
    let mut order = Vec::new();
    for (number, (_, spec)) in routes.iter().enumerate() {
        for target in targets(spec) {
            let Some(stream) = spec.from.stream.clone() else {
                continue;
            };
            let key = (stream, target.name);
            let group = groups.entry(key.clone()).or_insert_with(|| {
                order.push(key);
                Vec::new()
            });
            group.push(number);
        }
    }
    let mut found = Vec::new();
    for key in order {
        let of_group = &groups[&key];
        let subjects = of_group.iter().flat_map(|number| {
            let spec = &routes[*number].1;
            let given = spec.from.subjects.iter().flatten();
            let sound: Vec<String> = given
                .filter(|subject| subject_fault(subject).is_none())
                .cloned()
                .collect();
            let sound = if sound.is_empty() {
                vec![">".to_owned()]
            } else {
                sound
            };
            sound.into_iter().map(move |subject| (*number, subject))
        });
        let subjects: Vec<(usize, String)> = subjects.collect();
        let borrowed = subjects.iter().map(|(number, it)| (*number, it.as_str()));
        let first = first_overlapping(borrowed);
        for ((number, subject), other) in subjects.iter().zip(first) {
            let Some(other) = other else { continue };
            let (route, other_route) = (routes[*number].0, routes[subjects[other].0].0);
            let what = format!(
                "`{subject}` of `{}` and `{}` of `{}` both go to `{}`: what they share arrives twice",
                route.address,
                subjects[other].1,
                other_route.address,
                topic(&key.1)
            );
            found.push(
                Problem::warning(Code::RouteOverlap, what)
                    .about(&route.address)
                    .at(route.place_of_word("from.subjects", subject))
                    .note(other_route.place.clone(), "the other route is here")
                    .hint(Code::RouteOverlap.way_out()),
            );
        }
    }
    found.extend(positions_taken(&routes));
    found
}

/// A route from a stream that holds the positions of another route would move these, too.
fn positions_taken(routes: &[(&Resource, RouteSpec)]) -> Vec<Problem> {
    let keeps =
        |(_, spec): &&(&Resource, RouteSpec)| is_exactly_once(spec) && spec.to.stream.is_some();
    let mut found = Vec::new();
    for (keeper, kept) in routes.iter().filter(keeps) {
        let position = position_subject(&keeper.address.name, "*");
        for (route, spec) in routes {
            if spec.from.stream != kept.to.stream {
                continue;
            }
            let subjects = spec.from.subjects.as_deref().unwrap_or_default();
            let takes = |subject: &String| collide(subject, &position);
            if !subjects.is_empty() && !subjects.iter().any(takes) {
                continue;
            }
            let what = format!(
                "`{}` takes the positions of `{}` for messages, which are in the same stream on `{position}`",
                route.address, keeper.address
            );
            found.push(
                Problem::warning(Code::RouteOverlap, what)
                    .about(&route.address)
                    .at(route.place_of("from.subjects"))
                    .hint("name its subjects in `from.subjects`, without those"),
            );
        }
    }
    found
}
