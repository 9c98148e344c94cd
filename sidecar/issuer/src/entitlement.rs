//! The entitlements of a client: the resource and the scope of a token.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::claims::{AAL1, AAL2};
use crate::scope::OPENID;
use crate::secret::transaction_id;
use crate::{
    ACCESS_DENIED, AccessClaims, AccessRequest, Client, INVALID_SCOPE, INVALID_TARGET, Issuer, OAuthError, Parameters,
    Resource, Result, ScopeSet, SubjectProfile,
};

/// A user cannot allow what the user does not have.
pub(crate) const NO_SCOPE: OAuthError = ACCESS_DENIED.because("the user has none of the requested scopes");

/// The maximum length of `nonce`, which is kept until the user has decided.
const MAX_NONCE: usize = 512;

/// Every `resource` of a request (RFC 8707), and every `audience` (RFC 8693), which is an alias of it here.
fn targets(request: &Parameters) -> BTreeSet<&str> {
    request.all("resource").chain(request.all("audience")).collect()
}

/// Whether the request names a resource other than that of the grant.
pub(crate) fn is_for_other(request: &Parameters, audience: &str) -> bool {
    targets(request).into_iter().any(|target| target != audience)
}

/// The resource of a request. If omitted, it is the only resource of the client.
pub(crate) fn target(server: &Issuer, client: &Client, request: &Parameters) -> Result<Arc<Resource>> {
    let mut requested = targets(request).into_iter();
    let identifier = match (requested.next(), requested.next(), client.resources.len()) {
        (Some(one), None, _) => one,
        (None, _, 1) => client.resources.first().map_or("", String::as_str),
        (None, ..) => return Err(INVALID_TARGET.because("resource is required: the client does not have exactly one")),
        _ => return Err(INVALID_TARGET.because("a token has one resource only")),
    };
    let resource = server.resource(identifier);
    let resource = resource.filter(|resource| client.resources.contains(&resource.identifier));
    resource.ok_or(INVALID_TARGET.because("the client is not registered for this resource"))
}

/// What a client asks a user for, by `scope`, `resource` and `acr_values`.
pub(crate) fn access_request(server: &Issuer, client: &Arc<Client>, request: &Parameters) -> Result<AccessRequest> {
    let resource = target(server, client, request)?;
    let requested = request.one("scope")?.map(ScopeSet::parse).transpose()?;
    let mut requested = requested.map(|requested| requested.without_claim_scopes(&client.scopes));
    let protocol_scope = requested.as_mut().map(ScopeSet::take_protocol_scopes);
    let protocol_scope = protocol_scope.unwrap_or_default();
    // An application that only wants to know who the user is.
    let is_login = protocol_scope.contains(OPENID) && requested.as_ref().is_some_and(ScopeSet::is_empty);
    let lacks_openid = protocol_scope.contains(OPENID) && !client.scopes.contains(OPENID);
    INVALID_SCOPE.when(lacks_openid, "the client may not ask for openid")?;
    let acr_values = request.one("acr_values")?.unwrap_or_default();
    let levels = acr_values.split(' ').filter(|level| [AAL1, AAL2].contains(level));
    let mut levels = levels.peekable();
    Ok(AccessRequest {
        txn: transaction_id()?,
        client: Arc::clone(client),
        audience: resource.identifier.clone(),
        scope: match is_login {
            true => ScopeSet::default(),
            false => granted(requested, client.scopes.intersection(&resource.scopes))?,
        },
        // OpenID Connect Core section 11: offline_access is ignored where it is not allowed. The SDKs of MCP ask for it
        // wherever the metadata has it.
        protocol_scope: protocol_scope.intersection(&client.scopes),
        actor: None,
        nonce: request.one_within("nonce", MAX_NONCE)?.map(str::to_owned),
        needs_second_factor: levels.peek().is_some() && levels.all(|level| level == AAL2),
    })
}

/// The part of the scope of a token or of a grant that one can have now: what its client, its subject, its current actor and
/// its resource are registered for. None if nothing is left, or if one of them may not have the resource.
pub(crate) fn still_granted(server: &Issuer, client: &Client, claims: &AccessClaims) -> Option<ScopeSet> {
    let entries = server.directory.get();
    let (clients, resource) = (&entries.registry.clients, entries.registry.resources.get(&claims.aud)?);
    let of_subject = match claims.sub_profile {
        SubjectProfile::User => &entries.registry.users.get(&claims.sub)?.scopes,
        SubjectProfile::Client(_) => &clients.get(&claims.sub)?.scopes,
    };
    let mut wanted = claims.scope.clone();
    let protocol_scope = wanted.take_protocol_scopes().intersection(&client.scopes);
    let mut scope = wanted.intersection(&resource.scopes).intersection(of_subject);
    let mut parties = vec![client];
    if let Some(actor) = &claims.act {
        parties.push(clients.get(&actor.sub)?);
    }
    for party in &parties {
        scope = scope.intersection(&party.scopes);
    }
    let has_resource = parties.iter().all(|party| party.resources.contains(&claims.aud));
    let is_left = has_resource && (wanted.is_empty() || !scope.is_empty());
    is_left.then(|| scope.union(&protocol_scope))
}

/// The granted scope: the requested one, which must be within `allowed`, or all of `allowed` if none is requested.
pub(crate) fn granted(requested: Option<ScopeSet>, allowed: ScopeSet) -> Result<ScopeSet> {
    let scope = match requested {
        None => allowed,
        Some(requested) if requested.is_within(&allowed) => requested,
        Some(_) => return Err(INVALID_SCOPE.because("the requested scope exceeds what is allowed: request less of it")),
    };
    INVALID_SCOPE.when(scope.is_empty(), "no scope remains to be granted")?;
    Ok(scope)
}
