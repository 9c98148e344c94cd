//! Rules on the operation: parameters of the query, members of a JSON body, arguments of a tool.

mod arguments;
mod layer;
mod rows;
mod shadow;
mod sidecar;

use rows::Row;

/// The bytes of a request over HTTP/1.1 with a length.
fn request(row: &Row, authorization: &str) -> Vec<u8> {
    let length = format!("Content-Length: {}", row.body.len());
    let fields = [&[authorization, &length], &row.fields[..]].concat();
    let mut bytes = crate::wire::request("POST", &format!("/refunds{}", row.query), &fields);
    bytes.extend(&row.body);
    bytes
}

/// The same in chunks of a few bytes each.
fn chunked(row: &Row, authorization: &str) -> Vec<u8> {
    let fields = [&[authorization, "Transfer-Encoding: chunked"], &row.fields[..]].concat();
    let mut bytes = crate::wire::request("POST", &format!("/refunds{}", row.query), &fields);
    for chunk in row.body.chunks(7) {
        bytes.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
        bytes.extend(chunk);
        bytes.extend(b"\r\n");
    }
    bytes.extend(b"0\r\n\r\n");
    bytes
}
