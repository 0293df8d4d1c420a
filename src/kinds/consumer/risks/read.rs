//! Reads what the rules that fired want to know: few requests, some at once, nothing made for it.

use indexmap::{IndexMap, IndexSet};

use super::scene::{Position, Scene};
use super::{Suspect, Turn};
use crate::broker::nats::{Answer, JetStream, many};
use crate::kinds::Sight;
use crate::kinds::consumer::DECLARATION;
use crate::kinds::consumer::losses::{retention, retention_of};
use crate::kinds::consumer::replace::{Place, keeper_place, keeper_places, kept_place};
use crate::kinds::consumer::wire::split;
use crate::kinds::loss::Read;
use crate::kinds::stream::{Said, Standing, fields_of, standing};
use crate::model::{Address, KindName};

/// What a stream holds of each subject, and its consumers.
type Content = (Read<IndexMap<String, u64>>, Read<Vec<Standing>>);

const NOT_ASKED: &str = "nobody wanted to know";

/// The scene of each; none where the consumer is gone.
pub(super) async fn scenes(
    nats: Option<&JetStream>,
    suspects: &[Suspect<'_>],
) -> Vec<Option<Scene>> {
    let Some(nats) = nats else {
        let dark = |suspect| Some(dark(suspect, "there is no connection to NATS"));
        return suspects.iter().map(dark).collect();
    };
    let names: Vec<Place> = suspects.iter().map(|s| split(&s.step.address)).collect();
    let streams: Vec<String> = unique(names.iter().map(|(stream, _)| stream.clone()));
    let looked_into = suspects.iter().zip(&names).filter(|(suspect, _)| {
        let mut rules = suspect.rules.iter();
        rules.any(|rule| rule.looks_at_subjects)
    });
    let looked_into = unique(looked_into.map(|(_, (stream, _))| stream.clone()));
    let (mut infos, streams, contents) = tokio::join!(
        nats.consumer_infos(&names),
        nats.stream_infos(&streams),
        contents(nats, looked_into)
    );
    let is_gone = |name: &&Place| matches!(infos.get(*name), Some(Ok(None)));
    let gone = names.iter().filter(is_gone);
    let keepers = keeper_places(gone);
    let mut keepers = nats.consumer_infos(&keepers).await;
    let scene = |(suspect, name): (&Suspect<'_>, &Place)| {
        let mut scene = match keepers.swap_remove(&keeper_place(name)) {
            Some(keeper) => held(suspect, &name.1, keeper)?,
            None => looked(suspect, infos.swap_remove(name))?,
        };
        scene.retention = retention(streams.get(&name.0));
        if let Some((subjects, consumers)) = contents.get(&name.0) {
            scene.subjects = subjects.clone();
            scene.others = consumers.clone().map(|mut consumers| {
                consumers.retain(|standing| standing.name != name.1);
                consumers
            });
        }
        Some(scene)
    };
    suspects.iter().zip(&names).map(scene).collect()
}

fn unique(names: impl Iterator<Item = String>) -> Vec<String> {
    names.collect::<IndexSet<_>>().into_iter().collect()
}

async fn contents(nats: &JetStream, streams: Vec<String>) -> IndexMap<String, Content> {
    let read = many(streams, |stream| async move {
        let (subjects, consumers) =
            tokio::join!(nats.stream_subjects(&stream), nats.consumer_list(&stream));
        let consumers = consumers.map(|list| list.iter().map(standing).collect());
        let content = (
            subjects.map_err(|error| error.to_string()),
            consumers.map_err(|error| error.to_string()),
        );
        (stream, content)
    });
    read.await.into_iter().collect()
}

fn looked(suspect: &Suspect<'_>, info: Option<Answer>) -> Option<Scene> {
    match info {
        Some(Ok(Some(info))) => Some(Scene {
            position: Ok(Position::read(&info)),
            turn: Turn::of(fields_of(&DECLARATION, info), &suspect.deltas),
            ..dark(suspect, NOT_ASKED)
        }),
        Some(Ok(None)) => None,
        Some(Err(error)) => Some(dark(suspect, &error.to_string())),
        None => Some(dark(suspect, "the server gave no answer for it")),
    }
}

/// The scene of a consumer that is deleted already, by what holds its place; none where nothing does.
fn held(suspect: &Suspect<'_>, consumer: &str, keeper: Answer) -> Option<Scene> {
    let scene = match keeper {
        Ok(keeper) => {
            let keeper = keeper?;
            let kept = kept_place(&keeper, consumer)?;
            Scene {
                position: Ok(Position::read(&keeper)),
                turn: Turn::of(fields_of(&DECLARATION, kept.info), &suspect.deltas),
                ..dark(suspect, NOT_ASKED)
            }
        }
        Err(error) => dark(suspect, &error.to_string()),
    };
    Some(Scene {
        is_amid: true,
        ..scene
    })
}

/// The scene of a consumer that was seen once; none where it was not there.
pub(super) fn seen(suspect: &Suspect<'_>, sight: &Sight<'_>) -> Option<Scene> {
    let address = &suspect.step.address;
    let fields = sight.resources.get(address)?.fields.clone();
    let (stream, _) = split(address);
    let stream = sight.resources.get(&Address::new(KindName::Stream, stream));
    let retention = match stream {
        Some(stream) => retention_of(Said(&stream.fields).text("retention")),
        None => Err(sight.why.to_owned()),
    };
    Some(Scene {
        turn: Turn::of(fields, &suspect.deltas),
        retention,
        ..dark(suspect, sight.why)
    })
}

/// A scene of which nothing but the step is known.
fn dark(suspect: &Suspect<'_>, why: &str) -> Scene {
    Scene {
        turn: Turn::of_deltas(&suspect.deltas),
        is_amid: false,
        position: Err(why.to_owned()),
        retention: Err(why.to_owned()),
        subjects: Err(why.to_owned()),
        others: Err(why.to_owned()),
    }
}
