//! The credentials of the scenarios and the flows that obtain them.

use actgate_issuer::IssuerHandle;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::sync::OnceCell;

use super::flows::{Client, Flows, Form, Tokens, Wanted};
use super::scenarios::{Credential, TokenRequest};
use crate::exit::{Context as _, Failure};

/// The user, as the fields of the issuer's login form.
const ALICE: Form<'_> = &[("username", "alice"), ("password", "wonderland")];

const STOREFRONT: Client = client("storefront", "storefront-secret", "https://storefront.example/callback");
const ASSISTANT: Client = client("assistant", "assistant-secret", "https://assistant.example/callback");
/// A public client.
const TERMINAL: Client = client("terminal", "", "");
const SHOPPER: Client = client("shopper", "shopper-secret", "");
const NIGHT_BATCH: Client = client("night-batch", "night-batch-secret", "");
const LEDGER_BOT: Client = client("ledger-bot", "ledger-bot-secret", "");
const REFUND_AGENT: Client = Client {
    actor_token: Some(READ),
    ..client("refund-agent", "refund-agent-secret", "")
};

const fn client(id: &'static str, secret: &'static str, redirect_uri: &'static str) -> Client {
    Client {
        id,
        secret,
        redirect_uri,
        actor_token: None,
    }
}

const fn wanted(resource: &'static str, scope: &'static str) -> Wanted {
    Wanted { resource, scope }
}

/// The orders API in the issuer's built-in registry.
pub(crate) const ORDERS: &str = "https://orders.example";
/// The shipping API, with another audience.
pub(crate) const SHIPPING: &str = "https://shipping.example";
const FOR_ASSISTANT: &str = "https://assistant.example";
const FOR_SHOPPER: &str = "https://shopper.example";
const FOR_REFUND_AGENT: &str = "https://refund-agent.example";
const FOR_LEDGER_BOT: &str = "https://ledger-bot.example";

const READ: Wanted = wanted(ORDERS, "orders:read");
const WRITE: Wanted = wanted(ORDERS, "orders:read orders:write");
const REFUND: Wanted = wanted(ORDERS, "refunds:write");
/// The first token of a chain of agents.
const FIRST: Wanted = wanted(FOR_ASSISTANT, "orders:read refunds:write");
/// What the assistant asks for on another device.
const ASKED: Wanted = wanted(ORDERS, "openid orders:read orders:write");

/// A login this long ago exceeds the `max_auth_age` of the policy (5 minutes), while its token is valid (15 minutes).
const STALE_LOGIN: i64 = -400;
/// A token issued this long ago has expired.
const EXPIRED: i64 = -3600;

/// Obtains credentials from the issuer.
pub(crate) struct Credentials {
    pub(crate) flows: Flows,
    pub(crate) issuer: IssuerHandle,
    pub(crate) strong_login: OnceCell<String>,
}

impl Credentials {
    pub(crate) async fn token(&self, credential: Credential) -> Result<Option<String>, Failure> {
        let flows = &self.flows;
        let tokens = match credential {
            Credential::None => return Ok(None),
            Credential::User => flows.sign_in(ALICE, STOREFRONT, WRITE).await?,
            Credential::ThroughAgent => flows.sign_in(ALICE, ASSISTANT, WRITE).await?,
            Credential::TwoHops => self.refund_chain(&self.strong_login().await?).await?,
            Credential::OtherAgent => flows.exchange(SHOPPER, &self.shopper_token().await?, REFUND).await?,
            Credential::ThreeHops => {
                let next = wanted(FOR_REFUND_AGENT, "refunds:write");
                let delegated = flows.exchange(SHOPPER, &self.shopper_token().await?, next).await?;
                flows.exchange(REFUND_AGENT, &delegated.access, REFUND).await?
            }
            Credential::NoSecondFactor => self.refund_chain(&self.login(ALICE).await?).await?,
            Credential::StaleLogin => {
                let refund = async { self.refund_chain(&self.login_with_code().await?).await };
                self.at_offset(STALE_LOGIN, refund).await?
            }
            Credential::Autonomous => flows.client_credentials(NIGHT_BATCH, WRITE).await?,
            Credential::SelfActor => {
                let own = wanted(FOR_LEDGER_BOT, "orders:read");
                let own = flows.client_credentials(LEDGER_BOT, own).await?.access;
                flows.exchange(LEDGER_BOT, &own, READ).await?
            }
            Credential::Expired => self.at_offset(EXPIRED, self.batch_token()).await?,
            Credential::Tampered => return Ok(Some(tampered(&self.batch_token().await?.access))),
            Credential::Unsigned => return Ok(Some(unsigned(&self.batch_token().await?.access))),
            Credential::IdToken => {
                let wanted = wanted(ORDERS, "openid orders:read");
                return Ok(flows.sign_in(ALICE, STOREFRONT, wanted).await?.id);
            }
            Credential::StepUp => {
                let code = self.next_code()?;
                let login = [ALICE, &[("second_factor", &*code)]].concat();
                let challenge = [("max_age", "300"), ("acr_values", "aal2")];
                let user = flows.step_up(&login, STOREFRONT, FIRST, &challenge).await?;
                self.refund_chain(&user.access).await?
            }
            Credential::Approved => {
                let approved = flows.approval(ALICE, ASSISTANT, ASKED, "allow").await?;
                approved.context("no token issued")?
            }
            Credential::Device => flows.device(ALICE, TERMINAL, READ).await?,
            Credential::Refreshed => {
                let (first, _) = self.refreshable().await?;
                flows.refresh(ASSISTANT, &first).await?.context("no token issued")?
            }
        };
        Ok(Some(tokens.access))
    }

