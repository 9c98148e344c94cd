//! The handshake of a WebSocket with the upstream, and the tunnel after it.
//!
//! The connection of the client becomes a tunnel only after the upstream has switched protocols. Any other answer is an
//! ordinary response.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::header::{
    CONNECTION, CONTENT_LENGTH, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Response, StatusCode, Version};
use http_body_util::Full;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, copy_bidirectional};
use uuid::Uuid;

use super::key;
use crate::headers::hop_by_hop;
use crate::proxy::request_body::Forwarded;
use crate::proxy::response_body::ResponseBody;
use crate::proxy::stream_end::{Ended, StreamEnd, TokenTime};
use crate::proxy::upstream::tunnel::{self, TunnelLease};

/// A handshake: the key for the upstream, and the form of the answer for the client.
#[derive(Debug)]
pub(crate) struct Handshake {
    key: HeaderValue,
    form: ClientForm,
    client: OnUpgrade,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ClientForm {
    /// 101.
    Http1,
    /// 200 to an extended CONNECT (RFC 8441), which has no key.
    Http2,
}

/// Why an answer to a handshake is not passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HandshakeError {
    #[error("the 101 response is for another protocol")]
    Protocol,
    #[error("the 101 response does not accept the key of the handshake")]
    Key,
    /// In HTTP/2 it would begin the tunnel.
    #[error("a successful response that does not switch protocols")]
    Unswitched,
    #[error("there is no key for the handshake")]
    NoKey,
    #[error("the connection of the client has no upgrade")]
    NoUpgrade,
}

/// A tunnel that is about to begin. It is an extension of the response that the client has to receive first.
#[derive(Clone, Debug)]
pub(crate) struct Tunnel {
    ends: Ends,
    token: Option<TokenTime>,
    idle: Duration,
    decision: Uuid,
}

/// Both ends of a tunnel.
#[derive(Clone, Debug)]
pub(crate) struct Ends {
    client: OnUpgrade,
    upstream: OnUpgrade,
    /// Where the upstream has other streams on the same connection.
    _stream: Option<TunnelLease>,
}

impl Handshake {
    /// The handshake for the request of a client.
    pub(crate) fn of(request: &Parts) -> Result<Handshake, HandshakeError> {
        let (form, key) = match request.version {
            Version::HTTP_2 => (ClientForm::Http2, key::random()),
            _ => (ClientForm::Http1, request.headers.get(SEC_WEBSOCKET_KEY).cloned()),
        };
        Ok(Handshake {
            key: key.ok_or(HandshakeError::NoKey)?,
            form,
            client: request.extensions.get().cloned().ok_or(HandshakeError::NoUpgrade)?,
        })
    }

    /// Sets the headers of the handshake. Those of the client's connection have been removed.
    pub(crate) fn offer(&self, request: &mut HeaderMap) {
        request.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        request.insert(UPGRADE, HeaderValue::from_static("websocket"));
        request.insert(SEC_WEBSOCKET_KEY, self.key.clone());
    }

    /// Reads the answer of the upstream, whose hop-by-hop headers are still there. A switch of protocols becomes the response
    /// to the client; both ends of its tunnel are returned. `None` is any other response.
    pub(crate) fn accept<B>(&self, response: &mut Response<B>) -> Result<Option<Ends>, HandshakeError> {
        if tunnel::is_open(response) {
            return Ok(Some(self.switch(response)));
        }
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            let was_connect = self.form == ClientForm::Http2 || response.version() == Version::HTTP_2;
            return match was_connect && response.status().is_success() {
                true => Err(HandshakeError::Unswitched),
                false => Ok(None),
            };
        }
        let headers = response.headers();
        let protocols = headers.get_all(UPGRADE).iter();
        let mut protocols = protocols.map(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"));
        let options = hop_by_hop::nominated(headers).unwrap_or_default();
        if (protocols.next(), protocols.next()) != (Some(true), None) || !options.contains(&UPGRADE) {
            return Err(HandshakeError::Protocol);
        }
        if !headers
            .get_all(SEC_WEBSOCKET_ACCEPT)
            .iter()
            .eq([key::accepted(&self.key).as_str()])
        {
            return Err(HandshakeError::Key);
        }
        Ok(Some(self.switch(response)))
    }

