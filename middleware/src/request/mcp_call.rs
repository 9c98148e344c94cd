//! The headers that mirror a message of the Model Context Protocol (MCP): `MCP-Protocol-Version`, `Mcp-Method` and `Mcp-Name`.
//!
//! Revision 2026-07-28 obliges the server to reject a message that its headers contradict. The headers of a request of an
//! earlier revision, or of none, prove nothing about its message. Limits come before decoding.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue};

use super::header_name::same;
use crate::error::Error;

/// The first revision of MCP that obliges a server to compare the headers with the message.
pub const MCP_REVISION: &str = "2026-07-28";

const PROTOCOL_VERSION: &str = "mcp-protocol-version";
const METHOD: &str = "mcp-method";
const NAME: &str = "mcp-name";
const SESSION_ID: &str = "mcp-session-id";

/// Most fields whose names begin with `mcp-`, those of tool parameters included.
const MAX_FIELDS: usize = 64;
const MAX_VERSION_BYTES: usize = 32;
const MAX_METHOD_BYTES: usize = 128;
/// The longest name as it is written, before decoding. A resource URI is one.
const MAX_NAME_BYTES: usize = 4096;

pub(crate) const RESOURCES_READ: &str = "resources/read";
pub(crate) const TOOLS_CALL: &str = "tools/call";

/// The methods whose name is mirrored in `Mcp-Name`.
pub(crate) const NAMED_METHODS: [&str; 3] = [TOOLS_CALL, "prompts/get", RESOURCES_READ];

/// The message of a request, as its headers name it. Both parts are compared byte for byte.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct McpCall<'h> {
    method: &'h str,
    name: Option<Cow<'h, str>>,
}

/// Prints no value of the client: debug output ends up in logs.
impl fmt::Debug for McpCall<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("McpCall").finish_non_exhaustive()
    }
}

/// What the headers of a request prove about its message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mirrored<'h> {
    /// The server rejects any message but this one.
    Call(McpCall<'h>),
    /// Nothing: the request is of an earlier revision, or of none. It may be denied with this error.
    Nothing(Error),
}

impl<'h> Mirrored<'h> {
    /// Reads the headers of a request to an MCP endpoint.
    ///
    /// # Errors
    /// [`Error::McpHeaders`] where one is missing, doubled, too long or malformed; [`Error::McpRevision`] for a revision that is no
    /// date: it is neither an earlier nor a later one.
    pub(crate) fn read(headers: &'h HeaderMap) -> Result<Self, Error> {
        check_fields(headers)?;
        let Some(version) = field(headers, PROTOCOL_VERSION, MAX_VERSION_BYTES)? else {
            let reason = "`MCP-Protocol-Version` is missing; revision 2026-07-28 or a later one is required";
            return Ok(Mirrored::Nothing(unusable(reason)));
        };
        if !is_word(version) {
            return Err(unusable("`MCP-Protocol-Version` is not a revision such as 2026-07-28"));
        }
        if !is_date(version) {
            return Err(Error::McpRevision);
        }
        // Dates of one form are in the order of their texts.
        match version < MCP_REVISION {
            true => Ok(Mirrored::Nothing(Error::McpRevision)),
            false => McpCall::read(headers).map(Mirrored::Call),
        }
    }
}

impl<'h> McpCall<'h> {
    fn read(headers: &'h HeaderMap) -> Result<Self, Error> {
        // A server of several revisions may read a message with a session as one of an earlier revision.
        if headers.keys().any(|name| same(name.as_str(), SESSION_ID)) {
            return Err(unusable("`Mcp-Session-Id` is of an earlier revision"));
        }
        let method = field(headers, METHOD, MAX_METHOD_BYTES)?.ok_or(unusable("`Mcp-Method` is missing"))?;
        if method.starts_with("=?") || method.contains([' ', ',']) {
            return Err(unusable("`Mcp-Method` is not one method"));
        }
        let name = field(headers, NAME, MAX_NAME_BYTES)?.map(decoded).transpose()?;
        if name.is_none() && NAMED_METHODS.contains(&method) {
            return Err(unusable("`Mcp-Name` is missing"));
        }
        Ok(McpCall { method, name })
    }

