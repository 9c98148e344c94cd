//! What of a document is in shadow, and where a mode cannot be.

use std::sync::Arc;

use actgate_yaml::{Span, Spanned};

use super::conjunction::DEFAULTS;
use super::document::Document;
use super::limit::LimitDocument;
use super::mode::Mode;
use super::route_table::Access;
use super::rules::{RequirementDocument, RouteDocument};
use super::syntax::Context;

impl Document {
    /// The mode of a route or a requirement that states none.
    pub(super) fn mode(&self) -> Mode {
        Mode::default().or_written(self.mode.as_ref())
    }

    /// Whether a rule may be in shadow.
    pub(super) fn has_shadow(&self) -> bool {
        self.first_shadow().is_some()
    }

    /// Where `mode: shadow` is written first.
    pub(super) fn first_shadow(&self) -> Option<Span> {
        let routes = self.routes.iter().map(|route| &route.value.mode);
        let requirements = self.requirements.values().chain(&self.defaults);
        let requirements = requirements.map(|named| &named.value.mode);
        let limits = self.routes.iter().filter_map(|route| route.value.limit.as_ref());
        let limits = limits.chain(&self.limit).map(|limit| &limit.value.mode);
        let modes = [&self.mode].into_iter().chain(routes).chain(requirements).chain(limits);
        let modes = modes.flatten();
        let shadows = modes.filter(|mode| mode.value == Mode::Shadow).map(Spanned::span);
        shadows.min_by_key(|place| (place.line, place.column))
    }

    /// What is written to be in shadow: the routes, or all of them in one, the defaults and the requirements.
    pub(super) fn in_shadow(&self) -> Vec<String> {
        let guarded = || self.routes.iter().filter(|route| !route.value.public);
        let is_in_shadow = |route: &&Spanned<RouteDocument>| route.value.mode_within(self.mode()) == Mode::Shadow;
        let enforces_limit = |route: &Spanned<RouteDocument>| {
            let limit = route.value.limit.as_ref().or(self.limit.as_ref());
            limit.is_some_and(|limit| limit.value.has_mode(Mode::Enforce))
        };
        let mut places: Vec<String> = match guarded().all(|route| is_in_shadow(&route)) {
            true if guarded().next().is_some() => match guarded().any(enforces_limit) {
                true => vec!["every route but for limits with `mode: enforce`".to_owned()],
                false => vec!["every route".to_owned()],
            },
            _ => {
                let routes = guarded().filter(is_in_shadow);
                let routes = routes.flat_map(|route| {
                    let but = if enforces_limit(route) {
                        " but for its limit"
                    } else {
                        ""
                    };
                    let matches = route.value.matches.iter();
                    matches.map(move |pattern| format!("{}{but}", pattern.value.trim()))
                });
                routes.collect()
            }
        };
        if self
            .defaults
            .iter()
            .any(|defaults| defaults.value.mode() == Mode::Shadow)
        {
            places.push(DEFAULTS.to_owned());
        }
        let is_in_shadow = |limit: &Spanned<LimitDocument>| limit.value.has_mode(Mode::Shadow);
        if self.limit.as_ref().is_some_and(is_in_shadow) {
            places.push("limit".to_owned());
        }
        let limited = guarded().filter(|route| route.value.limit.as_ref().is_some_and(is_in_shadow));
        let matches = limited.flat_map(|route| route.value.matches.iter());
        places.extend(matches.map(|pattern| format!("limit of {}", pattern.value.trim())));
        let requirements = self.requirements.iter();
        let requirements = requirements.filter(|(_, named)| named.value.mode() == Mode::Shadow);
        places.extend(requirements.map(|(name, _)| format!("requirement {name}")));
        places
    }
}

impl RouteDocument {
    pub(super) fn mode_within(&self, document: Mode) -> Mode {
        document.or_written(self.mode.as_ref())
    }
}

impl RequirementDocument {
    /// The mode that its rules have wherever it is required.
    pub(super) fn mode(&self) -> Mode {
        Mode::default().or_written(self.mode.as_ref())
    }

