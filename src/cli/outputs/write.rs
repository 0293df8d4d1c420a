use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::Path;

use super::identity::{folder_of, settled};
use crate::cli::failure::Failure;
use crate::manifest::plain;

/// Writes a file whole: whoever reads it sees all of it, or what was there before. A link is
/// followed; a device or a pipe takes the text as it comes.
///
/// # Errors
/// Names the file and what the system said.
pub fn write(file: &Path, text: &str) -> Result<(), Failure> {
    let written = match fs::metadata(file) {
        Ok(facts) if facts.is_file() => overwrite(file, text, &facts),
        Ok(_) => fs::write(file, text),
        Err(error) if error.kind() == ErrorKind::NotFound => put(&settled(file), text, None),
        Err(error) => Err(error),
    };
    written.map_err(|error| {
        Failure::system(format!(
            "can't write `{}`: {}",
            file.display(),
            plain(&error)
        ))
    })
}

/// Whether the file can be written, told without touching what it holds.
///
/// # Errors
/// Why it can't.
pub(super) fn probe(file: &Path) -> Result<(), String> {
    let probed = match fs::metadata(file) {
        Ok(facts) if facts.is_dir() => return Err("it is a directory".to_owned()),
        Ok(facts) if facts.is_file() => OpenOptions::new().write(true).open(file).map(drop),
        // opening a pipe waits for its reader, and closing it ends what the reader gets
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            if file.as_os_str().as_encoded_bytes().ends_with(b"/") {
                return Err("it names a directory, and there is none".to_owned());
            }
            tempfile::tempfile_in(folder_of(&settled(file))).map(drop)
        }
        Err(error) => Err(error),
    };
    probed.map_err(|error| plain(&error))
}

/// In the place of a file that is there; where its folder takes no new file, into the file itself.
fn overwrite(file: &Path, text: &str, facts: &Metadata) -> io::Result<()> {
    // a file that was removed while it was open (`/dev/stdout`) has no path any more
    let Ok(real) = fs::canonicalize(file) else {
        return fs::write(file, text);
    };
    match put(&real, text, Some(facts)) {
        Err(error) if is_the_folders(error.kind()) => fs::write(&real, text),
        done => done,
    }
}

/// Whether the folder stands in the way and not the file: its rights, or the file is a mount.
const fn is_the_folders(error: ErrorKind) -> bool {
    matches!(
        error,
        ErrorKind::PermissionDenied
            | ErrorKind::ReadOnlyFilesystem
            | ErrorKind::ResourceBusy
            | ErrorKind::CrossesDevices
    )
}

/// Under another name beside it first, with the rights of what was there.
fn put(file: &Path, text: &str, before: Option<&Metadata>) -> io::Result<()> {
    let mut beside = tempfile::Builder::new()
        .prefix(".trueup-")
        .permissions(fs::Permissions::from_mode(0o666))
        .tempfile_in(folder_of(file))?;
    beside.write_all(text.as_bytes())?;
    if let Some(before) = before {
        keep_rights(beside.as_file(), before)?;
    }
    beside.as_file().sync_all()?;
    beside.persist(file)?;
    Ok(())
}

/// Only root may give a file away; for others the writer owns it from now on.
fn keep_rights(file: &File, before: &Metadata) -> io::Result<()> {
    let _ = fchown(file, Some(before.uid()), Some(before.gid()));
    file.set_permissions(before.permissions())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_there_is_replaced_whole_and_keeps_its_rights_and_its_link() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("a"), folder.path().join("link"));
        fs::write(&file, "before, and longer").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink("a", &link).unwrap();
        let reader = File::open(&file).unwrap();
        write(&link, "after").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "after");
        assert_eq!(io::read_to_string(reader).unwrap(), "before, and longer");
        assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o640);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_new_file_has_the_rights_of_any_other_and_a_link_to_nowhere_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("a"), folder.path().join("link"));
        std::os::unix::fs::symlink("a", &link).unwrap();
        write(&link, "text").unwrap();
        fs::write(folder.path().join("other"), "").unwrap();
        let mode = |name: &str| fs::metadata(folder.path().join(name)).unwrap().mode();
        assert_eq!(fs::read_to_string(&file).unwrap(), "text");
        assert_eq!(mode("a"), mode("other"));
    }

    #[test]
    fn a_probe_leaves_no_trace() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a");
        fs::write(&file, "text").unwrap();
        let before = fs::metadata(&file).unwrap().modified().unwrap();
        probe(&file).unwrap();
        probe(&folder.path().join("b")).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "text");
        assert_eq!(fs::metadata(&file).unwrap().modified().unwrap(), before);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
