//! The credential of a request: one bearer token in `Authorization` (RFC 6750 section 2.1).
//!
//! The form body and cookies are NOT read: a token there is no credential.

use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::parameter_name;
use crate::error::Error;

/// Finds the one bearer token in the headers of a request. It does NOT check the form of the token, nor that it is text: a
/// cached token is.
///
/// # Errors
/// [`Error::MissingToken`] for no credential or one of another scheme, [`Error::InvalidRequest`] for more than one.
#[inline(always)]
pub(super) fn bearer(headers: &HeaderMap) -> Result<&[u8], Error> {
    let mut fields = headers.get_all(AUTHORIZATION).iter();
    let Some(field) = fields.next() else {
        return Err(Error::MissingToken);
    };
    if fields.next().is_some() {
        return Err(Error::invalid_request("more than one authorization field"));
    }
    let field = field.as_bytes();
    match field.split_at_checked(SCHEME.len()) {
        Some((scheme, token)) if scheme == SCHEME || scheme.eq_ignore_ascii_case(SCHEME) => {
            let blanks = token.iter().take_while(|byte| **byte == b' ').count();
            Ok(token.get(blanks..).unwrap_or_default())
        }
        _ => without_token(field),
    }
}

/// The scheme of a bearer token, in any case, and the blank after it.
const SCHEME: &[u8] = b"Bearer ";

/// Why there is no token in a field that does not begin as a bearer token does. A scheme alone is an empty token.
#[cold]
fn without_token(field: &[u8]) -> Result<&[u8], Error> {
    let field = std::str::from_utf8(field).map_err(|_| not_ascii())?;
    if field.eq_ignore_ascii_case("bearer") {
        return Ok(b"");
    }
    if names_bearer(field) {
        let reason = "more than one credential in the authorization field";
        return Err(Error::InvalidRequest { reason });
    }
    Err(Error::MissingToken)
}

pub(super) fn not_ascii() -> Error {
    Error::InvalidRequest {
        reason: "the authorization field is not ASCII",
    }
}

/// Checks the form of RFC 6750 section 2.1. A cached token has it.
///
/// # Errors
/// [`Error::InvalidRequest`].
pub(crate) fn check_form(token: &str) -> Result<(), Error> {
    if !token.is_empty() && token.bytes().all(is_token68) {
        return Ok(());
    }
    Err(Error::InvalidRequest {
        reason: "the bearer token is not in the form of RFC 6750",
    })
}

/// Checks that the query holds no second token (RFC 6750 section 2).
///
/// # Errors
/// [`Error::InvalidRequest`].
pub(super) fn check_query(query: &str) -> Result<(), Error> {
    let mut parameters = url::form_urlencoded::parse(query.as_bytes());
    if parameters.any(|(name, _)| names_access_token(&name)) {
        return Err(Error::InvalidRequest {
            reason: "a token in the header and one in the query",
        });
    }
    Ok(())
}

/// Whether a server could read the query or form parameter `name` as `access_token`: some replace blanks and dots by `_`,
/// and cut the name at a bracket.
///
/// ```
/// use actgate::request::names_access_token;
///
/// assert!(names_access_token("access.token[]"));
/// assert!(!names_access_token("access_tokens"));
/// ```
pub fn names_access_token(name: &str) -> bool {
    let name = parameter_name::compared(name);
    name.len() == "access_token".len() && name.replace([' ', '.'], "_") == "access_token"
}

/// Whether a field of another scheme continues with a bearer token, as in `Basic …, Bearer …`.
fn names_bearer(field: &str) -> bool {
    field
        .split(',')
        .skip(1)
        .filter_map(|part| part.trim_start().get(..7))
        .any(|start| start.eq_ignore_ascii_case("bearer "))
}

fn is_token68(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=')
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn read(fields: &[&[u8]], query: Option<&str>) -> Result<String, u16> {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(AUTHORIZATION, HeaderValue::from_bytes(field).unwrap());
        }
        let read = || {
            let token = std::str::from_utf8(bearer(&headers)?).map_err(|_| not_ascii())?;
            query.map_or(Ok(()), check_query)?;
            check_form(token).map(|()| token.to_owned())
        };
        read().map_err(|error: Error| error.status().as_u16())
    }

    #[test]
    fn exactly_one_bearer_token_is_read() {
        for field in ["Bearer a.b.c", "bearer a.b.c", "BEARER  a.b.c"] {
            assert_eq!(read(&[field.as_bytes()], None), Ok("a.b.c".into()), "{field}");
        }
        assert_eq!(read(&[b"Bearer a.b.c"], Some("page=2")), Ok("a.b.c".into()));
    }

    #[test]
    fn nothing_or_a_foreign_scheme_is_a_missing_token() {
        assert_eq!(read(&[], Some("access_token=a")), Err(401));
        for field in [
            "",
            "Basic YTpi",
            "BearerX a",
            "Bearer: a",
            "Bearer=a",
            "a.b.c",
            "Digest username=\"bearer\", realm=\"x\"",
        ] {
            assert_eq!(read(&[field.as_bytes()], None), Err(401), "{field}");
        }
    }

    #[test]
    fn more_than_one_credential_is_ambiguous() {
        assert_eq!(read(&[b"Bearer a", b"Bearer a"], None), Err(400));
        assert_eq!(read(&[b"Basic a", b"Bearer a"], None), Err(400));
        assert_eq!(read(&[b"Bearer a"], Some("x=1&access_token=b")), Err(400));
        for query in [
            "access%5Ftoken=b",
            "++access_token=b",
            "access.token=b",
            "access+token=b",
            "access_token[]=b",
            "a;b&access_token",
        ] {
            assert_eq!(read(&[b"Bearer a"], Some(query)), Err(400), "{query}");
        }
        assert_eq!(
            read(&[b"Bearer a"], Some("xaccess_token=b&a=access_token")),
            Ok("a".into())
        );
        for field in ["Bearer a, Bearer b", "Bearer a,b", "Basic YTpi, Bearer a"] {
            assert_eq!(read(&[field.as_bytes()], None), Err(400), "{field}");
        }
    }

    #[test]
    fn a_malformed_bearer_field_is_ambiguous() {
        for field in [
            &b"Bearer"[..],
            b"Bearer ",
            b"Bearer a b",
            b"Bearer a\tb",
            b"Bearer \"a\"",
            b"Bearer a%20",
            b"Bearer \xc3\xa9",
        ] {
            assert_eq!(read(&[field], None), Err(400), "{field:?}");
        }
    }

    #[test]
    fn a_name_of_the_same_length_is_another_one() {
        assert!(names_access_token("access.token[]") && names_access_token("access token"));
        assert!(!names_access_token("refreshtoken") && !names_access_token("access_token_"));
    }
}
