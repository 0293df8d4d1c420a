//! What a rule looks at, and what it finds.

use indexmap::IndexMap;
use serde_json::Value;

use super::Turn;
use crate::kinds::consumer::losses::Retention;
use crate::kinds::consumer::replace::{acknowledged_beyond, resumes_at};
use crate::kinds::loss::{Finding, Read, unread};
use crate::kinds::stream::{Said, Standing, standing};
use crate::model::{Doc, Harm};

/// A consumer before its change, as far as somebody wanted to know.
pub(super) struct Scene {
    pub(super) turn: Turn,
    /// Whether it is deleted already, and what is told of it is told by what holds its place.
    pub(super) is_amid: bool,
    pub(super) position: Read<Position>,
    pub(super) retention: Read<Retention>,
    /// How many messages its stream holds of each subject.
    pub(super) subjects: Read<IndexMap<String, u64>>,
    /// The other consumers of its stream.
    pub(super) others: Read<Vec<Standing>>,
}

/// Where it stands, and who is there.
#[derive(Clone, Debug)]
pub(super) struct Position {
    pub(super) standing: Standing,
    /// How many messages were delivered more than once and are not acknowledged.
    pub(super) redelivered: u64,
    /// Clients that wait for messages or have them pushed.
    pub(super) clients: u64,
    /// The first message that it has not done with, where its server tells.
    pub(super) resumes_at: Option<u64>,
    /// How many messages after that one it has done with, at most.
    pub(super) acknowledged_beyond: u64,
}

impl Position {
    pub(super) fn read(info: &Doc) -> Position {
        let number = |field: &str| info.get(field).and_then(Value::as_u64).unwrap_or_default();
        let is_bound = info.get("push_bound") == Some(&Value::Bool(true));
        Position {
            standing: standing(info),
            redelivered: number("num_redelivered"),
            clients: number("num_waiting") + u64::from(is_bound),
            resumes_at: resumes_at(info),
            acknowledged_beyond: acknowledged_beyond(info),
        }
    }
}

impl Scene {
    pub(super) fn next(&self) -> Said<'_> {
        Said(&self.turn.next)
    }

    /// What follows from where it stands; this harm where that is not known.
    pub(super) fn by_position(
        &self,
        unknown: Harm,
        find: impl FnOnce(&Position) -> Finding,
    ) -> Finding {
        match &self.position {
            Ok(position) => find(position),
            Err(why) => Finding::keeping(unknown, unread("where it stands", why)),
        }
    }
}
