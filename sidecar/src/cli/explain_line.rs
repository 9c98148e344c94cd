//! A line of the decision log, from which a request is explained.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::Path;

use actgate::chain::RecordedFacts;
use http::Method;
use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::cli::arguments::ExplainArguments;
use crate::cli::explain_input::{Basis, Input, LineFacts};
use crate::cli::recorded_decision::RecordedDecision;
use crate::config::Settings;
use crate::exit::{Context as _, Failure};

/// The longest line that is read.
const MAX_LINE_BYTES: u64 = 1024 * 1024;

/// What a line has of a decision.
struct LoggedDecision {
    id: Uuid,
    /// In seconds since 1970.
    time: u64,
    method: Method,
    /// Without its query.
    path: String,
    policy_hash: Option<String>,
    recorded: RecordedDecision,
    facts: RecordedFacts,
}

/// The members of a line that are read.
#[derive(Deserialize)]
struct Line {
    time: String,
    id: Uuid,
    method: String,
    path: String,
    policy_hash: Option<String>,
    decision: String,
    code: Option<String>,
    rule: Option<String>,
    facts: Option<Box<RawValue>>,
}

/// The request of a line. Neither a token nor a key is used.
pub(super) fn read(arguments: &ExplainArguments, settings: Settings, file: &Path) -> Result<Input, Failure> {
    let line = read_line(file, arguments.id)?;
    let path = match (&arguments.path, line.whole_path()) {
        (Some(path), _) => path.clone(),
        (None, Some(path)) => path.to_owned(),
        (None, None) => {
            let text = "the line has only a part of the path: name the path with `--path`";
            return Err(Failure::Runtime(text.to_owned()));
        }
    };
    let authorizer = settings.authorizer().build().context("authorizer")?;
    let LoggedDecision {
        id,
        time,
        method,
        recorded,
        policy_hash,
        facts,
        ..
    } = line;
    let mut notes: Vec<Cow<'static, str>> = vec![
        format!("nothing is verified here: the facts are those of line {id}, whose token was verified before").into(),
        format!("the decision of the line is {recorded}").into(),
    ];
    let hash = settings.policy.hash();
    if policy_hash.as_deref().is_some_and(|of_line| of_line != hash.as_str()) {
        let of_line = policy_hash.as_deref().unwrap_or_default();
        notes.push(format!("the line was decided by another policy, {of_line}").into());
    }
    let recording = settings.fact_recording;
    let has_key = recording.as_ref().is_some_and(|recording| facts.has_key_of(recording));
    if facts.has_hashes() && !has_key {
        notes.push("the hashes in the line are of another key than this configuration has: none is compared".into());
    }
    Ok(Input {
        basis: Basis::Line,
        authorizer,
        token: String::new(),
        notes,
        method: arguments.method.clone().unwrap_or(method),
        path,
        now: arguments.at.unwrap_or(time),
        line: Some(LineFacts {
            facts,
            recording,
            recorded,
        }),
    })
}

/// Reads the only line of a file, or the one with an id; `-` is standard input.
fn read_line(file: &Path, id: Option<Uuid>) -> Result<LoggedDecision, Failure> {
    let (place, line) = match file.to_str() {
        Some("-") => {
            let place = "line on standard input".to_owned();
            let line = find(&mut io::stdin().lock(), id);
            (place, line)
        }
        _ => {
            let opened = File::open(file);
            let line = opened
                .map_err(|error| error.to_string())
                .and_then(|opened| find(&mut BufReader::new(opened), id));
            (file.display().to_string(), line)
        }
    };
    let failure = |text: String| Failure::Runtime(format!("{place}: {text}"));
    let line = line.map_err(&failure)?;
    decision(&line).map_err(failure)
}

/// The only line, or the one with this id.
fn find(input: &mut impl BufRead, id: Option<Uuid>) -> Result<Vec<u8>, String> {
    let text = id.map(|id| id.to_string());
    let mut found = None;
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = input.take(MAX_LINE_BYTES + 1).read_until(b'\n', &mut line);
        if read.map_err(|error| error.to_string())? == 0 {
            break;
        }
        if line.len() as u64 > MAX_LINE_BYTES {
            return Err("a line is longer than 1 MiB".to_owned());
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        match &text {
            None if found.is_some() => {
                return Err("there are several lines: name one with `--id ID`, or give it alone".to_owned());
            }
            None => found = Some(line.clone()),
            Some(text) if contains(&line, text) => {
                let is_named = serde_json::from_slice::<Line>(&line).is_ok_and(|line| Some(line.id) == id);
                if is_named {
                    return Ok(line);
                }
            }
            Some(_) => {}
        }
    }
    found.ok_or_else(|| match text {
        None => "there is no line".to_owned(),
        Some(text) => format!("no line has the id {text}"),
    })
}

