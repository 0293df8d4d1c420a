//! A consumer and its keeper as they are found: before, amid and after a replacement.

use indexmap::IndexMap;

use super::super::wire::live;
use super::keeper::{KEEPER, Kept, has_room, kept, name_of};
use super::start::START;
use crate::broker::nats::{JetStream, NatsError};
use crate::kinds::Live;
use crate::model::Doc;

/// A stream's name and a consumer's.
pub(in crate::kinds::consumer) type Place = (String, String);

/// A consumer, and its document where it bears the label of a start.
type Labelled = Result<Option<(Live, Option<Doc>)>, NatsError>;

/// What is there of a consumer.
pub(in crate::kinds::consumer) struct Seen {
    pub(in crate::kinds::consumer) consumer: Option<Doc>,
    /// Its keeper: what is left of it, or of a replacement that was cut short.
    pub(in crate::kinds::consumer) keeper: Option<Kept>,
}

impl Seen {
    /// The consumer, or what its keeper knows of it: it is being replaced, and is not gone.
    pub(in crate::kinds::consumer) fn live(&self) -> Option<Live> {
        let info = self.consumer.as_ref();
        let info = info.or(self.keeper.as_ref().map(|kept| &kept.info))?;
        let mut live = live(info.clone());
        if let Some(kept) = &self.keeper {
            if self.consumer.is_none() {
                live.raw.insert(KEEPER.to_owned(), kept.name.clone().into());
            }
            live.fields
                .insert(KEEPER.to_owned(), kept.name.clone().into());
        }
        Some(live)
    }
}

/// Reads one.
///
/// # Errors
/// As for any read.
pub(in crate::kinds::consumer) async fn look(
    nats: &JetStream,
    place @ (stream, name): &Place,
) -> Result<Seen, NatsError> {
    let consumer = nats.consumer_info(stream, name).await?;
    let keeper = match may_have_keeper(consumer.as_ref()) {
        true => keeper_of(nats, place).await?,
        false => None,
    };
    Ok(Seen { consumer, keeper })
}

/// Reads the keeper of a consumer.
///
/// # Errors
/// As for any read.
pub(super) async fn keeper_of(
    nats: &JetStream,
    (stream, name): &Place,
) -> Result<Option<Kept>, NatsError> {
    if !has_room(name) {
        return Ok(None);
    }
    let keeper = nats.consumer_info(stream, &name_of(name)).await?;
    Ok(keeper.and_then(|keeper| kept(&keeper, name)))
}

/// Reads many: those that are not there, and those that bear the label of a start, may have a keeper.
pub(in crate::kinds::consumer) async fn look_at(
    nats: &JetStream,
    names: &[Place],
) -> IndexMap<Place, Result<Option<Live>, NatsError>> {
    let read = |info: Doc| {
        let labelled = may_have_keeper(Some(&info)).then(|| info.clone());
        (live(info), labelled)
    };
    let answers = nats.consumer_configs(names, read).await;
    let in_doubt = answers.iter().filter(|(_, answer)| match answer {
        Ok(Some((_, info))) => info.is_some(),
        Ok(None) => true,
        Err(_) => false,
    });
    let in_doubt = in_doubt.map(|(place, _)| place);
    let keepers = keeper_places(in_doubt);
    let mut keepers = nats.consumer_configs(&keepers, |keeper| keeper).await;
    let seen = |(place, answer): (Place, Labelled)| {
        let consumer = match answer {
            Ok(Some((live, None))) => return (place, Ok(Some(live))),
            Ok(Some((_, Some(info)))) => Some(info),
            Ok(None) => None,
            Err(error) => return (place, Err(error)),
        };
        let live = match keepers.swap_remove(&keeper_place(&place)) {
            Some(Err(error)) => Err(error),
            Some(Ok(keeper)) => {
                let keeper = keeper.and_then(|keeper| kept(&keeper, &place.1));
                Ok(Seen { consumer, keeper }.live())
            }
            None => Ok(consumer.map(live)),
        };
        (place, live)
    };
    answers.into_iter().map(seen).collect()
}

/// Where the keeper of a consumer is.
pub(in crate::kinds::consumer) fn keeper_place((stream, name): &Place) -> Place {
    (stream.clone(), name_of(name))
}

/// Where the keepers of these are, as far as they can have any.
pub(in crate::kinds::consumer) fn keeper_places<'p>(
    places: impl Iterator<Item = &'p Place>,
) -> Vec<Place> {
    let can_have_one = places.filter(|(_, name)| has_room(name));
    can_have_one.map(keeper_place).collect()
}

/// A consumer gets the label of its start before it gets a keeper.
pub(super) fn may_have_keeper(consumer: Option<&Doc>) -> bool {
    consumer.is_none_or(|info| {
        let metadata = info.get("config").and_then(|config| config.get("metadata"));
        let label = START.trim_start_matches("metadata.");
        metadata.is_some_and(|metadata| metadata.get(label).is_some())
    })
}
