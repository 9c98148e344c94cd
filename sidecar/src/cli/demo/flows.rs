//! The OAuth flows of users and agents, over HTTP as a browser and clients run them.

use http::{Method, header};
use serde::Deserialize;
use serde_json::Value;

use super::http_client::{HttpClient, Reply};
use crate::exit::{Context as _, Failure};

/// The pair of RFC 7636 appendix B. Other clients generate one for each login.
const CODE_VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CODE_CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const APPROVAL: &str = "urn:openid:params:grant-type:ciba";
const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// The fields of a form.
pub(crate) type Form<'a> = &'a [(&'a str, &'a str)];

/// A client of the issuer.
#[derive(Clone, Copy)]
pub(crate) struct Client {
    pub(crate) id: &'static str,
    pub(crate) secret: &'static str,
    pub(crate) redirect_uri: &'static str,
    /// The actor token (RFC 8693 section 2.1), where the issuer requires one.
    pub(crate) actor_token: Option<Wanted>,
}

/// The token that a client requests.
#[derive(Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) resource: &'static str,
    pub(crate) scope: &'static str,
}

/// A token response.
#[derive(Deserialize)]
pub(crate) struct Tokens {
    #[serde(rename = "access_token")]
    pub(crate) access: String,
    #[serde(rename = "id_token")]
    pub(crate) id: Option<String>,
    #[serde(rename = "refresh_token")]
    pub(crate) refresh: Option<String>,
}

/// An error response (RFC 6749 section 5.2).
#[derive(Debug, Deserialize, thiserror::Error)]
#[error("{error}, {error_description}")]
pub(crate) struct TokenError {
    pub(crate) error: String,
    error_description: String,
}

/// The flows of one issuer.
pub(crate) struct Flows {
    pub(crate) http: HttpClient,
    /// The URL of the issuer.
    pub(crate) issuer: String,
}

impl Flows {
    /// Authorization code with PKCE: the user signs in and consents, the client redeems the code.
    pub(crate) async fn sign_in(&self, login: Form<'_>, client: Client, wanted: Wanted) -> Result<Tokens, Failure> {
        self.step_up(login, client, wanted, &[]).await
    }

