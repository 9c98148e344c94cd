//! A request from its record, for an explanation.

use std::collections::BTreeMap;
use std::fmt;

use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::known_request::KnownRequest;
use super::pipeline::Pipeline;
use super::request_facts::message;
use super::request_record::{ARGUMENTS, MESSAGE_NAME};
use crate::chain::{
    Conceal, MalformedBody, Missing, NamedMessage, RecordedBody, RecordedMessage, RecordedObject, RecordedPart,
    RecordedRequest, RecordedValue, Restoring,
};
use crate::policy::MESSAGE;
use crate::request::{
    JsonBody, MCP_REVISION, MemberPath, Presented, QueryParameter, RESOURCES_READ, Target, encoded, written_name,
};
use crate::token::ExactValue;

/// The parts of a request, from what is presented and what is recorded of it.
#[derive(Clone)]
pub(crate) struct RestoredRequest {
    query: Option<String>,
    headers: HeaderMap,
    body: Option<Vec<u8>>,
    /// The bytes of the whole body, where that is of the record.
    whole_bytes: Option<u64>,
}

/// What is known of a request.
pub(super) struct Restored {
    pub(super) request: RestoredRequest,
    /// What is not known of the recorded values, by their places.
    pub(super) missing: BTreeMap<String, Missing>,
    /// Whether the state of the body alone decides every rule on it.
    pub(super) has_no_members: bool,
}

/// Steps that cannot be decided, with what is not known.
#[derive(Debug, Default)]
pub(super) struct UnknownSteps {
    pub(super) route: Option<String>,
    pub(super) resource: Option<String>,
}

/// Prints no value: debug output ends up in logs.
impl fmt::Debug for RestoredRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RestoredRequest").finish_non_exhaustive()
    }
}

impl RestoredRequest {
    /// The target with the query.
    pub(crate) fn target<'t>(&'t self, target: &Target<'t>) -> Target<'t> {
        target.clone().with_query(self.query.as_deref())
    }

    /// What is presented, with these parts; `target` is [that of this request](Self::target).
    pub(crate) fn present<'r>(&'r self, target: &'r Target<'r>, presented: &Presented<'r>) -> Presented<'r> {
        presented.with_parts(target, &self.headers, (self.body.as_deref(), self.whole_bytes))
    }
}

impl Pipeline<'_> {
    /// The headers that route and resource are chosen by.
    pub(super) fn restore_steps(
        &self,
        recorded: &RecordedRequest,
        presented: &Presented<'_>,
        known: KnownRequest,
        conceal: Option<&dyn Conceal>,
    ) -> (HeaderMap, UnknownSteps) {
        let (mut headers, mut unknown) = (presented.fields().cloned().unwrap_or_default(), UnknownSteps::default());
        if self.resources.have_hosts() && matches!(presented.host(), Ok(None)) {
            let host = recorded
                .host
                .as_deref()
                .and_then(|host| HeaderValue::from_str(host).ok());
            match host {
                Some(host) => {
                    headers.insert(HOST, host);
                }
                None => unknown.resource = Some("the host is not known".to_owned()),
            }
        }
        let is_named = known.headers || headers.contains_key("mcp-protocol-version");
        if !is_named && self.policy.is_mcp_path(presented.target().forms()) {
            let message = recorded.mcp.as_ref();
            let message = message.ok_or_else(|| "the message of MCP is not known".to_owned());
            unknown.route = message
                .and_then(|message| self.restore_message(message, &mut headers, conceal))
                .err();
        }
        (headers, unknown)
    }

    fn restore_message(
        &self,
        message: &RecordedMessage,
        headers: &mut HeaderMap,
        conceal: Option<&dyn Conceal>,
    ) -> Result<(), String> {
        let RecordedMessage::Named(NamedMessage { method, name }) = message else {
            return Ok(());
        };
        let malformed = || "the message of MCP is not one that headers name".to_owned();
        let field = |text: &str| HeaderValue::from_str(text).map_err(|_| malformed());
        headers.insert("mcp-protocol-version", HeaderValue::from_static(MCP_REVISION));
        headers.insert("mcp-method", field(method)?);
        let Some(name) = name else {
            return Ok(());
        };
        let (names, has_beginning) = self.policy.message_names();
        let candidates: Vec<ExactValue> = names.into_iter().map(|name| ExactValue::Text(name.into())).collect();
        let (value, missing) = restored(name, MESSAGE_NAME, &candidates, conceal);
        let is_compared = |missing| missing == Missing::Text && !has_beginning && **method != *RESOURCES_READ;
        match value {
            ExactValue::Text(name) if missing == Missing::Nothing || is_compared(missing) => {
                headers.insert("mcp-name", field(&written_name(&name))?);
                Ok(())
            }
            _ => Err(format!("the value of `{MESSAGE_NAME}` of the request is not recorded")),
        }
    }
}

