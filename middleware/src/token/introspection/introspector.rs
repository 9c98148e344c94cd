//! Asks an issuer about tokens, and keeps its answers.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use tokio::runtime::Handle;
use tokio::time::timeout;

use super::answer::Answer;
use super::answers::{Answers, NumberedAnswer, token_digest};
use super::failures::{Affected, Failures};
use super::lane::{Joined, Lane, Running};
use super::settings::Introspection;
use crate::error::{ConfigError, Error};
use crate::limits::Limits;

/// How many questions about verified tokens, and those that were active before, an issuer has at a time.
const KNOWN_AT_A_TIME: usize = 64;

/// How many questions about other tokens an issuer has at a time. Random ones do not delay those above.
const OTHERS_AT_A_TIME: usize = 32;

/// The least memory of answers, where tokens are not cached.
const LEAST_BYTES: usize = 1_048_576;

/// The answers of one issuer about tokens, and the questions that run.
#[derive(Clone)]
pub(crate) struct Introspector(Arc<Shared>);

struct Shared {
    issuer: Arc<str>,
    settings: Introspection,
    limits: Limits,
    /// Where questions run; [`None`] before the start.
    runtime: Option<Handle>,
    answers: Answers,
    known: Arc<Lane>,
    others: Arc<Lane>,
    failures: Failures,
}

/// A question that a decision can wait for.
pub(crate) struct Question {
    introspector: Introspector,
    token: Box<str>,
    /// Whether the token is verified, or was active before.
    is_known: bool,
}

impl Introspector {
    /// Before the start no question can be asked.
    pub(crate) fn idle(issuer: &Arc<str>, settings: &Introspection, limits: &Limits) -> Introspector {
        Introspector::new(issuer, settings, limits, None)
    }

    /// Asks on the current runtime from now on. One that was started goes on as it is.
    ///
    /// # Errors
    /// [`ConfigError::NoRuntime`].
    pub(crate) fn start(&mut self) -> Result<(), ConfigError> {
        if self.0.runtime.is_none() {
            let runtime = Handle::try_current().map_err(|_| ConfigError::NoRuntime)?;
            let Shared {
                issuer,
                settings,
                limits,
                ..
            } = &*self.0;
            *self = Introspector::new(issuer, settings, limits, Some(runtime));
        }
        Ok(())
    }

    fn new(issuer: &Arc<str>, settings: &Introspection, limits: &Limits, runtime: Option<Handle>) -> Introspector {
        Introspector(Arc::new(Shared {
            issuer: Arc::clone(issuer),
            settings: settings.clone(),
            limits: limits.clone(),
            runtime,
            answers: Answers::new(limits.cache_bytes.max(LEAST_BYTES), settings.cache),
            known: Lane::new(KNOWN_AT_A_TIME),
            others: Lane::new(OTHERS_AT_A_TIME),
            failures: Failures::default(),
        }))
    }

    /// The answer about a token that can be used now. For a request that goes on (`is_continued`), its first answer can still be used.
    pub(crate) fn answer(&self, token: &str, is_continued: bool) -> Option<Arc<NumberedAnswer>> {
        match is_continued {
            true => self.0.answers.get_continued(token),
            false => self.0.answers.get(token),
        }
    }

    /// The error without an answer.
    pub(crate) fn unavailable(&self) -> Error {
        let seconds = self.0.settings.timeout.as_secs();
        Error::IntrospectionUnavailable {
            issuer: Arc::clone(&self.0.issuer),
            retry_after: u32::try_from(seconds).map_or(60, |seconds| seconds.clamp(1, 60)),
        }
    }

    /// Why there is no answer, in the words of the log.
    pub(crate) fn failure(&self) -> String {
        match self.0.failures.reason() {
            Some(reason) => String::clone(&reason),
            None => "the issuer has not answered yet".to_owned(),
        }
    }

    /// The question about a token, to wait for; [`None`] before the start. `is_verified` states that its signature is.
    pub(crate) fn question(&self, token: &str, is_verified: bool) -> Option<Question> {
        self.0.runtime.as_ref()?;
        Some(Question {
            introspector: self.clone(),
            token: token.into(),
            is_known: is_verified || self.0.answers.was_active(token),
        })
    }

    async fn run(self, token: Box<str>, running: Running, lane: Arc<Lane>) {
        let asked = timeout(self.0.settings.timeout, async {
            let _permit = lane.permits.acquire().await;
            self.0.settings.endpoint.introspect(&token).await
        });
        let answer = match asked.await {
            Ok(Ok(document)) => {
                let read = Answer::read(&document, &self.0.issuer, &self.0.limits);
                read.map_err(|reason| (format!("the answer cannot be used: {reason}"), Affected::Issuer))
            }
            Ok(Err(error)) => Err((error.to_string(), Affected::by(&error))),
            Err(_) => {
                let reason = format!("no answer within {:?}", self.0.settings.timeout);
                Err((reason, Affected::Issuer))
            }
        };
        let answer = match answer {
            Ok(answer) => {
                self.report_success();
                answer
            }
            Err((reason, affected)) => {
                self.report_failure(reason, affected);
                Answer::Failed
            }
        };
        self.0.answers.insert(&token, answer);
        drop(running);
    }

    fn report_failure(&self, reason: String, affected: Affected) {
        let issuer = &*self.0.issuer;
        if self.0.failures.failed(reason.clone(), affected, Instant::now()) {
            match affected {
                Affected::Issuer => tracing::warn!(
                    issuer,
                    reason,
                    "the issuer does not answer about a token; such requests get 503"
                ),
                Affected::Token => tracing::warn!(
                    issuer,
                    reason,
                    "the issuer rejects the question about a token; its requests get 503"
                ),
            }
        }
    }

    fn report_success(&self) {
        if self.0.failures.succeeded() {
            tracing::info!(issuer = &*self.0.issuer, "the issuer answers about tokens again");
        }
    }
}

impl Question {
    /// Asks, or joins the question that runs about the same token, and waits for its end, at most for the time-out. Returns whether
    /// it ended: not if too many questions run.
    pub(crate) async fn ask(&self) -> bool {
        let shared = &self.introspector.0;
        let Some(runtime) = &shared.runtime else {
            return false;
        };
        let lane = match self.is_known {
            true => &shared.known,
            false => &shared.others,
        };
        let mut end = match lane.join(token_digest(&self.token)) {
            Joined::Full => return false,
            Joined::Running(end) => end,
            Joined::Begun(running, end) => {
                let introspector = self.introspector.clone();
                runtime.spawn(introspector.run(self.token.clone(), running, Arc::clone(lane)));
                end
            }
        };
        // The sender is dropped at the end, also with the runtime.
        while end.changed().await.is_ok() {}
        true
    }
}

/// Tokens are credentials: none is printed.
impl fmt::Debug for Introspector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Introspector").field(&self.0.settings).finish()
    }
}

/// Tokens are credentials: none is printed.
impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question").finish_non_exhaustive()
    }
}
