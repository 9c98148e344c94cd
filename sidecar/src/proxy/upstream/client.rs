//! Sends a request to one of the addresses of an upstream, at most twice.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::body::UpstreamBody;
use super::connection::{Connection, SendError};
use super::connector::{Connector, Resolver};
use super::endpoint::{Endpoint, Need, NeededAge, NeededVersion, Use};
use super::error::{ConnectError, Reason, UpstreamError};
use super::lease::Lease;
use super::retry::{Repeatable, UnansweredEnd};
use super::settings::{Protocol, UpstreamSettings, UpstreamTimeouts};
use super::stream::is_endless_interim;
use super::tls::UpstreamTls;
use super::tunnel::{self, TunnelLease};
use super::{form, response};
use crate::proxy::causes::causes;
use crate::proxy::request_body::{Progress, RequestBody};
use actgate::challenge;
use http::header::UPGRADE;
use http::uri::Scheme;
use http::{Request, Response, StatusCode};
use tokio::time::Instant;

/// An upstream.
#[derive(Debug)]
pub(crate) struct Upstream {
    /// At least one.
    endpoints: Vec<Endpoint>,
    /// Counts the requests, so that the addresses are used in turn.
    next: AtomicUsize,
    scheme: Scheme,
    timeouts: UpstreamTimeouts,
}

/// What is known of an attempt while it is made.
#[derive(Debug, Default)]
pub(crate) struct Attempt<'u> {
    /// The address in use.
    pub(crate) address: Option<&'u str>,
    /// The same as a URL, as it is configured.
    pub(crate) url: Option<&'u str>,
}

impl Upstream {
    /// The upstream of these settings; the reason names a file that cannot be used.
    pub(crate) fn new(settings: &UpstreamSettings, timeouts: UpstreamTimeouts) -> Result<Upstream, String> {
        Upstream::with_resolver(settings, timeouts, &Resolver::system())
    }

    fn with_resolver(
        settings: &UpstreamSettings,
        timeouts: UpstreamTimeouts,
        resolver: &Resolver,
    ) -> Result<Upstream, String> {
        let (tls, scheme) = match &settings.protocol {
            Protocol::Tls(files) => (
                Some(Arc::new(
                    UpstreamTls::new(files.clone()).map_err(|error| error.to_string())?,
                )),
                Scheme::HTTPS,
            ),
            Protocol::Http1 | Protocol::Http2 => (None, Scheme::HTTP),
        };
        let endpoint = |address| {
            let (tls, resolver) = (tls.clone(), resolver.clone());
            let connector = Connector::new(address, &settings.protocol, tls, timeouts.connect, resolver)?;
            Ok(Endpoint::new(address, settings.url(address), connector, settings.pool))
        };
        Ok(Upstream {
            endpoints: settings.addresses.iter().map(endpoint).collect::<Result<_, String>>()?,
            next: AtomicUsize::new(0),
            scheme,
            timeouts,
        })
    }

