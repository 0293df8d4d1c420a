//! Declared and live, compared, judged, ordered and written down: the plan. Pure.

mod document;

pub use document::{FORMAT_VERSION, Plan, PlanProblem, Summary, Target, UndeclaredField};
