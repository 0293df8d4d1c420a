//! The reference pages of `explain`: a kind, one of its fields, a code.

mod code;
mod kind;
mod near;
mod words;

pub use code::{code, codes};
pub use kind::{field, kind, kinds, paths};
pub use near::nearest;
