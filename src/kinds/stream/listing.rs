//! Which streams there are, for `export`.

use super::names::{bucket_of, is_of_ledger};
use super::view::View;
use super::wire::exported;
use crate::broker::Brokers;
use crate::broker::nats::StreamListing;
use crate::model::{Address, Code, Problem, Wanted, counted, few};

/// The resources of this kind among all streams.
///
/// # Errors
/// When the listing fails or has holes: an export with holes would be taken for the whole.
pub(in crate::kinds) async fn list(
    view: &dyn View,
    brokers: &Brokers,
    wanted: &dyn Wanted,
) -> Result<Vec<Address>, Problem> {
    let Some(nats) = &brokers.nats else {
        return Ok(Vec::new());
    };
    let listing = nats.stream_list().await.map_err(|error| error.problem())?;
    none_hidden(&listing, &|stream| tells_of(view, stream, wanted))?;
    let found = listing.streams.iter();
    let found = found.filter_map(|info| exported(view, info));
    Ok(found.filter(|address| !is_of_ledger(address)).collect())
}

/// Whether this kind is the one to say that a stream that is wanted can't be read: by its name it may be a
/// bucket or a stream.
fn tells_of(view: &dyn View, stream: &str, wanted: &dyn Wanted) -> bool {
    let of_other = bucket_of(stream).filter(|bucket| bucket.kind != view.name());
    let known_as = view.resource_name(stream);
    let address = known_as.map(|name| Address::new(view.name(), name));
    let is_wanted = address.is_some_and(|address| wanted.takes(&address));
    is_wanted && !of_other.is_some_and(|bucket| wanted.takes(&bucket))
}

/// That the server could show every stream that is meant.
///
/// # Errors
/// How many it could not, and which.
pub(in crate::kinds) fn none_hidden(
    listing: &StreamListing,
    is_meant: &dyn Fn(&str) -> bool,
) -> Result<(), Problem> {
    const SHOWN: usize = 5;
    let hidden = listing.missing.iter().filter(|stream| is_meant(stream));
    let hidden: Vec<String> = hidden.map(|stream| format!("`{stream}`")).collect();
    let message = format!(
        "{} could not be read, for the server lists them as missing: {}",
        counted(hidden.len() as u64, "stream"),
        few(hidden.iter(), SHOWN)
    );
    let problem = Problem::error(Code::Unreadable, message)
        .hint("wait until their servers are back, then try again; `--only` takes what can be read");
    match hidden.is_empty() {
        true => Ok(()),
        false => Err(problem),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::kv::Kv;
    use crate::kinds::stream::Stream;
    use crate::model::Glob;

    /// What an export of these can't read, as the kinds on streams tell it.
    fn told(only: &[&str]) -> Vec<String> {
        let missing = ["A", "B", "C", "D", "E", "F", "G", "KV_b"];
        let listing = StreamListing {
            missing: missing.map(str::to_owned).to_vec(),
            ..StreamListing::default()
        };
        let wanted: Vec<Glob> = only.iter().map(|text| Glob::new(text).unwrap()).collect();
        let views: [&dyn View; 2] = [&Stream, &Kv];
        let told = views.map(|view| none_hidden(&listing, &|name| tells_of(view, name, &wanted)));
        let told = told.into_iter().filter_map(Result::err);
        told.map(|problem| problem.message).collect()
    }

    #[test]
    fn all_that_cannot_be_read_is_counted_and_the_first_are_named() {
        let why = "could not be read, for the server lists them as missing";
        assert_eq!(
            told(&[]),
            [
                format!("7 streams {why}: `A`, `B`, `C`, `D`, `E` and 2 more"),
                format!("1 stream {why}: `KV_b`"),
            ]
        );
        assert_eq!(told(&["stream/B"]), [format!("1 stream {why}: `B`")]);
        assert_eq!(told(&["stream/KV_*"]), [format!("1 stream {why}: `KV_b`")]);
    }

    #[test]
    fn what_is_not_wanted_need_not_be_readable() {
        assert!(told(&["stream/X", "kv/x", "topic/*"]).is_empty());
    }
}
