//! What the server would refuse of a change, beyond what the fields' facts say.

use serde_json::Value;

use super::change::StreamChange;
use super::complaint::Complaint;
use super::said::Said;
use super::settle::SEAL;
use super::view::{View, stream_declaration};
use super::{copies, level, origins, purges, rules};
use crate::kinds::{Case, NatsFacts, NatsVersion};
use crate::model::{Code, Refusal};

/// From when on a mirror can be made a stream of its own.
const PROMOTION: NatsVersion = NatsVersion(2, 12, 0);

/// From when on `allow_msg_ttl` can be switched on.
const TTL_SWITCH: NatsVersion = NatsVersion(2, 11, 2);

/// Every refusal of this case, in the kind's own terms.
pub(in crate::kinds) fn judge(view: &dyn View, case: &Case<'_>) -> Vec<Refusal> {
    let change = StreamChange::of_case(view, case);
    let mut found = new_complaints(&change);
    if change.creates {
        found.extend(creation(&change));
    } else {
        found.extend(retention(&change));
        found.extend(frozen_counter(&change));
        found.extend(purges::denied_for_good(
            Said(&change.live),
            Said(&change.next),
        ));
        if let Some(fixed) = mirror(view, &change, case.surroundings.nats.as_ref()) {
            // what a mirror may not have is no second reason
            let of_mirrors = origins::forbidden_with_mirror(Said(&change.next));
            found.retain(|complaint| !of_mirrors.contains(complaint));
            found.push(fixed);
        }
    }
    found.extend(copies::beside(Said(&change.next), case.all));
    if let Some(server) = &case.surroundings.nats {
        found.extend(of_server(&change, server));
    }
    found
        .into_iter()
        .map(|mut complaint| {
            explain_promotion(view, &change, case, &mut complaint);
            explain_seal(view, &change, case, &mut complaint);
            let field = view.field_name(&complaint.field);
            complaint.refusal().field(field)
        })
        .collect()
}

/// A mirror that nobody declares any more, and that is kept all the same, is not what is meant.
fn explain_promotion(
    view: &dyn View,
    change: &StreamChange,
    case: &Case<'_>,
    complaint: &mut Complaint,
) {
    let declared = Said(&case.resource.declared);
    let is_of_mirror = complaint.message.contains("`mirror`");
    let is_kept = origins::is_mirror(Said(&change.live)) && origins::is_mirror(Said(&change.next));
    if is_of_mirror && is_kept && !origins::is_mirror(declared) {
        complaint.hint = format!(
            "the live {what} is a mirror, and what is not declared is kept; to make it a {what} of its own, say `lifecycle: {{ undeclared: reset }}`; or leave `{}` out",
            complaint.field,
            what = view.what(),
        );
    }
}

/// A seal that nobody declares and nobody can break is the reason, whatever stands beside it.
fn explain_seal(
    view: &dyn View,
    change: &StreamChange,
    case: &Case<'_>,
    complaint: &mut Complaint,
) {
    let is_sealed = Said(&change.live).is_on("sealed");
    let is_declared = case.resource.declared.contains_key("sealed");
    if is_sealed && !is_declared && SEAL.contains(&complaint.field.as_str()) {
        let field = &complaint.field;
        let what = view.what();
        complaint.message =
            format!("the {what} is sealed on the broker, for good, so `{field}` can't be that");
        complaint.hint = format!(
            "leave `{field}` out to keep this one as it is, or declare a new {what} and retire it"
        );
    }
}

/// A server makes a stream of counters with delete markers, and then takes no change of it, not even
/// of its description (10052; seen with 2.15.1).
fn frozen_counter(change: &StreamChange) -> Option<Complaint> {
    let (live, next) = (Said(&change.live), Said(&change.next));
    let marker = "subject_delete_marker_ttl";
    if live.is_on("allow_msg_counter")
        && live.limit(marker).is_none()
        && next.limit(marker).is_some()
    {
        return Some(Complaint::contradiction(
            marker,
            format!("a live stream of counters takes no `{marker}`"),
            format!("leave `{marker}` out"),
        ));
    }
    (live.is_on("allow_msg_counter") && live.limit(marker).is_some()).then(|| {
        Complaint::new(
            Code::Immutable,
            "allow_msg_counter",
            format!("a stream of counters with `{marker}` can't change at all: the server takes its own `allow_msg_ttl` for a fault"),
            "leave it as it is, or declare a new stream with a source and retire this one",
        )
    })
}

/// What contradicts itself only because of the change.
fn new_complaints(change: &StreamChange) -> Vec<Complaint> {
    let before = if change.creates {
        Vec::new()
    } else {
        rules::complaints(Said(&change.live))
    };
    let mut found = rules::complaints(Said(&change.next));
    found.retain(|complaint| !before.contains(complaint));
    found
}

/// What a new stream may not be.
pub(super) fn creation(change: &StreamChange) -> Vec<Complaint> {
    let said = Said(&change.next);
    let sealed = said.is_on("sealed").then(|| {
        Complaint::contradiction(
            "sealed",
            "a new stream can't be sealed",
            "create it without `sealed`, fill it, then seal it",
        )
    });
    let direct = (said.is_on("mirror_direct") && !origins::is_mirror(said)).then(|| {
        Complaint::contradiction(
            "mirror_direct",
            "`mirror_direct` is for mirrors only",
            "leave it out, or declare a `mirror`",
        )
    });
    sealed.into_iter().chain(direct).collect()
}

