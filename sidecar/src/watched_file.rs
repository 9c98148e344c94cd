//! Files that are read again when they change.

use std::fmt;
use std::fs::Metadata;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};

/// How often the files are looked at.
const INTERVAL: Duration = Duration::from_secs(1);

/// A file, and what takes its content when it changes.
pub(crate) struct WatchedFile {
    path: PathBuf,
    /// Fails with the reason why the content cannot be used; the earlier content is used then.
    take: Box<dyn FnMut() -> Result<(), String> + Send>,
    /// The state that was read last.
    read: Option<FileState>,
}

/// What differs where the content of a file does. A link is followed, so that one that leads elsewhere is a change.
#[derive(Clone, Debug, PartialEq, Eq)]
struct FileState {
    modified: Option<SystemTime>,
    length: u64,
    id: u64,
}

impl FileState {
    fn of(metadata: &Metadata) -> FileState {
        #[cfg(unix)]
        let id = std::os::unix::fs::MetadataExt::ino(metadata);
        #[cfg(not(unix))]
        let id = 0;
        FileState {
            modified: metadata.modified().ok(),
            length: metadata.len(),
            id,
        }
    }
}

impl WatchedFile {
    /// `take` is called for the first time at once: the file may have changed since it was read.
    pub(crate) fn new(path: PathBuf, take: impl FnMut() -> Result<(), String> + Send + 'static) -> WatchedFile {
        WatchedFile {
            path,
            take: Box::new(take),
            read: None,
        }
    }

    fn look(&mut self) {
        // A file that does not exist, between two versions of it, has not changed.
        let Ok(metadata) = std::fs::metadata(&self.path) else {
            return;
        };
        let state = FileState::of(&metadata);
        if self.read.as_ref() == Some(&state) {
            return;
        }
        let is_change = self.read.replace(state).is_some();
        let file = self.path.display();
        match (self.take)() {
            Ok(()) if is_change => tracing::info!(%file, "the changed file is in use"),
            Ok(()) => {}
            Err(reason) => tracing::warn!(%file, reason, "the changed file cannot be used; its last content is"),
        }
    }
}

impl fmt::Debug for WatchedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchedFile")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// Looks at the files as long as the process runs.
pub(crate) async fn watch(mut files: Vec<WatchedFile>) {
    let mut ticks = interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let looked = spawn_blocking(move || {
            files.iter_mut().for_each(WatchedFile::look);
            files
        });
        match looked.await {
            Ok(looked) => files = looked,
            Err(error) => return tracing::error!(%error, "files are not watched any more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn a_file_is_taken_once_for_each_change() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let taken = Arc::new(Mutex::new(Vec::new()));
        let (seen, file) = (taken.clone(), path.clone());
        let mut watched = WatchedFile::new(path.clone(), move || {
            let text = std::fs::read_to_string(&file).map_err(|error| error.to_string())?;
            seen.lock().unwrap().push(text);
            Ok(())
        });
        watched.look();
        std::fs::write(&path, "first").unwrap();
        watched.look();
        watched.look();
        std::fs::write(&path, "second").unwrap();
        watched.look();
        let other = folder.path().join("other");
        std::fs::write(&other, "third!").unwrap();
        std::fs::remove_file(&path).unwrap();
        watched.look();
        std::os::unix::fs::symlink(&other, &path).unwrap();
        watched.look();
        watched.look();
        assert_eq!(*taken.lock().unwrap(), ["first", "second", "third!"]);
    }
}
