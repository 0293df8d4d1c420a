//! Consumers beside their stream and beside each other.

use super::rules::{acks, filters_of, is_push};
use super::stream_of;
use crate::kinds::Resources;
use crate::kinds::stream::{
    Complaint, Said, collide, declared_as, first_overlapping, has_sources, is_mirror, subject_fault,
};
use crate::model::{Address, Code, Flat, KindName, Problem, Resource, few};

/// What is wrong with a consumer in view of its declared stream.
pub(super) fn of_stream(consumer: &Resource, all: &Resources) -> Vec<Complaint> {
    let Some(name) = stream_of(consumer) else {
        return vec![dangling(&consumer.address.name)];
    };
    let Some(stream) = declared_as(name, all).and_then(|address| all.get(&address)) else {
        // what a route implies may be on a stream that is declared elsewhere: the plan looks for it
        return match consumer.required_by {
            Some(_) => Vec::new(),
            None => vec![dangling(name)],
        };
    };
    let said = Said(&consumer.declared);
    let mut found = Vec::new();
    if stream.address.kind == KindName::Stream {
        if consumer.required_by.is_none() {
            // of one that a route implies the route itself is told
            found.extend(outside(said, name, &stream.declared));
            found.extend(of_work_queue(said, &stream.declared));
        }
        found.extend(circle(said, name, &stream.declared));
    }
    found.extend(replicas(said, &stream.declared));
    found.extend(limits(said, &stream.declared));
    found.extend(inherited_pending(said, &stream.declared));
    found
}

fn dangling(stream: &str) -> Complaint {
    Complaint::new(
        Code::Dangling,
        "",
        format!("the consumer's stream `{stream}` is not declared"),
        "declare the stream, or repair its name",
    )
}

/// So many subjects of a stream are named in a hint.
const NAMED: usize = 5;

/// Filters on what the stream never stores.
fn outside(said: Said<'_>, name: &str, stream: &Flat) -> Vec<Complaint> {
    let stream = Said(stream);
    let is_fed_otherwise =
        is_mirror(stream) || has_sources(stream) || stream.has_under("subject_transform");
    if is_fed_otherwise {
        return Vec::new();
    }
    let subjects = captured(name, stream);
    let field = match said.word("filter_subject") {
        Some(_) => "filter_subject",
        None => "filter_subjects",
    };
    let mut filters = filters_of(said);
    filters.retain(|filter| subject_fault(filter).is_none());
    let both = subjects.iter().map(|subject| (0, *subject));
    let both = both.chain(filters.iter().map(|filter| (1, *filter)));
    let captors = first_overlapping(both).into_iter().skip(subjects.len());
    let named = subjects.iter().map(|subject| format!("`{subject}`"));
    let within = format!("take a filter within {}", few(named, NAMED));
    let outside = filters
        .iter()
        .zip(captors)
        .filter(|(_, captor)| captor.is_none());
    outside
        .map(|(filter, _)| {
            Complaint::new(
                Code::FilterOutside,
                field,
                format!("the filter `{filter}` is outside the subjects of stream `{name}`"),
                within.clone(),
            )
            .word(filter)
        })
        .collect()
}

/// The subjects of a stream that captures something itself: its name, where it lists none.
fn captured<'a>(name: &'a str, stream: Said<'a>) -> Vec<&'a str> {
    let listed = stream.texts("subjects");
    if listed.is_empty() && !is_mirror(stream) && !has_sources(stream) {
        return vec![name];
    }
    listed
}

/// What is delivered into the stream's own subjects would come back for ever (10081).
pub(super) fn circle(said: Said<'_>, name: &str, stream: &Flat) -> Option<Complaint> {
    let dest = said.word("deliver_subject")?;
    let subject = captured(name, Said(stream))
        .into_iter()
        .find(|subject| collide(subject, dest))?;
    Some(Complaint::contradiction(
        "deliver_subject",
        format!("`deliver_subject: {dest}` leads back into the subject `{subject}` of its stream"),
        "deliver to a subject that the stream doesn't capture",
    ))
}

pub(super) fn is_work_queue(stream: Said<'_>) -> bool {
    stream.text("retention") == Some("workqueue")
}

/// Consumers of a work queue acknowledge each message (10098) and begin at its start (10101).
pub(super) fn of_work_queue(said: Said<'_>, stream: &Flat) -> Vec<Complaint> {
    if !is_work_queue(Said(stream)) {
        return Vec::new();
    }
    let acks = said.word("ack_policy").unwrap_or("explicit");
    let policy = said.word("deliver_policy").unwrap_or("all");
    let ack = (acks != "explicit" && acks != "flow_control").then(|| {
        Complaint::contradiction(
            "ack_policy",
            format!("a consumer of a work queue can't have `ack_policy: {acks}`"),
            "take `ack_policy: explicit`",
        )
    });
    let start = (policy != "all").then(|| {
        Complaint::contradiction(
            "deliver_policy",
            format!("a consumer of a work queue can't have `deliver_policy: {policy}`"),
            "take `deliver_policy: all`",
        )
    });
    ack.into_iter().chain(start).collect()
}