fn contains(line: &[u8], text: &str) -> bool {
    line.windows(text.len()).any(|window| window == text.as_bytes())
}

/// Reads a line, which is untrusted.
fn decision(line: &[u8]) -> Result<LoggedDecision, String> {
    let text = std::str::from_utf8(line).map_err(|_| "the line is not UTF-8".to_owned())?;
    let line: Line =
        serde_json::from_str(text).map_err(|error| format!("this is no line of a decision log: {error}"))?;
    let recorded = RecordedDecision {
        decision: line.decision,
        code: line.code,
        rule: line.rule,
    };
    let Some(facts) = &line.facts else {
        return Err(format!(
            "the line has no `facts`, but the decision `{recorded}`: with `decision_log: {{ facts: true }}` the lines of verified tokens have them"
        ));
    };
    let facts = RecordedFacts::from_json(facts.get());
    let facts = facts.map_err(|error| format!("`facts` of the line cannot be used: {error}"))?;
    let time: jiff::Timestamp = line
        .time
        .parse()
        .map_err(|_| "`time` of the line is no time".to_owned())?;
    Ok(LoggedDecision {
        id: line.id,
        time: u64::try_from(time.as_second()).map_err(|_| "`time` of the line is before 1970".to_owned())?,
        method: line
            .method
            .parse()
            .map_err(|_| "`method` of the line is no method".to_owned())?,
        recorded,
        path: line.path,
        policy_hash: line.policy_hash,
        facts,
    })
}

impl LoggedDecision {
    /// The path for an explanation, unless a part of it is not written.
    fn whole_path(&self) -> Option<&str> {
        let is_cut = self.path.ends_with('…') || self.path.contains("[token]");
        (!is_cut).then_some(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "019b0000-0000-7000-8000-000000000001";

    fn line(id: &str, further: &str) -> String {
        format!(
            r#"{{"time":"2026-01-01T00:00:00.500Z","id":"{id}","method":"GET","path":"/a","decision":"deny","code":"x"{further}}}"#
        )
    }

    fn found(text: &str, id: Option<&str>) -> Result<String, String> {
        let id = id.map(|id| id.parse().unwrap());
        find(&mut text.as_bytes(), id).map(|line| String::from_utf8(line).unwrap())
    }

    #[test]
    fn a_line_is_the_only_one_or_named() {
        let (one, other) = (line(ID, ""), line("019b0000-0000-7000-8000-000000000002", ""));
        assert_eq!(found(&format!("\n{one}\n\n"), None), Ok(format!("{one}\n")));
        let both = format!("{other}\nno JSON {ID}\n{one}\n");
        assert_eq!(found(&both, Some(ID)), Ok(format!("{one}\n")));
        for (text, id, message) in [
            (&*both, None, "there are several lines"),
            ("", None, "there is no line"),
            (&*other, Some(ID), "no line has the id"),
            (&*"x".repeat(1024 * 1024 + 1), None, "a line is longer"),
        ] {
            assert!(found(text, id).unwrap_err().contains(message), "{message}");
        }
    }

    #[test]
    fn a_line_that_cannot_be_explained_says_why() {
        let long = "[".repeat(100_000);
        for (text, message) in [
            (
                "{}".to_owned(),
                "this is no line of a decision log: missing field `time`",
            ),
            ("a".to_owned(), "this is no line of a decision log"),
            (line(ID, ""), "the line has no `facts`, but the decision `deny x`"),
            (
                line(ID, r#","facts":{}"#),
                "`facts` of the line cannot be used: missing field",
            ),
            (line(ID, r#","facts":{"iss":"a","iss":"b"}"#), "two members of one name"),
            (line(ID, &format!(r#","facts":{{"iss":{long}"#)), "this is no line"),
            (line("x", ""), "this is no line of a decision log"),
        ] {
            let error = decision(text.as_bytes()).err().unwrap();
            assert!(error.contains(message), "{error}");
        }
        assert!(decision(b"\xff").err().unwrap().contains("UTF-8"));
    }
}
