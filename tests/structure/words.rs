//! Words and names that the project does not use, with what it uses in their place.

use std::fs;
use std::process::Command;

use crate::structure::source::root;

/// How a pattern is compared with the text. No letter follows or precedes a match.
#[derive(Clone, Copy, PartialEq)]
enum Match {
    /// A word or a phrase of prose, in any case; `_` separates words.
    Word,
    /// The beginning of a word of prose, in any case.
    Beginning,
    /// A name in code, in exactly this case; `_` and digits belong to a name.
    Name,
    /// The name of a struct, an enum, a trait, a type, a function or a module, where it is defined.
    Item,
    /// The beginning of a name in code, before a capital letter.
    Prefix,
    /// Exactly this text, anywhere.
    Text,
}

/// A pattern and its replacement.
struct Entry(Match, &'static str, &'static str);

const ENTRIES: &[Entry] = {
    use Match::*;
    &[
        // Prose.
        Entry(Word, "mend", "help"),
        Entry(Word, "mends", "help"),
        Entry(Word, "mended", "fixed"),
        Entry(Word, "told", "reported, returned, configured"),
        Entry(Word, "tell", "report, return"),
        Entry(Word, "tells", "reports, returns"),
        Entry(Word, "nobody", "no client, no caller"),
        Entry(Word, "nobody's", "no client's"),
        Entry(Word, "somebody", "a party, a client"),
        Entry(Word, "anybody", "any client"),
        Entry(Word, "whoever", "the client, the caller"),
        Entry(Beginning, "stranger", "untrusted, unknown, client"),
        Entry(Beginning, "judg", "authorize, evaluate, decide, check"),
        Entry(Word, "unjudged", "unverified"),
        Entry(Beginning, "verdict", "decision, outcome"),
        Entry(Word, "by which", "with which, that"),
        Entry(Word, "in due form", "well-formed"),
        Entry(Word, "speaks for", "represents"),
        Entry(Word, "whose fault", "client error, server error"),
        Entry(Word, "parted by", "separated by"),
        Entry(Word, "stands", "is"),
        Entry(Word, "two readings", "ambiguous"),
        Entry(Word, "second reading", "ambiguous"),
        Entry(Word, "out of reach", "unavailable"),
        Entry(Word, "read aloud", "declarative"),
        Entry(Word, "good token", "valid token"),
        Entry(Word, "we", "the gate, the issuer, the test"),
        Entry(Name, "us", "the gate, the issuer, the test"),
        Entry(Word, "our", "the gate's, the issuer's"),
        Entry(Word, "ours", "the gate's, the issuer's"),
        // Theatre.
        Entry(Word, "cast", "credentials"),
        Entry(Word, "stage", "environment"),
        Entry(Word, "play", "run"),
        Entry(Word, "plays", "runs"),
        Entry(Word, "played", "run"),
        Entry(Word, "play_on", "next_steps"),
        // Names in code.
        Entry(Text, "At<", "Spanned"),
        Entry(Name, "YamlError", "Diagnostic, PolicyError"),
        Entry(Item, "Problem", "Diagnostic"),
        Entry(Item, "Problems", "Diagnostics"),
        Entry(Name, "RegistryError", "Diagnostics"),
        Entry(Prefix, "Written", "…Document"),
        Entry(Name, "OneOrMore", "OneOrMany"),
        Entry(Text, "fn present(", "deny_null"),
        Entry(Text, "\"present\"", "deny_null"),
        Entry(Item, "Wrong", "InvalidValue"),
        Entry(Item, "Guard", "Access"),
        Entry(Item, "Demand", "Expectation"),
        Entry(Item, "Demands", "Condition, RefreshRequests"),
        Entry(Name, "CoreDemand", "CoreCondition"),
        Entry(Name, "HistoryDemand", "HistoryCondition"),
        Entry(Name, "ClaimDemand", "ClaimCondition"),
        Entry(Item, "Known", "CachedToken"),
        Entry(Item, "Missed", "Pending"),
        Entry(Item, "Moment", "EvaluationTime"),
        Entry(Item, "Acting", "Delegation"),
        Entry(Text, "::Itself", "SelfActor"),
        Entry(Name, "ChainContract", "ChainCompleteness"),
        Entry(Name, "PriorActorUse", "PriorActors"),
        Entry(Text, "::Restrict", "Enforce"),
        Entry(Text, concat!("prior_actors: ", "restrict"), "prior_actors: enforce"),
        Entry(Text, "`Require`", "AuthorizeLayer::for_requirement"),
        Entry(Name, "RefusalBody", "RejectionBody"),
        Entry(Item, "Shaped", "a closure"),
        Entry(Item, "Fetched", "FetchFuture"),
        Entry(Item, "Schedule", "RefreshPolicy"),
        Entry(Item, "Attempts", "SingleFlight"),
        Entry(Name, "patience", "max_wait"),
        Entry(Name, "self_act", "self_actor"),
        Entry(Text, "not-their-own-actor", "self_actor"),
        Entry(Name, "foreign_issuer", "actor_issuer_not_allowed"),
        Entry(Name, "no_alternative", "any_of_not_met"),
        Entry(Name, "auth_within", "max_auth_age"),
        Entry(Name, "token: strip", "access_token: strip"),
        Entry(Name, "token: pass", "access_token: forward"),
        Entry(Text, "refuse:", "deny:"),
        Entry(Text, "\"refuse\"", "\"deny\""),
        Entry(Name, "OwnName", "AllowedHosts"),
        Entry(Name, "OwnNames", "AllowedHosts"),
        Entry(Name, "own_names", "hosts"),
        Entry(Name, "HeadSlot", "an extension of the request"),
        Entry(Item, "Stops", "ShutdownSignals"),
        Entry(Name, "outlive_hangups", "ignore_sighup"),
        Entry(Name, "ConfigurationTold", "ConfigurationReported"),
        Entry(Name, "claimed_chain", "unverified_chain"),
        Entry(Item, "Staying", "a flag"),
        Entry(Item, "Standing", "Verified"),
        Entry(Name, "our_fault", "server_error"),
        Entry(Item, "Authority", "TestIssuer"),
        Entry(Text, "testing::Authority", "testing::TestIssuer"),
        Entry(Item, "Told", "CheckJson"),
        Entry(Item, "Wire", "Http1Io"),
        Entry(Item, "Unread", "WriteTimeout"),
        Entry(Item, "Rest", "RequestBodyState"),
        Entry(Name, "Failure::No", "Failure::Denied"),
    ]
};

