//! The pages that a user sees: HTML without scripts, every value escaped.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use axum::http::StatusCode;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::response::{Html, IntoResponse, Response};
use url::Url;

use crate::claims::EntityProfile;
use crate::scope::ScopeSet;
use crate::store::{Authorization, AuthorizationRequest};

pub(super) fn login(transaction: &str, request: &AuthorizationRequest, failed: bool) -> Response {
    form(
        request,
        "Sign in",
        format_args!(
            "<p>to continue to <strong>{client}</strong></p>{notice}
{form}",
            client = Escaped(&request.client.name),
            notice = notice(failed),
            form = sign_in_form("/login", transaction),
        ),
    )
}

pub(super) fn consent(transaction: &str, authorization: &Authorization) -> Response {
    let Authorization {
        request,
        subject,
        scope,
        ..
    } = authorization;
    let kind = match request.client.profile {
        EntityProfile::AiAgent => "an agent that will act on your behalf",
        EntityProfile::Service => "a service",
        EntityProfile::WebApp | EntityProfile::NativeApp | EntityProfile::BrowserApp => "an application",
    };
    let scope = scope.union(&request.protocol_scope);
    let scopes: String = scope
        .iter()
        .map(|scope| format!("<li><code>{}</code></li>", Escaped(scope)))
        .collect();
    form(
        request,
        "Allow access?",
        format_args!(
            "<p>You are signed in as <strong>{subject}</strong>.</p>
<p><strong>{client}</strong> (<code>{id}</code>), {kind}, requests</p>
<ul>{scopes}</ul>
<p>at <code>{resource}</code>.</p>
<form method=\"post\" action=\"/consent\">
<input type=\"hidden\" name=\"transaction\" value=\"{transaction}\">
<button name=\"decision\" value=\"allow\">Allow</button>
<button name=\"decision\" value=\"deny\">Deny</button>
</form>",
            subject = Escaped(subject),
            client = Escaped(&request.client.name),
            id = Escaped(&request.client.id),
            resource = Escaped(&request.audience),
            transaction = Escaped(transaction),
        ),
    )
}

/// The sign-in before the list of consents.
pub(super) fn consents_login(transaction: &str, failed: bool) -> Response {
    let body = format!(
        "<p>to see what you allow</p>{notice}{form}",
        notice = notice(failed),
        form = sign_in_form("/consents/login", transaction),
    );
    page("Sign in", format_args!("{body}"), "'self'")
}

/// What a user allows, by client and resource.
pub(super) fn consents(
    transaction: &str,
    subject: &str,
    consents: &BTreeMap<String, BTreeMap<String, ScopeSet>>,
) -> Response {
    let mut items = String::new();
    for (client, resources) in consents {
        let client = Escaped(client);
        // Writing to a String cannot fail.
        let _ = write!(items, "<li><strong>{client}</strong>");
        for (resource, scope) in resources {
            let scope = String::from(scope.clone());
            let _ = write!(
                items,
                " at <code>{}</code>: <code>{}</code>",
                Escaped(resource),
                Escaped(&scope)
            );
        }
        let _ = write!(
            items,
            "<button name=\"client_id\" value=\"{client}\">Withdraw {client}</button></li>"
        );
    }
    let body = match consents.is_empty() {
        true => "<p>You allow no application access.</p>".to_owned(),
        false => format!(
            "<form method=\"post\" action=\"/consents/withdraw\">
<input type=\"hidden\" name=\"transaction\" value=\"{}\">
<ul>{items}</ul></form>",
            Escaped(transaction)
        ),
    };
    let subject = Escaped(subject);
    let body = format_args!("<p>You are signed in as <strong>{subject}</strong>.</p>{body}");
    page("What you allow", body, "'self'")
}

fn notice(failed: bool) -> &'static str {
    match failed {
        false => "",
        true => "<p class=\"notice\" role=\"alert\">The sign-in failed. Try again.</p>",
    }
}

fn sign_in_form(action: &str, transaction: &str) -> String {
    format!(
        "<form method=\"post\" action=\"{action}\">
<input type=\"hidden\" name=\"transaction\" value=\"{transaction}\">
<label>Name <input name=\"username\" autocomplete=\"username\" required autofocus></label>
<label>Password <input name=\"password\" type=\"password\" autocomplete=\"current-password\" required></label>
<label>Second factor <input name=\"second_factor\" inputmode=\"numeric\" autocomplete=\"one-time-code\" placeholder=\"optional\"></label>
<button>Sign in</button>
</form>",
        transaction = Escaped(transaction),
    )
}

