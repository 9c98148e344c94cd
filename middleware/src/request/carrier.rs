//! The header that carries the token of a request: `Authorization`, or one that an issuer's tokens have to themselves.

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName};

use super::bearer;
use crate::error::Error;

/// Where the token of a request is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Carrier<'c> {
    /// In `Authorization`.
    Authorization,
    /// In this header, without a scheme.
    Header(&'c HeaderName),
    /// Given by itself: as if it were where its issuer's tokens are.
    Any,
}

/// The one token of a request, and where it is.
#[derive(Clone, Copy)]
pub(crate) struct Credential<'r, 'c> {
    /// They are a text if the token is known. That of any other token is checked when it is [asked for](Self::text).
    pub(crate) bytes: &'r [u8],
    pub(crate) carrier: Carrier<'c>,
}

impl<'r> Credential<'r, '_> {
    /// # Errors
    /// [`Error::InvalidRequest`] for bytes that are no text.
    pub(crate) fn text(&self) -> Result<&'r str, Error> {
        std::str::from_utf8(self.bytes).map_err(|_| match self.carrier {
            Carrier::Header(_) => Error::InvalidRequest {
                reason: "the header of the token is not ASCII",
            },
            Carrier::Authorization | Carrier::Any => bearer::not_ascii(),
        })
    }
}

impl Carrier<'_> {
    /// Checks that the tokens of an issuer are accepted here; `own` is the header that it has to itself.
    ///
    /// # Errors
    /// [`Error::MisplacedToken`].
    pub(crate) fn check(self, own: Option<&HeaderName>) -> Result<(), Error> {
        match (self, own) {
            (Carrier::Authorization, None) | (Carrier::Any, _) => Ok(()),
            (Carrier::Header(used), Some(own)) if used == own => Ok(()),
            _ => Err(Error::MisplacedToken),
        }
    }
}

/// The one token in the headers of a request. It does NOT check the form of the token, nor that it is text.
///
/// # Errors
/// [`Error::MissingToken`] for none, [`Error::InvalidRequest`] for more than one.
#[inline]
pub(super) fn token<'r, 'c>(headers: &'r HeaderMap, carriers: &'c [HeaderName]) -> Result<Credential<'r, 'c>, Error> {
    if !carriers.is_empty()
        && let Some(credential) = in_own_header(headers, carriers)?
    {
        return Ok(credential);
    }
    Ok(Credential {
        bytes: bearer::bearer(headers)?,
        carrier: Carrier::Authorization,
    })
}

/// The token in the header of an issuer; [`None`] without such a header.
#[inline(never)]
fn in_own_header<'r, 'c>(
    headers: &'r HeaderMap,
    carriers: &'c [HeaderName],
) -> Result<Option<Credential<'r, 'c>>, Error> {
    let ambiguous = |reason| Err(Error::InvalidRequest { reason });
    let mut present = carriers.iter().filter(|carrier| headers.contains_key(*carrier));
    let Some(carrier) = present.next() else {
        return Ok(None);
    };
    if present.next().is_some() {
        return ambiguous("tokens in two headers");
    }
    if headers.contains_key(AUTHORIZATION) {
        return ambiguous("a token in a header of its own and an authorization field");
    }
    let mut fields = headers.get_all(carrier).iter();
    match (fields.next(), fields.next()) {
        (Some(field), None) => Ok(Some(Credential {
            bytes: field.as_bytes(),
            carrier: Carrier::Header(carrier),
        })),
        _ => ambiguous("more than one field of the header of the token"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    const OWN: HeaderName = HeaderName::from_static("cf-access-jwt-assertion");
    const OTHER: HeaderName = HeaderName::from_static("x-goog-iap-jwt-assertion");

    /// The token and its header, or the status.
    fn read(fields: &[(&'static str, &'static str)]) -> Result<(String, Option<String>), u16> {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_static(value));
        }
        let carriers = [OWN, OTHER];
        let read = token(&headers, &carriers).and_then(|credential| {
            let header = match credential.carrier {
                Carrier::Header(header) => Some(header.as_str().to_owned()),
                _ => None,
            };
            Ok((credential.text()?.to_owned(), header))
        });
        read.map_err(|error| error.status().as_u16())
    }

    #[test]
    fn a_token_is_in_one_header() {
        let own = "cf-access-jwt-assertion";
        assert_eq!(read(&[(own, "a.b.c")]), Ok(("a.b.c".into(), Some(own.into()))));
        assert_eq!(read(&[("authorization", "Bearer a.b.c")]), Ok(("a.b.c".into(), None)));
        assert_eq!(read(&[]), Err(401));
        assert_eq!(
            read(&[("cf_access_jwt_assertion", "a.b.c")]),
            Err(401),
            "another header"
        );
        for two in [
            [(own, "a"), (own, "a")],
            [(own, "a"), ("authorization", "Bearer a")],
            [(own, "a"), ("authorization", "Basic YTpi")],
            [(own, "a"), ("authorization", "")],
            [(own, "a"), ("x-goog-iap-jwt-assertion", "a")],
            [(own, ""), ("x-goog-iap-jwt-assertion", "a")],
        ] {
            assert_eq!(read(&two), Err(400), "{two:?}");
        }
    }

    #[test]
    fn the_tokens_of_an_issuer_are_in_its_header_alone() {
        let check = |carrier: Carrier<'_>, own: Option<&HeaderName>| carrier.check(own).is_ok();
        assert!(check(Carrier::Authorization, None));
        assert!(check(Carrier::Header(&OWN), Some(&OWN)));
        assert!(!check(Carrier::Header(&OWN), None));
        assert!(!check(Carrier::Header(&OWN), Some(&OTHER)));
        assert!(!check(Carrier::Authorization, Some(&OWN)));
        assert!(check(Carrier::Any, None) && check(Carrier::Any, Some(&OWN)));
    }
}
