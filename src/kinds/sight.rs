use indexmap::IndexMap;

use super::Live;
use crate::model::{Address, KindName};

/// What is known of brokers that can't be asked: what was there at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Sight<'a> {
    /// The resources that were there.
    pub resources: &'a IndexMap<Address, Live>,
    /// Why nothing else is known of them, as it follows "could not be read: ".
    pub why: &'a str,
}

impl<'a> Sight<'a> {
    /// The resources of one kind.
    pub(super) fn of(self, kind: KindName) -> impl Iterator<Item = (&'a Address, &'a Live)> {
        let resources = self.resources.iter();
        resources.filter(move |(address, _)| address.kind == kind)
    }
}
