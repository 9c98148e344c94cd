//! Agents with their credentials, and resources, that are not in the registry file.

use std::collections::BTreeMap;

use axum::Json;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde_json::{Map, Value, json};

use super::request::{AdminError, AdminResult, CONFLICT, INVALID_METADATA, NOT_FOUND, created, object, take_text};
use crate::secret::{random_id, transaction_id};
use crate::store::ResourceRecord;
use crate::{
    Change, ClientRecord, ClientState, Credential, Entries, Entry, Event, Issuer, OAuthError, Resource, Revoked, Secret,
};

/// The maximum number of agents, with those that were deleted.
const MAX_AGENTS: usize = 10_000;
/// The maximum number of credentials of an agent at one time.
const MAX_CREDENTIALS: usize = 8;
/// The maximum time in seconds that older credentials stay valid beside a new one.
const MAX_OVERLAP: u64 = 30 * 86_400;
/// The minimum length of a secret that the operator chose.
const MIN_SECRET: usize = 16;
const SHORT_SECRET: OAuthError = INVALID_METADATA.because("the secret must have at least 16 characters");

/// The reason of an event.
pub(super) const DISABLED: &str = "agent disabled";
const UNOWNED: OAuthError = INVALID_METADATA.because("the key `owner` is missing: add the user who is accountable");
const OF_THE_FILE: OAuthError = CONFLICT.because("the client is in the registry file: change it there");

/// `GET /admin/agents`: every client that is not deleted. Of one in the registry file it has the state alone.
pub(super) fn list(server: &Issuer) -> AdminResult {
    let entries = server.directory.get();
    let in_file = server.registry.clients.keys();
    let in_file = in_file.filter(|id| !entries.records.contains_key(*id));
    let in_file = in_file.map(|id| shown(id, &ClientRecord::default()));
    let records = entries.records.iter();
    let others = records.filter(|(_, record)| record.state != ClientState::Deleted);
    let agents = in_file.chain(others.map(|(id, record)| shown(id, record)));
    Ok(Json(agents.collect::<Value>()).into_response())
}

/// `GET /admin/agents/{id}`.
pub(super) fn read(server: &Issuer, id: &str) -> AdminResult {
    let record = record(server, &server.directory.get(), id)?;
    Ok(Json(shown(id, &record)).into_response())
}

/// `POST /admin/agents`: an entry of `clients` with an owner. `client_id` and `secret` are generated unless the request has
/// them; a secret is in this response and nowhere else.
pub(super) fn create(server: &Issuer, body: &[u8]) -> AdminResult {
    let mut entry = object(body)?;
    let id = match take_text(&mut entry, "client_id")? {
        Some(id) => id,
        None => format!("agent-{}", transaction_id()?),
    };
    UNOWNED.when(!entry.contains_key("owner"))?;
    // An agent with keys has no secret, unless the request has both, which the check reports.
    let (has_keys, chosen) = (entry.contains_key("jwks"), take_text(&mut entry, "secret")?);
    let with_secret = (!has_keys || chosen.is_some()).then(|| credential(server, chosen));
    let with_secret = with_secret.transpose()?;
    server.change_entries(|entries, change| {
        CONFLICT.when(entries.is_taken(&id), "the client_id is or was in use")?;
        CONFLICT.when(entries.records.len() >= MAX_AGENTS, "there are too many agents")?;
        let record = ClientRecord {
            entry: Some(entry),
            credentials: with_secret.clone().map(|(credential, _)| vec![credential]),
            ..ClientRecord::default()
        };
        put_client(server, entries, change, &id, &record, "agent added")?;
        let shown = shown(&id, &record);
        Ok(created(match &with_secret {
            Some((credential, secret)) => show_secret(shown, credential, secret),
            None => shown,
        }))
    })
}

/// `PATCH /admin/agents/{id}`: replaces keys of the entry, and removes those that are `null`. `disabled: false` enables the
/// agent again, and `disabled: true` is the only key of its body.
pub(super) fn update(server: &Issuer, id: &str, body: &[u8]) -> AdminResult {
    let mut changes = object(body)?;
    let state = match changes.remove("disabled") {
        None => None,
        Some(Value::Bool(false)) => Some(ClientState::Enabled),
        Some(Value::Bool(true)) if changes.is_empty() => return end(server, id, ClientState::Disabled, DISABLED),
        Some(_) => {
            return Err(INVALID_METADATA
                .because("`disabled` is false, or true without another key")
                .into());
        }
    };
    for fixed in ["client_id", "secret"] {
        if changes.contains_key(fixed) {
            return Err(AdminError(INVALID_METADATA, format!("`{fixed}` cannot be changed")));
        }
    }
    server.change_entries(|entries, change| {
        let mut record = record(server, entries, id)?;
        match &mut record.entry {
            Some(entry) => {
                let is_owned = entry.contains_key("owner");
                merge(entry, changes);
                UNOWNED.when(is_owned && !entry.contains_key("owner"))?;
            }
            None if changes.is_empty() => {}
            None => return Err(OF_THE_FILE.into()),
        }
        let before = std::mem::take(&mut record.state);
        entries.put_client(&server.registry, id, record.clone())?;
        record.state = state.unwrap_or(before);
        put_client(server, entries, change, id, &record, "agent changed")?;
        Ok(Json(shown(id, &record)).into_response())
    })
}

