//! Secrets in files.

use std::fmt;
use std::path::Path;

use http::HeaderValue;

use crate::files::text_file::{FileError, read_text};
use crate::headers::internal_token::signing_keys::{KeyFileError, SigningKey};

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

/// The longest secret.
const MAX_BYTES: usize = 8 * 1024;

/// The value of an API key in a file.
pub(crate) fn api_key_in(file: &Path) -> Result<HeaderValue, FileError> {
    let text = line_in(file)?;
    let mut value = HeaderValue::try_from(text).map_err(|_| not_a_secret())?;
    value.set_sensitive(true);
    Ok(value)
}

/// The secret of a client in a file.
pub(crate) fn client_secret_in(file: &Path) -> Result<ClientSecret, FileError> {
    line_in(file).map(ClientSecret)
}

/// The secret of a client. It is not printed.
pub(crate) struct ClientSecret(pub(crate) String);

impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientSecret(..)")
    }
}

/// The shortest key of hashes, in bytes.
const MIN_KEY_BYTES: usize = 32;

/// The key of the hashes in a file.
pub(crate) fn hash_key_in(file: &Path) -> Result<HashKey, FileError> {
    let line = line_in(file)?;
    if line.len() < MIN_KEY_BYTES {
        return Err(FileError {
            message: format!("the key is shorter than {MIN_KEY_BYTES} characters"),
            help: "make one: openssl rand -base64 32 > FILE",
            is_missing: false,
        });
    }
    Ok(HashKey(line))
}

/// The key of the hashes in the decision log. It is not printed.
pub(crate) struct HashKey(pub(crate) String);

impl fmt::Debug for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashKey(..)")
    }
}

/// The one line of a file, without blanks around it.
fn line_in(file: &Path) -> Result<String, FileError> {
    let text = read_text(file)?;
    let line = text.trim();
    let is_secret = !line.is_empty() && line.len() <= MAX_BYTES && line.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    is_secret.then(|| line.to_owned()).ok_or_else(not_a_secret)
}

fn not_a_secret() -> FileError {
    FileError {
        message: "the file contains no secret in one line of visible ASCII, of at most 8 KiB".to_owned(),
        help: "write the secret into the file, in one line",
        is_missing: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_one_visible_line_and_is_not_printed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        let read = |text: &str| {
            std::fs::write(&file, text).unwrap();
            api_key_in(&file)
                .map(|value| value.to_str().unwrap().to_owned())
                .map_err(|error| error.message)
        };
        for text in ["s3cret", "s3cret\n", "  s3cret\r\n\n"] {
            assert_eq!(read(text).unwrap(), "s3cret", "{text:?}");
        }
        assert_eq!(read("Bearer a.b\n").unwrap(), "Bearer a.b");
        for text in ["", "\n", "a\nb", "a\tb", "\u{e9}", &"a".repeat(MAX_BYTES + 1)] {
            assert!(read(text).is_err(), "{text:?}");
        }
        std::fs::write(&file, "s3cret").unwrap();
        assert_eq!(format!("{:?}", api_key_in(&file).unwrap()), "Sensitive");
        assert_eq!(format!("{:?}", client_secret_in(&file).unwrap()), "ClientSecret(..)");
        assert!(hash_key_in(&file).unwrap_err().message.contains("shorter than 32"));
        std::fs::write(&file, "k".repeat(32)).unwrap();
        assert_eq!(format!("{:?}", hash_key_in(&file).unwrap()), "HashKey(..)");
    }
}
