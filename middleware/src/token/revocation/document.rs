//! The written form of a list of revoked tokens.

use actgate_yaml::{Diagnostics, Span, Spanned};
use serde::Deserialize;

use super::error::RevocationsError;
use super::list::Revocations;
use crate::time_document::{self, TimeDocument};

/// The most entries of a list.
const MAX_ENTRIES: usize = 20_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListDocument {
    revocations: Spanned<Vec<Spanned<EntryDocument>>>,
}

#[derive(Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a mapping\nwrite as in `- { issuer: 'https://idp.example.com', party: planner, before: 2026-11-27T08:00:00Z }`"
)]
struct EntryDocument {
    issuer: Spanned<String>,
    jti: Option<Spanned<String>>,
    initiator: Option<Spanned<String>>,
    actor: Option<Spanned<String>>,
    party: Option<Spanned<String>>,
    client: Option<Spanned<String>>,
    before: Option<Spanned<TimeDocument>>,
}

impl Revocations {
    /// Reads a list in YAML or JSON.
    ///
    /// # Errors
    /// [`RevocationsError`] with line, column and help for every mistake. An empty text is one: a list without an entry is
    /// `revocations: []`.
    pub fn from_yaml(text: &str) -> Result<Revocations, RevocationsError> {
        let read = actgate_yaml::read::<ListDocument>(text).check(|document, omissions, diagnostics| {
            let written = document.revocations;
            if written.value.len() > MAX_ENTRIES {
                let message = format!("there are more than {MAX_ENTRIES} entries");
                let help = "remove those whose tokens have expired";
                diagnostics.push(written.span(), message, help);
            }
            let mut list = Revocations::default();
            for entry in written.value.into_iter().take(MAX_ENTRIES) {
                let place = entry.span();
                let is_cut = omissions.within(place);
                list = add(list, &entry.value, (place, is_cut), diagnostics);
            }
            Some(list)
        });
        read.map_err(RevocationsError::new)
    }
}

/// Adds an entry at `place`; `is_cut` states that a part of it could not be read.
fn add(
    list: Revocations,
    entry: &EntryDocument,
    (place, is_cut): (Span, bool),
    diagnostics: &mut Diagnostics,
) -> Revocations {
    let EntryDocument {
        issuer,
        jti,
        initiator,
        actor,
        party,
        client,
        before,
    } = entry;
    let written = [jti, initiator, actor, party, client].into_iter().flatten();
    for text in [issuer].into_iter().chain(written.clone()) {
        if text.value.trim().is_empty() || text.value.contains(char::is_control) {
            let help = "write it as a token has it";
            diagnostics.push(text.span(), "it is empty, or has a control character", help);
        }
    }
    match written.count() {
        1 => {}
        _ if is_cut => return list,
        _ => {
            let message = "an entry names one of `jti`, `initiator`, `actor`, `party` and `client`";
            diagnostics.push(place, message, "write an entry for each of them");
            return list;
        }
    }
    let moment = before.as_ref().and_then(|before| moment(before, diagnostics));
    if before.is_none() && jti.is_none() && !is_cut {
        let help = "add the time until which its tokens are revoked, as in `before: 2026-11-27T08:00:00Z`";
        diagnostics.push(place, "the entry has no `before`", help);
    }
    let moment = moment.unwrap_or(u64::MAX);
    match (jti, initiator, actor, party, client) {
        (Some(jti), ..) => list.jti_before(&issuer.value, &jti.value, moment),
        (_, Some(subject), ..) => list.initiator(&issuer.value, &subject.value, moment),
        (_, _, Some(subject), ..) => list.actor(&issuer.value, &subject.value, moment),
        (.., Some(subject), _) => list.party(&issuer.value, &subject.value, moment),
        (.., Some(client)) => list.client(&issuer.value, &client.value, moment),
        _ => list,
    }
}

