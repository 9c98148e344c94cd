//! The pages before and after a session: the sign-in, and the logout.

use axum::response::Response;
use maud::{Markup, html};

use super::{FormTarget, page};

/// Which form a user sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attempt {
    First,
    /// What the user wrote before was wrong: at a sign-in the name, the password or the code, and which of them stays open.
    Again,
    /// The attempt before had no code, which the request needs.
    NeedsCode,
}

/// A user of the built-in registry, as the page shows it: name, password, and the one-time code of this time if the user has
/// one.
pub(crate) type SampleUser = (&'static str, &'static str, Option<String>);

/// The form sends `transaction`, `username`, `password` and `second_factor` to `/login`. `purpose` completes
/// "Sign in …", `hint` is the expected name.
pub(crate) fn sign_in(
    transaction: &str,
    purpose: &Markup,
    hint: Option<&str>,
    attempt: Attempt,
    samples: &[SampleUser],
    target: FormTarget<'_>,
) -> Response {
    let fault = (attempt == Attempt::Again).then_some("fault");
    let code_fault = (attempt == Attempt::NeedsCode).then_some("true");
    let body = html! {
        p { (purpose) }
        form method="post" action="/login" {
            input type="hidden" name="transaction" value=(transaction);
            label for="username" { "Name" }
            input id="username" name="username" autocomplete="username" autocapitalize="none" required autofocus
                value=[hint]
                aria-invalid=[fault.map(|_| "true")] aria-describedby=[fault];
            label for="password" { "Password" }
            input id="password" name="password" type="password" autocomplete="current-password" required
                aria-invalid=[fault.map(|_| "true")] aria-describedby=[fault];
            @if let Some(id) = fault {
                p.fault id=(id) role="alert" { "The name, the password or the code is wrong, or the code was used before. Try again." }
            }
            label for="second_factor" { "One-time code " small { "(optional)" } }
            input id="second_factor" name="second_factor" inputmode="numeric" autocomplete="one-time-code"
                aria-invalid=[code_fault] aria-describedby="second_factor_use";
            @if code_fault.is_some() {
                p.fault role="alert" { "This request needs the one-time code too. Enter it with the password." }
            }
            p.quiet id="second_factor_use" { "A code makes the login a strong one, which some APIs ask for." }
            div.choices { button { "Sign in" } }
        }
        @if !samples.is_empty() { (sample_users(samples)) }
    };
    page("Sign in", &body, target)
}

fn sample_users(samples: &[SampleUser]) -> Markup {
    html! {
        h2 id="samples" { "Sample users" }
        table aria-labelledby="samples" {
            thead { tr { th scope="col" { "Name" } th scope="col" { "Password" } th scope="col" { "One-time code" } } }
            tbody {
                @for (name, password, code) in samples {
                    tr {
                        td { code { (name) } }
                        td { code { (password) } }
                        td {
                            @match code {
                                Some(code) => code id={ "code-of-" (name) } { (code) },
                                None => "none",
                            }
                        }
                    }
                }
            }
        }
        p.quiet { "A code is valid once, for about a minute. Reload the page for the next one." }
    }
}

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
pub(crate) fn signed_out() -> Response {
    let body = html! { p { "You are not signed in at this issuer." } };
    page("Signed out", &body, FormTarget::None)
}

/// The end of a logout that the user does not want.
pub(crate) fn still_signed_in() -> Response {
    let body = html! { p { "Your session goes on." } };
    page("Still signed in", &body, FormTarget::None)
}

#[cfg(test)]
mod tests {
    use maud::html;

    use super::{Attempt, sign_in};
    use crate::pages::{FormTarget, tests::text};

    #[tokio::test]
    async fn a_failed_attempt_is_shown_beside_the_fields() {
        let page = |attempt| {
            sign_in(
                "t1",
                &html! { "to continue" },
                Some("a\"b"),
                attempt,
                &[],
                FormTarget::Issuer,
            )
        };
        let first = text(page(Attempt::First)).await;
        assert!(!first.contains("aria-invalid"), "{first}");
        assert!(
            first.contains("value=\"t1\"") && first.contains("action=\"/login\""),
            "{first}"
        );
        let again = text(page(Attempt::Again)).await;
        assert_eq!(
            again
                .matches("aria-invalid=\"true\" aria-describedby=\"fault\"")
                .count(),
            2,
            "{again}"
        );
        assert!(again.contains("id=\"fault\" role=\"alert\""), "{again}");
    }
}
