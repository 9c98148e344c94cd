//! Signing in: the session of a browser, or the login page.

use axum::response::Response;
use maud::html;

use super::browser::{Answer, DENIED, Rejection, Visitor, begin, rejection};
use crate::claims::{AAL1, AAL2};
use crate::pages::{self, Attempt, FormTarget, SampleUser};
use crate::registry::User;
use crate::secret::{STEP, s256};
use crate::store::Goal;
use crate::{
    ACCESS_DENIED, AccessRequest, Authentication, Entry, Event, INTERACTION_REQUIRED, Issuer, LOGIN_REQUIRED,
    OAuthError, Parameters, Secret, Session, Totp, Transaction, UNMET_AUTHENTICATION_REQUIREMENTS,
};

/// The number of failed logins after which a request is denied.
const LOGIN_ATTEMPTS: u8 = 5;
/// The maximum number of failed logins of a user within five minutes.
const USER_ATTEMPTS: u32 = 10;
/// The maximum number of failed logins from an address within five minutes.
const ADDRESS_ATTEMPTS: u32 = 50;

/// The maximum number of codes of a user that are used and not expired: there are three at a time.
const MAX_CODES: usize = 8;

/// Whether a user is signed in.
pub(super) enum Entrance {
    Open(Session),
    /// The page with which the login goes on.
    Page(Response),
}

/// The session of the browser if it is enough for the goal, or else the login page.
pub(super) fn enter(server: &Issuer, visitor: &Visitor, goal: &Goal) -> Answer<Entrance> {
    let now = server.clock.now();
    let unmet = match visitor.session(server) {
        None => LOGIN_REQUIRED.because("the user must sign in"),
        Some(session) => match missing(goal, &session, now) {
            None => return Ok(Entrance::Open(session)),
            Some(error) => error,
        },
    };
    match goal {
        Goal::Authorize(request) if request.login.is_silent => Err(rejection(server, &request.callback, unmet)),
        _ => login_page(server, visitor, goal, LOGIN_ATTEMPTS, Attempt::First),
    }
}

/// What a session lacks for the goal.
fn missing(goal: &Goal, session: &Session, now: u64) -> Option<OAuthError> {
    let is_other = hint(goal).is_some_and(|hint| hint != session.subject);
    let is_old = match goal {
        Goal::Authorize(request) => {
            let age = now.saturating_sub(session.authentication.auth_time);
            request.login.is_fresh || request.login.max_age.is_some_and(|limit| age > limit)
        }
        _ => false,
    };
    if is_other || is_old {
        return Some(LOGIN_REQUIRED.because("the user must sign in again"));
    }
    let lacks_factor = needs_second_factor(goal) && session.authentication.acr != AAL2;
    lacks_factor.then_some(INTERACTION_REQUIRED.because("the login needs a second factor"))
}

fn needs_second_factor(goal: &Goal) -> bool {
    goal.access().is_some_and(|access| access.needs_second_factor)
}

/// The name of the user who is expected.
fn hint(goal: &Goal) -> Option<&str> {
    match goal {
        Goal::Authorize(request) => request.login.user.as_deref().or(request.login.hint.as_deref()),
        Goal::Approve(approval) => approval.request.subject.as_deref(),
        Goal::Consents | Goal::Approvals | Goal::Activity(_) => None,
    }
}

/// Checks name, password and second factor. `left` is the number of attempts with this one.
pub(super) fn login(server: &Issuer, visitor: &Visitor, form: &Parameters, goal: &Goal, left: u8) -> Answer<Entrance> {
    let outcome = sign_in(server, goal, form);
    let noted = entry(goal, named(server, form), outcome.as_ref().err());
    let failure = match outcome {
        Ok(session) => {
            server.note(noted);
            return Ok(Entrance::Open(session));
        }
        Err(failure) => failure,
    };
    server.note_unproven(noted);
    match (failure, goal, left.saturating_sub(1)) {
        (Failure::Limited(seconds), ..) => Ok(Entrance::Page(pages::too_many_attempts(seconds))),
        (Failure::OtherUser, Goal::Authorize(request), _) => Err(rejection(server, &request.callback, OTHER_USER)),
        (Failure::NoSecondFactor, Goal::Authorize(request), _) => Err(rejection(server, &request.callback, NO_FACTOR)),
        (Failure::NoSecondFactor, ..) => Err(Rejection::Page("This needs a second factor, which you do not have.")),
        (_, Goal::Authorize(request), 0) => Err(rejection(server, &request.callback, DENIED)),
        (_, _, 0) => Err(Rejection::Page("The sign-in failed.")),
        (Failure::NeedsCode, _, left) => login_page(server, visitor, goal, left, Attempt::NeedsCode),
        (_, _, left) => login_page(server, visitor, goal, left, Attempt::Again),
    }
}

const OTHER_USER: OAuthError = LOGIN_REQUIRED.because("another user signed in than that of the id_token_hint");
const NO_FACTOR: OAuthError = UNMET_AUTHENTICATION_REQUIREMENTS.because("the user has no second factor");

/// Why a login failed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Failure {
    /// The name, the password or the code is wrong.
    Wrong,
    /// There is no code, which the goal needs.
    NeedsCode,
    /// The goal needs a code, and the user has none.
    NoSecondFactor,
    /// The client expects another user.
    OtherUser,
    /// There were too many failures. The next attempt is allowed after this number of seconds.
    Limited(u64),
}

