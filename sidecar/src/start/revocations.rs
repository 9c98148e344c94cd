//! The list of revoked tokens, which is read again when its file changes.

use actgate::Authorizer;
use actgate::revocation::Revocations;

use crate::config::RevocationSettings;
use crate::files::text_file::read_text;
use crate::files::watched_file::{BoxFuture, Tasks, WatchedFile, watch};

/// Keeps the list of `authorizer` up to date for as long as the tasks run. A file with a mistake leaves the last one in use.
pub(super) fn watched_revocations(settings: RevocationSettings, authorizer: &Authorizer) -> Tasks {
    let (file, authorizer) = (settings.file.clone(), authorizer.clone());
    let take = move || {
        let text = read_text(&settings.file).map_err(|error| error.message)?;
        let list = Revocations::from_yaml(&text).map_err(|error| {
            let mistakes = error.iter();
            let mistakes = mistakes.map(|(line, column, message, _)| format!("{line}:{column}: {message}"));
            mistakes.collect::<Vec<_>>().join("; ")
        })?;
        tracing::debug!(entries = list.len(), "the list of revoked tokens is read");
        authorizer.replace_revocations(list);
        Ok(())
    };
    let watched: BoxFuture = Box::pin(watch(vec![WatchedFile::new(file, take)]));
    Tasks::from_iter([watched])
}
