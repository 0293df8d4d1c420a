//! Reads what the rules that fired want to know: few requests, some at once, nothing made for it.

use jiff::Timestamp;

use super::cut::{Certainty, Cut};
use super::holds::{Held, Standing, standing};
use super::scene::Scene;
use super::{Need, Suspect};
use crate::broker::nats::{Answer, JetStream, NatsError, Stored, many};
use crate::kinds::Sight;
use crate::kinds::loss::Read;
use crate::kinds::stream::change::StreamChange;
use crate::kinds::stream::losses::{Readers, readers, told_readers};
use crate::kinds::stream::said::Said;
use crate::kinds::stream::view::View;
use crate::kinds::stream::wire::{each, live};
use crate::model::Doc;

/// How many messages are measured to find out how many make up some bytes.
const MEASURED: u64 = 4_096;

/// How many are asked for at once.
const AT_ONCE: u64 = 64;

/// How many of the newest messages are measured.
const SAMPLED: u64 = 16;

/// Of how many subjects messages are counted.
const SUBJECTS: u64 = 1_000_000;

/// Of how many gaps between the messages each is asked for.
const GAPS: u64 = 100_000;

const NOT_ASKED: &str = "nobody wanted to know";

/// The scene of each; none where the stream is gone.
pub(super) async fn scenes<'o>(
    view: &dyn View,
    nats: Option<&JetStream>,
    suspects: &[Suspect<'_>],
    others: &'o [(String, Vec<String>)],
) -> Vec<Option<Scene<'o>>> {
    let Some(nats) = nats else {
        let why = "there is no connection to NATS";
        let dark = |suspect| Some(dark(view, suspect, others, why));
        return suspects.iter().map(dark).collect();
    };
    let name = |suspect: &Suspect<'_>| view.stream_name(&suspect.step.address.name);
    let names: Vec<String> = suspects.iter().map(name).collect();
    let wants_readers = suspects.iter().any(|suspect| suspect.needs(Need::Readers));
    let reading = async {
        match wants_readers {
            true => readers(nats).await,
            false => Ok(Readers::new()),
        }
    };
    let (mut infos, readers) = tokio::join!(nats.stream_infos(&names), reading);
    let looks = suspects.iter().zip(&names).map(|(suspect, name)| {
        let info = infos.swap_remove(name);
        let readers = told_readers(name, &readers).filter(|_| suspect.needs(Need::Readers));
        async move {
            let scene = looked(view, nats, suspect, others, info).await?;
            Some(Scene { readers, ..scene })
        }
    });
    each(looks).await
}

async fn looked<'o>(
    view: &dyn View,
    nats: &JetStream,
    suspect: &Suspect<'_>,
    others: &'o [(String, Vec<String>)],
    info: Option<Answer>,
) -> Option<Scene<'o>> {
    match info {
        Some(Ok(Some(info))) => Some(lit(view, nats, suspect, others, info).await),
        Some(Ok(None)) => None,
        Some(Err(error)) => Some(dark(view, suspect, others, &error.to_string())),
        None => Some(dark(
            view,
            suspect,
            others,
            "the server gave no answer for it",
        )),
    }
}

/// A scene of which nothing but the step is known.
fn dark<'o>(
    view: &dyn View,
    suspect: &Suspect<'_>,
    others: &'o [(String, Vec<String>)],
    why: &str,
) -> Scene<'o> {
    let name = &suspect.step.address.name;
    let before = suspect.deltas.iter();
    let before = before.filter_map(|delta| Some((delta.path.clone(), delta.before.clone()?)));
    Scene {
        name: view.stream_name(name),
        is_bucket: view.what() != "stream",
        change: StreamChange::updating(view, name, &before.collect(), &suspect.deltas),
        held: Err(why.to_owned()),
        consumers: Err(why.to_owned()),
        subjects: Err(why.to_owned()),
        readers: None,
        aged: Err(why.to_owned()),
        heavy: Err(why.to_owned()),
        sizes: Err(why.to_owned()),
        others,
    }
}

