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
use crate::files::watched_file::{BoxFuture, Tasks, WatchedFile, watch};
use crate::headers::internal_token::jwt::{InternalTokenIssuer, InternalTokens};
use crate::headers::internal_token::signing_keys::{KeyOrigin, SigningKeys};
use crate::proxy::credentials::Credentials;
use crate::proxy::credentials::api_key::ApiKey;
use crate::proxy::credentials::token_endpoint::{SharedSecret, TokenEndpoint, TokenRequest, basic};
use crate::proxy::credentials::token_exchange::TokenExchange;

/// How often the keys of internal tokens are looked at.
const ROTATION_INTERVAL: Duration = Duration::from_secs(1);

/// The keys of internal tokens, which rotate for as long as this exists.
#[derive(Clone, Debug)]
pub(super) struct InternalKeys {
    pub(super) keys: Arc<SigningKeys>,
    lifetime: Duration,
    origin: KeyPlace,
    tasks: Tasks,
}

/// Where the keys of internal tokens come from.
#[derive(Clone, Debug, PartialEq, Eq)]
enum KeyPlace {
    Generated { rotate: Duration },
    File(Option<PathBuf>),
}

/// The tokens of one exchange, which are kept, with what they depend on.
#[derive(Clone, Debug)]
pub(super) struct KeptExchange {
    request: TokenRequest,
    client_id: String,
    secret_file: PathBuf,
    roots: Option<String>,
    exchange: Arc<TokenExchange>,
    tasks: Tasks,
}

/// What a later gate goes on with.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) internal: Option<InternalKeys>,
    exchanges: Vec<KeptExchange>,
}

/// What the upstreams receive in place of access tokens.
pub(super) struct Started {
    /// Those of each upstream.
    pub(super) credentials: Vec<Credentials>,
    pub(super) kept: Kept,
    /// What keeps them up to date.
    pub(super) tasks: Vec<Tasks>,
}

/// The credentials of each upstream. Files are watched and keys are rotated for as long as the tasks run. Keys and exchanged tokens
/// of `earlier` that would be made in the same way are kept.
pub(super) fn credentials(
    internal: Option<InternalTokenSettings>,
    upstreams: Vec<CredentialSettings>,
    authorizer: &Authorizer,
    earlier: &Kept,
) -> Result<Started, Failure> {
    let mut files = Vec::new();
    let issuer = internal
        .map(|settings| internal_tokens(settings, authorizer, earlier.internal.as_ref()))
        .transpose()?;
    let (issuer, internal) = issuer.unzip();
    let mut exchanges = Vec::new();
    let credentials = upstreams.into_iter().map(|settings| {
        let exchange = settings
            .token_exchange
            .map(|settings| token_exchange(settings, &earlier.exchanges));
        let exchange = exchange.transpose()?;
        exchanges.extend(exchange.clone());
        let internal = issuer.clone();
        Ok(Credentials {
            internal: internal.map(|issuer| InternalTokens::new(issuer, settings.audience)),
            exchange: exchange.map(|kept| kept.exchange),
            api_key: settings.api_key.map(|settings| api_key(settings, &mut files)),
        })
    });
    let credentials = credentials.collect::<Result<Vec<Credentials>, Failure>>()?;
    let kept = Kept { internal, exchanges };
    let mut tasks: Vec<Tasks> = kept.internal.iter().map(|internal| internal.tasks.clone()).collect();
    tasks.extend(kept.exchanges.iter().map(|exchange| exchange.tasks.clone()));
    if !files.is_empty() {
        let watched: BoxFuture = Box::pin(watch(files));
        tasks.push(Tasks::from_iter([watched]));
    }
    Ok(Started {
        credentials,
        kept,
        tasks,
    })
}

fn internal_tokens(
    settings: InternalTokenSettings,
    authorizer: &Authorizer,
    earlier: Option<&InternalKeys>,
) -> Result<(InternalTokenIssuer, InternalKeys), Failure> {
    let lifetime = settings.lifetime;
    let origin = match settings.key {
        KeyOrigin::Generated { rotate } => KeyPlace::Generated { rotate },
        KeyOrigin::File(_) => KeyPlace::File(settings.key_file.clone()),
    };
    let kept = earlier.filter(|earlier| earlier.lifetime == lifetime && earlier.origin == origin);
    let keys = match kept {
        Some(kept) => kept.clone(),
        None => {
            let keys = Arc::new(SigningKeys::new(settings.key, lifetime, Instant::now()).context("internal tokens")?);
            let rotation: BoxFuture = Box::pin(rotate(keys.clone()));
            let watched = settings.key_file.map(|file| watched_key(file, keys.clone()));
            InternalKeys {
                keys,
                lifetime,
                origin,
                tasks: Tasks::from_iter([rotation].into_iter().chain(watched)),
            }
        }
    };
    let issuer = InternalTokenIssuer {
        header: settings.header,
        issuer: settings.issuer.into(),
        lifetime,
        keys: keys.keys.clone(),
        authorizer: authorizer.clone(),
    };
    Ok((issuer, keys))
}

/// Offers the key in a file when it changes.
fn watched_key(file: PathBuf, keys: Arc<SigningKeys>) -> BoxFuture {
    let path = file.clone();
    let take = move || {
        let key = signing_key_in(&path).map_err(|error| error.message)?;
        keys.offer(key, Instant::now());
        Ok(())
    };
    Box::pin(watch(vec![WatchedFile::new(file, take)]))
}

async fn rotate(keys: Arc<SigningKeys>) {
    loop {
        tokio::time::sleep(ROTATION_INTERVAL).await;
        if let Err(error) = keys.advance(Instant::now()) {
            tracing::warn!(%error, "the keys of internal tokens are not rotated");
        }
    }
}

fn token_exchange(settings: TokenExchangeSettings, earlier: &[KeptExchange]) -> Result<KeptExchange, Failure> {
    let TokenExchangeSettings {
        request,
        client_id,
        secret,
        secret_file,
        roots,
    } = settings;
    let kept = earlier.iter().find(|kept| {
        kept.request == request && kept.client_id == client_id && kept.secret_file == secret_file && kept.roots == roots
    });
    if let Some(kept) = kept {
        return Ok(kept.clone());
    }
    let value = basic(&client_id, &secret.0).ok_or("the secret of the client cannot be sent");
    let (path, client, mut files) = (secret_file.clone(), client_id.clone(), Vec::new());
    let secret = shared(
        value.context("token exchange")?,
        secret_file.clone(),
        &mut files,
        move || {
            let secret = client_secret_in(&path).map_err(|error| error.message)?;
            basic(&client, &secret.0).ok_or_else(|| "the secret cannot be sent".to_owned())
        },
    );
    let endpoint = TokenEndpoint::new(request.clone(), secret, roots.as_deref().map(str::as_bytes));
    let watched: BoxFuture = Box::pin(watch(files));
    Ok(KeptExchange {
        request,
        client_id,
        secret_file,
        roots,
        exchange: Arc::new(TokenExchange::new(endpoint.context("token exchange")?)),
        tasks: Tasks::from_iter([watched]),
    })
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
