//! Where the store is, and how it is asked.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use redis::RedisConnectionInfo;
use url::Url;

use super::tls::Tls;

/// The port of Redis.
const PORT: u16 = 6379;

/// A server, and how it is asked.
#[derive(Clone)]
pub(crate) struct SharedLimits {
    pub(super) address: Address,
    /// Who asks, and in which database.
    pub(super) access: RedisConnectionInfo,
    pub(super) prefix: Arc<str>,
    /// Bounds each answer.
    pub(super) timeout: Duration,
}

/// Where a server is.
#[derive(Clone, Debug)]
pub(super) enum Address {
    /// The host is without the brackets of an IPv6 address.
    Tcp {
        host: String,
        port: u16,
        tls: Option<Tls>,
    },
    Unix(PathBuf),
}

/// What a URL states.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ServerUrl {
    place: Place,
    database: i64,
}

#[derive(Debug, PartialEq, Eq)]
enum Place {
    Tcp { host: String, port: u16, is_tls: bool },
    Unix(PathBuf),
}

/// Who asks a server.
#[derive(Clone, Default)]
pub(crate) struct Credentials {
    /// The user (ACL). It is written with a password.
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
}

impl ServerUrl {
    /// Reads `redis://HOST:PORT/DATABASE`, `rediss://` with TLS, or `redis+unix:///PATH`. There is nothing else in it.
    ///
    /// # Errors
    /// What is wrong with it, without any part of it, which may be a secret.
    pub(crate) fn parse(text: &str) -> Result<ServerUrl, &'static str> {
        if text.contains('@') {
            return Err("the URL of the server has no user and no password");
        }
        let url = Url::parse(text).map_err(|_| "this is no URL of a server")?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err("the URL of the server has no query and no fragment");
        }
        let is_tls = match url.scheme() {
            "redis" => false,
            "rediss" => true,
            "redis+unix" => return ServerUrl::of_socket(&url),
            _ => return Err("this is no URL of a server: its scheme is neither `redis`, `rediss` nor `redis+unix`"),
        };
        let host = url.host_str().unwrap_or_default();
        let host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(address) => address,
            None => host,
        };
        let is_name = host
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
        if host.is_empty() || !is_name && host.parse::<Ipv6Addr>().is_err() {
            return Err("the URL of the server names no host");
        }
        let port = url.port().unwrap_or(PORT);
        if port == 0 {
            return Err("no server has the port 0");
        }
        let database = url.path().strip_prefix('/').unwrap_or(url.path());
        let is_number = database.bytes().all(|byte| byte.is_ascii_digit());
        let number = match database {
            "" => Ok(0),
            _ => database.parse::<i32>(),
        };
        match number {
            Ok(number) if is_number => Ok(ServerUrl {
                place: Place::Tcp {
                    host: host.to_owned(),
                    port,
                    is_tls,
                },
                database: number.into(),
            }),
            _ => Err("the path of the URL is no number of a database"),
        }
    }

    fn of_socket(url: &Url) -> Result<ServerUrl, &'static str> {
        let path = percent_decode_str(url.path()).decode_utf8();
        let path = path
            .ok()
            .filter(|path| path.starts_with('/') && !path.ends_with('/') && !path.contains('\0'));
        match (url.host_str().unwrap_or_default(), path) {
            ("", Some(path)) => Ok(ServerUrl {
                place: Place::Unix(PathBuf::from(&*path)),
                database: 0,
            }),
            ("", None) => Err("the URL of the server names no socket"),
            _ => Err("the URL of a socket has no host"),
        }
    }

    /// Whether connections to another machine are without TLS.
    pub(crate) fn is_in_clear(&self) -> bool {
        match &self.place {
            Place::Tcp { host, is_tls, .. } => {
                let is_here = match host.parse::<IpAddr>() {
                    Ok(address) => address.is_loopback(),
                    Err(_) => host.eq_ignore_ascii_case("localhost"),
                };
                !is_tls && !is_here
            }
            Place::Unix(_) => false,
        }
    }

    /// Whether connections are over TLS.
    pub(crate) fn is_tls(&self) -> bool {
        matches!(self.place, Place::Tcp { is_tls: true, .. })
    }
}

