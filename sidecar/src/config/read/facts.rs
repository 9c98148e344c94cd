//! Which facts of tokens the decision log has.

use std::collections::BTreeMap;

use actgate::Policy;
use actgate::chain::{Conceal as _, is_within};
use actgate_yaml::{Diagnostics, Spanned};

use super::reader::ConfigReader;
use super::secret_file::FileFindings;
use super::values::{InvalidValue, invalid};
use crate::config::document::decision_log::DecisionLogDocument;
use crate::config::secrets::hash_key_in;
use crate::log::fact_recording::{FactRecording, HashKeyOrigin};

/// The most claims that are listed, and the most values of requests.
const MAX_LISTED: usize = 64;

impl ConfigReader<'_> {
    /// Reads which facts are recorded; [`None`] for none.
    pub(super) fn fact_recording(
        &mut self,
        written: Option<&Spanned<DecisionLogDocument>>,
        findings: &mut FileFindings,
    ) -> Option<FactRecording> {
        let written = written?;
        let DecisionLogDocument {
            facts,
            claims,
            request,
            hash_key_file,
            ..
        } = &written.value;
        let shown: Vec<String> = claims
            .iter()
            .filter_map(|claim| self.take(claim, |text| shown_claim(text)))
            .collect();
        let of_request: Vec<String> = request
            .iter()
            .filter_map(|place| self.take(place, |text| shown_of_request(text)))
            .collect();
        for (listed, what) in [(claims, "claims"), (request, "values of requests")] {
            if listed.len() > MAX_LISTED {
                let message = format!("more than {MAX_LISTED} {what} are listed");
                let help = "list those that rules compare otherwise than by equality";
                self.diagnostics.push(written.span(), message, help);
            }
        }
        if !facts {
            let further = [
                ("claims", !claims.is_empty()),
                ("request", !request.is_empty()),
                ("hash_key_file", hash_key_file.is_some()),
            ];
            if let Some((key, _)) = further.into_iter().find(|(_, is_written)| *is_written) {
                let message = format!("`{key}` is for the facts, which are not recorded");
                self.diagnostics
                    .push(written.span(), message, "add `facts: true`, or remove it");
            }
            return None;
        }
        match hash_key_file {
            Some(file) => {
                self.files.push(self.beside(&file.value));
                let (_, secret) = self.secret_file("hash_key_file", file, hash_key_in, findings)?;
                Some(FactRecording::with_secret(shown, &secret.0).showing(of_request))
            }
            None => {
                let recording = FactRecording::with_random_key(shown);
                let recording = recording.map(|recording| recording.showing(of_request));
                if recording.is_none() {
                    let message = "the system has no randomness for the key of the hashes";
                    self.diagnostics
                        .push(written.span(), message, "write `hash_key_file: FILE`");
                }
                recording
            }
        }
    }

    /// What the explanation of a line cannot decide, and claims that are listed without effect.
    pub(super) fn fact_warnings(
        &self,
        written: Option<&Spanned<DecisionLogDocument>>,
        recording: Option<&FactRecording>,
        policy: &Policy,
    ) -> Diagnostics {
        let mut warnings = Diagnostics::default();
        let (Some(written), Some(recording)) = (written, recording) else {
            return warnings;
        };
        let uses = policy.claim_uses();
        for claim in &written.value.claims {
            if !uses.iter().any(|used| is_within(&used.claim, &claim.value)) {
                let message = format!(
                    "no rule reads the claim `{}`, and so the decision log never has it",
                    claim.value
                );
                let help = "write the name as the rule does, or remove it".to_owned();
                warnings.extend([self.finding(claim, message, help)]);
            }
        }
        let of_request = policy.request_uses();
        for place in &written.value.request {
            if !of_request.iter().any(|used| used.place == place.value) {
                let message = format!(
                    "no rule reads `{}` of requests, and so the decision log never has it",
                    place.value
                );
                let help = "write it as the rule does, such as `query.page` for `operation: { query: { page: … } }`, or remove it";
                warnings.extend([self.finding(place, message, help.to_owned())]);
            }
        }
        // The key that lists it and its name, with the rules, and whether one needs the value itself.
        let mut concealed: BTreeMap<(&str, &str), (Vec<&str>, bool)> = BTreeMap::new();
        let hidden_claims = uses.iter().filter(|used| !recording.shows(&used.claim));
        let hidden_values = of_request
            .iter()
            .filter(|used| !recording.shows_of_request(&used.place));
        let claims = hidden_claims.map(|used| (("claims", &*used.claim), &*used.rule, used.needs_value));
        let values = hidden_values.map(|used| (("request", &*used.place), &*used.rule, used.needs_value));
        for (place, rule, needs_value) in claims.chain(values) {
            if needs_value || recording.origin() == HashKeyOrigin::Process {
                let (rules, needs) = concealed.entry(place).or_default();
                rules.push(rule);
                *needs |= needs_value;
            }
        }
        let place = Spanned {
            value: String::new(),
            line: written.line,
            column: written.column,
        };
        for ((key, name), (rules, needs_value)) in concealed {
            let what = match key {
                "claims" => format!("the claim `{name}`"),
                _ => format!("`{name}` of requests"),
            };
            let message = format!(
                "the decision log has {what} as a hash, from which `actgate explain --log-line` cannot decide the rule `{}`",
                rules[0]
            );
            let help = match needs_value {
                true => format!("add `{name}` to `{key}` of `decision_log`"),
                false => format!("add `{name}` to `{key}` of `decision_log`, or write `hash_key_file: FILE`"),
            };
            warnings.extend([self.finding(&place, message, help)]);
        }
        warnings
    }
}

