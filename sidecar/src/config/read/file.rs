//! The text of a file.

use std::io;
use std::path::Path;

/// The longest file that is read.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// Reads a file of UTF-8 text.
pub(super) fn read_file(file: &Path) -> Result<String, String> {
    let unreadable = |error: io::Error| match error.kind() {
        io::ErrorKind::InvalidData => "the file is not valid UTF-8".to_owned(),
        io::ErrorKind::IsADirectory => "this is a folder, not a file".to_owned(),
        _ => format!("the file cannot be read: {error}"),
    };
    let length = std::fs::metadata(file).map_err(unreadable)?.len();
    if length > MAX_FILE_BYTES {
        return Err("the file is longer than 1 MiB".to_owned());
    }
    std::fs::read_to_string(file).map_err(unreadable)
}
