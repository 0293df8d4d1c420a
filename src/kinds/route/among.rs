//! Routes beside the streams and topics that they lie between.

use super::ends::{is_exactly_once, sources, targets};
use super::key::KeyRule;
use super::switches::SWITCHES;
use super::template::SubjectTemplate;
use super::{Ordering, RouteSpec, Start, spec_of};
use crate::kinds::Resources;
use crate::kinds::stream::{
    Said, captured, collide, declared_as, has_sources, is_mirror, is_within, subject_fault,
};
use crate::model::unit::Unit;
use crate::model::{Address, Code, KindName, Problem, Resource, Severity, few};

/// So many subjects of a stream are named in a hint.
const NAMED: usize = 5;

/// What is wrong with a route in view of what is declared beside it.
pub(super) fn check(route: &Resource, all: &Resources) -> Vec<Problem> {
    let Some(spec) = spec_of(&route.declared) else {
        return Vec::new();
    };
    let look = Look {
        route,
        spec: &spec,
        all,
    };
    let mut found = look.subjects_outside();
    found.extend(look.work_queue());
    found.extend(look.target_outside());
    found.extend(look.dead_letters_outside());
    found.extend(look.target_keeps_position());
    found.extend(look.null_keys());
    found.extend(look.too_large());
    found
}

struct Look<'a> {
    route: &'a Resource,
    spec: &'a RouteSpec,
    all: &'a Resources,
}

