//! Files that are read again when they change.

use std::fmt;
use std::fs::Metadata;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};

/// How often the files are looked at.
const INTERVAL: Duration = Duration::from_secs(1);

/// A file or several that belong together, and what takes their content when it changes.
pub(crate) struct WatchedFile {
    paths: Vec<PathBuf>,
    /// Fails with the reason why the content cannot be used; the earlier content is used then.
    take: Box<dyn FnMut() -> Result<(), String> + Send>,
    /// The states that were read last, in the order of the paths; empty before the first reading.
    read: Vec<FileState>,
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
        WatchedFile::together(vec![path], take)
    }

    /// The same for several files: `take` is called when one of them changes.
    pub(crate) fn together(
        paths: Vec<PathBuf>,
        take: impl FnMut() -> Result<(), String> + Send + 'static,
    ) -> WatchedFile {
        WatchedFile {
            paths,
            take: Box::new(take),
            read: Vec::new(),
        }
    }

    fn look(&mut self) {
        // A file that does not exist, between two versions of it, has not changed.
        let states = self.paths.iter().map(std::fs::metadata);
        let Ok(states) = states
            .map(|metadata| Ok(FileState::of(&metadata?)))
            .collect::<io::Result<Vec<_>>>()
        else {
            return;
        };
        let read = std::mem::replace(&mut self.read, states);
        let Some(changed) = (0..self.paths.len()).find(|file| read.get(*file) != self.read.get(*file)) else {
            return;
        };
        let is_change = !read.is_empty();
        let file = self.paths[changed].display();
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
            .field("paths", &self.paths)
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
