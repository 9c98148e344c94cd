//! The trail: writing it to a file or to memory alone, and verifying it.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::FileExt;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::entry::{Entry, Event};
use crate::secret::sha256_hex;

/// The number of lines in memory, the last ones. Without a file they are all there is; the oldest is dropped.
const RECENT_LINES: usize = 10_000;

/// When a line has to survive the end of the process and of the machine.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// When `append` returns: something is acknowledged after it.
    Synced,
    /// As soon as the operating system writes it: nothing was changed.
    Written,
}

/// The trail of an issuer. Appending is one at a time, so the order of the lines is that of the events.
pub(crate) struct AuditTrail {
    issuer: String,
    state: Mutex<State>,
}

struct State {
    file: Option<TrailFile>,
    last: String,
    recent: VecDeque<String>,
}

/// A file with whole lines only.
struct TrailFile {
    file: File,
    length: u64,
    /// A line could be neither written nor cut, or not synced: what the file has is unknown.
    failed: bool,
}

/// Reads a file from its beginning, while others write and read it.
struct FromStart(File, u64);

impl Read for FromStart {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.0.read_at(buffer, self.1)?;
        self.1 = self.1.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
        Ok(read)
    }
}

#[derive(Serialize)]
struct Line<'a> {
    prev: &'a str,
    time: u64,
    iss: &'a str,
    #[serde(flatten)]
    entry: &'a Entry,
}

impl AuditTrail {
    /// A trail in memory.
    pub(crate) fn in_memory(issuer: &str) -> AuditTrail {
        AuditTrail::continuing(issuer, None, FIRST_PREVIOUS.to_owned(), VecDeque::new())
    }

    /// Continues the trail in `file`, which is open for reading and appending and has a line with the digest
    /// `expected`. A last line that a crash left incomplete is cut, and the cut recorded.
    pub(crate) fn in_file(
        issuer: &str,
        file: File,
        expected: Option<&str>,
        now: u64,
    ) -> Result<AuditTrail, TrailFault> {
        let verified = verify_trail(&file, expected)?;
        let length = verified.complete_bytes;
        if verified.has_incomplete_line {
            file.set_len(length).and_then(|()| file.sync_all())?;
        }
        let file = TrailFile {
            file,
            length,
            failed: false,
        };
        let mut recent = VecDeque::new();
        for line in file.whole_lines()?.lines() {
            recent.push_back(line? + "\n");
            if recent.len() > RECENT_LINES {
                recent.pop_front();
            }
        }
        let trail = AuditTrail::continuing(issuer, Some(file), verified.last, recent);
        if verified.has_incomplete_line {
            let entry = Entry::because(Event::Recover, "the last line was incomplete and is cut");
            trail.append(now, &[entry], Durability::Synced)?;
        }
        Ok(trail)
    }

    fn continuing(issuer: &str, file: Option<TrailFile>, last: String, recent: VecDeque<String>) -> AuditTrail {
        AuditTrail {
            issuer: issuer.to_owned(),
            state: Mutex::new(State { file, last, recent }),
        }
    }

    /// Appends entries and returns the digest of the last line. All of them are written, or none. No change is made after
    /// an error.
    pub(crate) fn append(&self, now: u64, entries: &[Entry], durability: Durability) -> io::Result<String> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut last = state.last.clone();
        let mut lines = Vec::with_capacity(entries.len());
        for entry in entries {
            let line = Line {
                prev: &last,
                time: now,
                iss: &self.issuer,
                entry,
            };
            let mut line = serde_json::to_string(&line).map_err(io::Error::from)?;
            line.push('\n');
            last = sha256_hex(line.as_bytes());
            lines.push(line);
        }
        if let Some(file) = &mut state.file {
            file.append(lines.concat().as_bytes(), durability)?;
        }
        state.last.clone_from(&last);
        let dropped = (state.recent.len() + lines.len()).saturating_sub(RECENT_LINES);
        let dropped = dropped.min(state.recent.len());
        state.recent.drain(..dropped);
        state.recent.extend(lines);
        Ok(last)
    }

    /// The lines of one transaction, the oldest first: of the file, or of those in memory without one.
    pub(crate) fn of_transaction(&self, txn: &str) -> io::Result<Vec<String>> {
        let wanted = format!("\"txn\":{}", serde_json::Value::from(txn));
        let is_wanted = |line: &String| line.contains(&wanted);
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(file) = &state.file else {
            let lines = state.recent.iter().filter(|line| is_wanted(line));
            return Ok(lines.map(|line| line.trim_end().to_owned()).collect());
        };
        let lines = file.whole_lines()?;
        // Events go on while the file is read.
        drop(state);
        let lines = lines.lines().filter(|line| line.as_ref().map_or(true, is_wanted));
        lines.take(RECENT_LINES).collect()
    }

    /// The last 10,000 lines, the oldest first; without a file those since the start.
    pub(crate) fn recent(&self) -> Vec<String> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.recent.iter().cloned().collect()
    }
}

