//! The files that a command line writes. None destroys what the same run reads or writes, and each
//! is known to be writable before a broker is asked for anything.

mod identity;
mod write;

use std::fs::File;
use std::path::{Path, PathBuf};

use super::args::{Cli, Command, Form};
use super::failure::Failure;
use crate::manifest::{is_manifest_name, manifest_names};
use crate::model::Code;
use identity::{Identity, folder_identity};

pub(super) use write::write;

/// What a way out of it begins with, whatever is wrong with an output.
const ANOTHER: &str = "name another file; nothing was written, and no broker was asked";

/// The files that a command line writes.
#[derive(Debug)]
pub struct Outputs(Vec<Output>);

#[derive(Debug)]
struct Output {
    /// The option as it was given; none for standard output.
    said: Option<String>,
    file: PathBuf,
    /// None where a device, a pipe or nothing at all is named: there is nothing to destroy.
    identity: Option<Identity>,
}

/// What a command line reads.
struct Input<'c> {
    /// The option as it was given.
    said: String,
    path: &'c Path,
}

impl Outputs {
    /// Those of this command line; standard output among them, where the result is printed.
    pub fn of(cli: &Cli) -> Outputs {
        let reports = cli.global.reports.iter();
        let mut files: Vec<Output> = reports
            .map(|(form, file)| Output::new(format!("--report {}=", word(*form)), file))
            .collect();
        let mut prints = true;
        match &cli.command {
            Command::Plan(args) => {
                files.extend(
                    args.out
                        .as_ref()
                        .map(|file| Output::new("-o ".into(), file)),
                );
            }
            Command::Export(args) => {
                let snapshot = args.snapshot.as_ref();
                prints = snapshot.is_none();
                files.extend(snapshot.map(|file| Output::new("--snapshot ".into(), file)));
            }
            Command::Validate
            | Command::Apply(_)
            | Command::Drift(_)
            | Command::Show { .. }
            | Command::Destroy(_)
            | Command::Forget { .. }
            | Command::Ledger(_)
            | Command::Lock(_)
            | Command::Status { .. }
            | Command::Bridge(_)
            | Command::Doctor
            | Command::Graph(_)
            | Command::Convert(_)
            | Command::Explain { .. }
            | Command::Schema { .. }
            | Command::Completions { .. } => {}
        }
        if prints && !files.is_empty() {
            files.push(Output::stdout());
        }
        Outputs(files)
    }

    /// Looks at all of them, before anything is read or sent. What comes back is kept until they are
    /// written: the ends of pipes, so that their readers wait.
    ///
    /// # Errors
    /// One that is also an input of this command line or another output, or can't be written.
    pub fn check(&self, cli: &Cli) -> Result<Vec<File>, Failure> {
        for input in inputs(cli) {
            self.spare_input(&input)?;
        }
        self.spare_each_other()?;
        let pipes = self.0.iter().map(Output::check_writable);
        Ok(pipes
            .collect::<Result<Vec<_>, _>>()?
            .into_iter()
            .flatten()
            .collect())
    }

    /// Looks whether one of them is a file that the connections name.
    ///
    /// # Errors
    /// That it is.
    pub fn spare(&self, named: &[PathBuf]) -> Result<(), Failure> {
        named.iter().try_for_each(|file| {
            let reader = format!("`connections` names (`{}`) and trueup", file.display());
            self.spare_file(file, &reader)
        })
    }

    fn spare_each_other(&self) -> Result<(), Failure> {
        for (at, later) in self.0.iter().enumerate() {
            let is_same = |one: &&Output| one.identity.is_some() && one.identity == later.identity;
            if let Some(one) = self.0[..at].iter().find(is_same) {
                let (one, later) = (one.shown(), later.shown());
                let what = "name the same file: one would overwrite the other";
                return Err(taken(format!("{one} and {later} {what}")));
            }
        }
        Ok(())
    }

    fn spare_input(&self, input: &Input<'_>) -> Result<(), Failure> {
        if !input.path.is_dir() {
            return self.spare_file(input.path, &input.said);
        }
        for file in manifest_names(input.path).unwrap_or_default() {
            self.spare_file(&file, &input.said)?;
        }
        let folder = folder_identity(input.path);
        self.refuse(
            |output| match &output.identity {
                Some(Identity::New { folder: at, name }) => {
                    Some(*at) == folder && is_manifest_name(Path::new(name))
                }
                Some(Identity::There { .. }) | None => false,
            },
            &format!("would be read as a manifest by the next {}", input.said),
        )
    }

