//! What a message of one side is on the other: key, value, headers, subject, topic. Pure.
//!
//! How a route says what becomes of its key, topic and subject is read by its kind, for the plan and for the worker alike.

mod headers;
mod inward;
mod outward;
mod topics;

pub(crate) use headers::{KEY, put as put_header};
pub(crate) use inward::{Arrived, Inward, Message};
pub(crate) use outward::{Outward, Pulled, Record};

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
