//! What a rule looks at, and what it finds.

use indexmap::IndexMap;

use super::cut::Cut;
use super::holds::{Held, Standing};
use crate::kinds::loss::Read;
use crate::kinds::stream::change::StreamChange;
use crate::kinds::stream::said::Said;
use crate::kinds::stream::view::View;
use crate::model::{Harm, Step};

/// A stream before its change, as far as somebody wanted to know.
pub(super) struct Scene<'a> {
    pub(super) name: String,
    /// Whether it is a bucket's, which has a template.
    pub(super) is_bucket: bool,
    pub(super) change: StreamChange,
    pub(super) held: Read<Held>,
    pub(super) consumers: Read<Vec<Standing>>,
    pub(super) subjects: Read<IndexMap<String, u64>>,
    pub(super) readers: Option<String>,
    /// What the new age would leave behind.
    pub(super) aged: Read<Cut>,
    /// What a new limit of bytes would leave behind.
    pub(super) heavy: Read<Cut>,
    /// The sizes of the newest messages, as `max_msg_size` counts them.
    pub(super) sizes: Read<Vec<u64>>,
    /// What other streams of the same plan capture, each with its address.
    pub(super) others: &'a [(String, Vec<String>)],
}

impl Scene<'_> {
    pub(super) fn live(&self) -> Said<'_> {
        Said(&self.change.live)
    }

    pub(super) fn next(&self) -> Said<'_> {
        Said(&self.change.next)
    }

    /// This harm, or low where no message ever came: nobody can have been using it.
    pub(super) fn unless_unused(&self, harm: Harm) -> Harm {
        match &self.held {
            Ok(held) if held.last_seq == 0 && held.consumers == 0 => Harm::Low,
            Ok(_) | Err(_) => harm,
        }
    }
}

/// What the streams of a plan are to capture, each with its address.
pub(super) fn captured(view: &dyn View, steps: &[&Step]) -> Vec<(String, Vec<String>)> {
    let of = |step: &&Step| {
        let change = StreamChange::of_step(view, step).ok()?;
        let subjects = Said(&change.next).texts("subjects");
        let subjects: Vec<String> = subjects.into_iter().map(str::to_owned).collect();
        (!subjects.is_empty()).then(|| (step.address.to_string(), subjects))
    };
    let kept = steps
        .iter()
        .filter(|step| step.action != crate::model::Action::Delete);
    kept.filter_map(of).collect()
}

/// Evidence in clauses.
pub(super) fn clauses(parts: impl IntoIterator<Item = Option<String>>) -> String {
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}
