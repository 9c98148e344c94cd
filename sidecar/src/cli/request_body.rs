//! The body of an explained request, from the command line.

use std::io::Read as _;
use std::path::Path;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method};

use crate::exit::{Context as _, Failure};
use crate::files::text_file::open_file;

/// More than any rule reads.
const MAX_BYTES: u64 = 2 * 1024 * 1024;

/// Whether requests of a method usually have a body. What rules on one decide is not known where it is not given.
pub(crate) fn is_usual(method: &Method) -> bool {
    [Method::POST, Method::PUT, Method::PATCH].contains(method)
}

/// Announces JSON, unless the headers name another type.
pub(crate) fn as_json(headers: &mut HeaderMap) {
    let json = HeaderValue::from_static("application/json");
    headers.entry(CONTENT_TYPE).or_insert(json);
}

/// The bytes of `text`, or of the file behind an `@`.
pub(crate) fn read(text: &str) -> Result<Vec<u8>, Failure> {
    let Some(file) = text.strip_prefix('@') else {
        return Ok(text.as_bytes().to_vec());
    };
    let mut bytes = Vec::new();
    let opened = open_file(Path::new(file)).context(format_args!("body in {file}"))?;
    let read = opened.take(MAX_BYTES).read_to_end(&mut bytes);
    read.context(format_args!("body in {file}"))?;
    Ok(bytes)
}
