//! Reading: the only part of the room that touches files; the guard is shared with saved plans.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use secrecy::SecretString;

use crate::model::{Code, Problem};

const MIB: u64 = 1024 * 1024;
/// Bytes of a manifest, all files together; 10,000 rich topics take five million.
const MOST_OF_MANIFEST: u64 = 16 * MIB;
/// Bytes of a saved plan: each resource stands in it several times.
const MOST_OF_PLAN: u64 = 64 * MIB;
/// Bytes of a file of variables, or of one that holds a secret.
const MOST_OF_VARIABLES: u64 = MIB;

/// One `-f`: a part of the manifest, several of them, or an overlay over those before.
#[derive(Clone, Debug)]
pub enum Input {
    /// A file, or a directory of which every `*.yaml` and `*.yml` is read in sorted order.
    /// Its subdirectories are not, nor are files whose name begins with a dot.
    Path(PathBuf),
    /// Standard input.
    Stdin,
    /// Text that is already there, under the name that places show.
    Text {
        /// How places call it.
        name: String,
        /// What it says.
        text: String,
    },
}

impl Input {
    /// What `-f ARGUMENT` means: `-` is standard input.
    pub fn of_argument(argument: &str) -> Input {
        match argument {
            "-" => Input::Stdin,
            path => Input::Path(path.into()),
        }
    }
}

/// A text and how places call it.
pub(super) struct SourceText {
    pub name: String,
    pub text: String,
}

/// The texts of one input, and what could not be read.
pub(super) fn read_input(input: &Input, budget: &mut Budget) -> (Vec<SourceText>, Vec<Problem>) {
    let texts = match input {
        Input::Text { name, text } => Ok(vec![SourceText {
            name: name.clone(),
            text: without_bom(text),
        }]),
        Input::Stdin => read_stdin(budget).map(|text| vec![text]),
        Input::Path(path) if path.is_dir() => return read_directory(path, budget),
        Input::Path(path) => read_named(path, budget).map(|text| vec![text]),
    };
    match texts {
        Ok(texts) => (texts, Vec::new()),
        Err(problem) => (Vec::new(), vec![problem]),
    }
}

/// How much may still be read.
pub(super) struct Budget {
    left: u64,
    most: u64,
    hint: &'static str,
}

impl Budget {
    /// For the texts of a manifest.
    pub fn of_manifest() -> Budget {
        let hint = "is it a manifest at all? split the stack in several, each a manifest";
        Budget::new(MOST_OF_MANIFEST, hint)
    }

    /// For a file of variables.
    pub fn of_variables() -> Budget {
        Budget::new(MOST_OF_VARIABLES, "is it a file of variables at all?")
    }

    fn new(most: u64, hint: &'static str) -> Budget {
        Budget {
            left: most,
            most,
            hint,
        }
    }

    fn too_large(&self, name: &str) -> Problem {
        let most = self.most / MIB;
        let what = match self.left == self.most {
            true => format!("`{name}` is larger than trueup reads: {most} MiB"),
            false => {
                format!("up to `{name}`, the files hold more than the {most} MiB that trueup reads")
            }
        };
        Problem::error(Code::YamlTooLarge, what).hint(self.hint)
    }
}

fn read_directory(path: &Path, budget: &mut Budget) -> (Vec<SourceText>, Vec<Problem>) {
    let names = match manifest_names(path) {
        Ok(names) if names.is_empty() => {
            let what = format!("the directory `{}` holds no `*.yaml`", path.display());
            return (Vec::new(), vec![unreadable(what)]);
        }
        Ok(names) => names,
        Err(error) => return (Vec::new(), vec![cannot_read(path, &error)]),
    };
    let (mut texts, mut problems) = (Vec::new(), Vec::new());
    for path in names {
        match read_file(&path, budget) {
            Ok(text) => texts.push(text),
            Err(problem) => problems.push(problem),
        }
    }
    (texts, problems)
}

/// Whether a file of this name is read where `-f` names its directory.
pub(crate) fn is_manifest_name(path: &Path) -> bool {
    let hidden = path
        .file_name()
        .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    let ending = path.extension();
    !hidden && ending.is_some_and(|ending| ending == "yaml" || ending == "yml")
}

/// The manifests of a directory, sorted by name.
///
/// # Errors
/// When the directory can't be read.
pub(crate) fn manifest_names(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if is_manifest_name(&path) && !path.is_dir() {
            names.push(path);
        }
    }
    names.sort();
    Ok(names)
}

/// The text of a regular file, or of standard input where the path is `-`, whatever it holds.
///
/// # Errors
/// A `file-unreadable` or `yaml-too-large` problem: it is no regular file, can't be read, is larger
/// than a file may be, or no UTF-8.
pub(crate) fn read_text(path: &Path) -> Result<String, Problem> {
    let mut budget = Budget::new(MOST_OF_PLAN, "is it a file of trueup at all?");
    let read = if path == Path::new("-") {
        read_stdin(&mut budget)
    } else {
        read_file(path, &mut budget)
    };
    read.map(|source| source.text)
}

