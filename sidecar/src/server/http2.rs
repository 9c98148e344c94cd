//! Serves a connection of HTTP/2 (RFC 9113).
//!
//! hyper and h2 limit what a client makes the gate keep: reset streams, `CONTINUATION` frames, queued control frames.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use actgate::challenge::Protocol;
use http::header::CONTENT_LENGTH;
use http::{Method, Request};
use http_body::Body as _;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::time::Instant;
use tokio_io_timeout::TimeoutWriter;

use super::clients::{MadeRoom, Service, caller_of};
use super::connections::Place;
use super::cookie_crumbs;
use super::frame_time::TimedFrames;
use super::limits::ConnectionLimits;
use super::running::Current;
use super::stream::Stream;
use super::tunnel::StreamUse;
use super::unread_stream::{ReadBody, StreamExecutor};
use super::whole_body::WholeBody;
use crate::connection::activity::Activity;
use crate::connection::timed_body::TimedBody;
use crate::gate::connection_info::ConnectionInfo;
use crate::headers::media_type::MediaType;
use crate::proxy::Answer;
use crate::proxy::request_body;
use crate::proxy::response_body::ResponseBody;

/// The streams of one connection at a time.
const STREAMS: u32 = 100;

/// How much of request bodies a client may send ahead: of one stream, and of all streams of a connection.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;

/// How much of a response waits for its client, in each stream.
const SEND_BUFFER: usize = 64 * 1024;

/// A connection is closed if the client does not answer a `PING`, which is sent when it has sent nothing for a time.
const PING_INTERVAL: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// Streams that a client may reset before the gate has seen them.
const PENDING_RESETS: usize = 20;

/// Streams that the gate may reset because of errors of the client.
const RESETS_FOR_ERRORS: usize = 1024;

/// Serves `socket` to its end, which comes with the last stream once draining has begun.
pub(super) async fn serve(
    socket: Stream,
    connection: ConnectionInfo,
    place: &Place,
    limits: ConnectionLimits,
    (service, current): (Service, Current),
) {
    let mut socket = Box::pin(TimeoutWriter::new(TimedFrames::new(socket, limits.header)));
    socket.as_mut().set_timeout_pinned(Some(limits.body));
    let (activity, era, connection) = (place.activity().clone(), place.era(), Arc::new(connection));
    // A stream may end at any time: a client that resets it drops the service, or the body of its response.
    activity.has_streams();
    let requests = service_fn(move |request: Request<Incoming>| {
        let begun = activity.begin();
        let (mut parts, body) = request.into_parts();
        cookie_crumbs::join(&mut parts.headers);
        let stream_use = StreamUse::of(&mut parts);
        let (current, activity, era) = (current.clone(), activity.clone(), era.clone());
        let connection = Arc::clone(&connection);
        // hyper and tokio move the future of a stream several times.
        Box::pin(async move {
            let exchange = begun.ok_or(MadeRoom)?;
            let running = current.load();
            // A call of gRPC may be silent for longer than other bodies.
            let limit = match Protocol::of(&parts.method, &parts.headers) {
                Protocol::Grpc => service.stream_idle(&running, limits.body),
                _ => limits.body,
            };
            let body = match body.is_end_stream() {
                true => request_body::empty(),
                false => exchange.track(TimedBody::new(WholeBody(body), limit)).boxed_unsync(),
            };
            let is_head = parts.method == Method::HEAD;
            let mut response = service.answer(&running, &era, (&mut parts, &connection), body).await;
            activity.answered(caller_of(&response));
            if is_head {
                leave_out_content(&mut response);
            }
            stream_use.follow(&mut response, &exchange);
            let limit = match response.body().media_type() {
                MediaType::EventStream | MediaType::Grpc => service.stream_idle(&running, limits.body),
                MediaType::Other => limits.body,
            };
            Ok::<_, MadeRoom>(response.map(|body| exchange.track(ReadBody::new(body, limit))))
        })
    });
    let connection = http2::Builder::new(StreamExecutor)
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .max_header_list_size(limits.max_head)
        .max_pending_accept_reset_streams(PENDING_RESETS)
        .max_local_error_reset_streams(RESETS_FOR_ERRORS)
        .enable_connect_protocol()
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .serve_connection(TokioIo::new(socket), requests);
    let mut connection = pin!(connection);

    place.ends_when_drained();
    let opened = Instant::now();
    let ended = tokio::select! {
        result = connection.as_mut() => Ok(result),
        () = place.draining() => Err(match place.activity().idle() {
            Some(_) => limits.idle_drain(),
            None => limits.drain / 2,
        }),
        () = unused(place.activity(), opened, limits.keep_alive) => Err(limits.body),
    };
    let result = match ended {
        Ok(result) => result,
        Err(limit) => {
            // The client learns which streams are served (`GOAWAY`), and they end. What is left of the last responses is
            // sent: the connection ends when the client has received it, and has confirmed the `GOAWAY`.
            connection.as_mut().graceful_shutdown();
            let begun = Instant::now();
            tokio::select! {
                result = connection => result,
                () = unused(place.activity(), begun, limit) => Ok(()),
            }
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "connection ended early");
    }
}

/// Leaves the content out of an answer of the gate itself to HEAD (RFC 9110 section 9.3.2). hyper does so over HTTP/1 alone.
fn leave_out_content(response: &mut Answer) {
    let length = response.body().size_hint().exact().filter(|length| *length > 0);
    if let (ResponseBody::Own(_), Some(length)) = (response.body(), length) {
        response.headers_mut().entry(CONTENT_LENGTH).or_insert(length.into());
        *response.body_mut() = ResponseBody::Own(Full::default());
    }
}

/// Resolves when there has been no stream for `limit`, since `begun` at the earliest.
async fn unused(activity: &Activity, begun: Instant, limit: Duration) {
    loop {
        let left = match activity.idle() {
            Some((_, since)) => limit.saturating_sub(since.max(begun).elapsed()),
            None => limit,
        };
        if left.is_zero() {
            return;
        }
        tokio::time::sleep(left).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_unused_from_the_end_of_its_last_stream_on() {
        let activity = Activity::default();
        activity.has_streams();
        let exchange = activity.begin().unwrap();
        let body = exchange.track(());
        drop(exchange);
        let user = async {
            tokio::time::sleep(3 * LIMIT / 2).await;
            drop(body);
            Instant::now()
        };
        let end = async {
            unused(&activity, Instant::now(), LIMIT).await;
            Instant::now()
        };
        let (ended, end) = tokio::join!(user, end);
        assert!(end >= ended + LIMIT && end < ended + LIMIT + Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_before_the_begin_does_not_count() {
        let activity = Activity::default();
        tokio::time::advance(2 * LIMIT).await;
        let begun = Instant::now();
        unused(&activity, begun, LIMIT).await;
        assert_eq!(begun.elapsed(), LIMIT);
    }
}
