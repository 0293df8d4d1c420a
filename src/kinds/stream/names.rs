use super::complaint::Complaint;
use crate::kinds::{kv, object_store};
use crate::ledger::is_own_bucket;
use crate::model::{Address, Code, KindName, Problem, Resource};

/// What the names of a bucket's streams begin with, by the kind of bucket (ADR-8, ADR-20).
const BUCKETS: [(&str, KindName); 2] = [
    (kv::PREFIX, KindName::Kv),
    (object_store::PREFIX, KindName::ObjectStore),
];

/// The bucket that a stream of this name belongs to; none for a stream of its own.
pub(crate) fn bucket_of(stream: &str) -> Option<Address> {
    BUCKETS
        .iter()
        .find_map(|(prefix, kind)| Some(Address::new(*kind, stream.strip_prefix(prefix)?)))
}

/// The name of the stream that a resource is; none for what is no stream.
pub(crate) fn stream_name(address: &Address) -> Option<String> {
    let Address { kind, name } = address;
    match kind {
        KindName::Stream => Some(name.clone()),
        KindName::Kv | KindName::ObjectStore => {
            let (prefix, _) = BUCKETS.iter().find(|(_, bucket)| bucket == kind)?;
            Some(format!("{prefix}{name}"))
        }
        KindName::Consumer
        | KindName::Topic
        | KindName::Acl
        | KindName::Quota
        | KindName::User
        | KindName::Route => None,
    }
}

/// Whether it is a bucket of trueup's own, whatever kind it is taken for.
pub(in crate::kinds) fn is_of_ledger(address: &Address) -> bool {
    let bucket = match address.kind {
        KindName::Kv => Some(address.name.as_str()),
        KindName::Stream => address.name.strip_prefix("KV_"),
        KindName::ObjectStore
        | KindName::Consumer
        | KindName::Topic
        | KindName::Acl
        | KindName::Quota
        | KindName::User
        | KindName::Route => None,
    };
    bucket.is_some_and(is_own_bucket)
}

/// That a manifest declares a bucket of trueup's own.
pub(in crate::kinds) fn of_ledger(resource: &Resource) -> Option<Problem> {
    if !is_of_ledger(&resource.address) {
        return None;
    }
    let what = format!("`{}` is trueup's own", resource.address);
    let problem = Problem::error(Code::BadName, what).hint("take another name");
    Some(match resource.place.clone() {
        Some(place) => problem.at(place),
        None => problem,
    })
}

/// The longest name of a stream or consumer, in bytes (`JSMaxNameLen`).
const LONGEST: usize = 255;

/// What is wrong with the name of a stream or consumer (`isValidAssetName`, nats-server 2.12.8).
pub(in crate::kinds) fn asset_name(what: &str, name: &str) -> Option<Complaint> {
    let unfit = |c: char| c.is_whitespace() || c.is_control() || ".*>/\\".contains(c);
    let reason = if name.is_empty() {
        "it is empty"
    } else if name.len() > LONGEST {
        "it is longer than 255 bytes"
    } else if name.contains(unfit) {
        "it holds a blank or one of `.` `*` `>` `/` `\\`"
    } else {
        return None;
    };
    Some(
        Complaint::new(
            Code::BadName,
            "",
            format!("`{name}` can't be the name of a {what}: {reason}"),
            "use letters, digits, `_` and `-`",
        )
        .word(name),
    )
}

/// What is wrong with the name of a bucket (`^[a-zA-Z0-9_-]+$`, ADR-8 and ADR-20).
pub(in crate::kinds) fn bucket_name(what: &str, name: &str) -> Option<Complaint> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let reason = if name.is_empty() {
        "it is empty"
    } else if name.len() > LONGEST - object_store::PREFIX.len() {
        "it is longer than 251 bytes"
    } else if !name.chars().all(fits) {
        "it holds something else than letters, digits, `_` and `-`"
    } else {
        return None;
    };
    let article = if what.starts_with(['a', 'e', 'i', 'o', 'u']) {
        "an"
    } else {
        "a"
    };
    Some(
        Complaint::new(
            Code::BadName,
            "",
            format!("`{name}` can't be the name of {article} {what}: {reason}"),
            "use letters, digits, `_` and `-`",
        )
        .word(name),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_and_its_stream() {
        for (bucket, stream) in [("kv/a", "KV_a"), ("object-store/b_c", "OBJ_b_c")] {
            let bucket: Address = bucket.parse().unwrap();
            assert_eq!(stream_name(&bucket).as_deref(), Some(stream));
            assert_eq!(bucket_of(stream), Some(bucket));
        }
        assert_eq!(bucket_of("KVa"), None);
        assert_eq!(stream_name(&"consumer/S/c".parse().unwrap()), None);
    }
}
