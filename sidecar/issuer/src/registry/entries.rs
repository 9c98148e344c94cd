//! The entries of a registry, and the redirect URIs of its clients.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use url::{Host, Url};

use crate::{EntityProfile, PublicKey, ScopeSet, Secret, Totp};

/// Every resource, user and client of the issuer. [`Registry::REFERENCE`] is the file format.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    pub(crate) resources: BTreeMap<String, Arc<Resource>>,
    /// What a scope allows, in plain words.
    pub(crate) scope_descriptions: BTreeMap<String, String>,
    pub(crate) users: BTreeMap<String, User>,
    pub(crate) clients: BTreeMap<String, Arc<Client>>,
    /// Users with their passwords, which the sign-in page shows; empty for a registry from a file.
    pub(crate) sample_users: &'static [(&'static str, &'static str)],
}

/// An API that tokens are issued for.
#[derive(Clone, Debug)]
pub(crate) struct Resource {
    pub(crate) identifier: String,
    pub(crate) scopes: ScopeSet,
    /// Clients that register themselves can request it.
    pub(crate) open_to_registration: bool,
}

/// A user who can sign in.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) subject: String,
    pub(crate) password: Secret,
    pub(crate) second_factor: Option<Totp>,
    pub(crate) scopes: ScopeSet,
}

/// A registered client.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) profile: EntityProfile,
    /// The user who is accountable for it, without any right from it.
    pub(crate) owner: Option<String>,
    /// None for a public client, and for one with keys. Without any, no secret matches.
    pub(crate) credentials: Option<Vec<Credential>>,
    /// How often one of them was revoked.
    pub(crate) revocations: u64,
    /// None for that of the issuer.
    pub(crate) token_lifetime: Option<Duration>,
    /// The keys of `private_key_jwt`.
    pub(crate) keys: Vec<PublicKey>,
    pub(crate) grants: BTreeSet<Grant>,
    /// Empty without the grant authorization_code.
    pub(crate) redirect_uris: BTreeSet<String>,
    pub(crate) post_logout_redirect_uris: BTreeSet<String>,
    /// Its authorization requests are pushed (RFC 9126 section 6).
    pub(crate) must_push: bool,
    /// Its ID tokens are signed with RS256, whatever signs all else.
    pub(crate) has_rs256_id_tokens: bool,
    pub(crate) scopes: ScopeSet,
    pub(crate) resources: BTreeSet<String>,
    /// The audiences whose tokens the client may introspect, besides those of `exchange`.
    pub(crate) introspects: BTreeSet<String>,
    /// The client alone vouches for its name and its addresses.
    pub(crate) is_self_registered: bool,
    /// None without the grant token_exchange.
    pub(crate) exchange: Option<Exchange>,
}

/// A grant of a client, by its name in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Grant {
    ClientCredentials,
    AuthorizationCode,
    TokenExchange,
    Ciba,
    DeviceCode,
}

impl Grant {
    pub(super) const OF_PUBLIC_CLIENTS: [Grant; 2] = [Grant::AuthorizationCode, Grant::DeviceCode];
}

/// A secret of a client, until it ends.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Credential {
    pub(crate) id: String,
    pub(crate) secret: Secret,
    /// In seconds since the epoch.
    pub(crate) created: u64,
    pub(crate) ends: Option<u64>,
}

impl Credential {
    /// `created` is in seconds since the epoch.
    pub(crate) fn new(id: String, secret: Secret, created: u64) -> Credential {
        let ends = None;
        Credential {
            id,
            secret,
            created,
            ends,
        }
    }
}

impl Client {
    /// Whether the client has no credential, so that its requests prove nothing.
    pub(crate) fn is_public(&self) -> bool {
        self.credentials.is_none() && self.keys.is_empty()
    }

    /// Whether an operator registered the client, and it proves who it is. Any caller can be another one.
    pub(crate) fn is_proven(&self) -> bool {
        !self.is_public() && !self.is_self_registered
    }

    /// The owner of what is kept for a request of the client: itself, or the sender where the client is not proven.
    pub(crate) fn accountable<'a>(&'a self, sender: &'a str) -> &'a str {
        if self.is_proven() { &self.id } else { sender }
    }

    /// Whether the client is registered with the redirect URI of a request.
    pub(crate) fn accepts_redirect_uri(&self, requested: &str) -> bool {
        let mut registered = self.redirect_uris.iter();
        registered.any(|registered| matches(registered, requested))
    }
}

/// The tokens that a client may exchange.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    /// The audiences that a subject token may have.
    pub(crate) audiences: BTreeSet<String>,
    pub(crate) may_act_for: BTreeSet<String>,
    pub(crate) actor_token: ActorToken,
    pub(crate) own_token: OwnToken,
}

/// Whether an exchange needs an actor token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ActorToken {
    #[default]
    Required,
    Optional,
}

/// Whether the exchange of a client's own token adds an `act`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OwnToken {
    #[default]
    Plain,
    SelfActor,
}

/// True of an absolute `https` URI, or an `http` URI on loopback, without user and fragment.
pub(super) fn is_redirect_uri(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        // The origin becomes a source of a Content-Security-Policy.
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-[]:".contains(&byte);
        let has_plain_host = url.host_str().is_some_and(|host| host.bytes().all(is_plain));
        let has_scheme = url.scheme() == "https" && url.has_host() || url.scheme() == "http" && is_loopback(&url);
        has_scheme
            && has_plain_host
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    })
}

