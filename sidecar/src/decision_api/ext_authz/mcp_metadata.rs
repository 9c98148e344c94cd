//! The message of MCP that Envoy read in the body of a request: the metadata of its filter `envoy.filters.http.mcp`.
//!
//! The gate gets it as the headers that mirror a message. What the client wrote in these is not believed: no server has to compare it
//! with a message of an earlier revision.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;

use super::messages::{Kind, Metadata, Struct};
use crate::gate::head_error::HeadError;

/// Where the messages of MCP are read that rules are for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub(crate) enum McpSource {
    /// In the headers of the request, which the server compares with the message.
    #[default]
    Headers,
    /// In the metadata of Envoy's filter for MCP.
    EnvoyMetadata,
}

/// The namespace of the filter.
const FILTER: &str = "envoy.filters.http.mcp";

const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
const METHOD: HeaderName = HeaderName::from_static("mcp-method");
const NAME: HeaderName = HeaderName::from_static("mcp-name");
const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");

const MALFORMED: HeadError = HeadError::ambiguous("the metadata of the mcp filter names no method, or a malformed one");

/// Makes the headers those of the message in the metadata, and of none where it has no message.
pub(super) fn mirror(headers: &mut HeaderMap, metadata: Option<&Metadata>) -> Result<(), HeadError> {
    for name in [PROTOCOL_VERSION, METHOD, NAME, SESSION_ID] {
        headers.remove(name);
    }
    let filters = metadata.iter().flat_map(|metadata| &metadata.filters);
    let mut messages = filters
        .filter(|entry| entry.key == FILTER)
        .filter_map(|entry| entry.value.as_ref());
    let Some(message) = messages.next() else {
        return Ok(());
    };
    let method = text(message, "method").ok_or(MALFORMED)?;
    let parameters = member(message, "params").and_then(|kind| match kind {
        Kind::Struct(parameters) => Some(parameters),
        _ => None,
    });
    let name = parameters
        .zip(named_by(method))
        .and_then(|(parameters, member)| text(parameters, member));
    if let Some(name) = name {
        headers.insert(NAME, HeaderValue::try_from(encoded(name)).map_err(|_| MALFORMED)?);
    }
    headers.insert(PROTOCOL_VERSION, HeaderValue::from_static("2026-07-28"));
    headers.insert(METHOD, HeaderValue::try_from(method).map_err(|_| MALFORMED)?);
    Ok(())
}

/// The parameter of a method that `Mcp-Name` mirrors; none for a method without one.
fn named_by(method: &str) -> Option<&'static str> {
    match method {
        "tools/call" | "prompts/get" => Some("name"),
        "resources/read" => Some("uri"),
        _ => None,
    }
}

/// A name as `Mcp-Name` can always write it.
fn encoded(name: &str) -> String {
    format!("=?base64?{}?=", BASE64_STANDARD.encode(name))
}

fn member<'s>(of: &'s Struct, name: &str) -> Option<&'s Kind> {
    let member = of.fields.iter().find(|member| member.key == name)?;
    member.value.as_ref()?.kind.as_ref()
}

fn text<'s>(of: &'s Struct, name: &str) -> Option<&'s str> {
    match member(of, name)? {
        Kind::Text(text) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::messages::{Filter, Value};
    use super::*;

    fn mirrored(metadata: Option<serde_json::Value>) -> Result<Vec<(String, String)>, HeadError> {
        let filter = metadata.and_then(|metadata| match Value::from(metadata).kind {
            Some(Kind::Struct(value)) => Some(Filter {
                key: FILTER.to_owned(),
                value: Some(value),
            }),
            _ => None,
        });
        let metadata = Metadata {
            filters: filter.into_iter().collect(),
        };
        let mut headers = HeaderMap::new();
        for name in [PROTOCOL_VERSION, METHOD, NAME, SESSION_ID] {
            headers.insert(name, HeaderValue::from_static("client"));
        }
        mirror(&mut headers, Some(&metadata))?;
        let text = |value: &HeaderValue| value.to_str().unwrap_or_default().to_owned();
        Ok(headers
            .iter()
            .map(|(name, value)| (name.to_string(), text(value)))
            .collect())
    }

    #[test]
    fn a_message_is_mirrored_and_that_of_the_client_is_not() {
        let call = json!({ "method": "tools/call", "id": 1.0, "params": { "name": "get_order", "arguments": {} } });
        let mut headers = mirrored(Some(call)).unwrap();
        headers.sort();
        let expected = [
            ("mcp-method", "tools/call"),
            ("mcp-name", "=?base64?Z2V0X29yZGVy?="),
            ("mcp-protocol-version", "2026-07-28"),
        ];
        assert_eq!(
            headers,
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
        assert_eq!(mirrored(None).unwrap(), []);
        let list = mirrored(Some(json!({ "method": "tools/list" }))).unwrap();
        assert_eq!(list.len(), 2);
    }

    #[test]
    fn the_name_is_the_parameter_that_the_method_is_about() {
        for (method, params, name) in [
            ("tools/call", json!({ "name": "a", "uri": "file:///b" }), Some("a")),
            ("prompts/get", json!({ "uri": "file:///b", "name": "a" }), Some("a")),
            (
                "resources/read",
                json!({ "name": "a", "uri": "file:///b" }),
                Some("file:///b"),
            ),
            ("tools/call", json!({ "uri": "file:///b" }), None),
            ("resources/read", json!({ "name": "a" }), None),
            ("resources/read", json!({ "name": "a", "uri": 1 }), None),
            ("resources/subscribe", json!({ "name": "a", "uri": "file:///b" }), None),
            ("tools/list", json!({ "name": "a" }), None),
        ] {
            let headers = mirrored(Some(json!({ "method": method, "params": params }))).unwrap();
            let found = headers.into_iter().find(|(header, _)| header == "mcp-name");
            assert_eq!(found.map(|(_, value)| value), name.map(encoded), "{method} {params}");
        }
    }

    #[test]
    fn metadata_without_a_method_is_no_message() {
        for metadata in [
            json!({}),
            json!({ "method": 1 }),
            json!({ "method": "a\nb" }),
            json!({ "params": {} }),
        ] {
            assert_eq!(mirrored(Some(metadata.clone())).unwrap_err(), MALFORMED, "{metadata}");
        }
    }
}
