//! From the settings of the upstreams to the credentials that they receive, whose files and keys are kept up to date.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actgate::Authorizer;
use arc_swap::ArcSwap;
use http::HeaderValue;

use crate::config::{
    ApiKeySettings, CredentialSettings, InternalTokenSettings, TokenExchangeSettings, api_key_in, client_secret_in,
    signing_key_in,
};
use crate::exit::{Context as _, Failure};
use crate::files::watched_file::{WatchedFile, watch};
use crate::headers::internal_token::jwt::{InternalTokenIssuer, InternalTokens};
use crate::headers::internal_token::signing_keys::SigningKeys;
use crate::proxy::credentials::Credentials;
use crate::proxy::credentials::api_key::ApiKey;
use crate::proxy::credentials::token_endpoint::{SharedSecret, TokenEndpoint, basic};
use crate::proxy::credentials::token_exchange::TokenExchange;

/// How often the keys of internal tokens are looked at.
const ROTATION_INTERVAL: Duration = Duration::from_secs(1);

/// The credentials of each upstream, and the keys of internal tokens, which are to be published. Files are watched and keys are rotated as long as the process runs.
pub(crate) fn credentials(
    internal: Option<InternalTokenSettings>,
    upstreams: Vec<CredentialSettings>,
    authorizer: &Authorizer,
) -> Result<(Vec<Credentials>, Option<Arc<SigningKeys>>), Failure> {
    let mut files = Vec::new();
    let issuer = internal
        .map(|settings| internal_tokens(settings, authorizer, &mut files))
        .transpose()?;
    let keys = issuer.as_ref().map(|issuer| issuer.keys.clone());
    let credentials = upstreams.into_iter().map(|settings| {
        let exchange = settings
            .token_exchange
            .map(|settings| token_exchange(settings, &mut files));
        let internal = issuer.clone();
        Ok(Credentials {
            internal: internal.map(|issuer| InternalTokens::new(issuer, settings.audience)),
            exchange: exchange.transpose()?,
            api_key: settings.api_key.map(|settings| api_key(settings, &mut files)),
        })
    });
    let credentials = credentials.collect::<Result<Vec<Credentials>, Failure>>()?;
    if !files.is_empty() {
        tokio::spawn(watch(files));
    }
    Ok((credentials, keys))
}

fn internal_tokens(
    settings: InternalTokenSettings,
    authorizer: &Authorizer,
    files: &mut Vec<WatchedFile>,
) -> Result<InternalTokenIssuer, Failure> {
    let keys = SigningKeys::new(settings.key, settings.lifetime, Instant::now());
    let keys = Arc::new(keys.context("internal tokens")?);
    tokio::spawn(rotate(keys.clone()));
    if let Some(file) = settings.key_file {
        let (keys, path) = (keys.clone(), file.clone());
        files.push(WatchedFile::new(file, move || {
            let key = signing_key_in(&path).map_err(|error| error.message)?;
            keys.offer(key, Instant::now());
            Ok(())
        }));
    }
    Ok(InternalTokenIssuer {
        header: settings.header,
        issuer: settings.issuer.into(),
        lifetime: settings.lifetime,
        keys,
        authorizer: authorizer.clone(),
    })
}

async fn rotate(keys: Arc<SigningKeys>) {
    loop {
        tokio::time::sleep(ROTATION_INTERVAL).await;
        if let Err(error) = keys.advance(Instant::now()) {
            tracing::warn!(%error, "the keys of internal tokens are not rotated");
        }
    }
}

fn token_exchange(settings: TokenExchangeSettings, files: &mut Vec<WatchedFile>) -> Result<TokenExchange, Failure> {
    let TokenExchangeSettings {
        request,
        client_id,
        secret,
        secret_file,
        roots,
    } = settings;
    let value = basic(&client_id, &secret.0).ok_or("the secret of the client cannot be sent");
    let secret = shared(
        value.context("token exchange")?,
        secret_file.clone(),
        files,
        move || {
            let secret = client_secret_in(&secret_file).map_err(|error| error.message)?;
            basic(&client_id, &secret.0).ok_or_else(|| "the secret cannot be sent".to_owned())
        },
    );
    let endpoint = TokenEndpoint::new(request, secret, roots.as_deref().map(str::as_bytes));
    Ok(TokenExchange::new(endpoint.context("token exchange")?))
}

fn api_key(settings: ApiKeySettings, files: &mut Vec<WatchedFile>) -> ApiKey {
    let ApiKeySettings { header, value, file } = settings;
    let value = shared(value, file.clone(), files, move || {
        api_key_in(&file).map_err(|error| error.message)
    });
    ApiKey { header, value }
}

/// A secret that `read` replaces when its file changes.
fn shared(
    value: HeaderValue,
    file: PathBuf,
    files: &mut Vec<WatchedFile>,
    read: impl Fn() -> Result<HeaderValue, String> + Send + 'static,
) -> SharedSecret {
    let secret = Arc::new(ArcSwap::from_pointee(value));
    let shared = secret.clone();
    files.push(WatchedFile::new(file, move || {
        shared.store(Arc::new(read()?));
        Ok(())
    }));
    secret
}
