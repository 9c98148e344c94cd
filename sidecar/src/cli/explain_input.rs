//! What an explanation is based on: a token, claims that nothing verifies, or a line of the decision log.

use std::borrow::Cow;
use std::io::{self, IsTerminal as _, Read};
use std::path::Path;
use std::time::Duration;

use actgate::Authorizer;
use actgate::chain::RecordedFacts;
use actgate::clock::Clock;
use actgate::testing::GivenClaims;
use http::Method;
use serde_json::Value;
use tokio::net::unix::pipe;

use crate::cli::arguments::ExplainArguments;
use crate::cli::explain_keys::{with_fetched_keys, with_key_set};
use crate::cli::output::eprint_line;
use crate::cli::pasted_token::PastedToken;
use crate::cli::recorded_decision::RecordedDecision;
use crate::config::Settings;
use crate::exit::{Context as _, Failure};
use crate::files::text_file::read_text;
use crate::log::fact_recording::FactRecording;
use crate::log::process_log::ProcessLog;

/// The longest text that is read from standard input, far above the limit of the authorizer.
const MAX_INPUT_BYTES: u64 = 256 * 1024;

/// How long a pipe on standard input may be silent before it counts as one without a token.
const SILENCE: Duration = Duration::from_millis(500);

/// The lifetime that a help proposes for claims without an expiration, in seconds.
const LIFETIME: u64 = 300;

/// What the explanation is based on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Basis {
    /// A token, whose steps are those of a request.
    Token,
    /// Claims: nothing of them is verified.
    Claims,
    /// A line of the decision log, whose token was verified before.
    Line,
}

impl Basis {
    /// Its name in JSON.
    pub(super) fn name(self) -> &'static str {
        match self {
            Basis::Token => "token",
            Basis::Claims => "claims",
            Basis::Line => "log_line",
        }
    }

    /// Why a step proves nothing that was passed, if so.
    pub(super) fn unproven(self, step: &str) -> Option<&'static str> {
        let is_unproven = self == Basis::Claims && GivenClaims::unproven_steps().contains(&step);
        is_unproven.then_some("not checked: the claims are taken as given")
    }
}

/// What is explained: a request, and whose it is.
pub(super) struct Input {
    pub(super) basis: Basis,
    pub(super) authorizer: Authorizer,
    /// Empty of a line.
    pub(super) token: String,
    pub(super) line: Option<LineFacts>,
    pub(super) notes: Vec<Cow<'static, str>>,
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) now: u64,
}

/// The facts of a line.
pub(super) struct LineFacts {
    pub(super) facts: RecordedFacts,
    /// With the key of this configuration.
    pub(super) recording: Option<FactRecording>,
    pub(super) recorded: RecordedDecision,
}

/// The request of a token on standard input, or of claims.
pub(super) async fn read(arguments: &ExplainArguments, settings: Settings, log: &ProcessLog) -> Result<Input, Failure> {
    let now = arguments.at.unwrap_or_else(|| Clock::system().now());
    let (basis, authorizer, PastedToken { token, notes }) = match &arguments.claims {
        Some(file) => {
            let (authorizer, claims) = with_claims(settings, file, now).await?;
            (Basis::Claims, authorizer, claims)
        }
        None => {
            let pasted = PastedToken::of(&read_input().context("token on standard input")?);
            let authorizer = match &arguments.jwks {
                Some(file) => with_key_set(settings, file)?,
                // No key is used.
                None if pasted.token.is_empty() => settings.authorizer().build().context("authorizer")?,
                None => with_fetched_keys(settings, log).await?,
            };
            (Basis::Token, authorizer, pasted)
        }
    };
    Ok(Input {
        basis,
        authorizer,
        token,
        line: None,
        notes,
        method: arguments.method.clone().unwrap_or_default(),
        path: arguments.path.clone().unwrap_or_default(),
        now,
    })
}

fn read_input() -> io::Result<String> {
    if io::stdin().is_terminal() {
        eprint_line("waiting for standard input; end it with Ctrl-D");
    }
    let mut input = io::stdin().lock().take(MAX_INPUT_BYTES + 1);
    let mut bytes = Vec::new();
    input.read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_INPUT_BYTES {
        let limit = format!("longer than {} KiB, the most that is read", MAX_INPUT_BYTES / 1024);
        return Err(io::Error::new(io::ErrorKind::InvalidData, limit));
    }
    String::from_utf8(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "not valid UTF-8"))
}

