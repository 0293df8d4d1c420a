use crate::report::{Line, Page, Tone};

/// Why a command could not do its work; ends with exit code 1.
#[derive(Clone, Debug)]
pub struct Failure {
    message: String,
    hint: Option<String>,
}

impl Failure {
    /// A failure with what is wrong: lower case, no full stop.
    pub fn said(message: impl Into<String>) -> Self {
        Failure {
            message: message.into(),
            hint: None,
        }
    }

    /// The same, with what to do next.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The failure as lines for standard error.
    pub fn rendered(&self, width: usize) -> String {
        let mut page = Page::new(width);
        page.wrapped(
            Line::new().put(Tone::Bad, "error: "),
            Tone::Plain,
            &self.message,
        );
        if let Some(hint) = &self.hint {
            page.wrapped(Line::indented(2).plain("→ "), Tone::Plain, hint);
        }
        page.finish()
    }
}
