//! The policy: in a file of its own, or in the configuration.

use std::path::PathBuf;
use std::sync::Arc;

use actgate::Policy;
use actgate_yaml::{Diagnostic, Span, Spanned};

use super::reader::ConfigReader;
use crate::config::document::Document;
use crate::config::settings::diagnostic;

/// The mistake of a policy that denies every request.
pub(crate) const NO_ROUTE: &str = "there is no route, so that every request would be denied";

/// A policy and where it was read from.
pub(super) struct PolicySettings {
    pub(super) policy: Arc<Policy>,
    pub(super) file: PathBuf,
}

impl ConfigReader<'_> {
    /// Reads the policy; `text` is that of the configuration.
    pub(super) fn policy(&mut self, document: &Document, text: &str) -> Option<PolicySettings> {
        let routes = document.routes.as_ref().map(Spanned::span);
        let others = [
            &document.requirements,
            &document.scopes,
            &document.spelling,
            &document.mode,
            &document.mcp,
            &document.defaults,
            &document.limit,
            &document.groups,
            &document.agents,
            &document.unregistered_agents,
        ];
        let is_inline = routes.is_some() || others.into_iter().any(Option::is_some);
        let (file, policy) = match &document.policy {
            Some(named) if is_inline => {
                let message = "the policy is written here and named as well";
                let help = "keep either `policy`, or what belongs to a policy: `routes`, `requirements`, `defaults`, `limit`, `scopes`, `spelling`, `mode`, `mcp`, \
                            `groups`, `agents` and `unregistered_agents`";
                self.diagnostics.push(named.span(), message, help);
                return None;
            }
            Some(named) => {
                let file = self.beside(&named.value);
                match self.read(&file) {
                    Ok(text) => (file, Policy::from_yaml(&text)),
                    Err(error) => {
                        let message = format!("`{}`: {}", file.display(), error.message);
                        let help = match error.is_missing {
                            true => "write a path that is relative to this file",
                            false => error.help,
                        };
                        self.diagnostics.push(named.span(), message, help);
                        return None;
                    }
                }
            }
            None if is_inline => (self.file.to_owned(), Policy::from_yaml_members(text)),
            None => {
                let keys = [
                    "policy",
                    "routes",
                    "requirements",
                    "defaults",
                    "limit",
                    "scopes",
                    "spelling",
                    "mode",
                    "mcp",
                    "groups",
                    "agents",
                    "unregistered_agents",
                ];
                if !keys.iter().any(|key| self.omissions.has_key(key)) {
                    let message = "there is no policy, so that every request would be denied";
                    let help = "name its file with `policy`, or write `routes` here";
                    self.diagnostics.push(Span::default(), message, help);
                }
                return None;
            }
        };
        let mistakes: Vec<Diagnostic> = match policy {
            Ok(policy) if policy.routes().next().is_some() => {
                let policy = Arc::new(policy);
                return Some(PolicySettings { policy, file });
            }
            Ok(_) => {
                let help = "write at least one under `routes`";
                vec![Diagnostic::new(routes.unwrap_or_default(), NO_ROUTE, help)]
            }
            Err(error) => error.iter().map(diagnostic).collect(),
        };
        // A mistake of the configuration has no file yet, so that one of both readings is reported once.
        let file = (!is_inline).then_some(file);
        self.diagnostics.extend(mistakes.into_iter().map(|mistake| Diagnostic {
            file: file.clone(),
            ..mistake
        }));
        None
    }
}