    /// The same with the parameters of a challenge (RFC 9470 section 4).
    pub(crate) async fn step_up(
        &self,
        login: Form<'_>,
        client: Client,
        wanted: Wanted,
        challenge: Form<'_>,
    ) -> Result<Tokens, Failure> {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("response_type", "code"),
                ("client_id", client.id),
                ("redirect_uri", client.redirect_uri),
                ("scope", wanted.scope),
                ("resource", wanted.resource),
                ("state", "demo"),
                ("prompt", "consent"),
                ("code_challenge", CODE_CHALLENGE),
                ("code_challenge_method", "S256"),
            ])
            .extend_pairs(challenge)
            .finish();
        let url = format!("{}/authorize?{query}", self.issuer);
        let page = self.http.send(&Method::GET, &url, None).await?;
        let consent = self.submit_form(&page, "/login", login).await?;
        let redirect = self.submit_form(&consent, "/consent", &[("decision", "allow")]).await?;
        let code = code(&redirect)?;
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", client.redirect_uri),
            ("code_verifier", CODE_VERIFIER),
        ];
        self.token(client, &form).await?.context("no token issued")
    }

    /// Back-channel authentication: the client asks, and the user decides on the page of the request.
    pub(crate) async fn approval(
        &self,
        login: Form<'_>,
        client: Client,
        wanted: Wanted,
        decision: &str,
    ) -> Result<Result<Tokens, TokenError>, Failure> {
        let form = [
            ("login_hint", "alice"),
            ("binding_message", "Order 42"),
            ("scope", wanted.scope),
            ("resource", wanted.resource),
        ];
        let asked = self.post(client, "/bc-authorize", &form).await?.json();
        let id = text(&asked, "auth_req_id")?;
        let (code, _) = id.split_once('.').unwrap_or_default();
        let action = format!("/ciba/{code}");
        let page = self
            .http
            .send(&Method::GET, &format!("{}{action}", self.issuer), None)
            .await?;
        let page = self.submit_form(&page, "/login", login).await?;
        self.submit_form(&page, &action, &[("decision", decision)]).await?;
        self.token(client, &[("grant_type", APPROVAL), ("auth_req_id", id)])
            .await
    }

    /// The device grant: the user enters the code of the device on a page.
    pub(crate) async fn device(&self, login: Form<'_>, client: Client, wanted: Wanted) -> Result<Tokens, Failure> {
        let form = [("scope", wanted.scope), ("resource", wanted.resource)];
        let asked = self.post(client, "/device_authorization", &form).await?.json();
        let page = self
            .http
            .send(&Method::GET, &format!("{}/device", self.issuer), None)
            .await?;
        let code = [("user_code", text(&asked, "user_code")?)];
        let page = self.submit_form(&page, "/device", &code).await?;
        let page = self.submit_form(&page, "/login", login).await?;
        self.submit_form(&page, "/device", &[("decision", "allow")]).await?;
        let form = [("grant_type", DEVICE), ("device_code", text(&asked, "device_code")?)];
        self.token(client, &form).await?.context("no token issued")
    }

    /// Uses a refresh token.
    pub(crate) async fn refresh(
        &self,
        client: Client,
        refresh_token: &str,
    ) -> Result<Result<Tokens, TokenError>, Failure> {
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh_token)];
        self.token(client, &form).await
    }

    /// Client credentials.
    pub(crate) async fn client_credentials(&self, client: Client, wanted: Wanted) -> Result<Tokens, Failure> {
        let form = [
            ("grant_type", "client_credentials"),
            ("resource", wanted.resource),
            ("scope", wanted.scope),
        ];
        self.token(client, &form).await?.context("no token issued")
    }

    /// Token exchange: `agent` exchanges a token of which it is the audience for one in which it is the current actor.
    pub(crate) async fn exchange(&self, agent: Client, subject_token: &str, wanted: Wanted) -> Result<Tokens, Failure> {
        let response = self.try_exchange(agent, subject_token, wanted).await?;
        response.context("no token issued")
    }

    /// The same, with the error of the issuer.
    pub(crate) async fn try_exchange(
        &self,
        agent: Client,
        subject_token: &str,
        wanted: Wanted,
    ) -> Result<Result<Tokens, TokenError>, Failure> {
        let own = match agent.actor_token {
            Some(own) => Some(self.client_credentials(agent, own).await?.access),
            None => None,
        };
        let mut form = vec![
            ("grant_type", TOKEN_EXCHANGE),
            ("subject_token", subject_token),
            ("subject_token_type", ACCESS_TOKEN),
            ("resource", wanted.resource),
            ("scope", wanted.scope),
        ];
        if let Some(own) = &own {
            form.extend([("actor_token", own.as_str()), ("actor_token_type", ACCESS_TOKEN)]);
        }
        self.token(agent, &form).await
    }

    async fn token(&self, client: Client, form: Form<'_>) -> Result<Result<Tokens, TokenError>, Failure> {
        let reply = self.post(client, "/token", form).await?;
        let response = if reply.status.is_success() {
            serde_json::from_slice(&reply.body).map(Ok)
        } else {
            serde_json::from_slice(&reply.body).map(Err)
        };
        response.context("response of the issuer's token endpoint")
    }

    /// Posts a form with the credential of a client; a public client has none.
    async fn post(&self, client: Client, path: &str, form: Form<'_>) -> Result<Reply, Failure> {
        let credential = [("client_id", client.id), ("client_secret", client.secret)];
        let credential = if client.secret.is_empty() {
            &credential[..1]
        } else {
            &credential
        };
        self.http
            .post(&format!("{}{path}", self.issuer), &[form, credential].concat())
            .await
    }

    /// Submits the form of a page.
    async fn submit_form(&self, page: &Reply, action: &str, fields: Form<'_>) -> Result<Reply, Failure> {
        let html = String::from_utf8_lossy(&page.body);
        let transaction = html
            .split_once("name=\"transaction\" value=\"")
            .and_then(|(_, rest)| rest.split_once('"'));
        let Some((transaction, _)) = transaction else {
            let status = page.status;
            let error = format!("no form for {action} on the page of the issuer (status {status})");
            return Err(Failure::Runtime(error));
        };
        let form = [fields, &[("transaction", transaction)]].concat();
        let url = format!("{}{action}", self.issuer);
        self.http.post_with(page.cookie.clone(), &url, &form).await
    }
}

/// The authorization code in a redirect.
fn code(redirect: &Reply) -> Result<String, Failure> {
    let location = redirect.headers.get(header::LOCATION);
    let location = location.and_then(|location| url::Url::parse(location.to_str().ok()?).ok());
    let mut parameters = location.iter().flat_map(url::Url::query_pairs);
    let code = parameters
        .find(|(name, _)| name == "code")
        .map(|(_, code)| code.into_owned());
    let status = redirect.status;
    code.ok_or_else(|| Failure::Runtime(format!("no code from the issuer (status {status})")))
}

/// A member of a response of the issuer.
fn text<'a>(response: &'a Value, name: &str) -> Result<&'a str, Failure> {
    let missing = || Failure::Runtime(format!("no {name} from the issuer"));
    response.get(name).and_then(Value::as_str).ok_or_else(missing)
}
