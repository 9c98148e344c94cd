//! The entitlements of a client: the resource and the scope of a token.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::authorization_server::AuthorizationServer;
use crate::error::{ErrorCode, OAuthError};
use crate::parameters::Parameters;
use crate::registry::{Client, Resource};
use crate::scope::ScopeSet;
use crate::store::RefreshFamily;

/// Every `resource` of a request (RFC 8707), and every `audience` (RFC 8693), which is an alias of it here.
pub(crate) fn targets(request: &Parameters) -> BTreeSet<&str> {
    request.all("resource").chain(request.all("audience")).collect()
}

/// The resource of a request. If omitted, it is the only resource of the client.
pub(crate) fn target(
    server: &AuthorizationServer,
    client: &Client,
    request: &Parameters,
) -> Result<Arc<Resource>, OAuthError> {
    let mut requested = targets(request).into_iter();
    let identifier = match (requested.next(), requested.next(), client.resources.len()) {
        (Some(one), None, _) => one,
        (None, _, 1) => client.resources.first().map_or("", String::as_str),
        (None, ..) => {
            return Err(ErrorCode::InvalidTarget.because("resource is required: the client has more than one"));
        }
        _ => return Err(ErrorCode::InvalidTarget.because("a token has one resource only")),
    };
    let resource = server.resource(identifier);
    resource
        .filter(|resource| client.resources.contains(&resource.identifier))
        .ok_or(ErrorCode::InvalidTarget.because("the client is not registered for this resource"))
}

/// The scope that a family still has: what its client, user and resource are registered for now. None if nothing is left.
pub(crate) fn still_granted(server: &AuthorizationServer, client: &Client, family: &RefreshFamily) -> Option<ScopeSet> {
    let user = server.registry.users.get(&family.subject)?;
    let resource = server.resource(&family.audience)?;
    let mut scope = family.scope.intersection(&client.scopes);
    let protocol_scope = scope.take_protocol_scopes();
    let scope = scope.intersection(&user.scopes).intersection(&resource.scopes);
    let is_left = !scope.is_empty() && client.resources.contains(&resource.identifier);
    is_left.then(|| scope.union(&protocol_scope))
}

/// The granted scope: the requested one, which must be within `allowed`, or all of `allowed` if none is requested.
pub(crate) fn granted(requested: Option<ScopeSet>, allowed: ScopeSet) -> Result<ScopeSet, OAuthError> {
    let scope = match requested {
        None => allowed,
        Some(requested) if requested.is_within(&allowed) => requested,
        Some(_) => return Err(ErrorCode::InvalidScope.because("the requested scope exceeds what is allowed")),
    };
    if scope.is_empty() {
        return Err(ErrorCode::InvalidScope.because("no scope remains to be granted"));
    }
    Ok(scope)
}
