//! Checks the body of a request that is a form, or JSON.
//!
//! An access token in a form beside the one in the header is a second credential, which the upstream might use although it was not
//! verified (RFC 6750 section 2). A method in a parameter `_method` may replace the one that was authorized. The beginning of
//! a form is read before the request is forwarded; the rest is checked as it streams.

use std::collections::VecDeque;
use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use actgate::request::{DeniedMethods, MethodScan};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;

use super::form_token::{Encoding, TokenScan};
use super::head_error::HeadError;
use crate::connection::timed_body::Stalled;

/// How much of a form is read before it is forwarded. Most forms are shorter.
const PREFIX_BYTES: usize = 64 * 1024;

/// How long that may take: a slower form is checked as it streams.
const PREFIX_TIME: Duration = Duration::from_secs(1);

const URL_ENCODED: &[u8] = b"application/x-www-form-urlencoded";

/// Some servers read a form in any multipart body.
const MULTIPART: &[u8] = b"multipart/";

/// Some frameworks read a method in a JSON body as they do in a form (Laravel, Slim).
const JSON: &[u8] = b"json";

/// Why a body ends early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FormError {
    /// It is a form with an access token.
    #[error("the form contains an access token")]
    Token,
    /// It names a method that requires another access.
    #[error("the body names a method that requires another access")]
    Method,
    /// The client stopped sending.
    #[error(transparent)]
    Client(Box<dyn Error + Send + Sync>),
}

impl FormError {
    /// The denial of a request of which a part may have been forwarded.
    pub(crate) fn head_error(&self) -> HeadError {
        match self {
            FormError::Client(error) => body_error(&**error),
            _ => HeadError::ambiguous(self.reason()),
        }
    }

    /// The reason to deny the request, in a lowercase sentence.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            FormError::Token => "a token in the header and one in the form",
            FormError::Method => "the method in the body (`_method`) requires another access",
            FormError::Client(_) => HeadError::BODY_INCOMPLETE.reason,
        }
    }
}

/// The denial of a request whose body failed.
pub(crate) fn body_error(error: &(dyn Error + Send + Sync + 'static)) -> HeadError {
    match error.is::<Stalled>() {
        true => HeadError::BODY_STALLED,
        false => HeadError::BODY_INCOMPLETE,
    }
}

/// How some server reads the body of a request as a form, if one does.
///
/// Servers end the media type at `;`, at `,` or at a blank, look for its beginning only, or take a body without a media
/// type for a form: the name of the type at any place counts, and so does no type.
pub(crate) fn encoding(headers: &HeaderMap) -> Option<Encoding> {
    let types = headers.get_all(CONTENT_TYPE).iter().map(HeaderValue::as_bytes);
    let mut types = types.filter(|value| !value.trim_ascii().is_empty()).peekable();
    if types.peek().is_none() {
        return Some(Encoding::UrlEncoded);
    }
    let (mut url_encoded, mut multipart, mut json) = (false, false, false);
    for value in types {
        json |= names(value, JSON);
        url_encoded |= names(value, URL_ENCODED);
        multipart |= names(value, MULTIPART);
    }
    match (url_encoded, multipart) {
        (true, true) => Some(Encoding::Either),
        (true, false) => Some(Encoding::UrlEncoded),
        (false, true) => Some(Encoding::Multipart),
        (false, false) if json => Some(Encoding::Json),
        (false, false) => None,
    }
}

fn names(content_type: &[u8], media_type: &[u8]) -> bool {
    let mut parts = content_type.windows(media_type.len());
    parts.any(|part| part.eq_ignore_ascii_case(media_type))
}

/// What the form of a request must not contain.
#[derive(Debug)]
pub(crate) struct FormRules {
    pub(crate) encoding: Encoding,
    pub(crate) access_token: AccessTokenRule,
    pub(crate) methods: DeniedMethods,
}

/// Whether a form may contain an access token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AccessTokenRule {
    /// The token in the header is the only credential.
    Denied,
    /// The route is public: a token is not verified at all.
    Ignored,
}

impl FormRules {
    /// Whether a body may contain anything, so that it need not be read.
    pub(crate) fn permit_all(&self) -> bool {
        let is_json = self.encoding == Encoding::Json;
        (self.access_token == AccessTokenRule::Ignored || is_json) && self.methods.is_empty()
    }
}

/// Checks the bytes of a body as they arrive.
#[derive(Debug)]
struct Inspection {
    /// None where a token may be in the body.
    tokens: Option<TokenScan>,
    methods: MethodScan,
}

impl Inspection {
    fn new(rules: FormRules) -> Self {
        Inspection {
            tokens: match rules.access_token {
                AccessTokenRule::Denied => Some(TokenScan::of(rules.encoding)),
                AccessTokenRule::Ignored => None,
            },
            methods: rules.methods.scan(),
        }
    }

