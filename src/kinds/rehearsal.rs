use crate::model::{Address, Problem, Refusal};

/// What the brokers, asked without changing anything, say of steps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rehearsal {
    /// What they would refuse; each names its step.
    pub refusals: Vec<(Address, Refusal)>,
    /// What turns out to be there though it was not seen, so that it has to be read again.
    pub unseen: Vec<(Address, Problem)>,
    /// What could not be asked, so that a step may be refused when it is carried out: few.
    pub unasked: Vec<Problem>,
}

impl Rehearsal {
    /// Takes another one in.
    pub fn append(&mut self, mut other: Rehearsal) {
        self.refusals.append(&mut other.refusals);
        self.unseen.append(&mut other.unseen);
        self.unasked.append(&mut other.unasked);
    }
}

impl From<Vec<(Address, Refusal)>> for Rehearsal {
    fn from(refusals: Vec<(Address, Refusal)>) -> Self {
        Rehearsal {
            refusals,
            ..Rehearsal::default()
        }
    }
}
