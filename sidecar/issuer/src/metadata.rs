//! What the issuer says about itself: RFC 8414 and OpenID Connect Discovery.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::authorization_server::AuthorizationServer;
use crate::grants::{CLIENT_CREDENTIALS, TOKEN_EXCHANGE};
use crate::settings::Signing;

/// The document of both well-known addresses.
pub(crate) fn metadata(server: &AuthorizationServer) -> Value {
    let issuer = &server.issuer_url;
    let scopes: BTreeSet<&str> = server
        .registry
        .resources()
        .flat_map(|resource| resource.scopes.iter())
        .collect();
    let algorithm = match server.settings.signing {
        Signing::Es256 => "ES256",
        Signing::Rs256 => "RS256",
        Signing::EdDsa => "EdDSA",
    };
    json!({
        "issuer": issuer,
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/jwks"),
        "scopes_supported": scopes,
        "response_types_supported": [],
        "grant_types_supported": [CLIENT_CREDENTIALS, TOKEN_EXCHANGE],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "id_token_signing_alg_values_supported": [algorithm],
    })
}
