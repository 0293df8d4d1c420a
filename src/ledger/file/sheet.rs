//! A JSON file that is replaced whole, under a lock of the operating system.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::ledger::{Revision, StoreError};

/// The format of a file; another one is refused, never guessed.
const FORMAT: u32 = 1;

/// How long another process may be at the file before we give up; it is for a few milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// The pause between two looks whether it is done.
const PAUSE: Duration = Duration::from_millis(10);

/// What a sheet holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Page<T> {
    format: u32,
    /// The newest revision that was given.
    revision: Revision,
    pub(super) entries: BTreeMap<String, Kept<T>>,
}

/// A value with its revision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Kept<T> {
    pub(super) revision: Revision,
    pub(super) value: T,
}

/// A file, and the one beside it whose lock is that of both.
#[derive(Clone, Debug)]
pub(super) struct Sheet {
    file: PathBuf,
    lock: PathBuf,
}

impl<T> Page<T> {
    fn empty() -> Page<T> {
        Page {
            format: FORMAT,
            revision: 0,
            entries: BTreeMap::new(),
        }
    }

    /// Sets a key, and tells the revision that it got.
    pub(super) fn set(&mut self, key: &str, value: T) -> Revision {
        self.revision += 1;
        let revision = self.revision;
        self.entries
            .insert(key.to_owned(), Kept { revision, value });
        revision
    }
}

impl Sheet {
    /// The file itself (`suffix` empty), or the one beside it. A link is followed, so that all who use the file lock the
    /// same.
    pub(super) fn beside(file: &Path, suffix: &str) -> Sheet {
        let real = real(file);
        Sheet {
            file: with(&real, suffix),
            lock: with(&real, ".lock"),
        }
    }

    /// What it holds; an empty page where there is no file.
    ///
    /// # Errors
    /// A file that can't be read, or not whole.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<Page<T>, StoreError> {
        let bytes = match fs::read(&self.file) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Page::empty()),
            Err(error) => return Err(self.failed(&self.file, "read", &error)),
        };
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Err(self.damaged("it is empty"));
        }
        let form: Form = serde_json::from_slice(&bytes).map_err(|error| self.damaged(error))?;
        if form.format != FORMAT {
            return Err(self.says(format!(
                "it has format {}, this trueup reads {FORMAT}: take the version that wrote it, or a newer one",
                form.format
            )));
        }
        serde_json::from_slice(&bytes).map_err(|error| self.damaged(error))
    }

    /// Lets `change` work on what it holds while nobody else does, and writes what comes of it; nothing where
    /// it fails.
    ///
    /// # Errors
    /// As for reading; what can't be locked or written; what `change` refuses.
    pub(super) fn change<T, R>(
        &self,
        change: impl FnOnce(&mut Page<T>) -> Result<R, StoreError>,
    ) -> Result<R, StoreError>
    where
        T: Serialize + DeserializeOwned + PartialEq + Clone,
    {
        let _until_the_end = self.locked()?;
        let before: Page<T> = self.read()?;
        let mut after = before.clone();
        let result = change(&mut after)?;
        if after != before {
            self.write(&after)?;
        }
        Ok(result)
    }

    fn locked(&self) -> Result<File, StoreError> {
        let open = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&self.lock);
        let file = open.map_err(|error| self.failed(&self.lock, "open", &error))?;
        let end = Instant::now() + PATIENCE;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) if Instant::now() < end => std::thread::sleep(PAUSE),
                Err(TryLockError::WouldBlock) => {
                    return Err(StoreError::Busy {
                        place: self.place(),
                        why: format!(
                            "another process writes it for {} s already, so it was stopped in the middle; `fuser {}` tells which",
                            PATIENCE.as_secs(),
                            self.lock.display()
                        ),
                    });
                }
                Err(TryLockError::Error(error)) => {
                    return Err(self.failed(&self.lock, "lock", &error));
                }
            }
        }
    }

    /// Under another name first, so that whoever reads sees all of it, or what was there before; and on the disk
    /// before anybody hears of it.
    fn write<T: Serialize>(&self, page: &Page<T>) -> Result<(), StoreError> {
        let mut text = serde_json::to_string_pretty(page)
            .map_err(|error| self.says(format!("it can't be written: {error}")))?;
        text.push('\n');
        let beside = with(&self.file, ".new");
        let rights = fs::metadata(&self.file).map(|facts| facts.permissions());
        let put = put(&beside, &text, rights.ok()).and_then(|()| fs::rename(&beside, &self.file));
        put.map_err(|error| self.failed(&self.file, "write", &error))?;
        let kept = File::open(folder(&self.file)).and_then(|folder| folder.sync_all());
        kept.map_err(|error| StoreError::Unknown {
            place: self.place(),
            why: format!("its folder could not be written to the disk: {error}"),
        })
    }

    pub(super) fn place(&self) -> String {
        format!("the file `{}`", self.file.display())
    }

    pub(super) fn says(&self, why: impl Into<String>) -> StoreError {
        StoreError::Failed {
            place: self.place(),
            why: why.into(),
        }
    }

    fn damaged(&self, why: impl std::fmt::Display) -> StoreError {
        self.says(format!(
            "it is damaged ({why}); bring it back from a backup, or remove it: then nothing is known to be owned"
        ))
    }

    fn failed(&self, file: &Path, verb: &str, error: &io::Error) -> StoreError {
        self.says(format!("can't {verb} `{}`: {error}", file.display()))
    }
}

/// What is read before anything else.
#[derive(Deserialize)]
struct Form {
    format: u32,
}

/// Writes a new file to the disk; what a crash left there goes.
fn put(file: &Path, text: &str, rights: Option<Permissions>) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut new = OpenOptions::new().write(true).create_new(true).open(file)?;
    if let Some(rights) = rights {
        new.set_permissions(rights)?;
    }
    new.write_all(text.as_bytes())?;
    new.sync_all()
}

fn real(file: &Path) -> PathBuf {
    let name = || Some(fs::canonicalize(folder(file)).ok()?.join(file.file_name()?));
    let found = fs::canonicalize(file).ok().or_else(name);
    found.unwrap_or_else(|| file.to_owned())
}

fn folder(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn with(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
