//! `require`: the requirements that a route or a requirement consists of.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use actgate_yaml::{Spanned, nearest};

use super::conjunction::{Part, Required};
use super::document::{Document, Requirements};
use super::mode::Mode;
use super::rules::{Ceilings, RequirementDocument};
use super::shadow::check_required_alternative;
use super::syntax::Context;

/// Maximum length of a path of `require` from one requirement to another.
const MAX_REQUIRE_DEPTH: usize = 16;

/// Compiles one route or one requirement.
pub(super) struct Compiler<'d, 'c, 'r> {
    pub(super) policy: &'d Document,
    pub(super) ceilings: Arc<Ceilings>,
    /// The route or the requirement that the names of all rules begin with.
    pub(super) owner: &'d str,
    pub(super) context: &'c mut Context<'r>,
    pub(super) view: View,
}

/// Which rules of a requirement are compiled.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    /// All, each with its mode.
    Written,
    /// Those that are not in shadow.
    Enforced,
}

/// Which requirements the roots of a conjunction lead to.
pub(super) struct Reach<'d> {
    /// Those that a way without shadow leads to, each with the first root that such a way starts at: its path, and whether it
    /// is one of the defaults.
    enforced: BTreeMap<&'d str, (String, bool)>,
    /// Those that are parts already.
    included: BTreeSet<&'d str>,
}

impl<'d> Reach<'d> {
    /// `name` is that of the requirement that is compiled.
    pub(super) fn new(roots: &[Part<'d>], name: Option<&'d str>, defined: &'d Requirements) -> Self {
        let mut enforced = BTreeMap::new();
        for root in roots.iter().filter(|root| root.mode == Mode::Enforce) {
            let mut open = vec![root.document];
            while let Some(document) = open.pop() {
                for name in document.require.iter().flat_map(|required| &required.value) {
                    if let Some(required) = defined.get(&name.value)
                        && required.value.mode() == Mode::Enforce
                        && !enforced.contains_key(name.value.as_str())
                    {
                        enforced.insert(name.value.as_str(), (root.path.clone(), root.is_default));
                        open.push(&required.value);
                    }
                }
            }
        }
        let included = name.into_iter().collect();
        Reach { enforced, included }
    }
}

impl<'d> Compiler<'d, '_, '_> {
    /// Collects what a requirement requires, and then itself, each once.
    pub(super) fn resolve(&mut self, part: Part<'d>, base: &str, reach: &mut Reach<'d>, parts: &mut Vec<Part<'d>>) {
        if let Some(required) = &part.document.require {
            if required.value.is_empty() {
                self.context.empty(required.span(), "require");
            }
            if part.within.len() > MAX_REQUIRE_DEPTH {
                let message = format!("`require` leads through more than {MAX_REQUIRE_DEPTH} requirements");
                let help = "require the last ones directly";
                self.context.mistake(required.span(), message, help);
                return;
            }
            let span = part.required.map_or(required.span(), |required| required.span);
            for name in &required.value {
                let Some((document, within)) = self.required(name, &part.within) else {
                    continue;
                };
                let is_in_shadow = document.mode() == Mode::Shadow;
                if part.is_alternative && is_in_shadow {
                    check_required_alternative(name, self.context);
                }
                if self.view == View::Enforced && is_in_shadow {
                    continue;
                }
                if reach.included.insert(&name.value) {
                    // Its rules have the same names in both views.
                    let enforced = reach.enforced.get(name.value.as_str());
                    let mode = enforced.map_or(Mode::Shadow, |_| Mode::Enforce);
                    let (path, is_default) = enforced.map_or((base, part.is_default), |(path, is)| (path, *is));
                    let mut inner = Part::new(document, format!("{path}{}.", name.value), within);
                    inner.required = Some(Required {
                        name: &name.value,
                        span,
                    });
                    (inner.mode, inner.is_default) = (mode, is_default);
                    inner.is_alternative = part.is_alternative;
                    self.resolve(inner, base, reach, parts);
                }
            }
        }
        parts.push(part);
    }

    /// The requirement of a name, and the way to it.
    fn required(
        &mut self,
        name: &'d Spanned<String>,
        within: &[&'d str],
    ) -> Option<(&'d RequirementDocument, Vec<&'d str>)> {
        let Some(document) = self.policy.requirements.get(&name.value) else {
            if !["requirements", &name.value]
                .iter()
                .any(|key| self.context.omissions.has_key(key))
            {
                let known: Vec<&String> = self.policy.requirements.keys().collect();
                let help = match known[..] {
                    [] => "define it under `requirements`".to_owned(),
                    _ => nearest(&name.value, &known),
                };
                let message = format!("no requirement is named `{}`", name.value);
                self.context.mistake(name.span(), message, help);
            }
            return None;
        };
        let name_span = name.span();
        let name = name.value.as_str();
        if within.contains(&name) {
            // Each cycle is reported once: where it starts at the first of its names.
            if within.first() == Some(&name) && within.iter().min() == Some(&name) {
                let cycle = within.join(" → ");
                let message = format!("requirement `{name}` requires itself: {cycle} → {name}");
                self.context.mistake(name_span, message, "remove one of these");
            }
            return None;
        }
        Some((&document.value, [within, &[name]].concat()))
    }
}