/// The authorizer that takes the claims in a file, or on standard input (`-`), their token, and notes about them.
async fn with_claims(settings: Settings, file: &Path, now: u64) -> Result<(Authorizer, PastedToken), Failure> {
    let place = match file.to_str() {
        Some("-") => "claims on standard input".to_owned(),
        _ => file.display().to_string(),
    };
    let text = match file.to_str() {
        Some("-") => read_input().context(&place)?,
        _ if has_other_input().await => {
            let text = "a token on standard input and `--claims`: an explanation is of one of them";
            return Err(Failure::Usage(text.to_owned()));
        }
        _ => read_text(file).map_err(|error| Failure::Runtime(format!("{place}: {}", error.message)))?,
    };
    let failure = |text: &str| Failure::Runtime(format!("{place}: {text}"));
    let text = text.trim_start_matches('\u{feff}').trim();
    if is_token(&PastedToken::of(text).token) {
        return Err(failure(
            "this is a whole token: give it on standard input, without `--claims`; or its claims alone, the decoded second part",
        ));
    }
    let members = match serde_json::from_str(text) {
        Ok(Value::Object(members)) => members,
        Ok(_) => return Err(failure("claims are one JSON object, such as {\"sub\": \"alice\"}")),
        Err(error) => {
            let help = "write claims as the payload of a token: {\"sub\": \"alice\", \"scope\": \"orders:read\"}";
            return Err(failure(&format!("not a JSON object: {error}\n  help: {help}")));
        }
    };
    let issuers = settings.issuers.into_iter().map(|issuer| issuer.trusted);
    let given = GivenClaims::new(settings.authorizer, issuers, text).context(&place)?;
    let mut notes: Vec<Cow<'static, str>> = vec![
        "nothing is verified: the claims are taken as given, as those of a token with a valid signature would be"
            .into(),
    ];
    if let Some(issuer) = given.assumed_issuer() {
        notes.push(format!("the claims have no `iss`: the only trusted issuer is assumed, {issuer}").into());
    }
    if !members.contains_key("aud") {
        let note = "the claims have no `aud`: add \"aud\" with the audience of this API, unless the profile of the issuer has it in another claim";
        notes.push(note.into());
    }
    if !members.contains_key("exp") {
        let expiration = now.saturating_add(LIFETIME);
        notes.push(
            format!("the claims have no `exp`: add \"exp\": {expiration}, {LIFETIME} s after the request").into(),
        );
    }
    let token = given.token().to_owned();
    Ok((given.authorizer().clone(), PastedToken { token, notes }))
}

/// Whether a text has the form of a compact JWS, or of an encrypted one.
fn is_token(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    let is_encoded = |part: &&str| {
        part.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'='))
    };
    matches!(parts.len(), 3 | 5) && parts.iter().all(is_encoded) && text.starts_with("ey")
}

/// Whether standard input has a text beside the file. A terminal and a silent pipe have none, and are not waited for.
async fn has_other_input() -> bool {
    use std::os::unix::fs::FileTypeExt as _;

    const STDIN: &str = "/dev/stdin";
    let Ok(found) = std::fs::metadata(STDIN) else {
        return false;
    };
    if io::stdin().is_terminal() {
        return false;
    }
    if found.is_file() {
        return found.len() > 0;
    }
    if !found.file_type().is_fifo() {
        return false;
    }
    // Opened again, so that the descriptor that other processes share stays as it is.
    let Ok(pipe) = pipe::OpenOptions::new().open_receiver(STDIN) else {
        return false;
    };
    let mut first = [0];
    match tokio::time::timeout(SILENCE, pipe.readable()).await {
        Ok(Ok(())) => pipe.try_read(&mut first).is_ok_and(|count| count > 0),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_distinguished_from_claims() {
        for token in [
            "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ1In0.c2ln",
            "eyJh.eyJz.",
            "eyJh.a.b.c.d",
        ] {
            assert!(is_token(token), "{token}");
        }
        for other in ["", "{}", "{\"sub\": \"a.b.c\"}", "a.b.c", "eyJh.eyJz"] {
            assert!(!is_token(other), "{other}");
        }
    }

    #[test]
    fn the_steps_that_prove_nothing_are_those_of_the_token() {
        assert_eq!(Basis::Token.unproven("signature"), None);
        assert!(Basis::Claims.unproven("signature").is_some());
        for step in ["route", "issuer", "claims", "audience", "time", "confirmation"] {
            assert_eq!(Basis::Claims.unproven(step), None, "{step}");
        }
    }
}
