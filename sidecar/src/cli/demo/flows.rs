//! The OAuth flows of users and agents, over HTTP as a browser and clients run them.

use http::{Method, header};
use serde_json::Value;

use super::http_client::{HttpClient, Reply};
use crate::exit::Failure;

/// The pair of RFC 7636 appendix B. Other clients generate one for each login.
const CODE_VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CODE_CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// A user who signs in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct User {
    pub(crate) name: &'static str,
    pub(crate) password: &'static str,
    pub(crate) second_factor: Option<&'static str>,
}

/// A client of the issuer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Client {
    pub(crate) id: &'static str,
    pub(crate) secret: &'static str,
    pub(crate) redirect_uri: &'static str,
    pub(crate) actor_token: ActorToken,
}

/// Whether an agent presents an actor token (RFC 8693 section 2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ActorToken {
    /// Client authentication is sufficient.
    Optional,
    /// The issuer requires a token of the agent.
    Required(Wanted),
}

/// The token that a client requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) resource: &'static str,
    pub(crate) scope: &'static str,
}

/// A token response.
#[derive(Clone, Debug)]
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) id: Option<String>,
}

/// An error response (RFC 6749 section 5.2).
#[derive(Clone, Debug)]
pub(crate) struct TokenError {
    pub(crate) error: String,
    pub(crate) description: String,
}

/// The flows of one issuer.
#[derive(Clone, Debug)]
pub(crate) struct Flows {
    http: HttpClient,
    issuer: String,
}

impl Flows {
    /// The flows of the issuer at this URL.
    pub(crate) fn at(issuer: &str, http: HttpClient) -> Flows {
        Flows {
            http,
            issuer: issuer.to_owned(),
        }
    }

    /// Authorization code with PKCE: the user signs in and consents, the client redeems the code.
    pub(crate) async fn sign_in(&self, user: User, client: Client, wanted: Wanted) -> Result<Tokens, Failure> {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("response_type", "code"),
                ("client_id", client.id),
                ("redirect_uri", client.redirect_uri),
                ("scope", wanted.scope),
                ("resource", wanted.resource),
                ("state", "demo"),
                ("code_challenge", CODE_CHALLENGE),
                ("code_challenge_method", "S256"),
            ])
            .finish();
        let login = self
            .http
            .send(Method::GET, &format!("{}/authorize?{query}", self.issuer), None)
            .await?;
        let mut form = vec![("username", user.name), ("password", user.password)];
        form.extend(user.second_factor.map(|factor| ("second_factor", factor)));
        let consent = self.submit_form(&login, "/login", &form).await?;
        let redirect = self.submit_form(&consent, "/consent", &[("decision", "allow")]).await?;
        let code = code(&redirect)?;
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", client.redirect_uri),
            ("code_verifier", CODE_VERIFIER),
        ];
        issued(self.token(client, &form).await?)
    }

    /// Client credentials.
    pub(crate) async fn client_credentials(&self, client: Client, wanted: Wanted) -> Result<Tokens, Failure> {
        let form = [
            ("grant_type", "client_credentials"),
            ("resource", wanted.resource),
            ("scope", wanted.scope),
        ];
        issued(self.token(client, &form).await?)
    }

    /// Token exchange: `agent` exchanges a token of which it is the audience for one in which it is the current actor.
    pub(crate) async fn exchange(&self, agent: Client, subject_token: &str, wanted: Wanted) -> Result<Tokens, Failure> {
        issued(self.try_exchange(agent, subject_token, wanted).await?)
    }

    /// The same, with the error of the issuer.
    pub(crate) async fn try_exchange(
        &self,
        agent: Client,
        subject_token: &str,
        wanted: Wanted,
    ) -> Result<Result<Tokens, TokenError>, Failure> {
        let own = match agent.actor_token {
            ActorToken::Required(own) => Some(self.client_credentials(agent, own).await?.access),
            ActorToken::Optional => None,
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

    async fn token(&self, client: Client, form: &[(&str, &str)]) -> Result<Result<Tokens, TokenError>, Failure> {
        let form = [form, &[("client_id", client.id), ("client_secret", client.secret)]].concat();
        let reply = self.http.post(&format!("{}/token", self.issuer), &form).await?.json();
        let text = |name: &str| reply.get(name).and_then(Value::as_str).map(str::to_owned);
        match (text("access_token"), text("error")) {
            (Some(access), None) => Ok(Ok(Tokens {
                access,
                id: text("id_token"),
            })),
            (None, Some(error)) => Ok(Err(TokenError {
                error,
                description: text("error_description").unwrap_or_default(),
            })),
            _ => Err(Failure::Runtime(
                "the issuer's token endpoint gave no valid response".to_owned(),
            )),
        }
    }

    /// Submits the form of a page.
    async fn submit_form(&self, page: &Reply, action: &str, fields: &[(&str, &str)]) -> Result<Reply, Failure> {
        let html = String::from_utf8_lossy(&page.body);
        let transaction = html
            .split_once("name=\"transaction\" value=\"")
            .and_then(|(_, rest)| rest.split_once('"'))
            .map(|(transaction, _)| transaction)
            .ok_or_else(|| {
                Failure::Runtime(format!(
                    "no form for {action} on the page of the issuer (status {})",
                    page.status
                ))
            })?;
        let form = [fields, &[("transaction", transaction)]].concat();
        self.http.post(&format!("{}{action}", self.issuer), &form).await
    }
}

fn issued(response: Result<Tokens, TokenError>) -> Result<Tokens, Failure> {
    response.map_err(|error| Failure::Runtime(format!("no token issued: {}, {}", error.error, error.description)))
}

/// The authorization code in a redirect.
fn code(redirect: &Reply) -> Result<String, Failure> {
    redirect
        .headers
        .get(header::LOCATION)
        .and_then(|location| url::Url::parse(location.to_str().ok()?).ok())
        .and_then(|location| {
            location
                .query_pairs()
                .find(|(name, _)| name == "code")
                .map(|(_, code)| code.into_owned())
        })
        .ok_or_else(|| Failure::Runtime(format!("no code from the issuer (status {})", redirect.status)))
}