    /// Sends one request and returns the response when its head has arrived. The path is sent byte for byte. `again` makes the
    /// request once more, without a body.
    ///
    /// A request of which a byte was written is sent again if it has no body, and once: where the server refused its stream
    /// and so processed nothing of it; or, if its method is idempotent, where the server announced the end of the
    /// connection, or a connection ended that was used before or whose server has another address, before a byte of the
    /// response.
    pub(crate) async fn send<'u>(
        &'u self,
        mut request: Box<Request<RequestBody>>,
        again: &(dyn Fn() -> Box<Request<RequestBody>> + Sync),
        attempt: &mut Attempt<'u>,
    ) -> Result<Response<UpstreamBody>, UpstreamError> {
        let exchange = Exchange::of(&request);
        let mut need = Need {
            version: exchange.version,
            age: NeededAge::Any,
        };
        let mut candidates = self.candidates(self.turn());
        let mut begun = Some(request.body().start());
        let mut last = None;
        let mut repeats = Repeats::Permitted;
        loop {
            let Some((index, lease, used)) = self
                .lease(&mut candidates, need, (&exchange, &mut begun), attempt)
                .await?
            else {
                return Err(last.unwrap_or(UpstreamError::NoConnection(Reason::new(
                    "no address is left".to_owned(),
                ))));
            };
            let endpoint = &self.endpoints[index];
            let repeatable = match repeats {
                Repeats::Permitted => Repeatable::of(&request, &lease.connection, self.unanswered_end(used)),
                Repeats::Made => None,
            };
            let Failure { error, cause } = match self.exchange(endpoint, lease, used, request, &exchange).await {
                Ok(response) => return Ok(response),
                Err(failure) => failure,
            };
            let takes_no_more = matches!(cause, Cause::Unprocessed | Cause::Announced);
            let is_repeated = |permits: fn(Repeatable) -> bool| repeatable.is_some_and(permits).then(again);
            let (next, repeat) = match cause {
                Cause::Unsent(request) => (Some(request), repeats),
                Cause::Unanswered => (is_repeated(Repeatable::permits_after_silence), Repeats::Made),
                Cause::Announced => (is_repeated(Repeatable::permits_after_announcement), Repeats::Made),
                Cause::Unprocessed => (is_repeated(|_| true), Repeats::Made),
                Cause::Other => return Err(error),
            };
            repeats = repeat;
            // It may have been closed for want of requests, or takes no more of them.
            if used == Use::Repeated || takes_no_more && next.is_some() {
                need.age = NeededAge::New;
                candidates = self.candidates(index);
            } else {
                endpoint.health.failed();
            }
            request = match next {
                Some(request) => request,
                None => return Err(error),
            };
            last = Some(error);
        }
    }

    /// Sends a request on a connection.
    async fn exchange(
        &self,
        endpoint: &Endpoint,
        mut lease: Lease,
        used: Use,
        mut request: Box<Request<RequestBody>>,
        exchange: &Exchange,
    ) -> Result<Response<UpstreamBody>, Failure> {
        let limit = exchange.response_limit(&self.timeouts);
        match (&lease.connection, exchange.version) {
            (Connection::Http1(_), _) => form::http1(&mut request)?,
            (Connection::Http2(_), NeededVersion::Any) => {
                form::http2(&mut request, self.scheme.clone(), &endpoint.authority)?
            }
            (Connection::Http2(stream), NeededVersion::Tunnel) => {
                if !exchange.in_time(limit, pin!(stream.permits_connect())).await? {
                    return Err(UpstreamError::NoUpgrade.into());
                }
                form::connect(&mut request, self.scheme.clone(), &endpoint.authority)?
            }
        }
        let sent = {
            let sending = pin!(lease.connection.send(request));
            exchange.in_time(limit, sending).await
        };
        let sent = sent.inspect_err(|_| lease.retire())?;
        let mut response = sent.map_err(|error| exchange.failure(error, lease.connection.mismatch(&self.scheme)))?;
        if used == Use::Repeated && response::may_be_unsolicited(&response) {
            return Err(Failure {
                error: UpstreamError::UnsolicitedTimeout,
                cause: Cause::Unanswered,
            });
        }
        endpoint.health.succeeded();
        let lease = match (response.status(), exchange.version) {
            (StatusCode::SWITCHING_PROTOCOLS, NeededVersion::Any) => {
                return Err(UpstreamError::SwitchedProtocols.into());
            }
            (StatusCode::SWITCHING_PROTOCOLS, NeededVersion::Tunnel) => None,
            (_, NeededVersion::Tunnel) if tunnel::is_open(&response) => {
                response.extensions_mut().insert(TunnelLease::new(lease));
                None
            }
            _ => Some(lease),
        };
        Ok(UpstreamBody::of(response::checked(response)?, lease, &self.timeouts))
    }

    /// A connection to the first candidate that has one. `begun` is the time where the request has just begun: the first look at what is
    /// kept needs no other.
    async fn lease<'u>(
        &'u self,
        candidates: &mut impl Iterator<Item = usize>,
        need: Need,
        (exchange, begun): (&Exchange, &mut Option<Instant>),
        attempt: &mut Attempt<'u>,
    ) -> Result<Option<(usize, Lease, Use)>, UpstreamError> {
        let mut last = None;
        for index in candidates {
            let endpoint = &self.endpoints[index];
            attempt.address = Some(&endpoint.name);
            attempt.url = Some(&endpoint.url);
            if let Some(lease) = endpoint.kept(need, begun.take().unwrap_or_else(Instant::now)) {
                return Ok(Some((index, lease, Use::Repeated)));
            }
            // A new connection takes far more than the allocation.
            let connected = Box::pin(endpoint.connect(need));
            match exchange.in_time(self.timeouts.response, connected).await? {
                Ok((lease, used)) => return Ok(Some((index, lease, used))),
                Err(ConnectError(reason)) => {
                    endpoint.health.failed();
                    last = Some(UpstreamError::NoConnection(reason));
                }
            }
        }
        last.map_or(Ok(None), Err)
    }

    fn unanswered_end(&self, used: Use) -> UnansweredEnd {
        match used == Use::Repeated || self.has_several_addresses() {
            true => UnansweredEnd::SendAgain,
            false => UnansweredEnd::Final,
        }
    }

    pub(crate) fn has_several_addresses(&self) -> bool {
        self.endpoints.len() > 1
    }

    /// The address that comes first for the next request.
    fn turn(&self) -> usize {
        match self.endpoints.len() {
            1 => 0,
            count => self.next.fetch_add(1, Ordering::Relaxed) % count,
        }
    }

    /// The addresses from `start` on: those that have not failed lately, then the others.
    fn candidates(&self, start: usize) -> impl Iterator<Item = usize> + use<> {
        let count = self.endpoints.len();
        let mut out = 0_u64;
        if count > 1 {
            for (index, endpoint) in self.endpoints.iter().enumerate() {
                out |= u64::from(!endpoint.health.is_in()) << index;
            }
        }
        let both = [0, 1]
            .into_iter()
            .flat_map(move |round| (0..count).map(move |step| (round, (start + step) % count)));
        both.filter(move |(round, index)| out >> index & 1 == *round)
            .map(|(_, index)| index)
    }
}