    pub(crate) fn method(&self) -> &str {
        self.method
    }

    /// The name of a tool or a prompt, or the URI of a resource. [`None`] for every other method: no server has to compare it.
    pub(crate) fn name(&self) -> Option<&str> {
        let is_mirrored = NAMED_METHODS.contains(&self.method);
        self.name.as_deref().filter(|_| is_mirrored)
    }
}

/// The revision that a request names; [`None`] where it is no word.
pub(crate) fn requested_revision(headers: &HeaderMap) -> Option<&str> {
    let version = field(headers, PROTOCOL_VERSION, MAX_VERSION_BYTES).ok().flatten();
    version.filter(|version| is_word(version))
}

fn is_word(version: &str) -> bool {
    version
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
}

fn unusable(reason: &'static str) -> Error {
    Error::McpHeaders { reason }
}

/// Limits the number of fields, and rejects other spellings of the three: some servers merge `mcp_name` with `Mcp-Name`.
fn check_fields(headers: &HeaderMap) -> Result<(), Error> {
    let mut count = 0;
    for (name, _) in headers {
        let name = name.as_str();
        if !name.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("mcp")) {
            continue;
        }
        count += 1;
        if count > MAX_FIELDS {
            return Err(unusable("there are more than 64 MCP headers"));
        }
        if [PROTOCOL_VERSION, METHOD, NAME]
            .into_iter()
            .any(|own| own != name && same(name, own))
        {
            return Err(unusable(
                "an MCP header is in a spelling that some servers merge with it",
            ));
        }
    }
    Ok(())
}

/// The only value of a header, if there is one: visible ASCII, with blanks inside at most.
fn field<'h>(headers: &'h HeaderMap, name: &str, longest: usize) -> Result<Option<&'h str>, Error> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(unusable("an MCP header is there twice"));
    }
    if value.len() > longest {
        return Err(unusable("an MCP header is too long"));
    }
    text(value).map(Some).ok_or(unusable(
        "an MCP header is empty or has characters that must be encoded",
    ))
}

fn text(value: &HeaderValue) -> Option<&str> {
    let text = std::str::from_utf8(value.as_bytes()).ok()?;
    let is_plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    (is_plain && !text.is_empty() && text.trim() == text).then_some(text)
}

