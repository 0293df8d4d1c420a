//! Routes of the bridge: which messages go from which stream to which topic, and back.

mod record;
mod spec;

pub use record::*;
pub use spec::*;
