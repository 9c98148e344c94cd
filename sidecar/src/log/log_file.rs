//! A log file: it is opened again when it has been moved or deleted, as programs that rotate logs do, and rotated here by its size
//! where that is configured.

use std::fs::{File, Metadata, OpenOptions, rename};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::line_writer::Sink;

/// When a file is moved away, and how many of those are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rotation {
    /// The bytes that a file has at most, unless one line is longer.
    pub(crate) size: u64,
    /// The files that are kept beside the current one, as `FILE.1`, the latest, to `FILE.N`.
    pub(crate) keep: u32,
}

/// A file that is appended to. Its path is looked at before lines are written.
#[derive(Debug)]
pub(crate) struct LogFile {
    path: PathBuf,
    rotation: Option<Rotation>,
    file: File,
    place: Place,
    state: State,
}

/// Where the next byte goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    StartOfLine,
    WithinLine,
}

/// Whether the file that the path names can be opened, and moved away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Good,
    /// It cannot, which has been reported.
    Faulty,
}

impl LogFile {
    pub(crate) fn open(path: &Path, rotation: Option<Rotation>) -> io::Result<LogFile> {
        Ok(LogFile {
            path: path.to_owned(),
            rotation,
            file: append(path)?,
            place: Place::StartOfLine,
            state: State::Good,
        })
    }

    /// The metadata of the open file, where it is one: a pipe or a device is no file that is rotated.
    fn regular(&self) -> Option<Metadata> {
        self.file.metadata().ok().filter(Metadata::is_file)
    }

    /// Opens the file that the path names, where it is another one than the open file.
    fn follow(&mut self) {
        let Some(open) = self.regular() else { return };
        if std::fs::metadata(&self.path).is_ok_and(|named| is_same(&open, &named)) {
            self.state = State::Good;
            return;
        }
        if self.opened("the log was moved and cannot be opened again; the moved file is written") {
            tracing::info!(file = %self.path.display(), "the log was moved, and is opened again");
        }
    }

    /// Opens the file that the path names now. Warns once where that fails.
    fn opened(&mut self, fault: &str) -> bool {
        match append(&self.path) {
            Ok(file) => {
                self.file = file;
                self.state = State::Good;
                true
            }
            Err(error) => {
                self.report(fault, &error);
                false
            }
        }
    }

    fn report(&mut self, fault: &str, error: &io::Error) {
        if self.state == State::Good {
            self.state = State::Faulty;
            tracing::warn!(file = %self.path.display(), %error, "{fault}");
        }
    }

    /// How many of the bytes the file can take: those of whole lines up to its size. A full file is moved away.
    fn room(&mut self, bytes: &[u8]) -> usize {
        let Some(Rotation { size, keep }) = self.rotation else {
            return bytes.len();
        };
        let Some(mut length) = self.regular().map(|open| open.len()) else {
            return bytes.len();
        };
        let first = bytes
            .iter()
            .position(|byte| *byte == b'\n')
            .map_or(bytes.len(), |end| end + 1);
        if length > 0 && length + first as u64 > size && self.moved_away(keep) {
            length = 0;
        }
        let left = usize::try_from(size.saturating_sub(length)).unwrap_or(usize::MAX);
        match bytes.get(..left) {
            None => bytes.len(),
            Some(fitting) => {
                let lines = fitting.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
                lines.max(first)
            }
        }
    }

    /// Moves the file away, and each earlier one a number further.
    fn moved_away(&mut self, keep: u32) -> bool {
        let numbered = |number: u32| {
            let mut name = self.path.clone().into_os_string();
            name.push(format!(".{number}"));
            PathBuf::from(name)
        };
        for number in (1..keep).rev() {
            // One that is absent was removed, or has not been written yet.
            let _ = rename(numbered(number), numbered(number + 1));
        }
        match rename(&self.path, numbered(1)) {
            Ok(()) => self.opened("the log was rotated and cannot be opened again; the moved file is written"),
            Err(error) => {
                self.report("the log cannot be rotated; it is written on", &error);
                false
            }
        }
    }