impl TrailFile {
    /// The lines that are whole now.
    fn whole_lines(&self) -> io::Result<impl BufRead + use<>> {
        let from_start = FromStart(self.file.try_clone()?, 0);
        Ok(BufReader::new(from_start.take(self.length)))
    }

    fn append(&mut self, bytes: &[u8], durability: Durability) -> io::Result<()> {
        if self.failed {
            return Err(io::Error::other("an earlier line could not be written"));
        }
        if let Err(error) = self.file.write_all(bytes) {
            // A part of a line would spoil the next one.
            self.failed = self.file.set_len(self.length).is_err();
            return Err(error);
        }
        if durability == Durability::Synced {
            self.file.sync_data().inspect_err(|_| self.failed = true)?;
        }
        let added = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.length = self.length.saturating_add(added);
        Ok(())
    }
}

/// `prev` of the first line.
pub(super) const FIRST_PREVIOUS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The maximum length of a line in bytes: many times an entry with 16 actors.
const MAX_LINE: u64 = 256 * 1024;

/// What a valid trail has.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct VerifiedTrail {
    /// The number of complete lines.
    pub lines: u64,
    /// The SHA-256 of the last complete line in hexadecimal, which proves later that no line up to it is missing; 64
    /// zeros for an empty trail.
    pub last: String,
    /// The number of lines after the expected one; none if none was expected.
    pub lines_after_expected: Option<u64>,
    /// The trail ends in a line without its end, as after a crash or while it is written. The issuer cuts it at its
    /// next start.
    pub has_incomplete_line: bool,
    /// The length of the complete lines in bytes.
    pub complete_bytes: u64,
}

/// Why a trail is not valid.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrailFault {
    /// The trail cannot be read or written.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// A line is not one that an issuer writes.
    #[error("line {line} is not a line of an audit trail")]
    NotALine {
        /// The number of the line, from 1.
        line: u64,
    },
    /// The chain is broken before a line.
    #[error(
        "line {line} does not continue the line before: one of the two was changed, or lines between them were removed, inserted or moved"
    )]
    Broken {
        /// The number of the line, from 1.
        line: u64,
    },
    /// No line has the expected digest.
    #[error("no line has the expected digest: lines at the end were removed, or replaced with all that follow")]
    NotExpected,
}

impl TrailFault {
    /// The number of the first line that is not valid; none if it is not one line.
    pub fn line(&self) -> Option<u64> {
        match self {
            TrailFault::NotALine { line } | TrailFault::Broken { line } => Some(*line),
            TrailFault::Io(_) | TrailFault::NotExpected => None,
        }
    }
}