    fn check(&mut self, data: &[u8]) -> Result<(), FormError> {
        if self.tokens.as_mut().is_some_and(|tokens| tokens.finds(data)) {
            return Err(FormError::Token);
        }
        match self.methods.finds(data) {
            true => Err(FormError::Method),
            false => Ok(()),
        }
    }
}

/// The body of a request. The beginning of a form meets its rules.
#[derive(Debug)]
pub(crate) struct Content<B> {
    /// Data, and the trailers of a body that is read to its end.
    prefix: VecDeque<Frame<Bytes>>,
    rest: B,
    /// None where the body is not inspected.
    inspection: Option<Inspection>,
}

impl<B> Content<B>
where
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Unpin,
{
    /// A body that is not inspected.
    pub(crate) fn opaque(body: B) -> Content<B> {
        Content {
            prefix: VecDeque::new(),
            rest: body,
            inspection: None,
        }
    }

    /// Reads the beginning of a form. Fails when it does not meet the rules, or the client stops sending.
    pub(crate) async fn form(body: B, rules: FormRules) -> Result<Content<B>, FormError> {
        let mut form = Content::opaque(body);
        form.inspection = Some(Inspection::new(rules));
        let deadline = tokio::time::Instant::now() + PREFIX_TIME;
        let mut read = 0;
        while read < PREFIX_BYTES {
            // A timeout is not an error: the rest is checked as it arrives.
            let Ok(Some(frame)) = tokio::time::timeout_at(deadline, form.rest.frame()).await else {
                break;
            };
            let frame = form.check(frame)?;
            read += length(&frame);
            form.prefix.push_back(frame);
        }
        Ok(form)
    }

    fn check(&mut self, frame: Result<Frame<Bytes>, B::Error>) -> Result<Frame<Bytes>, FormError> {
        let frame = frame.map_err(|error| FormError::Client(error.into()))?;
        if let (Some(inspection), Some(data)) = (&mut self.inspection, frame.data_ref()) {
            inspection.check(data)?;
        }
        Ok(frame)
    }
}

/// The bytes of data in a frame.
fn length(frame: &Frame<Bytes>) -> usize {
    frame.data_ref().map_or(0, Bytes::len)
}

impl<B> Body for Content<B>
where
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Unpin,
{
    type Data = Bytes;
    type Error = FormError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, FormError>>> {
        let content = self.get_mut();
        if let Some(frame) = content.prefix.pop_front() {
            return Poll::Ready(Some(Ok(frame)));
        }
        let frame = Pin::new(&mut content.rest).poll_frame(cx);
        frame.map(|frame| frame.map(|frame| content.check(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.prefix.is_empty() && self.rest.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let prefix = self.prefix.iter().map(length).sum::<usize>() as u64;
        let rest = self.rest.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(prefix + rest.lower());
        if let Some(upper) = rest.upper() {
            hint.set_upper(prefix + upper);
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_what_some_server_reads_as_one() {
        let of = |value| encoding(&HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(value))]));
        for form in [
            "application/x-www-form-urlencoded",
            "Application/X-WWW-form-urlencoded ; charset=utf-8",
            "application/x-www-form-urlencoded, text/plain",
            "application/x-www-form-urlencoded\tx",
            "application/x-www-form-urlencodedx",
            "text/plain, application/x-www-form-urlencoded",
            "",
            " ",
        ] {
            assert_eq!(of(form), Some(Encoding::UrlEncoded), "{form:?}");
        }
        for form in [
            "multipart/form-data; boundary=x",
            "Multipart/Form-Data",
            "text/plain, multipart/form-data",
            "multipart/mixed; boundary=x",
            "multipart/related; boundary=x; type=text/plain",
        ] {
            assert_eq!(of(form), Some(Encoding::Multipart), "{form:?}");
        }
        for ambiguous in [
            "multipart/form-data; boundary=x; y=application/x-www-form-urlencoded",
            "application/x-www-form-urlencoded; y=multipart/form-data",
            "application/x-www-form-urlencoded, multipart/mixed; boundary=x",
        ] {
            assert_eq!(of(ambiguous), Some(Encoding::Either), "{ambiguous:?}");
        }
        let lines = ["multipart/form-data; boundary=x", "application/x-www-form-urlencoded"];
        for lines in [lines, [lines[1], lines[0]]] {
            let mut headers = HeaderMap::new();
            for value in lines {
                headers.append(CONTENT_TYPE, HeaderValue::from_static(value));
            }
            assert_eq!(encoding(&headers), Some(Encoding::Either), "{lines:?}");
        }
        for other in ["application/xml", "x-www-form-urlencoded", "multipart"] {
            assert_eq!(of(other), None, "{other:?}");
        }
        assert_eq!(encoding(&HeaderMap::new()), Some(Encoding::UrlEncoded), "no type");
    }
}
