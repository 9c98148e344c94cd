//! Client credentials, RFC 6749 section 4.4.

use serde_json::Value;

use crate::entitlement::{granted, target};
use crate::grant_type::CLIENT_CREDENTIALS;
use crate::registry::Grant;
use crate::secret::transaction_id;
use crate::{
    AccessClaims, Client, Event, Granted, Issuer, Parameters, Result, ScopeSet, SubjectProfile, UNREGISTERED_GRANT,
};

/// Issues a token whose subject is the client itself, without actor, ID token and refresh token.
pub(super) fn issue(server: &Issuer, client: &Client, request: &Parameters) -> Result<Value> {
    UNREGISTERED_GRANT.when(!client.grants.contains(&Grant::ClientCredentials))?;
    let resource = target(server, client, request)?;
    let requested = request.one("scope")?.map(ScopeSet::parse).transpose()?;
    let scope = granted(requested.clone(), client.scopes.intersection(&resource.scopes))?;
    server.issue(Granted {
        event: Event::Issue,
        grant: CLIENT_CREDENTIALS,
        client,
        parent: None,
        scope_before: requested,
        claims: AccessClaims {
            txn: transaction_id()?,
            sub: client.id.clone(),
            sub_profile: SubjectProfile::Client(client.profile),
            aud: resource.identifier.clone(),
            scope,
            exp: u64::MAX,
            ..AccessClaims::default()
        },
    })
}
