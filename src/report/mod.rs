//! Plans, outcomes, problems and declarations as text, JSON and Markdown. Pure: values in,
//! strings out.
//!
//! Text carries ANSI styles; whoever prints it strips them where they are not wanted, and no
//! meaning hangs on them. Whatever comes from a broker or a manifest is made safe for a terminal
//! on its way in (see [`Line`]).

mod alike;
mod json;
mod line;
mod markdown;
mod page;
mod problems;
mod schema;
mod style;
mod value;

pub mod explain;
pub mod graph;
pub mod text;

pub use json::{
    findings as findings_json, ledger as ledger_json, lock as lock_json, outcomes as outcomes_json,
    problems as problems_json,
};
pub use line::Line;
pub use markdown::{
    drift as drift_markdown, outcomes as outcomes_markdown, plan as plan_markdown,
    problems as problems_markdown,
};
pub use page::Page;
pub use problems::problems;
pub use schema::plan_schema;
pub use style::Tone;
pub use value::one_line;

#[cfg(test)]
pub(crate) mod samples;
