//! A header as one text, where every server reads the same text.

use http::HeaderMap;
#[cfg(feature = "cel")]
use http::HeaderName;
#[cfg(feature = "cel")]
use http::header::CONNECTION;

#[cfg(feature = "cel")]
use super::header_meaning::{has_another_meaning, is_about_request};
#[cfg(feature = "cel")]
use super::header_name::{begins_with, same};

/// Headers that carry credentials.
#[cfg(feature = "cel")]
const CREDENTIALS: [&str; 6] = [
    "authorization",
    "cookie",
    "dpop",
    "proxy-authorization",
    "set-cookie",
    "x-api-key",
];

/// A header is there that not every server reads as the same text.
#[cfg(feature = "cel")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unsure;

/// The headers of a request, read as texts.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(not(feature = "cel"), expect(dead_code, reason = "only expressions read headers"))]
pub(crate) struct HeaderTexts<'r>(Option<&'r HeaderMap>);

impl<'r> HeaderTexts<'r> {
    pub(crate) fn new(headers: Option<&'r HeaderMap>) -> Self {
        HeaderTexts(headers)
    }

    /// Those of a request without headers.
    #[cfg(test)]
    pub(crate) fn of_none() -> HeaderTexts<'static> {
        static NONE: std::sync::LazyLock<HeaderMap> = std::sync::LazyLock::new(HeaderMap::new);
        HeaderTexts(Some(&NONE))
    }

    /// The value of the one header of a name; [`None`] where no header has the name in any spelling.
    ///
    /// [`Unsure`] where there are several, where it is in another spelling that some server treats as the same, where it is no visible ASCII
    /// or has a blank at an end, which a hop over HTTP/1.1 removes, where `Connection` names it, so that a proxy does not forward it, and where the headers are not known.
    #[cfg(feature = "cel")]
    pub(crate) fn one(&self, name: &str) -> Result<Option<&'r str>, Unsure> {
        let headers = self.0.ok_or(Unsure)?;
        let mut found = headers.iter().filter(|(other, _)| same(other.as_str(), name));
        let Some((spelled, value)) = found.next() else {
            return Ok(None);
        };
        let is_trimmed = value.as_bytes().trim_ascii().len() == value.len();
        let is_sure = found.next().is_none() && spelled.as_str() == name && is_trimmed && !ends_here(headers, name);
        match value.to_str() {
            Ok(value) if is_sure => Ok(Some(value)),
            _ => Err(Unsure),
        }
    }
}

#[cfg(feature = "cel")]
fn ends_here(headers: &HeaderMap, name: &str) -> bool {
    headers.get_all(CONNECTION).iter().any(|value| {
        let names = value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        let mut names = names.filter_map(|listed| std::str::from_utf8(listed).ok());
        names.any(|listed| same(listed, name))
    })
}

/// Why a rule cannot read the header of a name, and how to write it otherwise.
#[cfg(feature = "cel")]
pub(crate) fn unreadable(name: &str) -> Option<(&'static str, String)> {
    let lower = name.to_ascii_lowercase();
    let is_name = HeaderName::from_bytes(lower.as_bytes()).is_ok() && !name.contains('_');
    if !is_name {
        return Some((
            "is not the name of a header",
            "write letters, digits and `-`, as in `x-tenant`".to_owned(),
        ));
    }
    if lower != name {
        return Some(("is in upper case", format!("write `{lower}`")));
    }
    let (reason, help) = if CREDENTIALS.iter().any(|credential| same(credential, name)) {
        (
            "carries credentials, which no rule reads",
            "read the facts of the token",
        )
    } else if begins_with(name, "mcp-") {
        (
            "is of MCP, and is read by `mcp`",
            "write `mcp` beside the `match` of a route",
        )
    } else if is_about_request(name) {
        let reason = "is for proxies to set, on the path, the method, the address or the scheme of the request";
        (reason, "read the parameters of the route, or `request.method`")
    } else if has_another_meaning(name) {
        let reason = "has a meaning of its own to servers and proxies, which may read or change it";
        (reason, "read a header of the API, such as `x-tenant`")
    } else {
        return None;
    };
    Some((reason, help.to_owned()))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(fields: &[(&'static str, &'static [u8])]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_bytes(value).unwrap());
        }
        headers
    }

    #[test]
    fn a_header_is_one_text_or_missing_or_unsure() {
        let one = |fields: &[(&'static str, &'static [u8])]| {
            let headers = headers(fields);
            let read: Result<Option<&str>, Unsure> = HeaderTexts::new(Some(&headers)).one("x-tenant");
            read.map(|value| value.map(str::to_owned))
        };
        assert_eq!(one(&[("x-tenant", b"t1")]), Ok(Some("t1".to_owned())));
        assert_eq!(one(&[("x-tenant", b"")]), Ok(Some(String::new())));
        let missing: [&[(&'static str, &'static [u8])]; 3] =
            [&[], &[("x-tenants", b"t1")], &[("connection", b"x-tenant")]];
        for fields in missing {
            assert_eq!(one(fields), Ok(None), "{fields:?}");
        }
        let unsure: [&[(&'static str, &'static [u8])]; 9] = [
            &[("x-tenant", b" t1")],
            &[("x-tenant", b"t1 ")],
            &[("x-tenant", b"\tt1")],
            &[("x-tenant", b"t1"), ("x-tenant", b"t1")],
            &[("x-tenant", b"t1"), ("x_tenant", b"t2")],
            &[("x_tenant", b"t1")],
            &[("x-tenant", b"t\xc3\xbc")],
            &[("x-tenant", b"t1"), ("connection", b"close, X-Tenant")],
            &[
                ("x-tenant", b"t1"),
                ("connection", b"close"),
                ("connection", b"\xff,x-tenant"),
            ],
        ];
        for fields in unsure {
            assert_eq!(one(fields), Err(Unsure), "{fields:?}");
        }
        assert_eq!(HeaderTexts::default().one("x-tenant"), Err(Unsure));
    }

    #[test]
    fn credentials_and_other_spellings_are_not_read() {
        assert_eq!(unreadable("x-tenant"), None);
        for name in [
            "",
            "x tenant",
            "x_tenant",
            "X-Tenant",
            "x-t\u{fc}",
            "authorization",
            "cookie",
            "DPoP",
            "mcp-name",
            "mcp-param-user",
            "x-forwarded-for",
            "forwarded",
            "x-real-ip",
            "cf-connecting-ip",
            "x-http-method-override",
            "x-original-url",
            "proxy-connection",
            "connection",
            "te",
            "transfer-encoding",
            "host",
            "origin",
        ] {
            assert!(unreadable(name).is_some(), "{name}");
        }
    }
}