/// The name of a claim, or its JSON pointer.
fn shown_claim(text: &str) -> Result<String, InvalidValue> {
    let is_name = !text.trim_matches('/').is_empty() && !text.contains(char::is_control) && text.len() <= 256;
    if !is_name {
        return invalid(
            "this is not the name of a claim",
            "write the name as the issuer writes it, or a pointer such as `/a/b`",
        );
    }
    if text.contains('*') {
        return invalid("the name of a claim has no wildcard", "write the name in full");
    }
    match ["act", "cnf"].iter().any(|own| is_within(text, own)) {
        true => invalid(format!("no rule reads `{text}` as a claim"), "remove it"),
        false => Ok(text.to_owned()),
    }
}

/// A value of requests, as rules read it.
fn shown_of_request(text: &str) -> Result<String, InvalidValue> {
    if text.contains('*') {
        return invalid(
            "a value of requests has no wildcard",
            "write it in full, as the rule does",
        );
    }
    let is_pointer = |pointer: &str| pointer.starts_with('/');
    let is_place = match text.split_once('.') {
        Some(("query" | "headers", name)) => !name.is_empty(),
        Some(("json" | "arguments", pointer)) => is_pointer(pointer),
        Some(("mcp", name)) => name == "name",
        _ => false,
    };
    if !is_place || text.contains(char::is_control) || text.len() > 256 {
        return invalid(
            "this is not a value of requests",
            "write `query.NAME`, `headers.NAME`, `json./NAME`, `arguments./NAME` or `mcp.name`",
        );
    }
    match text
        .strip_prefix("headers.")
        .filter(|name| name.contains(char::is_uppercase))
    {
        Some(name) => invalid(
            "the names of headers are in lower case here",
            format!("write `headers.{}`", name.to_ascii_lowercase()),
        ),
        None => Ok(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_of_requests_is_listed_as_rules_read_it() {
        for place in [
            "query.page",
            "headers.x-tenant",
            "json./a/b",
            "arguments./id",
            "mcp.name",
        ] {
            assert!(shown_of_request(place).is_ok(), "{place}");
        }
        for place in [
            "page",
            "query.",
            "query.*",
            "json.amount",
            "mcp.method",
            "headers.X-A",
            "body./a",
            "query.a\n",
        ] {
            assert!(shown_of_request(place).is_err(), "{place}");
        }
    }

    #[test]
    fn a_claim_is_listed_by_its_name_or_pointer() {
        for claim in [
            "tid",
            "/realm_access/roles",
            "https://example.com/roles",
            "cognito:groups",
        ] {
            assert!(shown_claim(claim).is_ok(), "{claim}");
        }
        for claim in ["", "/", "a\n", "a*", "act", "/act/sub", "cnf", &"a".repeat(257)] {
            assert!(shown_claim(claim).is_err(), "{claim}");
        }
    }
}
