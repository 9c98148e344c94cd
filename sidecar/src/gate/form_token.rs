//! A token in a form beside one in the header: two credentials, of which the upstream might read the one that nobody judged (RFC 6750
//! section 2).
//!
//! The opening of a form is read before anything goes on; what comes after it is watched as it streams.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

/// How much of a form is read before it goes on. Nearly every form is shorter.
const OPENING_BYTES: usize = 64 * 1024;

/// How long that may take: a slower form is watched as it streams.
const OPENING_WITHIN: Duration = Duration::from_secs(1);

/// The form holds a token of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the form holds a token beside the one in the header")]
pub struct TokenInForm;

/// Why a form ends before its end.
#[derive(Debug, thiserror::Error)]
pub enum FormError {
    /// It holds a token of its own.
    #[error(transparent)]
    Token(#[from] TokenInForm),
    /// The client stopped sending.
    #[error(transparent)]
    Client(#[from] hyper::Error),
}

/// Is the body of this request a form?
pub fn is_form(headers: &HeaderMap) -> bool {
    let named = |value: &http::HeaderValue| {
        let media_type = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
        media_type
            .trim_ascii()
            .eq_ignore_ascii_case(b"application/x-www-form-urlencoded")
    };
    headers.get_all(CONTENT_TYPE).iter().any(named)
}

/// A form whose opening holds no token, on its way to the upstream.
#[derive(Debug)]
pub struct Form {
    opening: VecDeque<Bytes>,
    incoming: Incoming,
    names: Names,
}

impl Form {
    /// Reads the opening of a form.
    ///
    /// # Errors
    /// When a token stands in it, or the client stops sending.
    pub async fn open(incoming: Incoming) -> Result<Form, FormError> {
        let mut form = Form {
            opening: VecDeque::new(),
            incoming,
            names: Names::default(),
        };
        let deadline = tokio::time::Instant::now() + OPENING_WITHIN;
        let mut read = 0;
        while read < OPENING_BYTES {
            // The time being up is no fault of the form: the rest is watched as it comes.
            let Ok(Some(frame)) = tokio::time::timeout_at(deadline, form.incoming.frame()).await else {
                break;
            };
            if let Ok(data) = frame?.into_data() {
                form.names.watch(&data)?;
                read += data.len();
                form.opening.push_back(data);
            }
        }
        Ok(form)
    }
}

impl Body for Form {
    type Data = Bytes;
    type Error = FormError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, FormError>>> {
        let form = self.get_mut();
        if let Some(data) = form.opening.pop_front() {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        Pin::new(&mut form.incoming).poll_frame(cx).map(|frame| {
            frame.map(|frame| {
                let frame = frame?;
                if let Some(data) = frame.data_ref() {
                    form.names.watch(data)?;
                }
                Ok(frame)
            })
        })
    }

    fn is_end_stream(&self) -> bool {
        self.opening.is_empty() && self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let opening: u64 = self.opening.iter().map(|data| data.len() as u64).sum();
        let rest = self.incoming.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(opening + rest.lower());
        if let Some(upper) = rest.upper() {
            hint.set_upper(opening + upper);
        }
        hint
    }
}

/// The name of the parameter, of which each byte may be escaped.
const TOKEN_NAME: &str = "access_token";
/// Room for a bracket and a few blanks behind it.
const LONGEST_NAME: usize = 3 * TOKEN_NAME.len() + 16;

/// Reads the names of a form's parameters as its bytes come in.
#[derive(Debug, Default)]
struct Names {
    /// The name so far; none within a value, or within a name that is too long to be the one that is looked for.
    name: Option<Vec<u8>>,
    begun: bool,
}

impl Names {
    fn watch(&mut self, data: &[u8]) -> Result<(), TokenInForm> {
        if !self.begun {
            self.begun = true;
            self.name = Some(Vec::new());
        }
        for byte in data {
            match byte {
                // Some servers part parameters by semicolons too.
                b'&' | b';' => self.name = Some(Vec::new()),
                b'=' => {
                    if self.name.take().is_some_and(|name| is_token(&name)) {
                        return Err(TokenInForm);
                    }
                }
                byte => {
                    if let Some(name) = &mut self.name {
                        name.push(*byte);
                        match name.as_slice() {
                            // Blanks in front of a name are no part of it to some servers, however many there are.
                            b"+" | b" " | b"%20" => name.clear(),
                            name if name.len() > LONGEST_NAME => self.name = None,
                            _ => {}
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

/// Whether some server would take this name for that of a token: some fold blanks and dots into `_`, and cut at a bracket.
fn is_token(name: &[u8]) -> bool {
    url::form_urlencoded::parse(name).any(|(name, _)| {
        let name = name.split('[').next().unwrap_or_default().trim();
        name.len() == TOKEN_NAME.len() && name.replace([' ', '.'], "_") == TOKEN_NAME
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn watched(form: &str, step: usize) -> Result<(), TokenInForm> {
        let mut names = Names::default();
        form.as_bytes().chunks(step).try_for_each(|data| names.watch(data))
    }

    #[test]
    fn a_token_is_found_wherever_it_stands_and_however_it_is_cut() {
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
                assert_eq!(watched(&form, step), Err(TokenInForm), "{form:.60} in steps of {step}");
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
                assert_eq!(watched(form, step), Ok(()), "{form} in steps of {step}");
            }
        }
    }

    #[test]
    fn a_form_is_told_by_its_media_type() {
        let of = |value| is_form(&HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(value))]));
        assert!(of("application/x-www-form-urlencoded") && of("Application/X-WWW-form-urlencoded ; charset=utf-8"));
        assert!(!of("application/json") && !of("multipart/form-data") && !is_form(&HeaderMap::new()));
    }
}