impl Restored {
    /// The values that rules read, beside what is presented. `headers` are those of the steps.
    pub(super) fn new(
        recorded: &RecordedRequest,
        mut headers: HeaderMap,
        (presented, known): (&Presented<'_>, KnownRequest),
        (candidates, conceal): (&[ExactValue], Option<&dyn Conceal>),
    ) -> Restored {
        let mut missing = BTreeMap::new();
        let mut query = presented.target().query().map(str::to_owned);
        if !known.query {
            let of_record = restored_query(&recorded.query, &mut missing, candidates, conceal);
            query = of_record.or(query);
        }
        for (name, part) in &recorded.headers {
            if known.headers || headers.contains_key(name) {
                continue;
            }
            let place = format!("headers.{name}");
            let found = restore_header(name, part, &place, &mut headers, candidates, conceal);
            missing.insert(place, found);
        }
        let (mut body, mut whole_bytes, mut has_no_members) = (presented.content().map(<[u8]>::to_vec), None, false);
        if let Some(recorded) = &recorded.body
            && body.is_none()
            && !known.body
        {
            let restoring = RestoringBody {
                candidates,
                conceal,
                missing: &mut missing,
            };
            has_no_members = !matches!(recorded, RecordedBody::Object(_));
            match restoring.restore(recorded, &mut headers) {
                Ok(of_record) => (body, whole_bytes) = of_record.unzip(),
                Err(UnknownReason) => has_no_members = false,
            }
        }
        Restored {
            request: RestoredRequest {
                query,
                headers,
                body,
                whole_bytes,
            },
            missing,
            has_no_members,
        }
    }
}

fn restored(
    value: &RecordedValue,
    place: &str,
    candidates: &[ExactValue],
    conceal: Option<&dyn Conceal>,
) -> (ExactValue, Missing) {
    let own = [
        ExactValue::Bool(false),
        ExactValue::Bool(true),
        ExactValue::Text(Box::default()),
    ];
    let mut restoring = Restoring::of_request(place, candidates.iter().chain(&own), conceal);
    let value = value.restore(&mut restoring);
    (value, restoring.missing)
}

/// A query in which each recorded parameter is read as it was.
fn restored_query(
    parameters: &BTreeMap<String, RecordedPart>,
    missing: &mut BTreeMap<String, Missing>,
    candidates: &[ExactValue],
    conceal: Option<&dyn Conceal>,
) -> Option<String> {
    let (mut parts, mut end) = (Vec::new(), "");
    for (name, part) in parameters {
        let place = format!("query.{name}");
        let of_name = encoded(name);
        let found = match part {
            RecordedPart::Missing => Missing::Nothing,
            RecordedPart::Is(value) => match restored(value, &place, candidates, conceal) {
                (ExactValue::Text(text), missing) => {
                    parts.push(format!("{of_name}={}", encoded(&text)));
                    missing
                }
                _ => Missing::Other,
            },
            RecordedPart::Ambiguous(reason) => {
                let is_read_so = |query: &&String| matches!(QueryParameter::find(Some(query), name), QueryParameter::Ambiguous(found) if found == reason);
                let own = [
                    format!("{of_name}=&{of_name}="),
                    format!("{of_name}_="),
                    of_name.clone(),
                    format!("{of_name}=+"),
                ];
                let of_query = [";", "%"];
                if let Some(part) = own.iter().find(is_read_so) {
                    parts.push(part.clone());
                    Missing::Nothing
                } else if let Some(text) = of_query.into_iter().find(|text| is_read_so(&&(*text).to_owned())) {
                    end = text;
                    Missing::Nothing
                } else {
                    Missing::Other
                }
            }
        };
        missing.insert(place, found);
    }
    if !end.is_empty() {
        parts.push(end.to_owned());
    }
    (!parts.is_empty()).then(|| parts.join("&"))
}

fn restore_header(
    name: &str,
    part: &RecordedPart,
    place: &str,
    headers: &mut HeaderMap,
    candidates: &[ExactValue],
    conceal: Option<&dyn Conceal>,
) -> Missing {
    let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else {
        return Missing::Other;
    };
    match part {
        RecordedPart::Missing => Missing::Nothing,
        RecordedPart::Ambiguous(_) => {
            for value in ["a", "b"] {
                headers.append(&name, HeaderValue::from_static(value));
            }
            Missing::Nothing
        }
        RecordedPart::Is(value) => match restored(value, place, candidates, conceal) {
            (ExactValue::Text(text), missing) => match HeaderValue::from_str(&text) {
                Ok(value) => {
                    headers.insert(name, value);
                    missing
                }
                Err(_) => Missing::Other,
            },
            _ => Missing::Other,
        },
    }
}

/// A body is malformed for a reason that is not known here.
struct UnknownReason;

/// Makes the body of a record.
struct RestoringBody<'r> {
    candidates: &'r [ExactValue],
    conceal: Option<&'r dyn Conceal>,
    missing: &'r mut BTreeMap<String, Missing>,
}