/// `POST /admin/agents/{id}/disable`: no new tokens, and the end of every token that names it or was issued to it.
/// `DELETE /admin/agents/{id}`: the same for good. The identifier is not used again.
pub(super) fn end(server: &Issuer, id: &str, state: ClientState, reason: &'static str) -> AdminResult {
    server.change_entries(|entries, change| {
        let mut record = record(server, entries, id)?;
        let is_of_file = server.registry.clients.contains_key(id);
        OF_THE_FILE.when(is_of_file && state == ClientState::Deleted)?;
        record.state = state;
        put_client(server, entries, change, id, &record, reason)?;
        revoked(change, id)
    })
}

/// Ends every token that names the agent or was issued to it.
fn revoked(change: &mut Change<'_>, id: &str) -> AdminResult {
    let Revoked { tokens, families } = change.revoke_client(id)?;
    let shown = json!({ "revoked_tokens": tokens, "revoked_refresh_tokens": families });
    Ok(Json(shown).into_response())
}

/// `POST /admin/agents/{id}/credentials`: a new secret, shown once. With `overlap`, in seconds, the older ones end so much
/// later; without it they stay until each is deleted.
pub(super) fn add_credential(server: &Issuer, id: &str, body: &[u8]) -> AdminResult {
    let overlap = object(body)?.remove("overlap");
    let seconds = overlap
        .as_ref()
        .map(|value| value.as_u64().filter(|seconds| *seconds <= MAX_OVERLAP));
    let not_seconds = INVALID_METADATA.because("`overlap` is a number of seconds, 30 days at most");
    not_seconds.when(seconds == Some(None))?;
    let (credential, secret) = credential(server, None)?;
    server.change_entries(|entries, change| {
        let mut record = record(server, entries, id)?;
        let now = server.clock.now();
        let credentials = credentials(&mut record)?;
        credentials.retain(|credential| credential.ends.is_none_or(|ends| now < ends));
        let is_full = credentials.len() >= MAX_CREDENTIALS;
        CONFLICT.when(is_full, "the agent has too many credentials: delete one")?;
        if let Some(overlap) = seconds.flatten() {
            let ends = now.saturating_add(overlap);
            for older in credentials.iter_mut() {
                older.ends = Some(older.ends.map_or(ends, |earlier| earlier.min(ends)));
            }
        }
        credentials.push(credential.clone());
        put_client(server, entries, change, id, &record, "credential added")?;
        Ok(created(show_secret(json!({ "client_id": id }), &credential, &secret)))
    })
}

/// `DELETE /admin/agents/{id}/credentials/{credential}`: refused from then on. Tokens stay until they expire, as with
/// Auth0, Okta and Entra, so that no call fails in a rotation. `POST …/{credential}/revoke` is for one that others may know:
/// it also ends every token of the agent.
pub(super) fn remove_credential(server: &Issuer, id: &str, credential: &str, is_known: bool) -> AdminResult {
    server.change_entries(|entries, change| {
        let mut record = record(server, entries, id)?;
        let credentials = credentials(&mut record)?;
        let before = credentials.len();
        credentials.retain(|other| other.id != credential);
        NOT_FOUND.when(credentials.len() == before)?;
        record.revocations = record.revocations.saturating_add(is_known.into());
        put_client(server, entries, change, id, &record, "credential removed")?;
        match is_known {
            true => revoked(change, id),
            false => Ok(StatusCode::NO_CONTENT.into_response()),
        }
    })
}

/// What the issuer knows of a client that is not deleted.
fn record(server: &Issuer, entries: &Entries, id: &str) -> Result<ClientRecord, AdminError> {
    let documents = server.client_documents.as_ref();
    let is_document = documents.is_some_and(|documents| documents.is_identifier(id));
    match entries.records.get(id) {
        Some(record) if record.state == ClientState::Deleted => Err(NOT_FOUND.into()),
        Some(record) => Ok(ClientRecord::clone(record)),
        // One whose identifier is the URL of its metadata can be disabled too.
        None if is_document || server.registry.clients.contains_key(id) => Ok(ClientRecord::default()),
        None => Err(NOT_FOUND.into()),
    }
}

