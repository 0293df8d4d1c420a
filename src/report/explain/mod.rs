//! The reference pages of `explain`: a kind, one of its fields, a part of a manifest, a code.

mod code;
mod kind;
mod near;
mod section;
mod topics;
mod words;

pub mod json;
pub mod markdown;

pub use code::{code, codes};
pub use kind::{field, kind, kinds};
pub use near::nearest;
pub use section::{part, part_field, parts};
pub use topics::{paths, topics};
