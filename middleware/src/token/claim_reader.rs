//! Typed access to the members of a JSON object in a token.

use std::ops::Deref;

use crate::error::{Error, Reason};
use crate::json::{Json, Object};
use crate::limits::Limits;

/// Reads claims of one object. Every method returns [`None`] for an absent claim and an error for one of a wrong type.
#[derive(Clone, Copy)]
pub(crate) struct ClaimReader<'r, 'a> {
    object: &'r Object<'a>,
    limits: &'r Limits,
}

/// A string, or an array of strings. Most tokens have the former, which needs no allocation.
pub(crate) enum Texts<'r> {
    Text([&'r str; 1]),
    List(Vec<&'r str>),
}

impl<'r> Deref for Texts<'r> {
    type Target = [&'r str];

    fn deref(&self) -> &[&'r str] {
        match self {
            Texts::Text(text) => text,
            Texts::List(texts) => texts,
        }
    }
}

impl<'r, 'a> ClaimReader<'r, 'a> {
    /// The object that is read.
    pub(crate) fn object(self) -> &'r Object<'a> {
        self.object
    }

    pub(crate) fn new(object: &'r Object<'a>, limits: &'r Limits) -> Self {
        ClaimReader { object, limits }
    }

    /// A string.
    pub(crate) fn text(self, claim: &'static str) -> Result<Option<&'r str>, Error> {
        match self.object.get(claim) {
            None => Ok(None),
            Some(Json::String(text)) => Ok(Some(text)),
            Some(_) => Err(malformed(claim)),
        }
    }

    /// A string that identifies a party or a client: not blank, bounded, and without control characters, which could
    /// break a log line or a header.
    pub(crate) fn identifier(self, claim: &'static str) -> Result<Option<&'r str>, Error> {
        match self.text(claim)? {
            Some(text) if text.len() > self.limits.identifier_bytes => Err(Error::claim(claim, Reason::TooLong)),
            // Nearly every identifier has none but these characters.
            Some(text) if !text.is_empty() && is_graphic(text) => Ok(Some(text)),
            Some(text) if text.trim().is_empty() || text.contains(char::is_control) => Err(malformed(claim)),
            text => Ok(text),
        }
    }

    /// An array of strings. An absent claim is an empty one.
    pub(crate) fn texts(self, claim: &'static str) -> Result<Vec<&'r str>, Error> {
        match self.object.get(claim) {
            None => Ok(Vec::new()),
            Some(Json::Array(items)) => items.iter().map(|item| item.as_str().ok_or(malformed(claim))).collect(),
            Some(_) => Err(malformed(claim)),
        }
    }

    /// An array of strings.
    pub(crate) fn list(self, claim: &'static str) -> Result<Option<Vec<&'r str>>, Error> {
        match self.object.get(claim) {
            None => Ok(None),
            Some(_) => self.texts(claim).map(Some),
        }
    }

    /// A string or an array of strings.
    pub(crate) fn text_or_texts(self, claim: &'static str) -> Result<Option<Texts<'r>>, Error> {
        match self.object.get(claim) {
            None => Ok(None),
            Some(Json::String(text)) => Ok(Some(Texts::Text([text]))),
            Some(_) => Ok(Some(Texts::List(self.texts(claim)?))),
        }
    }

    /// A NumericDate (RFC 7519 section 2): seconds since 1970. A fraction is dropped.
    pub(crate) fn date(self, claim: &'static str) -> Result<Option<u64>, Error> {
        // Above 2^53 a floating-point number is no exact second.
        const LAST: f64 = 9_007_199_254_740_992.0;
        match self.object.get(claim) {
            None => Ok(None),
            Some(Json::Number(number)) => match (number.as_u64(), number.as_f64()) {
                (Some(seconds), _) => Ok(Some(seconds)),
                (None, Some(seconds)) if (0.0..=LAST).contains(&seconds) => Ok(Some(seconds as u64)),
                _ => Err(malformed(claim)),
            },
            Some(_) => Err(malformed(claim)),
        }
    }

    /// A boolean.
    pub(crate) fn flag(self, claim: &'static str) -> Result<Option<bool>, Error> {
        match self.object.get(claim) {
            None => Ok(None),
            Some(Json::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => Err(malformed(claim)),
        }
    }
}

/// Whether a text has no other characters than those of ASCII that print. Without a branch for each byte, several are compared at once.
fn is_graphic(text: &str) -> bool {
    text.bytes()
        .fold(true, |graphic, byte| graphic & byte.is_ascii_graphic())
}

pub(crate) fn missing(claim: &'static str) -> Error {
    Error::claim(claim, Reason::Missing)
}

pub(crate) fn malformed(claim: &'static str) -> Error {
    Error::claim(claim, Reason::Malformed)
}