/// The registered user whose name is in the form.
fn named<'s>(server: &'s Issuer, form: &Parameters) -> Option<&'s User> {
    server.registry.users.get(form.one("username").ok().flatten()?)
}

/// Authenticates the user. Failures are counted for the user and for the address, before anything is compared.
fn sign_in(server: &Issuer, goal: &Goal, form: &Parameters) -> Result<Session, Failure> {
    let user = named(server, form);
    let now = server.clock.now();
    // A name that is not registered counts too, so that the limit does not reveal which names are.
    let name = form.one("username").ok().flatten().unwrap_or_default();
    let keys = [
        (format!("login from {}", form.sender), ADDRESS_ATTEMPTS),
        (format!("login of {}", s256(name)), USER_ATTEMPTS),
    ];
    for (key, limit) in &keys {
        server.failures.begin(key, *limit, now).map_err(Failure::Limited)?;
    }
    let authentication = check(server, user, form)?;
    for (key, _) in &keys {
        server.failures.undo(key);
    }
    let user = user.ok_or(Failure::Wrong)?;
    let needs_more = needs_second_factor(goal) && authentication.acr != AAL2;
    match (needs_more, &user.second_factor, goal) {
        (true, Some(_), _) => Err(Failure::NeedsCode),
        (true, None, _) => Err(Failure::NoSecondFactor),
        (_, _, Goal::Authorize(request)) if request.login.user.as_ref().is_some_and(|name| *name != user.subject) => {
            Err(Failure::OtherUser)
        }
        _ => Ok(Session {
            subject: user.subject.clone(),
            authentication,
        }),
    }
}

/// Checks password and code. The code is optional, but a wrong one fails the login.
fn check(server: &Issuer, user: Option<&User>, form: &Parameters) -> Result<Authentication, Failure> {
    let (Ok(Some(password)), Ok(factor)) = (form.one("password"), form.one("second_factor")) else {
        return Err(Failure::Wrong);
    };
    // An unknown name costs the same comparison, so that response times do not reveal which names exist.
    let expected = user.map_or_else(Secret::unknown, |user| user.password.clone());
    let user = user.filter(|_| expected.matches(password)).ok_or(Failure::Wrong)?;
    let (acr, amr): (_, &[&str]) = match (factor, &user.second_factor) {
        (None, _) => (AAL1, &["pwd"]),
        (Some(code), Some(totp)) if is_valid(server, &user.subject, totp, code) => (AAL2, &["pwd", "otp", "mfa"]),
        (Some(_), _) => return Err(Failure::Wrong),
    };
    Ok(Authentication {
        auth_time: server.clock.now(),
        acr: acr.to_owned(),
        amr: amr.iter().map(ToString::to_string).collect(),
    })
}

/// Whether a code is one of these 30 seconds, or of those before or after, and was not used yet.
fn is_valid(server: &Issuer, subject: &str, totp: &Totp, code: &str) -> bool {
    let now = server.clock.now();
    totp.step_of(code, now).is_some_and(|step| {
        let owner = format!("one-time passwords of {subject}");
        let expires = now.saturating_add(3 * STEP);
        let is_first = server.changed(|change| change.use_once(&owner, &step.to_string(), expires, MAX_CODES));
        is_first.unwrap_or(false)
    })
}

fn login_page(server: &Issuer, visitor: &Visitor, goal: &Goal, attempts: u8, shown: Attempt) -> Answer<Entrance> {
    let (purpose, target) = match goal {
        Goal::Authorize(request) => (
            "to continue to",
            FormTarget::RedirectUri(&request.callback.redirect_uri),
        ),
        Goal::Consents => ("to see what you allow", FormTarget::Issuer),
        Goal::Approve(_) => ("to decide on a request of", FormTarget::Issuer),
        Goal::Approvals => ("to see what waits for you", FormTarget::Issuer),
        Goal::Activity(_) => ("to see what happened on your authority", FormTarget::Issuer),
    };
    let purpose = html! {
        (purpose)
        @if let Some(AccessRequest { client, .. }) = goal.access() {
            " " strong { (client.name) } @if client.is_self_registered { ", a name that is not verified" }
        }
    };
    let id = begin(server, visitor, Transaction::Login(goal.clone(), attempts))?;
    let samples = sample_users(server);
    let page = pages::sign_in(&id, &purpose, hint(goal), shown, &samples, target);
    Ok(Entrance::Page(page))
}

/// The users of the built-in registry, whose passwords are no secrets.
fn sample_users(server: &Issuer) -> Vec<SampleUser> {
    let code = |name: &str| {
        let totp = server.registry.users.get(name)?.second_factor.as_ref()?;
        Some(totp.code_at(server.clock.now()))
    };
    let samples = server.registry.sample_users.iter();
    samples.map(|&(name, password)| (name, password, code(name))).collect()
}

/// The name of a user who is registered, and no other text of the form.
fn entry(goal: &Goal, user: Option<&User>, failure: Option<&Failure>) -> Entry {
    let access = goal.access();
    Entry {
        txn: access.map(|access| access.txn.clone()),
        sub: user.map(|user| user.subject.clone()),
        client_id: access.map(|access| access.client.id.clone()),
        error: failure.map(|_| ACCESS_DENIED.name.into()),
        reason: matches!(failure, Some(Failure::Limited(_))).then(|| "too many failed attempts".into()),
        ..Entry::new(Event::Authentication)
    }
}