/// No more replicas than the stream has (10126); exactly as many where acknowledgements delete
/// messages (10134).
pub(super) fn replicas(said: Said<'_>, stream: &Flat) -> Option<Complaint> {
    let stream = Said(stream);
    let own = said.limit("num_replicas")?;
    let of_stream = stream.number("num_replicas").unwrap_or(1);
    let keeps_all = stream.text("retention").is_none_or(|word| word == "limits");
    let reason = if own > of_stream {
        format!("the consumer's {own} replicas are more than the {of_stream} of its stream")
    } else if own < of_stream && !keeps_all {
        format!(
            "where acknowledgements delete messages, a consumer has as many replicas as its stream: {of_stream}, not {own}"
        )
    } else {
        return None;
    };
    Some(Complaint::contradiction(
        "num_replicas",
        reason,
        "leave `num_replicas` of the consumer out: it then follows the stream",
    ))
}

/// A limit of the stream's is its consumers' own where they name none, which a push consumer
/// without acknowledgements can't have (10082).
pub(super) fn inherited_pending(said: Said<'_>, stream: &Flat) -> Option<Complaint> {
    let is_inherited = said.number("max_ack_pending").unwrap_or(0) == 0;
    let field = "consumer_limits.max_ack_pending";
    Said(stream).limit(field).filter(|_| is_inherited)?;
    (is_push(said) && acks(said) == "none").then(|| {
        Complaint::contradiction(
            "ack_policy",
            format!("a push consumer takes the stream's `{field}`, which needs acknowledgements"),
            "take another `ack_policy` than `none`, or say `max_ack_pending: unlimited`",
        )
    })
}

/// Within the stream's `consumer_limits` (10121, 10151).
pub(super) fn limits(said: Said<'_>, stream: &Flat) -> Vec<Complaint> {
    let stream = Said(stream);
    ["max_ack_pending", "inactive_threshold"]
        .into_iter()
        .filter_map(|field| {
            let most = stream.limit(&format!("consumer_limits.{field}"))?;
            let own = said.number(field)?;
            // no limit at all is taken for `max_ack_pending`, though it is more than any number
            let is_unlimited = field == "max_ack_pending" && own < 0;
            (own > most || (own < 0 && !is_unlimited)).then(|| {
                Complaint::contradiction(
                    field,
                    format!("`{field}` is above the stream's `consumer_limits.{field}`"),
                    "lower it, or raise the stream's limit",
                )
            })
        })
        .collect()
}

/// What a consumer takes of a work queue.
struct Taken<'a> {
    filter: &'a str,
    by: &'a Resource,
    /// The filter under the name of the queue: what two queues hold never meets.
    of_queue: String,
}

/// Consumers of one work queue whose filters overlap (10099, 10100).
pub(super) fn check_all(all: &Resources) -> Vec<Problem> {
    let of_each = all.values().enumerate().map(|(owner, consumer)| {
        let taken = taken(consumer, all).into_iter();
        taken.map(move |taken| (owner, taken))
    });
    let taken: Vec<(usize, Taken<'_>)> = of_each.flatten().collect();
    let filters = taken
        .iter()
        .map(|(owner, it)| (*owner, it.of_queue.as_str()));
    let found = first_overlapping(filters).into_iter().zip(&taken);
    found
        .filter_map(|(other, (_, own))| Some(overlap(own, &taken[other?].1)))
        .collect()
}

/// What this resource takes, where it is a consumer of a work queue.
fn taken<'a>(consumer: &'a Resource, all: &Resources) -> Vec<Taken<'a>> {
    let Some(stream) = stream_of(consumer) else {
        return Vec::new();
    };
    let declared = all.get(&Address::new(KindName::Stream, stream));
    if !declared.is_some_and(|stream| is_work_queue(Said(&stream.declared))) {
        return Vec::new();
    }
    let filters = queue_filters(&consumer.declared).into_iter();
    let of = |filter| Taken {
        filter,
        by: consumer,
        of_queue: format!("{stream}.{filter}"),
    };
    filters.map(of).collect()
}

/// What a consumer takes from the queue; everything when it has no filter.
pub(super) fn queue_filters(declared: &Flat) -> Vec<&str> {
    let mut filters = filters_of(Said(declared));
    filters.retain(|filter| subject_fault(filter).is_none());
    if filters.is_empty() {
        filters.push(">");
    }
    filters
}

fn overlap(own: &Taken<'_>, other: &Taken<'_>) -> Problem {
    let Taken {
        filter,
        by: consumer,
        ..
    } = own;
    let Taken {
        filter: subject,
        by: other,
        ..
    } = other;
    let field = match Said(&consumer.declared).word("filter_subject") {
        Some(_) => "filter_subject",
        None => "filter_subjects",
    };
    Problem::error(
        Code::FilterOverlap,
        format!(
            "`{filter}` of {} overlaps with `{subject}` of {}: consumers of a work queue share nothing",
            consumer.address, other.address
        ),
    )
    .about(&consumer.address)
    .at(consumer.place_of_word(field, filter))
    .note(other.place.clone(), format!("{} takes `{subject}`", other.address))
    .hint("make the filters disjoint, or let one consumer serve several clients")
}