impl SharedLimits {
    /// `roots` (PEM) are in place of those of the system, `prefix` begins every key, `timeout` bounds each answer.
    ///
    /// # Errors
    /// Why there can be no TLS.
    pub(crate) fn new(
        server: ServerUrl,
        roots: Option<&str>,
        credentials: Credentials,
        (prefix, timeout): (&str, Duration),
    ) -> Result<SharedLimits, String> {
        let address = match server.place {
            Place::Unix(path) => Address::Unix(path),
            Place::Tcp { host, port, is_tls } => Address::Tcp {
                tls: is_tls.then(|| Tls::new(&host, roots)).transpose()?,
                host,
                port,
            },
        };
        let mut access = RedisConnectionInfo::default().set_db(server.database);
        if let Some(user) = &credentials.user {
            access = access.set_username(user);
        }
        if let Some(password) = &credentials.password {
            access = access.set_password(password);
        }
        Ok(SharedLimits {
            address,
            access,
            prefix: prefix.into(),
            timeout,
        })
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
        match &self.address {
            Address::Tcp { host, port, .. } if host.contains(':') => write!(f, "Redis at [{host}]:{port}"),
            Address::Tcp { host, port, .. } => write!(f, "Redis at {host}:{port}"),
            Address::Unix(path) => write!(f, "Redis at {}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_states_a_server_and_nothing_else() {
        let tcp = |host: &str, port, is_tls| Place::Tcp {
            host: host.to_owned(),
            port,
            is_tls,
        };
        for (text, place, database) in [
            ("redis://limits.example", tcp("limits.example", 6379, false), 0),
            ("redis://limits.example:6380/2", tcp("limits.example", 6380, false), 2),
            ("REDISS://limits_1.example/", tcp("limits_1.example", 6379, true), 0),
            ("rediss://[::1]:7000", tcp("::1", 7000, true), 0),
            (
                "redis+unix:///run/redis%20a.sock",
                Place::Unix("/run/redis a.sock".into()),
                0,
            ),
        ] {
            assert_eq!(ServerUrl::parse(text), Ok(ServerUrl { place, database }), "{text}");
        }
        for (text, reason) in [
            ("", "no URL"),
            ("h:6379", "no URL"),
            ("http://h:6379", "no URL"),
            ("valkeys://h", "no URL"),
            ("unix:///r.sock", "no URL"),
            ("redis://h:99999", "no URL"),
            ("redis:h", "no host"),
            ("redis://", "no host"),
            ("redis://:6379", "no URL"),
            ("redis://a%20b", "no host"),
            ("redis://[1.2.3.4]", "no URL"),
            ("redis://h:0", "the port 0"),
            ("redis://h/abc", "number of a database"),
            ("redis://h/-1", "number of a database"),
            ("redis://h/+1", "number of a database"),
            ("redis://h/4294967296", "number of a database"),
            ("redis://h/0/more", "number of a database"),
            ("redis://user:secret@h", "no user and no password"),
            ("redis://h?x=1", "no query"),
            ("rediss://h/#insecure", "no fragment"),
            ("redis+unix:///r.sock?pass=secret&user=u", "no query"),
            ("redis+unix:///", "no socket"),
            ("redis+unix:r.sock", "no socket"),
            ("redis+unix://h/r.sock", "no host"),
        ] {
            let error = ServerUrl::parse(text).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
            assert!(!error.contains("secret"), "{text}: {error}");
        }
    }

    #[test]
    fn a_password_in_clear_is_for_this_machine() {
        for (text, is_in_clear) in [
            ("redis://127.0.0.2", false),
            ("redis://[::1]", false),
            ("redis://Localhost:7000", false),
            ("redis+unix:///r.sock", false),
            ("rediss://limits.example", false),
            ("redis://limits.example", true),
            ("redis://10.0.0.1", true),
        ] {
            assert_eq!(ServerUrl::parse(text).unwrap().is_in_clear(), is_in_clear, "{text}");
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        let url = ServerUrl::parse("redis://limits.example:6380/2").unwrap();
        let credentials = Credentials {
            user: Some("gate".to_owned()),
            password: Some("hunter2".to_owned()),
        };
        let limits = SharedLimits::new(url, None, credentials, ("actgate", Duration::from_millis(100))).unwrap();
        assert_eq!(
            format!("{limits} {limits:?}"),
            "Redis at limits.example:6380 Redis at limits.example:6380"
        );
        assert_eq!(limits.access.db(), 2);
    }
}
