//! The body of an explained request, from the command line.

use std::io::Read as _;
use std::path::Path;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};

use crate::exit::{Context as _, Failure};
use crate::files::text_file::open_file;

/// More than any rule reads.
const MAX_BYTES: u64 = 2 * 1024 * 1024;

/// The bytes of `text`, or of the file behind an `@`. They are JSON, unless the headers name another type.
pub(crate) fn read(text: Option<&str>, headers: &mut HeaderMap) -> Result<Option<Vec<u8>>, Failure> {
    let Some(text) = text else {
        return Ok(None);
    };
    let json = HeaderValue::from_static("application/json");
    headers.entry(CONTENT_TYPE).or_insert(json);
    let Some(file) = text.strip_prefix('@') else {
        return Ok(Some(text.as_bytes().to_vec()));
    };
    let mut bytes = Vec::new();
    let opened = open_file(Path::new(file)).context(format_args!("body in {file}"))?;
    let read = opened.take(MAX_BYTES).read_to_end(&mut bytes);
    read.context(format_args!("body in {file}"))?;
    Ok(Some(bytes))
}