/// Verifies that each line continues the one before. With `expected`, the SHA-256 of a line that is known from
/// elsewhere, it also verifies that the trail has this line.
///
/// It detects lines that were changed, removed, inserted or moved. Without `expected` it does NOT detect that lines at
/// the end were removed, or that all lines from one on were written anew: the digests need no secret.
pub fn verify_trail(trail: impl Read, expected: Option<&str>) -> Result<VerifiedTrail, TrailFault> {
    #[derive(Deserialize)]
    struct Link {
        prev: String,
    }

    let mut reader = BufReader::new(trail);
    let mut verified = VerifiedTrail {
        lines: 0,
        last: FIRST_PREVIOUS.to_owned(),
        lines_after_expected: (expected == Some(FIRST_PREVIOUS)).then_some(0),
        has_incomplete_line: false,
        complete_bytes: 0,
    };
    let mut line = Vec::new();
    loop {
        line.clear();
        let length = reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)?;
        let length = u64::try_from(length).unwrap_or(u64::MAX);
        if length == 0 {
            break;
        }
        let number = verified.lines.saturating_add(1);
        if line.last() != Some(&b'\n') {
            if length == MAX_LINE {
                return Err(TrailFault::NotALine { line: number });
            }
            verified.has_incomplete_line = true;
            break;
        }
        let link: Link = serde_json::from_slice(&line).map_err(|_| TrailFault::NotALine { line: number })?;
        if link.prev != verified.last {
            return Err(TrailFault::Broken { line: number });
        }
        verified.lines = number;
        verified.last = sha256_hex(&line);
        verified.complete_bytes = verified.complete_bytes.saturating_add(length);
        verified.lines_after_expected = match verified.lines_after_expected {
            Some(after) => Some(after.saturating_add(1)),
            None => (expected == Some(&*verified.last)).then_some(0),
        };
    }
    if expected.is_some() && verified.lines_after_expected.is_none() {
        return Err(TrailFault::NotExpected);
    }
    Ok(verified)
}

#[cfg(test)]
mod tests {
    use super::super::{Entry, Event};
    use super::{AuditTrail, Durability, TrailFault, TrailFile, VerifiedTrail, verify_trail};
    use std::collections::VecDeque;
    use std::fs::{self, File, OpenOptions};
    use std::path::Path;

    fn open(path: &Path) -> (AuditTrail, VerifiedTrail) {
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(path)
            .unwrap();
        let before = verify_trail(File::open(path).unwrap(), None).unwrap();
        (
            AuditTrail::in_file("https://issuer.example", file, None, 7).unwrap(),
            before,
        )
    }

    fn append(trail: &AuditTrail, txn: &str) -> String {
        let entry = Entry {
            txn: Some(txn.to_owned()),
            ..Entry::new(Event::Issue)
        };
        trail.append(7, &[entry], Durability::Synced).unwrap()
    }

