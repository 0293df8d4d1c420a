use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// As many links as the system follows (`path_resolution(7)`).
const MOST_LINKS: usize = 40;

/// The device and the number on it.
pub(super) type Node = (u64, u64);

/// What a path leads to, whatever it is called: through links of both kinds and `./`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Identity {
    /// A regular file.
    There(Node),
    /// None yet: the folder that it will be in, and its name there.
    New { folder: Node, name: OsString },
}

impl Identity {
    /// None for a directory, a device, a pipe, and where no file can be.
    pub fn of(path: &Path) -> Option<Identity> {
        match fs::metadata(path) {
            Ok(facts) => facts.is_file().then(|| Identity::There(node(&facts))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let path = settled(path);
                Some(Identity::New {
                    folder: folder_identity(folder_of(&path))?,
                    name: path.file_name()?.to_owned(),
                })
            }
            Err(_) => None,
        }
    }
}

/// Which directory this is; none where there is none.
pub(super) fn folder_identity(path: &Path) -> Option<Node> {
    fs::metadata(path).ok().map(|facts| node(&facts))
}

/// Where a file that is not there yet will be made: behind the links that lead nowhere yet.
pub(super) fn settled(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        let Ok(to) = fs::read_link(&path) else { break };
        path = folder_of(&path).join(to);
    }
    path
}

/// The folder that a file is in.
pub(super) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        Some(_) | None => Path::new("."),
    }
}

fn node(facts: &fs::Metadata) -> Node {
    (facts.dev(), facts.ino())
}
