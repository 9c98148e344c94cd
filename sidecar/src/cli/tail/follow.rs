//! Follows a file while it grows, also when another one takes its place.

use std::fs::{File, Metadata};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// How much of a file is read at first.
const MAX_FIRST_BYTES: u64 = 4 * 1024 * 1024;

/// The longest line that is shown.
pub(super) const MAX_LINE_BYTES: usize = 1024 * 1024;

/// A file that is followed.
#[derive(Debug)]
pub(super) struct Followed {
    path: PathBuf,
    file: File,
    position: u64,
    /// The beginning of a line whose end is not there yet.
    begun: Vec<u8>,
    /// Whether the beginning of the line is not known, or too long.
    is_skipped: bool,
    /// Whether another file was at the path at the last look. What was written to this one meanwhile is read first.
    is_replaced: bool,
}

impl Followed {
    /// Follows a file from its last part on.
    pub(super) fn open(path: &Path) -> io::Result<Followed> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        let position = length.saturating_sub(MAX_FIRST_BYTES);
        file.seek(SeekFrom::Start(position))?;
        Ok(Followed {
            path: path.to_owned(),
            file,
            position,
            begun: Vec::new(),
            is_skipped: position > 0,
            is_replaced: false,
        })
    }

    /// The lines that were added since the last time, without their ends.
    pub(super) fn read(&mut self) -> io::Result<Vec<Vec<u8>>> {
        let mut lines = Vec::new();
        let open = self.file.metadata()?;
        if open.is_file() && open.len() < self.position {
            self.begin_anew()?;
        }
        self.read_on(&mut lines)?;
        match File::open(&self.path) {
            Ok(file) if !is_same(&open, &file.metadata()?) => {
                if std::mem::replace(&mut self.is_replaced, true) {
                    self.file = file;
                    self.is_replaced = false;
                    self.begin_anew()?;
                    self.read_on(&mut lines)?;
                }
            }
            // One that is absent is awaited.
            Ok(_) | Err(_) => self.is_replaced = false,
        }
        Ok(lines)
    }

    fn begin_anew(&mut self) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(0))?;
        (self.position, self.is_skipped) = (0, false);
        self.begun.clear();
        Ok(())
    }

    fn read_on(&mut self, lines: &mut Vec<Vec<u8>>) -> io::Result<()> {
        let mut space = vec![0; 64 * 1024];
        loop {
            let count = self.file.read(&mut space)?;
            if count == 0 {
                return Ok(());
            }
            self.position += count as u64;
            for part in space[..count].split_inclusive(|byte| *byte == b'\n') {
                self.begun.extend_from_slice(part);
                if self.begun.last() == Some(&b'\n') {
                    let mut line = std::mem::take(&mut self.begun);
                    line.pop();
                    if !std::mem::take(&mut self.is_skipped) {
                        lines.push(line);
                    }
                } else if self.begun.len() > MAX_LINE_BYTES {
                    self.begun.clear();
                    self.is_skipped = true;
                }
            }
        }
    }
}

fn is_same(one: &Metadata, other: &Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;

    use super::*;

    fn append(path: &Path, text: &str) {
        let mut file = fs::OpenOptions::new().append(true).create(true).open(path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    fn read(followed: &mut Followed) -> String {
        let lines = followed.read().unwrap();
        let texts = lines.into_iter().map(|line| String::from_utf8(line).unwrap());
        texts.collect::<Vec<_>>().join(",")
    }

    #[test]
    fn lines_are_read_when_they_are_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        append(&path, "a\nb\nc");
        let mut followed = Followed::open(&path).unwrap();
        assert_eq!(
            (read(&mut followed), read(&mut followed)),
            ("a,b".to_owned(), String::new())
        );
        append(&path, "d\n");
        assert_eq!(read(&mut followed), "cd");
    }

    #[test]
    fn a_file_is_followed_through_each_kind_of_rotation() {
        let folder = tempfile::tempdir().unwrap();
        let (path, moved) = (folder.path().join("log"), folder.path().join("log.1"));
        append(&path, "a\n");
        let mut followed = Followed::open(&path).unwrap();
        assert_eq!(read(&mut followed), "a");
        fs::rename(&path, &moved).unwrap();
        append(&moved, "b\n");
        assert_eq!(read(&mut followed), "b");
        append(&path, "d\n");
        append(&moved, "c\n");
        assert_eq!(
            (read(&mut followed), read(&mut followed)),
            ("c".to_owned(), "d".to_owned())
        );
        fs::remove_file(&path).unwrap();
        assert_eq!(read(&mut followed), "");
        append(&path, "e\n");
        assert_eq!(
            (read(&mut followed), read(&mut followed)),
            (String::new(), "e".to_owned())
        );
        append(&path, "f\ng");
        assert_eq!(read(&mut followed), "f");
        fs::write(&path, "h\n").unwrap();
        assert_eq!(read(&mut followed), "h");
    }

    #[test]
    fn a_long_file_is_read_from_its_last_part_on_and_a_long_line_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        append(&path, "first\n");
        append(&path, &"x".repeat(5 * 1024 * 1024));
        append(&path, "\nsecond\n");
        append(&path, &"y".repeat(2 * MAX_LINE_BYTES));
        append(&path, "\nthird\n");
        let mut followed = Followed::open(&path).unwrap();
        assert_eq!(read(&mut followed), "second,third");
        assert!(followed.begun.capacity() < 4 * MAX_LINE_BYTES);
    }
}
