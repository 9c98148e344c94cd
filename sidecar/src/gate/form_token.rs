//! Detects an access token in a form body.
//!
//! Beside a token in the header it is a second credential, which the upstream might use although it was not verified
//! (RFC 6750 section 2). The beginning of a form is read before the request is forwarded; the rest is checked as it
//! streams.

use std::collections::VecDeque;
use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use actgate::request::names_access_token;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;

/// How much of a form is read before it is forwarded. Most forms are shorter.
const PREFIX_BYTES: usize = 64 * 1024;

/// How long that may take: a slower form is checked as it streams.
const PREFIX_TIME: Duration = Duration::from_secs(1);

/// The media type of a form.
const FORM: &[u8] = b"application/x-www-form-urlencoded";

/// Why a body ends early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FormError {
    /// It is a form with an access token.
    #[error("the form contains an access token")]
    Token,
    /// The client stopped sending.
    #[error(transparent)]
    Client(Box<dyn Error + Send + Sync>),
}

impl FormError {
    /// The reason to deny the request, in a lowercase sentence.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            FormError::Token => "a token in the header and one in the form",
            FormError::Client(_) => "the body of the request is malformed or incomplete",
        }
    }
}

/// Whether some server reads the body of a request as a form.
///
/// Servers end the media type at `;`, at `,` or at a blank, look for its beginning only, or take a body without a media
/// type for a form: the name of the type at any place counts, and so does no type.
pub(crate) fn is_form(headers: &HeaderMap) -> bool {
    let mut types = headers
        .get_all(CONTENT_TYPE)
        .iter()
        .map(HeaderValue::as_bytes)
        .peekable();
    types.peek().is_none() || types.any(|value| value.trim_ascii().is_empty() || names_form(value))
}

fn names_form(content_type: &[u8]) -> bool {
    let mut parts = content_type.windows(FORM.len());
    parts.any(|part| part.eq_ignore_ascii_case(FORM))
}

/// The body of a request. The beginning of a form contains no token.
#[derive(Debug)]
pub(crate) struct Content<B> {
    prefix: VecDeque<Bytes>,
    rest: B,
    /// None where the body is not a form.
    names: Option<Names>,
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
            names: None,
        }
    }

    /// Reads the beginning of a form. Fails when it contains a token, or the client stops sending.
    pub(crate) async fn form(body: B) -> Result<Content<B>, FormError> {
        let mut form = Content::opaque(body);
        form.names = Some(Names::default());
        let deadline = tokio::time::Instant::now() + PREFIX_TIME;
        let mut read = 0;
        while read < PREFIX_BYTES {
            // A timeout is not an error: the rest is checked as it arrives.
            let Ok(Some(frame)) = tokio::time::timeout_at(deadline, form.rest.frame()).await else {
                break;
            };
            if let Ok(data) = form.check(frame)?.into_data() {
                read += data.len();
                form.prefix.push_back(data);
            }
        }
        Ok(form)
    }

    fn check(&mut self, frame: Result<Frame<Bytes>, B::Error>) -> Result<Frame<Bytes>, FormError> {
        let frame = frame.map_err(|error| FormError::Client(error.into()))?;
        if let (Some(names), Some(data)) = (&mut self.names, frame.data_ref())
            && names.include_token(data)
        {
            return Err(FormError::Token);
        }
        Ok(frame)
    }
}

impl<B> Body for Content<B>
where
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Unpin,
{
    type Data = Bytes;
    type Error = FormError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, FormError>>> {
        let content = self.get_mut();
        if let Some(data) = content.prefix.pop_front() {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        let frame = Pin::new(&mut content.rest).poll_frame(cx);
        frame.map(|frame| frame.map(|frame| content.check(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.prefix.is_empty() && self.rest.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let prefix: u64 = self.prefix.iter().map(|data| data.len() as u64).sum();
        let rest = self.rest.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(prefix + rest.lower());
        if let Some(upper) = rest.upper() {
            hint.set_upper(prefix + upper);
        }
        hint
    }
}

/// The longest name that is read: `access_token` with every byte escaped, and a bracket.
const MAX_NAME_BYTES: usize = 3 * "access_token".len() + 16;

/// Reads the names of a form's parameters as its bytes arrive.
#[derive(Debug, Default)]
struct Names {
    /// The name so far.
    name: Vec<u8>,
    /// Within a value, or within a name that is too long.
    skips: bool,
}

impl Names {
    /// Whether a name that ends in `data` is that of an access token.
    fn include_token(&mut self, data: &[u8]) -> bool {
        for byte in data {
            match byte {
                // Some servers also separate parameters by semicolons.
                b'&' | b';' => *self = Names::default(),
                _ if self.skips => {}
                b'=' if names_token(&self.name) => return true,
                b'=' => self.skips = true,
                byte => {
                    self.name.push(*byte);
                    // Some servers ignore blanks before a name, however many.
                    if matches!(self.name.as_slice(), b"+" | b" " | b"%20") {
                        self.name.clear();
                    }
                    self.skips = self.name.len() > MAX_NAME_BYTES;
                }
            }
        }
        false
    }
}

fn names_token(name: &[u8]) -> bool {
    url::form_urlencoded::parse(name).any(|(name, _)| names_access_token(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has_token(form: &str, step: usize) -> bool {
        let mut names = Names::default();
        form.as_bytes().chunks(step).any(|data| names.include_token(data))
    }

    #[test]
    fn a_token_is_found_at_any_place_and_in_any_fragmentation() {
        let long = "x".repeat(100_000);
        for form in [
            "access_token=a".to_owned(),
            "a=1&access_token=b".to_owned(),
            "access%5Ftoken=b".to_owned(),
            "%61%63%63%65%73%73%5f%74%6f%6b%65%6e=b".to_owned(),
            "a=1;access_token=b".to_owned(),
            "a&access_token=".to_owned(),
            format!("{long}={long}&access_token=b"),
            "+access_token=b".to_owned(),
            format!("{}access_token=b", "+".repeat(100)),
            format!("{}access_token=b", "%20".repeat(100)),
            "access+token=b".to_owned(),
            "access.token=b".to_owned(),
            "access_token[]=b".to_owned(),
            "access%20token%5B0%5D=b".to_owned(),
        ] {
            for step in [1, 2, 7, 1000] {
                assert!(has_token(&form, step), "{form:.60} in steps of {step}");
            }
        }
    }

    #[test]
    fn other_names_pass() {
        for form in [
            "",
            "a=access_token",
            "a=1&b=access_token%3Db",
            "xaccess_token=1",
            "access_token_=1",
            "access_tokens=1",
            "access_token",
            "Access_Token=1",
        ] {
            for step in [1, 5, 1000] {
                assert!(!has_token(form, step), "{form} in steps of {step}");
            }
        }
    }

    #[test]
    fn a_form_is_what_some_server_reads_as_one() {
        let of = |value| is_form(&HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(value))]));
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
            assert!(of(form), "{form:?}");
        }
        for other in [
            "application/json",
            "multipart/form-data; boundary=x",
            "x-www-form-urlencoded",
        ] {
            assert!(!of(other), "{other:?}");
        }
        assert!(is_form(&HeaderMap::new()), "no type");
    }
}
