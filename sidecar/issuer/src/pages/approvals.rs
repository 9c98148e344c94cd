//! The pages on which a user approves what a client elsewhere asks for.

use std::sync::Arc;

use axum::response::Response;
use maud::html;

use super::consent::{asked, choices};
use super::{FormTarget, page};
use crate::authorization_server::AuthorizationServer;
use crate::store::{Approval, Authorization, Channel};

/// The form sends `transaction` and `decision` (`allow`, `deny`) to the page of the request.
pub(crate) fn approval(
    server: &AuthorizationServer,
    transaction: &str,
    approval: &Approval,
    authorization: &Authorization,
) -> Response {
    let action = match approval.request.channel {
        Channel::Backchannel => format!("/ciba/{}", approval.code),
        Channel::Device => "/device".to_owned(),
    };
    let body = html! {
        p { "Allow this only if you started it yourself." }
        @if let Some(message) = &approval.request.binding_message {
            p { "It shows the message " strong { (message) } ". Compare it with what you see there." }
        }
        (asked(server, authorization))
        form method="post" action=(action) {
            input type="hidden" name="transaction" value=(transaction);
            (choices())
        }
    };
    page("Approve a request?", &body, FormTarget::Issuer)
}

/// The end of an approval.
pub(crate) fn decided(client: &str, is_allowed: bool) -> Response {
    let body = html! {
        p role="status" {
            @if is_allowed { strong { (client) } " gets access." } @else { strong { (client) } " gets no access." }
            " You can close this page."
        }
    };
    let title = if is_allowed { "Approved" } else { "Denied" };
    page(title, &body, FormTarget::None)
}

/// What waits for a user.
pub(crate) fn approvals(subject: &str, waiting: &[Arc<Approval>]) -> Response {
    let body = html! {
        p { "You are signed in as " strong { (subject) } "." }
        @if waiting.is_empty() { p { "No request waits for you." } }
        ul.list {
            @for approval in waiting {
                li {
                    a href={ "/ciba/" (approval.code) } { (approval.request.access.client.name) }
                    @if let Some(message) = &approval.request.binding_message { p { (message) } }
                }
            }
        }
    };
    page("What waits for you", &body, FormTarget::None)
}

/// The form sends `transaction` and `user_code` to `/device`.
pub(crate) fn user_code(transaction: &str, written: &str, is_unknown: bool) -> Response {
    let fault = is_unknown.then_some("fault");
    let body = html! {
        form method="post" action="/device" {
            input type="hidden" name="transaction" value=(transaction);
            label for="user_code" { "The code that your device shows" }
            input id="user_code" name="user_code" value=(written) autocomplete="off" autocapitalize="characters"
                spellcheck="false" required autofocus aria-invalid=[fault.map(|_| "true")] aria-describedby=[fault];
            @if let Some(id) = fault {
                p.fault id=(id) role="alert" { "The code is not known, was used already, or has expired." }
            }
            div.choices { button { "Continue" } }
        }
    };
    page("Connect a device", &body, FormTarget::Issuer)
}

#[cfg(test)]
mod tests {
    use super::{decided, user_code};
    use crate::pages::tests::text;

    #[tokio::test]
    async fn what_a_caller_wrote_is_escaped() {
        let form = text(user_code("t1", "\"><script>", true)).await;
        assert!(form.contains("value=\"&quot;&gt;&lt;script&gt;\""), "{form}");
        assert!(
            form.contains("aria-describedby=\"fault\"") && form.contains("id=\"fault\""),
            "{form}"
        );
        let end = text(decided("<script>", true)).await;
        assert!(!end.contains("<script"), "{end}");
    }
}
