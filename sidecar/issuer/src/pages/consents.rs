//! The list of what a user allows.

use std::collections::BTreeMap;

use axum::response::Response;
use maud::html;

use super::{FormTarget, page};
use crate::authorization_server::AuthorizationServer;
use crate::scope::ScopeSet;

/// `consents` are scopes by client and resource. The form sends `transaction` and `client_id` to `/consents/withdraw`.
pub(crate) fn consents(
    server: &AuthorizationServer,
    transaction: &str,
    subject: &str,
    consents: &BTreeMap<String, BTreeMap<String, ScopeSet>>,
) -> Response {
    let body = html! {
        p { "You are signed in as " strong { (subject) } "." }
        @if consents.is_empty() { p { "You allow no application and no agent any access." } }
        form method="post" action="/consents/withdraw" {
            input type="hidden" name="transaction" value=(transaction);
            ul.list {
                @for (client, resources) in consents {
                    li {
                        strong { (client) }
                        @for (resource, scope) in resources {
                            p { "at " code { (resource) } }
                            ul.scopes {
                                @for scope in scope.iter() {
                                    li { (server.description(scope)) code { (scope) } }
                                }
                            }
                        }
                        button.second name="client_id" value=(client) { "Withdraw " (client) }
                    }
                }
            }
        }
    };
    page("What you allow", &body, FormTarget::Issuer)
}
