//! The headers of an explained request, from the command line.

use actgate::request::MCP_REVISION;
use http::header::{AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION};
use http::{HeaderMap, HeaderName, HeaderValue};

/// One header.
pub(crate) type Header = (HeaderName, HeaderValue);

/// A message of MCP, as the headers of revision 2026-07-28 mirror it.
#[derive(Clone, Debug)]
pub(crate) struct McpMessage {
    method: HeaderValue,
    name: Option<HeaderValue>,
}

/// The headers of a request with a message and others.
pub(crate) fn headers(message: Option<&McpMessage>, others: &[Header]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Some(McpMessage { method, name }) = message {
        headers.append("mcp-protocol-version", HeaderValue::from_static(MCP_REVISION));
        headers.append("mcp-method", method.clone());
        if let Some(name) = name {
            headers.append("mcp-name", name.clone());
        }
    }
    for (name, value) in others {
        headers.append(name.clone(), value.clone());
    }
    headers
}

/// Reads `Name: value`.
pub(crate) fn parse_header(text: &str) -> Result<Header, String> {
    let (name, value) = text.split_once(':').ok_or("expected `Name: value`")?;
    let name = HeaderName::from_bytes(name.trim().as_bytes()).map_err(|_| "the name is not that of a header")?;
    // Every compact JWS begins with the Base64url of an opening brace and a quote.
    if [AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE].contains(&name) || value.contains("eyJ") {
        return Err("a credential is read from standard input, never from the command line".to_owned());
    }
    let value = HeaderValue::from_str(value.trim()).map_err(|_| "the value is not that of a header")?;
    Ok((name, value))
}

/// Reads `METHOD` or `METHOD:NAME`.
pub(crate) fn parse_message(text: &str) -> Result<McpMessage, String> {
    let (method, name) = text
        .split_once(':')
        .map_or((text, None), |(method, name)| (method, Some(name)));
    let value = |text: &str| {
        let is_plain =
            !text.starts_with("=?") && text.trim() == text && text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        let value = HeaderValue::from_str(text)
            .ok()
            .filter(|_| is_plain && !text.is_empty());
        value.ok_or("write what is not plain ASCII with `--header`: `Mcp-Name: =?base64?…?=`")
    };
    Ok(McpMessage {
        method: value(method)?,
        name: name.map(value).transpose()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_becomes_the_headers_that_mirror_it() {
        let message = parse_message("resources/read:file:///a b").unwrap();
        let headers = headers(Some(&message), &[parse_header("Origin: https://a.example").unwrap()]);
        let pairs: Vec<_> = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
            .collect();
        assert_eq!(
            pairs,
            [
                ("mcp-protocol-version", "2026-07-28"),
                ("mcp-method", "resources/read"),
                ("mcp-name", "file:///a b"),
                ("origin", "https://a.example"),
            ]
        );
        assert!(parse_message("tools/list").unwrap().name.is_none());
        for text in [
            "",
            ":a",
            "tools/call:",
            "tools/call:é",
            "tools/call: a",
            "tools/call:=?base64?YQ==?=",
        ] {
            assert!(parse_message(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_credential_is_no_argument() {
        for text in [
            "Authorization: Bearer a",
            "authorization:x",
            "Cookie: a=b",
            "Cf-Access-Jwt-Assertion: eyJhbGciOiJub25lIn0.e30.",
            "a",
            ": b",
            "a b: c",
            "a: b\nc",
        ] {
            assert!(parse_header(text).is_err(), "{text:?}");
        }
    }
}
