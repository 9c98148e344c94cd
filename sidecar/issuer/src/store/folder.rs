//! The folder of an issuer: its store and its audit trail, which only its owner can access.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use redb::{Builder, DatabaseError, ReadableDatabase};

use super::records::{FACTS, StoreError};
use crate::audit::TrailFault;
use crate::{KeyError, OAuthError, TEMPORARILY_UNAVAILABLE};

const STORE_FILE: &str = "store.redb";

/// The file name of the audit trail in the folder of an issuer.
pub const AUDIT_FILE: &str = "audit.jsonl";

/// Why the data of an issuer cannot be used at the start, or changed while it runs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The folder or a file in it cannot be created, opened or written.
    #[error("{}: {error}", path.display())]
    Io {
        /// The folder or file.
        path: PathBuf,
        /// The error of the operating system.
        error: io::Error,
    },
    /// Other users of the machine can access the folder, in which the private keys are.
    #[error("other users can access {}", .0.display())]
    Permissions(PathBuf),
    /// Another process uses the folder.
    #[error("another process uses {}", .0.display())]
    InUse(PathBuf),
    /// The store was written by another version of actgate.
    #[error("the store has version {0}, which this version of actgate cannot read")]
    Version(String),
    /// The tokens and keys of the store belong to another issuer identifier.
    #[error("the store belongs to the issuer {0}")]
    OtherIssuer(String),
    /// The audit trail is not valid.
    #[error("audit trail: {0}")]
    Audit(TrailFault),
    /// A signing key cannot be generated, or read from the store.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The store cannot be read or written.
    #[error("store: {0}")]
    Storage(String),
}

impl From<DataError> for OAuthError {
    fn from(error: DataError) -> OAuthError {
        tracing::error!("{error}");
        TEMPORARILY_UNAVAILABLE.because("the keys could not be changed")
    }
}

impl From<StoreError> for DataError {
    fn from(StoreError(error): StoreError) -> DataError {
        DataError::Storage(error)
    }
}

/// Creates the folder, or checks that only its owner can access it.
pub(super) fn prepare(path: &Path) -> Result<(), DataError> {
    let failed = failed(path);
    let mut builder = DirBuilder::new();
    builder.recursive(true).mode(0o700).create(path).map_err(&failed)?;
    match fs::metadata(path).map_err(&failed)?.mode() & 0o077 {
        0 => Ok(()),
        _ => Err(DataError::Permissions(path.to_owned())),
    }
}

/// Opens a file that is created for its owner only.
fn open(path: &Path, options: &mut OpenOptions) -> Result<File, DataError> {
    let options = options.read(true).create(true).mode(0o600);
    options.open(path).map_err(failed(path))
}

pub(super) fn store_file(folder: &Path) -> Result<File, DataError> {
    open(&folder.join(STORE_FILE), OpenOptions::new().write(true))
}

pub(super) fn audit_file(folder: &Path) -> Result<File, DataError> {
    open(&folder.join(AUDIT_FILE), OpenOptions::new().append(true))
}

pub(super) fn not_opened(error: DatabaseError, folder: &Path) -> DataError {
    match error {
        DatabaseError::DatabaseAlreadyOpen => DataError::InUse(folder.to_owned()),
        other => StoreError::from(other).into(),
    }
}

fn failed(path: &Path) -> impl Fn(io::Error) -> DataError {
    let path = path.to_owned();
    move |error| DataError::Io {
        path: path.clone(),
        error,
    }
}

/// The SHA-256 of the audit line of the last change in the store of a folder, with which [`crate::verify_trail`] finds
/// that lines up to it are missing. Reads only. None if there was no change yet.
///
/// # Errors
///
/// [`DataError::InUse`] while an issuer runs, and another error if there is no store, or one that a crash left open.
pub fn audited_head(folder: &Path) -> Result<Option<String>, DataError> {
    let database = Builder::new().open_read_only(folder.join(STORE_FILE));
    let database = database.map_err(|error| not_opened(error, folder))?;
    let read = || {
        let facts = database.begin_read()?.open_table(FACTS)?;
        Ok::<_, StoreError>(facts.get("audited")?.map(|value| value.value().to_owned()))
    };
    Ok(read()?)
}
