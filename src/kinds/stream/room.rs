//! What the account has room for.

use super::change::StreamChange;
use super::said::Said;
use super::view::View;
use crate::broker::nats::{AccountLimits, AccountUsage, JetStream};
use crate::model::{Action, Address, Code, Refusal, Step};

/// A stream that a step makes.
struct New<'s> {
    address: &'s Address,
    is_memory: bool,
    bytes: u64,
}

/// Asks once for the account's limits and refuses what goes beyond them (10026, 10027, 10047,
/// 10122). Limits by tier are left to the server.
pub(super) async fn rehearse(
    view: &dyn View,
    nats: &JetStream,
    steps: &[&Step],
) -> Vec<(Address, Refusal)> {
    let new: Vec<New<'_>> = steps.iter().filter_map(|step| made(view, step)).collect();
    if new.is_empty() {
        return Vec::new();
    }
    match nats.account().await {
        Ok(account) => refused(view, &new, &account.limits, &account.usage),
        Err(error) => {
            tracing::debug!(%error, "can't ask for the account's limits");
            Vec::new()
        }
    }
}

fn made<'s>(view: &dyn View, step: &'s Step) -> Option<New<'s>> {
    let change = StreamChange::of_step(view, step).ok()?;
    let said = Said(&change.next);
    let bytes = said.limit("max_bytes").unwrap_or(0);
    (step.action == Action::Create).then(|| New {
        address: &step.address,
        is_memory: said.text("storage") == Some("memory"),
        bytes: u64::try_from(bytes).unwrap_or(0),
    })
}

/// Takes the new streams one after the other, as long as there is room.
fn refused(
    view: &dyn View,
    new: &[New<'_>],
    limits: &AccountLimits,
    usage: &AccountUsage,
) -> Vec<(Address, Refusal)> {
    let left = |most: Option<u64>, used: u64| most.map(|most| most.saturating_sub(used));
    let mut streams = left(limits.max_streams, usage.streams);
    let mut files = left(limits.max_storage, usage.reserved_storage);
    let mut memory = left(limits.max_memory, usage.reserved_memory);
    let mut found = Vec::new();
    for one in new {
        let (room, largest) = match one.is_memory {
            true => (&mut memory, limits.memory_max_stream_bytes),
            false => (&mut files, limits.storage_max_stream_bytes),
        };
        let refusal = if streams == Some(0) {
            Some(no_more_streams(limits.max_streams.unwrap_or_default()))
        } else {
            let most = [*room, largest].into_iter().flatten().min();
            most.filter(|most| one.bytes > *most)
                .map(|most| too_large(one, most).field(view.field_name("max_bytes")))
        };
        match refusal {
            Some(refusal) => found.push((one.address.clone(), refusal)),
            None => {
                streams = streams.map(|streams| streams.saturating_sub(1));
                *room = room.map(|room| room.saturating_sub(one.bytes));
            }
        }
    }
    found
}

fn no_more_streams(most: u64) -> Refusal {
    Refusal::new(
        Code::RefusedByBroker,
        format!("the account may have {most} streams, and has them or is about to"),
        "raise the account's `max_streams`, or leave streams out",
    )
}

fn too_large(new: &New<'_>, most: u64) -> Refusal {
    let storage = if new.is_memory { "memory" } else { "file" };
    Refusal::new(
        Code::RefusedByBroker,
        format!(
            "`max_bytes` of {} bytes is more than the {most} bytes of {storage} storage that the account has left for it",
            new.bytes
        ),
        "lower `max_bytes`, or raise the account's limit",
    )
}