/// Whether a text is a date as revisions have it.
fn is_date(version: &str) -> bool {
    let part = |range| {
        let part = version.get(range);
        part.filter(|part: &&str| part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let number = |range| part(range).and_then(|part| part.parse::<u16>().ok());
    version.len() == MCP_REVISION.len()
        && number(0..4).is_some()
        && version.get(4..5) == Some("-")
        && number(5..7).is_some_and(|month| (1..=12).contains(&month))
        && version.get(7..8) == Some("-")
        && number(8..10).is_some_and(|day| (1..=31).contains(&day))
}

/// The name that a value of `Mcp-Name` writes: itself, or the text in `=?base64?…?=`.
fn decoded(value: &str) -> Result<Cow<'_, str>, Error> {
    // The marker has one spelling. A server that accepts more of them would read another name.
    if !value.starts_with("=?") {
        return Ok(Cow::Borrowed(value));
    }
    let encoded = value.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?="));
    let bytes = encoded.and_then(|encoded| STANDARD.decode(encoded).ok());
    let name = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    let name = name.filter(|name| !name.is_empty() && !name.contains(char::is_control));
    name.map(Cow::Owned).ok_or(unusable(
        "`Mcp-Name` is not a text in Base64 of UTF-8 without control characters",
    ))
}

/// The value of `Mcp-Name` for a name.
pub(crate) fn written_name(name: &str) -> String {
    let is_plain = name.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    match is_plain && name.trim() == name && !name.starts_with("=?") {
        true => name.to_owned(),
        false => format!("=?base64?{}?=", STANDARD.encode(name)),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;

    fn headers(fields: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        headers
    }

    const VERSION: (&str, &str) = ("MCP-Protocol-Version", "2026-07-28");

    /// Method and name, or the reason.
    fn read(fields: &[(&str, &str)]) -> String {
        match Mirrored::read(&headers(fields)) {
            Ok(Mirrored::Call(call)) => format!("{} {}", call.method(), call.name().unwrap_or("-")),
            Ok(Mirrored::Nothing(Error::McpHeaders { reason })) => format!("nothing: {reason}"),
            Ok(Mirrored::Nothing(error)) => error.code().to_owned(),
            Err(Error::McpHeaders { reason }) => reason.to_owned(),
            Err(Error::McpRevision) => "unknown revision".to_owned(),
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn revisions_are_dates_from_2026_07_28_on() {
        for (version, outcome) in [
            ("2026-07-28", "tools/list -"),
            ("2026-07-29", "tools/list -"),
            ("2027-01-01", "tools/list -"),
            ("9999-12-31", "tools/list -"),
            ("2026-07-27", "mcp_revision_not_supported"),
            ("2025-11-25", "mcp_revision_not_supported"),
            ("2024-11-05", "mcp_revision_not_supported"),
            ("0000-01-01", "mcp_revision_not_supported"),
        ] {
            assert_eq!(
                read(&[("mcp-protocol-version", version), ("mcp-method", "tools/list")]),
                outcome,
                "{version}"
            );
        }
        for version in [
            "2026-7-28",
            "2026-13-01",
            "2026-00-10",
            "2026-07-32",
            "2026-07-00",
            "20260728",
            "DRAFT-2026",
            "2026-07-2x",
            "2026-07-28-rc1",
            "latest",
            "v999.0.0",
        ] {
            let fields = [("mcp-protocol-version", version), ("mcp-method", "tools/list")];
            assert_eq!(read(&fields), "unknown revision", "{version}");
        }
        for version in [
            "2026/07/28",
            "+026-07-28",
            "2026-07-28,2025-11-25",
            "\"2026-07-28\"",
            "=?base64?YQ==?=",
        ] {
            let fields = [("mcp-protocol-version", version), ("mcp-method", "tools/list")];
            let reason = "`MCP-Protocol-Version` is not a revision such as 2026-07-28";
            assert_eq!(read(&fields), reason, "{version}");
        }
        assert!(read(&[("mcp-method", "tools/list")]).starts_with("nothing: `MCP-Protocol-Version` is missing"));
        let longer = "a".repeat(MAX_VERSION_BYTES + 1);
        let longer = ("mcp-protocol-version", &*longer);
        assert_eq!(read(&[longer, ("mcp-method", "a")]), "an MCP header is too long");
    }

    #[test]
    fn method_and_name_are_one_value_each() {
        let name = |value| read(&[VERSION, ("mcp-method", "tools/call"), ("mcp-name", value)]);
        assert_eq!(name("get_order"), "tools/call get_order");
        assert_eq!(name("Get Order, 7"), "tools/call Get Order, 7");
        assert_eq!(read(&[VERSION, ("MCP-METHOD", "Tools/Call")]), "Tools/Call -");
        for method in NAMED_METHODS {
            assert_eq!(read(&[VERSION, ("mcp-method", method)]), "`Mcp-Name` is missing");
        }
        assert_eq!(read(&[VERSION]), "`Mcp-Method` is missing");
        // A name that no server compares is not used.
        assert_eq!(
            read(&[VERSION, ("mcp-method", "tools/list"), ("mcp-name", "a")]),
            "tools/list -"
        );
        for method in ["tools/call,tools/list", "tools call", "=?base64?dG9vbHMvY2FsbA==?="] {
            assert_eq!(
                read(&[VERSION, ("mcp-method", method), ("mcp-name", "a")]),
                "`Mcp-Method` is not one method"
            );
        }
        let encoded = "an MCP header is empty or has characters that must be encoded";
        for value in ["", " a", "a ", "a\tb", "é", "a\u{80}"] {
            assert_eq!(name(value), encoded, "{value:?}");
            assert_eq!(read(&[VERSION, ("mcp-method", value)]), encoded, "{value:?}");
        }
        let twice = "an MCP header is there twice";
        let call = [VERSION, ("mcp-method", "tools/call"), ("mcp-name", "a")];
        for doubled in call {
            assert_eq!(read(&[&call[..], &[doubled]].concat()), twice);
        }
        assert_eq!(read(&[&call[..], &[("mcp-name", "b")]].concat()), twice);
    }

    #[test]
    fn a_name_in_the_sentinel_is_decoded_strictly() {
        let name = |value: &str| read(&[VERSION, ("mcp-method", "tools/call"), ("mcp-name", value)]);
        assert_eq!(name("=?base64?Z2V0X29yZGVy?="), "tools/call get_order");
        assert_eq!(name("=?base64?5LiW55WM?="), "tools/call 世界");
        assert_eq!(name("=?base64?IHBhZGRlZCA=?="), "tools/call  padded ");
        assert_eq!(
            name("=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="),
            "tools/call =?base64?literal?="
        );
        for value in [
            "=?base64??=",
            "=?base64?=",
            "=?base64?Z2V0",
            "=?base64?Z2V0X29yZGVy?=x",
            "=?base64?Z2V0 X29yZGVy?=",
            "=?base64?IHBhZGRlZCA?=",
            "=?base64?IHBhZGRlZCB=?=",
            "=?base64?_-8=?=",
            "=?base64?/w==?=",
            "=?base64?YQpi?=",
            "=?base64?YQBi?=",
            "=?BASE64?Z2V0X29yZGVy?=",
            "=?Base64?Z2V0X29yZGVy?=",
            "=?utf-8?B?Z2V0?=",
        ] {
            let reason = "`Mcp-Name` is not a text in Base64 of UTF-8 without control characters";
            assert_eq!(name(value), reason, "{value}");
        }
    }

    #[test]
    fn headers_are_bounded_before_they_are_decoded() {
        let long = "a".repeat(MAX_NAME_BYTES + 1);
        let call = [VERSION, ("mcp-method", "tools/call")];
        assert_eq!(
            read(&[&call[..], &[("mcp-name", &long)]].concat()),
            "an MCP header is too long"
        );
        assert!(read(&[&call[..], &[("mcp-name", &long[1..])]].concat()).starts_with("tools/call a"));
        assert_eq!(
            read(&[VERSION, ("mcp-method", &long[..MAX_METHOD_BYTES + 1])]),
            "an MCP header is too long"
        );
        let names: Vec<String> = (0..MAX_FIELDS).map(|number| format!("mcp-param-{number}")).collect();
        let parameters: Vec<_> = names.iter().map(|name| (&**name, "é")).collect();
        let call = [VERSION, ("mcp-method", "tools/list")];
        assert_eq!(read(&[&call[..], &parameters[2..]].concat()), "tools/list -");
        assert_eq!(
            read(&[&call[..], &parameters[1..]].concat()),
            "there are more than 64 MCP headers"
        );
    }

    #[test]
    fn a_spelling_that_some_servers_merge_is_an_error() {
        let call = [VERSION, ("mcp-method", "tools/call"), ("mcp-name", "a")];
        for other in ["mcp_name", "MCP.Method", "mcp_protocol-version", "mcp~name"] {
            let reason = "an MCP header is in a spelling that some servers merge with it";
            assert_eq!(read(&[&call[..], &[(other, "b")]].concat()), reason, "{other}");
        }
        for session in ["mcp-session-id", "Mcp_Session_Id"] {
            let reason = "`Mcp-Session-Id` is of an earlier revision";
            assert_eq!(read(&[&call[..], &[(session, "b")]].concat()), reason, "{session}");
        }
        for other in ["mcp-names", "mcpname", "x-mcp-name", "mcp_session", "mcp"] {
            assert_eq!(read(&[&call[..], &[(other, "b")]].concat()), "tools/call a", "{other}");
        }
    }

    #[test]
    fn a_name_is_written_as_it_is_read() {
        for (name, is_plain) in [
            ("refund", true),
            ("a b", true),
            ("~/!", true),
            (" a", false),
            ("a ", false),
            ("=?a", false),
            ("=?base64?YQ==?=", false),
            ("ä", false),
        ] {
            let written = written_name(name);
            assert_eq!(written == name, is_plain, "{written}");
            assert_eq!(decoded(&written).unwrap(), name, "{written}");
        }
    }
}
