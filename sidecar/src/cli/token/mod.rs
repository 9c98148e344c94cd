//! `actgate token`: gets an access token from a running issuer.

pub(crate) mod arguments;
mod client_assertion;
mod endpoints;
mod login;
mod polling;
mod proof_key;

use std::io::Read as _;
use std::path::Path;

use serde_json::Value;

use self::arguments::{Grant, Request, TokenArguments};
use self::endpoints::Endpoints;
use crate::cli::output::{print, print_json};
use crate::exit::{Context as _, Failure};
use crate::files::text_file::read_text;

const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// The maximum size of a token on standard input.
const MAX_TOKEN: u64 = 64 * 1024;

/// Gets a token and prints it.
pub(crate) async fn token(arguments: &TokenArguments) -> Result<(), Failure> {
    match &arguments.grant {
        Grant::ClientCredentials(request) => {
            let issuer = Endpoints::discover(request).await?;
            let mut form = vec![("grant_type", "client_credentials")];
            form.extend(issuer.wanted());
            show(request, &issuer.token(&form).await?)
        }
        Grant::Login { request, redirect_uri } => {
            let issuer = Endpoints::discover(request).await?;
            show(request, &login::login(&issuer, redirect_uri).await?)
        }
        Grant::Device(request) => {
            let issuer = Endpoints::discover(request).await?;
            show(request, &polling::device(&issuer).await?)
        }
        Grant::Approval { request, user, message } => {
            let issuer = Endpoints::discover(request).await?;
            show(request, &polling::approval(&issuer, user, message.as_deref()).await?)
        }
        Grant::Exchange {
            request,
            subject_token,
            actor_token,
        } => {
            let subject_token = read_token(subject_token)?;
            let actor_token = actor_token.as_deref().map(read_token).transpose()?;
            let issuer = Endpoints::discover(request).await?;
            let mut form = vec![
                ("grant_type", TOKEN_EXCHANGE),
                ("subject_token", &subject_token),
                ("subject_token_type", ACCESS_TOKEN),
            ];
            if let Some(actor_token) = &actor_token {
                form.extend([
                    ("actor_token", actor_token.as_str()),
                    ("actor_token_type", ACCESS_TOKEN),
                ]);
            }
            form.extend(issuer.wanted());
            show(request, &issuer.token(&form).await?)
        }
        Grant::Refresh { request, refresh_token } => {
            let refresh_token = read_token(refresh_token)?;
            let issuer = Endpoints::discover(request).await?;
            let mut form = vec![("grant_type", "refresh_token"), ("refresh_token", &refresh_token)];
            form.extend(issuer.wanted());
            show(request, &issuer.token(&form).await?)
        }
    }
}

fn show(request: &Request, response: &Value) -> Result<(), Failure> {
    if request.json {
        return print_json(response);
    }
    match response.get("access_token").and_then(Value::as_str) {
        Some(token) => print(&format!("{token}\n")),
        None => Err(Failure::Runtime(
            "the response of the issuer has no access token".to_owned(),
        )),
    }
}

fn read_token(file: &Path) -> Result<String, Failure> {
    let text = match file.as_os_str() == "-" {
        true => {
            let mut text = String::new();
            let read = std::io::stdin().lock().take(MAX_TOKEN).read_to_string(&mut text);
            read.context("standard input")?;
            text
        }
        false => read_text(file).map_err(|error| Failure::Usage(format!("{}: {error}", file.display())))?,
    };
    match text.trim_ascii() {
        "" => Err(Failure::Usage(format!("{}: there is no token", file.display()))),
        token => Ok(token.to_owned()),
    }
}
