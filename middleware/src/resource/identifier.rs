//! The identifier of a resource: a URL (RFC 9728 section 1.2), and the address of its metadata.

use http::{Method, Uri};

use crate::error::ConfigError;
use crate::request::Target;

/// Where the metadata of a resource is (RFC 9728 section 3).
pub(crate) const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// The URL of a resource, as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identifier {
    pub(crate) text: Box<str>,
    pub(crate) metadata_url: Box<str>,
    /// The path of that URL, with its escapes decoded.
    pub(crate) metadata_path: Box<str>,
}

impl Identifier {
    pub(super) fn parse(text: &str) -> Result<Identifier, ConfigError> {
        let invalid = |shown: &str, reason, help: String| {
            Err(ConfigError::Resource {
                resource: shown.escape_debug().to_string(),
                reason,
                help,
            })
        };
        let write = |text: &str| format!("write `{text}`");
        let as_clients = || "write the https URL that clients use for this API".to_owned();
        let is_blank = |character: char| character.is_whitespace() || character.is_control();
        if text.contains(is_blank) {
            let help = match text.replace(is_blank, "") {
                text if text.is_empty() => as_clients(),
                text => write(&text),
            };
            return invalid(text, "it contains white space or a control character", help);
        }
        if text.contains(['*', '{', '}', '<', '>']) {
            let help = "write each resource".to_owned();
            return invalid(
                text,
                "it is a pattern, and resources are compared as they are written",
                help,
            );
        }
        let Ok(url) = url::Url::parse(text) else {
            let help = match text.contains('.') && !text.contains("://") {
                true => write(&format!("https://{text}")),
                false => as_clients(),
            };
            return invalid(text, "it is not an absolute URL", help);
        };
        if !url.username().is_empty() || url.password().is_some() {
            let mut plain = url.clone();
            let (_, _) = (plain.set_username(""), plain.set_password(None));
            return invalid(plain.as_str(), "it has a user name or password", write(plain.as_str()));
        }
        if !matches!(url.scheme(), "https" | "http") || !url.has_host() {
            return invalid(text, "it is not an https URL, nor an http URL", as_clients());
        }
        if let Some(end) = text.find(['?', '#']) {
            return invalid(text, "it has a query or a fragment", write(&text[..end]));
        }
        let Some((_, rest)) = text.split_once("://") else {
            return invalid(text, "it is not an absolute URL", as_clients());
        };
        let path = rest.find('/').map_or("", |start| &rest[start..]);
        let origin = &text[..text.len() - path.len()];
        // RFC 9728 section 3.1: a slash that only ends the host is left out.
        let path = if path == "/" { "" } else { path };
        if let Some(path) = path.strip_prefix(WELL_KNOWN) {
            let help = write(&format!("{origin}{path}"));
            return invalid(text, "it is the address of the metadata of a resource", help);
        }
        let well_known = format!("{WELL_KNOWN}{path}");
        let uri: Option<Uri> = well_known.parse().ok();
        let metadata_path = uri.and_then(|uri| {
            let target = Target::new(&Method::GET, &uri).ok()?;
            Some(target.path().into())
        });
        let Some(metadata_path) = metadata_path else {
            let help = "write the path without empty and dot segments, `;`, and escapes of separators".to_owned();
            return invalid(text, "its path is ambiguous, and no such path is accepted", help);
        };
        Ok(Identifier {
            metadata_url: format!("{origin}{well_known}").into(),
            text: text.into(),
            metadata_path,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_well_known_path_is_inserted_between_host_and_path() {
        for (text, url, path) in [
            (
                "https://api.example",
                "https://api.example/.well-known/oauth-protected-resource",
                "",
            ),
            (
                "https://api.example/",
                "https://api.example/.well-known/oauth-protected-resource",
                "",
            ),
            (
                "https://api.example:8443/mcp",
                "https://api.example:8443/.well-known/oauth-protected-resource/mcp",
                "/mcp",
            ),
            (
                "https://api.example/mcp/",
                "https://api.example/.well-known/oauth-protected-resource/mcp/",
                "/mcp/",
            ),
            (
                "HTTPS://Api.Example/A%20b",
                "HTTPS://Api.Example/.well-known/oauth-protected-resource/A%20b",
                "/A b",
            ),
            (
                "http://127.0.0.1:8080",
                "http://127.0.0.1:8080/.well-known/oauth-protected-resource",
                "",
            ),
        ] {
            let identifier = Identifier::parse(text).unwrap();
            assert_eq!(&*identifier.text, text);
            assert_eq!(&*identifier.metadata_url, url);
            assert_eq!(&*identifier.metadata_path, format!("{WELL_KNOWN}{path}"));
        }
    }

    #[test]
    fn a_text_that_is_no_resource_has_a_reason_and_help() {
        let https = "write the https URL that clients use for this API";
        for (text, reason, help) in [
            ("", "it is not an absolute URL", https),
            ("orders", "it is not an absolute URL", https),
            (
                "orders.example/a",
                "it is not an absolute URL",
                "write `https://orders.example/a`",
            ),
            ("urn:orders", "it is not an https URL, nor an http URL", https),
            ("ftp://orders.example", "it is not an https URL, nor an http URL", https),
            (
                "https://orders.example#a",
                "it has a query or a fragment",
                "write `https://orders.example`",
            ),
            (
                "https://orders.example/a?b",
                "it has a query or a fragment",
                "write `https://orders.example/a`",
            ),
            (
                "https://user:secret@orders.example/a",
                "it has a user name or password",
                "write `https://orders.example/a`",
            ),
            (
                " https://orders.example",
                "it contains white space or a control character",
                "write `https://orders.example`",
            ),
            (
                "https://*.example",
                "it is a pattern, and resources are compared as they are written",
                "write each resource",
            ),
            (
                "https://orders.example/{id}",
                "it is a pattern, and resources are compared as they are written",
                "write each resource",
            ),
            (
                "https://orders.example/.well-known/oauth-protected-resource/a",
                "it is the address of the metadata of a resource",
                "write `https://orders.example/a`",
            ),
            (
                "https://orders.example/a//b",
                "its path is ambiguous, and no such path is accepted",
                "write the path without empty and dot segments, `;`, and escapes of separators",
            ),
            (
                "https://orders.example/a/../b",
                "its path is ambiguous, and no such path is accepted",
                "write the path without empty and dot segments, `;`, and escapes of separators",
            ),
            (
                "https://orders.example/a%2fb",
                "its path is ambiguous, and no such path is accepted",
                "write the path without empty and dot segments, `;`, and escapes of separators",
            ),
        ] {
            match Identifier::parse(text) {
                Err(ConfigError::Resource {
                    resource,
                    reason: got,
                    help: got_help,
                }) => {
                    assert_eq!((got, &*got_help), (reason, help), "{text:?}");
                    assert!(!resource.contains("secret"));
                }
                other => panic!("{text:?}: {other:?}"),
            }
        }
    }
}
