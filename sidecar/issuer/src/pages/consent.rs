//! The page on which a user allows or denies access.

use std::time::Duration;

use axum::response::Response;
use maud::{Markup, html};

use super::{FormTarget, page};
use crate::authorization_server::AuthorizationServer;
use crate::claims::EntityProfile;
use crate::scope::{OFFLINE_ACCESS, OPENID};
use crate::store::Authorization;

/// The form sends `transaction` and `decision` (`allow`, `deny`) to `/consent`.
pub(crate) fn consent(
    server: &AuthorizationServer,
    transaction: &str,
    authorization: &Authorization,
    redirect_uri: &str,
) -> Response {
    let body = html! {
        (asked(server, authorization))
        form method="post" action="/consent" {
            input type="hidden" name="transaction" value=(transaction);
            (choices())
        }
    };
    page("Allow access?", &body, FormTarget::RedirectUri(redirect_uri))
}

/// Who asks, for whom, at which API, for what and for how long.
pub(super) fn asked(server: &AuthorizationServer, authorization: &Authorization) -> Markup {
    let (client, subject) = (&authorization.access.client, &authorization.subject);
    let (resource, scope) = (&authorization.access.audience, authorization.whole_scope());
    let agent = authorization.access.actor.as_ref().unwrap_or(client);
    let kind = kind(agent.profile);
    let mut resource_scopes = scope.clone();
    let protocol_scopes = resource_scopes.take_protocol_scopes();
    html! {
        @if agent.profile == EntityProfile::AiAgent {
            p {
                strong { (agent.name) } ", " (kind) ", asks to act on your behalf"
                @if agent.id != client.id { ", through " strong { (client.name) } } "."
            }
            ol.chain aria-label="Who acts for whom" {
                li { span { (subject) small { "you" } } }
                li { span { (agent.name) small { code { (agent.id) } } } }
                li { span { code { (resource) } small { "API" } } }
            }
        } @else {
            p { strong { (client.name) } " (" code { (client.id) } "), " (kind) ", asks for access to "
                code { (resource) } " as you, " strong { (subject) } "." }
        }
        h2 { "It will be able to" }
        ul.scopes {
            @for scope in resource_scopes.iter().chain(protocol_scopes.iter()) {
                li { (server.description(scope)) code { (scope) } }
            }
        }
        p.quiet {
            "The access lasts " (lasting(client.token_lifetime.unwrap_or(server.settings.token_lifetime)))
            @if scope.contains(OFFLINE_ACCESS) {
                ", and is renewed for up to " (lasting(server.settings.refresh_lifetime)) " while you are away"
            }
            ". You can " a href="/consents" { "withdraw it" } " at any time."
        }
    }
}

/// A clear first choice and a quiet second one.
pub(super) fn choices() -> Markup {
    html! {
        div.choices {
            button name="decision" value="allow" { "Allow" }
            button.second name="decision" value="deny" { "Deny" }
        }
    }
}

impl AuthorizationServer {
    /// A scope in plain words, or its name where the registry has none.
    pub(crate) fn description(&self, scope: &str) -> String {
        match scope {
            OPENID => "Know who you are".to_owned(),
            OFFLINE_ACCESS => "Keep this access while you are away".to_owned(),
            scope => self.directory.entries().description(scope).unwrap_or(scope).to_owned(),
        }
    }
}

fn kind(profile: EntityProfile) -> &'static str {
    match profile {
        EntityProfile::AiAgent => "an AI agent",
        EntityProfile::Service => "a service",
        EntityProfile::WebApp | EntityProfile::NativeApp | EntityProfile::BrowserApp => "an application",
    }
}

/// A time in its largest whole unit.
fn lasting(time: Duration) -> String {
    let seconds = time.as_secs();
    let (number, unit) = match seconds {
        s if s > 0 && s.is_multiple_of(86_400) => (s / 86_400, "day"),
        s if s > 0 && s.is_multiple_of(3600) => (s / 3600, "hour"),
        s if s > 0 && s.is_multiple_of(60) => (s / 60, "minute"),
        s => (s, "second"),
    };
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::{consent, lasting};
    use crate::authorization_server::AuthorizationServer;
    use crate::claims::Authentication;
    use crate::pages::tests::text;
    use crate::registry::Registry;
    use crate::scope::ScopeSet;
    use crate::settings::Settings;
    use crate::store::{AccessRequest, Authorization};

    async fn html(registry: &str, client: &str) -> String {
        let registry = Registry::from_yaml(registry).unwrap();
        let client = Arc::clone(registry.clients.get(client).unwrap());
        let server = AuthorizationServer::new(Settings::default(), registry, "http://issuer.test".to_owned()).unwrap();
        let access = AccessRequest {
            client,
            audience: "https://orders.example".to_owned(),
            txn: String::new(),
            scope: ScopeSet::default(),
            protocol_scope: ScopeSet::from("offline_access".to_owned()),
            nonce: None,
            actor: None,
            needs_second_factor: false,
        };
        let authorization = Authorization {
            access,
            subject: "alice".to_owned(),
            scope: ScopeSet::from("orders:read refunds:write".to_owned()),
            authentication: Authentication {
                auth_time: 0,
                acr: String::new(),
                amr: Vec::new(),
            },
        };
        text(consent(
            &server,
            "t1",
            &authorization,
            "https://assistant.example/callback",
        ))
        .await
    }

    #[tokio::test]
    async fn the_page_shows_what_is_granted_and_escapes_it() {
        let hostile = Registry::SAMPLE.replace("name: Shopping assistant", "name: <script>x</script>");
        let html = html(&hostile, "assistant").await;
        for shown in [
            "alice",
            "&lt;script&gt;",
            "assistant",
            "an AI agent, asks to act on your behalf",
            "class=\"chain\"",
            "Read your orders<code>orders:read</code>",
            "refunds:write",
            "offline_access",
            "https://orders.example",
            "value=\"t1\"",
            "lasts 15 minutes, and is renewed for up to 30 days",
        ] {
            assert!(html.contains(shown), "{shown} in {html}");
        }
        assert!(!html.contains("<script"), "{html}");
    }

    #[tokio::test]
    async fn an_application_is_no_actor() {
        let html = html(Registry::SAMPLE, "storefront").await;
        assert!(html.contains("an application, asks for access"), "{html}");
        assert!(!html.contains("class=\"chain\""), "{html}");
    }

    #[test]
    fn a_time_is_shown_in_its_largest_unit() {
        for (seconds, shown) in [
            (1, "1 second"),
            (90, "90 seconds"),
            (900, "15 minutes"),
            (3600, "1 hour"),
            (2_592_000, "30 days"),
        ] {
            assert_eq!(lasting(Duration::from_secs(seconds)), shown);
        }
    }
}
