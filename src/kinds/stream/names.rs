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
