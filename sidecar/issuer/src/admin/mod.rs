//! The administration API, under `/admin/`: agents with their credentials, resources, signing keys and the audit trail.
//!
//! Every request has the secret of the issuer as its bearer token. Bodies and responses are JSON. An agent is an entry of
//! `clients` in a registry, with an owner; it is read and checked by the same code as those of the file.

mod agents;
mod request;

use axum::http::{HeaderMap, Method, Uri, header};
use axum::response::IntoResponse;
use serde_json::json;

pub(crate) use self::agents::put_client;
use self::request::AdminResult;
pub(crate) use self::request::{AdminError, INVALID_METADATA, NOT_FOUND};
use crate::client_authentication::form_decoded;
use crate::keys::Keys;
use crate::live_tokens::bearer;
use crate::parameters::Body;
use crate::{ClientState, Entry, INVALID_REQUEST, INVALID_TOKEN, Issuer, OAuthError, Parameters};

const UNAUTHENTICATED: OAuthError = INVALID_TOKEN
    .challenging("Bearer")
    .because("the administration needs its secret as the bearer token");

/// A request to `/admin/`.
type AdminRequest = (Method, Uri, HeaderMap, Body);

/// Answers a request to `/admin/`.
pub(crate) fn administer(server: &Issuer, (method, uri, headers, Body(body, _)): AdminRequest) -> AdminResult {
    if !bearer(&headers).is_ok_and(|token| server.admin_secret.matches(token)) {
        server.note_unproven(Entry::refusal(UNAUTHENTICATED));
        return Err(UNAUTHENTICATED.into());
    }
    let segments = uri.path().split('/').skip(2);
    let path: Option<Vec<String>> = segments.map(|part| form_decoded(&part.replace('+', "%2B"))).collect();
    let path = path.ok_or(INVALID_REQUEST.because("the address cannot be decoded"))?;
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    match (method, &path[..]) {
        (Method::GET, ["agents"]) => agents::list(server),
        (Method::POST, ["agents"]) => agents::create(server, &body),
        (Method::GET, ["agents", id]) => agents::read(server, id),
        (Method::PATCH, ["agents", id]) => agents::update(server, id, &body),
        (Method::DELETE, ["agents", id]) => agents::end(server, id, ClientState::Deleted, "agent deleted"),
        (Method::POST, ["agents", id, "disable"]) => agents::end(server, id, ClientState::Disabled, agents::DISABLED),
        (Method::POST, ["agents", id, "credentials"]) => agents::add_credential(server, id, &body),
        (Method::DELETE, ["agents", id, "credentials", one]) => agents::remove_credential(server, id, one, false),
        (Method::POST, ["agents", id, "credentials", one, "revoke"]) => {
            agents::remove_credential(server, id, one, true)
        }
        (Method::GET, ["resources"]) => agents::list_resources(server),
        (Method::POST, ["resources"]) => agents::create_resource(server, &body),
        (Method::POST, ["keys", "rotate"]) => signing(&server.rotate_keys()?),
        (Method::POST, ["keys", id, "revoke"]) => revoke_key(server, id),
        (Method::GET, ["audit"]) => audit(server, &uri),
        _ => Err(NOT_FOUND.into()),
    }
}

fn signing(keys: &Keys) -> AdminResult {
    Ok(axum::Json(json!({ "active": keys.active.id })).into_response())
}

/// Ends a key at once, with every token that it signed. In place of the active one the next one signs.
fn revoke_key(server: &Issuer, id: &str) -> AdminResult {
    NOT_FOUND.when(!server.keys.get().has(id))?;
    let now = server.clock.now();
    signing(&server.change_keys("revoked", |keys| keys.without(id, server.settings.signing, now))?)
}

/// The lines of one transaction: all of the file, or those in memory without one.
fn audit(server: &Issuer, uri: &Uri) -> AdminResult {
    let query = Parameters::parse(uri.query().unwrap_or_default().as_bytes())?;
    let Some(txn) = query.one("txn")? else {
        return Err(INVALID_REQUEST.because("txn is required").into());
    };
    let lines: String = server.store.audited(txn)?.into_iter().map(|line| line + "\n").collect();
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], lines).into_response())
}
