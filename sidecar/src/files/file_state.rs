//! The states of files, and whether they are at rest.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// How many looks in a row may find a change: a file that is written all the time is read in the end.
const MAX_CHANGES: u8 = 30;

/// What differs where the content of a file does, or who may read it. Links are followed, so that one that leads elsewhere is
/// a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileState {
    device: u64,
    id: u64,
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl FileState {
    /// The state of a file; [`None`] where it is absent.
    pub(super) fn at(path: &Path) -> Option<FileState> {
        let metadata = std::fs::metadata(path).ok()?;
        Some(FileState {
            device: metadata.dev(),
            id: metadata.ino(),
            length: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }

    /// The states of files, in their order.
    pub(super) fn of_all(paths: &[PathBuf]) -> Vec<Option<FileState>> {
        paths.iter().map(|path| FileState::at(path)).collect()
    }
}

/// The states of files at the last look.
#[derive(Debug, Default)]
pub(super) struct Seen {
    states: Vec<Option<FileState>>,
    changes: u8,
}

impl Seen {
    /// These states, at a first look.
    pub(super) fn new(states: Vec<Option<FileState>>) -> Seen {
        Seen { states, changes: 0 }
    }

    /// Looks again: whether no file has changed since the last look, so that none is read while it is written. A part of a file can
    /// be valid, and say something else.
    pub(super) fn are_at_rest(&mut self, now: &[Option<FileState>]) -> bool {
        if self.states == now || self.changes >= MAX_CHANGES {
            self.changes = 0;
            now.clone_into(&mut self.states);
            return true;
        }
        self.changes += 1;
        now.clone_into(&mut self.states);
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_are_written_all_the_time_are_read_in_the_end() {
        let state = |length| {
            Some(FileState {
                device: 1,
                id: 1,
                length,
                modified: (0, 0),
                changed: (0, 0),
            })
        };
        let mut seen = Seen::new(vec![state(0), None]);
        assert!(seen.are_at_rest(&[state(0), None]));
        assert!(!seen.are_at_rest(&[state(1), None]));
        assert!(!seen.are_at_rest(&[state(1), state(1)]));
        assert!(seen.are_at_rest(&[state(1), state(1)]));
        let looks: Vec<bool> = (0..62).map(|look| seen.are_at_rest(&[state(look), None])).collect();
        let rest: Vec<usize> = (0..62).filter(|look| looks[*look]).collect();
        assert_eq!(rest, [30, 61]);
    }
}