impl<'a> Look<'a> {
    fn stream(&self, name: &Option<String>) -> Option<&'a Resource> {
        let declared = declared_as(name.as_deref()?, self.all)?;
        self.all.get(&declared)
    }

    /// The subjects that a declared stream stores; none where another stream decides that, too.
    fn stored(&self, stream: &Resource) -> Option<Vec<String>> {
        let said = Said(&stream.declared);
        let is_fed_otherwise =
            is_mirror(said) || has_sources(said) || said.has_under("subject_transform");
        (!is_fed_otherwise).then(|| captured(stream))
    }

    fn problem(&self, code: Code, field: &str, word: &str, what: String) -> Problem {
        Problem::error(code, what)
            .about(&self.route.address)
            .at(self.route.place_of_word(field, word))
    }

    /// Subjects that the source never stores: nothing of them ever comes.
    fn subjects_outside(&self) -> Vec<Problem> {
        let Some(stream) = self.stream(&self.spec.from.stream) else {
            return Vec::new();
        };
        let Some(stored) = self.stored(stream) else {
            return Vec::new();
        };
        let subjects = self.spec.from.subjects.iter().flatten();
        let outside = subjects.filter(|subject| {
            let is_met = |stored: &String| collide(stored, subject);
            subject_fault(subject).is_none() && !stored.iter().any(is_met)
        });
        outside
            .map(|subject| {
                let what = format!(
                    "the route's subject `{subject}` is outside the subjects of `{}`",
                    stream.address
                );
                self.problem(Code::RouteOutside, "from.subjects", subject, what)
                    .hint(within(&stored))
            })
            .collect()
    }

    /// Consumers of a work queue acknowledge each message by itself, and begin at its start (10098, 10101).
    fn work_queue(&self) -> Vec<Problem> {
        let stream = self.stream(&self.spec.from.stream);
        let queue = stream.filter(|it| Said(&it.declared).text("retention") == Some("workqueue"));
        let Some(queue) = queue else {
            return Vec::new();
        };
        let mut found = Vec::new();
        if self.spec.ordering.unwrap_or_default() == Ordering::Stream {
            let what = format!(
                "`{}` is a work queue, which takes no route that keeps the order: such a route acknowledges by the last message of many",
                queue.address
            );
            found.push(
                self.problem(Code::Contradiction, "ordering", "", what)
                    .hint("say `ordering: none`; or source the queue's subjects into a stream with `retention: limits`, and take that as source"),
            );
        }
        let starts = [
            (
                "start",
                self.spec.start.is_some_and(|start| start != Start::All),
            ),
            ("start_sequence", self.spec.start_sequence.is_some()),
            ("start_time", self.spec.start_time.is_some()),
        ];
        for (field, _) in starts.into_iter().filter(|(_, is_given)| *is_given) {
            let what = format!(
                "`{}` is a work queue, of which a route begins with the first message",
                queue.address
            );
            found.push(
                self.problem(Code::Contradiction, field, "", what)
                    .hint("leave the start out"),
            );
        }
        found
    }

    /// What is published where the target does not store it is refused, or kept by another stream.
    fn target_outside(&self) -> Vec<Problem> {
        let (Some(stream), Some(said)) = (self.stream(&self.spec.to.stream), &self.spec.to.subject)
        else {
            return Vec::new();
        };
        if is_mirror(Said(&stream.declared)) {
            let what = format!(
                "`{}` is a mirror, which takes no messages of its own",
                stream.address
            );
            return vec![
                self.problem(Code::Contradiction, "to.stream", &stream.address.name, what)
                    .hint("publish to the stream that it mirrors"),
            ];
        }
        let Ok(template) = SubjectTemplate::parse(said) else {
            return Vec::new();
        };
        let pattern = template.pattern(self.spec.from.topic.as_deref().unwrap_or_default());
        let stored = captured(stream);
        if stored.iter().any(|stored| is_within(&pattern, stored)) {
            return Vec::new();
        }
        let is_met = stored.iter().any(|stored| collide(stored, &pattern));
        let what = match is_met {
            true => format!(
                "not everything that the route publishes on `{said}` is within the subjects of `{}`",
                stream.address
            ),
            false => format!(
                "`{said}`, on which the route publishes, is outside the subjects of `{}`",
                stream.address
            ),
        };
        let mut problem = self
            .problem(Code::RouteOutside, "to.subject", said, what)
            .hint(format!("add `{pattern}` to them, or {}", within(&stored)));
        if is_met {
            problem.severity = Severity::Warning;
        }
        vec![problem]
    }

    fn dead_letters_outside(&self) -> Option<Problem> {
        let dlq = self.spec.dlq.as_ref()?;
        let stream = self.stream(&dlq.stream)?;
        let subject = dlq.subject.as_deref()?;
        let stored = captured(stream);
        let is_outside = !stored.iter().any(|stored| is_within(subject, stored));
        is_outside.then(|| {
            let what = format!(
                "`{subject}`, for what can't be delivered, is outside the subjects of `{}`",
                stream.address
            );
            self.problem(Code::RouteOutside, "dlq.subject", subject, what)
                .hint(format!("add it to them, or {}", within(&stored)))
        })
    }

    /// The position of a route that delivers exactly once into a stream is a message there: it has to stay.
    fn target_keeps_position(&self) -> Vec<Problem> {
        let stream = self.stream(&self.spec.to.stream);
        let Some(stream) = stream.filter(|_| is_exactly_once(self.spec)) else {
            return Vec::new();
        };
        let said = Said(&stream.declared);
        let wrong = |what: String, hint: &str| {
            vec![
                self.problem(Code::Contradiction, "delivery", "exactly_once", what)
                    .hint(hint),
            ]
        };
        if stream.address.kind != KindName::Stream {
            return wrong(
                format!(
                    "`{}` is a bucket, in which no position of a route is kept",
                    stream.address
                ),
                "take a stream as target, or `delivery: at_least_once`",
            );
        }
        if let Some(retention) = said.text("retention").filter(|it| *it != "limits") {
            return wrong(
                format!(
                    "`{}` drops what is acknowledged (`retention: {retention}`), the route's position among it",
                    stream.address
                ),
                "take a stream with `retention: limits` as target, or `delivery: at_least_once`",
            );
        }
        for field in SWITCHES {
            if said.flag(field) == Some(false) {
                return wrong(
                    format!(
                        "`{}` says `{field}: false`, which the route needs",
                        stream.address
                    ),
                    "leave the field out of the stream, or take `delivery: at_least_once`",
                );
            }
        }
        Vec::new()
    }

    /// A compacted topic refuses a record without a key.
    fn null_keys(&self) -> Vec<Problem> {
        let said = self.spec.key.as_deref();
        let rule = KeyRule::parse(said.unwrap_or("none"));
        if self.spec.from.stream.is_none() || rule != Ok(KeyRule::None) {
            return Vec::new();
        }
        let is_compacted = |topic: &&Resource| {
            let policy = topic.declared.get("config.cleanup.policy");
            let words = policy.and_then(|value| value.as_str()).unwrap_or_default();
            words.split(',').any(|word| word.trim() == "compact")
        };
        let topics = targets(self.spec).into_iter();
        let topics = topics.filter_map(|address| self.all.get(&address));
        let compacted = topics.filter(is_compacted);
        compacted
            .map(|topic| {
                let what = match said {
                    Some(_) => format!(
                        "`{}` is compacted and refuses every record of the route, for none has a key (`key: none`)",
                        topic.address
                    ),
                    None => format!(
                        "`{}` is compacted and refuses records without a key, and the route has no `key`",
                        topic.address
                    ),
                };
                self.problem(Code::RouteNullKey, "key", "none", what)
                    .hint(Code::RouteNullKey.way_out())
            })
            .collect()
    }

    /// Limits of both sides that let a message in and not out.
    fn too_large(&self) -> Vec<Problem> {
        let ends = sources(self.spec);
        let from = ends.iter().filter_map(|end| self.limit(end));
        let all: Vec<_> = from.collect();
        let targets = targets(self.spec);
        let targets = targets.iter().filter_map(|end| self.limit(end));
        let mut found = Vec::new();
        for (target, to_field, most) in targets {
            for (source, from_field, size) in &all {
                if *size > most {
                    let [size, least] = [*size, most].map(|bytes| Unit::Bytes.format(bytes));
                    let what = format!(
                        "`{}` takes messages of up to {size} (`{from_field}`) and `{}` of up to {least} (`{to_field}`)",
                        source.address, target.address
                    );
                    found.push(
                        Problem::warning(Code::RouteTooLarge, what)
                            .about(&self.route.address)
                            .at(self.route.place_of("to"))
                            .hint(Code::RouteTooLarge.way_out()),
                    );
                }
            }
        }
        found
    }

    /// The largest message that an end takes, where that is declared.
    fn limit(&self, end: &Address) -> Option<(&'a Resource, &'static str, i64)> {
        let resource = match end.kind {
            KindName::Topic => self.all.get(end)?,
            _ => self.stream(&Some(end.name.clone()))?,
        };
        let said = Said(&resource.declared);
        let (field, path) = match resource.address.kind {
            KindName::Topic => ("max.message.bytes", "config.max.message.bytes"),
            KindName::Kv => ("max_value_size", "max_value_size"),
            _ => ("max_msg_size", "max_msg_size"),
        };
        let value = said.0.get(path)?;
        let number = value
            .as_i64()
            .or_else(|| value.as_str().and_then(|text| text.parse().ok()))?;
        (number > 0).then_some((resource, field, number))
    }
}

fn within(stored: &[String]) -> String {
    let named = stored.iter().map(|subject| format!("`{subject}`"));
    format!("take one within {}", few(named, NAMED))
}
