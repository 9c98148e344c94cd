//! The authorization endpoint, RFC 6749 section 4.1 with PKCE (RFC 7636), `iss` in the answer (RFC 9207) and one
//! resource (RFC 8707): the request, the login page, the consent page and the code.
//!
//! Between the steps the browser holds one unguessable transaction id, good once: each step takes the transaction
//! out of the store and puts the next one in under a new id. So a form cannot be forged from another site, sent
//! twice, or used to guess passwords in parallel.
//!
//! There are no sessions: every request asks for a new login, so `prompt=login` and `max_age` hold by themselves.

mod pages;
mod request;

use crate::authorization_server::AuthorizationServer;
use crate::claims::Authentication;
use crate::error::{ErrorCode, OAuthError};
use crate::parameters::Parameters;
use crate::registry::User;
use crate::scope::ScopeSet;
use crate::secret::{NoRandomness, Secret};
use crate::store::{AuthorizationCode, AuthorizationRequest, CODE_LIFETIME, Transaction};

/// Wrong passwords before the request is given up.
const LOGIN_ATTEMPTS: u8 = 5;

/// What the browser is told.
pub(crate) enum Step {
    /// A page with a form whose answer may lead to the client's redirect URI.
    Form { html: String, redirect_uri: String },
    /// A page that ends it: there is nowhere safe to send the browser.
    Refusal { html: String },
    /// Back to the client.
    Redirect { location: String },
}

/// `GET /authorize`: checks the request and shows the login page.
pub(crate) fn authorize(server: &AuthorizationServer, query: &Parameters) -> Step {
    match request::read(server, query) {
        Ok(request) => login_page(server, request, LOGIN_ATTEMPTS),
        Err(request::Rejected::Page(reason)) => Step::Refusal {
            html: pages::refusal(reason),
        },
        Err(request::Rejected::Redirect(location)) => Step::Redirect { location },
    }
}

/// `POST /login`: checks the password and shows the consent page.
pub(crate) fn login(server: &AuthorizationServer, form: &Parameters) -> Step {
    let Some(Transaction::Login { request, attempts }) = server.transactions.take(form) else {
        return gone();
    };
    let Some((user, authentication)) = sign_in(server, form) else {
        return match attempts.saturating_sub(1) {
            0 => denied(server, &request),
            left => login_page(server, request, left),
        };
    };
    // A person can hand on no more than they have.
    let scope = request.scope.intersection(&user.scopes);
    if scope.is_empty() {
        return denied(server, &request);
    }
    consent_page(server, request, user, authentication, scope)
}

/// `POST /consent`: back to the client, with a code or with `access_denied`.
pub(crate) fn consent(server: &AuthorizationServer, form: &Parameters) -> Step {
    let Some(Transaction::Consent {
        request,
        subject,
        authentication,
        scope,
    }) = server.transactions.take(form)
    else {
        return gone();
    };
    if form.one("decision") != Ok(Some("allow")) {
        return denied(server, &request);
    }
    let code = server.codes.put(AuthorizationCode {
        client_id: request.client_id.clone(),
        redirect_uri: request.redirect_uri.clone(),
        code_challenge: request.code_challenge.clone(),
        audience: request.audience.clone(),
        subject,
        scope,
        authentication,
        id_token: request.id_token.clone(),
        expires: server.now().saturating_add(CODE_LIFETIME.as_secs()),
    });
    match code {
        Ok(code) => Step::Redirect {
            location: request::redirect(server, &request, &[("code", &code)]),
        },
        Err(NoRandomness) => failed(server, &request),
    }
}

/// Who signed in, and how. The second factor is the user's choice, but a wrong one is a failed login.
fn sign_in<'s>(server: &'s AuthorizationServer, form: &Parameters) -> Option<(&'s User, Authentication)> {
    let (Ok(Some(name)), Ok(Some(password)), Ok(factor)) =
        (form.one("username"), form.one("password"), form.one("second_factor"))
    else {
        return None;
    };
    let user = server.registry.user(name);
    // Compared for an unknown name too, so that time does not tell which names exist.
    let expected = user.map_or_else(Secret::unknown, |user| user.password.clone());
    let user = user.filter(|_| expected.matches(password))?;
    let (acr, amr): (_, &[&str]) = match (factor, &user.second_factor) {
        (None, _) => ("aal1", &["pwd"]),
        (Some(factor), Some(expected)) if expected.matches(factor) => ("aal2", &["pwd", "otp", "mfa"]),
        (Some(_), _) => return None,
    };
    let authentication = Authentication {
        auth_time: server.now(),
        acr: acr.to_owned(),
        amr: amr.iter().map(ToString::to_string).collect(),
    };
    Some((user, authentication))
}

fn login_page(server: &AuthorizationServer, request: AuthorizationRequest, attempts: u8) -> Step {
    let Some(client) = server.registry.client(&request.client_id) else {
        return gone();
    };
    let redirect_uri = request.redirect_uri.clone();
    let transaction = Transaction::Login {
        request: request.clone(),
        attempts,
    };
    match server.transactions.put(transaction) {
        Ok(id) => {
            let notice = match attempts {
                LOGIN_ATTEMPTS => pages::Notice::None,
                _ => pages::Notice::LoginFailed,
            };
            Step::Form {
                html: pages::login(&id, client, notice),
                redirect_uri,
            }
        }
        Err(NoRandomness) => failed(server, &request),
    }
}

fn consent_page(
    server: &AuthorizationServer,
    request: AuthorizationRequest,
    user: &User,
    authentication: Authentication,
    scope: ScopeSet,
) -> Step {
    let Some(client) = server.registry.client(&request.client_id) else {
        return gone();
    };
    let transaction = Transaction::Consent {
        request: request.clone(),
        subject: user.subject.clone(),
        authentication,
        scope: scope.clone(),
    };
    match server.transactions.put(transaction) {
        Ok(id) => Step::Form {
            html: pages::consent(&id, client, &user.subject, &scope, &request.audience),
            redirect_uri: request.redirect_uri,
        },
        Err(NoRandomness) => failed(server, &request),
    }
}

fn denied(server: &AuthorizationServer, request: &AuthorizationRequest) -> Step {
    let error = ErrorCode::AccessDenied.because("the person did not permit this");
    refused(server, request, error)
}

fn failed(server: &AuthorizationServer, request: &AuthorizationRequest) -> Step {
    refused(
        server,
        request,
        ErrorCode::ServerError.because("the request could not be kept"),
    )
}

fn refused(server: &AuthorizationServer, request: &AuthorizationRequest, error: OAuthError) -> Step {
    let location = request::redirect(
        server,
        request,
        &[("error", error.code.as_str()), ("error_description", error.description)],
    );
    Step::Redirect { location }
}

fn gone() -> Step {
    let reason = "This page is no longer good: it was used, or it is too old. Start again at the application.";
    Step::Refusal {
        html: pages::refusal(reason),
    }
}
