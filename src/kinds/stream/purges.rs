//! Rules for what purges, and for `deny_purge`.

use super::complaint::Complaint;
use super::said::Said;

pub(super) fn rollup_and_purge(said: Said<'_>) -> Option<Complaint> {
    (said.is_on("allow_rollup_hdrs") && said.is_on("deny_purge")).then(|| {
        Complaint::contradiction(
            "deny_purge",
            "`allow_rollup_hdrs` purges, which `deny_purge` forbids",
            "switch one of them off",
        )
    })
}

/// What switches `allow_rollup_hdrs` on by itself takes `deny_purge` away, silently at creation
/// (nats-server 2.15, `checkStreamCfg`). A stream that gets sealed is denied all purges in the end.
pub(super) fn switch_and_purge(said: Said<'_>) -> Option<Complaint> {
    let denies = said.is_on("deny_purge") && !said.is_on("sealed");
    let by = purging(said).filter(|_| denies && !said.is_on("allow_rollup_hdrs"))?;
    Some(Complaint::contradiction(
        "deny_purge",
        format!("`{by}` purges, which `deny_purge` forbids"),
        "leave one of them out",
    ))
}

/// Where the live stream denies purges, what switches `allow_rollup_hdrs` on is refused also when the
/// stream gets sealed ("can not cancel deny purge"). A sealed one has no rollups, which a server
/// would switch on again: it refuses every change.
pub(super) fn denied_for_good(live: Said<'_>, next: Said<'_>) -> Option<Complaint> {
    let denies = live.is_on("deny_purge") && next.is_on("sealed");
    let by = purging(next).filter(|_| denies)?;
    let message = match live.is_on("sealed") {
        true => format!("a sealed stream with `{by}` takes no change any more"),
        false => format!("`{by}` purges, which the live stream's `deny_purge` forbids"),
    };
    Some(Complaint::contradiction(
        "sealed",
        message,
        "declare the stream as it is, or make a new one",
    ))
}

/// The field that switches `allow_rollup_hdrs` on.
fn purging(said: Said<'_>) -> Option<&'static str> {
    if said.limit("subject_delete_marker_ttl").is_some() {
        return Some("subject_delete_marker_ttl");
    }
    said.is_on("allow_msg_schedules")
        .then_some("allow_msg_schedules")
}
