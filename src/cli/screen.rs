use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use super::args::{Cli, Form, Global, When};
use super::failure::{Complaints, Failure};
use super::outputs::{Outputs, write};

/// Columns where no terminal tells them.
const WIDTH: usize = 100;
/// Beyond this, lines are harder to read, not easier.
const WIDEST: usize = 120;

/// The only way out to the user: the result to standard output, the rest to standard error.
#[derive(Debug)]
pub struct Screen {
    global: Global,
    outputs: Outputs,
    /// Whether a result stands on standard output; nothing else goes there then.
    has_result: AtomicBool,
}

impl Screen {
    /// The screen that these options ask for; colour is decided here, once.
    pub fn new(cli: &Cli) -> Self {
        match cli.global.color {
            When::Auto => {}
            When::Always => anstream::ColorChoice::Always.write_global(),
            When::Never => anstream::ColorChoice::Never.write_global(),
        }
        Screen {
            global: cli.global.clone(),
            outputs: Outputs::of(cli),
            has_result: AtomicBool::new(false),
        }
    }

    /// The files that are written beside what is printed.
    pub fn outputs(&self) -> &Outputs {
        &self.outputs
    }

    /// Columns for the result.
    pub fn width(&self) -> usize {
        columns(terminal_size::terminal_size_of(io::stdout()))
    }

    /// Columns for diagnostics.
    pub fn error_width(&self) -> usize {
        columns(terminal_size::terminal_size_of(io::stderr()))
    }

    /// The form of the result.
    pub fn form(&self) -> Form {
        self.global.output
    }

    /// Prints the result in the form that was asked for, then writes each `--report`; one that
    /// fails keeps none of the others back.
    ///
    /// # Errors
    /// When standard output or a report can't be written; a reader that went away is no error.
    pub fn publish(&self, render: &dyn Fn(Form) -> String) -> Result<(), Failure> {
        let printed = self.result(&render(self.global.output));
        let written = self.global.reports.iter().map(|(form, file)| {
            let text = anstream::adapter::strip_str(&render(*form)).to_string();
            write(file, &text)
        });
        written.fold(printed, |before, written| self.both(before, written))
    }

    /// Two things that were both tried: the first failure counts, the second is said.
    ///
    /// # Errors
    /// As the two.
    pub fn both(
        &self,
        first: Result<(), Failure>,
        second: Result<(), Failure>,
    ) -> Result<(), Failure> {
        if let (Err(_), Err(failure)) = (&first, &second) {
            self.complain(&failure.rendered(self.error_width()));
        }
        first.and(second)
    }

    /// Prints to standard output.
    ///
    /// # Errors
    /// As [`Screen::publish`].
    pub fn result(&self, text: &str) -> Result<(), Failure> {
        self.has_result.store(true, Ordering::Relaxed);
        let mut out = anstream::stdout().lock();
        gone_is_fine(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
            .map_err(|error| Failure::system(format!("can't write to standard output: {error}")))
    }

    /// Tells something on standard error, unless `--quiet`.
    pub fn tell(&self, text: &str) {
        if !self.global.quiet {
            error_line(text);
        }
    }

    /// Says what is wrong on standard error, always.
    pub fn complain(&self, text: &str) {
        error_line(text);
    }

    /// Tells the warnings of a manifest that can be worked with.
    pub fn warn(&self, warnings: &Complaints) {
        if !warnings.problems.is_empty() {
            self.tell(&warnings.rendered(Form::Text, self.error_width()));
        }
    }

    /// Tells warnings also to who asked for quiet: without them, a result with holes would be taken
    /// for the whole.
    pub fn insist(&self, warnings: &Complaints) {
        if !warnings.problems.is_empty() {
            self.complain(&warnings.rendered(Form::Text, self.error_width()));
        }
    }

    /// Says why a command ends with an error: whatever ends it is a result as JSON, problems are
    /// one as Markdown too, all else goes to standard error, as everything does where a result was
    /// printed before.
    ///
    /// # Errors
    /// As [`Screen::publish`].
    pub fn failed(&self, failure: &Failure) -> Result<(), Failure> {
        if self.has_result.load(Ordering::Relaxed) {
            self.complain(&failure.rendered(self.error_width()));
            return Ok(());
        }
        if let Failure::Problems(complaints) = failure {
            let render = |form| match form {
                Form::Text => String::new(),
                Form::Json | Form::Markdown => complaints.rendered(form, 0),
            };
            if self.form() == Form::Text {
                self.complain(&failure.rendered(self.error_width()));
            }
            return self.publish(&render);
        }
        match self.form() {
            Form::Json => self.result(&failure.complaints().rendered(Form::Json, 0)),
            Form::Text | Form::Markdown => {
                self.complain(&failure.rendered(self.error_width()));
                Ok(())
            }
        }
    }

    /// Whether somebody sits there to answer.
    pub fn is_interactive(&self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }
}

/// Writes to standard error; when nobody reads it, so be it.
pub(super) fn error_line(text: &str) {
    let mut err = anstream::stderr().lock();
    let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
}

/// `1 resource`, `2 resources`.
pub(super) fn resources(count: usize) -> String {
    match count {
        1 => "1 resource".to_owned(),
        count => format!("{count} resources"),
    }
}

fn columns(size: Option<(terminal_size::Width, terminal_size::Height)>) -> usize {
    size.map_or(WIDTH, |(width, _)| usize::from(width.0))
        .clamp(20, WIDEST)
}

/// A reader that went away (`| head -1`) has what it wanted.
fn gone_is_fine(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}