/// The first whole second that is not before the time.
fn moment(written: &Spanned<TimeDocument>, diagnostics: &mut Diagnostics) -> Option<u64> {
    let time = time_document::read(written, diagnostics)?;
    let rest = u64::from(time.subsec_nanosecond() > 0);
    u64::try_from(time.as_second()).ok().map(|seconds| seconds + rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistakes(text: &str) -> Vec<String> {
        match Revocations::from_yaml(text) {
            Ok(_) => Vec::new(),
            Err(error) => error
                .iter()
                .map(|(line, column, message, _)| format!("{line}:{column}: {message}"))
                .collect(),
        }
    }

    #[test]
    fn every_kind_of_entry_is_read_in_yaml_and_in_json() {
        let yaml = "
revocations:
  - { issuer: a, jti: j }
  - { issuer: a, jti: k, before: 1970-01-01T00:00:10Z }
  - { issuer: a, initiator: i, before: 1970-01-01T00:00:10Z }
  - { issuer: a, actor: c, before: '1970-01-01T01:00:10+01:00' }
  - { issuer: a, party: p, before: 1970-01-01T00:00:09.001Z }
  - { issuer: a, client: l, before: 1970-01-01T00:00:10Z }
";
        let expected = Revocations::default()
            .jti("a", "j")
            .jti_before("a", "k", 10)
            .initiator("a", "i", 10)
            .actor("a", "c", 10)
            .party("a", "p", 10)
            .client("a", "l", 10);
        assert_eq!(Revocations::from_yaml(yaml), Ok(expected));
        let json = r#"{"revocations": [{"issuer": "a", "jti": "j"}]}"#;
        assert_eq!(Revocations::from_yaml(json), Ok(Revocations::default().jti("a", "j")));
        assert_eq!(Revocations::from_yaml("revocations: []"), Ok(Revocations::default()));
    }

    #[test]
    fn every_mistake_is_reported() {
        for (text, expected) in [
            ("", "1:1: the key `revocations` is missing"),
            ("revocations: [{ issuer: a }]", "1:15: an entry names one of"),
            ("revocations: [{ jti: a }]", "1:15: the key `issuer` is missing"),
            (
                "revocations: [{ issuer: a, jti: b, client: c }]",
                "1:15: an entry names one of",
            ),
            (
                "revocations: [{ issuer: a, party: b }]",
                "1:15: the entry has no `before`",
            ),
            (
                "revocations: [{ issuer: a, party: b, before: soon }]",
                "1:46: `soon` is no time",
            ),
            (
                "revocations: [{ issuer: a, party: b, before: 10 }]",
                "1:46: `10` is no time",
            ),
            (
                "revocations: [{ issuer: a, party: '', before: 1970-01-01T00:00:10Z }]",
                "1:35: it is empty",
            ),
            (
                "revocations: [{ issuer: a, subject: b }]",
                "1:28: unknown key `subject`",
            ),
            ("revocations: [a]", "1:15: "),
            ("{\"revocations\": [{\"issuer\": \"a\", \"jti\": \"b\"}", ""),
        ] {
            let mistakes = mistakes(text);
            let first = mistakes.first().map(String::as_str).unwrap_or("none");
            assert!(first.starts_with(expected) && first != "none", "{text}: {mistakes:?}");
        }
    }

    #[test]
    fn the_number_of_entries_is_limited() {
        let list = |count| format!("revocations:\n{}", "- { issuer: a, jti: b }\n".repeat(count));
        assert_eq!(
            Revocations::from_yaml(&list(MAX_ENTRIES)).map(|list| list.len()),
            Ok(MAX_ENTRIES)
        );
        let error = Revocations::from_yaml(&list(MAX_ENTRIES + 1)).unwrap_err();
        assert!(
            error.to_string().contains("there are more than 20000 entries"),
            "{error}"
        );
    }

    #[test]
    fn a_moment_of_another_type_has_a_help() {
        let error = Revocations::from_yaml("revocations: [{ issuer: a, party: b, before: [1] }]").unwrap_err();
        assert!(error.to_string().contains("expected a time"), "{error}");
    }
}
