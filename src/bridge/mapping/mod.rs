//! What a message of one side is on the other: key, value, headers, subject, topic. Pure.

mod headers;
mod inward;
mod key;
mod outward;
mod subject;
mod topic;

pub(crate) use headers::put as put_header;
pub(crate) use inward::{Arrived, Inward, Message};
pub(crate) use outward::{Outward, Pulled, Record};
pub(crate) use subject::takes;

/// What becomes of a message before anybody tries to write it.
#[derive(Debug, PartialEq)]
pub(crate) enum Mapped<T> {
    /// It is written so.
    To(T),
    /// It went along this route before: it is dropped.
    Loop,
    /// It can't be written, and why.
    Poison(String),
}

/// A route that says what can't be read; the plan refuses it, a worker leaves it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unreadable(pub(crate) String);
