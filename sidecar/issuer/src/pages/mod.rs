//! The pages that a user sees: HTML without scripts. Templates escape every value.

mod activity;
mod consent;
mod sign_in;

use axum::http::StatusCode;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, RETRY_AFTER};
use axum::response::{Html, IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};
use url::Url;

pub(crate) use self::activity::{TransactionSummary, activity, transaction};
pub(crate) use self::consent::{approval, approvals, consent, consents, decided, user_code};
pub(crate) use self::sign_in::{Attempt, SampleUser, logout, sign_in, signed_out, still_signed_in};

/// Where the forms of a page may lead. Browsers apply it to the redirects after a form too.
#[derive(Clone, Copy)]
pub(crate) enum FormTarget<'a> {
    /// The page has no form.
    None,
    /// The issuer alone.
    Issuer,
    /// The issuer, and then this redirect URI.
    RedirectUri(&'a str),
}

/// The stylesheet of every page.
pub(crate) fn style() -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("style.css"))
}

/// The page that shows a user why a request ends here. The log has it too.
pub(crate) fn error(reason: &str) -> Response {
    tracing::info!(reason, "page request");
    let body = html! { p role="alert" { (reason) } };
    let page = page("The request cannot continue", &body, FormTarget::None);
    (StatusCode::BAD_REQUEST, page).into_response()
}

/// The page after too many failed attempts, with status 429.
pub(crate) fn too_many_attempts(seconds: u64) -> Response {
    let minutes = seconds.div_ceil(60);
    let body =
        html! { p role="alert" { "There were too many failed attempts. Wait " (minutes) " min, then start again." } };
    let page = page("Wait before the next attempt", &body, FormTarget::None);
    let wait = [(RETRY_AFTER, seconds.to_string())];
    (StatusCode::TOO_MANY_REQUESTS, wait, page).into_response()
}

/// A page with one card.
pub(crate) fn page(title: &str, body: &Markup, target: FormTarget<'_>) -> Response {
    frame(title, body, target, None)
}

/// A page with lists and tables, as wide as a desktop allows.
pub(crate) fn wide_page(title: &str, body: &Markup, target: FormTarget<'_>) -> Response {
    frame(title, body, target, Some("wide"))
}

fn frame(title: &str, body: &Markup, target: FormTarget<'_>, class: Option<&str>) -> Response {
    let policy = format!(
        "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action {}",
        target.sources()
    );
    let html = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                title { (title) }
                link rel="stylesheet" href="/style.css";
            }
            body class=[class] {
                main { h1 { (title) } (body) }
                footer { "actgate issuer, not for production" }
            }
        }
    };
    ([(CONTENT_SECURITY_POLICY, policy)], Html(html.into_string())).into_response()
}

impl FormTarget<'_> {
    /// The sources of `form-action` in the Content-Security-Policy.
    fn sources(self) -> String {
        let uri = match self {
            FormTarget::None => return "'none'".to_owned(),
            FormTarget::Issuer => return "'self'".to_owned(),
            FormTarget::RedirectUri(uri) => uri,
        };
        let origin = Url::parse(uri).map(|url| url.origin().ascii_serialization());
        match origin.unwrap_or_default() {
            // A source of a Content-Security-Policy cannot be an IPv6 address.
            ipv6 if ipv6.starts_with("http://[") => "'self' http:".to_owned(),
            origin => format!("'self' {origin}"),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use axum::body::to_bytes;
    use axum::response::Response;

    use super::{FormTarget, error, page};

    /// The HTML of a page.
    pub(crate) async fn text(page: Response) -> String {
        let body = to_bytes(page.into_body(), usize::MAX).await.unwrap();
        String::from_utf8(body.to_vec()).unwrap()
    }

    #[test]
    fn a_form_may_lead_to_the_origin_of_the_redirect_uri() {
        for (target, sources) in [
            (FormTarget::None, "'none'"),
            (FormTarget::Issuer, "'self'"),
            (
                FormTarget::RedirectUri("https://assistant.example/callback"),
                "'self' https://assistant.example",
            ),
            (
                FormTarget::RedirectUri("http://127.0.0.1:51004/callback"),
                "'self' http://127.0.0.1:51004",
            ),
            (FormTarget::RedirectUri("http://[::1]:51004/callback"), "'self' http:"),
        ] {
            let page = page("", &maud::html! {}, target);
            let policy = page.headers()["content-security-policy"].to_str().unwrap();
            assert!(policy.ends_with(&format!("form-action {sources}")), "{policy}");
        }
    }

    #[tokio::test]
    async fn markup_is_escaped() {
        let html = text(error("<a href=\"x\">&ü</a>")).await;
        assert!(html.contains("&lt;a href=&quot;x&quot;&gt;&amp;ü&lt;/a&gt;"), "{html}");
    }
}
