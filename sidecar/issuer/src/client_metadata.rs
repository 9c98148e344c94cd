//! The metadata with which a client describes itself: in a registration (RFC 7591 section 2), or in a document whose URL is the
//! identifier of the client (draft-ietf-oauth-client-id-metadata-document). Documents are off by default, since the issuer
//! fetches what a caller names.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client as HttpClient, StatusCode, redirect};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::net::lookup_host;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use url::Url;

use crate::registry::is_loopback;
use crate::scope::PROTOCOL_SCOPES;
use crate::{Client, Entries, ScopeSet};

const TOO_LONG: &str = "there are more than 16 redirect URIs, a text beyond 512 characters, or jwks beyond 8192";
/// A text is not the metadata of a client.
pub(crate) const NO_METADATA: &str = "the metadata are no JSON object with redirect_uris";
/// The maximum length of the keys of a client that registers itself.
const MAX_JWKS: usize = 8_192;

/// The members that count. All others are ignored.
#[derive(Deserialize)]
pub(crate) struct ClientMetadata {
    client_id: Option<String>,
    redirect_uris: Vec<String>,
    grant_types: Option<Vec<String>>,
    response_types: Option<Vec<String>>,
    token_endpoint_auth_method: Option<String>,
    client_name: Option<String>,
    scope: Option<String>,
    jwks: Option<Value>,
}

impl ClientMetadata {
    /// How the client authenticates, `default` unless it is stated.
    pub(crate) fn method<'m>(&'m self, default: &'m str) -> &'m str {
        self.token_endpoint_auth_method.as_deref().unwrap_or(default)
    }

    /// An entry of `clients`, which still has to be checked: for the grant authorization_code, with every
    /// scope that is open to registration. The error is a sentence for the developer of the client.
    pub(crate) fn entry(self, entries: &Entries) -> Result<Map<String, Value>, &'static str> {
        let has = |values: &Option<Vec<String>>, value: &str| {
            let values = values.as_ref();
            values.is_none_or(|values| values.iter().any(|other| other == value))
        };
        if !has(&self.grant_types, "authorization_code") || !has(&self.response_types, "code") {
            return Err("only the grant authorization_code with the response type code can be registered");
        }
        if self.jwks.is_some() != (self.method("none") == "private_key_jwt") {
            return Err("jwks and the token_endpoint_auth_method private_key_jwt require each other");
        }
        let is_long = |text: &String| text.len() > 512 || text.chars().any(is_invisible);
        let has_long_keys = self.jwks.as_ref().is_some_and(|keys| keys.to_string().len() > MAX_JWKS);
        let mut texts = self.redirect_uris.iter().chain(&self.client_name);
        if has_long_keys || self.redirect_uris.len() > 16 || texts.any(is_long) {
            return Err(TOO_LONG);
        }
        let open = entries.registry.resources.values();
        let open = open.filter(|resource| resource.open_to_registration);
        let scopes = open.clone().flat_map(|resource| resource.scopes.iter());
        let scopes = scopes.chain(PROTOCOL_SCOPES);
        let scopes: ScopeSet = scopes.map(str::to_owned).collect();
        // A client that needs another scope later asks the user again, and does not register again: the SDKs of MCP do so.
        let has_none = |requested: String| ScopeSet::from(requested).intersection(&scopes).is_empty();
        if scopes.is_empty() || self.scope.is_some_and(has_none) {
            return Err("no requested scope is open to registration");
        }
        let mut is_native = self.redirect_uris.iter();
        let is_native = is_native.all(|uri| Url::parse(uri).is_ok_and(|uri| uri.scheme() == "http"));
        let entry = json!({
            "profile": if is_native { "native_app" } else { "web_app" },
            "grants": ["authorization_code"],
            "redirect_uris": self.redirect_uris,
            "scopes": scopes.iter().collect::<Vec<_>>(),
            "resources": open.map(|resource| &resource.identifier).collect::<Vec<_>>(),
        });
        let mut entry = entry.as_object().cloned().unwrap_or_default();
        entry.extend(self.client_name.map(|name| ("name".to_owned(), name.into())));
        entry.extend(self.jwks.map(|keys| ("jwks".to_owned(), keys)));
        Ok(entry)
    }
}

/// Controls, and characters that show a text in another order or not at all.
fn is_invisible(character: char) -> bool {
    let is_hidden = matches!(
        character,
        '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
    );
    is_hidden || character.is_control()
}

/// The maximum time for a document, with the resolution of its host.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The maximum size of a document in bytes.
const MAX_DOCUMENT: usize = 64 * 1024;
/// The maximum length of an identifier, as of every client.
const MAX_IDENTIFIER: usize = 128;
/// How long a document is used without being fetched again.
const FRESH: Duration = Duration::from_secs(5 * 60);
/// The maximum number of documents in memory.
const MAX_CLIENTS: u64 = 1_000;
/// How long a document that is not valid, or could not be fetched, is not fetched again.
const FAILED: Duration = Duration::from_secs(60);
/// The maximum number of fetches at a time, of those from one host, and of those for one sender of requests, so that none
/// has them all. More clients are unknown until one ends.
const MAX_FETCHES: usize = 32;
const MAX_OF_HOST: usize = 2;
const MAX_OF_SENDER: usize = 4;

