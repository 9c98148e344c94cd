//! Dynamic client registration: RFC 7591, without the management of RFC 7592. It is off by default.

use std::sync::Arc;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::admin::{AdminError, INVALID_METADATA, NOT_FOUND, put_client};
use crate::client_metadata::ClientMetadata;
use crate::parameters::Body;
use crate::secret::{random_id, transaction_id};
use crate::{ClientRecord, ClientState, Credential, Issuer, Secret, TEMPORARILY_UNAVAILABLE};

/// The maximum number of clients that registered themselves.
const MAX_REGISTERED: usize = 1_000;

/// `POST /register`. The response has the metadata as they are registered, which can be less than what was requested.
pub(crate) fn register(server: &Issuer, Body(body): Body) -> Result<Response, AdminError> {
    NOT_FOUND.when(!server.settings.registration)?;
    let metadata: ClientMetadata = serde_json::from_slice(&body)
        .map_err(|_| INVALID_METADATA.because("the metadata are no JSON object with redirect_uris"))?;
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
        INVALID_METADATA.when(
            entry.contains_key("jwks") != (method == "private_key_jwt"),
            "jwks and the token_endpoint_auth_method private_key_jwt require each other",
        )?;
        let is_counted =
            |record: &&Arc<ClientRecord>| record.is_self_registered && record.state == ClientState::Enabled;
        let registered = entries.records.values().filter(is_counted);
        let is_full = registered.count() >= MAX_REGISTERED;
        TEMPORARILY_UNAVAILABLE.when(is_full, "too many clients are registered")?;
        let record = ClientRecord {
            entry: Some(entry.clone()),
            state: ClientState::Enabled,
            credentials,
            is_self_registered: true,
            revocations: 0,
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
