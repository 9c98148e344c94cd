//! The status of a gRPC call that is not answered by the upstream.

use actgate::challenge::grpc_status;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};

/// Makes a response without a body one of gRPC: its status is in the headers ("trailers-only").
pub(super) fn write_status<B>(response: &mut Response<B>, message: &'static str) {
    let status = grpc_status(response.status());
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert("grpc-status", status);
    headers.insert("grpc-message", HeaderValue::from_static(message));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_is_in_the_headers() {
        let mut response = Response::builder().status(502).body(()).unwrap();
        write_status(&mut response, "no answer");
        assert_eq!(response.status(), StatusCode::OK);
        for (name, expected) in [
            ("content-type", "application/grpc"),
            ("grpc-status", "14"),
            ("grpc-message", "no answer"),
        ] {
            assert_eq!(response.headers()[name], expected, "{name}");
        }
    }
}
