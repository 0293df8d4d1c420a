//! What the account has room for.

use std::collections::HashMap;

use super::change::StreamChange;
use super::said::Said;
use super::view::{View, stream_declaration};
use crate::broker::nats::{AccountFacts, AccountLimits, JetStream, Tier};
use crate::kinds::{Delta, is_in_place};
use crate::model::{Action, Address, Code, Flat, Refusal, Step};

/// What a step asks of the account.
struct Need<'s> {
    address: &'s Address,
    is_new: bool,
    is_memory: bool,
    replicas: i64,
    /// The new `max_bytes`; none when the step leaves it alone, or sets no limit.
    max_bytes: Option<u64>,
    /// What `max_bytes` was.
    held_bytes: u64,
    /// The new `max_consumers`, where it limits.
    max_consumers: Option<u64>,
}

/// What is left of one tier while the steps take from it.
struct Room {
    limits: AccountLimits,
    streams: Option<u64>,
    files: Option<u64>,
    memory: Option<u64>,
}

/// Asks once for the account's limits and refuses what goes beyond them (10026, 10027, 10028,
/// 10047, 10113, 10120, 10122). A server's own limits show nowhere and are left to it.
pub(super) async fn rehearse(
    view: &dyn View,
    nats: &JetStream,
    steps: &[&Step],
) -> Vec<(Address, Refusal)> {
    if !steps.iter().any(|step| takes_room(view, step)) {
        return Vec::new();
    }
    let Some(account) = account(nats).await else {
        return Vec::new();
    };
    let needs = needs(view, nats, steps).await;
    refused(view, &needs, &account)
}

/// What the account may hold and holds, where it tells; else its limits are left to the server.
pub(in crate::kinds) async fn account(nats: &JetStream) -> Option<AccountFacts> {
    let asked = nats.account().await;
    if let Err(error) = &asked {
        tracing::debug!(%error, "can't ask for the account's limits");
    }
    asked.ok()
}

fn takes_room(view: &dyn View, step: &Step) -> bool {
    let own = [
        view.field_name("max_bytes"),
        view.field_name("max_consumers"),
    ];
    let touches = step
        .changes
        .iter()
        .any(|change| own.contains(&change.field));
    step.action == Action::Create || (is_in_place(step) && touches)
}

/// What the steps ask for; of streams that live, what they are made of is read.
async fn needs<'s>(view: &dyn View, nats: &JetStream, steps: &[&'s Step]) -> Vec<Need<'s>> {
    let taking: Vec<&Step> = steps
        .iter()
        .copied()
        .filter(|step| takes_room(view, step))
        .collect();
    let names: Vec<String> = taking
        .iter()
        .filter(|step| is_in_place(step))
        .map(|step| view.stream_name(&step.address.name))
        .collect();
    let infos = nats.stream_infos(&names).await;
    taking
        .into_iter()
        .filter_map(|step| {
            if step.action == Action::Create {
                return made(view, step);
            }
            let info = infos.get(&view.stream_name(&step.address.name))?;
            let info = info.as_ref().ok()?.clone()?;
            let live = super::wire::live(view, &step.address.name, info);
            changed(view, step, &live.fields)
        })
        .collect()
}

fn made<'s>(view: &dyn View, step: &'s Step) -> Option<Need<'s>> {
    let change = StreamChange::of_step(view, step).ok()?;
    Some(need(step, &change.next, &Flat::new()))
}

fn changed<'s>(view: &dyn View, step: &'s Step, live: &Flat) -> Option<Need<'s>> {
    let deltas = Delta::of_step(step, view.declaration()).ok()?;
    let change = StreamChange::updating(view, &step.address.name, live, &deltas);
    Some(need(step, &change.next, &change.live))
}

fn need<'s>(step: &'s Step, next: &Flat, live: &Flat) -> Need<'s> {
    let (said, held) = (Said(next), Said(live));
    let limit = |said: Said<'_>, field: &str| said.limit(field).and_then(|n| u64::try_from(n).ok());
    let is_new = step.action == Action::Create;
    let differs = |field: &str| {
        let declared = stream_declaration().field(field);
        is_new || declared.is_some_and(|field_of| !field_of.same(live.get(field), next.get(field)))
    };
    Need {
        address: &step.address,
        is_new,
        is_memory: said.text("storage") == Some("memory"),
        replicas: said.limit("num_replicas").unwrap_or(1),
        max_bytes: limit(said, "max_bytes").filter(|_| differs("max_bytes")),
        held_bytes: limit(held, "max_bytes").unwrap_or(0),
        max_consumers: limit(said, "max_consumers").filter(|_| differs("max_consumers")),
    }
}

impl Need<'_> {
    /// What more is reserved; a new stream without `max_bytes` wants one byte of room.
    fn grows(&self) -> u64 {
        let wanted = self.max_bytes.unwrap_or(u64::from(self.is_new));
        wanted.saturating_sub(self.held_bytes)
    }
}

