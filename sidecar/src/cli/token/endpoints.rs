//! The endpoints of an issuer, and the requests of a client.

use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::redirect::Policy;
use serde::Deserialize;
use serde_json::Value;
use url::form_urlencoded;

use super::arguments::Request;
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
}

impl IssuerError {
    pub(super) fn failure(&self) -> Failure {
        let IssuerError {
            error,
            error_description,
        } = self;
        Failure::Runtime(format!("the issuer answers {error}: {error_description}"))
    }
}

/// A client of an issuer.
pub(super) struct Endpoints<'a> {
    http: reqwest::Client,
    pub(super) metadata: Metadata,
    request: &'a Request,
    secret: Option<String>,
}

impl<'a> Endpoints<'a> {
    /// Reads the metadata of the issuer and the secret of the client.
    pub(super) async fn discover(request: &'a Request) -> Result<Endpoints<'a>, Failure> {
        let secret = match &request.secret_file {
            Some(file) => {
                let text = read_text(file).map_err(|error| Failure::Usage(format!("{}: {error}", file.display())))?;
                Some(text.trim_ascii_end().to_owned())
            }
            None => secret_of_environment(),
        };
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
            Failure::Runtime(format!("{url}: {}\n  help: {help}", error.without_url()))
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
            secret,
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
        if let Some(secret) = &self.secret {
            body.append_pair("client_secret", secret);
        }
        let request = self
            .http
            .post(url)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let sent = request
            .body(body.finish())
            .send()
            .await
            .map_err(reqwest::Error::without_url);
        let response = sent.context(url)?;
        let is_success = response.status().is_success();
        let body = read(response).await.context(url)?;
        match is_success {
            true => Ok(Ok(serde_json::from_slice(&body).context(url)?)),
            false => Ok(Err(serde_json::from_slice(&body).context(url)?)),
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

async fn read(mut response: reqwest::Response) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| error.without_url().to_string())?
    {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_BODY {
            return Err("the response is too long".to_owned());
        }
    }
    Ok(body)
}
