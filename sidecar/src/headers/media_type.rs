//! The media types that change how a response is served.

use actgate::challenge::Protocol;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method};

/// The media type of a response, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MediaType {
    /// `text/event-stream`. It has no end of its own.
    EventStream,
    /// That of gRPC. A response of gRPC-Web is one of HTTP.
    Grpc,
    Other,
}

impl MediaType {
    /// The media type of a response with `headers`.
    pub(crate) fn of(headers: &HeaderMap) -> MediaType {
        // A response of gRPC has the media type of a request of gRPC, which is a POST.
        if Protocol::of(&Method::POST, headers) == Protocol::Grpc {
            return MediaType::Grpc;
        }
        let content_type = headers.get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
        let end = content_type.iter().position(|byte| *byte == b';');
        let name = content_type[..end.unwrap_or(content_type.len())].trim_ascii();
        match name.eq_ignore_ascii_case(b"text/event-stream") {
            true => MediaType::EventStream,
            false => MediaType::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_streams_and_grpc_have_exact_names() {
        for (content_type, expected) in [
            ("text/event-stream", MediaType::EventStream),
            ("Text/Event-Stream; charset=utf-8", MediaType::EventStream),
            ("text/event-stream ;charset=utf-8", MediaType::EventStream),
            ("text/event-streams", MediaType::Other),
            ("text/event", MediaType::Other),
            ("application/grpc", MediaType::Grpc),
            ("Application/gRPC+proto", MediaType::Grpc),
            ("application/grpc;v=1", MediaType::Grpc),
            ("application/grpc-web", MediaType::Other),
            ("application/grpc-web-text+proto", MediaType::Other),
            ("application/json", MediaType::Other),
            ("", MediaType::Other),
        ] {
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(content_type))]);
            assert_eq!(MediaType::of(&headers), expected, "{content_type}");
        }
        assert_eq!(MediaType::of(&HeaderMap::new()), MediaType::Other);
    }
}
