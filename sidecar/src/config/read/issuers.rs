//! The part of a configuration that says whom to believe and what to demand.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use actgate::keys::{Algorithm, KeySource, RefreshPolicy};
use actgate::yaml::At;
use actgate::{Authorizer, AuthorizerBuilder, ConfigError, Policy, TrustedIssuer};

use super::{Reader, read_file, whole_file};
use crate::config::diagnostic::Problem;
use crate::config::document::{Written, WrittenIssuer, WrittenKeys};
use crate::config::trust::IssuerSettings;

impl Reader {
    pub(super) fn issuers(&mut self, written: &At<Vec<WrittenIssuer>>, audiences: &[String]) -> Vec<IssuerSettings> {
        if written.value.is_empty() {
            self.wrong_at(written, "no issuer is trusted", Some("name at least one"));
        }
        let mut issuers: Vec<IssuerSettings> = Vec::new();
        for one in &written.value {
            if issuers.iter().any(|other| other.issuer == one.issuer.value) {
                self.wrong_at(&one.issuer, "this issuer is named twice", Some("keep one entry"));
                continue;
            }
            let settings = IssuerSettings {
                issuer: one.issuer.value.clone(),
                source: one
                    .jwks_uri
                    .as_ref()
                    .map_or(KeySource::Discovery, |uri| KeySource::JwksUri(uri.value.clone())),
                algorithms: one
                    .algorithms
                    .as_ref()
                    .map_or_else(|| Algorithm::ALL.to_vec(), |list| list.value.clone()),
                profile: one.profile,
                chain: one.chain_completeness,
                prior_actors: one.prior_actors,
                schedule: self.schedule(one.keys.as_ref()),
            };
            // Without an audience there is nothing to trust the issuer for, and that has been said already.
            if !audiences.is_empty()
                && let Err(error) = settings.trusted(audiences)
            {
                self.issuer_problem(one, &error);
            }
            issuers.push(settings);
        }
        issuers
    }

    fn schedule(&mut self, written: Option<&WrittenKeys>) -> RefreshPolicy {
        let default = RefreshPolicy::default();
        let Some(written) = written else { return default };
        let longest = "0s"..="30d";
        RefreshPolicy {
            refresh: self.duration(written.refresh.as_ref(), default.refresh, longest.clone()),
            cooldown: self.duration(written.cooldown.as_ref(), default.cooldown, longest.clone()),
            timeout: self.duration(written.timeout.as_ref(), default.timeout, longest.clone()),
            max_stale: self.duration(written.max_stale.as_ref(), default.max_stale, longest),
        }
    }

    /// What the library says about one issuer, told at the value that it is about.
    fn issuer_problem(&mut self, written: &WrittenIssuer, error: &ConfigError) {
        let keys = written.keys.as_ref();
        let place = match error {
            ConfigError::Url { url, .. } => written.jwks_uri.as_ref().filter(|uri| uri.value == *url),
            ConfigError::Duration { name: "refresh", .. } => keys.and_then(|keys| keys.refresh.as_ref()),
            ConfigError::Duration { name: "cooldown", .. } => keys.and_then(|keys| keys.cooldown.as_ref()),
            ConfigError::Duration { name: "timeout", .. } => keys.and_then(|keys| keys.timeout.as_ref()),
            ConfigError::Duration { name: "max_stale", .. } => keys.and_then(|keys| keys.max_stale.as_ref()),
            _ => None,
        };
        match (error, &written.algorithms) {
            (ConfigError::NoAlgorithm(_), Some(list)) => self.wrong_at(list, error.to_string(), None),
            _ => self.wrong_at(place.unwrap_or(&written.issuer), error.to_string(), None),
        }
    }

    /// What only issuers and policy together can get wrong: rules on prior actors.
    pub(super) fn check_history(
        &mut self,
        place: &At<Vec<WrittenIssuer>>,
        issuers: &[IssuerSettings],
        audiences: &[String],
        policy_file: &Path,
        policy: &Arc<Policy>,
    ) {
        if !self.problems.is_empty() {
            return;
        }
        let trusted: Result<Vec<_>, _> = issuers.iter().map(|issuer| issuer.trusted(audiences)).collect();
        let builder = |trusted: Vec<TrustedIssuer>| {
            let builder = Authorizer::builder().policy(Arc::clone(policy));
            trusted.into_iter().fold(builder, AuthorizerBuilder::issuer)
        };
        match trusted.and_then(|trusted| builder(trusted).build()) {
            Ok(_) => {}
            Err(ConfigError::HistoryRule {
                rule,
                line,
                issuer,
                reason,
                help,
            }) => self.problems.push(Problem {
                file: policy_file.to_owned(),
                line,
                column: 0,
                message: format!("`{rule}` reads prior actors, but for issuer `{issuer}` {reason}"),
                mend: Some(help.to_owned()),
            }),
            Err(error) => self.wrong_at(place, error.to_string(), None),
        }
    }

    pub(super) fn policy(&mut self, text: &str, written: &Written) -> Option<(PathBuf, Arc<Policy>)> {
        let inline = written.requirements.is_some() || written.routes.is_some();
        let place = written.routes.as_ref().map(At::place);
        let (file, policy) = match &written.policy {
            Some(named) if inline => {
                self.wrong_at(
                    named,
                    "the policy is named and written here as well",
                    Some("keep either `policy` or `requirements` and `routes`"),
                );
                return None;
            }
            Some(named) => {
                let file = self.beside(&named.value);
                match read_file(&file) {
                    Ok(text) => (file, Policy::from_yaml(&text)),
                    Err(message) => {
                        self.wrong_at(
                            named,
                            format!("`{}`: {message}", file.display()),
                            Some("the path is relative to this file"),
                        );
                        return None;
                    }
                }
            }
            None if inline => (self.file.clone(), Policy::from_yaml_members(text)),
            None => {
                let mut problem = whole_file(
                    &self.file,
                    "there is no policy, so every request would be refused".to_owned(),
                );
                problem.mend = Some("name its file with `policy`, or write `routes` here".to_owned());
                self.problems.push(problem);
                return None;
            }
        };
        match policy {
            Ok(policy) if policy.routes().next().is_none() => {
                let At { line, column, .. } = place.unwrap_or(At {
                    value: (),
                    line: 0,
                    column: 0,
                });
                self.problems.push(Problem {
                    file,
                    line,
                    column,
                    message: "there is no route, so every request would be refused".to_owned(),
                    mend: Some("write at least one under `routes`".to_owned()),
                });
                None
            }
            Ok(policy) => Some((file, Arc::new(policy))),
            Err(error) => {
                self.problems.extend(error.iter().map(|mistake| Problem {
                    file: file.clone(),
                    line: mistake.line(),
                    column: mistake.column(),
                    message: mistake.message().to_owned(),
                    mend: mistake.help().map(str::to_owned),
                }));
                None
            }
        }
    }
}