/// What is known of a request while its connection has it.
struct Exchange {
    progress: Progress,
    protocol: challenge::Protocol,
    version: NeededVersion,
}

/// Why an attempt has no response.
struct Failure {
    error: UpstreamError,
    cause: Cause,
}

enum Cause {
    /// Nothing of the request was sent.
    Unsent(Box<Request<RequestBody>>),
    /// The connection ended before a byte of the response.
    Unanswered,
    /// The server announced the end of the connection before a byte of the response.
    Announced,
    /// The server processed nothing of the request.
    Unprocessed,
    Other,
}

/// Whether a request of which a byte was written may be sent once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Repeats {
    Permitted,
    Made,
}

impl From<UpstreamError> for Failure {
    fn from(error: UpstreamError) -> Failure {
        Failure {
            error,
            cause: Cause::Other,
        }
    }
}

impl Exchange {
    fn of(request: &Request<RequestBody>) -> Exchange {
        Exchange {
            progress: request.body().progress(),
            protocol: challenge::Protocol::of(request.method(), request.headers()),
            version: match request.headers().contains_key(UPGRADE) {
                true => NeededVersion::Tunnel,
                false => NeededVersion::Any,
            },
        }
    }

    /// How long the response head may take. A call of gRPC has the deadline of its client, which cancels it then, and may be
    /// silent before its first message.
    fn response_limit(&self, timeouts: &UpstreamTimeouts) -> Duration {
        match self.protocol {
            challenge::Protocol::Grpc => timeouts.stream.max(timeouts.response),
            _ => timeouts.response,
        }
    }

    /// The result of `work`, unless the request makes no progress for `limit`.
    async fn in_time<T>(&self, limit: Duration, work: impl Future<Output = T> + Unpin) -> Result<T, UpstreamError> {
        tokio::select! {
            biased;
            done = work => Ok(done),
            () = self.progress.stalled(limit) => Err(UpstreamError::TimedOut(limit)),
        }
    }

    fn failure(&self, error: SendError, mismatch: Option<&'static str>) -> Failure {
        let (error, cause) = match error {
            SendError::Unsent(request, error) => (error, Cause::Unsent(request)),
            SendError::Unanswered(error) => (error, Cause::Unanswered),
            SendError::Announced(error) => (error, Cause::Announced),
            SendError::Unprocessed(error) => (error, Cause::Unprocessed),
            SendError::Failed(error) => (error, Cause::Other),
        };
        match self.progress.fault() {
            Some(fault) => UpstreamError::Request(fault).into(),
            None if is_head_too_large(&error) => UpstreamError::HeadTooLarge.into(),
            None => Failure {
                error: UpstreamError::NoResponse(Reason::of(&error).or_help(mismatch)),
                cause,
            },
        }
    }
}

fn is_head_too_large(error: &hyper::Error) -> bool {
    causes(error).any(|cause| {
        let too_large = cause.downcast_ref().is_some_and(hyper::Error::is_parse_too_large);
        too_large || cause.downcast_ref().is_some_and(is_endless_interim)
    })
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::atomic::AtomicBool;

    use http_body_util::BodyExt as _;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;
    use crate::proxy::upstream::settings::Address;

    /// A server at `address` that answers each request with `name`.
    async fn server(address: SocketAddr, name: &'static str) -> SocketAddr {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    while stream.read(&mut [0; 1024]).await.is_ok_and(|count| count > 0) {
                        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n{name}");
                        stream.write_all(answer.as_bytes()).await.unwrap();
                    }
                });
            }
        });
        address
    }

    #[tokio::test]
    async fn a_name_that_moves_is_followed_while_requests_flow() {
        let first = server("127.0.0.1:0".parse().unwrap(), "a").await;
        let second = server(SocketAddr::new("127.0.0.2".parse().unwrap(), first.port()), "b").await;
        let has_moved = Arc::new(AtomicBool::new(false));
        let moved = has_moved.clone();
        let resolver = Resolver::of(move |_| match moved.load(Ordering::Relaxed) {
            false => vec![first],
            true => vec![second],
        });
        let address = format!("api.internal:{}", first.port()).parse().unwrap();
        let mut settings = UpstreamSettings::plain(Address::Tcp(address));
        settings.pool.lifetime = Duration::from_millis(50);
        let upstream = Upstream::with_resolver(&settings, UpstreamTimeouts::default(), &resolver).unwrap();
        let mut seen = String::new();
        while !seen.ends_with('b') && seen.len() < 100_000 {
            has_moved.store(seen.len() > 3, Ordering::Relaxed);
            let request = || Box::new(Request::new(RequestBody::empty()));
            let mut attempt = Attempt::default();
            let response = upstream.send(request(), &request, &mut attempt).await.unwrap();
            let body = response.into_body().collect().await.unwrap().to_bytes();
            seen.push_str(&String::from_utf8_lossy(&body));
        }
        assert!(seen.starts_with("aaaa") && seen.ends_with('b'), "{}", seen.len());
    }
}
