//! Trailers of a request that are malformed (RFC 9113 section 8.1).

use crate::deployment::Deployment;
use crate::wire::http2_frames::Reaction::{self, Reset, Status};
use crate::wire::http2_frames::{DATA, END_HEADERS, END_STREAM, HEADERS, Http2Connection, block, frame};

const PROTOCOL_ERROR: u32 = 1;

#[test]
fn pseudo_header_fields_are_dropped_and_fields_of_a_connection_reset_the_stream() {
    let deployment = Deployment::with_routes();
    let line = deployment.writer();
    let (_, token) = line.split_once(": ").expect("a field line");
    let head = block(&[
        (":method", "POST"),
        (":scheme", "http"),
        (":authority", "orders.example.com"),
        (":path", "/orders"),
        ("content-type", "application/octet-stream"),
        ("trailer", "x-checksum, connection, transfer-encoding"),
        ("te", "trailers"),
        ("authorization", token),
    ]);
    let checksum = ("x-checksum", "1");
    let rows: [(&[(&str, &str)], Reaction); 9] = [
        (&[checksum], Status(200)),
        (&[(":path", "/admin/users"), checksum], Status(200)),
        (
            &[(":method", "DELETE"), (":authority", "b.example"), checksum],
            Status(200),
        ),
        (&[(":status", "200"), checksum], Status(200)),
        (&[checksum, (":path", "/admin/users")], Reset(PROTOCOL_ERROR)),
        (&[("connection", "close"), checksum], Reset(PROTOCOL_ERROR)),
        (&[("transfer-encoding", "chunked"), checksum], Reset(PROTOCOL_ERROR)),
        (&[("upgrade", "websocket"), checksum], Reset(PROTOCOL_ERROR)),
        (&[("te", "gzip"), checksum], Reset(PROTOCOL_ERROR)),
    ];
    for (trailers, expected) in rows {
        let before = deployment.upstream.count();
        let mut client = Http2Connection::open(deployment.gate.address).expect("a connection");
        let frames = [
            frame(HEADERS, END_HEADERS, 1, &head),
            frame(DATA, 0, 1, b"ab"),
            frame(HEADERS, END_STREAM | END_HEADERS, 1, block(trailers)),
        ];
        client.send(&frames.concat()).expect("sent");
        assert_eq!(client.response(1), expected, "{trailers:?}");
        let received = deployment.upstream.since(before);
        assert_eq!(received.len(), usize::from(expected == Status(200)), "{trailers:?}");
        for request in received {
            assert_eq!(request.target, "/orders");
            let names: Vec<_> = request
                .trailers
                .fields
                .iter()
                .map(|(name, _)| name.to_ascii_lowercase())
                .collect();
            assert_eq!(names, ["x-checksum"], "{trailers:?}");
        }
    }
}
