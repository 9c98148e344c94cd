//! The tokens of a user: what an authorization code (RFC 6749 section 4.1.3 with PKCE), an approval of CIBA (CIBA Core section
//! 10.1) and one of the device grant (RFC 8628 section 3.4) are redeemed for.

use std::sync::PoisonError;

use serde_json::{Value, json};

use super::exchange;
use crate::claims::ID_TOKEN;
use crate::dialect::without_null;
use crate::entitlement::{is_for_other, still_granted};
use crate::grant_type::{AUTHORIZATION_CODE, CIBA, DEVICE_CODE};
use crate::registry::Grant;
use crate::scope::{OFFLINE_ACCESS, OPENID};
use crate::secret::s256;
use crate::token::Minted;
use crate::{
    AccessClaims, AccessRequest, Act, Authorization, Channel, Client, EntityProfile, Entry, Event, Granted,
    INVALID_GRANT, INVALID_TARGET, Issuer, Parameters, RefreshFamily, Result, TEMPORARILY_UNAVAILABLE,
    UNREGISTERED_GRANT,
};

/// Issues a token for the user who signed in, and a refresh token if that was requested. If the client is an agent, `act`
/// names it. A code that is used twice gives nothing, and ends what it gave (RFC 6749 section 4.1.2).
pub(super) fn redeem(server: &Issuer, client: &Client, request: &Parameters) -> Result<Value> {
    UNREGISTERED_GRANT.when(client.redirect_uris.is_empty())?;
    let required = |name| request.required(name, "code, redirect_uri and code_verifier are required");
    let (code, redirect_uri, verifier) = (required("code")?, required("redirect_uri")?, required("code_verifier")?);
    let invalid = INVALID_GRANT.because("the code is invalid, expired, or was issued for another request");
    let code = server.codes.get(code, server.clock.now());
    let code = code.filter(|code| code.authorization.access.client.id == client.id);
    let code = code.ok_or(invalid)?;
    let access = &code.authorization.access;
    let mut is_used = code.is_used.lock().unwrap_or_else(PoisonError::into_inner);
    if *is_used {
        let entry = Entry::because(Event::Revoke, "the authorization code was used twice").of_client(&client.id);
        let txn = Some(access.txn.clone());
        server.end_transaction(&access.txn, Entry { txn, ..entry })?;
        return Err(invalid);
    }
    *is_used = true;
    let is_for_other = code.redirect_uri != redirect_uri || is_for_other(request, &access.audience);
    invalid.when(is_for_other || code.expires <= server.clock.now())?;
    let is_proof = is_verifier(verifier) && s256(verifier) == code.code_challenge;
    INVALID_GRANT.when(!is_proof, "the code_verifier is not that of the code, which is used up")?;
    let act = actor(server, client, access, request)?;
    let issued = issue(server, AUTHORIZATION_CODE, client, &code.authorization, act);
    // Of a store that failed, the client sends it again, and has not used it twice.
    *is_used = !matches!(&issued, Err(error) if error.code == TEMPORARILY_UNAVAILABLE);
    issued
}

/// The actor: the agent that the user consented to, which an actor token proves, or the client if it is an agent.
fn actor(server: &Issuer, client: &Client, access: &AccessRequest, request: &Parameters) -> Result<Option<Box<Act>>> {
    let presented = exchange::presented_actor(server, request, INVALID_GRANT)?;
    if let Some(issued) = &presented {
        let serves = client.exchange.as_ref();
        let serves = serves.is_some_and(|exchange| exchange.audiences.contains(&issued.aud));
        let is_for_other = !serves && issued.aud != access.audience;
        INVALID_GRANT.when(is_for_other, "the actor token is for another resource")?;
    }
    let (requested, agent) = (access.actor.as_deref(), agent(server, client));
    let expected = requested.or(agent.is_some().then_some(client));
    let is_expected = match (&presented, expected) {
        (Some(presented), Some(expected)) => presented.sub == expected.id,
        (Some(_), None) => false,
        (None, _) => requested.is_none(),
    };
    INVALID_GRANT.when(!is_expected, "the actor is not the one that the user consented to")?;
    Ok(requested.map_or(agent, |requested| server.actor(requested, None)))
}

/// RFC 7636 section 4.1: 43 to 128 unreserved characters.
fn is_verifier(text: &str) -> bool {
    let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    (43..=128).contains(&text.len()) && text.bytes().all(is_unreserved)
}

