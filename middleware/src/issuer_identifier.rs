//! The identifier of an issuer, which is compared with `iss` byte for byte.

use url::Url;

use crate::error::ConfigError;
use crate::keys::is_loopback;
use crate::shared_issuers::entra_tenant;

/// Checks the identifier of an issuer whose keys are found by discovery: a URL without query or fragment (RFC 8414
/// section 2). The comparison is textual, so that a text that no token contains is a mistake.
pub(crate) fn check_url(issuer: &str) -> Result<(), ConfigError> {
    check(issuer)?;
    let or_with_keys = |help: String| format!("{help}; with `jwks_uri`, an issuer may be any text");
    let write_url = || {
        let is_loopback = Url::parse(&format!("http://{issuer}")).is_ok_and(|url| is_loopback(&url));
        let scheme = if is_loopback { "http" } else { "https" };
        or_with_keys(format!("write `{scheme}://{issuer}`"))
    };
    let as_in_tokens = || or_with_keys("write the https URL that the issuer writes in `iss`".to_owned());
    let Ok(url) = Url::parse(issuer) else {
        let help = match issuer.contains('.') && !issuer.contains("://") {
            true => write_url(),
            false => as_in_tokens(),
        };
        return invalid(issuer, "it is not an absolute URL", help);
    };
    if is_http(&url) {
        return Ok(());
    }
    // A host and a port parse as a scheme and a path.
    let help = match url.scheme().contains('.') || url.scheme() == "localhost" {
        true => write_url(),
        false => as_in_tokens(),
    };
    invalid(issuer, "it is not an https URL, nor an http URL", help)
}

/// Checks the identifier of an issuer whose keys are given: any text that a token can contain. What looks like a URL is
/// checked as one.
pub(crate) fn check(issuer: &str) -> Result<(), ConfigError> {
    let write = |text: &str| format!("write `{text}`");
    let as_in_tokens = || "write what the issuer writes in `iss`".to_owned();
    let is_blank = |character: char| character.is_whitespace() || character.is_control();
    if issuer.is_empty() {
        return invalid(issuer, "it is empty", as_in_tokens());
    }
    if issuer.contains(is_blank) {
        let help = match issuer.replace(is_blank, "") {
            text if text.is_empty() => as_in_tokens(),
            text => write(&text),
        };
        return invalid(issuer, "it contains white space or a control character", help);
    }
    let url = Url::parse(issuer).ok();
    if let Some(url) = &url
        && (!url.username().is_empty() || url.password().is_some())
    {
        let mut plain = url.clone();
        let (_, _) = (plain.set_username(""), plain.set_password(None));
        let plain = plain.as_str().strip_suffix('/').unwrap_or(plain.as_str());
        return invalid(plain, "it has a user name or password", write(plain));
    }
    if url.as_ref().is_some_and(is_http)
        && let Some(end) = issuer.find(['?', '#'])
    {
        return invalid(issuer, "it has a query or a fragment", write(&issuer[..end]));
    }
    if issuer.contains(['*', '{', '}', '<', '>']) {
        let help = "write each issuer, and an id in place of `{tenant}`".to_owned();
        return invalid(
            issuer,
            "it is a pattern, and issuers are compared as they are written",
            help,
        );
    }
    if let Some(tenant) = entra_tenant(issuer) {
        let help =
            format!("list the issuer of each tenant, such as `{tenant}`, which is what its tokens have as `iss`");
        return invalid(issuer, "it is an endpoint for many tenants, and no `iss`", help);
    }
    if url.as_ref().is_some_and(is_http)
        && let Some(owner) = owner_of_document(issuer)
    {
        let help = format!("write `{owner}`, or with a slash at the end where `iss` has one");
        return invalid(issuer, "it is the address of a document of the issuer", help);
    }
    Ok(())
}

fn invalid(shown: &str, reason: &'static str, help: String) -> Result<(), ConfigError> {
    Err(ConfigError::Issuer {
        issuer: shown.escape_debug().to_string(),
        reason,
        help,
    })
}

