//! Reads text files whole, within a limit.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

const MIB: u64 = 1024 * 1024;

/// Why a file cannot be used. `help` may be empty.
#[derive(Debug)]
pub(crate) struct FileError {
    pub(crate) message: String,
    pub(crate) help: &'static str,
    pub(crate) is_missing: bool,
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Reads a regular file of at most 1 MiB, a link to one, or a descriptor that the caller has opened.
///
/// Any other file may have no end, or keep the process waiting: a pipe that no process writes to, a device.
pub(crate) fn read_text(file: &Path) -> Result<String, FileError> {
    read_text_within(file, 1)
}

/// The same for a file of at most this many MiB.
pub(crate) fn read_text_within(file: &Path, mib: u32) -> Result<String, FileError> {
    let max_bytes = u64::from(mib) * MIB;
    let mut bytes = Vec::new();
    let opened = open_file(file)?;
    opened.take(max_bytes + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > max_bytes {
        return Err(invalid(
            &format!("the file is longer than {mib} MiB"),
            "leave out what it need not hold, or make several files of it",
        ));
    }
    String::from_utf8(bytes).map_err(|_| invalid("the file is not valid UTF-8", "save it as UTF-8"))
}

/// Writes a file, in place of a regular one or a link to one, or to a descriptor that the caller has opened.
///
/// A pipe that no process reads would keep the process waiting.
pub(crate) fn write_text(file: &Path, text: &str) -> Result<(), FileError> {
    let kind = std::fs::metadata(file).map(|found| found.file_type());
    if let Ok(kind) = kind
        && !kind.is_file()
        && !is_descriptor(file)
    {
        return Err(match kind.is_dir() {
            true => invalid("this is a folder, not a file", ""),
            false => invalid(
                "this is a pipe or a device, not a file",
                "name a file, or `/dev/stdout`",
            ),
        });
    }
    std::fs::write(file, text).map_err(|error| FileError {
        message: format!("cannot be written: {error}"),
        ..unreadable(error)
    })
}

/// Opens a regular file, a link to one, or a descriptor that the caller has opened.
pub(crate) fn open_file(file: &Path) -> Result<File, FileError> {
    if !is_descriptor(file) {
        let kind = std::fs::metadata(file).map_err(unreadable)?.file_type();
        if kind.is_dir() {
            return Err(invalid("this is a folder, not a file", ""));
        }
        if !kind.is_file() {
            let help = "name a file, or `/dev/stdin` for what standard input delivers";
            return Err(invalid("this is a pipe or a device, not a file", help));
        }
    }
    File::open(file).map_err(unreadable)
}

/// The standard streams, and what a shell passes for `<(command)`.
fn is_descriptor(file: &Path) -> bool {
    let paths = ["/dev/stdin", "/dev/stdout", "/dev/stderr", "/dev/fd", "/proc/self/fd"];
    paths.iter().any(|path| file.starts_with(path))
}

fn invalid(message: &str, help: &'static str) -> FileError {
    FileError {
        message: message.to_owned(),
        help,
        is_missing: false,
    }
}

fn unreadable(error: io::Error) -> FileError {
    FileError {
        is_missing: error.kind() == io::ErrorKind::NotFound,
        ..match error.kind() {
            io::ErrorKind::IsADirectory => invalid("this is a folder, not a file", ""),
            _ => invalid(&format!("the file cannot be read: {error}"), ""),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_regular_file_is_read_within_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        std::os::unix::fs::symlink("file", &link).unwrap();
        assert!(read_text(&link).unwrap_err().is_missing);
        let message = |file: &Path| read_text(file).unwrap_err().message;
        for (length, mib) in [(0, 1), (MIB, 1), (MIB + 1, 2), (2 * MIB, 2), (2 * MIB + 1, 3)] {
            std::fs::write(&file, " ".repeat(usize::try_from(length).unwrap())).unwrap();
            assert_eq!(read_text(&link).is_ok(), mib == 1, "{length}");
            assert_eq!(read_text_within(&link, 2).is_ok(), mib <= 2, "{length}");
        }
        assert_eq!(message(&file), "the file is longer than 1 MiB");
        let longer = read_text_within(&file, 2).unwrap_err();
        assert_eq!(longer.message, "the file is longer than 2 MiB");
        std::fs::write(&file, b"\xff").unwrap();
        assert_eq!(message(&link), "the file is not valid UTF-8");
        assert_eq!(message(folder.path()), "this is a folder, not a file");
        for device in ["/dev/zero", "/dev/null", "/dev/full"] {
            assert_eq!(
                message(Path::new(device)),
                "this is a pipe or a device, not a file",
                "{device}"
            );
        }
    }

    #[test]
    fn a_text_is_written_to_a_file_and_to_no_device() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("report.xml");
        for text in ["first", "second"] {
            write_text(&file, text).unwrap();
            assert_eq!(read_text(&file).unwrap(), text);
        }
        let refused = |path: &Path| write_text(path, "x").unwrap_err().message;
        assert_eq!(
            refused(Path::new("/dev/null")),
            "this is a pipe or a device, not a file"
        );
        assert_eq!(refused(folder.path()), "this is a folder, not a file");
        assert!(refused(&folder.path().join("none/report.xml")).starts_with("cannot be written: "));
    }
}
