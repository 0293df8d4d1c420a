use super::complaint::Complaint;
use crate::model::Code;

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
    Some(Complaint::new(
        Code::BadName,
        "",
        format!("`{name}` can't be the name of a {what}: {reason}"),
        "use letters, digits, `_` and `-`",
    ))
}

/// What is wrong with the name of a bucket (`^[a-zA-Z0-9_-]+$`, ADR-8 and ADR-20).
pub(in crate::kinds) fn bucket_name(what: &str, name: &str) -> Option<Complaint> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let reason = if name.is_empty() {
        "it is empty"
    } else if name.len() > LONGEST - "OBJ_".len() {
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
    Some(Complaint::new(
        Code::BadName,
        "",
        format!("`{name}` can't be the name of {article} {what}: {reason}"),
        "use letters, digits, `_` and `-`",
    ))
}