/// The text of a regular file, or of a pipe that the shell has opened (`<(command)`). A FIFO of the
/// file system stays refused: nobody may ever write to it.
pub(super) fn read_named(path: &Path, budget: &mut Budget) -> Result<SourceText, Problem> {
    let name = path.display().to_string();
    let opened = ["/dev/fd", "/proc/self/fd", "/dev/stdin"];
    let is_open = opened.iter().any(|folder| path.starts_with(folder));
    if !is_open || !fs::metadata(path).is_ok_and(|facts| is_fifo(&facts)) {
        return read_file(path, budget);
    }
    let pipe = File::open(path).map_err(|error| cannot_read(path, &error))?;
    let text = bounded(pipe, &name, budget).and_then(|bytes| text_of(&name, bytes))?;
    Ok(SourceText { name, text })
}

pub(super) fn read_file(path: &Path, budget: &mut Budget) -> Result<SourceText, Problem> {
    let name = path.display().to_string();
    let text = read_bytes(path, budget).and_then(|bytes| text_of(&name, bytes))?;
    Ok(SourceText { name, text })
}

/// The bytes of a regular file. Its type is known before it is opened: opening a FIFO would wait
/// for somebody to write to it.
fn read_bytes(path: &Path, budget: &mut Budget) -> Result<Vec<u8>, Problem> {
    let facts = fs::metadata(path).map_err(|error| cannot_read(path, &error))?;
    if !facts.is_file() {
        let what = format!("`{}` is {}", path.display(), type_of(&facts));
        let hint = "name a regular file, a directory, or `-`, which reads standard input";
        return Err(unreadable(what).hint(hint));
    }
    if facts.len() > budget.left {
        return Err(budget.too_large(&path.display().to_string()));
    }
    let file = File::open(path).map_err(|error| cannot_read(path, &error))?;
    bounded(file, &path.display().to_string(), budget)
}

fn read_stdin(budget: &mut Budget) -> Result<SourceText, Problem> {
    let name = "<stdin>".to_owned();
    let text =
        bounded(io::stdin().lock(), &name, budget).and_then(|bytes| text_of(&name, bytes))?;
    Ok(SourceText { name, text })
}

fn bounded(from: impl Read, name: &str, budget: &mut Budget) -> Result<Vec<u8>, Problem> {
    let most = budget.left;
    let mut bytes = Vec::new();
    from.take(most + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| cannot_read(Path::new(name), &error))?;
    let read = bytes.len() as u64;
    if read > most {
        return Err(budget.too_large(name));
    }
    budget.left -= read;
    Ok(bytes)
}

fn text_of(name: &str, bytes: Vec<u8>) -> Result<String, Problem> {
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let before = &error.as_bytes()[..at];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        unreadable(format!(
            "`{name}` is no UTF-8 text: line {line} holds a byte that can't be read"
        ))
        .hint("save it as UTF-8; is it a manifest at all?")
    })?;
    Ok(without_bom(&text))
}

fn without_bom(text: &str) -> String {
    text.strip_prefix('\u{feff}').unwrap_or(text).to_owned()
}

/// The secret that a file holds, without the line break at its end.
///
/// # Errors
/// A `file-unreadable` problem that names the property and the file, never what is in it.
pub(super) fn read_secret(property: &str, path: &Path) -> Result<SecretString, Problem> {
    let mut budget = Budget::new(MOST_OF_VARIABLES, "is it the file of a secret at all?");
    let text = read_file(path, &mut budget).map_err(|problem| Problem {
        message: format!("`{property}_file`: {}", problem.message),
        ..problem
    })?;
    Ok(text.text.trim_end_matches(['\n', '\r']).to_owned().into())
}

fn cannot_read(path: &Path, error: &io::Error) -> Problem {
    let what = format!("`{}` can't be read: {}", path.display(), plain(error));
    unreadable(what).hint("check the path and its rights")
}

/// The operating system's words without its number.
pub(crate) fn plain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file or directory".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}

fn unreadable(what: String) -> Problem {
    Problem::error(Code::FileUnreadable, what)
}

#[cfg(unix)]
fn is_fifo(facts: &fs::Metadata) -> bool {
    std::os::unix::fs::FileTypeExt::is_fifo(&facts.file_type())
}

#[cfg(not(unix))]
fn is_fifo(_: &fs::Metadata) -> bool {
    false
}

#[cfg(unix)]
fn type_of(facts: &fs::Metadata) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    let file_type = facts.file_type();
    match () {
        () if file_type.is_dir() => "a directory",
        () if file_type.is_fifo() => "a FIFO",
        () if file_type.is_socket() => "a socket",
        () => "a device",
    }
}

#[cfg(not(unix))]
fn type_of(_: &fs::Metadata) -> &'static str {
    "no regular file"
}