fn is_http(url: &Url) -> bool {
    matches!(url.scheme(), "https" | "http") && url.has_host()
}

/// The issuer whose document has this address: its metadata or its key set.
fn owner_of_document(address: &str) -> Option<String> {
    const DOCUMENTS: [&str; 6] = [
        "openid-configuration",
        "oauth-authorization-server",
        "jwks.json",
        "jwks",
        "protocol/openid-connect/certs",
        "certs",
    ];
    let address = address.trim_end_matches('/');
    let lower = address.to_ascii_lowercase();
    if let Some(at) = lower.find("/.well-known") {
        let (base, document) = (&address[..at], &address[at + "/.well-known".len()..]);
        // RFC 8414 section 3.1 puts the well-known part before the path of the issuer.
        let after_document = document.get(1..).and_then(|rest| rest.split_once('/'));
        return match (document.chars().next(), after_document) {
            (None, _) | (Some('/'), None) => Some(base.to_owned()),
            (Some('/'), Some((_, path))) => Some(format!("{base}/{path}")),
            _ => None,
        };
    }
    let mut documents = DOCUMENTS.iter();
    let name = documents.find(|name| lower.ends_with(&format!("/{name}")))?;
    Some(address[..address.len() - name.len() - 1].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_a_plain_url() {
        for valid in [
            "https://idp.example",
            "https://idp.example:443/realms/alpha",
            "https://idp.example/",
            "HTTPS://IdP.example/adfs/services/trust",
            "https://idp.example/myjwks",
            "https://idp.example/certs/a",
            "https://idp.example/.well-knowns",
            "http://127.0.0.1:9400",
        ] {
            assert_eq!(check_url(valid), Ok(()), "{valid}");
        }
    }

    /// What is shown, why it is no issuer, and what to write.
    fn refused(issuer: &str) -> (String, &'static str, String) {
        match check_url(issuer) {
            Err(ConfigError::Issuer { issuer, reason, help }) => (issuer, reason, help),
            other => panic!("{issuer:?}: {other:?}"),
        }
    }

    #[test]
    fn a_text_that_is_no_issuer_has_a_reason_and_help() {
        let plain = "write what the issuer writes in `iss`";
        let as_in_tokens =
            "write the https URL that the issuer writes in `iss`; with `jwks_uri`, an issuer may be any text";
        for (text, reason, help) in [
            ("", "it is empty", plain),
            ("idp", "it is not an absolute URL", as_in_tokens),
            ("/realms/a", "it is not an absolute URL", as_in_tokens),
            (
                "idp.example/a",
                "it is not an absolute URL",
                "write `https://idp.example/a`; with `jwks_uri`, an issuer may be any text",
            ),
            (
                "idp.example:8443",
                "it is not an https URL, nor an http URL",
                "write `https://idp.example:8443`; with `jwks_uri`, an issuer may be any text",
            ),
            (
                "ftp://idp.example",
                "it is not an https URL, nor an http URL",
                as_in_tokens,
            ),
            ("urn:idp", "it is not an https URL, nor an http URL", as_in_tokens),
            (" ", "it contains white space or a control character", plain),
            (
                " https://idp.example",
                "it contains white space or a control character",
                "write `https://idp.example`",
            ),
            (
                "https://idp.example ",
                "it contains white space or a control character",
                "write `https://idp.example`",
            ),
            (
                "https://idp.example\n",
                "it contains white space or a control character",
                "write `https://idp.example`",
            ),
            (
                "https://idp.example/?a",
                "it has a query or a fragment",
                "write `https://idp.example/`",
            ),
            (
                "https://idp.example/a#f",
                "it has a query or a fragment",
                "write `https://idp.example/a`",
            ),
            (
                "https://idp.example?",
                "it has a query or a fragment",
                "write `https://idp.example`",
            ),
        ] {
            let (_, got_reason, got_help) = refused(text);
            assert_eq!((got_reason, &*got_help), (reason, help), "{text:?}");
        }
        for pattern in [
            "https://*.idp.example",
            "https://idp.example/*",
            "https://login.example/{tenantid}/v2.0",
            "https://login.example/<tenant>/v2.0",
        ] {
            assert_eq!(
                refused(pattern).1,
                "it is a pattern, and issuers are compared as they are written"
            );
        }
        let (shown, _, help) = refused("https://user:secret@idp.example/a");
        assert_eq!(
            (&*shown, &*help),
            ("https://idp.example/a", "write `https://idp.example/a`")
        );
    }

    #[test]
    fn with_keys_an_issuer_is_any_text() {
        for valid in [
            "rke",
            "P2YuAbCdEf",
            "spiffe://td.example",
            "accounts.google.com",
            "kubernetes.default.svc",
            "kubernetes/serviceaccount",
            "urn:idp:a?b",
            "idp.example:8443",
            "https://idp.example/",
        ] {
            assert_eq!(check(valid), Ok(()), "{valid}");
        }
        for (text, wanted) in [
            ("", "it is empty"),
            (" rke", "it contains white space or a control character"),
            ("r\u{7}ke", "it contains white space or a control character"),
            (
                "spiffe://*",
                "it is a pattern, and issuers are compared as they are written",
            ),
            (
                "P2Yu{id}",
                "it is a pattern, and issuers are compared as they are written",
            ),
            (
                "${ISSUER}",
                "it is a pattern, and issuers are compared as they are written",
            ),
            ("spiffe://u:p@td", "it has a user name or password"),
            ("https://idp.example/a?b", "it has a query or a fragment"),
            (
                "https://idp.example/jwks",
                "it is the address of a document of the issuer",
            ),
        ] {
            match check(text) {
                Err(ConfigError::Issuer { reason, .. }) => assert_eq!(reason, wanted, "{text:?}"),
                other => panic!("{text:?}: {other:?}"),
            }
        }
    }

    #[test]
    fn the_address_of_a_document_is_no_issuer() {
        for (address, issuer) in [
            (
                "https://idp.example/.well-known/openid-configuration",
                "https://idp.example",
            ),
            (
                "https://idp.example/realms/a/.well-known/openid-configuration",
                "https://idp.example/realms/a",
            ),
            (
                "https://idp.example/.well-known/openid-configuration/",
                "https://idp.example",
            ),
            (
                "https://idp.example/.well-known/oauth-authorization-server",
                "https://idp.example",
            ),
            (
                "https://idp.example/.well-known/oauth-authorization-server/realms/a",
                "https://idp.example/realms/a",
            ),
            (
                "https://idp.example/.well-known/openid-configuration/t",
                "https://idp.example/t",
            ),
            ("https://idp.example/.well-known/jwks.json", "https://idp.example"),
            ("https://idp.example/a/.well-known/jwks", "https://idp.example/a"),
            (
                "https://idp.example/.Well-Known/OpenID-Configuration",
                "https://idp.example",
            ),
            ("https://idp.example/.well-known", "https://idp.example"),
            ("https://idp.example/oauth2/jwks.json", "https://idp.example/oauth2"),
            ("https://idp.example/openid-configuration", "https://idp.example"),
            ("https://idp.example/jwks", "https://idp.example"),
            ("https://idp.example/oauth2/JWKS/", "https://idp.example/oauth2"),
            ("https://idp.example/a/certs", "https://idp.example/a"),
            (
                "https://idp.example/realms/a/protocol/openid-connect/certs",
                "https://idp.example/realms/a",
            ),
        ] {
            let (_, reason, help) = refused(address);
            assert_eq!(reason, "it is the address of a document of the issuer", "{address}");
            let wanted = format!("write `{issuer}`, or with a slash at the end where `iss` has one");
            assert_eq!(help, wanted, "{address}");
        }
    }
}
