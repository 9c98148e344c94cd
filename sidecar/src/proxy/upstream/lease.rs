//! A connection in use by one request.

use std::sync::Arc;

use super::connection::Connection;
use super::pool::Pool;

/// A connection in use, and where it goes afterwards. Dropped, a connection over HTTP/1.1 is closed.
#[derive(Debug)]
pub(super) struct Lease {
    pub(super) connection: Connection,
    pub(super) pool: Arc<Pool>,
}

impl Lease {
    /// Keeps the connection for the next request: the response has ended.
    pub(super) fn end(self) {
        if let Connection::Http1(connection) = self.connection {
            self.pool.put_back(connection);
        }
    }

    /// Gives the connection no further request: it did not answer in time.
    pub(super) fn retire(&self) {
        if let Connection::Http2(stream) = &self.connection {
            self.pool.retire(stream.connection());
        }
    }
}
