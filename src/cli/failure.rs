use crate::manifest::Sources;
use crate::model::{Code, Problem, Tally};
use crate::report::{Line, Page, Tone, problems, problems_json, problems_markdown};

use super::args::Form;

/// Why a command could not do its work; ends with exit code 1.
#[derive(Clone, Debug)]
pub enum Failure {
    /// One sentence and what to do.
    Said {
        /// The stable code, for programs.
        code: Code,
        /// What is wrong: lower case, no full stop.
        message: String,
        /// What next.
        hint: Option<String>,
    },
    /// Problems of a manifest or a broker.
    Problems(Box<Complaints>),
}

/// Problems and the texts that they point into.
#[derive(Clone, Debug, Default)]
pub struct Complaints {
    /// The problems in order.
    pub problems: Vec<Problem>,
    /// How many more there are.
    pub left_out: Tally,
    /// The texts.
    pub sources: Sources,
}

impl Failure {
    /// Wrong usage, with what is wrong: lower case, no full stop.
    pub fn said(message: impl Into<String>) -> Self {
        Failure::of(Code::Usage, message)
    }

    /// What the operating system refused: lower case, no full stop.
    pub fn system(message: impl Into<String>) -> Self {
        Failure::of(Code::System, message)
    }

    /// A failure with this code and what is wrong: lower case, no full stop.
    pub fn of(code: Code, message: impl Into<String>) -> Self {
        Failure::Said {
            code,
            message: message.into(),
            hint: None,
        }
    }

    /// The same, with what to do next.
    pub fn hint(self, next: impl Into<String>) -> Self {
        match self {
            Failure::Said { code, message, .. } => Failure::Said {
                code,
                message,
                hint: Some(next.into()),
            },
            Failure::Problems(_) => self,
        }
    }

    /// The same, with a warning of what it left behind.
    pub fn leaves(self, warning: Problem) -> Self {
        match self {
            Failure::Said {
                code,
                message,
                hint,
            } => {
                let parts = hint
                    .into_iter()
                    .chain([warning.message])
                    .chain(warning.hint);
                Failure::Said {
                    code,
                    message,
                    hint: Some(parts.collect::<Vec<_>>().join("; ")),
                }
            }
            Failure::Problems(mut complaints) => {
                complaints.problems.push(warning);
                Failure::Problems(complaints)
            }
        }
    }

    /// The failure as lines for standard error.
    pub fn rendered(&self, width: usize) -> String {
        let (code, message, hint) = match self {
            Failure::Problems(complaints) => return complaints.rendered(Form::Text, width),
            Failure::Said {
                code,
                message,
                hint,
            } => (code, message, hint),
        };
        let label = match code {
            // their pages say nothing that the message does not
            Code::Usage | Code::System => "error: ".to_owned(),
            code => format!("error[{code}]: "),
        };
        let mut page = Page::new(width);
        page.wrapped(Line::new().put(Tone::Bad, &label), Tone::Plain, message);
        if let Some(hint) = hint {
            page.wrapped(Line::indented(2).plain("→ "), Tone::Plain, hint);
        }
        page.finish()
    }
}

impl Failure {
    /// The failure as problems, for programs.
    pub fn complaints(&self) -> Complaints {
        match self {
            Failure::Problems(complaints) => (**complaints).clone(),
            Failure::Said {
                code,
                message,
                hint,
            } => Complaints::from(vec![Problem {
                hint: hint.clone(),
                ..Problem::error(*code, message.as_str())
            }]),
        }
    }
}

impl From<Vec<Problem>> for Complaints {
    fn from(problems: Vec<Problem>) -> Self {
        Complaints {
            problems,
            ..Complaints::default()
        }
    }
}

impl From<Complaints> for Failure {
    fn from(complaints: Complaints) -> Self {
        Failure::Problems(Box::new(complaints))
    }
}

impl Complaints {
    /// The problems in a form; as text with snippets and a count.
    pub fn rendered(&self, form: Form, width: usize) -> String {
        match form {
            Form::Json => problems_json(&self.problems, self.left_out),
            Form::Markdown => problems_markdown(&self.problems, self.left_out),
            Form::Text => {
                let text = |file: &str| self.sources.text(file);
                problems(&self.problems, &text, width) + &self.count(width)
            }
        }
    }

    /// `12 errors, 2 warnings`, and how many of each are not shown.
    fn count(&self, width: usize) -> String {
        let all = Tally::of(&self.problems).plus(self.left_out);
        if all.total() < 2 {
            return String::new();
        }
        let text = match self.left_out.total() {
            0 => all.words(),
            _ => format!("{}; not shown: {}", all.words(), self.left_out.words()),
        };
        let mut page = Page::new(width);
        page.line(&Line::new().put(Tone::Strong, &text));
        page.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_shown_is_counted_by_severity_in_every_form() {
        let complaints = Complaints {
            problems: vec![Problem::error(Code::WrongType, "no")],
            left_out: Tally {
                errors: 2,
                warnings: 1,
            },
            sources: Sources::default(),
        };
        let said = |form| {
            let said = complaints.rendered(form, 100);
            anstream::adapter::strip_str(&said).to_string()
        };
        let text = said(Form::Text);
        let last = text.lines().last().unwrap_or_default();
        assert_eq!(last, "3 errors, 1 warning; not shown: 2 errors, 1 warning");
        let json: serde_json::Value = serde_json::from_str(&said(Form::Json)).unwrap();
        let not_shown = serde_json::json!({ "errors": 2, "warnings": 1 });
        assert_eq!(
            json["summary"],
            serde_json::json!({ "errors": 3, "warnings": 1, "not_shown": not_shown })
        );
        let markdown = said(Form::Markdown);
        assert!(
            markdown.ends_with("- … not shown: 2 errors, 1 warning\n"),
            "{markdown}"
        );
    }
}
