//! `mcp: { origins }`: the web pages that may send messages to an MCP endpoint.

use actgate_yaml::{OneOrMany, Spanned};
use serde::Deserialize;
use url::Url;

use super::exact::shown;
use super::syntax::Context;

/// Settings of every MCP endpoint, which are the paths of the routes with `mcp`.
/// Example: `{ origins: 'https://chat.example.com' }`
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct McpSettings {
    /// The web pages that may send requests to these paths, as browsers write their origins; one, or a list. Those of the
    /// audiences are accepted without it. Denied with `origin_not_allowed`.
    /// Example: `https://chat.example.com`
    #[cfg_attr(feature = "schema", schemars(extend("x-non-empty" = true)))]
    origins: OneOrMany<Spanned<String>>,
}

/// The origins that are listed (RFC 6454), as browsers write them.
pub(super) fn compile(settings: &Spanned<McpSettings>, context: &mut Context<'_>) -> Vec<Box<str>> {
    let origins = &settings.value.origins;
    if origins.is_empty() {
        context.empty(settings.span(), "origins");
    }
    for written in origins.iter() {
        let text = &*written.value;
        let (message, help) = match origin(text) {
            _ if text == "null" => (
                "`null` is the origin of many pages".to_owned(),
                "remove it: a page of unknown origin is never accepted".to_owned(),
            ),
            _ if text.contains('*') => (
                format!("`{}` is a pattern, and origins are compared as they are", shown(text)),
                "write each origin in full: `https://app.example.com`".to_owned(),
            ),
            Some(origin) if origin == text => continue,
            Some(origin) => (
                format!("`{}` is not an origin as browsers write it", shown(text)),
                format!("write `{origin}`"),
            ),
            None => (
                format!("`{}` is not an origin", shown(text)),
                "write scheme and host, and a port that is not the default one: `https://app.example.com`".to_owned(),
            ),
        };
        context.mistake(written.span(), message, help);
    }
    origins.iter().map(|origin| (*origin.value).into()).collect()
}

/// The origin of a URL.
fn origin(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let host = url.host_str().filter(|host| !host.is_empty())?;
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    Some(format!("{}://{host}{port}", url.scheme()))
}

#[cfg(test)]
mod tests {
    use crate::policy::Policy;

    fn mistake(origin: &str) -> Option<String> {
        let text = format!("mcp: {{ origins: {origin} }}\nroutes: [{{ match: POST /mcp, mcp: tools/list }}]\n");
        let mistake = Policy::from_yaml(&text).err()?.to_string();
        Some(mistake.replace("\n  help: ", "; "))
    }

    #[test]
    fn an_origin_is_written_as_browsers_write_it() {
        for origin in [
            "https://app.example",
            "[https://app.example:8443, 'http://localhost:3000', 'http://127.0.0.1:1', 'http://[::1]:1']",
            "chrome-extension://abcdefghijklmnop",
        ] {
            assert_eq!(mistake(origin), None, "{origin}");
        }
        for (origin, help) in [
            ("https://app.example/", "write `https://app.example`"),
            ("https://APP.example", "write `https://app.example`"),
            ("https://app.example:443", "write `https://app.example`"),
            ("https://app.example/a?b", "write `https://app.example`"),
            ("https://me@app.example", "write `https://app.example`"),
            ("'null'", "a page of unknown origin is never accepted"),
            ("'*'", "write each origin in full"),
            ("'https://*.example'", "write each origin in full"),
            ("app.example", "write scheme and host"),
            ("'file:///'", "write scheme and host"),
            ("''", "write scheme and host"),
            ("[]", "`origins` is empty"),
        ] {
            let reported = mistake(origin).unwrap();
            assert!(reported.contains(help), "{origin}: {reported}");
        }
    }

    #[test]
    fn origins_without_an_endpoint_are_a_mistake() {
        let text = "mcp: { origins: https://app.example }\nroutes: [{ match: POST /mcp }]\n";
        let mistake = Policy::from_yaml(text).unwrap_err().to_string();
        assert!(mistake.starts_with("1:6: no route has `mcp`"), "{mistake}");
    }
}
