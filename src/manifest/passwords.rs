//! The passwords of users: taken out of the tree before anything else sees it.

use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use secrecy::{ExposeSecret, SecretString};

use super::files::read_secret;
use super::node::{Entry, Files, Map, Node, Value};
use super::secret_text::looks_secret;
use super::secrets::is_one_variable;
use crate::model::{Address, Code, Place, Problem};

const PASSWORD: &str = "password";
const PASSWORD_FILE: &str = "password_file";

/// The two fields of a user with what they take, for the schema.
pub(super) const FIELDS: [(&str, &str); 2] = [
    (
        PASSWORD,
        "The password, by a variable: `${NAME}`. It stands in no plan and no ledger, and is set when the user is made and when `version` is raised.",
    ),
    (
        PASSWORD_FILE,
        "The file that holds the password, instead of `password`; a path is relative to the manifest that names it.",
    ),
];

/// Where the passwords of users come from, by the user's name.
#[derive(Clone, Debug, Default)]
pub struct Passwords(IndexMap<String, Source>);

#[derive(Clone, Debug)]
enum Source {
    Given(SecretString),
    File(PathBuf, Option<Place>),
}

impl Passwords {
    /// The passwords themselves, those in files read.
    ///
    /// # Errors
    /// A `file-unreadable` problem for each file that can't be read, or is empty.
    pub fn read(&self) -> Result<IndexMap<String, SecretString>, Vec<Problem>> {
        let (mut passwords, mut problems) = (IndexMap::new(), Vec::new());
        for (user, source) in &self.0 {
            match source.read() {
                Ok(password) => {
                    passwords.insert(user.clone(), password);
                }
                Err(problem) => problems.push(problem),
            }
        }
        match problems.is_empty() {
            true => Ok(passwords),
            false => Err(problems),
        }
    }

    /// Takes these in, too; of a user that has one already, the later.
    pub(super) fn extend(&mut self, others: Passwords) {
        self.0.extend(others.0);
    }

    /// The files among them.
    pub(super) fn files(&self) -> impl Iterator<Item = PathBuf> {
        self.0.values().filter_map(|source| match source {
            Source::Given(_) => None,
            Source::File(path, _) => Some(path.clone()),
        })
    }

    /// Takes a user's password out of what is declared of it; whether there is one.
    pub(super) fn take(
        &mut self,
        user: &Address,
        map: &mut Map,
        files: &Files,
        problems: &mut Vec<Problem>,
    ) -> bool {
        let mut said = |name| {
            map.shift_remove(name)
                .filter(|entry: &Entry| !entry.node.is_null())
        };
        let source = match (said(PASSWORD), said(PASSWORD_FILE)) {
            (None, None) => return false,
            (Some(given), None) => of_variable(&given.node, files),
            (None, Some(file)) => of_file(&file.node, files),
            (Some(_), Some(file)) => {
                let what = "`password` and `password_file` say the same thing";
                let problem = Problem::error(Code::Contradiction, what).hint("keep one of the two");
                Err(Some(problem.at(files.place(file.key))))
            }
        };
        match source {
            Ok(source) => {
                self.0.insert(user.name.clone(), source);
            }
            Err(problem) => problems.extend(problem.map(|problem| problem.about(user))),
        }
        true
    }
}

impl Source {
    fn read(&self) -> Result<SecretString, Problem> {
        let (path, place) = match self {
            Source::Given(password) => return Ok(password.clone()),
            Source::File(path, place) => (path, place),
        };
        let at = |problem: Problem| problem.at(place.clone());
        let password = read_secret(PASSWORD, path).map_err(at)?;
        match password.expose_secret().is_empty() {
            false => Ok(password),
            true => {
                let what = format!("`{PASSWORD_FILE}`: `{}` is empty", path.display());
                Err(at(Problem::error(Code::FileUnreadable, what)))
            }
        }
    }
}

/// A password is a variable and nothing else; none where the variable was complained of.
fn of_variable(node: &Node, files: &Files) -> Result<Source, Option<Problem>> {
    let refused = |code, what: &str| {
        let hint = "write `password: ${NAME}`, with the password in the environment or an `--env-file`, or `password_file: PATH`";
        Err(Some(files.at(node, Problem::error(code, what).hint(hint))))
    };
    match &node.value {
        Value::Broken => Err(None),
        Value::Expanded(said) if is_one_variable(&said.written) => match said.text.is_empty() {
            false => Ok(Source::Given(said.text.to_string().into())),
            true => refused(Code::Variable, "the password is empty"),
        },
        _ => refused(
            Code::PlainSecret,
            "a password never stands in a manifest itself",
        ),
    }
}

fn of_file(node: &Node, files: &Files) -> Result<Source, Option<Problem>> {
    let is_path = |text: &&str| !text.is_empty() && !text.contains('\n') && !looks_secret(text);
    match node.text().filter(is_path) {
        Some(path) => {
            let file = files.0.get(node.spot.file as usize);
            let folder = file.and_then(|file| Path::new(&**file).parent());
            let path = folder.unwrap_or(Path::new("")).join(path);
            Ok(Source::File(path, files.place(node.spot)))
        }
        None if node.is_broken() => Err(None),
        None => {
            let what = "`password_file` takes the path of a file, not what the file holds";
            let hint =
                "write the password into a file that only you can read, and name that file here";
            Err(Some(
                files.at(node, Problem::error(Code::WrongType, what).hint(hint)),
            ))
        }
    }
}
