//! The metadata with which a client registers itself: RFC 7591 section 2.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use url::Url;

use crate::directory::Entries;
use crate::scope::{PROTOCOL_SCOPES, ScopeSet};

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
    pub(crate) fn client_id(&self) -> Option<&str> {
        self.client_id.as_deref()
    }

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
        let is_long = |text: &String| text.len() > 512 || text.chars().any(is_invisible);
        if self.redirect_uris.len() > 16 || self.redirect_uris.iter().chain(&self.client_name).any(is_long) {
            return Err("there are more than 16 redirect URIs, or one text is longer than 512 characters");
        }
        let open = entries.resources().values();
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
    let ranges = [
        '\u{ad}'..='\u{ad}',
        '\u{61c}'..='\u{61c}',
        '\u{200b}'..='\u{200f}',
        '\u{2028}'..='\u{202e}',
        '\u{2060}'..='\u{206f}',
        '\u{feff}'..='\u{feff}',
    ];
    character.is_control() || ranges.iter().any(|range| range.contains(&character))
}