    /// Makes an answer that opens the tunnel the response to the client.
    fn switch<B>(&self, response: &mut Response<B>) -> Ends {
        let upstream = hyper::upgrade::on(&mut *response);
        let stream = response.extensions_mut().remove();
        let headers = response.headers_mut();
        hop_by_hop::strip_response(headers);
        for framing in [CONTENT_LENGTH, TRANSFER_ENCODING, TRAILER] {
            headers.remove(framing);
        }
        match self.form {
            ClientForm::Http1 => {
                headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
                headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
                if let Ok(accepted) = HeaderValue::try_from(key::accepted(&self.key)) {
                    headers.insert(SEC_WEBSOCKET_ACCEPT, accepted);
                }
                *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
                *response.version_mut() = Version::HTTP_11;
            }
            ClientForm::Http2 => {
                headers.remove(SEC_WEBSOCKET_ACCEPT);
                *response.status_mut() = StatusCode::OK;
            }
        }
        Ends {
            client: self.client.clone(),
            upstream,
            _stream: stream,
        }
    }
}

impl Tunnel {
    /// A tunnel. It ends with `token`, or when nothing has moved for `idle`.
    pub(crate) fn new(ends: Ends, token: Option<TokenTime>, idle: Duration, decision: Uuid) -> Tunnel {
        Tunnel {
            ends,
            token,
            idle,
            decision,
        }
    }

    /// The response that begins the tunnel.
    pub(crate) fn response(self, mut response: Response<()>) -> Response<ResponseBody> {
        response.extensions_mut().clear();
        response.extensions_mut().insert(self);
        response.map(|()| ResponseBody::Own(Full::default()))
    }

    /// The connection of the client, once the response has been written.
    pub(crate) fn client(&self) -> OnUpgrade {
        self.ends.client.clone()
    }

    pub(crate) fn decision(&self) -> Uuid {
        self.decision
    }

    /// Copies bytes in both directions until both sides have ended theirs.
    pub(crate) async fn run(self, client: impl AsyncRead + AsyncWrite + Unpin) {
        let decision = self.decision;
        match self.ends.upstream.await {
            Ok(upstream) => {
                let end = StreamEnd::new(self.token, self.idle);
                match copy(client, TokioIo::new(upstream), end).await {
                    None => tracing::debug!(%decision, "a tunnel ended"),
                    Some(Ended::Expired) => {
                        tracing::info!(%decision, "a tunnel was ended: its access token has expired");
                    }
                    Some(Ended::Idle) => {
                        let idle = self.idle.as_secs();
                        tracing::info!(%decision, idle, "a tunnel was ended: nothing has moved in it");
                    }
                }
            }
            Err(error) => {
                tracing::debug!(%decision, %error, "the connection to the upstream ended before the tunnel began")
            }
        }
    }
}

/// Copies until both sides have ended, or returns why that took too long.
async fn copy(
    client: impl AsyncRead + AsyncWrite + Unpin,
    upstream: impl AsyncRead + AsyncWrite + Unpin,
    end: StreamEnd,
) -> Option<Ended> {
    let progress = Forwarded::now();
    let mut client = Watched {
        stream: client,
        progress: progress.clone(),
    };
    let mut upstream = Watched {
        stream: upstream,
        progress: progress.clone(),
    };
    tokio::select! {
        // Why a side broke off is not known to the other one.
        _ = copy_bidirectional(&mut client, &mut upstream) => None,
        ended = end.ended(|| progress.last()) => Some(ended),
    }
}

