//! What a record has of a request: the values that rules read, and what the route and the resource are chosen by.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::recorded_value::RecordedValue;

/// What a record has of a request, beside its method and its path.
#[derive(Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RecordedRequest {
    /// The host, where resources are chosen by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) host: Option<String>,
    /// The message of MCP that its headers name, at a path of an MCP endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mcp: Option<RecordedMessage>,
    /// The parameters of the query that rules of the route read, by their names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) query: BTreeMap<String, RecordedPart>,
    /// The headers that rules of the route read, by their names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) headers: BTreeMap<String, RecordedPart>,
    /// The body, where a rule of the route reads it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) body: Option<RecordedBody>,
}

/// A parameter, a header or a member.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum RecordedPart {
    /// It is not there.
    Missing,
    /// Servers read different values.
    Ambiguous(
        /// Why.
        String,
    ),
    /// It has a value.
    Is(
        /// The value.
        RecordedValue,
    ),
}

/// The message of MCP that the headers of a request name.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum RecordedMessage {
    /// None: the request is of an earlier revision, or of none.
    Unnamed,
    /// A message of revision 2026-07-28 or a later one.
    Named(
        /// The message.
        NamedMessage,
    ),
}

/// A message of MCP.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct NamedMessage {
    /// Its method.
    pub(crate) method: String,
    /// The name of its tool or its prompt, or the URI of its resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<RecordedValue>,
}

/// What is known of a body.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum RecordedBody {
    /// It is not announced as JSON without a content coding.
    OtherType,
    /// It is no JSON object that every server reads in the same way.
    Malformed(
        /// What is wrong with it.
        MalformedBody,
    ),
    /// It was not read.
    Unread(
        /// The bytes that are announced.
        Option<u64>,
    ),
    /// It has more bytes than any rule accepts.
    TooLong(
        /// The bytes that were read.
        u64,
    ),
    /// It is a JSON object.
    Object(
        /// What rules read of it.
        RecordedObject,
    ),
}

/// A body that is no JSON object that every server reads in the same way.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct MalformedBody {
    /// Why.
    pub(crate) reason: String,
    /// Its bytes.
    pub(crate) bytes: u64,
}

/// A body that is a JSON object.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct RecordedObject {
    /// Its bytes.
    pub(crate) bytes: u64,
    /// The members that rules of the route read, each by its place: `json./amount`, `arguments./id`.
    pub(crate) members: BTreeMap<String, RecordedPart>,
    /// How many of `jsonrpc`, `method` and `params.name` are those of the message that the headers name, in this order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) agreeing: Option<usize>,
}

impl RecordedRequest {
    /// Whether a value is there only by its hash.
    pub(super) fn has_hashes(&self) -> bool {
        let of_body = match &self.body {
            Some(RecordedBody::Object(object)) => Some(&object.members),
            _ => None,
        };
        let parts = self.query.values().chain(self.headers.values());
        let mut values = parts.chain(of_body.into_iter().flatten().map(|(_, part)| part));
        let of_name = match &self.mcp {
            Some(RecordedMessage::Named(message)) => message.name.as_ref(),
            _ => None,
        };
        values.any(|part| matches!(part, RecordedPart::Is(value) if value.has_hash()))
            || of_name.is_some_and(RecordedValue::has_hash)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.host.is_none()
            && self.mcp.is_none()
            && self.query.is_empty()
            && self.headers.is_empty()
            && self.body.is_none()
    }
}
