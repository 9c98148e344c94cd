//! Reads the body of a request up to a limit.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;

use crate::proxy::request_body::ClientBody;

/// The whole body; none if it is longer than `limit` bytes, or if the client breaks off.
pub(super) async fn read_bounded(mut body: ClientBody, limit: usize) -> Option<Bytes> {
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.ok()?.into_data() else {
            continue;
        };
        if data.len() > limit.saturating_sub(bytes.len()) {
            return None;
        }
        bytes.extend_from_slice(&data);
    }
    Some(bytes.freeze())
}