/// `retention` changes between `limits` and `interest` only.
fn retention(change: &StreamChange) -> Option<Complaint> {
    let held = Said(&change.live).text("retention").unwrap_or("limits");
    let wanted = Said(&change.next).text("retention").unwrap_or("limits");
    let is_refused = held != wanted && (held == "workqueue" || wanted == "workqueue");
    is_refused.then(|| {
        Complaint::new(
            Code::Immutable,
            "retention",
            format!("`retention` can't change from `{held}` to `{wanted}`"),
            format!(
                "declare `retention: {held}` to keep it, or declare a new stream with a source and retire this one"
            ),
        )
    })
}

/// A mirror can't be added or changed; it can be removed from 2.12 on.
fn mirror(view: &dyn View, change: &StreamChange, server: Option<&NatsFacts>) -> Option<Complaint> {
    let what = view.what();
    let (live, next) = (Said(&change.live), Said(&change.next));
    let field = stream_declaration().field("mirror")?;
    let whole = |said| origins::mirror_of(said).map(Value::Object);
    let (held, wanted) = (whole(live), whole(next));
    if field.same(held.as_ref(), wanted.as_ref()) {
        return None;
    }
    let message = match (&held, &wanted) {
        (Some(_), None) if server.is_none_or(|server| server.version >= PROMOTION) => return None,
        (Some(_), None) => return server.map(no_promotion),
        (None, _) => format!("`mirror` can't be added to a {what} that exists"),
        (Some(_), Some(_)) => "`mirror` can't change".to_owned(),
    };
    Some(Complaint::new(
        Code::Immutable,
        "mirror",
        message,
        format!("declare a new {what} with this mirror, or use `sources`, which can change"),
    ))
}

fn no_promotion(server: &NatsFacts) -> Complaint {
    Complaint::new(
        Code::ServerTooOld,
        "mirror",
        format!(
            "to take `mirror` away needs NATS {PROMOTION}; the server is {}",
            server.version
        ),
        format!("upgrade the server to {PROMOTION}, or declare the `mirror`"),
    )
}

/// What this server, or this account, won't do.
fn of_server(change: &StreamChange, server: &NatsFacts) -> Vec<Complaint> {
    let mut found = level::too_old(stream_declaration(), &change.live, &change.next, server);
    found.extend(replicas(change, server));
    found.extend(max_bytes_required(change, server));
    found.extend(ttl_switch(change, server));
    found.extend(beside_schedules(change, server));
    found
}

/// One server keeps one replica (10074; updates were accepted wrongly before 2.14.6).
fn replicas(change: &StreamChange, server: &NatsFacts) -> Option<Complaint> {
    let wanted = Said(&change.next).number("num_replicas")?;
    let held = Said(&change.live).number("num_replicas");
    (wanted > 1 && held != Some(wanted) && !server.clustered).then(|| {
        Complaint::new(
            Code::ReplicationTooHigh,
            "num_replicas",
            format!("{wanted} replicas need a cluster; the server stands alone"),
            "take `num_replicas: 1` here, for example in an overlay of this environment",
        )
    })
}

fn max_bytes_required(change: &StreamChange, server: &NatsFacts) -> Option<Complaint> {
    let has_limit = Said(&change.next).limit("max_bytes").is_some();
    (server.max_bytes_required && !has_limit).then(|| {
        Complaint::new(
            Code::MissingField,
            "max_bytes",
            "the account demands `max_bytes` of every stream",
            "declare `max_bytes`",
        )
    })
}

/// `allow_msg_ttl` can be switched on in a live stream, by itself or by a marker.
fn ttl_switch(change: &StreamChange, server: &NatsFacts) -> Option<Complaint> {
    const MARKER: &str = "subject_delete_marker_ttl";
    const TTL: &str = "allow_msg_ttl";
    let (live, next) = (Said(&change.live), Said(&change.next));
    let marks = next.limit(MARKER).is_some();
    let switches_on = (marks || next.is_on(TTL)) && !live.is_on(TTL);
    let field = if marks { MARKER } else { TTL };
    (!change.creates && switches_on && server.version < TTL_SWITCH).then(|| {
        Complaint::new(
            Code::ServerTooOld,
            field,
            format!("`{field}` needs NATS {TTL_SWITCH} where the live stream does without it; the server is {}", server.version),
            format!("upgrade the server to {TTL_SWITCH}, or leave `{field}` out"),
        )
    })
}

/// What may not stand beside schedules; servers that take it are 2.12.0 to 2.12.9, 2.14.0 and 2.14.1.
fn beside_schedules(change: &StreamChange, server: &NatsFacts) -> Vec<Complaint> {
    let old_lines = NatsVersion(2, 14, 0)..NatsVersion(2, 14, 2);
    if server.version < NatsVersion(2, 12, 10) || old_lines.contains(&server.version) {
        return Vec::new();
    }
    let before = match change.creates {
        true => Vec::new(),
        false => rules::beside_schedules(Said(&change.live)),
    };
    let mut found = rules::beside_schedules(Said(&change.next));
    found.retain(|complaint| !before.contains(complaint));
    found
}
