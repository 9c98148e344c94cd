//! The PROXY protocol, versions 1 and 2: a load balancer writes the address of its client before the first byte.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;
use ppp::{HeaderResult, v1, v2};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::time::timeout;

use crate::log::event_count::EventCount;

/// The longest header of version 1, with its end.
const LONGEST_LINE: usize = 107;

/// The longest header of version 2. The addresses take 216 bytes at most; the rest is for TLVs, which are ignored.
const LONGEST_BINARY: usize = 4096;

/// The beginning of version 2, and what is read before the version is known.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
const FIXED_BYTES: usize = 16;

/// The networks whose connections begin with a PROXY header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ProxyProtocol {
    pub(crate) networks: Vec<IpNet>,
}

/// Why a connection that has to begin with a PROXY header is closed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HeaderError {
    #[error("the PROXY header did not arrive within the time for a request head")]
    Late,
    #[error("the connection does not begin with a PROXY header")]
    Missing,
    #[error("the PROXY header is malformed")]
    Malformed,
    #[error("the PROXY header is too long")]
    TooLong,
    #[error("the connection ended before its PROXY header: {0}")]
    Ended(#[from] io::Error),
}

impl ProxyProtocol {
    /// The address of the client of a connection: what its PROXY header says if it comes from one of the networks, and
    /// otherwise the other end of the socket. Nothing but the header is read.
    pub(crate) async fn client_of<S>(
        &self,
        socket: &mut S,
        peer: Option<IpAddr>,
        time: Duration,
    ) -> Result<Option<IpAddr>, HeaderError>
    where
        S: AsyncRead + Unpin,
    {
        let expected = peer.is_some_and(|peer| self.networks.iter().any(|network| network.contains(&peer)));
        if !expected {
            return Ok(peer);
        }
        let header = timeout(time, read(socket)).await.map_err(|_| HeaderError::Late)??;
        Ok(source(&header)?.or(peer))
    }
}

/// Reports a connection that is closed for its header.
pub(crate) fn report(error: &HeaderError) {
    static REJECTED: EventCount = EventCount::new();
    REJECTED.report(
        error,
        "connections from the networks of `proxy_protocol` had no valid header",
    );
}

/// Reads one header and nothing after it.
async fn read(socket: &mut (impl AsyncRead + Unpin)) -> Result<Vec<u8>, HeaderError> {
    // The shortest header of version 1 is `PROXY UNKNOWN` with its end.
    let mut header = vec![0; SIGNATURE.len()];
    socket.read_exact(&mut header).await?;
    if header == SIGNATURE {
        header.resize(FIXED_BYTES, 0);
        socket.read_exact(&mut header[SIGNATURE.len()..]).await?;
        let rest = usize::from(u16::from_be_bytes([header[14], header[15]]));
        if FIXED_BYTES + rest > LONGEST_BINARY {
            return Err(HeaderError::TooLong);
        }
        header.resize(FIXED_BYTES + rest, 0);
        socket.read_exact(&mut header[FIXED_BYTES..]).await?;
        return Ok(header);
    }
    if !header.starts_with(b"PROXY ") {
        return Err(HeaderError::Missing);
    }
    while !header.ends_with(b"\r\n") {
        if header.len() == LONGEST_LINE {
            return Err(HeaderError::TooLong);
        }
        header.push(socket.read_u8().await?);
    }
    Ok(header)
}

