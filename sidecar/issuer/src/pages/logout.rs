//! The pages of a logout.

use axum::response::Response;
use maud::html;

use super::{FormTarget, page};

/// Asks a user. The form sends `transaction` and `decision` (`allow`, `deny`) to `/logout/confirm`.
pub(crate) fn logout(transaction: &str, subject: &str, redirect_uri: Option<&str>) -> Response {
    let body = html! {
        p { "You are signed in as " strong { (subject) } ". Applications keep the access that you gave them." }
        form method="post" action="/logout/confirm" {
            input type="hidden" name="transaction" value=(transaction);
            div.choices {
                button name="decision" value="allow" { "Sign out" }
                button.second name="decision" value="deny" { "Stay signed in" }
            }
        }
    };
    let target = redirect_uri.map_or(FormTarget::Issuer, FormTarget::RedirectUri);
    page("Sign out?", &body, target)
}

/// The end of a logout without an address to return to.
pub(crate) fn signed_out(ended: bool) -> Response {
    let (title, text) = match ended {
        true => ("Signed out", "You are not signed in at this issuer."),
        false => ("Still signed in", "Your session goes on."),
    };
    page(title, &html! { p { (text) } }, FormTarget::None)
}