pub(super) fn error(reason: &str) -> Response {
    let reason = Escaped(reason);
    let body = format_args!("<p>{reason}</p>");
    (
        StatusCode::BAD_REQUEST,
        page("The request cannot continue", body, "'none'"),
    )
        .into_response()
}

/// A page whose form can lead to the redirect URI: browsers apply `form-action` to redirects too.
fn form(request: &AuthorizationRequest, title: &str, body: fmt::Arguments<'_>) -> Response {
    let origin = Url::parse(&request.callback.redirect_uri).map(|url| url.origin().ascii_serialization());
    let origin = match origin.unwrap_or_default() {
        // A source of a Content-Security-Policy cannot be an IPv6 address.
        ipv6 if ipv6.starts_with("http://[") => "http:".to_owned(),
        origin => origin,
    };
    page(title, body, &format!("'self' {origin}"))
}

fn page(title: &str, body: fmt::Arguments<'_>, form_action: &str) -> Response {
    let policy = format!(
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'; form-action {form_action}"
    );
    let html = format!(
        "<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width\">
<title>{title}</title>
<style>
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 26rem; margin: 4rem auto; padding: 0 1rem }}
label, button {{ display: block; margin: 0 0 1rem }} input {{ display: block; width: 100%; font: inherit; box-sizing: border-box }}
button {{ font: inherit; padding: .4rem 1.2rem }} .notice {{ color: #a00 }} footer {{ color: #666; margin-top: 3rem }}
</style>
<h1>{title}</h1>
{body}
<footer>actgate issuer, not for production</footer>
</html>
",
        title = Escaped(title),
    );
    ([(CONTENT_SECURITY_POLICY, policy)], Html(html)).into_response()
}

/// Text that is safe between tags and within a quoted attribute.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|character| match character {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&#39;"),
            other => f.write_char(other),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::body::to_bytes;

    use super::{Escaped, consent, form};
    use crate::claims::Authentication;
    use crate::registry::Registry;
    use crate::scope::ScopeSet;
    use crate::store::{Authorization, AuthorizationRequest, Callback};

    fn request(registry: &Registry, redirect_uri: &str) -> AuthorizationRequest {
        AuthorizationRequest {
            client: Arc::clone(registry.clients.get("assistant").unwrap()),
            callback: Callback {
                redirect_uri: redirect_uri.to_owned(),
                state: None,
            },
            code_challenge: String::new(),
            audience: "https://orders.example".to_owned(),
            txn: String::new(),
            scope: ScopeSet::default(),
            protocol_scope: ScopeSet::from("offline_access".to_owned()),
            nonce: None,
        }
    }

    #[test]
    fn markup_is_escaped() {
        assert_eq!(
            Escaped("<a href=\"x\" id='y'>&ü</a>").to_string(),
            "&lt;a href=&quot;x&quot; id=&#39;y&#39;&gt;&amp;ü&lt;/a&gt;"
        );
        assert_eq!(Escaped("plain").to_string(), "plain");
        assert_eq!(Escaped("").to_string(), "");
    }

    #[tokio::test]
    async fn the_consent_page_shows_what_is_granted_and_escapes_it() {
        let hostile = Registry::SAMPLE.replace("name: Shopping assistant", "name: <script>x</script>");
        let registry = Registry::from_yaml(&hostile).unwrap();
        let authorization = Authorization {
            request: request(&registry, "https://assistant.example/callback"),
            subject: "alice".to_owned(),
            scope: ScopeSet::from("orders:read refunds:write".to_owned()),
            authentication: Authentication {
                auth_time: 0,
                acr: String::new(),
                amr: Vec::new(),
            },
        };
        let body = consent("t1", &authorization).into_body();
        let html = String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap();
        for shown in [
            "alice",
            "&lt;script&gt;",
            "assistant",
            "act on your behalf",
            "orders:read",
            "refunds:write",
            "offline_access",
            "https://orders.example",
            "value=\"t1\"",
        ] {
            assert!(html.contains(shown), "{shown} in {html}");
        }
        assert!(!html.contains("<script"), "{html}");
    }

    #[test]
    fn a_form_may_lead_to_the_origin_of_the_redirect_uri() {
        let registry = Registry::demo().unwrap();
        for (redirect_uri, source) in [
            ("https://assistant.example/callback", "https://assistant.example"),
            ("http://127.0.0.1:51004/callback", "http://127.0.0.1:51004"),
            ("http://[::1]:51004/callback", "http:"),
        ] {
            let page = form(&request(&registry, redirect_uri), "", format_args!(""));
            let policy = page.headers()["content-security-policy"].to_str().unwrap();
            assert!(policy.ends_with(&format!("form-action 'self' {source}")), "{policy}");
        }
    }
}
