//! The cookies of a request over HTTP/2, which may come in several lines.

use bytes::Bytes;
use http::HeaderMap;
use http::header::{COOKIE, HeaderValue};

/// Joins the lines to one (RFC 9113 section 8.2.3), as every reader of HTTP/1.1 expects it.
pub(super) fn join(headers: &mut HeaderMap) {
    if headers.get_all(COOKIE).iter().nth(1).is_none() {
        return;
    }
    let lines = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes);
    let joined = lines.collect::<Vec<_>>().join(&b"; "[..]);
    // The bytes of valid values and blanks between them are a valid value.
    if let Ok(joined) = HeaderValue::from_maybe_shared(Bytes::from(joined)) {
        headers.insert(COOKIE, joined);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_become_one() {
        for (lines, joined) in [
            (&[][..], &[][..]),
            (&["a=1"], &["a=1"]),
            (&["a=1", "b=2"], &["a=1; b=2"]),
            (&["a=1", "", "b=2; c=3"], &["a=1; ; b=2; c=3"]),
        ] {
            let lines = lines.iter().map(|line| (COOKIE, HeaderValue::from_static(line)));
            let mut headers = HeaderMap::new();
            lines.for_each(|(name, value)| {
                headers.append(name, value);
            });
            join(&mut headers);
            assert!(headers.get_all(COOKIE).iter().eq(joined.iter().copied()), "{joined:?}");
        }
    }
}
