//! Counts in Redis, for all gates.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actgate::quota::{Count, CountFuture, CountRequests, CountUnavailable, Counted};
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, ConnectionInfo, IntoConnectionInfo as _, RedisError, Script, TlsCertificates};

use crate::log::rate_limit::RateLimit;

/// How often an outage is reported at most.
const WARNING_INTERVAL: Duration = Duration::from_secs(60);

/// How many questions may wait to be sent.
const QUEUE: usize = 1024;

/// The server, and how it is asked.
#[derive(Clone)]
pub(crate) struct SharedLimits {
    server: ConnectionInfo,
    /// Roots (PEM) in place of those of the system.
    roots: Option<Arc<str>>,
    prefix: Arc<str>,
    timeout: Duration,
}

/// Where the server is, and who asks it.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    /// `redis://HOST:PORT/DATABASE`, `rediss://` with TLS, or `redis+unix:///PATH`, without user and password.
    pub(crate) url: String,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
    pub(crate) roots: Option<Arc<str>>,
}

impl SharedLimits {
    /// `prefix` begins every key, `timeout` bounds each answer.
    ///
    /// # Errors
    /// Why the server cannot be asked.
    pub(crate) fn new(server: Server, prefix: &str, timeout: Duration) -> Result<SharedLimits, RedisError> {
        let written = server.url.as_str().into_connection_info()?;
        let mut access = written.redis_settings().clone();
        if let Some(user) = &server.user {
            access = access.set_username(user);
        }
        if let Some(password) = &server.password {
            access = access.set_password(password);
        }
        let limits = SharedLimits {
            server: written.set_redis_settings(access),
            roots: server.roots,
            prefix: prefix.into(),
            timeout,
        };
        limits.client()?;
        Ok(limits)
    }

    fn client(&self) -> Result<Client, RedisError> {
        match &self.roots {
            None => Client::open(self.server.clone()),
            Some(roots) => {
                let certificates = TlsCertificates {
                    client_tls: None,
                    root_cert: Some(roots.as_bytes().to_owned()),
                };
                Client::build_with_tls(self.server.clone(), certificates)
            }
        }
    }
}

/// Without the password.
impl fmt::Debug for SharedLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for SharedLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redis at {}", self.server.addr())
    }
}

/// One connection to the server, which is established with the first request and after each failure.
pub(crate) struct RedisCounter {
    connection: ConnectionManager,
    script: Script,
    limits: SharedLimits,
    warnings: RateLimit,
}

impl RedisCounter {
    /// Needs a runtime, and establishes no connection yet.
    ///
    /// # Errors
    /// Why the server cannot be asked.
    pub(crate) fn new(limits: SharedLimits) -> Result<RedisCounter, RedisError> {
        // The next request is the next attempt: one that waited longer than its time would be of no use.
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(0)
            .set_connection_timeout(Some(limits.timeout))
            .set_response_timeout(Some(limits.timeout))
            .set_pipeline_buffer_size(QUEUE);
        Ok(RedisCounter {
            connection: ConnectionManager::new_lazy_with_config(limits.client()?, config)?,
            script: Script::new(include_str!("count.lua")),
            limits,
            warnings: RateLimit::new(Instant::now(), WARNING_INTERVAL),
        })
    }

    async fn ask(&self, count: &Count) -> Result<Counted, RedisError> {
        let quota = count.quota();
        let interval = u64::try_from(quota.interval().as_nanos().div_ceil(1000)).unwrap_or(u64::MAX);
        let mut question = self.script.prepare_invoke();
        question.key(key(&self.limits.prefix, count.key()));
        question.arg(interval).arg(quota.burst().get());
        let microseconds: u64 = question.invoke_async(&mut self.connection.clone()).await?;
        Ok(match microseconds {
            0 => Counted::Within,
            wait => Counted::Exceeded {
                retry_after: Duration::from_micros(wait),
            },
        })
    }

    fn report(&self, reason: &dyn fmt::Display) {
        if self.warnings.permits(Instant::now()) {
            let server = &self.limits;
            tracing::warn!(%server, %reason, "requests with a limit are denied (503): they cannot be counted");
        }
    }
}

impl CountRequests for RedisCounter {
    fn count<'a>(&'a self, count: &'a Count) -> CountFuture<'a> {
        Box::pin(async move {
            // A connection that is established and an answer have one time together.
            match tokio::time::timeout(self.limits.timeout, self.ask(count)).await {
                Ok(Ok(counted)) => Ok(counted),
                Ok(Err(error)) => {
                    self.report(&error);
                    Err(CountUnavailable)
                }
                Err(_) => {
                    self.report(&format_args!("no answer within {:?}", self.limits.timeout));
                    Err(CountUnavailable)
                }
            }
        })
    }
}

/// `actgate:limit:` and the digest in hexadecimal digits.
fn key(prefix: &str, digest: &[u8; 32]) -> String {
    use fmt::Write as _;
    let mut key = format!("{prefix}:limit:");
    for byte in digest {
        // A text takes everything.
        let _ = write!(key, "{byte:02x}");
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_the_prefix_and_the_digest() {
        let key = key("actgate", &[0xab; 32]);
        assert_eq!(key, format!("actgate:limit:{}", "ab".repeat(32)));
    }

    #[test]
    fn a_password_is_not_shown() {
        let server = Server {
            url: "redis://limits.example:6380/2".to_owned(),
            user: Some("gate".to_owned()),
            password: Some("hunter2".to_owned()),
            roots: None,
        };
        let limits = SharedLimits::new(server, "actgate", Duration::from_millis(100)).unwrap();
        assert_eq!(
            format!("{limits} {limits:?}"),
            "Redis at limits.example:6380 Redis at limits.example:6380"
        );
        assert_eq!(limits.server.redis_settings().db(), 2);
    }
}