/// Takes the steps one after the other, as long as there is room.
fn refused(view: &dyn View, needs: &[Need<'_>], account: &AccountFacts) -> Vec<(Address, Refusal)> {
    let mut rooms: HashMap<i64, Room> = HashMap::new();
    let mut found = Vec::new();
    for need in needs {
        let Some(tier) = account.tier(need.replicas) else {
            found.extend(need.is_new.then(|| (need.address.clone(), no_tier(need))));
            continue;
        };
        // without tiers, all take from one account
        let place = if account.tiers.is_empty() {
            0
        } else {
            need.replicas
        };
        let room = rooms.entry(place).or_insert_with(|| Room::of(tier));
        match room.take(view, need, !account.tiers.is_empty()) {
            Some(refusal) => found.push((need.address.clone(), refusal)),
            None => room.give(need),
        }
    }
    found
}

impl Room {
    fn of(tier: Tier) -> Room {
        let left = |most: Option<u64>, used: u64| most.map(|most| most.saturating_sub(used));
        let Tier { limits, usage } = tier;
        Room {
            streams: left(limits.max_streams, usage.streams),
            files: left(limits.max_storage, usage.reserved_storage),
            memory: left(limits.max_memory, usage.reserved_memory),
            limits,
        }
    }

    /// Why there is no room, where there is none.
    fn take(&self, view: &dyn View, need: &Need<'_>, is_tiered: bool) -> Option<Refusal> {
        let limits = &self.limits;
        if need.is_new && self.streams == Some(0) {
            return Some(no_more_streams(limits.max_streams.unwrap_or_default()));
        }
        if let (Some(wanted), Some(most)) = (need.max_consumers, limits.max_consumers)
            && wanted > most
        {
            return Some(too_many_consumers(wanted, most).field(view.field_name("max_consumers")));
        }
        let field = view.field_name("max_bytes");
        if is_tiered && need.is_new && limits.max_bytes_required && need.max_bytes.is_none() {
            return Some(bytes_required(need, &field));
        }
        let (left, largest) = match need.is_memory {
            true => (self.memory, limits.memory_max_stream_bytes),
            false => (self.files, limits.storage_max_stream_bytes),
        };
        let refusal = match (largest, left) {
            (Some(most), _) if need.max_bytes > Some(most) => too_large(need, &field, most),
            (_, Some(left)) if need.grows() > left => no_room(need, &field, left),
            (_, _) => return None,
        };
        Some(refusal.field(field))
    }

    fn give(&mut self, need: &Need<'_>) {
        let room = match need.is_memory {
            true => &mut self.memory,
            false => &mut self.files,
        };
        if need.max_bytes.is_some() {
            *room = room.map(|room| room.saturating_sub(need.grows()));
        }
        if need.is_new {
            self.streams = self.streams.map(|streams| streams.saturating_sub(1));
        }
    }
}

fn refusal(message: String, hint: impl Into<String>) -> Refusal {
    Refusal::new(Code::RefusedByBroker, message, hint)
}

fn no_more_streams(most: u64) -> Refusal {
    refusal(
        format!("the account may have {most} streams, and has them or is about to"),
        "raise the account's `max_streams`, or leave streams out",
    )
}

fn no_tier(need: &Need<'_>) -> Refusal {
    let replicas = need.replicas;
    refusal(
        format!("the account has no share for streams of {replicas} replicas (tier `R{replicas}`)"),
        "take another `num_replicas`, or give the account such a tier",
    )
    .field("num_replicas")
}

fn too_many_consumers(wanted: u64, most: u64) -> Refusal {
    refusal(
        format!(
            "`max_consumers: {wanted}` is more than the {most} that the account allows a stream"
        ),
        "lower it, or raise the account's `max_consumers`",
    )
}

fn bytes_required(need: &Need<'_>, field: &str) -> Refusal {
    let message = format!(
        "the account demands `{field}` of every stream of {} replicas",
        need.replicas
    );
    Refusal::new(Code::MissingField, message, format!("declare `{field}`")).field(field)
}

fn storage(need: &Need<'_>) -> &'static str {
    if need.is_memory { "memory" } else { "file" }
}

fn too_large(need: &Need<'_>, field: &str, most: u64) -> Refusal {
    refusal(
        format!(
            "`{field}` of {} bytes is more than the {most} bytes that the account allows one stream in {} storage",
            need.max_bytes.unwrap_or_default(),
            storage(need)
        ),
        format!("lower `{field}`, or raise the account's limit"),
    )
}

fn no_room(need: &Need<'_>, field: &str, left: u64) -> Refusal {
    let wanted = match (need.max_bytes, need.is_new) {
        (Some(bytes), true) => format!("`{field}` of {bytes} bytes is"),
        (Some(bytes), false) => format!(
            "`{field}` of {bytes} bytes reserves {} bytes more, which is",
            need.grows()
        ),
        (None, _) => "a stream without a limit needs room, and nothing is left:".to_owned(),
    };
    refusal(
        format!(
            "{wanted} more than the {left} bytes of {} storage that the account has left for it",
            storage(need)
        ),
        format!("lower `{field}`, or raise the account's limit"),
    )
}
