//! The authorization endpoint: RFC 6749 section 4.1 with PKCE (RFC 7636), `iss` in the response (RFC 9207) and one
//! resource (RFC 8707). Its steps are the login, unless the browser has a session, the consent, unless it is
//! remembered, and the code.
//!
//! Between two steps the browser holds an unguessable transaction id that is valid once: each step takes the
//! transaction out of the store and puts the next one in under a new id. So a form cannot be forged by another site,
//! sent twice, or used to guess passwords in parallel.

mod activity;
mod browser;
mod consent;
mod logout;
mod request;
mod sign_in;

use std::sync::{Arc, Mutex};

use axum::http::header::SET_COOKIE;
use axum::response::{IntoResponse, Redirect};

pub(crate) use self::browser::{Answer, Visitor};
use self::browser::{DENIED, EXPIRED, Rejection, begin, location, of_error, rejection, transaction, unavailable};
use self::consent::{authorization, decide, is_remembered};
pub(crate) use self::consent::{device_page, withdraw};
pub(crate) use self::logout::{confirm_logout, logout};
pub(crate) use self::request::push;
use self::sign_in::Entrance;
use crate::entitlement::NO_SCOPE;
use crate::pages;
use crate::secret::random_id;
use crate::store::{AuthorizationCode, CODE_LIFETIME, Goal};
use crate::{
    Authorization, AuthorizationRequest, CONSENT_REQUIRED, Channel, Issuer, OAuthError, Parameters, Session,
    Transaction,
};

/// `GET /authorize`: checks the request and continues to the consent, by a login where it is needed.
pub(crate) fn authorize(server: &Issuer, visitor: &Visitor, query: &Parameters) -> Answer {
    visit(server, visitor, Goal::Authorize(request::read(server, query)?))
}

/// `GET /ciba/{id}`: shows a backchannel request to its user.
pub(crate) fn backchannel_page(server: &Issuer, visitor: &Visitor, code: &str) -> Answer {
    let approval = server.approvals.waiting(code, Channel::Backchannel, server.clock.now());
    visit(server, visitor, Goal::Approve(approval.ok_or(consent::ENDED)?))
}

/// `POST /ciba/{id}` and `POST /device`: takes the user code, or the decision.
pub(crate) fn approve(server: &Issuer, visitor: &Visitor, form: &Parameters) -> Answer {
    match transaction(server, visitor, form) {
        Some(Transaction::UserCode) => match consent::with_code(server, visitor, form)? {
            Ok(approval) => visit(server, visitor, Goal::Approve(approval)),
            Err(page) => Ok(page),
        },
        Some(Transaction::Approval(approval, authorization)) => consent::end(server, &approval, *authorization, form),
        _ => Err(EXPIRED),
    }
}

/// The length of a transaction identifier.
const MAX_TXN: usize = 22;

/// `GET /activity`: lists the transactions of the user, or shows the one of `txn`.
pub(crate) fn activity(server: &Issuer, visitor: &Visitor, query: &Parameters) -> Answer {
    let txn = query.one_within("txn", MAX_TXN).ok().flatten().map(str::to_owned);
    visit(server, visitor, Goal::Activity(txn))
}

/// Continues to what a user wants, by a login where it is needed. `GET /consents` lists what the user allows, `GET /ciba` what
/// waits for the user.
pub(crate) fn visit(server: &Issuer, visitor: &Visitor, goal: Goal) -> Answer {
    match sign_in::enter(server, visitor, &goal)? {
        Entrance::Open(session) => reach(server, visitor, goal, &session),
        Entrance::Page(page) => Ok(page),
    }
}

/// `POST /login`: continues to what the user wanted, with a new session.
pub(crate) fn login(server: &Issuer, visitor: &Visitor, form: &Parameters) -> Answer {
    let Some(Transaction::Login(goal, attempts)) = transaction(server, visitor, form) else {
        return Err(EXPIRED);
    };
    match sign_in::login(server, visitor, form, &goal, attempts)? {
        Entrance::Page(page) => Ok(page),
        Entrance::Open(session) => {
            let cookie = visitor.begin(server, &session).map_err(unavailable)?;
            let mut response = reach(server, visitor, goal, &session).into_response();
            response.headers_mut().append(SET_COOKIE, cookie);
            Ok(response)
        }
    }
}

/// What a user who is signed in wanted.
fn reach(server: &Issuer, visitor: &Visitor, goal: Goal, session: &Session) -> Answer {
    match goal {
        Goal::Authorize(request) => ask_consent(server, visitor, &request, session),
        Goal::Consents => consent::list(server, visitor, &session.subject),
        Goal::Approve(approval) => consent::page(server, visitor, &approval, session),
        Goal::Approvals => Ok(consent::list_waiting(server, session)),
        Goal::Activity(None) => Ok(activity::list(server, &session.subject)),
        Goal::Activity(Some(txn)) => activity::transaction(server, &session.subject, &txn),
    }
}

/// Shows the consent page, or redirects to the client if the user allowed as much before.
fn ask_consent(server: &Issuer, visitor: &Visitor, request: &Arc<AuthorizationRequest>, session: &Session) -> Answer {
    let Some(authorization) = authorization(server, &request.access, session) else {
        return Err(rejection(server, &request.callback, NO_SCOPE));
    };
    let failed = |error: OAuthError| rejection(server, &request.callback, error);
    if !request.login.asks_consent && is_remembered(server, &authorization).map_err(|error| failed(error.into()))? {
        server.note(authorization.entry().with_reason("remembered"));
        return redirect(server, request, authorization);
    }
    if request.login.is_silent {
        return Err(failed(CONSENT_REQUIRED.because("the user must consent")));
    }
    let transaction = Transaction::Consent(Arc::clone(request), Box::new(authorization.clone()));
    let id = begin(server, visitor, transaction)?;
    let uri = &request.callback.redirect_uri;
    Ok(pages::consent(server, &id, &authorization, uri))
}

/// `POST /consent`: redirects to the client, with a code or with `access_denied`.
pub(crate) fn consent(server: &Issuer, visitor: &Visitor, form: &Parameters) -> Answer {
    let Some(Transaction::Consent(request, authorization)) = transaction(server, visitor, form) else {
        return Err(EXPIRED);
    };
    if !decide(server, &authorization, form).map_err(|error| rejection(server, &request.callback, error))? {
        // The user saw where the browser goes.
        let location = location(server, &request.callback, &of_error(DENIED));
        return Err(Rejection::Redirect(location));
    }
    redirect(server, &request, *authorization)
}

/// Redirects to the client with a code.
fn redirect(server: &Issuer, request: &AuthorizationRequest, authorization: Authorization) -> Answer {
    let now = server.clock.now();
    let code = random_id().map_err(|error| rejection(server, &request.callback, error))?;
    let owner = authorization.subject.clone();
    let kept = AuthorizationCode {
        authorization,
        redirect_uri: request.callback.redirect_uri.clone(),
        code_challenge: request.code_challenge.clone(),
        expires: now.saturating_add(CODE_LIFETIME),
        is_used: Mutex::default(),
    };
    server.codes.insert(&code, &owner, Arc::new(kept), now);
    Ok(Redirect::to(&location(server, &request.callback, &[("code", &code)])).into_response())
}