    /// Reports a mode that would enforce nothing.
    pub(super) fn check_mode(&self, of: &str, context: &mut Context<'_>) {
        if let Some(mode) = &self.mode
            && mode.value == Mode::Enforce
        {
            let message = format!("`mode: enforce` {of} has no effect");
            let help = "remove it: a route and the policy state what is in shadow, or `mode: shadow` does here";
            context.mistake(mode.span(), message, help);
        }
    }

    /// Reports the mode of an alternative.
    pub(super) fn check_alternative(&self, context: &mut Context<'_>) {
        if let Some(mode) = &self.mode {
            // Without one of its rules an alternative would allow more.
            let message = "an alternative has no mode";
            let help = "write `mode` beside the `match` of a route or in a requirement that holds the whole `any_of`";
            context.mistake(mode.span(), message, help);
        }
    }
}

impl Access {
    /// What would be needed if the rules in shadow were enforced.
    pub(super) fn promoted(&self) -> Access {
        match self {
            Access::Public => Access::Public,
            Access::Guarded(requirement) => Access::Guarded(Arc::clone(requirement.promoted().unwrap_or(requirement))),
        }
    }
}

/// Reports a requirement in shadow that an alternative requires.
pub(super) fn check_required_alternative(name: &Spanned<String>, context: &mut Context<'_>) {
    let message = format!(
        "`{}` is in shadow, and cannot be required in an alternative",
        name.value
    );
    let help = "write its rules here, or put the route or the requirement that holds the whole `any_of` in shadow";
    context.mistake(name.span(), message, help);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::policy::{Access, Mode, Policy};

    fn policy(text: &str) -> Policy {
        Policy::from_yaml(text).unwrap_or_else(|error| panic!("{error}"))
    }

    /// The rules of `GET /`: those that are enforced, and all with their modes, `-` for those in shadow.
    fn rules(text: &str) -> (Vec<String>, Vec<String>) {
        let policy = policy(text);
        let Access::Guarded(requirement) = &policy.exact_route("GET", "/").unwrap().access else {
            panic!()
        };
        let name = |(name, mode): (&Arc<str>, Mode)| match mode {
            Mode::Enforce => name.replace("GET /: ", ""),
            Mode::Shadow => name.replace("GET /: ", "-"),
        };
        let enforced: Vec<String> = requirement.modes().map(name).collect();
        let all = requirement
            .promoted()
            .unwrap_or(requirement)
            .modes()
            .map(name)
            .collect();
        (enforced, all)
    }

    #[test]
    fn a_rule_is_in_shadow_where_its_route_is_or_every_way_to_it_leads_through_shadow() {
        let requirements = "requirements:
  a: { mode: shadow, require: [b], initiator: { kind: human } }
  b: { scopes: [b], client: { one_of: [c] } }
  n: { mode: shadow, scopes: { none_of: [x] }, any_of: [{ client: { one_of: [c] } }, { client: { one_of: [d] } }] }
";
        for (document, route, enforced, all) in [
            (
                "",
                "require: [a], scopes: [s]",
                "scopes self_actor",
                "-b.scopes scopes self_actor -chain_inverted -b.client.one_of -a.initiator.kind",
            ),
            (
                "",
                "require: [a, b]",
                "b.scopes self_actor b.client.one_of",
                "b.scopes self_actor -chain_inverted b.client.one_of -a.initiator.kind",
            ),
            (
                "",
                "require: [a], actor: { required: true }",
                "self_actor chain_inverted actor.required",
                "-b.scopes self_actor chain_inverted -b.client.one_of -a.initiator.kind actor.required",
            ),
            (
                "",
                "mode: shadow, require: [b], chain: { max_depth: 1 }",
                "",
                "-b.scopes -self_actor -chain_inverted -b.client.one_of -chain.max_depth",
            ),
            ("mode: shadow", "scopes: [s]", "", "-scopes -self_actor"),
            (
                "mode: shadow",
                "mode: enforce, scopes: [s]",
                "scopes self_actor",
                "scopes self_actor",
            ),
            (
                "mode: enforce",
                "require: [b]",
                "b.scopes self_actor b.client.one_of",
                "b.scopes self_actor b.client.one_of",
            ),
            // A rule in shadow that accepts no scope is none that a ceiling is compared with.
            (
                "agents: [{ subject: bot, ceiling: { scopes: b } }]",
                "scopes: [s], require: [n]",
                "scopes self_actor chain_inverted ceiling",
                "scopes self_actor chain_inverted ceiling -n.scopes.none_of -n.any_of",
            ),
            (
                "mode: shadow",
                "mode: enforce, require: [a]",
                "self_actor",
                "-b.scopes self_actor -chain_inverted -b.client.one_of -a.initiator.kind",
            ),
        ] {
            let text = format!("{document}\n{requirements}routes: [{{ match: GET /, {route} }}]\n");
            let (found_enforced, found_all) = rules(&text);
            assert_eq!(found_enforced.join(" "), enforced, "{text}");
            assert_eq!(found_all.join(" "), all, "{text}");
        }
    }

    #[test]
    fn a_ceiling_is_in_shadow_as_well_where_a_rule_in_shadow_accepts_scopes() {
        for (rule, expected) in [
            ("scopes: [d]", 2),
            ("any_of: [{ scopes: [d] }, { client: { one_of: [d] } }]", 2),
            ("scopes: { none_of: [d] }", 1),
            ("any_of: [{ client: { one_of: [d] } }]", 1),
        ] {
            let agents = "agents: [{ subject: a, ceiling: { scopes: [c] } }]";
            let defaults = format!("defaults: {{ mode: shadow, {rule} }}");
            let (enforced, all) = rules(&format!(
                "{agents}\n{defaults}\nroutes: [{{ match: GET /, scopes: [c] }}]\n"
            ));
            let count = |names: &[String]| names.iter().filter(|name| name.ends_with("ceiling")).count();
            assert_eq!((count(&enforced), count(&all)), (1, expected), "{rule}");
        }
    }

    #[test]
    fn defaults_are_in_shadow_by_their_own_mode_a_requirement_in_shadow_or_the_whole_route() {
        let requirements = "requirements:
  a: { mode: shadow, require: [b], client: { one_of: [a] } }
  b: { scopes: [b] }
";
        for (document, defaults, route, enforced, all) in [
            (
                "",
                "scopes: [d]",
                "mode: shadow, require: [b]",
                "",
                "-defaults.scopes -b.scopes -self_actor",
            ),
            (
                "mode: shadow",
                "scopes: [d]",
                "mode: enforce, client: { one_of: [c] }",
                "defaults.scopes self_actor client.one_of",
                "defaults.scopes self_actor client.one_of",
            ),
            (
                "",
                "mode: shadow, scopes: [d]",
                "mode: enforce, client: { one_of: [c] }",
                "self_actor client.one_of",
                "-defaults.scopes self_actor client.one_of",
            ),
            (
                "",
                "mode: shadow, scopes: [d], require: [b]",
                "scopes: [d], require: [b]",
                "b.scopes scopes self_actor",
                "b.scopes -defaults.scopes scopes self_actor",
            ),
            (
                "",
                "require: [a], token: { max_age: 1h }",
                "require: [b]",
                "b.scopes self_actor defaults.token.max_age",
                "b.scopes self_actor -defaults.a.client.one_of defaults.token.max_age",
            ),
            (
                "",
                "require: [b]",
                "require: [a]",
                "defaults.b.scopes self_actor",
                "defaults.b.scopes self_actor -a.client.one_of",
            ),
            (
                "",
                "mode: shadow, initiator: { kind: human }",
                "scopes: [s]",
                "scopes self_actor",
                "scopes self_actor -chain_inverted -defaults.initiator.kind",
            ),
            (
                "agents: [{ subject: a }]\nunregistered_agents: deny",
                "mode: shadow, scopes: [d]",
                "client: { one_of: [c] }",
                "self_actor chain_inverted unregistered_agents client.one_of",
                "-defaults.scopes self_actor chain_inverted unregistered_agents client.one_of",
            ),
            (
                "agents: [{ subject: a }]\nunregistered_agents: deny",
                "scopes: [d]",
                "mode: shadow",
                "",
                "-defaults.scopes -self_actor -chain_inverted -unregistered_agents",
            ),
        ] {
            let text = format!(
                "{document}\n{requirements}defaults: {{ {defaults} }}\nroutes: [{{ match: GET /, {route} }}]\n"
            );
            let (found_enforced, found_all) = rules(&text);
            assert_eq!(found_enforced.join(" "), enforced, "{text}");
            assert_eq!(found_all.join(" "), all, "{text}");
        }
    }

    #[test]
    fn defaults_in_shadow_and_a_route_exclude_each_other_but_do_not_make_each_other_useless() {
        let error = |defaults: &str, route: &str| {
            let text = format!("defaults: {{ {defaults} }}\nroutes: [{{ match: GET /, {route} }}]\n");
            Policy::from_yaml(&text).err().map(|error| error.to_string())
        };
        let lax = "initiator: { kind: [human, agent] }";
        let found = error("initiator: { kind: human }", lax).unwrap();
        assert!(found.contains("has no effect"), "{found}");
        let found = error("initiator: { kind: human }", &format!("mode: shadow, {lax}")).unwrap();
        assert!(found.contains("has no effect"), "{found}");
        assert_eq!(error("mode: shadow, initiator: { kind: human }", lax), None);
        let found = error("mode: shadow, initiator: { kind: human }", "initiator: { kind: agent }").unwrap();
        assert!(found.contains("exclude each other"), "{found}");
    }

    #[test]
    fn an_expression_is_in_shadow_with_its_requirement() {
        if !cfg!(feature = "cel") {
            return;
        }
        let requirements = "requirements:
  a: { mode: shadow, expression: 'claims.region == \"eu\"' }
  b: { mode: shadow, expression: 'size(chain) < 3' }
";
        let text =
            format!("{requirements}routes: [{{ match: GET /, require: [a, b], expression: 'size(chain) < 4' }}]\n");
        let (enforced, all) = rules(&text);
        assert_eq!(enforced.join(" "), "self_actor chain_inverted expression");
        assert_eq!(
            all.join(" "),
            "self_actor chain_inverted -a.expression -b.expression expression"
        );
    }

    #[test]
    fn a_requirement_by_itself_has_its_own_mode_or_that_of_the_policy() {
        let is_in_shadow = |text: &str| policy(text).requirement("a").unwrap().1.promoted().is_some();
        assert!(is_in_shadow("requirements: { a: { mode: shadow, scopes: [s] } }"));
        assert!(is_in_shadow("mode: shadow\nrequirements: { a: { scopes: [s] } }"));
        assert!(!is_in_shadow("requirements: { a: { scopes: [s] } }"));

        // What is not of the requirement is not in its shadow.
        let text = "requirements: { a: { mode: shadow, scopes: [s] } }\ndefaults: { scopes: [d] }";
        let policy = policy(text);
        let requirement = policy.requirement("a").unwrap().1;
        let enforced: Vec<&str> = requirement.modes().map(|(name, _)| &**name).collect();
        assert_eq!(enforced, ["a: defaults.scopes", "a: self_actor"]);
    }

    #[test]
    fn a_mode_that_would_mislead_is_a_mistake() {
        let alternative = "an alternative has no mode";
        let required = "`b` is in shadow, and cannot be required in an alternative";
        for (body, mistake) in [
            ("any_of: [{ mode: shadow, scopes: [a] }, { scopes: [b] }]", alternative),
            ("any_of: [{ mode: enforce, scopes: [a] }]", alternative),
            ("any_of: [{ any_of: [{ mode: shadow, scopes: [a] }] }]", alternative),
            ("any_of: [{ require: [b] }, { scopes: [a] }]", required),
            ("any_of: [{ require: [c], scopes: [a] }]", required),
            ("mode: shadow\n    any_of: [{ require: [b] }]", required),
            ("require: [d]", "`mode: enforce` of a requirement has no effect"),
            ("require: [f]", "`mode: enforce` of `defaults` has no effect"),
            ("scopes: [a]\n    require: [g]", "`defaults` is empty"),
            ("mode: shadow\n    public: true", "a public route has no requirement"),
            ("mode: enforce\n    public: true", "a public route has no requirement"),
            ("mode: off\n    scopes: [a]", "unknown word `off`"),
            ("mode: ~\n    scopes: [a]", "a value is missing here"),
            ("mode: shdow\n    scopes: [a]", "did you mean `shadow`?"),
            ("require: [e]", "requirement `e` is empty"),
        ] {
            let named = match mistake {
                mistake if mistake.contains("of `defaults`") => {
                    "  f: { scopes: [f] }\ndefaults: { mode: enforce, scopes: [g] }\n"
                }
                mistake if mistake.contains("`defaults` is empty") => {
                    "  g: { scopes: [g] }\ndefaults: { mode: shadow }\n"
                }
                mistake if mistake.starts_with("`mode: enforce`") => "  d: { mode: enforce, scopes: [d] }\n",
                mistake if mistake.ends_with("empty") => "  e: { mode: shadow }\n",
                _ => "",
            };
            let text = format!(
                "requirements:\n  b: {{ mode: shadow, scopes: [b] }}\n  c: {{ require: [b] }}\n{named}\
                 routes:\n  - match: GET /\n    {body}\n"
            );
            let error = Policy::from_yaml(&text).map(|_| ()).unwrap_err();
            assert_eq!(error.iter().count(), 1, "{body}: {error}");
            assert!(error.to_string().contains(mistake), "{body}: {error}");
        }
        let outside = "requirements: { b: { mode: shadow, any_of: [{ scopes: [a] }, { scopes: [b] }] } }\n\
                       routes: [{ match: GET /, require: [b] }]";
        assert_eq!(rules(outside).0, ["self_actor"]);
    }

    #[test]
    fn what_is_in_shadow_is_listed_and_a_policy_without_an_enforced_rule_has_a_warning() {
        let requirements = "requirements: { a: { mode: shadow, scopes: [s] } }\n";
        let listed = |text: &str| {
            let policy = policy(text);
            let warnings: Vec<String> = policy.warnings().map(|warning| warning.to_string()).collect();
            let places: Vec<&str> = policy.in_shadow().collect();
            (places.join("; "), warnings.join("\n"))
        };
        let nothing = "every rule is in shadow: a route with a valid token allows every request";
        for (text, places, is_warned) in [
            ("routes: [{ match: GET /, scopes: [s] }]", "", false),
            (
                "mode: shadow\nroutes: [{ match: GET /, scopes: [s] }, { match: GET /p, public: true }]",
                "every route",
                true,
            ),
            (
                "mode: shadow\nroutes: [{ match: GET /, scopes: [s] }, { match: GET /e, mode: enforce, scopes: [s] }]",
                "GET /",
                false,
            ),
            (
                &format!(
                    "{requirements}routes: [{{ match: [GET /, GET /b], mode: shadow, scopes: [s] }}, {{ match: GET /c, scopes: [s], require: [a] }}]"
                ),
                "GET /; GET /b; requirement a",
                false,
            ),
            (
                &format!("{requirements}routes: [{{ match: GET /, require: [a] }}]"),
                "requirement a",
                true,
            ),
            (
                "defaults: { mode: shadow, scopes: [d] }\nroutes: [{ match: GET / }]",
                "defaults",
                true,
            ),
            (
                "defaults: { mode: shadow, scopes: [d] }\nroutes: [{ match: GET /, scopes: [s] }]",
                "defaults",
                false,
            ),
            (
                "routes: [{ match: GET /, mode: shadow, limit: { per: actor, rate: 1/d, mode: enforce } }, { match: GET /b, mode: shadow }]",
                "every route but for limits with `mode: enforce`",
                false,
            ),
            (
                "limit: { per: actor, rate: 1/d, mode: enforce }\nroutes: [{ match: GET /, mode: shadow }, { match: GET /b }]",
                "GET / but for its limit",
                false,
            ),
            (
                "routes: [{ match: GET /, mode: shadow, limit: { per: actor, rate: 1/d } }]",
                "every route",
                true,
            ),
        ] {
            let (found, warnings) = listed(text);
            assert_eq!(found, places, "{text}");
            assert_eq!(warnings.contains(nothing), is_warned, "{text}: {warnings}");
        }
    }
}