    fn spare_file(&self, file: &Path, reader: &str) -> Result<(), Failure> {
        let identity = Identity::of(file);
        self.refuse(
            |output| identity.is_some() && output.identity == identity,
            &format!("would overwrite a file that {reader} reads"),
        )
    }

    fn refuse(&self, is_taken: impl Fn(&Output) -> bool, why: &str) -> Result<(), Failure> {
        let mut files = self.0.iter().filter(|output| !output.is_stdout());
        match files.find(|output| is_taken(output)) {
            Some(output) => Err(taken(format!("{} {why}", output.shown()))),
            None => Ok(()),
        }
    }
}

impl Output {
    fn new(option: String, file: &Path) -> Output {
        Output {
            said: Some(option + &file.display().to_string()),
            file: file.to_owned(),
            identity: Identity::of(file),
        }
    }

    /// Where the shell sent the result; what it does with a file there has happened already.
    fn stdout() -> Output {
        Output {
            said: None,
            file: PathBuf::new(),
            identity: Identity::of(Path::new("/dev/stdout")),
        }
    }

    fn is_stdout(&self) -> bool {
        self.said.is_none()
    }

    fn shown(&self) -> String {
        match &self.said {
            Some(said) => format!("`{said}`"),
            None => "standard output".to_owned(),
        }
    }

    fn check_writable(&self) -> Result<Option<File>, Failure> {
        if self.is_stdout() {
            return Ok(None);
        }
        if self.file.as_os_str() == "-" {
            let what = format!("{} would make a file that is called `-`", self.shown());
            let hint = "name `/dev/stdout` for standard output, or `./-` for such a file; nothing was written, and no broker was asked";
            return Err(Failure::said(what).hint(hint));
        }
        write::probe(&self.file).map_err(|why| {
            let what = format!("can't write `{}`: {why}", self.file.display());
            let hint = format!("{} names it; {ANOTHER}", self.shown());
            Failure::system(what).hint(hint)
        })
    }
}

fn taken(what: String) -> Failure {
    Failure::of(Code::OutputTaken, what).hint(ANOTHER)
}

/// What this command line reads, but for what its manifest names in turn.
fn inputs(cli: &Cli) -> Vec<Input<'_>> {
    let global = &cli.global;
    let files = global
        .files
        .iter()
        .map(|file| input("-f ", Path::new(file)));
    let variables = global.env_files.iter().map(|f| input("--env-file ", f));
    let own = match &cli.command {
        Command::Plan(args) => args.against.as_ref().map(|f| input("--against ", f)),
        Command::Drift(args) => args.against.as_ref().map(|f| input("--against ", f)),
        Command::Apply(args) => args.plan.as_ref().map(|f| input("apply ", f)),
        Command::Show { plan } => Some(input("show ", plan)),
        Command::Convert(args) => Some(input("convert ", &args.file)),
        Command::Validate
        | Command::Export(_)
        | Command::Destroy(_)
        | Command::Forget { .. }
        | Command::Ledger(_)
        | Command::Lock(_)
        | Command::Status { .. }
        | Command::Bridge(_)
        | Command::Doctor
        | Command::Graph(_)
        | Command::Explain { .. }
        | Command::Schema { .. }
        | Command::Completions { .. } => None,
    };
    files.chain(variables).chain(own).collect()
}

/// An input as it was given; `-` is what the shell made standard input.
fn input<'c>(option: &str, file: &'c Path) -> Input<'c> {
    Input {
        said: format!("`{option}{}`", file.display()),
        path: match file.as_os_str() == "-" {
            true => Path::new("/dev/stdin"),
            false => file,
        },
    }
}

