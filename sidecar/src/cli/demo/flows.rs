//! The flows by which people and agents come by tokens, played over HTTP as a browser and as clients would.

use http::{Method, header};
use serde_json::Value;

use super::http_client::{HttpClient, Reply};
use crate::exit::Failure;

/// The pair of RFC 7636 appendix B. A client makes a fresh one for each login; the demo has no eavesdropper to fear.
const CODE_VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CODE_CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// A person who signs in.
#[derive(Clone, Copy, Debug)]
pub struct Person {
    pub name: &'static str,
    pub password: &'static str,
    pub second_factor: Option<&'static str>,
}

/// A client of the issuer, with what it is registered with.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    pub id: &'static str,
    pub secret: &'static str,
    pub redirect_uri: &'static str,
    pub actor_token: ActorToken,
}

/// How an agent shows that it is the one who acts (RFC 8693 section 2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActorToken {
    /// Its client authentication is enough for the issuer.
    LeftOut,
    /// The issuer wants a token of its own as well.
    Presented(Wanted),
}

/// What a client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub resource: &'static str,
    pub scope: &'static str,
}

/// What the issuer gave.
#[derive(Clone, Debug)]
pub struct Tokens {
    pub access: String,
    pub id: Option<String>,
}

/// What the issuer said instead (RFC 6749 section 5.2).
#[derive(Clone, Debug)]
pub struct NotIssued {
    pub error: String,
    pub description: String,
}

/// The issuer, as its clients see it.
#[derive(Clone, Debug)]
pub struct Flows {
    http: HttpClient,
    issuer: String,
}

impl Flows {
    /// The flows at this issuer.
    pub fn at(issuer: &str, http: HttpClient) -> Flows {
        Flows {
            http,
            issuer: issuer.to_owned(),
        }
    }

    /// Authorization code with PKCE: the person signs in and consents, the client redeems the code.
    pub async fn sign_in(&self, person: Person, client: Client, wanted: Wanted) -> Result<Tokens, Failure> {
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
        let mut form = vec![("username", person.name), ("password", person.password)];
        form.extend(person.second_factor.map(|factor| ("second_factor", factor)));
        let consent = self.answer_form(&login, "/login", &form).await?;
        let redirect = self.answer_form(&consent, "/consent", &[("decision", "allow")]).await?;
        let code = code(&redirect)?;
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", client.redirect_uri),
            ("code_verifier", CODE_VERIFIER),
        ];
        issued(self.token(client, &form).await?)
    }

    /// Client credentials: the client acts for itself.
    pub async fn on_its_own(&self, client: Client, wanted: Wanted) -> Result<Tokens, Failure> {
        let form = [
            ("grant_type", "client_credentials"),
            ("resource", wanted.resource),
            ("scope", wanted.scope),
        ];
        issued(self.token(client, &form).await?)
    }

    /// Token exchange: `agent` hands in a token that was meant for it and gets one for the next API, in which it is the current actor.
    pub async fn on_behalf(&self, agent: Client, subject_token: &str, wanted: Wanted) -> Result<Tokens, Failure> {
        issued(self.try_on_behalf(agent, subject_token, wanted).await?)
    }

    /// The same, where the issuer may refuse.
    pub async fn try_on_behalf(
        &self,
        agent: Client,
        subject_token: &str,
        wanted: Wanted,
    ) -> Result<Result<Tokens, NotIssued>, Failure> {
        let own = match agent.actor_token {
            ActorToken::Presented(own) => Some(self.on_its_own(agent, own).await?.access),
            ActorToken::LeftOut => None,
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

    async fn token(&self, client: Client, form: &[(&str, &str)]) -> Result<Result<Tokens, NotIssued>, Failure> {
        let form = [form, &[("client_id", client.id), ("client_secret", client.secret)]].concat();
        let reply = self.http.post(&format!("{}/token", self.issuer), &form).await?.json();
        let text = |name: &str| reply.get(name).and_then(Value::as_str).map(str::to_owned);
        match (text("access_token"), text("error")) {
            (Some(access), None) => Ok(Ok(Tokens {
                access,
                id: text("id_token"),
            })),
            (None, Some(error)) => Ok(Err(NotIssued {
                error,
                description: text("error_description").unwrap_or_default(),
            })),
            _ => Err(Failure::Runtime(
                "the issuer's token endpoint gave no answer".to_owned(),
            )),
        }
    }

    /// Fills in the form of a page, as the person in front of it would.
    async fn answer_form(&self, page: &Reply, action: &str, fields: &[(&str, &str)]) -> Result<Reply, Failure> {
        let html = String::from_utf8_lossy(&page.body);
        let transaction = html
            .split_once("name=\"transaction\" value=\"")
            .and_then(|(_, rest)| rest.split_once('"'))
            .map(|(transaction, _)| transaction)
            .ok_or_else(|| {
                Failure::Runtime(format!(
                    "the issuer showed no form for {action} (status {})",
                    page.status
                ))
            })?;
        let form = [fields, &[("transaction", transaction)]].concat();
        self.http.post(&format!("{}{action}", self.issuer), &form).await
    }
}

fn issued(answer: Result<Tokens, NotIssued>) -> Result<Tokens, Failure> {
    answer.map_err(|refused| {
        Failure::Runtime(format!(
            "the issuer refused: {}, {}",
            refused.error, refused.description
        ))
    })
}

/// The code in the address that the browser is sent back to.
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
        .ok_or_else(|| Failure::Runtime(format!("the issuer gave no code (status {})", redirect.status)))
}
