//! Declared and live, compared, judged, ordered and written down: the plan. Pure.

mod apart;
mod assemble;
mod beside;
mod consent;
mod diff;
mod document;
mod judge;
mod label;
mod order;
mod ownership;
mod remembered;
mod removals;
mod replacement;
mod seal;
mod standing;

pub use assemble::{Desired, assemble, forecast};
pub use diff::{Difference, diff};
pub use document::{
    FORMAT_VERSION, Plan, PlanLedger, PlanProblem, Summary, Target, UndeclaredField,
};
pub use label::label_of;
pub use order::{in_order, waves};
pub use ownership::{Owned, claim, orphans, owned_by, owner_among, take_or_delete, titles_moved};
pub use seal::PlanFileError;
