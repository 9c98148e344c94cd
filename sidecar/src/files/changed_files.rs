//! Whether files have changed since they were read.

use std::path::PathBuf;

use super::file_state::{FileState, Seen};

/// Files that are looked at from time to time.
#[derive(Debug, Default)]
pub(crate) struct ChangedFiles {
    paths: Vec<PathBuf>,
    /// The states when they were last read.
    read: Vec<Option<FileState>>,
    seen: Seen,
}

impl ChangedFiles {
    /// The files that `read` notes, with its result. A change while it reads is found later.
    pub(crate) fn of<T>(&mut self, read: impl FnOnce(&mut Vec<PathBuf>) -> T) -> T {
        let before = FileState::of_all(&self.paths);
        let mut paths = Vec::new();
        let result = read(&mut paths);
        // A file that is new among them is taken as it is after the reading.
        let earlier = |path: &PathBuf| {
            let position = self.paths.iter().position(|known| known == path);
            position.and_then(|position| before.get(position).copied())
        };
        let read: Vec<_> = paths
            .iter()
            .map(|path| earlier(path).unwrap_or_else(|| FileState::at(path)))
            .collect();
        *self = ChangedFiles {
            seen: Seen::new(read.clone()),
            paths,
            read,
        };
        result
    }

    /// Looks at the files: whether one differs from what was read, and none has changed since the last look, so that no file is
    /// read while it is written.
    pub(crate) fn look(&mut self) -> bool {
        let now = FileState::of_all(&self.paths);
        self.seen.are_at_rest(&now) && now != self.read
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use super::*;

    fn read(files: &mut ChangedFiles, paths: &[&Path]) {
        files.of(|noted| noted.extend(paths.iter().map(|path| path.to_path_buf())));
    }

    #[test]
    fn a_change_is_found_at_the_second_look() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (folder.path().join("one"), folder.path().join("other"));
        let link = folder.path().join("link");
        fs::write(&one, "1").unwrap();
        fs::write(&other, "1").unwrap();
        symlink(&one, &link).unwrap();
        let mut files = ChangedFiles::default();
        read(&mut files, &[&link]);
        let found = |files: &mut ChangedFiles| {
            assert!(!files.look(), "at the first look");
            assert!(files.look(), "at the second look");
            assert!(files.look(), "until it is read");
            read(files, &[&link]);
            assert!(!files.look() && !files.look());
        };
        assert!(!files.look() && !files.look());
        // In place, of the same length within one tick of the clock: the time of the change of its state differs.
        fs::write(&one, "22").unwrap();
        found(&mut files);
        // Renamed onto it.
        fs::write(folder.path().join("next"), "33").unwrap();
        fs::rename(folder.path().join("next"), &one).unwrap();
        found(&mut files);
        // Another target of the link.
        symlink(&other, folder.path().join("next")).unwrap();
        fs::rename(folder.path().join("next"), &link).unwrap();
        found(&mut files);
        fs::remove_file(&other).unwrap();
        found(&mut files);
        fs::write(&other, "4").unwrap();
        found(&mut files);
    }

    #[test]
    fn a_file_that_is_written_on_is_not_at_rest() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let mut files = ChangedFiles::default();
        read(&mut files, &[&file]);
        for length in 1..5 {
            fs::write(&file, "x".repeat(length)).unwrap();
            assert!(!files.look());
        }
        assert!(files.look());
    }

    #[test]
    fn a_change_while_it_is_read_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "1").unwrap();
        let mut files = ChangedFiles::default();
        read(&mut files, &[&file]);
        files.of(|noted| {
            noted.push(file.clone());
            fs::write(&file, "22").unwrap();
        });
        assert!(!files.look());
        assert!(files.look());
    }
}
