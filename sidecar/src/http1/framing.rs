//! The framing of a request (RFC 9112 section 6).

use http::header::TRANSFER_ENCODING;
use http::request::Parts;

/// Accepts no transfer coding but a single `chunked`. hyper also accepts other codings before it.
///
/// `Content-Length` beside `Transfer-Encoding` needs no check: hyper drops the length and closes the connection after
/// the response.
pub(crate) fn check_framing(request: &Parts) -> Result<(), &'static str> {
    let mut codings = request.headers.get_all(TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => Ok(()),
        (Some(coding), None) if coding.as_bytes().eq_ignore_ascii_case(b"chunked") => Ok(()),
        _ => Err("the transfer-encoding is not exactly `chunked`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_single_chunked_coding_is_accepted() {
        let check = |codings: &[&str]| {
            let request = codings.iter().fold(http::Request::builder(), |request, coding| {
                request.header(TRANSFER_ENCODING, *coding)
            });
            check_framing(&request.body(()).unwrap().into_parts().0)
        };
        assert!(check(&[]).is_ok() && check(&["Chunked"]).is_ok());
        assert!(check(&["chunked", "chunked"]).is_err() && check(&["gzip, chunked"]).is_err());
    }
}
