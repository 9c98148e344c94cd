//! The status of a gRPC call that is not answered by the upstream.

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};

/// Makes a response without a body one of gRPC: its status is in the headers ("trailers-only").
pub(super) fn write_status<B>(response: &mut Response<B>, message: &'static str) {
    let status = HeaderValue::from_static(status_of(response.status()));
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert("grpc-status", status);
    headers.insert("grpc-message", HeaderValue::from_static(message));
}

/// The status that a client derives from that of HTTP, and a more exact one where the fault is in the request.
fn status_of(status: StatusCode) -> &'static str {
    match status.as_u16() {
        400 => "3",
        401 => "16",
        403 => "7",
        404 | 501 => "12",
        429 | 502 | 503 | 504 => "14",
        _ => "2",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_of_the_gate_has_one_of_grpc() {
        for (status, expected) in [
            (400, "3"),
            (401, "16"),
            (403, "7"),
            (421, "2"),
            (429, "14"),
            (501, "12"),
            (502, "14"),
            (503, "14"),
            (504, "14"),
        ] {
            let mut response = Response::builder().status(status).body(()).unwrap();
            write_status(&mut response, "no answer");
            assert_eq!(
                (response.status(), &response.headers()["grpc-status"]),
                (StatusCode::OK, &HeaderValue::from_static(expected)),
                "{status}"
            );
        }
    }
}
