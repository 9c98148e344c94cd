//! Grants that a user approves on another device: the device grant (RFC 8628) and back-channel authentication (CIBA).

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::endpoints::Endpoints;
use crate::cli::output::eprint_line;
use crate::exit::{Context as _, Failure};

const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";
const APPROVAL: &str = "urn:openid:params:grant-type:ciba";

/// The seconds that `slow_down` adds to the interval.
const SLOWER: u64 = 5;

#[derive(Deserialize)]
struct DeviceAuthorization {
    device_code: String,
    user_code: String,
    verification_uri: String,
    verification_uri_complete: Option<String>,
    expires_in: u64,
    #[serde(default = "interval")]
    interval: u64,
}

#[derive(Deserialize)]
struct Approval {
    auth_req_id: String,
    expires_in: u64,
    #[serde(default = "interval")]
    interval: u64,
}

/// The default of both specifications, in seconds.
fn interval() -> u64 {
    5
}

pub(super) async fn device(issuer: &Endpoints<'_>) -> Result<Value, Failure> {
    let url = endpoint(&issuer.metadata.device_authorization_endpoint, "device grant")?;
    let form: Vec<_> = issuer.wanted().collect();
    let answer = issuer.post(url, &form).await?.map_err(|error| error.failure())?;
    let device: DeviceAuthorization = serde_json::from_value(answer).context(url)?;
    let complete = device
        .verification_uri_complete
        .as_ref()
        .unwrap_or(&device.verification_uri);
    eprint_line(&format!("Open {complete} and confirm the code {}.", device.user_code));
    let form = [("grant_type", DEVICE), ("device_code", &device.device_code)];
    poll(issuer, &form, device.interval, device.expires_in).await
}

pub(super) async fn approval(issuer: &Endpoints<'_>, user: &str, message: Option<&str>) -> Result<Value, Failure> {
    let url = endpoint(
        &issuer.metadata.backchannel_authentication_endpoint,
        "back-channel authentication",
    )?;
    let mut form: Vec<_> = issuer.wanted().collect();
    form.push(("login_hint", user));
    form.extend(message.map(|message| ("binding_message", message)));
    let answer = issuer.post(url, &form).await?.map_err(|error| error.failure())?;
    let approval: Approval = serde_json::from_value(answer).context(url)?;
    // Only the bundled issuer has its approval pages at this address; another one notifies the user.
    eprint_line(&format!(
        "Waiting for {user} to approve the request, at the bundled issuer on {}/ciba",
        issuer.metadata.issuer
    ));
    let form = [("grant_type", APPROVAL), ("auth_req_id", &approval.auth_req_id)];
    poll(issuer, &form, approval.interval, approval.expires_in).await
}

fn endpoint<'a>(url: &'a Option<String>, grant: &str) -> Result<&'a str, Failure> {
    let missing = || Failure::Runtime(format!("the issuer has no endpoint for the {grant}"));
    url.as_deref().ok_or_else(missing)
}

/// Asks until the user has decided, no more often than the issuer wants.
async fn poll(issuer: &Endpoints<'_>, form: &[(&str, &str)], interval: u64, lifetime: u64) -> Result<Value, Failure> {
    let end = Instant::now() + Duration::from_secs(lifetime.min(3600));
    let mut interval = interval.clamp(1, 60);
    while Instant::now() < end {
        sleep(Duration::from_secs(interval)).await;
        match issuer.post(&issuer.metadata.token_endpoint, form).await? {
            Ok(response) => return Ok(response),
            Err(error) if error.error == "authorization_pending" => {}
            Err(error) if error.error == "slow_down" => interval = interval.saturating_add(SLOWER),
            Err(error) => return Err(error.failure()),
        }
    }
    Err(Failure::Runtime("the user did not decide in time".to_owned()))
}
