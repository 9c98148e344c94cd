//! The endpoints of an issuer, and the requests of a client.

use std::path::Path;
use std::time::Duration;

use actgate::clock::Clock;
use reqwest::header::CONTENT_TYPE;
use reqwest::redirect::Policy;
use serde::Deserialize;
use serde_json::Value;
use url::{Url, form_urlencoded};

use super::arguments::Request;
use super::client_assertion::{ASSERTION_TYPE, ClientKey};
use crate::exit::{Context as _, Failure};
use crate::files::text_file::read_text;

const TIMEOUT: Duration = Duration::from_secs(10);
/// The maximum size of a response.
const MAX_BODY: usize = 256 * 1024;

/// The metadata of an issuer (RFC 8414), as far as the grants need it.
#[derive(Deserialize)]
pub(super) struct Metadata {
    pub(super) issuer: String,
    pub(super) token_endpoint: String,
    pub(super) authorization_endpoint: Option<String>,
    pub(super) device_authorization_endpoint: Option<String>,
    pub(super) backchannel_authentication_endpoint: Option<String>,
}

/// An error response (RFC 6749 section 5.2).
#[derive(Deserialize)]
pub(super) struct IssuerError {
    pub(super) error: String,
    #[serde(default)]
    error_description: String,
    #[serde(skip)]
    help: &'static str,
}

impl IssuerError {
    pub(super) fn failure(&self) -> Failure {
        let IssuerError {
            error,
            error_description,
            help,
        } = self;
        Failure::Runtime(format!("the issuer answers {error}: {error_description}{help}"))
    }
}

/// A client of an issuer.
pub(super) struct Endpoints<'a> {
    http: reqwest::Client,
    pub(super) metadata: Metadata,
    request: &'a Request,
    credential: Credential,
}

/// How the client authenticates.
enum Credential {
    /// A public client.
    None,
    Secret(String),
    Key(ClientKey),
}

const NO_CREDENTIAL: &str =
    "\n  help: the request had no credential: set ACTGATE_CLIENT_SECRET, or name --secret-file or --key-file";

impl Credential {
    fn of(request: &Request) -> Result<Credential, Failure> {
        let read = |file: &Path| {
            let failed = |error| Failure::Usage(format!("{}: {error}", file.display()));
            read_text(file).map_err(failed)
        };
        let not_a_key = |file: &Path| {
            let message = "it is no private key for client assertions";
            let help = "write PEM (PKCS #8), as `openssl genpkey -algorithm ed25519` does";
            Failure::Usage(format!("{}: {message}\n  help: {help}", file.display()))
        };
        match (&request.secret_file, &request.key_file) {
            (Some(file), _) => Ok(Credential::Secret(read(file)?.trim_ascii_end().to_owned())),
            (None, Some(file)) => {
                let key = ClientKey::from_pem(&read(file)?, request.key_id.clone());
                Ok(Credential::Key(key.ok_or_else(|| not_a_key(file))?))
            }
            (None, None) => Ok(secret_of_environment().map_or(Credential::None, Credential::Secret)),
        }
    }
}

impl<'a> Endpoints<'a> {
    /// Reads the metadata of the issuer and the credential of the client.
    pub(super) async fn discover(request: &'a Request) -> Result<Endpoints<'a>, Failure> {
        let credential = Credential::of(request)?;
        let is_url = Url::parse(&request.issuer).is_ok_and(|url| url.has_host());
        if !is_url {
            let help = "write its URL, such as http://127.0.0.1:9400";
            return Err(Failure::Usage(format!(
                "--issuer: `{}` is no URL\n  help: {help}",
                request.issuer
            )));
        }
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            // An issuer may close an idle connection just as the next poll uses it.
            .pool_max_idle_per_host(0)
            .redirect(Policy::none())
            .build();
        let http = http.context("HTTP client")?;
        let issuer = request.issuer.trim_end_matches('/');
        let url = format!("{issuer}/.well-known/openid-configuration");
        let response = http.get(&url).send().await.map_err(|error| {
            let help = "name a running issuer with --issuer, or run one: actgate issuer";
            Failure::Runtime(format!("{url}: {}\n  help: {help}", innermost(error)))
        })?;
        let body = read(response).await.context(&url)?;
        let metadata: Metadata = serde_json::from_slice(&body).context(&url)?;
        // RFC 8414 section 3.3.
        if metadata.issuer.trim_end_matches('/') != issuer {
            let help = "name the issuer as its metadata does";
            return Err(Failure::Runtime(format!(
                "{url} is of the issuer {}\n  help: {help}",
                metadata.issuer
            )));
        }
        Ok(Endpoints {
            http,
            metadata,
            request,
            credential,
        })
    }

    /// The parameters that the request names.
    pub(super) fn wanted(&self) -> impl Iterator<Item = (&'static str, &'a str)> {
        let named = [("resource", &self.request.resource), ("scope", &self.request.scope)];
        named
            .into_iter()
            .filter_map(|(name, value)| Some((name, value.as_deref()?)))
    }

    pub(super) fn client(&self) -> &'a str {
        &self.request.client
    }

    /// Posts a form of the client to an endpoint.
    pub(super) async fn post(&self, url: &str, form: &[(&str, &str)]) -> Result<Result<Value, IssuerError>, Failure> {
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(form).append_pair("client_id", self.client());
        match &self.credential {
            Credential::None => {}
            Credential::Secret(secret) => {
                body.append_pair("client_secret", secret);
            }
            Credential::Key(key) => {
                let assertion = key.assertion(self.client(), &self.metadata.issuer, Clock::system().now())?;
                body.append_pair("client_assertion_type", ASSERTION_TYPE)
                    .append_pair("client_assertion", &assertion);
            }
        }
        let request = self
            .http
            .post(url)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let sent = request.body(body.finish()).send().await.map_err(innermost);
        let response = sent.context(url)?;
        let is_success = response.status().is_success();
        let body = read(response).await.context(url)?;
        match is_success {
            true => Ok(Ok(serde_json::from_slice(&body).context(url)?)),
            false => {
                let mut error: IssuerError = serde_json::from_slice(&body).context(url)?;
                if error.error == "invalid_client" && matches!(self.credential, Credential::None) {
                    error.help = NO_CREDENTIAL;
                }
                Ok(Err(error))
            }
        }
    }

    /// Posts a grant to the token endpoint.
    pub(super) async fn token(&self, form: &[(&str, &str)]) -> Result<Value, Failure> {
        let response = self.post(&self.metadata.token_endpoint, form).await?;
        response.map_err(|error| error.failure())
    }
}

#[expect(clippy::disallowed_methods, reason = "every user of the machine sees a command line")]
fn secret_of_environment() -> Option<String> {
    std::env::var("ACTGATE_CLIENT_SECRET").ok()
}

/// What caused the error of a request, such as a refused connection.
fn innermost(error: reqwest::Error) -> String {
    let error = error.without_url();
    let causes = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
    causes.last().map(ToString::to_string).unwrap_or_default()
}

async fn read(mut response: reqwest::Response) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(innermost)? {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_BODY {
            return Err("the response is too long".to_owned());
        }
    }
    Ok(body)
}
