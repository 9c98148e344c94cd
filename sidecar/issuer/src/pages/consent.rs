//! The pages on which a user allows access, sees what is allowed, and approves what a client elsewhere asks for.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::response::Response;
use maud::{Markup, html};
use url::Url;

use super::{Attempt, FormTarget, page};
use crate::registry::Exchange;
use crate::scope::{OFFLINE_ACCESS, OPENID};
use crate::store::Approval;
use crate::{Authorization, Channel, EntityProfile, Issuer, ScopeSet};

/// The form sends `transaction` and `decision` (`allow`, `deny`) to `/consent`.
pub(crate) fn consent(server: &Issuer, id: &str, authorization: &Authorization, redirect_uri: &str) -> Response {
    let host = Url::parse(redirect_uri).ok();
    let host = host.as_ref().and_then(Url::host_str).unwrap_or_default();
    let body = html! {
        (asked(server, authorization))
        @if authorization.access.client.is_self_registered {
            p role="note" { "This application registered itself: its name is not verified." }
        }
        p.quiet { "Your browser goes to " code { (host) } " then." }
        (choices("/consent", id))
    };
    page("Allow access?", &body, FormTarget::RedirectUri(redirect_uri))
}

/// Who asks, for whom, at which API, for what and for how long.
pub(super) fn asked(server: &Issuer, authorization: &Authorization) -> Markup {
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
        @for (name, id) in server.acting_behind(resource, subject) {
            p { "At this API " strong { (name) } " (" code { (id) } ") works, which can act for you with this access, too." }
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
fn choices(action: &str, id: &str) -> Markup {
    html! {
        form method="post" action=(action) {
            input type="hidden" name="transaction" value=(id);
            div.choices {
                button name="decision" value="allow" { "Allow" }
                button.second name="decision" value="deny" { "Deny" }
            }
        }
    }
}

impl Issuer {
    /// Names and identifiers of the clients that may exchange a token of the user for this resource.
    fn acting_behind(&self, resource: &str, user: &str) -> Vec<(String, String)> {
        let exchanges =
            |exchange: &Exchange| exchange.audiences.contains(resource) && exchange.may_act_for.contains(user);
        let clients = self.directory.get();
        let clients = clients.registry.clients.values();
        let acting = clients.filter(|client| client.exchange.as_ref().is_some_and(exchanges));
        acting.map(|client| (client.name.clone(), client.id.clone())).collect()
    }

    /// A client by its name, beside its identifier.
    fn named(&self, id: &str) -> Markup {
        let clients = self.directory.get();
        let name = clients.registry.clients.get(id).map(|client| &*client.name);
        html! { strong { (name.unwrap_or(id)) } " " code { (id) } }
    }

    /// A scope in plain words, or its name where the registry has none.
    pub(crate) fn description(&self, scope: &str) -> String {
        match scope {
            OPENID => "Know who you are".to_owned(),
            OFFLINE_ACCESS => "Keep this access while you are away".to_owned(),
            scope => self.directory.get().description(scope).unwrap_or(scope).to_owned(),
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

/// `consents` are scopes by client and resource, `agents` those that act by an exchange alone, with whether that is
/// withdrawn. The form sends `transaction` and `client_id` to `/consents/withdraw`.
pub(crate) fn consents(
    server: &Issuer,
    id: &str,
    subject: &str,
    consents: &BTreeMap<String, BTreeMap<String, ScopeSet>>,
    agents: &BTreeMap<String, bool>,
) -> Response {
    let body = html! {
        p { "You are signed in as " strong { (subject) } "." }
        @if consents.is_empty() { p { "You allow no application and no agent any access." } }
        form method="post" action="/consents/withdraw" {
            input type="hidden" name="transaction" value=(id);
            ul.list {
                @for (client, resources) in consents {
                    li {
                        (server.named(client))
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
                @for (agent, is_withdrawn) in agents {
                    li {
                        (server.named(agent))
                        @if *is_withdrawn {
                            p { "You do not let it act for you." }
                            button.second name="allow" value=(agent) { "Allow " (agent) }
                        } @else {
                            p { "It acts for you with the access of an application that you use." }
                            button.second name="client_id" value=(agent) { "Withdraw " (agent) }
                        }
                    }
                }
            }
        }
    };
    page("What you allow", &body, FormTarget::Issuer)
}

/// The form sends `transaction` and `decision` (`allow`, `deny`) to the page of the request.
pub(crate) fn approval(server: &Issuer, id: &str, approval: &Approval, authorization: &Authorization) -> Response {
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
        (choices(&action, id))
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
pub(crate) fn user_code(id: &str, written: &str, attempt: Attempt) -> Response {
    let fault = (attempt == Attempt::Again).then_some("fault");
    let body = html! {
        form method="post" action="/device" {
            input type="hidden" name="transaction" value=(id);
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
    use std::sync::Arc;
    use std::time::Duration;

    use super::{Attempt, consent, decided, lasting, user_code};
    use crate::claims::Authentication;
    use crate::issuer::Issuer;
    use crate::pages::tests::text;
    use crate::registry::Registry;
    use crate::scope::ScopeSet;
    use crate::settings::Settings;
    use crate::store::{AccessRequest, Authorization};

    async fn html(registry: &str, client: &str) -> String {
        let registry = Registry::from_yaml(registry).unwrap();
        let client = Arc::clone(registry.clients.get(client).unwrap());
        let server = Issuer::new(Settings::default(), registry, "http://issuer.test".to_owned()).unwrap();
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

    #[tokio::test]
    async fn what_a_caller_wrote_is_escaped() {
        let form = text(user_code("t1", "\"><script>", Attempt::Again)).await;
        assert!(form.contains("value=\"&quot;&gt;&lt;script&gt;\""), "{form}");
        assert!(
            form.contains("aria-describedby=\"fault\"") && form.contains("id=\"fault\""),
            "{form}"
        );
        let end = text(decided("<script>", true)).await;
        assert!(!end.contains("<script"), "{end}");
    }
}
