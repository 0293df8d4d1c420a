//! The words: addresses, places, problems, values, changes and steps. Imports nothing of ours.

#[macro_use]
mod by_text;

mod address;
mod amount;
mod approval;
mod code;
mod few;
mod flat;
mod format;
mod parts;
mod place;
mod problem;
mod resource;
mod risk;
mod step;
pub mod unit;
mod wanted;

pub use address::{Address, AddressError, Broker, KindName};
pub use amount::{counted, grouped, rough_size};
pub use approval::{Approval, Expiry, ExpiryError, Terms};
pub use code::Code;
pub use few::few;
pub use flat::{Doc, Flat};
pub use format::{FormatError, versioned};
pub use parts::side_by_side;
pub use place::Place;
pub use problem::{Note, Problem, Severity, Tally};
pub use resource::{FieldPlace, LABEL, Lifecycle, OWN_NOTES, OnRemove, Resource, Undeclared};
pub use risk::{Harm, Risk};
pub use step::{Action, Base, Change, Claim, Outcome, Parent, Refusal, Source, Stage, Step};
pub use wanted::{Glob, Wanted};
