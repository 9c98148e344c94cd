//! Clients that ask a user who is elsewhere: CIBA Core 1.0 in poll mode, and the device grant (RFC 8628).

use std::sync::Arc;

use axum::Json;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::entitlement::{NO_SCOPE, access_request};
use crate::registry::{Grant, User};
use crate::scope::OPENID;
use crate::secret::user_code;
use crate::store::{ApprovalRequest, INTERVAL};
use crate::{
    ACCESS_DENIED, Channel, Client, Entry, Event, INVALID_BINDING_MESSAGE, INVALID_REQUEST, INVALID_SCOPE, Issuer,
    Parameters, Result, UNKNOWN_USER_ID, UNREGISTERED_GRANT,
};

/// The usual lifetime of a backchannel request in seconds, and the maximum of `requested_expiry`.
const BACKCHANNEL_LIFETIME: u64 = 300;
const MAX_LIFETIME: u64 = 3600;
/// The lifetime of a device code in seconds.
const DEVICE_LIFETIME: u64 = 600;
/// The maximum number of characters of a `binding_message`.
const MAX_BINDING_MESSAGE: usize = 100;
/// The maximum number of requests of one client that wait for one user.
const MAX_WAITING: usize = 10;

/// `POST /bc-authorize`: asks the user whom a hint names.
pub(crate) fn ask_user(server: &Issuer, client: &Arc<Client>, form: &Parameters) -> Result<Json<Value>> {
    UNREGISTERED_GRANT.when(!client.grants.contains(&Grant::Ciba))?;
    let now = server.clock.now();
    let access = access_request(server, client, form)?;
    INVALID_SCOPE.when(!access.protocol_scope.contains(OPENID), "openid is required")?;
    INVALID_REQUEST.when(form.one("request")?.is_some(), "request objects are not supported")?;
    let user = hinted(server, client, form)?;
    let denied = ACCESS_DENIED.answered(StatusCode::FORBIDDEN);
    let has_none = access.allowed_by(&user.scopes).is_none();
    denied.when(has_none, NO_SCOPE.description)?;
    let waiting = server.approvals.waiting_for(&user.subject, now);
    let waiting = waiting.iter().map(|approval| &approval.request.access.client.id);
    let waiting = waiting.filter(|waiting| **waiting == client.id);
    denied.when(waiting.count() >= MAX_WAITING, "too many requests wait for this user")?;
    let lifetime = lifetime(form)?;
    let code = access.txn.clone();
    let page = format!("{}/ciba/{code}", server.origin);
    tracing::info!(page, "an approval is requested");
    let approval = ApprovalRequest {
        channel: Channel::Backchannel,
        access,
        subject: Some(user.subject.clone()),
        binding_message: binding_message(form)?,
        expires: now.saturating_add(lifetime),
    };
    let id = begin(server, code, &form.sender, approval, now)?;
    let begun = json!({ "auth_req_id": id, "expires_in": lifetime, "interval": INTERVAL });
    Ok(Json(begun))
}

/// `POST /device_authorization`: asks the user who will enter the user code.
pub(crate) fn ask_holder(server: &Issuer, client: &Arc<Client>, form: &Parameters) -> Result<Json<Value>> {
    UNREGISTERED_GRANT.when(!client.grants.contains(&Grant::DeviceCode))?;
    let now = server.clock.now();
    let code = user_code()?;
    let approval = ApprovalRequest {
        channel: Channel::Device,
        access: access_request(server, client, form)?,
        subject: None,
        binding_message: None,
        expires: now.saturating_add(DEVICE_LIFETIME),
    };
    let id = begin(server, code.clone(), &form.sender, approval, now)?;
    let (first, second) = code.split_at(4);
    let page = format!("{}/device", server.origin);
    Ok(Json(json!({
        "device_code": id,
        "user_code": format!("{first}-{second}"),
        "verification_uri": page,
        "verification_uri_complete": format!("{page}?user_code={first}-{second}"),
        "expires_in": DEVICE_LIFETIME,
        "interval": INTERVAL,
    })))
}

fn begin(server: &Issuer, code: String, sender: &str, request: ApprovalRequest, now: u64) -> Result<String> {
    let (sub, entry) = (request.subject.clone(), request.access.entry(Event::Request));
    let client = Arc::clone(&request.access.client);
    let id = server.approvals.begin(code, client.accountable(sender), request, now)?;
    server.note_of(&client, Entry { sub, ..entry });
    Ok(id)
}

/// The user of the only hint (CIBA Core section 7.1).
fn hinted<'s>(server: &'s Issuer, client: &Client, request: &Parameters) -> Result<&'s User> {
    let one = |name| request.one(name);
    let hints = (one("login_hint")?, one("id_token_hint")?, one("login_hint_token")?);
    let subject = match hints {
        (Some(name), None, None) => name.to_owned(),
        (None, Some(hint), None) => server.read_id_token(hint, client)?,
        (None, None, Some(_)) => return Err(INVALID_REQUEST.because("use another hint than login_hint_token")),
        _ => return Err(INVALID_REQUEST.because("exactly one hint is required")),
    };
    let user = server.registry.users.get(&subject);
    user.ok_or(UNKNOWN_USER_ID.because("no user has this name"))
}

/// A short text of letters, digits and the printable ASCII characters: nothing that changes how the page reads.
fn binding_message(request: &Parameters) -> Result<Option<String>> {
    let message = request.one("binding_message")?;
    let is_plain = |character: char| character.is_alphanumeric() || matches!(character, ' '..='~');
    let is_valid = |message: &str| message.chars().count() <= MAX_BINDING_MESSAGE && message.chars().all(is_plain);
    let is_invalid = !message.is_none_or(is_valid);
    INVALID_BINDING_MESSAGE.when(is_invalid, "it must have at most 100 plain characters")?;
    Ok(message.map(str::to_owned))
}

fn lifetime(request: &Parameters) -> Result<u64> {
    let Some(requested) = request.one("requested_expiry")? else {
        return Ok(BACKCHANNEL_LIFETIME);
    };
    let seconds = requested.parse().ok();
    let seconds = seconds.filter(|seconds| (1..=MAX_LIFETIME).contains(seconds));
    seconds.ok_or(INVALID_REQUEST.because("requested_expiry must be 1 to 3600 seconds"))
}
