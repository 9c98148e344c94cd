//! The list of revoked tokens, which is read again when its file changes.

use std::path::Path;
use std::sync::Arc;

use actgate::Authorizer;
use actgate::revocation::Revocations;

use crate::admin::RevocationList;
use crate::config::RevocationSettings;
use crate::files::text_file::read_text_within;
use crate::files::watched_file::{BoxFuture, Tasks, WatchedFile, watch};

/// Keeps the list of `authorizer` up to date for as long as the tasks run. A file with a mistake leaves the last one in use.
pub(super) fn watched_revocations(
    settings: RevocationSettings,
    authorizer: &Authorizer,
) -> (Arc<RevocationList>, Tasks) {
    let (file, authorizer) = (settings.file.clone(), authorizer.clone());
    let in_use = Arc::new(RevocationList::new(settings.list.len()));
    let shown = in_use.clone();
    let take = move || {
        let read = read(&settings.file);
        match &read {
            Ok(list) => shown.replaced(list.len()),
            Err(_) => shown.refused(),
        }
        let list = read?;
        tracing::debug!(entries = list.len(), "the list of revoked tokens is read");
        authorizer.replace_revocations(list);
        Ok(())
    };
    let watched: BoxFuture = Box::pin(watch(vec![WatchedFile::new(file, take)]));
    (in_use, Tasks::from_iter([watched]))
}

/// The list in a file, or why it cannot be used.
fn read(file: &Path) -> Result<Revocations, String> {
    let text = read_text_within(file, RevocationSettings::MAX_MIB).map_err(|error| error.message)?;
    Revocations::from_yaml(&text).map_err(|error| {
        let mistakes = error.iter();
        let mistakes = mistakes.map(|(line, column, message, _)| format!("{line}:{column}: {message}"));
        mistakes.collect::<Vec<_>>().join("; ")
    })
}
