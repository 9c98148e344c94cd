//! The form of a request on its connection: HTTP/1.1 writes the path and `Host`, HTTP/2 has pseudo-header fields.

use http::header::{CONNECTION, HOST, SEC_WEBSOCKET_KEY, TRANSFER_ENCODING, UPGRADE};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Method, Request, Uri, Version};
use http_body::Body;
use hyper::ext::Protocol;

use super::error::UpstreamError;

/// The origin form (RFC 9112 section 3.2.1). The path is sent byte for byte.
pub(super) fn http1<B: Body>(request: &mut Request<B>) -> Result<(), UpstreamError> {
    if request.uri().authority().is_some() {
        // It was in the form of HTTP/2.
        if let Some(host) = request.uri().authority()
            && !request.headers().contains_key(HOST)
        {
            let host = HeaderValue::from_str(host.as_str()).map_err(|_| UpstreamError::Target)?;
            request.headers_mut().insert(HOST, host);
        }
        *request.uri_mut() = Uri::from(path(request));
    } else if request.uri().path_and_query().is_none() {
        *request.uri_mut() = Uri::from(path(request));
    }
    let is_of_unknown_length = !request.body().is_end_stream() && request.body().size_hint().exact().is_none();
    if is_of_unknown_length && !request.headers().contains_key(TRANSFER_ENCODING) {
        // It was in the form of HTTP/2. hyper would write no such body for GET and HEAD.
        let chunked = HeaderValue::from_static("chunked");
        request.headers_mut().insert(TRANSFER_ENCODING, chunked);
    }
    *request.version_mut() = Version::HTTP_11;
    Ok(())
}

/// The form of RFC 9113 section 8.3.1: `:authority` is what `Host` would be, or `default` without one.
pub(super) fn http2<B>(request: &mut Request<B>, scheme: Scheme, default: &Authority) -> Result<(), UpstreamError> {
    let host = request.headers_mut().remove(HOST);
    let authority = match host {
        Some(host) => Authority::try_from(host.as_bytes()).map_err(|_| UpstreamError::Target)?,
        None => request.uri().authority().unwrap_or(default).clone(),
    };
    for name in [TRANSFER_ENCODING, CONNECTION] {
        request.headers_mut().remove(name);
    }
    let uri = Uri::builder().scheme(scheme).authority(authority);
    let uri = uri.path_and_query(path(request)).build();
    *request.uri_mut() = uri.map_err(|_| UpstreamError::Target)?;
    *request.version_mut() = Version::HTTP_2;
    Ok(())
}

/// The form of a WebSocket handshake in HTTP/2 (RFC 8441 section 5), which has no key.
pub(super) fn connect<B>(request: &mut Request<B>, scheme: Scheme, default: &Authority) -> Result<(), UpstreamError> {
    http2(request, scheme, default)?;
    for name in [UPGRADE, SEC_WEBSOCKET_KEY] {
        request.headers_mut().remove(name);
    }
    *request.method_mut() = Method::CONNECT;
    request.extensions_mut().insert(Protocol::from_static("websocket"));
    Ok(())
}

fn path<B>(request: &Request<B>) -> PathAndQuery {
    let path = request.uri().path_and_query().cloned();
    path.unwrap_or(PathAndQuery::from_static("/"))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use bytes::Bytes;
    use http_body::Frame;
    use http_body_util::{Empty, Full};

    use super::*;

    #[test]
    fn a_request_can_change_its_form() {
        let default: Authority = "127.0.0.1:9000".parse().unwrap();
        let mut request = Request::get("http://evil.example/a%20b?c=d").header("host", "api.example:8443");
        request = request.header("transfer-encoding", "chunked");
        let mut request = request.body(Empty::<Bytes>::new()).unwrap();
        http1(&mut request).unwrap();
        assert_eq!(
            (request.uri().to_string(), &request.headers()[HOST]),
            ("/a%20b?c=d".to_owned(), &HeaderValue::from_static("api.example:8443"))
        );
        http2(&mut request, Scheme::HTTPS, &default).unwrap();
        assert_eq!(request.uri().to_string(), "https://api.example:8443/a%20b?c=d");
        assert!(request.headers().is_empty());
        http1(&mut request).unwrap();
        assert_eq!(
            (request.uri().to_string(), request.version()),
            ("/a%20b?c=d".to_owned(), Version::HTTP_11)
        );
        assert_eq!(request.headers()[HOST], "api.example:8443");
        request
            .headers_mut()
            .insert(UPGRADE, HeaderValue::from_static("websocket"));
        request
            .headers_mut()
            .insert(SEC_WEBSOCKET_KEY, HeaderValue::from_static("a"));
        // An attempt that was not sent is made again.
        for _ in 0..2 {
            connect(&mut request, Scheme::HTTP, &default).unwrap();
            assert_eq!(
                (request.method(), request.uri().to_string()),
                (&Method::CONNECT, "http://api.example:8443/a%20b?c=d".to_owned())
            );
            assert!(request.headers().is_empty());
            assert_eq!(request.extensions().get::<Protocol>().unwrap().as_str(), "websocket");
        }
        let mut request = Request::get("/").body(Empty::<Bytes>::new()).unwrap();
        http2(&mut request, Scheme::HTTP, &default).unwrap();
        assert_eq!(request.uri().to_string(), "http://127.0.0.1:9000/");
    }

    /// A body whose length is not known.
    struct Awaited;

    impl Body for Awaited {
        type Data = Bytes;
        type Error = Infallible;
        fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Pending
        }
    }

    fn coding_after_http2<B: Body>(body: B) -> Option<HeaderValue> {
        let default: Authority = "127.0.0.1:9000".parse().unwrap();
        let mut request = Request::get("/")
            .header("transfer-encoding", "chunked")
            .body(body)
            .unwrap();
        http2(&mut request, Scheme::HTTP, &default).unwrap();
        assert!(!request.headers().contains_key(TRANSFER_ENCODING));
        http1(&mut request).unwrap();
        request.headers_mut().remove(TRANSFER_ENCODING)
    }

    #[test]
    fn a_body_of_unknown_length_has_its_framing_in_each_form() {
        assert_eq!(coding_after_http2(Awaited).unwrap(), "chunked");
        assert_eq!(coding_after_http2(Full::<Bytes>::from("a")), None);
        assert_eq!(coding_after_http2(Empty::<Bytes>::new()), None);
    }
}
