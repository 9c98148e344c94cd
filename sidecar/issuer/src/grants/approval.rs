//! What a user approved elsewhere: CIBA Core section 10.1, and RFC 8628 section 3.4.

use super::user_token;
use crate::entitlement::is_for_other;
use crate::grant_type::{CIBA, DEVICE_CODE};
use crate::{
    Channel, Client, INVALID_REQUEST, INVALID_TARGET, Issuer, Parameters, Result, TokenResponse, UNREGISTERED_GRANT,
};

/// Issues a token once the user has approved, as for a code: if the client is an agent, `act` names it.
pub(super) fn approval(
    server: &Issuer,
    client: &Client,
    request: &Parameters,
    channel: Channel,
) -> Result<TokenResponse> {
    let (is_registered, name, grant) = match channel {
        Channel::Backchannel => (client.ciba, "auth_req_id", CIBA),
        Channel::Device => (client.device_code, "device_code", DEVICE_CODE),
    };
    UNREGISTERED_GRANT.when(!is_registered)?;
    let Some(id) = request.one(name)? else {
        return Err(INVALID_REQUEST.because("auth_req_id or device_code is required"));
    };
    let approval = server.approvals.polled(id, channel, &client.id)?;
    let access = &approval.request.access;
    let is_for_other = is_for_other(request, &access.audience);
    INVALID_TARGET.when(is_for_other, "the request is for another resource")?;
    let authorization = approval.poll(server.clock.now())?;
    let act = user_token::agent(server, client);
    user_token::issue(server, grant, client, &authorization, act, || approval.redeem())
}
