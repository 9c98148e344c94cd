//! Secrets in files.

use std::path::Path;

use super::text_file::{FileError, read_text};
use crate::headers::signing_keys::{KeyFileError, SigningKey};

/// The signing key in a file.
pub(crate) fn signing_key_in(file: &Path) -> Result<SigningKey, FileError> {
    let text = read_text(file)?;
    SigningKey::from_pem(&text).map_err(|error| FileError {
        message: error.to_string(),
        help: match error {
            KeyFileError::NoKey | KeyFileError::Curve => {
                "make one: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out FILE"
            }
        },
        is_missing: false,
    })
}
