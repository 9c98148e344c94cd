//! A log file that is opened again when it has been moved, as programs that rotate logs do.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How often its path is looked at, at most.
const INTERVAL: Duration = Duration::from_secs(1);

/// A file that is appended to. Its path is looked at before a line is written.
#[derive(Debug)]
pub(crate) struct LogFile {
    path: PathBuf,
    file: File,
    looked: Instant,
    place: Place,
    state: State,
}

/// Where the next byte goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    StartOfLine,
    WithinLine,
}

/// Whether the file that the path names can be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// It cannot, which has been reported.
    Moved,
}

impl LogFile {
    pub(crate) fn open(path: &Path) -> io::Result<LogFile> {
        Ok(LogFile {
            path: path.to_owned(),
            file: append(path)?,
            looked: Instant::now(),
            place: Place::StartOfLine,
            state: State::Open,
        })
    }

    fn write_at(&mut self, bytes: &[u8], now: Instant) -> io::Result<usize> {
        if self.place == Place::StartOfLine && now.saturating_duration_since(self.looked) >= INTERVAL {
            self.looked = now;
            self.follow();
        }
        let written = self.file.write(bytes)?;
        match bytes[..written].last() {
            None => {}
            Some(b'\n') => self.place = Place::StartOfLine,
            Some(_) => self.place = Place::WithinLine,
        }
        Ok(written)
    }

    /// Opens the file that the path names, where it is another one than the open file.
    fn follow(&mut self) {
        let is_moved = match self.file.metadata() {
            // A pipe or a device is no file that is rotated.
            Ok(open) if open.is_file() => std::fs::metadata(&self.path).map_or(true, |named| !is_same(&open, &named)),
            _ => false,
        };
        if !is_moved {
            self.state = State::Open;
            return;
        }
        let path = self.path.display();
        match append(&self.path) {
            Ok(file) => {
                self.file = file;
                self.state = State::Open;
                tracing::info!(file = %path, "the log was moved, and is opened again");
            }
            Err(error) if self.state == State::Open => {
                self.state = State::Moved;
                tracing::warn!(file = %path, %error, "the log was moved and cannot be opened again; the moved file is written");
            }
            Err(_) => {}
        }
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
        self.write_at(bytes, Instant::now())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_moved_file_is_left_between_two_lines_after_a_second() {
        let folder = tempfile::tempdir().unwrap();
        let (path, moved) = (folder.path().join("log"), folder.path().join("log.1"));
        let mut log = LogFile::open(&path).unwrap();
        let start = log.looked;
        let mut write = |text: &str, milliseconds| {
            let now = start + Duration::from_millis(milliseconds);
            assert_eq!(log.write_at(text.as_bytes(), now).unwrap(), text.len());
        };
        write("first\n", 0);
        fs::rename(&path, &moved).unwrap();
        write("second\n", 900);
        write("third, ", 950);
        write("whole\n", 1000);
        assert!(!path.exists());
        write("fourth\n", 1001);
        write("fifth\n", 1500);
        assert_eq!(fs::read_to_string(&moved).unwrap(), "first\nsecond\nthird, whole\n");
        assert_eq!(fs::read_to_string(&path).unwrap(), "fourth\nfifth\n");
        // Another file at the path is appended to.
        fs::rename(&path, &moved).unwrap();
        fs::write(&path, "other\n").unwrap();
        write("sixth\n", 2500);
        assert_eq!(fs::read_to_string(&path).unwrap(), "other\nsixth\n");
    }

    #[test]
    fn a_moved_file_is_written_where_there_is_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("inner");
        fs::create_dir(&inner).unwrap();
        let mut log = LogFile::open(&inner.join("log")).unwrap();
        let start = log.looked;
        let moved = folder.path().join("moved");
        fs::rename(&inner, &moved).unwrap();
        log.write_at(b"line\n", start + INTERVAL).unwrap();
        assert_eq!(
            (log.state, fs::read_to_string(moved.join("log")).unwrap()),
            (State::Moved, "line\n".to_owned())
        );
        fs::rename(&moved, &inner).unwrap();
        log.write_at(b"next\n", start + INTERVAL * 2).unwrap();
        assert_eq!(fs::read_to_string(inner.join("log")).unwrap(), "line\nnext\n");
    }
}
