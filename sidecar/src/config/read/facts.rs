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

/// The most claims that are listed.
const MAX_CLAIMS: usize = 64;

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
            hash_key_file,
            ..
        } = &written.value;
        let shown: Vec<String> = claims
            .iter()
            .filter_map(|claim| self.take(claim, |text| shown_claim(text)))
            .collect();
        if claims.len() > MAX_CLAIMS {
            let message = format!("more than {MAX_CLAIMS} claims are listed");
            let help = "list those that rules compare otherwise than by equality";
            self.diagnostics.push(written.span(), message, help);
        }
        if !facts {
            let further = [
                ("claims", !claims.is_empty()),
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
                let (_, secret) = self.secret_file("hash_key_file", file, hash_key_in, findings)?;
                Some(FactRecording::with_secret(shown, &secret.0))
            }
            None => {
                let recording = FactRecording::with_random_key(shown);
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
        let mut concealed: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for used in uses.iter().filter(|used| !recording.shows(&used.claim)) {
            if used.needs_value || recording.origin() == HashKeyOrigin::Process {
                concealed.entry(&used.claim).or_default().push(&used.rule);
            }
        }
        let place = Spanned {
            value: String::new(),
            line: written.line,
            column: written.column,
        };
        for (claim, rules) in concealed {
            let message = format!(
                "the decision log has the claim `{claim}` as a hash, from which `actgate explain --log-line` cannot decide the rule `{}`",
                rules[0]
            );
            let help = match uses.iter().any(|used| used.claim == claim && used.needs_value) {
                true => format!("add `{claim}` to `claims` of `decision_log`"),
                false => format!("add `{claim}` to `claims` of `decision_log`, or write `hash_key_file: FILE`"),
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

#[cfg(test)]
mod tests {
    use super::*;

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