/// Files that may have any word: the table of old and new names, and this list.
const EXCEPT: &[&str] = &["CHANGELOG.md", "tests/structure/words.rs"];

#[test]
fn no_file_has_a_word_that_the_project_does_not_use() {
    let mut found = Vec::new();
    for path in tracked_text_files() {
        let text = fs::read_to_string(root().join(&path)).unwrap();
        for (number, line) in text.lines().enumerate() {
            if is_question(line) {
                found.push(format!(
                    "{path}:{}: a question as a comment: {}",
                    number + 1,
                    line.trim()
                ));
            }
            for Entry(way, pattern, replacement) in ENTRIES {
                if has(line, *way, pattern) {
                    let line = line.trim();
                    found.push(format!("{path}:{}: {pattern} ({replacement}): {line}", number + 1));
                }
            }
        }
    }
    assert!(found.is_empty(), "{} lines\n{}", found.len(), found.join("\n"));
}

fn is_question(line: &str) -> bool {
    let line = line.trim();
    (line.starts_with("//") || line.starts_with('#')) && line.ends_with('?') && !line.ends_with(")?")
}

fn tracked_text_files() -> Vec<String> {
    let listed = Command::new("git").args(["ls-files"]).current_dir(root()).output();
    let listed = String::from_utf8(listed.expect("git runs").stdout).unwrap();
    let is_text = |path: &&str| {
        let extension = path.rsplit('.').next().unwrap_or_default();
        (["rs", "md", "yaml", "toml", "html"].contains(&extension) || *path == ".ci/run") && !EXCEPT.contains(path)
    };
    let files: Vec<String> = listed.lines().filter(is_text).map(str::to_owned).collect();
    assert!(files.len() > 100, "{} tracked files", files.len());
    files
}

fn has(line: &str, way: Match, pattern: &str) -> bool {
    let is_of_word = |c: char| match way {
        Match::Word | Match::Beginning => c.is_alphabetic(),
        _ => c.is_alphanumeric() || c == '_',
    };
    let (line, pattern) = match way {
        Match::Word | Match::Beginning => (line.to_lowercase(), pattern.to_lowercase()),
        _ => (line.to_owned(), pattern.to_owned()),
    };
    line.match_indices(&pattern).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + pattern.len()..].chars().next();
        let begins = !before.is_some_and(is_of_word);
        match way {
            Match::Text => true,
            Match::Item => {
                let item = line[..at].trim_end().rsplit(' ').next();
                let is_item = matches!(item, Some("struct" | "enum" | "trait" | "type" | "fn" | "mod"));
                is_item && !after.is_some_and(is_of_word)
            }
            Match::Beginning => begins,
            Match::Prefix => begins && after.is_some_and(char::is_uppercase),
            Match::Word | Match::Name => begins && !after.is_some_and(is_of_word),
        }
    })
}

#[test]
fn patterns_match_whole_words() {
    assert!(has("a Verdict: x", Match::Beginning, "verdict") && has("verdicts", Match::Beginning, "verdict"));
    assert!(has("the_mend", Match::Word, "mend") && !has("recommend", Match::Word, "mend"));
    assert!(has("WE deny", Match::Word, "we") && !has("web", Match::Word, "we"));
    assert!(has("self_act,", Match::Name, "self_act") && !has("self_actor", Match::Name, "self_act"));
    assert!(has("WrittenIssuer", Match::Prefix, "Written") && !has("Written once", Match::Prefix, "Written"));
    assert!(has("pub struct Known {", Match::Item, "Known") && !has("Known keys", Match::Item, "Known"));
    assert!(is_question("/// Is it?") && !is_question("let value = read()?"));
    assert!(has("expect: { refuse: x }", Match::Text, "refuse:"));
}
