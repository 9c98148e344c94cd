//! Files that are read again when they change, and what is reported of those that cannot be used.

use std::fmt;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{MissedTickBehavior, interval};

use super::file_state::{FileState, Seen};

/// How often the files are looked at.
const INTERVAL: Duration = Duration::from_secs(1);

/// How many times in a row a file may be absent: some programs remove it before they write the next version.
const TOLERATED_ABSENCES: u8 = 2;

/// A file or several that belong together, and what takes their content when it changes.
pub(crate) struct WatchedFile {
    paths: Vec<PathBuf>,
    /// Fails with the reason why the content cannot be used; the earlier content is used then.
    take: Box<dyn FnMut() -> Result<(), String> + Send>,
    /// The states at the last reading, in the order of the paths; empty before the first one.
    read: Vec<Option<FileState>>,
    seen: Seen,
    /// How many times in a row a file was absent that was there at the last reading.
    absences: u8,
    /// Why the current content is not in use.
    fault: Option<Fault>,
}

/// What an operator is warned of.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Fault {
    file: PathBuf,
    reason: String,
}

/// What came of one look at the files.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Look {
    /// There is nothing new to report.
    Same,
    /// The content of this file, or of one beside it, is in use from now on.
    Taken(PathBuf),
    /// The content cannot be used, for a reason that was not reported yet.
    Unusable(Fault),
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
            seen: Seen::default(),
            absences: 0,
            fault: None,
        }
    }

    fn look_and_report(&mut self) {
        match self.look() {
            Look::Same => {}
            Look::Taken(file) => tracing::info!(file = %file.display(), "the changed file is in use"),
            Look::Unusable(Fault { file, reason }) => {
                let file = file.display();
                tracing::warn!(%file, reason, "the changed file cannot be used; its last content is in use");
            }
        }
    }

    fn look(&mut self) -> Look {
        let states = FileState::of_all(&self.paths);
        let is_at_rest = self.seen.are_at_rest(&states);
        let is_new = |file: &usize| self.read.get(*file) != Some(&states[*file]);
        let changed = (0..states.len()).find(is_new);
        let absent = (0..states.len()).find(|file| states[*file].is_none());
        if changed.is_none() && self.fault.is_none() {
            self.absences = 0;
            return Look::Same;
        }
        if absent.is_some_and(|file| is_new(&file)) && self.absences < TOLERATED_ABSENCES {
            self.absences += 1;
            return Look::Same;
        }
        self.absences = 0;
        // The first reading is not a change, and one while that was written is found later.
        if !is_at_rest && !self.read.is_empty() {
            return Look::Same;
        }
        let is_change = !self.read.is_empty();
        let file = absent.or(changed).map(|file| self.paths[file].clone());
        self.read = states;
        // A content that could not be used is tried again, and its permissions may have changed.
        match (self.take)() {
            Ok(()) => {
                let earlier = self.fault.take().map(|fault| fault.file);
                let file = file.or(earlier).filter(|_| is_change);
                file.map_or(Look::Same, Look::Taken)
            }
            Err(reason) => {
                let earlier = self.fault.as_ref().map(|fault| fault.file.clone());
                let file = file.or(earlier).unwrap_or_default();
                let fault = Some(Fault { file, reason });
                if self.fault.as_ref().map(|fault| &fault.reason) == fault.as_ref().map(|fault| &fault.reason) {
                    return Look::Same;
                }
                self.fault = fault;
                self.fault.clone().map_or(Look::Same, Look::Unusable)
            }
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

/// Tasks that end when the last clone of this value is dropped.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tasks {
    _running: Arc<JoinSet<()>>,
}

impl FromIterator<BoxFuture> for Tasks {
    fn from_iter<I: IntoIterator<Item = BoxFuture>>(tasks: I) -> Tasks {
        let mut set = JoinSet::new();
        for task in tasks {
            set.spawn(task);
        }
        let set = Arc::new(set);
        Tasks { _running: set }
    }
}

/// A task that runs for as long as its [`Tasks`].
pub(crate) type BoxFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Looks at the files for as long as this is polled.
pub(crate) async fn watch(mut files: Vec<WatchedFile>) {
    let mut ticks = interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let looked = spawn_blocking(move || {
            files.iter_mut().for_each(WatchedFile::look_and_report);
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
    use std::fs;
    use std::sync::Mutex;

    use super::*;

    /// The files of a folder, and the contents that were taken of the first one.
    struct Files {
        folder: tempfile::TempDir,
        taken: Arc<Mutex<Vec<String>>>,
        watched: WatchedFile,
    }

    impl Files {
        /// Watches the files with these names, all of which have to be readable and not `bad`.
        fn watch(names: &[&str]) -> Files {
            let folder = tempfile::tempdir().unwrap();
            let paths: Vec<_> = names.iter().map(|name| folder.path().join(name)).collect();
            paths.iter().for_each(|path| fs::write(path, "start").unwrap());
            let taken = Arc::new(Mutex::new(Vec::new()));
            let (seen, all) = (taken.clone(), paths.clone());
            let mut watched = WatchedFile::together(paths, move || {
                let read = |path: &PathBuf| match fs::read_to_string(path) {
                    Ok(text) if text == "bad" => Err("it is bad".to_owned()),
                    Ok(text) => Ok(text),
                    Err(error) => Err(format!("{:?}", error.kind())),
                };
                let texts = all.iter().map(read).collect::<Result<Vec<_>, _>>()?;
                seen.lock().unwrap().push(texts.concat());
                Ok(())
            });
            assert_eq!([watched.look(), watched.look()], [Look::Same, Look::Same]);
            Files { folder, taken, watched }
        }

        fn path(&self, name: &str) -> PathBuf {
            self.folder.path().join(name)
        }

        fn unusable(&self, name: &str, reason: &str) -> Look {
            let (file, reason) = (self.path(name), reason.to_owned());
            Look::Unusable(Fault { file, reason })
        }

        fn taken(&self) -> Vec<String> {
            self.taken.lock().unwrap().clone()
        }
    }

    #[test]
    fn a_file_is_taken_once_for_each_change() {
        let mut files = Files::watch(&["secret"]);
        let (path, other) = (files.path("secret"), files.path("other"));
        fs::write(&path, "second").unwrap();
        assert_eq!(files.watched.look(), Look::Same);
        assert_eq!(files.watched.look(), Look::Taken(path.clone()));
        assert_eq!(files.watched.look(), Look::Same);
        fs::write(&other, "third!").unwrap();
        fs::remove_file(&path).unwrap();
        assert_eq!(files.watched.look(), Look::Same);
        assert_eq!(files.watched.look(), Look::Same);
        std::os::unix::fs::symlink(&other, &path).unwrap();
        assert_eq!(files.watched.look(), Look::Same);
        assert_eq!(files.watched.look(), Look::Taken(path));
        assert_eq!(files.watched.look(), Look::Same);
        assert_eq!(files.taken(), ["start", "second", "third!"]);
    }

    #[test]
    fn a_file_is_not_taken_while_it_is_written() {
        let mut files = Files::watch(&["list"]);
        let path = files.path("list");
        for part in ["one", "one, two", "one, two, three"] {
            fs::write(&path, part).unwrap();
            assert_eq!(files.watched.look(), Look::Same, "{part}");
        }
        assert_eq!(files.watched.look(), Look::Taken(path));
        assert_eq!(files.taken(), ["start", "one, two, three"]);
    }

    #[test]
    fn a_removed_file_is_reported_once_after_two_looks() {
        let mut files = Files::watch(&["secret"]);
        let path = files.path("secret");
        fs::remove_file(&path).unwrap();
        assert_eq!(files.watched.look(), Look::Same);
        assert_eq!(files.watched.look(), Look::Same);
        assert_eq!(files.watched.look(), files.unusable("secret", "NotFound"));
        assert_eq!(files.watched.look(), Look::Same);
        fs::write(&path, "again").unwrap();
        assert_eq!(files.watched.look(), Look::Same);
        assert_eq!(files.watched.look(), Look::Taken(path));
        assert_eq!(files.taken(), ["start", "again"]);
    }

    #[test]
    fn a_removed_file_does_not_hide_a_change_of_the_other() {
        let mut files = Files::watch(&["crt", "key"]);
        fs::remove_file(files.path("key")).unwrap();
        fs::write(files.path("crt"), "new certificate").unwrap();
        let looks: Vec<_> = (0..4).map(|_| files.watched.look()).collect();
        assert_eq!(looks[..2], [Look::Same, Look::Same]);
        assert_eq!(looks[2..], [files.unusable("key", "NotFound"), Look::Same]);
        fs::write(files.path("key"), ", new key").unwrap();
        assert_eq!(files.watched.look(), Look::Same);
        assert_eq!(files.watched.look(), Look::Taken(files.path("key")));
        assert_eq!(files.taken(), ["startstart", "new certificate, new key"]);
    }

    #[test]
    fn another_reason_is_reported_again() {
        let mut files = Files::watch(&["secret"]);
        let path = files.path("secret");
        fs::write(&path, "bad").unwrap();
        assert_eq!(files.watched.look(), Look::Same);
        assert_eq!(files.watched.look(), files.unusable("secret", "it is bad"));
        assert_eq!(files.watched.look(), Look::Same);
        fs::remove_file(&path).unwrap();
        let looks: Vec<_> = (0..3).map(|_| files.watched.look()).collect();
        assert_eq!(looks, [Look::Same, Look::Same, files.unusable("secret", "NotFound")]);
        fs::write(&path, "bad").unwrap();
        assert_eq!(files.watched.look(), Look::Same);
        assert_eq!(files.watched.look(), files.unusable("secret", "it is bad"));
    }
}