/// Issues a token once the user has approved, as for a code: if the client is an agent, `act` names it.
pub(super) fn approval(server: &Issuer, client: &Client, request: &Parameters, channel: Channel) -> Result<Value> {
    let (registered, name, grant) = match channel {
        Channel::Backchannel => (Grant::Ciba, "auth_req_id", CIBA),
        Channel::Device => (Grant::DeviceCode, "device_code", DEVICE_CODE),
    };
    UNREGISTERED_GRANT.when(!client.grants.contains(&registered))?;
    let id = request.required(name, "auth_req_id or device_code is required")?;
    let now = server.clock.now();
    let approval = server.approvals.polled(id, channel, &client.id, now)?;
    let access = &approval.request.access;
    let is_for_other = is_for_other(request, &access.audience);
    INVALID_TARGET.when(is_for_other, "the request is for another resource")?;
    approval.redeem(now, |allowed| {
        issue(server, grant, client, allowed, agent(server, client))
    })
}

/// The client as the actor, if it is an agent.
pub(super) fn agent(server: &Issuer, client: &Client) -> Option<Box<Act>> {
    match client.profile {
        EntityProfile::AiAgent => server.actor(client, None),
        _ => None,
    }
}

/// Issues a token for the user who allowed it, with an ID token for `openid` and a refresh token for `offline_access`.
pub(super) fn issue(
    server: &Issuer,
    grant: &'static str,
    client: &Client,
    authorization: &Authorization,
    act: Option<Box<Act>>,
) -> Result<Value> {
    let access = &authorization.access;
    let scope = authorization.whole_scope();
    let mut minted = server.mint(Granted {
        event: Event::Issue,
        grant,
        client,
        parent: None,
        scope_before: Some(scope.clone()),
        claims: AccessClaims {
            txn: access.txn.clone(),
            sub: authorization.subject.clone(),
            aud: access.audience.clone(),
            scope: scope.clone(),
            authentication: Some(authorization.authentication.clone()),
            act,
            exp: u64::MAX,
            ..AccessClaims::default()
        },
    })?;
    let mut of_family = minted.token.claims.clone();
    if access.protocol_scope.contains(OPENID) {
        let id_token = id_token(server, client, authorization, &minted)?;
        minted.response["id_token"] = id_token.into();
    }
    let is_granted = still_granted(server, client, &minted.token.claims).as_ref() == Some(&scope);
    let lost = "the client or its agent is not registered any more for what the user allowed";
    INVALID_GRANT.when(!is_granted, lost)?;
    let mut change = server.change()?;
    // What a user allowed and withdrew does not come back with a later consent to something else.
    let consent = change.consent(&authorization.subject, &client.id)?;
    if access.actor.is_none() && !consent.is_some_and(|consent| consent.covers(&access.audience, &scope)) {
        return Err(INVALID_GRANT.because("the user withdrew the consent for this client"));
    }
    let mut response = minted.store(&mut change)?;
    if access.protocol_scope.contains(OFFLINE_ACCESS) {
        let lifetime = server.settings.refresh_lifetime;
        of_family.exp = server.clock.now().saturating_add(lifetime.as_secs());
        let (family, token) = RefreshFamily::begin(of_family)?;
        change.put_family(&family)?;
        response["refresh_token"] = token.into();
    }
    change.commit()?;
    Ok(response)
}

