//! A cases file.

use std::fmt;

use actgate_yaml::{Diagnostics, Span, Spanned};
use serde::Deserialize;

use super::case::{Case, CaseDocument};
use crate::error::ConfigError;
use crate::issuer_identifier;
use crate::policy::PolicyDiagnostic;
use crate::profile::Profile;

/// The most cases of a file.
const MAX_CASES: usize = 10_000;

/// The most issuers of a file.
const MAX_ISSUERS: usize = 100;

/// The cases of a policy: requests with their tokens, and the decision that each is expected to get. `actgate test` runs them.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct CasesDocument {
    /// Further trusted issuers. A token of one has it as its `iss`.
    /// Example: `['https://idp.example', { issuer: 'https://sso.example', profile: keycloak }]`
    #[cfg_attr(feature = "schema", schemars(length(max = MAX_ISSUERS)))]
    issuers: Option<Spanned<Vec<Spanned<IssuerDocument>>>>,
    /// The profile of every issuer that states none: a preset, or a mapping of the parts that differ from one. Default: rfc9068.
    /// Example: `keycloak`
    profile: Option<Spanned<Profile>>,
    /// The cases.
    /// Example: `[{ name: no token, request: GET /orders, expect: { deny: missing_token, status: 401 } }]`
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_CASES)))]
    cases: Spanned<Vec<CaseDocument>>,
}

/// A further trusted issuer.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(
    rename = "shorthand issuer",
    deny_unknown_fields,
    expecting = "an issuer, or a mapping\nwrite `https://idp.example`, or `{ issuer: 'https://idp.example', profile: keycloak }`"
)]
#[cfg_attr(feature = "schema", schemars(rename = "Issuer", extend("x-shorthand" = "issuer")))]
struct IssuerDocument {
    /// Its identifier, as `iss` of its tokens has it.
    /// Example: `https://idp.example`
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    issuer: String,
    /// What the claims of its tokens mean: a preset, or a mapping of the parts that differ from one. Default: that of the file.
    /// Example: `keycloak`
    profile: Option<Profile>,
}

/// The requests of a cases file, each with the decision that it is expected to get. [The module](crate::analysis) has every key.
#[derive(Clone, Debug)]
pub struct Cases {
    issuers: Vec<CaseIssuer>,
    profile: Option<Profile>,
    /// Where `issuers` or `profile` is written.
    trust: Option<Span>,
    cases: Vec<Case>,
}

/// An issuer of the tokens of cases.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CaseIssuer {
    /// What `iss` of its tokens is.
    pub identifier: String,
    /// What the claims of its tokens mean.
    pub profile: Profile,
}

impl Cases {
    /// Reads a cases file.
    ///
    /// # Errors
    /// [`CasesError`] with line, column and help for every mistake: unknown keys and words, values of another type, no case.
    pub fn from_yaml(text: &str) -> Result<Cases, CasesError> {
        let cases = actgate_yaml::read::<CasesDocument>(text).check(|document, omissions, diagnostics| {
            let place = document.cases.span();
            let count = document.cases.value.len();
            if count == 0 && !omissions.within(place) {
                diagnostics.push(
                    place,
                    "there is no case",
                    "add one: `- { name: …, request: GET /, expect: … }`",
                );
            }
            if count > MAX_CASES {
                let message = format!("there are more than {MAX_CASES} cases");
                diagnostics.push(place, message, "write them into several files");
            }
            let written = document.cases.value.into_iter().take(MAX_CASES);
            let cases: Vec<Case> = written.filter_map(|case| Case::compile(case, diagnostics)).collect();
            let spans = [
                document.issuers.as_ref().map(Spanned::span),
                document.profile.as_ref().map(Spanned::span),
            ];
            let issuers = document.issuers.map_or(Vec::new(), |issuers| {
                if issuers.value.len() > MAX_ISSUERS {
                    let message = format!("there are more than {MAX_ISSUERS} issuers");
                    diagnostics.push(issuers.span(), message, "remove those that no token names");
                }
                issuers.value
            });
            let profile = document.profile.map(|profile| profile.value);
            let mut known: Vec<CaseIssuer> = Vec::new();
            for written in issuers.into_iter().take(MAX_ISSUERS) {
                let span = written.span();
                let IssuerDocument { issuer, profile: own } = written.value;
                if issuer.is_empty() || known.iter().any(|known| known.identifier == issuer) {
                    let message = format!("the issuer `{issuer}` is empty, or listed already");
                    diagnostics.push(span, message, "write each issuer once, as the `iss` of its tokens");
                } else if let Err(ConfigError::Issuer { issuer, reason, help }) = issuer_identifier::check(&issuer) {
                    let message = format!("`{issuer}` is not an issuer: {reason}");
                    diagnostics.push(span, message, help);
                }
                known.push(CaseIssuer {
                    identifier: issuer,
                    profile: own.or_else(|| profile.clone()).unwrap_or_default(),
                });
            }
            Some(Cases {
                issuers: known,
                profile,
                trust: spans.into_iter().flatten().min(),
                cases,
            })
        });
        cases.map_err(CasesError)
    }

