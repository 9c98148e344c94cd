//! The `Upgrade` field of HTTP/1.0.

use http::Version;
use http::header::UPGRADE;
use http::request::Parts;

/// Removes an offer of another protocol that a server must ignore (RFC 9110 section 7.8).
pub(crate) fn ignore_old_upgrade(request: &mut Parts) {
    if request.version == Version::HTTP_10 {
        request.headers.remove(UPGRADE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offer_counts_in_http_1_1_only() {
        for (version, counts) in [(Version::HTTP_10, false), (Version::HTTP_11, true)] {
            let request = http::Request::builder().version(version).header(UPGRADE, "websocket");
            let mut parts = request.body(()).unwrap().into_parts().0;
            ignore_old_upgrade(&mut parts);
            assert_eq!(parts.headers.contains_key(UPGRADE), counts, "{version:?}");
        }
    }
}