/// The clients whose documents were fetched.
pub(crate) struct ClientDocuments {
    clients: Cache<String, Arc<Client>>,
    failed: Cache<String, ()>,
    fetches: Semaphore,
    hosts: Cache<String, Arc<Semaphore>>,
    senders: Cache<String, Arc<Semaphore>>,
    from_loopback: bool,
}

impl ClientDocuments {
    /// `from_loopback` is for an issuer that no other machine reaches: else these could have it send requests to its own.
    pub(crate) fn new(from_loopback: bool) -> ClientDocuments {
        ClientDocuments {
            clients: Cache::builder().max_capacity(MAX_CLIENTS).time_to_live(FRESH).build(),
            failed: Cache::builder().max_capacity(MAX_CLIENTS).time_to_live(FAILED).build(),
            fetches: Semaphore::new(MAX_FETCHES),
            hosts: Cache::new(MAX_CLIENTS),
            senders: Cache::new(MAX_CLIENTS),
            from_loopback,
        }
    }

    /// Whether the text can be the identifier of such a client.
    pub(crate) fn is_identifier(&self, id: &str) -> bool {
        document_url(id).is_some_and(|url| self.from_loopback || !is_loopback(&url))
    }

    /// The client with this identifier, whose document is fetched unless a fresh one is in memory. None without a valid one.
    /// Blocks during the fetch, so it is called on a thread that may wait.
    pub(crate) fn client(&self, id: &str, sender: &str, entries: &Entries) -> Option<Arc<Client>> {
        let url = document_url(id).filter(|_| self.is_identifier(id) && !self.failed.contains_key(id))?;
        self.clients.optionally_get_with_by_ref(id, || {
            let at_most = |limit| move || Arc::new(Semaphore::new(limit));
            let of_host = self.hosts.get_with_by_ref(url.host_str()?, at_most(MAX_OF_HOST));
            let of_sender = self.senders.get_with_by_ref(sender, at_most(MAX_OF_SENDER));
            let permits = [&*of_sender, &*of_host, &self.fetches].map(Semaphore::try_acquire);
            let _permits = permits.into_iter().collect::<Result<Vec<_>, _>>().ok()?;
            let document = Handle::try_current().ok()?;
            let document = document.block_on(async { timeout(TIMEOUT, fetch(&url)).await });
            let document = document.unwrap_or(Err("it did not arrive within 5 seconds"));
            let client = document.and_then(|document| read(id, &document, entries));
            let client = client.inspect_err(|reason| {
                tracing::info!(reason, "client metadata document: not valid");
                self.failed.insert(id.to_owned(), ());
            });
            client.ok().map(Arc::new)
        })
    }
}

/// An `https` URL with a path, without user, query and fragment, that is written as it is resolved; for development, `http`
/// on loopback too.
fn document_url(id: &str) -> Option<Url> {
    let url = Url::parse(id).ok();
    let url = url.filter(|url| url.as_str() == id && id.len() <= MAX_IDENTIFIER)?;
    let has_scheme = url.scheme() == "https" || url.scheme() == "http" && is_loopback(&url);
    let is_plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    (has_scheme && is_plain && url.fragment().is_none() && url.path() != "/").then_some(url)
}

/// Fetches from the address that was checked: a second resolution of the name could have another result.
async fn fetch(url: &Url) -> Result<Vec<u8>, &'static str> {
    let unreachable = "its host does not answer";
    let host = url.host_str().zip(url.port_or_known_default());
    let (host, port) = host.ok_or(unreachable)?;
    let addresses = lookup_host((host.trim_matches(['[', ']']), port)).await;
    let addresses: Vec<SocketAddr> = addresses.map_err(|_| "the name of its host is not known")?.collect();
    let may_be_fetched = |address: &SocketAddr| match is_loopback(url) {
        true => address.ip().is_loopback(),
        false => is_global(address.ip()),
    };
    if addresses.is_empty() || !addresses.iter().all(may_be_fetched) {
        return Err("its host is not in the public internet");
    }
    let http = HttpClient::builder().redirect(redirect::Policy::none()).no_proxy();
    let http = http
        .resolve_to_addrs(host, &addresses)
        .build()
        .map_err(|_| unreachable)?;
    let mut response = http.get(url.clone()).send().await.map_err(|_| unreachable)?;
    let media_type = response.headers().get(CONTENT_TYPE);
    let media_type = media_type.and_then(|value| value.to_str().ok()?.split(';').next());
    let media_type = media_type.unwrap_or_default().trim();
    let is_json =
        media_type == "application/json" || media_type.starts_with("application/") && media_type.ends_with("+json");
    if response.status() != StatusCode::OK || !is_json {
        return Err("the response is not 200 with a media type of JSON");
    }
    let mut document = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|_| "the response is not complete")? {
        document.extend_from_slice(&chunk);
        if document.len() > MAX_DOCUMENT {
            return Err("it is longer than 64 KiB");
        }
    }
    Ok(document)
}