/// The address of the client; none if the header says that the load balancer itself connects, or that it is unknown.
fn source(header: &[u8]) -> Result<Option<IpAddr>, HeaderError> {
    let address: IpAddr = match HeaderResult::parse(header) {
        HeaderResult::V1(Ok(header)) => match header.addresses {
            v1::Addresses::Unknown => return Ok(None),
            v1::Addresses::Tcp4(addresses) => addresses.source_address.into(),
            v1::Addresses::Tcp6(addresses) => addresses.source_address.into(),
        },
        HeaderResult::V2(Ok(header)) => match (header.command, header.addresses) {
            (v2::Command::Local, _) | (_, v2::Addresses::Unspecified | v2::Addresses::Unix(_)) => return Ok(None),
            (_, v2::Addresses::IPv4(addresses)) => addresses.source_address.into(),
            (_, v2::Addresses::IPv6(addresses)) => addresses.source_address.into(),
        },
        HeaderResult::V1(Err(_)) | HeaderResult::V2(Err(_)) => return Err(HeaderError::Malformed),
    };
    Ok(Some(address.to_canonical()))
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;

    use super::*;

    const TIME: Duration = Duration::from_secs(5);

    /// What a connection from `peer` that sends `bytes` is taken for, and what is left to read.
    async fn client(peer: &str, bytes: &[u8]) -> (Result<Option<String>, String>, Vec<u8>) {
        let proxies = ProxyProtocol {
            networks: vec!["10.0.0.0/8".parse().unwrap()],
        };
        let (mut sender, mut socket) = tokio::io::duplex(65536);
        sender.write_all(bytes).await.unwrap();
        sender.shutdown().await.unwrap();
        let found = proxies.client_of(&mut socket, Some(peer.parse().unwrap()), TIME).await;
        let mut rest = Vec::new();
        socket.read_to_end(&mut rest).await.unwrap();
        let found = found.map(|found| found.map(|found| found.to_string()));
        (found.map_err(|error| error.to_string()), rest)
    }

    fn binary(command: u8, family: u8, content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(content.len()).unwrap().to_be_bytes();
        [SIGNATURE.as_slice(), &[0x20 | command, family], &length, content].concat()
    }

    const IPV4: [u8; 12] = [192, 0, 2, 9, 198, 51, 100, 1, 0x30, 0x39, 0x01, 0xbb];

    #[tokio::test]
    async fn a_header_names_the_client() {
        let long_tlv = [IPV4.as_slice(), &[0x20, 0x0f, 0x00], &[7; 0x0f00]].concat();
        for (header, expected) in [
            (b"PROXY TCP4 192.0.2.9 198.51.100.1 12345 443\r\n".to_vec(), "192.0.2.9"),
            (
                b"PROXY TCP6 2001:db8::9 2001:db8::1 12345 443\r\n".to_vec(),
                "2001:db8::9",
            ),
            (b"PROXY TCP6 ::ffff:192.0.2.9 ::1 12345 443\r\n".to_vec(), "192.0.2.9"),
            (b"PROXY UNKNOWN\r\n".to_vec(), "10.1.2.3"),
            (b"PROXY UNKNOWN 192.0.2.9 198.51.100.1 1 2\r\n".to_vec(), "10.1.2.3"),
            (binary(1, 0x11, &IPV4), "192.0.2.9"),
            (binary(1, 0x11, &[IPV4.as_slice(), &[4, 0, 1, 9]].concat()), "192.0.2.9"),
            (binary(1, 0x11, &long_tlv), "192.0.2.9"),
            (binary(0, 0x11, &IPV4), "10.1.2.3"),
            (binary(0, 0x00, &[]), "10.1.2.3"),
            (binary(1, 0x00, &[]), "10.1.2.3"),
            (binary(1, 0x31, &[7; 216]), "10.1.2.3"),
        ] {
            let sent = [header.as_slice(), b"GET / HTTP/1.1\r\n"].concat();
            let (found, rest) = client("10.1.2.3", &sent).await;
            assert_eq!(found, Ok(Some(expected.to_owned())), "{}", header.escape_ascii());
            assert_eq!(rest, b"GET / HTTP/1.1\r\n");
        }
    }

    #[tokio::test]
    async fn a_connection_without_a_valid_header_is_rejected() {
        let long_line = format!("PROXY UNKNOWN {}\r\n", "x".repeat(100));
        let mut wrong_version = binary(1, 0x11, &IPV4);
        wrong_version[12] = 0x11;
        for (sent, expected) in [
            (b"GET / HTTP/1.1\r\n\r\n".to_vec(), HeaderError::Missing.to_string()),
            (
                b"proxy TCP4 192.0.2.9 198.51.100.1 1 2\r\n".to_vec(),
                HeaderError::Missing.to_string(),
            ),
            (b"PROXY TCP4 192.0.2.9\r\n".to_vec(), HeaderError::Malformed.to_string()),
            (
                b"PROXY TCP4 ::1 ::1 1 2\r\n".to_vec(),
                HeaderError::Malformed.to_string(),
            ),
            (
                b"PROXY TCP4 192.0.2.9 198.51.100.1 1 70000\r\n".to_vec(),
                HeaderError::Malformed.to_string(),
            ),
            (long_line.into_bytes(), HeaderError::TooLong.to_string()),
            (binary(1, 0x11, &IPV4[..8]), HeaderError::Malformed.to_string()),
            (binary(7, 0x11, &IPV4), HeaderError::Malformed.to_string()),
            (wrong_version, HeaderError::Malformed.to_string()),
            (binary(1, 0x11, &[7; 5000]), HeaderError::TooLong.to_string()),
        ] {
            let (found, _) = client("10.1.2.3", &sent).await;
            assert_eq!(found, Err(expected), "{}", sent[..sent.len().min(60)].escape_ascii());
        }
        let (ended, _) = client("10.1.2.3", b"PROXY TCP4 1").await;
        assert!(ended.unwrap_err().starts_with("the connection ended"));
    }

    #[tokio::test]
    async fn a_header_from_elsewhere_is_not_read() {
        let header = b"PROXY TCP4 192.0.2.9 198.51.100.1 12345 443\r\n";
        let (found, rest) = client("192.168.0.1", header).await;
        assert_eq!(
            (found, rest.as_slice()),
            (Ok(Some("192.168.0.1".to_owned())), header.as_slice())
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_header_arrives_in_time() {
        let proxies = ProxyProtocol {
            networks: vec!["10.0.0.0/8".parse().unwrap()],
        };
        let (mut sender, mut socket) = tokio::io::duplex(64);
        sender.write_all(b"PROXY TCP4 192").await.unwrap();
        let peer = Some("10.0.0.1".parse().unwrap());
        let late = proxies.client_of(&mut socket, peer, TIME).await.unwrap_err();
        assert!(matches!(late, HeaderError::Late), "{late}");
    }
}
