use std::fmt::Write;
use std::process::ExitCode;

use super::failure::Failure;
use crate::model::{Code, Problem};

/// Declares the exit codes: variant, number, one sentence.
macro_rules! exits {
    ($($variant:ident $number:literal $sentence:literal;)*) => {
        /// How trueup ends. A script may rely on every number.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Exit { $(#[doc = $sentence] $variant,)* }

        impl Exit {
            /// Every way to end, by number.
            pub const ALL: &'static [Exit] = &[$(Exit::$variant,)*];

            /// The number that the shell sees.
            pub const fn number(self) -> u8 {
                match self { $(Exit::$variant => $number,)* }
            }

            /// What it means, in one sentence.
            pub const fn sentence(self) -> &'static str {
                match self { $(Exit::$variant => $sentence,)* }
            }
        }
    };
}

exits! {
    Done 0 "done; nothing to do, or all of it was done";
    Error 1 "an error: wrong usage, a problem in a manifest, a broker or a resource that can't be read";
    Changes 2 "changes, drift, or a route that is not well (`drift`, `plan|status --detailed-exitcode`)";
    Blocked 3 "what is left to do is blocked; the way out stands at each step";
    Locked 4 "somebody else works on the stack, or the lock was lost";
    Stale 5 "the saved plan is stale: what it rests on has moved";
    Partly 6 "some steps were not applied: failed, not attempted, blocked or unknown";
    Conflict 7 "another stack owns what the manifest declares";
    Interrupted 130 "stopped by SIGINT (Ctrl-C): cleanly by the first, at once by the second";
    Terminated 143 "stopped by SIGTERM: cleanly by the first, at once by the second";
}

impl Exit {
    /// How a command ends that could not do its work.
    pub fn of(failure: &Failure) -> Exit {
        let is_of_lock = |p: &Problem| matches!(p.code, Code::Locked | Code::LockLost);
        match failure.complaints().problems.iter().any(is_of_lock) {
            true => Exit::Locked,
            false => Exit::Error,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.number())
    }
}

/// The table of exit codes as it stands in the long help.
pub fn table() -> String {
    let mut text = String::new();
    for exit in Exit::ALL {
        let _ = writeln!(text, "  {:>3}  {}", exit.number(), exit.sentence());
    }
    text
}