impl RestoringBody<'_> {
    /// A body that is read as the recorded one, with the headers that describe it, and the bytes of the whole body.
    fn restore(
        mut self,
        recorded: &RecordedBody,
        headers: &mut HeaderMap,
    ) -> Result<Option<(Vec<u8>, u64)>, UnknownReason> {
        const JSON: HeaderValue = HeaderValue::from_static("application/json");
        for name in [CONTENT_TYPE, CONTENT_ENCODING, CONTENT_LENGTH] {
            headers.remove(name);
        }
        if !matches!(recorded, RecordedBody::OtherType) {
            headers.insert(CONTENT_TYPE, JSON);
        }
        match recorded {
            RecordedBody::OtherType => Ok(None),
            RecordedBody::Unread(announced) => {
                if let Some(announced) = announced {
                    headers.insert(CONTENT_LENGTH, HeaderValue::from(*announced));
                }
                Ok(None)
            }
            RecordedBody::TooLong(bytes) => Ok(Some((b"{}".to_vec(), *bytes))),
            RecordedBody::Malformed(MalformedBody { reason, bytes }) => {
                headers.append(CONTENT_TYPE, JSON);
                let is_read_so = |headers: &HeaderMap, content: &[u8]| {
                    let read = JsonBody::read(Some(headers), Some(content), u64::MAX);
                    matches!(read, JsonBody::Malformed { reason: found, .. } if found == reason)
                };
                if is_read_so(headers, b"") {
                    return Ok(None);
                }
                headers.insert(CONTENT_TYPE, JSON);
                let nested = format!("{{\"a\":{}", "[".repeat(100));
                let mut bodies = ["[]", "{\"\":1,\"\":2}", &nested].into_iter();
                let found = bodies.find(|body| is_read_so(headers, body.as_bytes()));
                let found = found.ok_or(UnknownReason)?;
                Ok(Some((found.as_bytes().to_vec(), *bytes)))
            }
            RecordedBody::Object(RecordedObject {
                bytes,
                members,
                agreeing,
            }) => {
                let json = self.object(members, agreeing.unwrap_or_default(), headers);
                Ok(Some((json.into_bytes(), *bytes)))
            }
        }
    }

    fn object(&mut self, members: &BTreeMap<String, RecordedPart>, agreeing: usize, headers: &HeaderMap) -> String {
        let mut object = ExactValue::Object(BTreeMap::new());
        let path = |place: &str| match place.split_once('.') {
            Some(("arguments", pointer)) => MemberPath::read(&format!("{ARGUMENTS}{pointer}")),
            Some((_, pointer)) => MemberPath::read(pointer),
            None => None,
        };
        let paths = members.iter();
        let mut paths: Vec<_> = paths
            .filter_map(|(place, part)| Some((path(place)?, place, part)))
            .collect();
        // A member comes before what is within it.
        paths.sort_by_key(|(path, ..)| path.names().len());
        for (path, place, part) in paths {
            let names: Vec<&str> = path.names().iter().map(|name| &**name).collect();
            let missing = match (part, &names[..]) {
                (RecordedPart::Missing, _) | (_, []) => Missing::Nothing,
                // In another spelling alone.
                (RecordedPart::Ambiguous(_), [before @ .., last]) => {
                    object.set(&[before, &[&*format!("{last}_")]].concat(), ExactValue::Null);
                    Missing::Nothing
                }
                (RecordedPart::Is(value), _) => {
                    let (value, missing) = restored(value, place, self.candidates, self.conceal);
                    object.set(&names, value);
                    missing
                }
            };
            self.missing.insert(place.clone(), missing);
        }
        if let Some(call) = message(headers) {
            let named = ["2.0", call.method(), call.name().unwrap_or_default()];
            for (pointer, text) in MESSAGE.into_iter().zip(named).take(agreeing) {
                let names: Vec<&str> = pointer.split('/').skip(1).collect();
                object.set(&names, ExactValue::Text(text.into()));
            }
        }
        let mut json = String::new();
        object.write(&mut json);
        json
    }
}
