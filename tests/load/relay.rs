//! A relay of bytes that reads no HTTP: what no proxy that reads requests can be below.

use std::net::SocketAddr;

use tokio::net::TcpStream;
use tokio::runtime::Builder;

use crate::Failure;
use crate::servers::accept;

/// Runs a relay on one thread: each connection has one of its own to `upstream`.
pub fn relay(address: &str, upstream: &str) -> Result<(), Failure> {
    let upstream: SocketAddr = upstream.parse()?;
    let runtime = Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(accept(address.parse()?, |client| copy(client, upstream)))
}

/// Copies the bytes of both directions until both have ended.
async fn copy(mut client: TcpStream, upstream: SocketAddr) -> std::io::Result<()> {
    let mut server = TcpStream::connect(upstream).await?;
    server.set_nodelay(true)?;
    tokio::io::copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}