/// The document must name its own address, and the client must not authenticate by a secret, which it has no way to get.
fn read(id: &str, document: &[u8], entries: &Entries) -> Result<Client, &'static str> {
    let metadata: ClientMetadata = serde_json::from_slice(document).map_err(|_| NO_METADATA)?;
    if !["none", "private_key_jwt"].contains(&metadata.method("none")) {
        return Err("the token_endpoint_auth_method is neither none nor private_key_jwt");
    }
    if metadata.client_id.as_deref() != Some(id) {
        return Err("its client_id is not its address");
    }
    let entry = metadata.entry(entries)?;
    let client = entries.client_of(id, &entry);
    client.map_err(|_| "a redirect URI or a key is not valid")
}

/// Whether an address is of the public internet: none of this machine, its networks, or reserved.
fn is_global(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            let is_reserved = matches!(
                (a, b, c),
                (0 | 240.., ..) | (100, 64..=127, _) | (192, 0, 0) | (198, 18..=19, _)
            );
            let is_local = address.is_private() || address.is_loopback() || address.is_link_local();
            !(is_reserved || is_local || address.is_documentation() || address.is_multicast())
        }
        IpAddr::V6(address) => {
            // Global unicast, without the ranges that embed an IPv4 address and those for documentation.
            let [a, b, ..] = address.segments();
            a & 0xe000 == 0x2000 && a != 0x2002 && !(a == 0x2001 && (b < 0x200 || b == 0xdb8))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{NO_METADATA, document_url, is_global, read};
    use crate::store::Store;
    use crate::{Entries, Registry};

    #[test]
    fn why_a_document_is_not_valid() {
        let store = Store::in_memory("https://issuer.example").unwrap();
        let entries = Entries::read(&Registry::demo().unwrap(), &store, false).unwrap();
        let id = "https://app.example/client";
        let reason = |document: &str| read(id, document.as_bytes(), &entries).err();
        let document = |changes: serde_json::Value| {
            let mut document = json!({ "client_id": id, "redirect_uris": ["https://app.example/callback"] });
            document
                .as_object_mut()
                .unwrap()
                .extend(changes.as_object().unwrap().clone());
            reason(&document.to_string())
        };
        assert_eq!(document(json!({})), None);
        assert_eq!(reason("[]"), Some(NO_METADATA));
        for (changes, expected) in [
            (
                json!({ "client_id": "https://app.example/other" }),
                "its client_id is not its address",
            ),
            (
                json!({ "token_endpoint_auth_method": "client_secret_basic" }),
                "is neither none nor private_key_jwt",
            ),
            (
                json!({ "token_endpoint_auth_method": "private_key_jwt" }),
                "require each other",
            ),
            (
                json!({ "redirect_uris": ["http://app.example/callback"] }),
                "a redirect URI or a key is not valid",
            ),
            (
                json!({ "scope": "shipping:write" }),
                "no requested scope is open to registration",
            ),
        ] {
            assert!(
                document(changes.clone()).is_some_and(|reason| reason.contains(expected)),
                "{changes}"
            );
        }
    }

    #[test]
    fn the_address_of_a_document_is_https_or_loopback_with_a_path() {
        for id in [
            "https://app.example/client",
            "http://127.0.0.1:8000/client",
            "http://[::1]/c",
            "http://localhost/c",
        ] {
            assert!(document_url(id).is_some(), "{id}");
        }
        for id in [
            "https://app.example",
            "https://app.example/",
            "https://app.example/client?x",
            "https://app.example/client#x",
            "https://user@app.example/client",
            "https://app.example/a/../client",
            "https://APP.example/client",
            "http://app.example/client",
            "http://127.0.0.1.app.example/client",
            "ftp://app.example/client",
            "file:///etc/passwd",
            "client",
            &format!("https://app.example/{}", "x".repeat(128)),
        ] {
            assert!(document_url(id).is_none(), "{id}");
        }
    }

    #[test]
    fn an_address_of_a_private_network_is_not_fetched() {
        for address in [
            "1.1.1.1",
            "100.63.0.1",
            "198.20.0.1",
            "2606:4700::1111",
            "2001:4860::8888",
        ] {
            assert!(is_global(address.parse().unwrap()), "{address}");
        }
        for address in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "192.0.0.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "203.0.113.1",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "2002:a00:1::",
            "2001::1",
            "2001:db8::1",
        ] {
            assert!(!is_global(address.parse().unwrap()), "{address}");
        }
    }
}