/// A stream whose reads are progress.
struct Watched<S> {
    stream: S,
    progress: Arc<Forwarded>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, target: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_read(cx, target))?;
        self.progress.record();
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
    use tokio::time::Instant;

    use super::*;

    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
    const IDLE: Duration = Duration::from_secs(3600);

    fn handshake(version: Version) -> Handshake {
        let request = http::Request::builder().version(version).header(SEC_WEBSOCKET_KEY, KEY);
        let mut request = request.body(()).unwrap();
        // A request without a connection has an upgrade that fails.
        let upgrade = hyper::upgrade::on(&mut request);
        let mut parts = request.into_parts().0;
        parts.extensions.insert(upgrade);
        Handshake::of(&parts).unwrap()
    }

    fn response(status: u16, headers: &[(&str, &str)]) -> Response<()> {
        let response = Response::builder().status(status);
        let response = headers
            .iter()
            .fold(response, |response, (name, value)| response.header(*name, *value));
        response.body(()).unwrap()
    }

    const SWITCHED: [(&str, &str); 4] = [
        ("connection", "Upgrade"),
        ("upgrade", "WebSocket"),
        ("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        ("sec-websocket-protocol", "chat"),
    ];

    #[test]
    fn the_headers_of_the_handshake_are_written_anew() {
        let mut headers = HeaderMap::new();
        handshake(Version::HTTP_11).offer(&mut headers);
        assert_eq!(
            (&headers[CONNECTION], &headers[UPGRADE]),
            (
                &HeaderValue::from_static("upgrade"),
                &HeaderValue::from_static("websocket")
            )
        );
        assert_eq!(headers[SEC_WEBSOCKET_KEY], KEY);
        let (one, other) = (handshake(Version::HTTP_2), handshake(Version::HTTP_2));
        assert!(one.key != other.key && one.key != KEY && one.key.len() == 24);
    }

    #[test]
    fn a_switch_becomes_the_response_of_the_clients_version() {
        let mut switched = response(101, &SWITCHED);
        assert!(handshake(Version::HTTP_11).accept(&mut switched).unwrap().is_some());
        assert_eq!(switched.status(), 101);
        assert_eq!(
            (switched.headers()[UPGRADE].as_bytes(), switched.headers().len()),
            (&b"websocket"[..], 4)
        );

        let http2 = handshake(Version::HTTP_2);
        let accept = key::accepted(&http2.key);
        let mut switched = response(
            101,
            &[
                SWITCHED[0],
                SWITCHED[1],
                ("sec-websocket-accept", accept.as_str()),
                SWITCHED[3],
            ],
        );
        assert!(http2.accept(&mut switched).unwrap().is_some());
        assert_eq!(switched.status(), 200);
        assert_eq!(
            switched.headers().keys().collect::<Vec<_>>(),
            ["sec-websocket-protocol"]
        );
    }

    #[test]
    fn any_other_answer_is_no_switch() {
        for (status, form, expected) in [
            (200, Version::HTTP_11, Ok(None)),
            (403, Version::HTTP_11, Ok(None)),
            (403, Version::HTTP_2, Ok(None)),
            (302, Version::HTTP_2, Ok(None)),
            (200, Version::HTTP_2, Err(HandshakeError::Unswitched)),
            (204, Version::HTTP_2, Err(HandshakeError::Unswitched)),
        ] {
            let accepted = handshake(form).accept(&mut response(status, &[]));
            assert_eq!(accepted.map(|ends| ends.map(|_| ())), expected, "{status} {form:?}");
        }
        for (changed, value, expected) in [
            ("upgrade", "h2c", HandshakeError::Protocol),
            ("upgrade", "websocket, h2c", HandshakeError::Protocol),
            ("connection", "close", HandshakeError::Protocol),
            (
                "sec-websocket-accept",
                "s3pPLMBiTxaQ9kYGzzhZRbK+xOp=",
                HandshakeError::Key,
            ),
            ("sec-websocket-accept", "", HandshakeError::Key),
        ] {
            let headers = SWITCHED.map(|(name, own)| (name, if name == changed { value } else { own }));
            let accepted = handshake(Version::HTTP_11).accept(&mut response(101, &headers));
            assert_eq!(accepted.err(), Some(expected), "{changed}: {value}");
        }
    }

    type Tunnelled = (DuplexStream, DuplexStream, tokio::task::JoinHandle<Option<Ended>>);

    fn tunnel() -> Tunnelled {
        let ((client, near), (far, upstream)) = (duplex(64), duplex(64));
        let end = StreamEnd::new(None, IDLE);
        (client, upstream, tokio::spawn(copy(near, far, end)))
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_of_one_direction_leaves_the_other_open() {
        let (mut client, mut upstream, tunnel) = tunnel();
        client.write_all(b"last").await.unwrap();
        client.shutdown().await.unwrap();
        let mut received = Vec::new();
        upstream.read_to_end(&mut received).await.unwrap();
        assert_eq!(received, b"last");
        tokio::time::sleep(IDLE / 2).await;
        upstream.write_all(b"answer").await.unwrap();
        drop(upstream);
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert_eq!((answer.as_str(), tunnel.await.unwrap()), ("answer", None));
    }

    #[tokio::test(start_paused = true)]
    async fn a_side_that_does_not_read_stops_the_other() {
        let (mut client, _upstream, tunnel) = tunnel();
        let written = tokio::time::timeout(Duration::from_secs(1), client.write_all(&[0; 1 << 20])).await;
        assert!(written.is_err(), "the whole of it was taken");
        tunnel.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_tunnel_ends() {
        let start = Instant::now();
        let (mut client, mut upstream, tunnel) = tunnel();
        tokio::time::sleep(IDLE - Duration::from_secs(1)).await;
        client.write_all(b"a").await.unwrap();
        upstream.read_u8().await.unwrap();
        assert_eq!(tunnel.await.unwrap(), Some(Ended::Idle));
        assert!(start.elapsed() >= 2 * IDLE - Duration::from_secs(2));
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
    }
}
