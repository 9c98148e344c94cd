//! What a record has of a request, from the request itself.

use std::collections::{BTreeMap, BTreeSet};

use super::pipeline::Pipeline;
use super::request_facts::message;
use crate::chain::{
    Conceal, MalformedBody, NamedMessage, RecordedBody, RecordedMessage, RecordedObject, RecordedPart, RecordedRequest,
    RecordedValue,
};
use crate::json::Json;
use crate::policy::{Place, Reads, agreeing};
#[cfg(feature = "cel")]
use crate::request::HeaderTexts;
use crate::request::{BodyValue, JsonBody, Member, Presented, QueryParameter};
use crate::token::ExactValue;

/// How many values of a request are recorded at most.
const MAX_VALUES: usize = 64;

/// The longest host, and the longest method of MCP, in bytes.
const MAX_HOST_BYTES: usize = 255;
const MAX_METHOD_BYTES: usize = 48;

/// The place of the name of a message among those of a request.
pub(super) const MESSAGE_NAME: &str = "mcp.name";

/// Where a message has the arguments of a tool.
pub(super) const ARGUMENTS: &str = "/params/arguments";

/// Why a header cannot be read as one text.
#[cfg(feature = "cel")]
const UNSURE: &str = "servers may read other texts";

impl Pipeline<'_> {
    /// What the route, the resource and the rules depend on that read this; `limit` is that of the body.
    pub(super) fn record_request(
        &self,
        reads: &Reads<'_>,
        limit: Option<u64>,
        presented: &Presented<'_>,
        conceal: &dyn Conceal,
    ) -> RecordedRequest {
        let mut recorded = RecordedRequest::default();
        if self.resources.have_hosts() {
            let host = presented.host().ok().flatten();
            recorded.host = host.filter(|host| host.len() <= MAX_HOST_BYTES).map(str::to_owned);
        }
        if self.policy.is_mcp_path(presented.target().forms()) {
            recorded.mcp = recorded_message(presented, conceal);
        }
        let body = limit.map(|limit| JsonBody::read(presented.fields(), presented.content(), limit));
        let (mut members, mut places) = (BTreeMap::new(), BTreeSet::new());
        for read in &reads.all {
            let Some(place) = read.place.of_request() else {
                continue;
            };
            if places.contains(&place) || places.len() >= MAX_VALUES {
                continue;
            }
            let is = |value: ExactValue| RecordedPart::Is(RecordedValue::of_request(&value, &place, conceal));
            match &read.place {
                Place::Parameter(name) => {
                    let part = match QueryParameter::find(presented.target().query(), name) {
                        QueryParameter::Missing => RecordedPart::Missing,
                        QueryParameter::Text(text) => is(ExactValue::Text(text.into())),
                        QueryParameter::Ambiguous(reason) => RecordedPart::Ambiguous(reason.to_owned()),
                    };
                    recorded.query.insert((*name).to_owned(), part);
                }
                Place::Header(name) => {
                    if let Some(part) = header(presented, name, is) {
                        recorded.headers.insert((*name).to_owned(), part);
                    }
                }
                Place::Member(member) => {
                    if let Some(JsonBody::Object { members: object, .. }) = &body {
                        let part = match member.path.find(object) {
                            Member::Missing => RecordedPart::Missing,
                            Member::Ambiguous => RecordedPart::Ambiguous(String::new()),
                            Member::Value(value) => is(exact(value)),
                        };
                        members.insert(place.clone(), part);
                    }
                }
                Place::Claim(_) => {}
            }
            places.insert(place);
        }
        recorded.body = body.map(|body| of_body(body, members, presented));
        recorded
    }
}

fn of_body(body: JsonBody<'_>, members: BTreeMap<String, RecordedPart>, presented: &Presented<'_>) -> RecordedBody {
    match body {
        JsonBody::OtherType => RecordedBody::OtherType,
        JsonBody::Malformed { reason, bytes } => RecordedBody::Malformed(MalformedBody {
            reason: reason.to_owned(),
            bytes,
        }),
        JsonBody::Unread { announced } => RecordedBody::Unread(announced),
        JsonBody::TooLong { bytes } => RecordedBody::TooLong(bytes),
        JsonBody::Object { bytes, members: object } => {
            let call = presented.fields().and_then(message);
            RecordedBody::Object(RecordedObject {
                bytes,
                members,
                agreeing: call.map(|call| agreeing(&call, &object)),
            })
        }
    }
}

#[cfg(feature = "cel")]
fn header(presented: &Presented<'_>, name: &str, is: impl FnOnce(ExactValue) -> RecordedPart) -> Option<RecordedPart> {
    Some(match HeaderTexts::new(presented.fields()).one(name) {
        Ok(None) => RecordedPart::Missing,
        Ok(Some(text)) => is(ExactValue::Text(text.into())),
        Err(_) => RecordedPart::Ambiguous(UNSURE.to_owned()),
    })
}

#[cfg(not(feature = "cel"))]
fn header(_: &Presented<'_>, _: &str, _: impl FnOnce(ExactValue) -> RecordedPart) -> Option<RecordedPart> {
    None
}

/// The message that the headers name; [`None`] where its method is not one of a usual form, which may be anything.
fn recorded_message(presented: &Presented<'_>, conceal: &dyn Conceal) -> Option<RecordedMessage> {
    let Some(call) = presented.fields().and_then(message) else {
        return Some(RecordedMessage::Unnamed);
    };
    let is_of_method = |byte: u8| byte.is_ascii_alphabetic() || matches!(byte, b'/' | b'_' | b'-');
    let method = call.method();
    let is_usual = method.len() <= MAX_METHOD_BYTES && method.bytes().all(is_of_method);
    let name = |name: &str| RecordedValue::of_request(&ExactValue::Text(name.into()), MESSAGE_NAME, conceal);
    is_usual.then(|| {
        RecordedMessage::Named(NamedMessage {
            method: method.to_owned(),
            name: call.name().map(name),
        })
    })
}

/// A value of a body. No rule reads into a list, or compares an object.
fn exact(value: &BodyValue<'_>) -> ExactValue {
    match value {
        Json::Null => ExactValue::Null,
        Json::Bool(flag) => ExactValue::Bool(*flag),
        Json::Number(text) => ExactValue::Number((**text).into()),
        Json::String(text) => ExactValue::Text((**text).into()),
        Json::Array(_) => ExactValue::List(Vec::new()),
        Json::Object(_) => ExactValue::Object(BTreeMap::new()),
    }
}
