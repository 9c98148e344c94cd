//! Dynamic client registration: RFC 7591, without the management of RFC 7592. It is off by default.

use std::collections::BTreeSet;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::admin::{AdminError, INVALID_METADATA, NOT_FOUND, put_client};
use crate::client_metadata::{ClientMetadata, NO_METADATA};
use crate::parameters::Body;
use crate::secret::{random_id, transaction_id};
use crate::{
    Change, ClientRecord, ClientState, Credential, Entries, Entry, Event, Issuer, Result, Secret, StoreError,
    TEMPORARILY_UNAVAILABLE,
};

/// The maximum number of clients that registered themselves.
const MAX_REGISTERED: usize = 1_000;
/// The maximum number of registrations from an address within five minutes: fewer than fill the issuer before they expire.
const MAX_OF_SENDER: u32 = 50;
/// The lifetime in seconds of a registration that no user decided on.
const UNUSED_LIFETIME: u64 = 3600;

/// `POST /register`. The response has the metadata as they are registered, which can be less than what was requested.
pub(crate) fn register(server: &Issuer, Body(body, sender): Body) -> Result<Response, AdminError> {
    NOT_FOUND.when(!server.settings.registration)?;
    let of_sender = format!("registration from {sender}");
    let attempt = server.failures.begin(&of_sender, MAX_OF_SENDER, server.clock.now());
    TEMPORARILY_UNAVAILABLE.when(attempt.is_err(), "too many clients were registered from this address")?;
    let metadata = serde_json::from_slice(&body);
    let metadata: ClientMetadata = metadata.map_err(|_| INVALID_METADATA.because(NO_METADATA))?;
    let method = metadata.method("client_secret_basic").to_owned();
    let id = format!("client-{}", transaction_id()?);
    let (now, secret) = (server.clock.now(), random_id()?);
    let unsupported = INVALID_METADATA.because("the token_endpoint_auth_method is not supported");
    let credentials = match &*method {
        "none" | "private_key_jwt" => None,
        "client_secret_basic" | "client_secret_post" => {
            Some(vec![Credential::new(transaction_id()?, Secret::new(&secret), now)])
        }
        _ => return Err(unsupported.into()),
    };
    server.change_entries(|entries, change| {
        let entry = metadata.entry(entries);
        let mut entry = entry.map_err(|reason| INVALID_METADATA.because(reason))?;
        expire(entries, change, now)?;
        let registered = entries.records.values().filter(|record| is_registration(record));
        let is_full = registered.count() >= MAX_REGISTERED;
        TEMPORARILY_UNAVAILABLE.when(is_full, "too many clients are registered")?;
        let record = ClientRecord {
            entry: Some(entry.clone()),
            credentials,
            is_self_registered: true,
            registered: now,
            ..ClientRecord::default()
        };
        put_client(server, entries, change, &id, &record, "client registered itself")?;
        let scopes = entries.registry.clients.get(&id).map(|client| client.scopes.clone());
        let mut response = json!({
            "client_id": id,
            "client_id_issued_at": now,
            "token_endpoint_auth_method": method,
            "redirect_uris": entry.remove("redirect_uris"),
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "scope": scopes,
        });
        for (member, key) in [("client_name", "name"), ("jwks", "jwks")] {
            if let Some(value) = entry.remove(key) {
                response[member] = value;
            }
        }
        if record.credentials.is_some() {
            response["client_secret"] = Value::from(secret);
            response["client_secret_expires_at"] = 0.into();
        }
        Ok((StatusCode::CREATED, Json(response)).into_response())
    })
}

fn is_registration(record: &ClientRecord) -> bool {
    record.is_self_registered && record.state == ClientState::Enabled
}

/// Removes the registrations on which no user decided in time. Their identifiers are random: none is used again.
fn expire(entries: &mut Entries, change: &mut Change<'_>, now: u64) -> Result<(), StoreError> {
    let is_old = |record: &ClientRecord| record.registered.saturating_add(UNUSED_LIFETIME) <= now;
    let old = entries.records.iter();
    let old = old.filter(|(_, record)| is_registration(record) && is_old(record));
    let old: BTreeSet<String> = old.map(|(id, _)| id.clone()).collect();
    for id in old.difference(&change.decided_clients()?) {
        entries.records.remove(id);
        entries.registry.clients.remove(id);
        change.remove_client(id)?;
        change.audit(Entry::because(Event::Administer, "registration expired").of_client(id));
    }
    Ok(())
}
