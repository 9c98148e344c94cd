//! Access tokens: issuing them, and reading them back.

use jsonwebtoken::dangerous::insecure_decode_claims;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::claims::ID_TOKEN;
use crate::dialect::Minting;
use crate::issuance_policy::IssuanceRequest;
use crate::secret::random_id;
use crate::store::{ConsentState, IssuedToken};
use crate::{
    ACCESS_DENIED, AccessClaims, Act, CLIENT_FAILED, Change, Client, ClientState, Dialect, Entry, Event, INVALID_GRANT,
    INVALID_REQUEST, Issuer, KeyError, Result, ScopeSet,
};

/// The result of a grant: an access token except for its issuer, times and identifier.
pub(crate) struct Granted<'a> {
    pub(crate) event: Event,
    /// The grant type of the request.
    pub(crate) grant: &'static str,
    pub(crate) client: &'a Client,
    /// The subject token of an exchange, which must be live when the new token is stored.
    pub(crate) parent: Option<IssuedToken>,
    /// What was requested, or what the grant or the token before had.
    pub(crate) scope_before: Option<ScopeSet>,
    /// Those of the token, whose `exp` is the latest expiry. Issuer, client, times and identifier are added.
    pub(crate) claims: AccessClaims,
}

/// A signed token that is not stored yet. Its client does not get it before.
pub(crate) struct Minted {
    pub(crate) access_token: String,
    /// RFC 6749 section 5.1.
    pub(crate) response: Value,
    pub(crate) token: IssuedToken,
    /// Those of the client when it authenticated.
    revocations: u64,
    entry: Entry,
}

impl Issuer {
    /// Issues the access token of a grant that changes nothing else.
    pub(crate) fn issue(&self, granted: Granted<'_>) -> Result<Value> {
        let minted = self.mint(granted)?;
        self.changed(|change| minted.store(change))
    }

    /// Signs the access token of a grant, outside of any change of the store.
    pub(crate) fn mint(&self, granted: Granted<'_>) -> Result<Minted> {
        let now = self.clock.now();
        let lifetime = granted.client.token_lifetime.unwrap_or(self.settings.token_lifetime);
        let lifetime = now.saturating_add(lifetime.as_secs());
        let claims = AccessClaims {
            iss: self.issuer_url.clone(),
            client_id: granted.client.id.clone(),
            client_profile: granted.client.profile,
            iat: now,
            nbf: now,
            exp: lifetime.min(granted.claims.exp),
            jti: random_id()?,
            ..granted.claims
        };
        let minting = Minting {
            claims: &claims,
            grant: granted.grant,
            parent: granted.parent.as_ref().map(|parent| &parent.claims),
        };
        let shaped = self.settings.dialect.shape(&minting);
        let (begun_by, parent_jti) = match granted.parent {
            None => (claims.client_id.clone(), None),
            Some(parent) => (parent.begun_by, Some(parent.claims.jti)),
        };
        let token = IssuedToken {
            claims,
            parent_jti,
            begun_by,
            shaped,
        };
        self.decide(granted.grant, &token)?;
        let (key, typ) = (self.keys.active(), self.settings.dialect.typ());
        let access_token = match &token.shaped {
            Some(payload) => key.sign(typ, payload)?,
            None => key.sign(typ, &token.claims)?,
        };
        Ok(Minted {
            access_token: access_token.clone(),
            revocations: granted.client.revocations,
            entry: Entry {
                scope_before: granted.scope_before,
                ..token.entry(granted.event)
            },
            response: json!({
                "access_token": access_token,
                "token_type": "Bearer",
                "expires_in": token.claims.exp.saturating_sub(now),
                "scope": token.claims.scope,
            }),
            token,
        })
    }

    /// Asks the policy on issuance, if there is one. The audit trail gets what would have been issued.
    fn decide(&self, grant: &str, token: &IssuedToken) -> Result<()> {
        let Some(policy) = &self.settings.issuance_policy else {
            return Ok(());
        };
        let claims = serde_json::to_value(&token.claims).map_err(|_| KeyError)?;
        policy.decide(&IssuanceRequest::new(grant, &claims)).map_err(|reason| {
            let mut entry = token.entry(Event::Refuse).with_reason(reason);
            entry.decision = Some("deny".into());
            self.note(entry);
            ACCESS_DENIED.because(reason)
        })
    }

    /// The client as the current actor, with the prior actors of a token.
    pub(crate) fn actor(&self, client: &Client, prior: Option<Box<Act>>) -> Option<Box<Act>> {
        Some(Box::new(Act {
            iss: self.issuer_url.clone(),
            sub: client.id.clone(),
            sub_profile: client.profile,
            act: prior,
        }))
    }

