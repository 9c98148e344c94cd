//! An address that may be fetched.

use std::fmt;

use url::{Host, Url};

use crate::error::ConfigError;

/// Where `http` may be fetched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum PlainHttp {
    /// On loopback.
    #[default]
    OnLoopback,
    /// Everywhere: what a party on the way sends is believed.
    Everywhere,
}

/// An address that may be fetched: `https`, or `http` where it is accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint(Url);

impl Endpoint {
    pub(super) fn parse(text: &str, plain_http: PlainHttp) -> Result<Endpoint, ConfigError> {
        Endpoint::check(text, plain_http).map_err(|reason| ConfigError::Url {
            url: without_user(text),
            reason,
        })
    }

    /// An address that tokens and a secret are sent to.
    #[cfg(feature = "reqwest")]
    pub(crate) fn for_secrets(text: &str, plain_http: PlainHttp) -> Result<Endpoint, ConfigError> {
        let is_plain = |url: &Url| url.scheme() == "http" && !is_loopback(url);
        match Endpoint::check(text, PlainHttp::Everywhere) {
            Ok(endpoint) if plain_http == PlainHttp::OnLoopback && is_plain(&endpoint.0) => Err(ConfigError::Url {
                url: without_user(text),
                reason: "tokens and the secret would be sent over plain http",
            }),
            _ => Endpoint::parse(text, plain_http),
        }
    }

    /// # Errors
    /// What is wrong with the address.
    pub(super) fn check(text: &str, plain_http: PlainHttp) -> Result<Endpoint, &'static str> {
        // The parser removes some of them, and a reader of a log does not see the others.
        if text.chars().any(is_invisible) {
            return Err("it contains a blank, a control character or an invisible character");
        }
        let url = Url::parse(text).map_err(|_| "it is not an absolute URL")?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err("it contains a user name or password");
        }
        if url.fragment().is_some() {
            return Err("it contains a fragment");
        }
        match url.scheme() {
            "https" => Ok(Endpoint(url)),
            "http" if plain_http == PlainHttp::Everywhere && url.has_host() => Ok(Endpoint(url)),
            "http" if is_loopback(&url) => Ok(Endpoint(url)),
            "http" => Err("keys are fetched over https, or over http on loopback only"),
            _ => Err("its scheme is not https"),
        }
    }

    /// The same address with another path.
    pub(super) fn with_path(&self, path: &str) -> Endpoint {
        let mut url = self.0.clone();
        url.set_path(path);
        Endpoint(url)
    }

    /// Whether what is fetched can be read and changed on the way.
    pub(super) fn is_insecure(&self) -> bool {
        self.0.scheme() == "http" && !is_loopback(&self.0)
    }

    pub(super) fn url(&self) -> &Url {
        &self.0
    }

    pub(crate) fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// Without its query, which can contain a secret.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_str().split_once('?') {
            Some((address, _)) => write!(f, "{address}?…"),
            None => f.write_str(self.as_str()),
        }
    }
}

/// An address without its user information: a password must not reach a message.
pub(super) fn without_user(text: &str) -> String {
    match Url::parse(text) {
        Ok(mut url) if !url.cannot_be_a_base() => {
            if url.username().is_empty() && url.password().is_none() {
                return text.to_owned();
            }
            let (_, _) = (url.set_username(""), url.set_password(None));
            url.into()
        }
        // Where the user information ends is not known: it is before the last `@`.
        _ => match text.rsplit_once('@') {
            Some((_, after)) => format!("…@{after}"),
            None => text.to_owned(),
        },
    }
}

/// Blanks, control characters, and the format characters of Unicode, such as those that change the direction of a text.
fn is_invisible(character: char) -> bool {
    character.is_control()
        || character.is_whitespace()
        || matches!(
            character,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_accepted_on_loopback_only() {
        for valid in [
            "https://idp.example",
            "http://127.0.0.1:9/jwks",
            "http://localhost:1",
            "http://[::1]:2",
        ] {
            assert!(Endpoint::parse(valid, PlainHttp::OnLoopback).is_ok(), "{valid}");
        }
        for invalid in [
            "http://idp.example",
            "ftp://idp.example",
            "idp.example",
            "",
            "file:///etc/keys",
            "https://u:p@idp.example",
            "http://127.0.0.1.evil.example",
            "https://idp.example/#x",
        ] {
            assert!(Endpoint::parse(invalid, PlainHttp::OnLoopback).is_err(), "{invalid}");
        }
    }

    #[test]
    fn plain_http_elsewhere_is_accepted_where_it_is_allowed() {
        let is_insecure =
            |text: &str| Endpoint::check(text, PlainHttp::Everywhere).map(|endpoint| endpoint.is_insecure());
        for insecure in [
            "http://idp.example/jwks",
            "http://10.0.0.1:9",
            "http://127.0.0.1.evil.example",
        ] {
            assert_eq!(is_insecure(insecure), Ok(true), "{insecure}");
        }
        for secure in ["https://idp.example", "http://127.0.0.1:9/jwks", "http://[::1]:2"] {
            assert_eq!(is_insecure(secure), Ok(false), "{secure}");
        }
        for invalid in [
            "ftp://idp.example",
            "http://u:p@idp.example",
            "http://idp.example/#x",
            "idp.example",
        ] {
            assert!(is_insecure(invalid).is_err(), "{invalid}");
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        let error = Endpoint::parse("https://user:secret@idp.example/jwks", PlainHttp::OnLoopback)
            .unwrap_err()
            .to_string();
        assert_eq!(
            error,
            "`https://idp.example/jwks` cannot be used: it contains a user name or password"
        );
    }

    #[test]
    fn user_information_is_left_out_of_every_text() {
        for (text, shown) in [
            ("http://u:secret@idp.example/jwks", "http://idp.example/jwks"),
            ("https://secret@idp.example/", "https://idp.example/"),
            ("ftp://u:secret@idp.example/x", "ftp://idp.example/x"),
            ("https://u:sec/ret@idp.example/", "…@idp.example/"),
            ("https://u:secret@idp.example:99999/", "…@idp.example:99999/"),
            ("u:secret@idp.example", "…@idp.example"),
            ("//u:sec@ret@idp.example", "…@idp.example"),
            ("https://idp.example/@scope/x", "https://idp.example/@scope/x"),
            ("idp.example", "idp.example"),
        ] {
            assert_eq!(without_user(text), shown, "{text}");
        }
    }

    #[test]
    fn an_address_has_visible_characters_only() {
        for character in "\n\r\t\0\u{1b}\u{7f}\u{85} \u{a0}\u{202e}\u{2066}\u{200b}\u{feff}\u{e0041}".chars() {
            for text in [
                format!("https://idp.example/{character}jwks"),
                format!("{character}https://idp.example/jwks"),
                format!("https://idp{character}.example/jwks"),
                format!("https://idp.example/jwks{character}"),
            ] {
                let reason = "it contains a blank, a control character or an invisible character";
                assert_eq!(Endpoint::check(&text, PlainHttp::OnLoopback), Err(reason), "{text:?}");
            }
        }
        for text in ["https://idp.example/ü", "https://bücher.example/%0a"] {
            assert!(Endpoint::check(text, PlainHttp::OnLoopback).is_ok(), "{text}");
        }
    }

    #[test]
    fn the_query_is_not_shown() {
        let shown = |text: &str| Endpoint::check(text, PlainHttp::OnLoopback).unwrap().to_string();
        assert_eq!(
            shown("https://idp.example/jwks?code=secret"),
            "https://idp.example/jwks?…"
        );
        assert_eq!(shown("https://idp.example/jwks"), "https://idp.example/jwks");
    }
}
