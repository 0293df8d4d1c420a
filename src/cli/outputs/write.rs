use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::Path;

use rustix::fs::OFlags;
use rustix::io::Errno;

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
        Ok(facts) if facts.file_type().is_fifo() => pour(file, text),
        Ok(_) => fs::write(file, text),
        Err(error) if error.kind() == ErrorKind::NotFound => put(&settled(file), text, None),
        Err(error) => Err(error),
    };
    written.map_err(|error| {
        Failure::system(format!("can't write `{}`: {}", file.display(), why(&error)))
    })
}

/// Whether the file can be written, told without touching what it holds. Of a pipe the end that is
/// written: its reader takes it for the end of the text when that is closed before anything came.
///
/// # Errors
/// Why it can't.
pub(super) fn probe(file: &Path) -> Result<Option<File>, String> {
    let probed = match fs::metadata(file) {
        Ok(facts) if facts.is_dir() => return Err("it is a directory".to_owned()),
        Ok(facts) if facts.is_file() => OpenOptions::new().write(true).open(file).map(|_| None),
        Ok(facts) if facts.file_type().is_fifo() => open_pipe(file).map(Some),
        Ok(_) => Ok(None),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            if file.as_os_str().as_encoded_bytes().ends_with(b"/") {
                return Err("it names a directory, and there is none".to_owned());
            }
            tempfile::tempfile_in(folder_of(&settled(file))).map(|_| None)
        }
        Err(error) => Err(error),
    };
    probed.map_err(|error| why(&error))
}

fn why(error: &io::Error) -> String {
    match error.raw_os_error() == Some(Errno::NXIO.raw_os_error()) {
        true => "nobody reads it; start its reader first".to_owned(),
        false => plain(error),
    }
}

/// A pipe's end to write to. One without a reader is refused (`ENXIO`), where the system would wait
/// for it without end; what is written later waits for the reader as ever.
fn open_pipe(file: &Path) -> io::Result<File> {
    let nonblocking = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    let mut options = OpenOptions::new();
    let pipe = options.write(true).custom_flags(nonblocking).open(file)?;
    rustix::fs::fcntl_setfl(&pipe, OFlags::empty())?;
    Ok(pipe)
}

fn pour(file: &Path, text: &str) -> io::Result<()> {
    open_pipe(file)?.write_all(text.as_bytes())
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
    fn a_pipe_is_written_while_somebody_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &pipe,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::from_raw_mode(0o600),
            0,
        )
        .unwrap();
        let refused = probe(&pipe).unwrap_err();
        assert!(refused.contains("nobody reads it"), "{refused}");
        assert!(write(&pipe, "text").is_err());
        let mut reader = OpenOptions::new();
        let reader = reader
            .read(true)
            .custom_flags(OFlags::NONBLOCK.bits() as i32);
        let mut reader = reader.open(&pipe).unwrap();
        let held = probe(&pipe).unwrap();
        assert!(held.is_some());
        write(&pipe, "text").unwrap();
        let mut read = [0; 8];
        assert_eq!(io::Read::read(&mut reader, &mut read).unwrap(), 4);
        // still open: the text has no end yet
        let more = io::Read::read(&mut reader, &mut read).unwrap_err();
        assert_eq!(more.kind(), ErrorKind::WouldBlock);
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
