//! Words where paths are wanted.

use std::fmt;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;

use super::super::node::Node;
use super::super::secret_text::is_word;
use crate::model::{Code, Place, Problem};

/// What stands where the path of a file is wanted and has neither folder nor ending, by the name of its field: the path,
/// or the secret itself. So no message of a file that is not there may show it.
#[derive(Clone, Default)]
pub(super) struct Words(IndexMap<String, PathBuf>);

impl Words {
    pub(super) fn note(&mut self, name: &str, node: &Node, path: &Path) {
        if node.text().is_some_and(is_word) {
            self.0.insert(name.to_owned(), path.to_owned());
        }
    }

    pub(super) fn must_be_files(
        &self,
        place_of: impl Fn(&str) -> Option<Place>,
    ) -> Result<(), Problem> {
        let Some((name, _)) = self.0.iter().find(|(_, path)| !path.exists()) else {
            return Ok(());
        };
        let what = format!(
            "`{name}` takes the path of a file, and there is none of the name that stands there; it is not shown, for it may be the secret"
        );
        let problem = Problem::error(Code::FileUnreadable, what)
            .hint("write the path with its folder (`./NAME`), and a secret into a file that only you can read");
        let property = name.strip_suffix("_file").unwrap_or(name);
        Err(problem.at(place_of(property)))
    }
}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