    /// The cases in their order; at least one.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Case> {
        self.cases.iter()
    }

    /// The issuers that the file trusts: `first`, whose tokens are those that name no issuer, those in `issuers`, and one for each
    /// preset of a token that none of them has.
    pub fn issuers(&self, first: &str) -> Vec<CaseIssuer> {
        let mut all = vec![CaseIssuer {
            identifier: first.to_owned(),
            profile: self.profile.clone().unwrap_or_default(),
        }];
        all.extend(self.issuers.iter().filter(|issuer| issuer.identifier != first).cloned());
        for preset in self.cases.iter().filter_map(|case| case.token()?.preset()) {
            let has_preset = |issuer: &CaseIssuer| issuer.profile.preset() == Some(preset);
            if !all.iter().any(has_preset)
                && let Ok(profile) = preset.parse()
            {
                all.push(CaseIssuer {
                    identifier: format!("https://{preset}.test"),
                    profile,
                });
            }
        }
        all
    }

    /// Line and column of the first key that states what is trusted, `issuers` or `profile`; [`None`] where neither is written.
    pub fn trust_place(&self) -> Option<(u64, u64)> {
        self.trust.map(|span| (span.line, span.column))
    }
}

/// Every mistake of a cases file, in the order of their places; at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CasesError(Diagnostics);

impl CasesError {
    /// The mistakes.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = PolicyDiagnostic<'_>> {
        self.0.iter().map(PolicyDiagnostic::new)
    }
}

/// One mistake after the other.
impl fmt::Display for CasesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for CasesError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistakes(text: &str) -> String {
        Cases::from_yaml(text)
            .unwrap_err()
            .to_string()
            .replace("\n  help: ", "; ")
    }

    #[test]
    fn every_mistake_of_a_file_is_reported() {
        let text = "cases:
  - { name: a, request: GET /, expect: alow }
  - { name: b, requst: GET /, expect: allow }
  - { name: c, request: [GET, /], expect: allow }
  - { name: d, request: GET /, expect: { deny: no_route, status: 70000 } }
  - { name: e, request: GET, expect: allow }
case: 1
";
        let reported = mistakes(text);
        let places: Vec<&str> = reported.lines().filter_map(|line| line.split(": ").next()).collect();
        assert_eq!(places, ["2:40", "3:16", "4:25", "5:66", "6:25", "7:1"], "{reported}");
    }

    #[test]
    fn a_file_has_a_case() {
        assert!(mistakes("cases: []").starts_with("1:8: there is no case; add one"));
        assert_eq!(mistakes("cases: [{ nme: a }]").lines().count(), 1);
        assert!(mistakes("# nothing").contains("the key `cases` is missing"));
    }

    #[test]
    fn the_issuers_are_the_first_one_those_of_the_file_and_those_of_presets() {
        let case = "{ name: a, request: GET /, token: { preset: okta }, expect: allow }";
        let cases = |issuers: &str| Cases::from_yaml(&format!("{issuers}\ncases: [{case}, {case}]")).unwrap();
        let issuers = |text: &str| {
            let all = cases(text).issuers("https://first").into_iter();
            all.map(|issuer| format!("{} {}", issuer.identifier, issuer.profile.preset().unwrap_or("-")))
                .collect::<Vec<_>>()
        };
        assert_eq!(issuers(""), ["https://first rfc9068", "https://okta.test okta"]);
        assert_eq!(
            issuers("issuers: [https://b, { issuer: https://c, profile: okta }]\nprofile: keycloak"),
            ["https://first keycloak", "https://b keycloak", "https://c okta"]
        );
        assert_eq!(
            cases("issuers: [https://b]\nprofile: okta").trust_place(),
            Some((1, 10))
        );
        assert_eq!(cases("").trust_place(), None);
        for (issuer, mistake) in [
            (
                "'https://a/?q'",
                "`https://a/?q` is not an issuer: it has a query or a fragment; write `https://a/`",
            ),
            ("'https://a/*'", "`https://a/*` is not an issuer: it is a pattern"),
        ] {
            let reported = mistakes(&format!("issuers: [https://b, {issuer}]\ncases: [{case}]"));
            assert!(reported.starts_with(&format!("1:22: {mistake}")), "{reported}");
        }
        assert!(
            mistakes(&format!("issuers: [a, a]\ncases: [{case}]")).starts_with("1:14: the issuer `a` is empty, or")
        );
    }
}
