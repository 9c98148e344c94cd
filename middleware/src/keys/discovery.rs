//! The metadata of an issuer (OpenID Connect Discovery 1.0, RFC 8414), which names the address of its keys.

use serde_json::value::RawValue;
use url::Url;

use super::document;
use super::endpoint::{Endpoint, PlainHttp, without_user};
use super::key_set::MAX_DOCUMENT_BYTES;
use super::quoted::Quoted;

/// The addresses of the metadata of an issuer, in the order in which they are tried.
pub(super) fn addresses(issuer: &Endpoint) -> [Endpoint; 2] {
    let path = issuer.url().path().trim_end_matches('/');
    [
        issuer.with_path(&format!("{path}/.well-known/openid-configuration")),
        // RFC 8414 section 3.1 puts the well-known part before the path of the issuer.
        issuer.with_path(&format!("/.well-known/oauth-authorization-server{path}")),
    ]
}

/// The `jwks_uri` of a metadata document, if the document names this issuer. The metadata of an https issuer never leads to
/// http, wherever http is accepted.
///
/// # Errors
/// A reason. Values of the document in it are bounded and printable.
pub(super) fn jwks_uri(issuer: &str, document: &[u8], plain_http: PlainHttp) -> Result<Endpoint, String> {
    if document.len() > MAX_DOCUMENT_BYTES {
        return Err(format!("the document is longer than {MAX_DOCUMENT_BYTES} bytes"));
    }
    let [named, uri] = document::members(document, ["issuer", "jwks_uri"])?;
    let named = text(named, "issuer")?;
    // RFC 8414 section 3.3: without this comparison the metadata of one issuer could replace that of another.
    if named != issuer {
        return Err(another_issuer(issuer, &named));
    }
    let uri = text(uri, "jwks_uri")?;
    let unusable = |reason: &str| {
        let shown = without_user(&uri);
        format!("its `jwks_uri`, {}, cannot be used: {reason}", Quoted(&shown))
    };
    let endpoint = Endpoint::check(&uri, plain_http).map_err(unusable)?;
    if issuer.starts_with("https:") && endpoint.url().scheme() != "https" {
        return Err(unusable("the issuer is https, and it is not"));
    }
    Ok(endpoint)
}

fn text(member: Option<&RawValue>, name: &str) -> Result<String, String> {
    let member = member.ok_or_else(|| format!("the metadata has no `{name}`"))?;
    serde_json::from_str(member.get()).map_err(|_| format!("the `{name}` of the metadata is not a text"))
}