/// Whether the host is this machine by its name or address.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Compares the redirect URI of a request with a registered one: byte for byte, except for the port of a loopback IP
/// literal (RFC 8252 section 7.3). `localhost` is not one (section 8.3).
pub(super) fn matches(registered: &str, requested: &str) -> bool {
    registered == requested
        || without_loopback_port(registered)
            .is_some_and(|registered| Some(registered) == without_loopback_port(requested))
}

/// Host and remainder of an `http` URI on a loopback IP literal, without the port.
fn without_loopback_port(uri: &str) -> Option<(&str, &str)> {
    let mut hosts = ["http://127.0.0.1", "http://[::1]"].into_iter();
    let host = hosts.find(|host| uri.starts_with(host))?;
    let rest = uri.strip_prefix(host)?;
    let Some(port_and_rest) = rest.strip_prefix(':') else {
        return Some((host, rest));
    };
    let digits = port_and_rest.bytes().take_while(u8::is_ascii_digit).count();
    let (port, rest) = port_and_rest.split_at_checked(digits)?;
    port.parse::<u16>().ok()?;
    Some((host, rest))
}

#[cfg(test)]
mod tests {
    use super::{is_redirect_uri, matches};

    #[test]
    fn a_redirect_uri_is_https_or_loopback() {
        for uri in [
            "https://app.example/callback?x=1",
            "http://127.0.0.1:8400/callback",
            "http://127.0.0.1/callback",
            "http://[::1]:8400/callback",
            "http://localhost:8400/callback",
        ] {
            assert!(is_redirect_uri(uri), "{uri}");
        }
        for uri in [
            "http://app.example/callback",
            "http://127.0.0.1.app.example/callback",
            "https://app.example/callback#x",
            "https://user@app.example/callback",
            "http://:password@127.0.0.1/callback",
            "javascript:alert(1)",
            "com.example.app:/callback",
            "//app.example/callback",
            "/callback",
            "",
        ] {
            assert!(!is_redirect_uri(uri), "{uri}");
        }
    }

    #[test]
    fn the_port_of_a_loopback_ip_literal_is_free() {
        for (registered, requested) in [
            ("http://127.0.0.1:8400/callback", "http://127.0.0.1:51004/callback"),
            ("http://127.0.0.1:8400/callback", "http://127.0.0.1/callback"),
            ("http://127.0.0.1/callback?a=1", "http://127.0.0.1:51004/callback?a=1"),
            ("http://127.0.0.1", "http://127.0.0.1:51004"),
            ("http://[::1]/callback", "http://[::1]:51004/callback"),
            ("http://localhost:8400/callback", "http://localhost:8400/callback"),
            ("https://app.example/callback", "https://app.example/callback"),
        ] {
            assert!(matches(registered, requested), "{registered} {requested}");
        }
    }

    #[test]
    fn everything_else_is_compared_byte_for_byte() {
        let loopback = "http://127.0.0.1:8400/callback";
        for (registered, requested) in [
            (loopback, "http://127.0.0.1:51004/callback/"),
            (loopback, "http://127.0.0.1:51004/callback?x"),
            (loopback, "http://127.0.0.1:51004/callback#x"),
            (loopback, "http://127.0.0.1:51004/Callback"),
            (loopback, "http://127.0.0.1:51004/x/../callback"),
            (loopback, "http://127.0.0.1:51004/%63allback"),
            (loopback, "http://127.0.0.1:51004\\callback"),
            (loopback, "http://127.0.0.1:51004"),
            (loopback, "https://127.0.0.1:51004/callback"),
            (loopback, "HTTP://127.0.0.1:51004/callback"),
            (loopback, "http://127.0.0.1:/callback"),
            (loopback, "http://127.0.0.1:65536/callback"),
            (loopback, "http://127.0.0.1:+80/callback"),
            (loopback, "http://127.0.0.1:8400.evil.example/callback"),
            (loopback, "http://127.0.0.1:8400@evil.example/callback"),
            (loopback, "http://127.0.0.1@evil.example/callback"),
            (loopback, "http://127.0.0.1.evil.example/callback"),
            (loopback, "http://user@127.0.0.1:51004/callback"),
            (loopback, "http://127.0.0.2:51004/callback"),
            (loopback, "http://127.1:51004/callback"),
            (loopback, "http://2130706433:51004/callback"),
            (loopback, "http://localhost:51004/callback"),
            (loopback, "http://[::1]:51004/callback"),
            ("http://[::1]/callback", "http://[::2]:51004/callback"),
            ("http://[::1]/callback", "http://[0:0:0:0:0:0:0:1]:51004/callback"),
            ("http://localhost:8400/callback", "http://localhost:51004/callback"),
            ("http://127.0.0.2:8400/callback", "http://127.0.0.2:51004/callback"),
            ("https://127.0.0.1:8400/callback", "https://127.0.0.1:51004/callback"),
            ("https://app.example/callback", "https://app.example:8443/callback"),
            ("https://app.example/callback", loopback),
        ] {
            assert!(!matches(registered, requested), "{registered} {requested}");
        }
    }
}