fn credentials(record: &mut ClientRecord) -> Result<&mut Vec<Credential>, AdminError> {
    match (&record.entry, &mut record.credentials) {
        (Some(_), Some(credentials)) => Ok(credentials),
        (Some(_), None) => Err(CONFLICT.because("the client has no secrets").into()),
        (None, _) => Err(OF_THE_FILE.into()),
    }
}

/// Puts a record into the entries and the store.
pub(crate) fn put_client(
    server: &Issuer,
    entries: &mut Entries,
    change: &mut Change<'_>,
    id: &str,
    record: &ClientRecord,
    reason: &'static str,
) -> Result<(), AdminError> {
    entries.put_client(&server.registry, id, record.clone())?;
    change.put_client(id, record)?;
    change.audit(Entry::because(Event::Administer, reason).of_client(id));
    Ok(())
}

/// A credential and its secret: the chosen one, or a new one.
fn credential(server: &Issuer, chosen: Option<String>) -> Result<(Credential, String), AdminError> {
    let (secret, text) = match chosen {
        Some(text) if text.len() < MIN_SECRET => return Err(SHORT_SECRET.into()),
        Some(text) => (Secret::chosen(&text)?, text),
        None => {
            let text = random_id()?;
            (Secret::new(&text), text)
        }
    };
    Ok((Credential::new(transaction_id()?, secret, server.clock.now()), text))
}

/// RFC 7396, one level deep.
fn merge(entry: &mut Map<String, Value>, changes: Map<String, Value>) {
    for (key, value) in changes {
        match value {
            Value::Null => entry.remove(&key),
            value => entry.insert(key, value),
        };
    }
}

/// The record without its secrets.
fn shown(id: &str, record: &ClientRecord) -> Value {
    let mut shown = record.entry.clone().unwrap_or_default();
    let credentials = record.credentials.iter().flatten();
    let credentials = credentials.map(|one| json!({ "id": one.id, "created": one.created, "ends": one.ends }));
    shown.insert("client_id".to_owned(), id.into());
    shown.insert("state".to_owned(), json!(record.state));
    shown.insert("credentials".to_owned(), credentials.collect());
    shown.into()
}

fn show_secret(mut shown: Value, credential: &Credential, secret: &str) -> Value {
    shown["credential_id"] = credential.id.as_str().into();
    shown["client_secret"] = secret.into();
    shown
}

/// The maximum number of resources.
const MAX_RESOURCES: usize = 1_000;

/// `GET /admin/resources`.
pub(super) fn list_resources(server: &Issuer) -> AdminResult {
    let entries = server.directory.get();
    let resources = entries.registry.resources.values();
    let resources = resources.map(|resource| shown_resource(&entries, resource));
    Ok(Json(resources.collect::<Value>()).into_response())
}

/// `POST /admin/resources`: an entry of `resources`, with its `identifier` and `descriptions` of its scopes.
pub(super) fn create_resource(server: &Issuer, body: &[u8]) -> AdminResult {
    let mut entry = object(body)?;
    let identifier = take_text(&mut entry, "identifier")?;
    let identifier = identifier.ok_or(INVALID_METADATA.because("the key `identifier` is missing"))?;
    let descriptions = entry.remove("descriptions");
    let descriptions = descriptions.map_or(Ok(BTreeMap::new()), serde_json::from_value);
    let descriptions =
        descriptions.map_err(|_| INVALID_METADATA.because("`descriptions` has a text for each scope"))?;
    let record = ResourceRecord { entry, descriptions };
    server.change_entries(|entries, change| {
        let resources = &entries.registry.resources;
        CONFLICT.when(resources.contains_key(&identifier), "the resource exists")?;
        CONFLICT.when(resources.len() >= MAX_RESOURCES, "there are too many resources")?;
        entries.put_resource(&identifier, &record)?;
        change.put_resource(&identifier, &record)?;
        let mut entry = Entry::because(Event::Administer, "resource added");
        entry.aud = Some(identifier.clone());
        change.audit(entry);
        let resource = entries.registry.resources.get(&identifier).ok_or(NOT_FOUND)?;
        Ok(created(shown_resource(entries, resource)))
    })
}

fn shown_resource(entries: &Entries, resource: &Resource) -> Value {
    let scopes: Vec<&str> = resource.scopes.iter().collect();
    let described = scopes.iter();
    let described = described.filter_map(|scope| Some((*scope, entries.description(scope)?)));
    let descriptions: BTreeMap<_, _> = described.collect();
    json!({ "identifier": resource.identifier, "scopes": scopes, "descriptions": descriptions })
}