    /// Writes once more what was written to a file that was deleted meanwhile.
    fn written_to_deleted(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.regular().is_some_and(|open| open.nlink() == 0) {
            self.follow();
            if self.regular().is_some_and(|open| open.nlink() > 0) {
                self.file.write_all(bytes)?;
            }
        }
        Ok(())
    }
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

fn is_same(one: &Metadata, other: &Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

impl Write for LogFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut bytes = bytes;
        if self.place == Place::StartOfLine {
            self.follow();
            bytes = &bytes[..self.room(bytes)];
        }
        let written = self.file.write(bytes)?;
        match bytes[..written].last() {
            None => {}
            Some(b'\n') => self.place = Place::StartOfLine,
            Some(_) => self.place = Place::WithinLine,
        }
        if self.place == Place::StartOfLine {
            self.written_to_deleted(&bytes[..written])?;
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Sink for LogFile {
    fn reopen(&mut self) {
        if self.regular().is_some() && self.place == Place::StartOfLine {
            self.opened("the log cannot be opened again; the open file is written");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn write(log: &mut LogFile, text: &str) {
        log.write_all(text.as_bytes()).unwrap();
    }

    fn read(path: &Path) -> String {
        fs::read_to_string(path).unwrap_or_else(|error| format!("{:?}", error.kind()))
    }

    #[test]
    fn a_moved_file_is_left_between_two_lines() {
        let folder = tempfile::tempdir().unwrap();
        let (path, moved) = (folder.path().join("log"), folder.path().join("log.1"));
        let mut log = LogFile::open(&path, None).unwrap();
        write(&mut log, "first\nsecond, ");
        fs::rename(&path, &moved).unwrap();
        write(&mut log, "whole\n");
        assert!(!path.exists());
        write(&mut log, "third\n");
        assert_eq!(read(&moved), "first\nsecond, whole\n");
        assert_eq!(read(&path), "third\n");
        // Another file at the path is appended to.
        fs::rename(&path, &moved).unwrap();
        fs::write(&path, "other\n").unwrap();
        write(&mut log, "fourth\n");
        assert_eq!(read(&path), "other\nfourth\n");
        fs::remove_file(&path).unwrap();
        write(&mut log, "fifth\n");
        assert_eq!(read(&path), "fifth\n");
    }

    #[test]
    fn a_truncated_file_is_written_from_its_beginning() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut log = LogFile::open(&path, None).unwrap();
        write(&mut log, "first\n");
        fs::OpenOptions::new().write(true).truncate(true).open(&path).unwrap();
        write(&mut log, "second\n");
        assert_eq!(read(&path), "second\n");
    }

    #[test]
    fn a_moved_file_is_written_where_there_is_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("inner");
        fs::create_dir(&inner).unwrap();
        let mut log = LogFile::open(&inner.join("log"), None).unwrap();
        let moved = folder.path().join("moved");
        fs::rename(&inner, &moved).unwrap();
        write(&mut log, "line\n");
        assert_eq!(
            (log.state, read(&moved.join("log"))),
            (State::Faulty, "line\n".to_owned())
        );
        fs::rename(&moved, &inner).unwrap();
        write(&mut log, "next\n");
        assert_eq!(
            (log.state, read(&inner.join("log"))),
            (State::Good, "line\nnext\n".to_owned())
        );
    }

    #[test]
    fn the_file_is_opened_again_on_demand() {
        let folder = tempfile::tempdir().unwrap();
        let (path, moved) = (folder.path().join("log"), folder.path().join("log.1"));
        let mut log = LogFile::open(&path, None).unwrap();
        write(&mut log, "first\n");
        fs::rename(&path, &moved).unwrap();
        log.reopen();
        assert_eq!((read(&path), read(&moved)), (String::new(), "first\n".to_owned()));
    }

    #[test]
    fn full_files_are_kept_up_to_their_number() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let rotation = Rotation { size: 10, keep: 2 };
        let mut log = LogFile::open(&path, Some(rotation)).unwrap();
        let files = || ["log", "log.1", "log.2", "log.3"].map(|name| read(&folder.path().join(name)));
        let none = "NotFound";
        write(&mut log, "1234\n");
        write(&mut log, "5678\n");
        assert_eq!(files(), ["1234\n5678\n", none, none, none]);
        write(&mut log, "a\nb\n");
        assert_eq!(files(), ["a\nb\n", "1234\n5678\n", none, none]);
        // A batch is divided between two lines, and a longer line has a file of its own.
        write(&mut log, "c\nd\nefghi\n0123456789abc\nj\n");
        assert_eq!(files(), ["j\n", "0123456789abc\n", "efghi\n", none]);
    }

    #[test]
    fn a_file_that_cannot_be_moved_is_written_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        fs::create_dir(folder.path().join("log.1")).unwrap();
        let mut log = LogFile::open(&path, Some(Rotation { size: 4, keep: 1 })).unwrap();
        write(&mut log, "123\n");
        write(&mut log, "456\n");
        assert_eq!((log.state, read(&path)), (State::Faulty, "123\n456\n".to_owned()));
    }
}