fn another_issuer(issuer: &str, named: &str) -> String {
    let shown = without_user(named);
    let shown = Quoted(&shown);
    let is_same = |one: &str, other: &str| Url::parse(one).is_ok_and(|one| Url::parse(other).is_ok_and(|o| one == o));
    if issuer.strip_suffix('/').unwrap_or(issuer) == named.strip_suffix('/').unwrap_or(named) {
        format!("the metadata names the issuer {shown}, which differs by the slash at the end; configure {shown}")
    } else if is_same(issuer, named) {
        format!("the metadata names the issuer {shown}, which is another spelling; configure {shown}")
    } else {
        format!("the metadata names another issuer, {shown}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_has_two_addresses() {
        let of = |issuer: &str| {
            addresses(&Endpoint::check(issuer, PlainHttp::OnLoopback).unwrap()).map(|url| url.as_str().to_owned())
        };
        assert_eq!(
            of("https://idp.example/tenant/"),
            [
                "https://idp.example/tenant/.well-known/openid-configuration",
                "https://idp.example/.well-known/oauth-authorization-server/tenant"
            ]
        );
        assert_eq!(
            of("https://idp.example"),
            [
                "https://idp.example/.well-known/openid-configuration",
                "https://idp.example/.well-known/oauth-authorization-server"
            ]
        );
    }

    #[test]
    fn metadata_of_another_issuer_is_an_error_that_names_it() {
        let reason = |issuer: &str, named: &str| {
            let document = serde_json::json!({"issuer": named, "jwks_uri": "https://idp.example/jwks"});
            jwks_uri(issuer, document.to_string().as_bytes(), PlainHttp::OnLoopback).unwrap_err()
        };
        for (issuer, named, problem) in [
            (
                "https://idp.example",
                "https://idp.example/",
                "differs by the slash at the end",
            ),
            (
                "https://idp.example/t/",
                "https://idp.example/t",
                "differs by the slash at the end",
            ),
            ("https://idp.example", "https://IDP.example", "is another spelling"),
            (
                "https://idp.example/t",
                "https://idp.example:443/t",
                "is another spelling",
            ),
        ] {
            let wanted = format!("the metadata names the issuer `{named}`, which {problem}; configure `{named}`");
            assert_eq!(reason(issuer, named), wanted);
        }
        for named in [
            "https://evil.example",
            "https://idp.example/t",
            "http://idp.example",
            "idp.example",
            "",
        ] {
            let wanted = format!("the metadata names another issuer, `{named}`");
            assert_eq!(reason("https://idp.example", named), wanted);
        }
        let long = format!("https://{}\n", "a".repeat(5000));
        let shown = reason("https://idp.example", &long);
        assert!(shown.len() < 300 && !shown.contains('\n'), "{shown}");
    }

    #[test]
    fn each_fault_of_the_metadata_has_its_reason() {
        let read = |document: &str| jwks_uri("https://idp.example", document.as_bytes(), PlainHttp::OnLoopback);
        let with = |uri: &str| read(&format!(r#"{{"issuer":"https://idp.example","jwks_uri":{uri}}}"#));
        let valid = with(r#""https://keys.example/jwks?v=1""#).unwrap();
        assert_eq!(valid.as_str(), "https://keys.example/jwks?v=1");
        let unusable = |uri: &str, reason: &str| format!("its `jwks_uri`, `{uri}`, cannot be used: {reason}");
        for (uri, reason) in [
            ("/jwks", "it is not an absolute URL"),
            ("jwks", "it is not an absolute URL"),
            ("", "it is not an absolute URL"),
            (
                "http://idp.example/jwks",
                "keys are fetched over https, or over http on loopback only",
            ),
            ("http://127.0.0.1/jwks", "the issuer is https, and it is not"),
            ("ftp://idp.example/jwks", "its scheme is not https"),
            ("https://idp.example/jwks#a", "it contains a fragment"),
        ] {
            assert_eq!(with(&format!("\"{uri}\"")), Err(unusable(uri, reason)));
        }
        for uri in [
            "http://u:SECRETPW@idp.example/jwks",
            "https://SECRETPW@idp.example/jwks",
            "https://u:SECRET/PW@idp.example/jwks",
            "u:SECRETPW@idp.example/jwks",
        ] {
            let reason = with(&format!("\"{uri}\"")).unwrap_err();
            assert!(
                reason.starts_with("its `jwks_uri`, `") && !reason.contains("PW@") && !reason.contains("SECRET"),
                "{reason}"
            );
            let document = format!(r#"{{"issuer":"{uri}","jwks_uri":"https://idp.example/jwks"}}"#);
            let reason = read(&document).unwrap_err();
            assert!(
                reason.contains("another issuer") && !reason.contains("SECRET"),
                "{reason}"
            );
        }
        for (uri, shown) in [
            (r"https://idp.example/a\nb", r"https://idp.example/a\u{a}b"),
            (
                r"https://idp.example/\u001b[2Jjwks",
                r"https://idp.example/\u{1b}[2Jjwks",
            ),
            (
                r"https://idp.example/\u202esdrawkcab",
                r"https://idp.example/\u{202e}sdrawkcab",
            ),
            (r"\thttps://idp.example/jwks", r"\u{9}https://idp.example/jwks"),
        ] {
            let reason = "it contains a blank, a control character or an invisible character";
            assert_eq!(with(&format!("\"{uri}\"")), Err(unusable(shown, reason)));
        }
        for uri in ["7", "null", r#"["https://idp.example/jwks"]"#, "1e400"] {
            assert_eq!(
                with(uri).unwrap_err(),
                "the `jwks_uri` of the metadata is not a text",
                "{uri}"
            );
        }
        for (document, reason) in [
            (r#"{"issuer":"https://idp.example"}"#, "the metadata has no `jwks_uri`"),
            (
                r#"{"jwks_uri":"https://idp.example/jwks"}"#,
                "the metadata has no `issuer`",
            ),
            (r#"{"issuer":null}"#, "the `issuer` of the metadata is not a text"),
            (
                r#"{"issuer":"a","issuer":"a"}"#,
                "the document has the member `issuer` twice",
            ),
            ("<html>", "the document is HTML or XML, not JSON"),
            ("[]", "the document is not a JSON object"),
        ] {
            assert_eq!(read(document).unwrap_err(), reason, "{document}");
        }
        let huge = vec![b' '; MAX_DOCUMENT_BYTES + 1];
        assert!(
            jwks_uri("https://idp.example", &huge, PlainHttp::OnLoopback)
                .unwrap_err()
                .contains("longer than")
        );
    }

    #[test]
    fn metadata_of_an_https_issuer_never_leads_to_plain_http() {
        let located = |issuer: &str| {
            let document = serde_json::json!({"issuer": issuer, "jwks_uri": "http://idp.example/jwks"}).to_string();
            jwks_uri(issuer, document.as_bytes(), PlainHttp::Everywhere)
        };
        assert!(located("http://idp.example").is_ok());
        let reason = located("https://idp.example").unwrap_err();
        assert!(reason.ends_with("the issuer is https, and it is not"), "{reason}");
    }

    #[test]
    fn metadata_up_to_the_limit_of_bytes_is_read() {
        let claims = vec!["\"claim\""; 25_000].join(",");
        let document = format!(
            "\u{feff}{{\"x\":1e400,\"issuer\":\"https://idp.example\",\"x\":[{claims}],\"jwks_uri\":\"https://idp.example/jwks\"}}"
        );
        assert!(document.len() > 200 * 1000);
        assert!(jwks_uri("https://idp.example", document.as_bytes(), PlainHttp::OnLoopback).is_ok());
    }
}
