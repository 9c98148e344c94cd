//! A request that an application states by its method and its URL.

use std::net::IpAddr;

use actgate::request::header_meaning::is_about_request;
use http::header::HOST;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};

use crate::gate::connection_info::{ConnectionInfo, HeadForm};
use crate::gate::head_error::HeadError;
use crate::headers::hop_by_hop::remove_where;

const METHOD: HeadError = HeadError::ambiguous("the method of the stated request is malformed");
const URL: HeadError = HeadError::ambiguous("the url of the stated request is not absolute, or not of http or https");

/// The most headers of a request that another server describes.
const MAX_HEADERS: usize = 1000;

const HEADERS: HeadError = HeadError::ambiguous("the described request has more than 1000 headers");

/// Adds a header to those of a described request.
///
/// # Errors
/// One that is denied with this error: the map would grow beyond its limit, where it panics.
pub(super) fn add_header(headers: &mut HeaderMap, name: HeaderName, value: HeaderValue) -> Result<(), HeadError> {
    if headers.len() >= MAX_HEADERS {
        return Err(HEADERS);
    }
    headers.try_append(name, value).map(drop).map_err(|_| HEADERS)
}

/// The request with these headers, of a client with this address.
pub(super) fn stated(
    (method, url): (&str, &str),
    headers: HeaderMap,
    client: Option<IpAddr>,
) -> Result<Parts, HeadError> {
    let mut request = http::Request::new(()).into_parts().0;
    request.method = Method::try_from(method).map_err(|_| METHOD)?;
    // A fragment would be dropped here, and is no part of a request.
    let url = Uri::try_from(url).ok().filter(|_| !url.contains('#')).ok_or(URL)?;
    let target = url.path_and_query().ok_or(URL)?.as_str();
    let (scheme, host) = (url.scheme().ok_or(URL)?, url.authority().ok_or(URL)?);
    if !matches!(scheme.as_str(), "http" | "https") || host.as_str().contains('@') {
        return Err(URL);
    }
    request.uri = Uri::try_from(target).map_err(|_| URL)?;
    request.headers = headers;
    // What a proxy states of a request is stated here.
    remove_where(&mut request.headers, is_about_request);
    let host = HeaderValue::try_from(host.as_str()).map_err(|_| URL)?;
    request.headers.insert(HOST, host);
    request.extensions.insert(ConnectionInfo {
        peer: client,
        scheme: scheme.clone(),
        client_certificate: None,
    });
    request.extensions.insert(HeadForm::Lines);
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(method: &str, url: &str) -> Option<(String, String, String)> {
        let request = stated((method, url), HeaderMap::new(), None).ok()?;
        let connection = request.extensions.get::<ConnectionInfo>()?;
        let host = request.headers[HOST].to_str().ok()?.to_owned();
        Some((connection.scheme.to_string(), host, request.uri.to_string()))
    }

    #[test]
    fn a_url_has_a_scheme_a_host_and_a_path_as_it_is_written() {
        let parts =
            |scheme: &str, host: &str, target: &str| Some((scheme.to_owned(), host.to_owned(), target.to_owned()));
        let read = |url| read("GET", url);
        assert_eq!(
            read("https://a.example/b%2fc/../d?e=f"),
            parts("https", "a.example", "/b%2fc/../d?e=f")
        );
        assert_eq!(read("http://a.example:8080"), parts("http", "a.example:8080", "/"));
        for other in [
            "",
            "/b",
            "a.example",
            "//a.example/b",
            "ftp://a.example/",
            "https://u@a.example/",
            "https://a.example/b#c",
            "https:///b",
            "https://a.example/b c",
        ] {
            assert_eq!(read(other), None, "{other}");
        }
    }

    #[test]
    fn the_number_of_headers_is_limited() {
        let mut headers = HeaderMap::new();
        let mut add = |number: usize| {
            let name = HeaderName::try_from(format!("x-{}", number % 900)).unwrap();
            add_header(&mut headers, name, HeaderValue::from_static(""))
        };
        assert!((0..MAX_HEADERS).all(|number| add(number).is_ok()));
        assert_eq!(add(0), Err(HEADERS));
        assert_eq!(add(999), Err(HEADERS));
    }

    #[test]
    fn a_method_is_a_token() {
        assert!(read("PURGE", "https://a.example/").is_some());
        assert!(read("G T", "https://a.example/").is_none() && read("", "https://a.example/").is_none());
    }
}
