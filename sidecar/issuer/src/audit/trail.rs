//! Writing the trail: to a file, or to memory alone.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use super::entry::{Entry, Event};
use super::verify::{FIRST_PREVIOUS, TrailFault, verify_trail};
use crate::secret::sha256_hex;

/// The number of lines in memory. Without a file they are all there is; the oldest is dropped.
const RECENT_LINES: usize = 10_000;

/// When a line has to survive the end of the process and of the machine.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// When `append` returns: something is acknowledged after it.
    Synced,
    /// As soon as the operating system writes it: nothing was changed.
    Written,
}

/// The trail could not be written. No change is made then.
#[derive(Debug, thiserror::Error)]
#[error("audit trail: {0}")]
pub(crate) struct TrailError(#[from] io::Error);

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
        AuditTrail::continuing(issuer, None, FIRST_PREVIOUS.to_owned())
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
        let trail = AuditTrail::continuing(issuer, Some(file), verified.last);
        if verified.has_incomplete_line {
            let entry = Entry::because(Event::Recover, "the last line was incomplete and is cut");
            let recorded = trail.append(now, &[entry], Durability::Synced);
            recorded.map_err(|TrailError(error)| error)?;
        }
        Ok(trail)
    }

    fn continuing(issuer: &str, file: Option<TrailFile>, last: String) -> AuditTrail {
        AuditTrail {
            issuer: issuer.to_owned(),
            state: Mutex::new(State {
                file,
                last,
                recent: VecDeque::new(),
            }),
        }
    }

    /// Appends entries and returns the digest of the last line. All of them are written, or none.
    pub(crate) fn append(&self, now: u64, entries: &[Entry], durability: Durability) -> Result<String, TrailError> {
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

    /// The lines of one transaction that are in memory, the oldest first: those since the start, up to 10,000.
    pub(crate) fn of_transaction(&self, txn: &str) -> Vec<String> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = format!("\"txn\":{}", serde_json::Value::from(txn));
        let lines = state.recent.iter().filter(|line| line.contains(&wanted));
        lines.map(|line| line.trim_end().to_owned()).collect()
    }

    /// The lines in memory, the oldest first: those since the start, up to 10,000.
    pub(crate) fn recent(&self) -> Vec<String> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.recent.iter().cloned().collect()
    }
}

impl TrailFile {
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

#[cfg(test)]
mod tests {
    use std::fs::{self, File, OpenOptions};
    use std::path::Path;

    use super::super::{Entry, Event, VerifiedTrail, verify_trail};
    use super::{AuditTrail, Durability, TrailFile};

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
        let trail = AuditTrail::continuing("https://issuer.example", Some(file), "0".repeat(64));
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
        assert_eq!(trail.of_transaction("a").len(), 2);
        assert_eq!(trail.of_transaction("c").len(), 0);
        for _ in 0..super::RECENT_LINES {
            append(&trail, "d");
        }
        assert_eq!(trail.of_transaction("a").len(), 0, "the oldest are dropped");
        assert_eq!(trail.of_transaction("d").len(), super::RECENT_LINES);
    }
}
