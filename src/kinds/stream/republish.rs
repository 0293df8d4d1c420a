//! Rules for publishing kept messages again.

use super::complaint::Complaint;
use super::said::Said;
use super::{settle, subjects, transforms};

/// A server takes none at creation, and refuses every change afterwards.
pub(super) fn destination(said: Said<'_>) -> Option<Complaint> {
    let is_missing = said.has_under("republish") && said.word("republish.dest").is_none();
    is_missing.then(|| {
        Complaint::contradiction(
            "republish",
            "`republish` needs `dest`",
            "say under which subject messages are published again",
        )
    })
}

/// Messages republished into the stream's own subjects would come back for ever.
pub(super) fn circle(said: Said<'_>) -> Option<Complaint> {
    let dest = said.word("republish.dest")?;
    let subject = said
        .texts("subjects")
        .into_iter()
        .find(|subject| subjects::collide(subject, dest))?;
    Some(into_own(dest, subject))
}

fn into_own(dest: &str, subject: &str) -> Complaint {
    Complaint::contradiction(
        "republish.dest",
        format!("`republish.dest: {dest}` leads back into the stream's own subject `{subject}`"),
        "republish under a subject that the stream doesn't capture",
    )
}

/// A stream without subjects and origins captures its name.
pub(super) fn circle_of_name(name: &str, said: Said<'_>) -> Option<Complaint> {
    let captures_name = said.items("subjects").is_empty() && !settle::has_origins(said);
    let dest = said.word("republish.dest").filter(|_| captures_name)?;
    subjects::collide(name, dest).then(|| into_own(dest, name))
}

/// Messages republished by a transform that no server takes (10052).
pub(super) fn transform(said: Said<'_>) -> Option<Complaint> {
    let dest = said.word("republish.dest")?;
    let src = said.word("republish.src").unwrap_or_default();
    let has_blank = src.is_empty() || src.contains(char::is_whitespace);
    if let Some(reason) = subjects::fault(src).filter(|_| !has_blank) {
        return Some(subjects::no_subject("republish.src", src, reason));
    }
    let reason = transforms::fault(src, dest)?;
    Some(transforms::complaint("republish.dest", Some(dest), &reason))
}