/// The scene of a stream that was seen once; none where it was not there.
pub(super) fn seen<'o>(
    view: &dyn View,
    suspect: &Suspect<'_>,
    others: &'o [(String, Vec<String>)],
    sight: &Sight<'_>,
    readers: &Read<Readers>,
) -> Option<Scene<'o>> {
    let address = &suspect.step.address;
    let fields = &sight.resources.get(address)?.fields;
    let name = view.stream_name(&address.name);
    let readers = told_readers(&name, readers).filter(|_| suspect.needs(Need::Readers));
    Some(Scene {
        change: StreamChange::updating(view, &address.name, fields, &suspect.deltas),
        readers,
        ..dark(view, suspect, others, sight.why)
    })
}

async fn lit<'o>(
    view: &dyn View,
    nats: &JetStream,
    suspect: &Suspect<'_>,
    others: &'o [(String, Vec<String>)],
    info: Doc,
) -> Scene<'o> {
    let name = &suspect.step.address.name;
    let held = Held::read(&info);
    let fields = live(view, name, info).fields;
    let mut scene = Scene {
        change: StreamChange::updating(view, name, &fields, &suspect.deltas),
        held,
        ..dark(view, suspect, others, NOT_ASKED)
    };
    let Ok(held) = scene.held.clone() else {
        return scene;
    };
    let stream = scene.name.clone();
    if suspect.needs(Need::Consumers) {
        scene.consumers = consumers(nats, &stream, &held).await;
    }
    if suspect.needs(Need::Subjects) {
        scene.subjects = subjects(nats, &stream, &held).await;
    }
    if suspect.needs(Need::Age) {
        scene.aged = aged(nats, &stream, &held, scene.next().limit("max_age")).await;
    }
    if suspect.needs(Need::Bytes) {
        let is_file = scene.next().text("storage") != Some("memory");
        scene.heavy = heavy(nats, &stream, &held, is_file, scene.next()).await;
    }
    if suspect.needs(Need::Sizes) {
        scene.sizes = sizes(nats, &stream, &held).await;
    }
    scene
}

async fn consumers(nats: &JetStream, stream: &str, held: &Held) -> Read<Vec<Standing>> {
    let listed = match held.consumers {
        0 => Ok(Vec::new()),
        _ => nats.consumer_list(stream).await,
    };
    let listed = listed.map_err(told)?;
    Ok(listed.iter().map(standing).collect())
}

async fn subjects(
    nats: &JetStream,
    stream: &str,
    held: &Held,
) -> Read<indexmap::IndexMap<String, u64>> {
    if held.messages == 0 {
        return Ok(indexmap::IndexMap::new());
    }
    if held.subjects > SUBJECTS {
        return Err(format!(
            "it has {} subjects, too many to count",
            held.subjects
        ));
    }
    nats.stream_subjects(stream).await.map_err(told)
}

/// How many messages are older than an age: the server's own clock counts, and messages lie in the order of their times.
async fn aged(nats: &JetStream, stream: &str, held: &Held, age: Option<i64>) -> Read<Cut> {
    let Some(age) = age.filter(|_| held.messages > 0) else {
        return Ok(Cut::oldest(held, 0));
    };
    let now = held.now.unwrap_or_else(Timestamp::now);
    let cutoff = now
        .checked_sub(jiff::SignedDuration::from_nanos(age))
        .map_err(|error| error.to_string())?;
    if held.first.is_some_and(|first| first > cutoff) {
        return Ok(Cut::oldest(held, 0));
    }
    if held.last.is_some_and(|last| last <= cutoff) {
        return Ok(Cut::oldest(held, held.messages));
    }
    let stays = first_after(nats, stream, held, cutoff).await?;
    before(nats, stream, held, stays).await
}

/// The first sequence number whose message is younger than this.
async fn first_after(nats: &JetStream, stream: &str, held: &Held, cutoff: Timestamp) -> Read<u64> {
    let (mut low, mut high) = (held.first_seq, held.last_seq.saturating_add(1));
    while low < high {
        let middle = low + (high - low) / 2;
        let message = nats.message_from(stream, middle).await.map_err(told)?;
        let older = message.filter(|message| message.seq < high);
        let older = match older {
            Some(message) => {
                let time: Timestamp = message
                    .time
                    .parse()
                    .map_err(|error| format!("`{}` is no time: {error}", message.time))?;
                (time <= cutoff).then_some(message)
            }
            None => None,
        };
        match older {
            Some(message) => low = message.seq + 1,
            None => high = middle,
        }
    }
    Ok(low)
}