    /// The subject of an ID token of this issuer for the client. It may have expired (OpenID Connect Core section
    /// 3.1.2.1).
    pub(crate) fn read_id_token(&self, hint: &str, client: &Client) -> Result<String> {
        #[derive(Deserialize)]
        struct Hint {
            iss: String,
            sub: String,
            aud: String,
            // No access token has it, whatever `typ` a dialect gives it.
            #[serde(rename = "at_hash")]
            _at_hash: String,
        }
        let payload = self.keys.verify(hint, Some(ID_TOKEN));
        let claims = payload.and_then(|payload| serde_json::from_slice::<Hint>(&payload).ok());
        let is_for = |claims: &Hint| claims.iss == self.issuer_url && claims.aud == client.id;
        let claims = claims.filter(is_for);
        let description = "id_token_hint is not an ID token of this issuer for the client";
        let claims = claims.ok_or(INVALID_REQUEST.because(description))?;
        let mut names = self.registry.users.keys();
        let user = names.find(|name| *self.settings.dialect.user(name) == *claims.sub);
        Ok(user.cloned().unwrap_or(claims.sub))
    }

    /// The client of an ID token, before anything of it is verified.
    pub(crate) fn audience_of_id_token(&self, hint: &str) -> Option<String> {
        let claims: Value = insecure_decode_claims(hint).ok()?;
        claims["aud"].as_str().map(str::to_owned)
    }

    /// An access token of this issuer that is valid now and not revoked. The caller checks its audience.
    pub(crate) fn read(&self, token: &str) -> Result<Option<IssuedToken>> {
        let now = self.clock.now();
        let issued = self.issued(token)?;
        Ok(issued.filter(|issued| issued.claims.nbf <= now && now < issued.claims.exp))
    }

    /// An access token that this issuer signed, which is not revoked and may have expired.
    pub(crate) fn issued(&self, token: &str) -> Result<Option<IssuedToken>> {
        let Some(payload) = self.keys.verify(token, self.settings.dialect.typ()) else {
            return Ok(None);
        };
        let payload: Value = serde_json::from_slice(&payload).unwrap_or_default();
        Ok(match self.settings.dialect.token_id(&payload) {
            Some((txn, jti)) => self.store.token(txn, jti)?,
            None => None,
        })
    }
}

impl Minted {
    /// `act` of the ID token beside it.
    pub(crate) fn act_of_id_token(&self, dialect: Dialect) -> Option<Value> {
        let payload = self.token.shaped.as_ref().filter(|_| dialect == Dialect::Zitadel)?;
        payload.get("act").cloned()
    }

    /// Adds the token to a change. A subject token that was revoked since it was read gives none, and neither does a
    /// client that was disabled, that lost a credential to others, or from which the user withdrew the consent.
    pub(crate) fn store(self, change: &mut Change<'_>) -> Result<Value> {
        let ended = |description| match self.entry.event {
            Event::Exchange => INVALID_REQUEST.because(description),
            _ => INVALID_GRANT.because(description),
        };
        let token = &self.token;
        if let Some(parent) = &token.parent_jti
            && !change.is_live(&token.claims.txn, parent)?
        {
            return Err(ended("the subject token was revoked"));
        }
        let client = &*token.claims.client_id;
        let record = change.client(client)?;
        CLIENT_FAILED.when(record.state != ClientState::Enabled || record.revocations != self.revocations)?;
        for party in token.claims.actors().chain([client, &token.begun_by]) {
            let is_enabled = change.client(party)?.state == ClientState::Enabled;
            ended("a party of the token was disabled").when(!is_enabled)?;
            let consent = change.consent(&token.claims.sub, party)?;
            let is_withdrawn = consent.is_some_and(|consent| consent.state == ConsentState::Withdrawn);
            ended("the user withdrew the consent for a party of the token").when(is_withdrawn)?;
        }
        change.add_token(token)?;
        change.audit(self.entry);
        Ok(self.response)
    }
}

#[cfg(test)]
mod tests {
    use super::Granted;
    use crate::{AccessClaims, CLIENT_FAILED, ClientRecord, Event, Issuer, Registry, Settings};

    #[test]
    fn a_token_is_not_stored_after_the_credential_of_its_request_was_revoked() {
        let url = "http://issuer.test".to_owned();
        let server = Issuer::new(Settings::default(), Registry::demo().unwrap(), url).unwrap();
        let client = server.client("warehouse", "").unwrap();
        let mint = || {
            let granted = Granted {
                event: Event::Issue,
                grant: "client_credentials",
                client: &client,
                parent: None,
                scope_before: None,
                claims: AccessClaims {
                    exp: u64::MAX,
                    ..AccessClaims::default()
                },
            };
            server.mint(granted).unwrap()
        };
        mint().store(&mut server.change().unwrap()).unwrap();
        let late = mint();
        let mut change = server.change().unwrap();
        let record = ClientRecord {
            revocations: 1,
            ..ClientRecord::default()
        };
        change.put_client("warehouse", &record).unwrap();
        assert_eq!(late.store(&mut change), Err(CLIENT_FAILED));
    }
}
