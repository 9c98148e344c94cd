//! The tokens of the gate for one upstream, each in exchange for the access token of a caller.
//!
//! A token is kept until shortly before it or the access token ends. Concurrent requests with one access token share one
//! exchange, and a failed one is not tried again at once.

use std::time::{Duration, Instant};

use http::{HeaderValue, StatusCode};
use moka::Expiry;
use moka::future::Cache;
use uuid::Uuid;

use super::error::CredentialError;
use super::token_endpoint::{ExchangeError, ExchangeFailure, Exchanged, FailureDetail, TokenEndpoint};
use crate::headers::internal_token::token_digest::TokenDigest;
use crate::log::rate_limit::RateLimit;

/// The most tokens and the most failures that are kept.
const MAX_KEPT: u64 = 10_000;

/// How long before its end a token is exchanged again: it has to arrive and to be checked.
const MARGIN: Duration = Duration::from_secs(10);

/// How long a failed exchange of one access token is not tried again.
const COOL_DOWN: Duration = Duration::from_secs(1);

/// How often failures that an operator can end are reported at most.
const WARNING_INTERVAL: Duration = Duration::from_secs(60);

/// The tokens for one upstream.
#[derive(Debug)]
pub(crate) struct TokenExchange {
    endpoint: TokenEndpoint,
    tokens: Cache<TokenDigest, Kept<Exchanged>>,
    failures: Cache<TokenDigest, Kept<ExchangeError>>,
    warnings: RateLimit,
}

/// A value, and how long it is kept.
#[derive(Clone, Debug)]
struct Kept<V> {
    value: V,
    time: Duration,
}

struct ByTime;

impl<V> Expiry<TokenDigest, Kept<V>> for ByTime {
    fn expire_after_create(&self, _: &TokenDigest, kept: &Kept<V>, _: Instant) -> Option<Duration> {
        Some(kept.time)
    }
}

impl TokenExchange {
    pub(crate) fn new(endpoint: TokenEndpoint) -> TokenExchange {
        TokenExchange {
            endpoint,
            tokens: Cache::builder().max_capacity(MAX_KEPT).expire_after(ByTime).build(),
            failures: Cache::builder().max_capacity(MAX_KEPT).expire_after(ByTime).build(),
            warnings: RateLimit::new(Instant::now(), WARNING_INTERVAL),
        }
    }

    /// The `Authorization` for the upstream, in exchange for an access token that is valid for `remaining`.
    pub(crate) async fn authorization(
        &self,
        access_token: &str,
        digest: TokenDigest,
        remaining: Duration,
        decision: Uuid,
    ) -> Result<HeaderValue, CredentialError> {
        if let Some(kept) = self.tokens.get(&digest).await {
            return Ok(kept.value.value);
        }
        if let Some(failure) = self.failures.get(&digest).await {
            return Err(failure.value.into());
        }
        let exchange = async {
            match self.endpoint.exchange(access_token).await {
                Ok(exchanged) => Ok(Kept {
                    time: time(exchanged.lifetime.min(remaining)),
                    value: exchanged,
                }),
                Err(ExchangeFailure { error, detail }) => {
                    self.report(error, detail, decision);
                    let time = match error {
                        ExchangeError::Later(seconds) => Duration::from_secs(seconds.into()),
                        ExchangeError::Denied(_) | ExchangeError::Failed(_) => COOL_DOWN,
                    };
                    self.failures.insert(digest, Kept { value: error, time }).await;
                    Err(error)
                }
            }
        };
        let kept = self.tokens.try_get_with(digest, exchange).await;
        kept.map(|kept| kept.value.value).map_err(|error| (*error).into())
    }

    /// Warns of what an operator can end. What the server writes may name the caller: it is for the level of debugging.
    fn report(&self, error: ExchangeError, detail: Option<FailureDetail>, decision: Uuid) {
        let endpoint = self.endpoint.shown_url();
        let cause = match detail {
            Some(FailureDetail::Description(description)) => {
                tracing::debug!(%decision, endpoint, description, "the token endpoint describes its error");
                None
            }
            Some(FailureDetail::Cause(cause)) => Some(cause),
            None => None,
        };
        let reason = match error {
            ExchangeError::Denied(_) => return,
            ExchangeError::Failed(reason) => reason,
            ExchangeError::Later(_) => "the token endpoint asks for a pause",
        };
        if self.warnings.permits(Instant::now()) {
            tracing::warn!(%decision, endpoint, reason, cause, "no token for the upstream");
        }
    }
}

/// How long a token with this life is kept.
fn time(life: Duration) -> Duration {
    life.saturating_sub(MARGIN.min(life / 2))
}

impl From<ExchangeError> for CredentialError {
    fn from(error: ExchangeError) -> CredentialError {
        let unavailable = "a token for the service behind this gate cannot be obtained now";
        match error {
            ExchangeError::Denied(reason) => CredentialError {
                status: StatusCode::FORBIDDEN,
                code: "token_exchange_denied",
                title: "no token for the service behind this gate is issued for this access token",
                reason,
                retry_after: None,
            },
            ExchangeError::Failed(reason) => CredentialError {
                status: StatusCode::BAD_GATEWAY,
                code: "token_exchange_failed",
                title: unavailable,
                reason,
                retry_after: None,
            },
            ExchangeError::Later(seconds) => CredentialError {
                status: StatusCode::SERVICE_UNAVAILABLE,
                code: "token_exchange_unavailable",
                title: unavailable,
                reason: "the token endpoint asks for a pause",
                retry_after: Some(seconds),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_kept_until_shortly_before_its_end() {
        for (life, kept) in [
            (0, 0),
            (1, 500),
            (10, 5_000),
            (20, 10_000),
            (60, 50_000),
            (3600, 3_590_000),
        ] {
            assert_eq!(time(Duration::from_secs(life)), Duration::from_millis(kept), "{life}");
        }
    }
}