/// How many messages lie before a sequence number.
async fn before(nats: &JetStream, stream: &str, held: &Held, stays: u64) -> Read<Cut> {
    let places = stays.saturating_sub(held.first_seq);
    let cut = |count, certainty| Cut {
        count,
        certainty,
        stays_from: Some(stays),
        worst: None,
    };
    if held.deleted == 0 {
        return Ok(cut(places, Certainty::Exact));
    }
    if held.deleted > GAPS {
        return Ok(cut(places.min(held.messages), Certainty::AtMost));
    }
    let gaps = nats.deleted_sequences(stream).await.map_err(told)?;
    let gaps = gaps.iter().filter(|gap| **gap < stays).count();
    let gaps = u64::try_from(gaps).unwrap_or(u64::MAX);
    Ok(cut(places.saturating_sub(gaps), Certainty::Exact))
}

/// How many of the oldest messages go until a limit of bytes holds.
async fn heavy(
    nats: &JetStream,
    stream: &str,
    held: &Held,
    is_file: bool,
    next: Said<'_>,
) -> Read<Cut> {
    let limit = next
        .limit("max_bytes")
        .and_then(|limit| u64::try_from(limit).ok());
    let excess = limit.map_or(0, |limit| held.bytes.saturating_sub(limit));
    let (mut count, mut freed, mut seq) = (0, 0, held.first_seq);
    while freed < excess && count < MEASURED && seq <= held.last_seq {
        let last = seq.saturating_add(AT_ONCE - 1).min(held.last_seq);
        let found = messages(nats, stream, seq..=last).await?;
        let Some(newest) = found.last() else { break };
        seq = newest.seq + 1;
        for message in &found {
            if freed < excess {
                (count, freed) = (count + 1, freed + weight(message, is_file));
            }
        }
    }
    let rest = excess.saturating_sub(freed);
    if rest == 0 {
        return Ok(Cut::oldest(held, count));
    }
    let average = (held.bytes / held.messages.max(1)).max(1);
    // a subject of one byte, and nothing else
    let least = stored(1, false, is_file);
    let most = count.saturating_add(rest.div_ceil(least));
    Ok(Cut {
        certainty: Certainty::About,
        stays_from: None,
        worst: Some(most.min(held.messages)),
        ..Cut::oldest(held, count + rest.div_ceil(average))
    })
}

/// The messages at or after each of these sequence numbers, each once.
async fn messages(
    nats: &JetStream,
    stream: &str,
    seqs: std::ops::RangeInclusive<u64>,
) -> Read<Vec<Stored>> {
    let found = many(seqs, |seq| nats.message_from(stream, seq)).await;
    let found: Result<Vec<_>, _> = found.into_iter().collect();
    let mut found: Vec<Stored> = found.map_err(told)?.into_iter().flatten().collect();
    found.sort_by_key(|message| message.seq);
    found.dedup_by_key(|message| message.seq);
    Ok(found)
}

/// What a message weighs in its store (`fileStoreMsgSizeRaw`, `memStoreMsgSizeRaw`; seen on 2.10 to 2.15).
fn weight(message: &Stored, is_file: bool) -> u64 {
    let Stored {
        subject,
        headers,
        data,
        ..
    } = message;
    stored(subject + headers + data, *headers > 0, is_file)
}

/// What so many bytes take.
fn stored(said: u64, has_headers: bool, is_file: bool) -> u64 {
    match (is_file, has_headers) {
        (false, _) => said + 16,
        (true, false) => said + 30,
        (true, true) => said + 34,
    }
}

async fn sizes(nats: &JetStream, stream: &str, held: &Held) -> Read<Vec<u64>> {
    if held.messages == 0 {
        return Ok(Vec::new());
    }
    let first = held
        .last_seq
        .saturating_sub(SAMPLED - 1)
        .max(held.first_seq);
    let found = messages(nats, stream, first..=held.last_seq).await?;
    Ok(found
        .iter()
        .map(|message| message.headers + message.data)
        .collect())
}

fn told(error: NatsError) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_weighs_more_than_it_says() {
        let message = |headers| Stored {
            seq: 1,
            time: String::new(),
            subject: 6,
            headers,
            data: 1,
        };
        assert_eq!(weight(&message(0), true), 37);
        assert_eq!(weight(&message(12), true), 53);
        assert_eq!(weight(&message(0), false), 23);
    }
}