/// An ID token (OpenID Connect Core section 2). It identifies the user and has no scope.
fn id_token(server: &Issuer, client: &Client, authorization: &Authorization, minted: &Minted) -> Result<String> {
    let key = server.id_token_key(client)?;
    let (login, token) = (&authorization.authentication, &minted.token.claims);
    let claims = json!({
        "iss": server.issuer_url,
        "sub": server.settings.dialect.user(&authorization.subject),
        "aud": client.id,
        "iat": token.iat,
        "exp": token.exp,
        "nonce": authorization.access.nonce,
        "at_hash": key.half_digest(&minted.access_token),
        "auth_time": login.auth_time,
        "acr": login.acr,
        "amr": login.amr,
        "act": minted.act_of_id_token(server.settings.dialect),
    });
    Ok(key.sign(Some(ID_TOKEN), &without_null(claims))?)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::{is_verifier, redeem};
    use crate::claims::AAL1;
    use crate::secret::s256;
    use crate::settings::Settings;
    use crate::store::{ApprovalRequest, AuthorizationCode};
    use crate::{
        AccessRequest, Authentication, Authorization, Channel, INVALID_GRANT, Issuer, Parameters, Registry, ScopeSet,
        TEMPORARILY_UNAVAILABLE,
    };

    /// What alice allowed a client, whose consent is stored.
    fn allowed(server: &Issuer, client: &str) -> Authorization {
        let scope = ScopeSet::from("orders:read".to_owned());
        let access = AccessRequest {
            txn: "t".repeat(22),
            client: server.client(client, "").unwrap(),
            audience: "https://orders.example".to_owned(),
            scope: scope.clone(),
            protocol_scope: ScopeSet::default(),
            nonce: None,
            actor: None,
            needs_second_factor: false,
        };
        let mut change = server.change().unwrap();
        change.grant_consent("alice", client, &access.audience, &scope).unwrap();
        change.commit().unwrap();
        let authentication = Authentication {
            auth_time: 0,
            acr: AAL1.to_owned(),
            amr: Vec::new(),
        };
        Authorization {
            access,
            subject: "alice".to_owned(),
            scope,
            authentication,
        }
    }

    fn request(authorization: &Authorization, expires: u64) -> ApprovalRequest {
        ApprovalRequest {
            channel: Channel::Backchannel,
            access: authorization.access.clone(),
            subject: Some("alice".to_owned()),
            binding_message: None,
            expires,
        }
    }

    #[test]
    fn no_consent_is_recorded_for_an_approval_that_has_ended() {
        let url = "http://issuer.test".to_owned();
        let server = Issuer::new(Settings::default(), Registry::demo().unwrap(), url).unwrap();
        let authorization = allowed(&server, "assistant");
        let approvals = &server.approvals;
        approvals
            .begin("c".to_owned(), "", request(&authorization, 10), 0)
            .unwrap();
        let approval = approvals.waiting("c", Channel::Backchannel, 0).unwrap();
        let recorded = || Err("a consent is recorded");
        assert_eq!(approval.decide(10, recorded), Ok(None), "it has expired");
        assert_eq!(approval.decide(9, recorded), Err("a consent is recorded"));
        assert!(
            approval.is_waiting(9),
            "a consent that was not recorded does not end it"
        );
        assert_eq!(approval.decide(9, || Ok::<_, &str>(None)), Ok(Some(false)));
        assert_eq!(approval.decide(9, recorded), Ok(None), "it is decided");
    }

    #[test]
    fn a_store_that_fails_uses_up_neither_a_code_nor_an_approval() {
        let url = "http://issuer.test".to_owned();
        let mut server = Issuer::new(Settings::default(), Registry::demo().unwrap(), url).unwrap();
        let client = server.client("assistant", "").unwrap();
        let authorization = allowed(&server, "assistant");
        let (verifier, redirect_uri) = ("v".repeat(43), "https://assistant.example/callback");
        let code = AuthorizationCode {
            authorization: authorization.clone(),
            redirect_uri: redirect_uri.to_owned(),
            code_challenge: s256(&verifier),
            expires: u64::MAX,
            is_used: Mutex::default(),
        };
        server.codes.insert("code", "", Arc::new(code), server.clock.now());
        let form = format!("code=code&redirect_uri={redirect_uri}&code_verifier={verifier}");
        let form = Parameters::parse(form.as_bytes()).unwrap();
        let approval = request(&authorization, u64::MAX);
        let id = server
            .approvals
            .begin("c".to_owned(), "", approval, server.clock.now())
            .unwrap();
        let waiting = server
            .approvals
            .waiting("c", Channel::Backchannel, server.clock.now())
            .unwrap();
        waiting.decide(0, || Ok::<_, ()>(Some(authorization))).unwrap().unwrap();
        let poll = Parameters::parse(format!("auth_req_id={id}").as_bytes()).unwrap();
        let both = |server: &Issuer| {
            let approved = super::approval(server, &client, &poll, Channel::Backchannel);
            [redeem(server, &client, &form), approved].map(|issued| issued.map(drop).map_err(|error| error.code))
        };
        let usual = std::mem::replace(&mut server.store.max_records, 0);
        assert_eq!(both(&server), [Err(TEMPORARILY_UNAVAILABLE); 2]);
        assert_eq!(both(&server), [Err(TEMPORARILY_UNAVAILABLE); 2]);
        server.store.max_records = usual;
        assert_eq!(both(&server), [Ok(()); 2]);
        assert_eq!(both(&server), [Err(INVALID_GRANT); 2]);
    }

    #[test]
    fn the_length_and_alphabet_of_a_verifier_are_limited() {
        assert!(is_verifier(&"a".repeat(43)) && is_verifier(&"~".repeat(128)));
        assert!(!is_verifier(&"a".repeat(42)) && !is_verifier(&"a".repeat(129)));
        assert!(!is_verifier(&"ä".repeat(43)) && !is_verifier(&"+".repeat(43)));
    }
}
