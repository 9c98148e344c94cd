//! Authorization server metadata: RFC 8414 and OpenID Connect Discovery.

use std::collections::BTreeSet;

use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

use crate::claims::{AAL1, AAL2};
use crate::grant_type::{AUTHORIZATION_CODE, CIBA, CLIENT_CREDENTIALS, DEVICE_CODE, REFRESH_TOKEN, TOKEN_EXCHANGE};
use crate::scope::PROTOCOL_SCOPES;
use crate::{Issuer, PublicKey};

const CLIENT_AUTHENTICATION: [&str; 4] = ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"];

/// The document of both well-known addresses.
pub(crate) fn metadata(server: &Issuer) -> Value {
    let origin = &server.origin;
    let entries = server.directory.get();
    let scopes = entries
        .registry
        .resources
        .values()
        .flat_map(|resource| resource.scopes.iter());
    let scopes: BTreeSet<&str> = scopes.chain(PROTOCOL_SCOPES).collect();
    let active = server.keys.active().algorithm();
    let mut id_token_algorithms = vec![active, Algorithm::RS256];
    id_token_algorithms.dedup();
    let mut metadata = json!({
        "issuer": server.issuer_url,
        "authorization_endpoint": format!("{origin}/authorize"),
        "token_endpoint": format!("{origin}/token"),
        "pushed_authorization_request_endpoint": format!("{origin}/par"),
        "require_pushed_authorization_requests": false,
        "backchannel_authentication_endpoint": format!("{origin}/bc-authorize"),
        "device_authorization_endpoint": format!("{origin}/device_authorization"),
        "introspection_endpoint": format!("{origin}/introspect"),
        "revocation_endpoint": format!("{origin}/revoke"),
        "userinfo_endpoint": format!("{origin}/userinfo"),
        "end_session_endpoint": format!("{origin}/logout"),
        "jwks_uri": format!("{origin}/jwks"),
        "scopes_supported": scopes,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": [AUTHORIZATION_CODE, CLIENT_CREDENTIALS, REFRESH_TOKEN, TOKEN_EXCHANGE, CIBA, DEVICE_CODE],
        "backchannel_token_delivery_modes_supported": ["poll"],
        "backchannel_user_code_parameter_supported": false,
        "introspection_signing_alg_values_supported": [server.keys.active().algorithm()],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": id_token_algorithms,
        "acr_values_supported": [AAL1, AAL2],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "entity_profiles_supported":
            ["user", "ai_agent", "service", "web_app", "native_app", "browser_app"],
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
    });
    // A public client cannot introspect.
    for (endpoint, methods) in [("token", 4), ("revocation", 4), ("introspection", 3)] {
        metadata[format!("{endpoint}_endpoint_auth_methods_supported")] = json!(CLIENT_AUTHENTICATION[..methods]);
        metadata[format!("{endpoint}_endpoint_auth_signing_alg_values_supported")] = json!(PublicKey::ALGORITHMS);
    }
    if server.client_documents.is_some() {
        metadata["client_id_metadata_document_supported"] = true.into();
    }
    if server.settings.registration {
        metadata["registration_endpoint"] = format!("{origin}/register").into();
    }
    metadata
}