const fn word(form: Form) -> &'static str {
    match form {
        Form::Text => "text",
        Form::Json => "json",
        Form::Markdown => "markdown",
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::fs;

    use super::*;

    /// What is said of a command line whose `DIR` is a folder with a manifest, a link to it, and a
    /// plan.
    fn said(words: &str) -> Result<(), String> {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("m.yaml"), "stack: a\n").unwrap();
        fs::write(at("p.json"), "{}").unwrap();
        fs::hard_link(at("m.yaml"), at("hard")).unwrap();
        std::os::unix::fs::symlink("m.yaml", at("soft")).unwrap();
        std::os::unix::fs::symlink("new", at("dangling")).unwrap();
        let words = format!("trueup {words}").replace("DIR", folder.path().to_str().unwrap());
        let words: Vec<OsString> = words.split(' ').map(OsString::from).collect();
        let cli = super::super::args::parse(&words).unwrap();
        Outputs::of(&cli).check(&cli).map(drop).map_err(|failure| {
            let problem = failure.complaints().problems.remove(0);
            format!("{}: {}", problem.code, problem.message)
        })
    }

    #[test]
    fn an_output_that_is_an_input_is_refused_whatever_it_is_called() {
        for words in [
            "plan -f DIR/m.yaml -o DIR/m.yaml",
            "plan -f DIR/m.yaml -o DIR/./m.yaml",
            "plan -f DIR/m.yaml -o DIR/hard",
            "plan -f DIR/soft -o DIR/m.yaml",
            "plan -f DIR/m.yaml -o DIR/soft",
            "plan -f DIR -o DIR/m.yaml",
            "plan -f DIR -o DIR/new.yaml",
            "validate -f DIR/m.yaml --report json=DIR/m.yaml",
            "validate -f x.yaml --env-file DIR/m.yaml --report json=DIR/m.yaml",
            "plan -f x.yaml --against DIR/p.json -o DIR/p.json",
            "drift -f x.yaml --against DIR/p.json --report json=DIR/p.json",
            "apply DIR/p.json --report json=DIR/p.json",
            "show DIR/p.json --report text=DIR/p.json",
            "export -f DIR/m.yaml --snapshot DIR/m.yaml",
        ] {
            let said = said(words).unwrap_err();
            assert!(said.starts_with("output-taken: `"), "{words}: {said}");
            assert!(said.contains(" read"), "{words}: {said}");
        }
    }

    #[test]
    fn two_outputs_are_two_files() {
        for words in [
            "plan -f DIR/m.yaml -o DIR/p.json --report json=DIR/p.json",
            "plan -f DIR/m.yaml -o DIR/new --report json=DIR/./new",
            "plan -f DIR/m.yaml -o DIR/new --report json=DIR/dangling",
            "plan -f DIR/m.yaml --report text=DIR/p.json --report json=DIR/p.json",
        ] {
            let said = said(words).unwrap_err();
            assert!(said.contains("name the same file"), "{words}: {said}");
        }
    }

    #[test]
    fn what_is_not_touched_and_what_is_no_file_is_left_alone() {
        for words in [
            "plan -f DIR/m.yaml -o DIR/p.json --report json=DIR/new",
            "plan -f DIR -o DIR/p.json --report json=DIR/.hidden.yaml",
            "plan -f DIR -o /dev/null --report json=/dev/null",
            "export --snapshot DIR/dangling",
        ] {
            assert_eq!(said(words), Ok(()), "{words}");
        }
    }

    #[test]
    fn standard_output_is_no_file_that_is_called_by_its_sign() {
        for words in [
            "plan -f DIR/m.yaml -o -",
            "validate -f DIR/m.yaml --report json=-",
            "export --snapshot -",
        ] {
            let said = said(words).unwrap_err();
            assert!(
                said.contains("a file that is called `-`"),
                "{words}: {said}"
            );
        }
    }

    #[test]
    fn what_cannot_be_written_is_told_before() {
        for (words, why) in [
            (
                "plan -f DIR/m.yaml -o DIR/no/p.json",
                "no such file or directory",
            ),
            ("plan -f DIR/m.yaml -o DIR", "it is a directory"),
            ("plan -f DIR/m.yaml -o DIR/new/", "it names a directory"),
            ("plan -f DIR/m.yaml -o DIR/p.json/x", "ot a directory"),
        ] {
            let said = said(words).unwrap_err();
            assert!(said.starts_with("system: can't write `"), "{words}: {said}");
            assert!(said.contains(why), "{words}: {said}");
        }
    }
}