    /// A request that the issuer denies. Returns the token that the client has, and the issuer's error.
    pub(crate) async fn request(&self, request: TokenRequest) -> Result<(String, Option<String>), Failure> {
        let flows = &self.flows;
        let (token, response) = match request {
            TokenRequest::Wider => {
                let narrow = wanted(FOR_ASSISTANT, "orders:read");
                let narrow = flows.sign_in(ALICE, STOREFRONT, narrow).await?.access;
                let wider = wanted(ORDERS, "orders:read refunds:write");
                let response = flows.try_exchange(ASSISTANT, &narrow, wider).await?;
                (narrow, response)
            }
            TokenRequest::Revoked => {
                let delegated = self.shopper_token().await?;
                self.issuer.revoke_party(ASSISTANT.id).context("revocation")?;
                let response = flows.try_exchange(SHOPPER, &delegated, REFUND).await?;
                (delegated, response)
            }
            TokenRequest::Denied => {
                let response = flows.approval(ALICE, ASSISTANT, ASKED, "deny").await?;
                (String::new(), response)
            }
            TokenRequest::UsedRefreshToken => {
                let (used, access) = self.refreshable().await?;
                flows.refresh(ASSISTANT, &used).await?.context("no token issued")?;
                (access, flows.refresh(ASSISTANT, &used).await?)
            }
        };
        Ok((token, response.err().map(|error| error.error)))
    }

    /// A refresh token of the assistant, and the access token that came with it.
    async fn refreshable(&self) -> Result<(String, String), Failure> {
        let wanted = wanted(ORDERS, "offline_access orders:read");
        let tokens = self.flows.sign_in(ALICE, ASSISTANT, wanted).await?;
        let missing = || Failure::Runtime("no refresh token".to_owned());
        Ok((tokens.refresh.ok_or_else(missing)?, tokens.access))
    }

    /// The one-time password of alice that is valid next: each is valid once, and that of now is used.
    fn next_code(&self) -> Result<String, Failure> {
        self.issuer.set_clock_offset(30);
        let code = self.issuer.one_time_password("alice");
        self.issuer.set_clock_offset(0);
        code.ok_or_else(|| Failure::Runtime("no one-time password".to_owned()))
    }

    /// Replaces the signing keys twice, so that the gate has not fetched the current one.
    pub(crate) fn rotate_keys(&self) -> Result<(), Failure> {
        for _ in 0..2 {
            self.issuer.rotate_key().context("key rotation")?;
        }
        Ok(())
    }

    async fn batch_token(&self) -> Result<Tokens, Failure> {
        self.flows.client_credentials(NIGHT_BATCH, READ).await
    }

    /// A token of the user for the assistant, after a login with these fields.
    async fn login(&self, login: Form<'_>) -> Result<String, Failure> {
        Ok(self.flows.sign_in(login, STOREFRONT, FIRST).await?.access)
    }

    /// The same with a second factor.
    async fn login_with_code(&self) -> Result<String, Failure> {
        let code = self.issuer.one_time_password("alice");
        let code = code.ok_or_else(|| Failure::Runtime("no one-time password".to_owned()))?;
        self.login(&[ALICE, &[("second_factor", &*code)]].concat()).await
    }

    /// The same, once for all scenarios: a one-time password is valid once.
    async fn strong_login(&self) -> Result<String, Failure> {
        let token = self.strong_login.get_or_try_init(|| self.login_with_code()).await?;
        Ok(token.clone())
    }

    async fn refund_chain(&self, user: &str) -> Result<Tokens, Failure> {
        let delegated = self.through_assistant(user, FOR_REFUND_AGENT).await?;
        self.flows.exchange(REFUND_AGENT, &delegated, REFUND).await
    }

    async fn shopper_token(&self) -> Result<String, Failure> {
        self.through_assistant(&self.strong_login().await?, FOR_SHOPPER).await
    }

    /// A token of the user in which the assistant is the current actor, for the next agent.
    async fn through_assistant(&self, user: &str, next: &'static str) -> Result<String, Failure> {
        let next = wanted(next, "refunds:write");
        Ok(self.flows.exchange(ASSISTANT, user, next).await?.access)
    }

    /// Runs a flow with the issuer's clock moved by `seconds`.
    async fn at_offset(
        &self,
        seconds: i64,
        flow: impl Future<Output = Result<Tokens, Failure>>,
    ) -> Result<Tokens, Failure> {
        self.issuer.set_clock_offset(seconds);
        let tokens = flow.await;
        self.issuer.set_clock_offset(0);
        tokens
    }
}

/// The token with another subject and the same signature.
fn tampered(token: &str) -> String {
    let [header, claims, signature] = parts(token);
    let claims = URL_SAFE_NO_PAD.decode(claims).unwrap_or_default();
    let changed = String::from_utf8_lossy(&claims).replace("\"night-batch\"", "\"alice\"");
    format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode(changed))
}

/// The claims of a token without a signature.
fn unsigned(token: &str) -> String {
    let [_, claims, _] = parts(token);
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"at+jwt"}"#);
    format!("{header}.{claims}.")
}

fn parts(token: &str) -> [&str; 3] {
    let mut parts = token.split('.');
    [(); 3].map(|()| parts.next().unwrap_or_default())
}