    #[test]
    fn a_trail_is_continued_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        let (trail, before) = open(&path);
        assert_eq!(before.lines, 0);
        append(&trail, "a");
        let last = append(&trail, "b");
        drop(trail);
        let (trail, before) = open(&path);
        assert_eq!((before.lines, before.last), (2, last));
        let last = append(&trail, "c");
        let verified = verify_trail(File::open(&path).unwrap(), Some(&last)).unwrap();
        assert_eq!((verified.lines, verified.lines_after_expected), (3, Some(0)));
        let first = fs::read_to_string(&path).unwrap().lines().next().unwrap().to_owned();
        assert_eq!(
            first,
            format!(
                r#"{{"prev":"{}","time":7,"iss":"https://issuer.example","event":"issue","txn":"a"}}"#,
                "0".repeat(64)
            )
        );
    }

    #[test]
    fn an_incomplete_last_line_is_cut_and_the_cut_recorded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        append(&open(&path).0, "a");
        let whole = fs::read(&path).unwrap();
        for length in [1, 20, whole.len() - 1] {
            let part = whole.get(..length).unwrap();
            fs::write(&path, [&whole[..], part].concat()).unwrap();
            let (trail, before) = open(&path);
            assert!(before.has_incomplete_line && before.lines == 1, "{length}");
            append(&trail, "b");
            let verified = verify_trail(File::open(&path).unwrap(), None).unwrap();
            assert_eq!((verified.lines, verified.has_incomplete_line), (3, false));
            assert!(fs::read_to_string(&path).unwrap().contains(r#""event":"recover""#));
        }
    }

    #[test]
    fn nothing_is_appended_after_a_line_that_may_be_incomplete() {
        // Writing to it fails as to a full disk, and so does cutting it.
        let file = OpenOptions::new().append(true).open("/dev/full").unwrap();
        let file = TrailFile {
            file,
            length: 0,
            failed: false,
        };
        let trail = AuditTrail::continuing("https://issuer.example", Some(file), "0".repeat(64), VecDeque::new());
        let append = || trail.append(7, &[Entry::new(Event::Issue)], Durability::Synced);
        let first = append().unwrap_err().to_string();
        assert_ne!(first, append().unwrap_err().to_string());
        assert!(append().unwrap_err().to_string().contains("an earlier line"));
    }

    #[test]
    fn the_lines_of_one_transaction_are_found() {
        let trail = AuditTrail::in_memory("https://issuer.example");
        for txn in ["a", "b", "a"] {
            append(&trail, txn);
        }
        assert_eq!(trail.of_transaction("a").unwrap().len(), 2);
        assert_eq!(trail.of_transaction("c").unwrap().len(), 0);
        for _ in 0..super::RECENT_LINES {
            append(&trail, "d");
        }
        assert_eq!(trail.of_transaction("a").unwrap().len(), 0, "the oldest are dropped");
        assert_eq!(trail.of_transaction("d").unwrap().len(), super::RECENT_LINES);
    }

    fn lines(count: usize) -> Vec<String> {
        let trail = AuditTrail::in_memory("https://issuer.example");
        for _ in 0..count {
            let entry = Entry {
                txn: Some("t".to_owned()),
                ..Entry::new(Event::Issue)
            };
            trail.append(7, &[entry], Durability::Written).unwrap();
        }
        let lines = trail.of_transaction("t").unwrap();
        lines.into_iter().map(|line| line + "\n").collect()
    }

    /// The first bad line, 0 for a missing expected one.
    fn fault(lines: &[String], expected: Option<&str>) -> Option<u64> {
        let text = lines.concat();
        verify_trail(text.as_bytes(), expected)
            .err()
            .map(|fault| fault.line().unwrap_or(0))
    }

    #[test]
    fn a_line_that_was_changed_removed_inserted_or_moved_is_found() {
        let valid = lines(5);
        assert_eq!(fault(&valid, None), None);
        let last = verify_trail(valid.concat().as_bytes(), None).unwrap().last;
        assert_eq!(fault(&valid, Some(&last)), None);
        for index in 0..5 {
            let number = u64::try_from(index).unwrap() + 1;
            let mut changed = valid.clone();
            changed[index] = changed[index].replace("issue\"", "exchange\"");
            // The last line has no successor that shows it.
            let found = (index < 4).then_some(number + 1);
            assert_eq!(fault(&changed, None), found, "changed {number}");
            assert!(fault(&changed, Some(&last)).is_some(), "changed {number}");

            let mut removed = valid.clone();
            removed.remove(index);
            assert_eq!(fault(&removed, None), (index < 4).then_some(number), "removed {number}");
            assert!(fault(&removed, Some(&last)).is_some(), "removed {number}");

            let mut inserted = valid.clone();
            inserted.insert(index, valid[2].clone());
            assert!(
                fault(&inserted, None).is_some_and(|line| line > 0),
                "inserted at {number}"
            );

            let mut moved = valid.clone();
            moved.swap(index, (index + 1) % 5);
            assert!(fault(&moved, None).is_some_and(|line| line > 0), "moved {number}");
        }
    }

    #[test]
    fn lines_removed_at_the_end_are_found_with_a_digest_only() {
        let valid = lines(5);
        let early = verify_trail(valid[..3].concat().as_bytes(), None).unwrap().last;
        let verified = verify_trail(valid.concat().as_bytes(), Some(&early)).unwrap();
        assert_eq!(verified.lines_after_expected, Some(2));
        assert_eq!(fault(&valid[..2], None), None);
        assert_eq!(fault(&valid[..2], Some(&early)), Some(0));
        let zeros = "0".repeat(64);
        assert_eq!(fault(&[], Some(&zeros)), None);
    }

    #[test]
    fn what_is_no_line_is_found() {
        for text in ["x\n", "{}\n", "[]\n", "\n", "{\"prev\":1}\n", "\u{0}\n"] {
            let fault = verify_trail(text.as_bytes(), None).unwrap_err();
            assert!(matches!(fault, TrailFault::NotALine { line: 1 }), "{text:?}");
        }
        let long = vec![b' '; 300 * 1024];
        assert!(matches!(
            verify_trail(&long[..], None),
            Err(TrailFault::NotALine { line: 1 })
        ));
        let incomplete = verify_trail(&b"{\"prev\""[..], None).unwrap();
        assert!(incomplete.has_incomplete_line && incomplete.lines == 0);
    }
}
