//! Token revocation: RFC 7009 for clients, and the revocations of an operator or a user.

use std::sync::Arc;

use crate::claims::ID_TOKEN;
use crate::store::PresentedRefreshToken;
use crate::{
    Client, Entry, Event, INVALID_GRANT, Issuer, Parameters, Result, Revoked, StoreError, UNSUPPORTED_TOKEN_TYPE,
};

/// `POST /revoke`. An access token ends alone; a refresh token ends its family, with every token that came from it. A
/// token that is unknown or has ended is no error, and the hint of its type is not needed.
pub(crate) fn revoke(server: &Issuer, client: &Arc<Client>, request: &Parameters) -> Result<()> {
    let token = request.required("token", "token is required")?;
    request.one("token_type_hint")?;
    let of_another = INVALID_GRANT.because("the token was issued to another client");
    if let Some(presented) = PresentedRefreshToken::parse(token) {
        let mut change = server.change()?;
        let family = change.family(presented.txn)?;
        let Some(family) = family.filter(|family| presented.is_of(family)) else {
            return Ok(());
        };
        of_another.when(family.grant.client != client.id)?;
        change.revoke_transaction(&family.grant.txn)?;
        change.audit(family.entry(Event::Revoke));
        change.commit()?;
    } else if let Some(issued) = server.issued(token)? {
        of_another.when(issued.claims.client_id != client.id)?;
        let mut change = server.change()?;
        if change.revoke_token(&issued.claims.txn, &issued.claims.jti)? {
            change.audit(issued.entry(Event::Revoke));
            change.commit()?;
        }
    } else if server.settings.dialect.typ() != Some(ID_TOKEN) && server.keys.verify(token, Some(ID_TOKEN)).is_some() {
        return Err(UNSUPPORTED_TOKEN_TYPE.because("an ID token cannot be revoked"));
    }
    Ok(())
}

impl Issuer {
    /// Ends every live token and refresh-token family that names the party as its subject or as any actor.
    pub(crate) fn revoke_party(&self, party: &str) -> Result<Revoked, StoreError> {
        let mut change = self.change()?;
        let revoked = change.revoke_party(party)?;
        change.commit()?;
        Ok(revoked)
    }

    /// Withdraws the consent of a user for a client: the tokens and families of the user in which the client has a part
    /// end, and the client gets no other until the user consents again.
    pub(crate) fn withdraw_consent(&self, subject: &str, client: &str) -> Result<Revoked, StoreError> {
        let mut change = self.change()?;
        let revoked = change.withdraw_consent(subject, client)?;
        let sub = Some(subject.to_owned());
        let entry = Entry::because(Event::Consent, "withdrawn").of_client(client);
        change.audit(Entry { sub, ..entry });
        change.commit()?;
        Ok(revoked)
    }
}
