//! Redeeming an authorization code, RFC 6749 section 4.1.3 with PKCE.

use super::{exchange, user_token};
use crate::entitlement::is_for_other;
use crate::grant_type::AUTHORIZATION_CODE;
use crate::secret::s256;
use crate::{
    Act, Client, Entry, Event, INVALID_GRANT, INVALID_REQUEST, Issuer, Parameters, Result, TokenResponse,
    UNREGISTERED_GRANT,
};

/// Issues a token for the user who signed in, and a refresh token if that was requested. If the client is an agent, `act`
/// names it. A code that is used twice gives nothing, and ends what it gave (RFC 6749 section 4.1.2).
pub(super) fn redeem(server: &Issuer, client: &Client, request: &Parameters) -> Result<TokenResponse> {
    UNREGISTERED_GRANT.when(client.redirect_uris.is_empty())?;
    let (Some(code), Some(redirect_uri), Some(verifier)) = (
        request.one("code")?,
        request.one("redirect_uri")?,
        request.one("code_verifier")?,
    ) else {
        return Err(INVALID_REQUEST.because("code, redirect_uri and code_verifier are required"));
    };
    let invalid = INVALID_GRANT.because("the code is invalid, expired, or was issued for another request");
    let code = server.codes.get(code);
    let code = code.filter(|code| code.authorization.access.client.id == client.id);
    let code = code.ok_or(invalid)?;
    let access = &code.authorization.access;
    if !code.uses.is_first() {
        revoke(server, client, &access.txn)?;
        return Err(invalid);
    }
    if code.expires <= server.clock.now()
        || code.redirect_uri != redirect_uri
        || !is_verifier(verifier)
        || s256(verifier) != code.code_challenge
        || is_for_other(request, &access.audience)
    {
        return Err(invalid);
    }
    let act = actor(server, client, access.actor.as_deref(), request)?;
    user_token::issue(server, AUTHORIZATION_CODE, client, &code.authorization, act, || {
        match code.uses.is_replayed() {
            // A second use that ended what this one gives waits for the change, or is counted by now.
            true => Err(invalid),
            false => Ok(()),
        }
    })
}

/// The actor: the agent that the user consented to, which an actor token proves, or the client if it is an agent.
fn actor(
    server: &Issuer,
    client: &Client,
    requested: Option<&Client>,
    request: &Parameters,
) -> Result<Option<Box<Act>>> {
    let presented = exchange::presented_actor(server, request, INVALID_GRANT)?;
    let agent = user_token::agent(server, client);
    let expected = requested.or(agent.is_some().then_some(client));
    let is_expected = match (&presented, expected) {
        (Some(presented), Some(expected)) => *presented == expected.id,
        (Some(_), None) => false,
        (None, _) => requested.is_none(),
    };
    INVALID_GRANT.when(!is_expected, "the actor is not the one that the user consented to")?;
    Ok(requested.map_or(agent, |requested| server.actor(requested, None)))
}

/// Ends what the first use of a code gave (RFC 6749 section 4.1.2).
fn revoke(server: &Issuer, client: &Client, txn: &str) -> Result<()> {
    let mut change = server.change()?;
    change.revoke_transaction(txn)?;
    let txn = Some(txn.to_owned());
    let entry = Entry::because(Event::Revoke, "the authorization code was used twice").of_client(&client.id);
    change.audit(Entry { txn, ..entry });
    change.commit()?;
    Ok(())
}

/// RFC 7636 section 4.1: 43 to 128 unreserved characters.
fn is_verifier(text: &str) -> bool {
    let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    (43..=128).contains(&text.len()) && text.bytes().all(is_unreserved)
}

#[cfg(test)]
mod tests {
    use super::is_verifier;

    #[test]
    fn the_length_and_alphabet_of_a_verifier_are_limited() {
        assert!(is_verifier(&"a".repeat(43)) && is_verifier(&"~".repeat(128)));
        assert!(!is_verifier(&"a".repeat(42)) && !is_verifier(&"a".repeat(129)));
        assert!(!is_verifier(&"ä".repeat(43)) && !is_verifier(&"+".repeat(43)));
    }
}
