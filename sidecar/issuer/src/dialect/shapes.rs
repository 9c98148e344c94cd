//! The claims of each product beside `iss`, `iat`, `exp` and the token id. A claim that is null is left out.

use std::ops::Range;

use serde_json::{Value, json};

use crate::grant_type::TOKEN_EXCHANGE;
use crate::secret::{sha256, sha256_hex};
use crate::{AccessClaims, Act, EntityProfile, SubjectProfile};

/// What the form of a token depends on.
pub(crate) struct Minting<'a> {
    pub(crate) claims: &'a AccessClaims,
    /// The grant type of the request.
    pub(crate) grant: &'a str,
    /// The subject token of an exchange.
    pub(crate) parent: Option<&'a AccessClaims>,
}

impl Minting<'_> {
    pub(super) fn is_user(&self) -> bool {
        self.claims.sub_profile == SubjectProfile::User
    }

    pub(super) fn is_agent(&self) -> bool {
        self.claims.sub_profile == SubjectProfile::Client(EntityProfile::AiAgent)
    }

    /// A value for users alone.
    pub(super) fn of_user<T>(&self, value: T) -> Option<T> {
        self.is_user().then_some(value)
    }

    pub(super) fn of_machine<T>(&self, value: T) -> Option<T> {
        (!self.is_user()).then_some(value)
    }

    pub(super) fn scopes(&self) -> Vec<&str> {
        self.claims.scope.iter().collect()
    }

    pub(super) fn actor(&self) -> Option<&Act> {
        self.claims.act.as_deref()
    }

    pub(super) fn auth_time(&self) -> Option<u64> {
        Some(self.claims.authentication.as_ref()?.auth_time)
    }

    /// The client and the resource as audiences.
    pub(super) fn both_audiences(&self) -> [&str; 2] {
        [&self.claims.client_id, &self.claims.aud]
    }
}

pub(super) const PING_PATH: &str = "/am/oauth2/realms/root/realms/alpha";
pub(super) const ENTRA_PATH: &str = "/5f2c1e0a-8d3b-4c6e-9a7f-1b2c3d4e5f60/v2.0";

/// A UUID that is always the same for a name.
pub(super) fn uuid(name: &str) -> String {
    let hex = sha256_hex(name.as_bytes());
    let part = |range: Range<usize>| hex.get(range).unwrap_or_default();
    let [a, b, c, d, e] = [0..8, 8..12, 13..16, 17..20, 20..32].map(part);
    format!("{a}-{b}-5{c}-8{d}-{e}")
}

pub(super) fn auth0_user(name: &str) -> String {
    format!("auth0|{name}")
}

/// Users by UUID, clients by their identifier.
fn user_uuid(token: &Minting<'_>) -> String {
    match token.is_user() {
        true => uuid(&token.claims.sub),
        false => token.claims.sub.clone(),
    }
}

/// A number of 18 digits that is always the same for a name.
pub(super) fn number(name: &str) -> String {
    let bytes = sha256(name.as_bytes());
    let digits = bytes.iter().take(18);
    let digits = digits.map(|byte| char::from(b'0'.saturating_add(byte % 10)));
    digits.collect()
}

/// A token of the client credentials grant is for the agent itself. An exchange of it names the agent as its own actor.
pub(super) fn ping_aic(token: &Minting<'_>, claims: &AccessClaims) -> Value {
    let is_exchange = token.grant == TOKEN_EXCHANGE;
    let current = token.actor().map(|act| &*act.sub);
    let current = current.or(is_exchange.then_some(&*claims.client_id));
    let audience = match token.parent.is_none() && !token.is_user() {
        true => json!(claims.client_id),
        false => json!(token.both_audiences()),
    };
    json!({
        "sub": claims.sub, "subname": claims.sub, "client_id": claims.client_id, "aud": audience,
        "scope": token.scopes(), "grant_type": token.grant, "nbf": claims.nbf, "auth_time": token.auth_time(),
        "act": current.map(|sub| json!({ "sub": sub })),
        "cts": "OAUTH2_STATELESS_GRANT", "tokenName": "access_token", "token_type": "Bearer", "realm": "/alpha",
        "authGrantId": claims.txn, "auditTrackingId": claims.txn, "expires_in": claims.exp.saturating_sub(claims.iat),
    })
}

/// `act` is that of the actor token, which has no prior actor; a code and a refresh leave its issuer out.
pub(super) fn thunder_id(token: &Minting<'_>, claims: &AccessClaims) -> Value {
    let issuer = (token.grant == TOKEN_EXCHANGE).then_some(&*claims.iss);
    json!({
        "sub": uuid(&claims.sub), "client_id": claims.client_id, "aud": claims.aud, "scope": claims.scope,
        "grant_type": token.grant, "nbf": claims.nbf, "tfid": claims.txn,
        "act": token.actor().map(|act| without_null(json!({ "sub": uuid(&act.sub), "iss": issuer }))),
    })
}

/// `act` is written by an exchange alone: a login through an agent looks like one through any application.
pub(super) fn keycloak(token: &Minting<'_>, claims: &AccessClaims) -> Value {
    let act = token.actor().filter(|_| token.grant == TOKEN_EXCHANGE);
    let name = match token.is_user() {
        true => claims.sub.clone(),
        false => format!("service-account-{}", claims.sub),
    };
    json!({
        "typ": "Bearer", "sub": uuid(&claims.sub), "azp": claims.client_id, "aud": claims.aud, "scope": claims.scope,
        "preferred_username": name, "sid": token.of_user(uuid(&claims.txn)), "auth_time": token.auth_time(),
        "client_id": token.of_machine(&claims.sub), "clientHost": token.of_machine("127.0.0.1"),
        "realm_access": { "roles": ["offline_access"] },
        "act": act.map(|act| json!({ "sub": uuid(&act.sub), "client_id": act.sub })),
    })
}

/// The innermost `act` of a token that comes from a login is the application of the login, which is no actor.
pub(super) fn auth0(token: &Minting<'_>, claims: &AccessClaims) -> Value {
    let application = token.parent;
    let application = application.filter(|parent| parent.act.is_none() && parent.sub != parent.client_id);
    let application = application.map(|parent| json!({ "sub": parent.client_id, "sub_profile": "browser_app" }));
    let act = token.actor().map(|act| {
        let (sub, id) = (format!("agt_{}", act.sub), &act.sub);
        without_null(json!({ "sub": sub, "sub_profile": act.sub_profile, "client_id": id, "act": application }))
    });
    json!({
        "sub": match token.is_user() { true => auth0_user(&claims.sub), false => format!("{}@clients", claims.sub) },
        "sub_profile": claims.sub_profile,
        "client_id": claims.client_id, "client_profile": claims.client_profile, "aud": claims.aud, "scope": claims.scope,
        "permissions": token.scopes(), "gty": token.of_machine("client-credentials"), "act": act,
    })
}

/// One `act`; the prior actors are in `delegated_through`, the newest first, and the first party in `origin`.
pub(super) fn okta(token: &Minting<'_>, claims: &AccessClaims) -> Value {
    let party = |act: &Act| json!({ "sub": act.sub, "sub_profile": act.sub_profile });
    let prior = std::iter::successors(token.actor().and_then(|act| act.act.as_deref()), |act| {
        act.act.as_deref()
    });
    let is_delegated = token.actor().is_some();
    let has_profile = is_delegated || !token.is_user();
    let profile = has_profile.then_some(claims.sub_profile);
    json!({
        "ver": 1, "sub": claims.sub, "cid": claims.client_id, "aud": claims.aud, "scp": token.scopes(),
        "uid": token.of_user(uuid(&claims.sub)), "auth_time": token.auth_time(), "sub_profile": profile,
        "act": token.actor().map(party),
        "delegated_through": is_delegated.then(|| prior.map(party).collect::<Vec<_>>()),
        "origin": is_delegated.then(|| json!({ "sub": claims.sub, "sub_profile": profile })),
    })
}

/// There is no `act`: facets of the client say that it is an agent, and prior actors are lost.
pub(super) fn entra(token: &Minting<'_>, claims: &AccessClaims) -> Value {
    let is_agent = |act: &Act| act.sub_profile == EntityProfile::AiAgent;
    let acts = token.is_agent() || token.actor().is_some_and(is_agent);
    let tenant = ENTRA_PATH.split('/').nth(1);
    json!({
        "ver": "2.0", "tid": tenant, "sub": uuid(&format!("{} {}", claims.sub, claims.client_id)), "oid": uuid(&claims.sub),
        "azp": claims.client_id, "azpacr": "1", "aud": claims.aud, "nbf": claims.nbf,
        "idtyp": if token.is_user() { "user" } else { "app" },
        "scp": token.of_user(&claims.scope), "roles": token.of_machine(token.scopes()),
        "xms_act_fct": acts.then_some("3 9 11"), "xms_sub_fct": token.is_agent().then_some("9 3 11"),
    })
}

pub(super) fn cognito(token: &Minting<'_>, claims: &AccessClaims) -> Value {
    json!({
        "sub": user_uuid(token), "client_id": claims.client_id, "token_use": "access",
        "version": 2, "scope": claims.scope, "username": token.of_user(&claims.sub), "auth_time": token.auth_time(),
    })
}

/// The exchange nests the chain of the subject token.
pub(super) fn wso2(token: &Minting<'_>, claims: &AccessClaims) -> Value {
    let kind = match claims.sub_profile {
        SubjectProfile::User => "APPLICATION_USER",
        SubjectProfile::Client(EntityProfile::AiAgent) => "AGENT",
        SubjectProfile::Client(_) => "APPLICATION",
    };
    let amr = claims.authentication.as_ref().map(|login| &login.amr);
    fn nested(act: &Act) -> Value {
        without_null(json!({ "sub": act.sub, "act": act.act.as_deref().map(nested) }))
    }
    json!({
        "sub": user_uuid(token), "aut": kind, "client_id": claims.client_id, "azp": claims.client_id,
        "aud": token.both_audiences(), "scope": claims.scope, "nbf": claims.nbf, "amr": amr, "act": token.actor().map(nested),
    })
}

pub(super) fn zitadel(token: &Minting<'_>, claims: &AccessClaims) -> Value {
    json!({
        "sub": number(&claims.sub), "aud": token.both_audiences(), "nbf": claims.nbf,
        "act": token.actor().map(|act| json!({ "iss": claims.iss, "sub": number(&act.sub) })),
    })
}

pub(crate) fn without_null(mut value: Value) -> Value {
    if let Value::Object(members) = &mut value {
        members.retain(|_, value| !value.is_null());
    }
    value
}
