//! From the written form to rules: every name is resolved, and every rule is named by its owner and its place.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use actgate_yaml::{Diagnostics, Omissions, Span, Spanned};

use super::across;
use super::agents::{Agents, KnownAgents};
use super::alternatives;
use super::conjunction::{self, Part};
use super::coverage::Coverage;
use super::defaults;
use super::document::Document;
use super::escaped_slash::EscapedSlash;
use super::limit::{EVERY_ROUTE, Limit, deny_limit};
use super::lookalikes;
use super::mcp::McpMatch;
use super::mode::Mode;
use super::origins;
use super::presenters;
use super::registry;
use super::require::{Compiler, Reach, View};
use super::requirement::Requirement;
use super::route_pattern::Pattern;
use super::route_table::{Access, RouteTable};
use super::rules::{
    ActorCondition, AgentCondition, AnyOf, CoreCondition, CoreRule, KnownCeilings, RequirementDocument, RouteDocument,
    Rules,
};
use super::scope_hierarchy;
use super::syntax::{Context, ImpliedBy};

/// Maximum nesting of `any_of`.
const MAX_NESTING: usize = 4;

/// Most rules of a policy, those of each requirement counted wherever it is required.
const MAX_RULES: usize = 100_000;

/// The parts of a compiled policy.
pub(super) struct Compiled {
    pub(super) requirements: BTreeMap<String, Arc<Requirement>>,
    pub(super) routes: RouteTable,
    /// The routes as they would be if every rule were enforced; [`None`] where none is in shadow.
    pub(super) promoted: Option<RouteTable>,
    /// The origins of web pages that may send messages to an MCP endpoint.
    pub(super) origins: Vec<Box<str>>,
    /// The names of the rules of `defaults`.
    pub(super) defaults: Vec<Box<str>>,
    pub(super) coverage: Coverage,
    /// The agents that the owner knows.
    pub(super) agents: Arc<Agents>,
    /// The headers that expressions read.
    pub(super) read_headers: Arc<[Box<str>]>,
}

/// Compiles a document, and reports every mistake of its meaning. The result is valid only without mistakes.
pub(super) fn compile(
    mut document: Document,
    source: &str,
    omissions: &Omissions,
    diagnostics: &mut Diagnostics,
) -> Compiled {
    let mut context = Context {
        source,
        omissions,
        diagnostics,
        scopes: Vec::new(),
        is_tool_call: true,
        path: None,
        implied_by: ImpliedBy::default(),
        agents: KnownAgents::default(),
        read_headers: BTreeSet::new(),
        compiled: 0,
        warnings: Diagnostics::default(),
    };
    context.implied_by = scope_hierarchy::compile(document.scopes.as_ref(), &mut context);
    let groups = document.add_members_of_groups(&mut context);
    let mut ceilings = KnownCeilings::compile(registry::ceilings(document.agents.as_ref()), &mut context);
    let defaults = Compiler::new(&document, &ceilings, "", &mut context).defaults();
    let mut requirements = BTreeMap::new();
    for (name, body) in &document.requirements {
        if body.value.is_empty() {
            let message = format!("requirement `{name}` is empty");
            context.mistake_if_whole(body.span(), message, "write what it requires, or remove it");
        }
        body.value.check_mode("of a requirement", &mut context);
        let compiler = Compiler::new(&document, &ceilings, name, &mut context);
        let compiled = compiler.requirement(&body.value, Some(name), None, document.mode());
        requirements.insert(name.clone(), Arc::new(compiled));
    }
    let mut routes = RouteTable::new(document.spelling);
    let mut promoted = document.has_shadow().then(|| RouteTable::new(document.spelling));
    for route in &document.routes {
        let tables = (&mut routes, promoted.as_mut());
        add_route(tables, route, &document, &mut ceilings, &mut context);
    }
    ceilings.check_routes(registry::ceilings(document.agents.as_ref()), &mut context);
    let origins = document.mcp.as_ref().map(|settings| {
        if !document.routes.iter().any(|route| route.value.mcp.is_some()) {
            let message = "no route has `mcp`, so that these settings have no effect";
            context.mistake_if_whole(
                settings.span(),
                message,
                "write `mcp` beside the `match` of a route, or remove them",
            );
        }
        origins::compile(settings, &mut context)
    });
    routes.finish(context.diagnostics);
    if let Some(promoted) = &mut promoted {
        promoted.finish(context.diagnostics);
    }
    let Context {
        implied_by,
        agents,
        read_headers,
        warnings,
        ..
    } = context;
    let mut coverage = match diagnostics.is_empty() {
        true => Coverage::of(&document, &implied_by, &routes, promoted.as_ref()),
        false => Coverage::default(),
    };
    coverage.without_effect.extend(warnings);
    lookalikes::report(source, &mut coverage.without_effect);
    groups.report_unused(&agents, &mut coverage.without_effect);
    Compiled {
        requirements,
        routes,
        promoted,
        origins: origins.unwrap_or_default(),
        defaults,
        coverage,
        agents: agents.table,
        read_headers: read_headers.into_iter().collect(),
    }
}

impl Context<'_> {
    /// Whether the policy has more rules than are compiled; reported once, at the place where they become too many.
    fn has_too_many_rules(&mut self, span: Span) -> bool {
        if self.compiled <= MAX_RULES {
            return false;
        }
        if self.compiled != usize::MAX {
            self.compiled = usize::MAX;
            let message = format!("the policy has more than {MAX_RULES} rules");
            let help = "write fewer alternatives: `require` in each of them repeats all rules of the requirement";
            self.mistake(span, message, help);
        }
        true
    }
}

fn add_route(
    (routes, mut promoted): (&mut RouteTable, Option<&mut RouteTable>),
    route: &Spanned<RouteDocument>,
    document: &Document,
    ceilings: &mut KnownCeilings,
    context: &mut Context<'_>,
) {
    let RouteDocument {
        matches,
        mcp,
        public,
        escaped_slash,
        ..
    } = &route.value;
    let requirement = route.value.requirement();
    if matches.is_empty() {
        context.mistake_if_whole(route.span(), "`match` is empty", "name at least one `METHOD /path`");
    }
    deny_limit(route.value.limit.as_ref().filter(|_| *public), context);
    if *public && !(requirement.is_empty() && route.value.mode.is_none()) {
        let help = match mcp {
            None => "remove `public: true`, or every other key but `match`",
            Some(_) => "remove `public: true`, or every other key but `match` and `mcp`",
        };
        context.mistake(route.span(), "a public route has no requirement", help);
    }
    if mcp.is_some() && *escaped_slash == EscapedSlash::Pass {
        let message = "an endpoint of MCP has no escaped slash";
        context.mistake(route.span(), message, "remove `escaped_slash`");
    }
    let messages = match mcp {
        None => None,
        Some(written) => match McpMatch::compile(written, context) {
            None => {
                ceilings.lacks_routes = true;
                return;
            }
            messages => messages,
        },
    };
    context.is_tool_call = messages.as_ref().is_some_and(McpMatch::is_tool_call);
    let owner_of = |pattern: &Spanned<String>| match &messages {
        None => pattern.value.trim().to_owned(),
        Some(messages) => format!("{} {messages}", pattern.value.trim()),
    };
    let first = matches.iter().next().map(owner_of).unwrap_or_default();
    for pattern in matches.iter() {
        if context.has_too_many_rules(route.span()) {
            ceilings.lacks_routes = true;
            return;
        }
        let owner = owner_of(pattern);
        ceilings.add_route(&owner, *public);
        let access = if *public {
            Access::Public
        } else {
            context.path = Pattern::parse(pattern).ok().map(|(pattern, _)| pattern.segments);
            let mode = route.value.mode_within(document.mode());
            let limit = limit_of(&route.value, (&owner, &first), document, context);
            let compiler = Compiler::new(document, ceilings, &owner, context);
            Access::Guarded(Arc::new(compiler.requirement(&requirement, None, limit, mode)))
        };
        if let Some(promoted) = &mut promoted {
            let access = access.promoted();
            promoted.add(pattern, messages.clone(), access, *escaped_slash, context.diagnostics);
        }
        routes.add(pattern, messages.clone(), access, *escaped_slash, context.diagnostics);
    }
}

/// The limit of a route that is not public: its own, else that of the policy. The names are those of one `match` of the route, and of
/// its first one: all of them have one count.
fn limit_of(route: &RouteDocument, names: (&str, &str), policy: &Document, context: &mut Context<'_>) -> Option<Limit> {
    let (owner, first) = names;
    let (limit, shared_by) = match (&route.limit, &policy.limit) {
        (Some(own), _) => (own, first),
        (None, Some(of_policy)) => (of_policy, EVERY_ROUTE),
        (None, None) => return None,
    };
    limit
        .value
        .compile(owner, shared_by, route.mode_within(policy.mode()), context)
}

impl<'d, 'c, 'r> Compiler<'d, 'c, 'r> {
    fn new(policy: &'d Document, ceilings: &KnownCeilings, owner: &'d str, context: &'c mut Context<'r>) -> Self {
        Compiler {
            policy,
            ceilings: Arc::clone(&ceilings.table),
            owner,
            context,
            view: View::Written,
        }
    }

    fn defaults(mut self) -> Vec<Box<str>> {
        defaults::check(self.policy, self.context);
        let parts = self.parts(self.policy.defaults.iter().map(Part::of_defaults), None, 0);
        defaults::names(&parts)
    }

    /// Compiles what a route requires, with its limit, or a requirement: `mode` is that of the whole.
    fn requirement(
        mut self,
        document: &'d RequirementDocument,
        name: Option<&'d str>,
        limit: Option<Limit>,
        mode: Mode,
    ) -> Requirement {
        let written = self.rules(document, name, mode).with_limit(limit.clone());
        if written.modes().all(|(_, mode)| mode == Mode::Enforce) {
            return written;
        }
        self.view = View::Enforced;
        let enforced = match mode {
            Mode::Enforce => self.rules(document, name, mode),
            Mode::Shadow => Requirement::default(),
        };
        let limit = limit.filter(|limit| limit.mode == Mode::Enforce);
        enforced.with_limit(limit).beside(written)
    }

    fn rules(&mut self, document: &'d RequirementDocument, name: Option<&'d str>, mode: Mode) -> Requirement {
        let mut root = Part::new(document, String::new(), name.into_iter().collect());
        root.mode = document.mode();
        let defaults = self.policy.defaults.iter().map(Part::of_defaults);
        let parts = self.parts(defaults.chain([root]), name, 0);
        if name.is_none() && self.policy.defaults.is_some() && self.view == View::Written {
            defaults::check_narrowing(&parts, self.owner, self.context);
        }
        let Rules { mut core, history } = Rules::of(parts, mode);
        let agents = &self.context.agents.table;
        let of_core = core
            .iter()
            .filter(|rule| rule.reads_kind_or_actor())
            .map(|rule| rule.mode);
        let of_agents = (agents.deny_others || !self.ceilings.is_empty()).then_some(mode);
        let reading = of_core.chain(history.iter().map(|rule| rule.mode)).chain(of_agents);
        let implicit = [
            Some(("self_actor", ActorCondition::NotSelfActor, mode)),
            reading
                .reduce(Mode::or)
                .map(|mode| ("chain_inverted", ActorCondition::NotInverted, mode)),
            AgentCondition::of_every_requirement(agents)
                .map(|condition| ("unregistered_agents", ActorCondition::Agent(condition), mode)),
        ];
        let implicit = implicit.into_iter().flatten().map(|(word, condition, mode)| CoreRule {
            name: format!("{}: {word}", self.owner).into(),
            span: Span::default(),
            mode,
            condition: CoreCondition::Actor(condition),
        });
        let of_ceilings = CoreRule::of_ceilings(&self.ceilings, self.owner, name.is_none(), mode, &core);
        let first = core.partition_point(CoreRule::asks_for_scope);
        core.splice(first..first, implicit.chain(of_ceilings));
        Requirement::new(core, history)
    }

    /// The rules of requirements and of those that they require, each once.
    fn parts(
        &mut self,
        roots: impl IntoIterator<Item = Part<'d>>,
        name: Option<&'d str>,
        nesting: usize,
    ) -> Vec<Part<'d>> {
        let mut parts = Vec::new();
        let roots: Vec<Part<'d>> = match self.view {
            View::Written => roots.into_iter().collect(),
            View::Enforced => roots.into_iter().filter(|root| root.mode == Mode::Enforce).collect(),
        };
        let mut reach = Reach::new(&roots, name, &self.policy.requirements);
        for root in roots {
            let base = root.path.clone();
            self.resolve(root, &base, &mut reach, &mut parts);
        }
        let mut scopes = Vec::new();
        for scope in parts.iter().flat_map(|part| part.document.required_scopes()) {
            if !scopes.contains(scope) {
                scopes.push(scope.clone());
            }
        }
        for part in &mut parts {
            let mut rules = Rules::default();
            self.context.scopes.clone_from(&scopes);
            let prefix = format!("{}: {}", self.owner, part.path);
            part.document.compile(&prefix, self.context, &mut rules);
            conjunction::check_depth(part.document, self.context);
            self.context.compiled = self.context.compiled.saturating_add(1 + rules.len());
            if let Some(alternatives) = &part.document.any_of {
                let condition = self.any_of(alternatives, part, nesting);
                let name = format!("{prefix}any_of").into();
                rules.core.push(CoreRule::new(name, alternatives.span(), condition));
            }
            part.rules = rules;
        }
        conjunction::check(&parts, self.owner, self.context);
        alternatives::check(&parts, self.owner, self.context);
        presenters::check(&parts, self.owner, self.context);
        across::report(&parts, self.view, self.owner, self.context);
        parts
    }

    fn any_of(
        &mut self,
        alternatives: &'d Spanned<Vec<Spanned<RequirementDocument>>>,
        part: &Part<'d>,
        nesting: usize,
    ) -> CoreCondition {
        if alternatives.value.is_empty() {
            self.context.empty(alternatives.span(), "any_of");
        }
        let mut compiled = Vec::new();
        if nesting == MAX_NESTING {
            let message = format!("`any_of` is nested more than {MAX_NESTING} deep");
            let help = "move the inner alternatives into one list";
            self.context.mistake(alternatives.span(), message, help);
            return CoreCondition::AnyOf(AnyOf(compiled.into()));
        }
        for (index, alternative) in alternatives.value.iter().enumerate() {
            let span = alternative.span();
            if self.context.has_too_many_rules(span) {
                break;
            }
            if alternative.value.is_empty() {
                let message = "an empty alternative is always met";
                self.context
                    .mistake_if_whole(span, message, "write what it requires, or remove it");
            }
            alternative.value.check_alternative(self.context);
            let path = format!("{}any_of[{index}].", part.path);
            let mut inner = Part::new(&alternative.value, path, part.within.clone());
            inner.is_alternative = true;
            let rules = Rules::of(self.parts([inner], None, nesting + 1), Mode::Enforce);
            if !rules.history.is_empty() {
                // Otherwise a prior actor could turn a denial into an allow.
                let message = "`chain` cannot be an alternative: prior actors may only deny";
                let help = "move the rule on `chain` out of `any_of`";
                self.context.mistake(span, message, help);
            }
            compiled.push(rules.core);
        }
        CoreCondition::AnyOf(AnyOf(compiled.into()))
    }
}

#[cfg(test)]
mod tests {
    use crate::policy::{Access, Policy};

    fn error(text: &str) -> String {
        Policy::from_yaml(text)
            .unwrap_err()
            .to_string()
            .replace("\n  help: ", "; ")
    }

    #[test]
    fn rules_are_named_by_their_route_and_the_requirement_they_come_from() {
        let policy = Policy::from_yaml(
            "requirements:\n  a: { initiator: { kind: human } }\n  b: { require: [a], scopes: [x] }\n\
             routes:\n  - match: GET /\n    require: [b]\n    scopes: [y, x]\n    any_of: [{ client: { one_of: [c] } }]\n",
        )
        .unwrap();
        let Access::Guarded(requirement) = &policy.exact_route("GET", "/").unwrap().access else {
            panic!()
        };
        let names: Vec<&str> = requirement.core.iter().map(|rule| &*rule.name).collect();
        let expected = [
            "b.scopes",
            "scopes",
            "self_actor",
            "chain_inverted",
            "a.initiator.kind",
            "any_of",
        ];
        assert_eq!(names, expected.map(|path| format!("GET /: {path}")));
    }

    /// A policy in which each of `depth` requirements has `width` alternatives, which require the one before.
    fn nested(depth: usize, width: usize) -> String {
        let mut text = "requirements:\n  r0: { scopes: [a] }\n".to_owned();
        for level in 1..=depth {
            let alternatives = vec![format!("{{ require: [r{}] }}", level - 1); width].join(", ");
            text += &format!("  r{level}: {{ any_of: [{alternatives}] }}\n");
        }
        text + &format!("routes: [{{ match: GET /, require: [r{depth}] }}]\n")
    }

    #[test]
    fn the_number_of_rules_is_limited() {
        assert!(Policy::from_yaml(&nested(4, 5)).is_ok());
        for (depth, width) in [(4, 30), (4, 100), (3, 60), (2, 400)] {
            let mistakes = Policy::from_yaml(&nested(depth, width)).unwrap_err();
            assert_eq!(mistakes.iter().count(), 1, "{mistakes}");
            let line = mistakes.to_string();
            assert!(
                line.contains("the policy has more than 100000 rules\n  help: write fewer alternatives"),
                "{line}"
            );
        }
    }

    #[test]
    fn a_name_that_is_not_defined_or_requires_itself_is_reported() {
        let text =
            "requirements:\n  human: { initiator: { kind: human } }\nroutes:\n  - { match: GET /, require: [humen] }\n";
        assert_eq!(
            error(text),
            "4:31: no requirement is named `humen`; did you mean `human`?"
        );
        let circle = error("requirements:\n  a: { require: [b] }\n  b: { require: [a] }\n");
        assert!(circle.contains("requires itself: a → b → a"), "{circle}");
        assert!(error("requirements:\n  a: { any_of: [{ require: [a] }] }\n").contains("requires itself"));
    }

    #[test]
    fn the_depth_of_require_is_bounded() {
        let chain = |length: usize| {
            let next = |n: usize| format!("  r{n}: {{ require: [r{}] }}\n", n + 1);
            let links: String = (0..length).map(next).collect();
            format!(
                "requirements:\n{links}  r{length}: {{ scopes: [a] }}\nroutes: [{{ match: GET /, require: [r0] }}]\n"
            )
        };
        assert!(Policy::from_yaml(&chain(16)).is_ok());
        assert!(error(&chain(17)).contains("`require` leads through more than 16 requirements"));
        assert!(error(&chain(800)).contains("`require` leads through more than 16 requirements"));
    }

    #[test]
    fn what_looks_like_a_check_and_is_none_is_reported() {
        for body in [
            "scopes: []",
            "scopes: {}",
            "scopes: { any_of: [] }",
            "scopes: ['a b']",
            "scopes: ['']",
            "initiator: {}",
            "initiator: { kind: [] }",
            "initiator: { kind: unknown }",
            "initiator: { kind: person }",
            "initiator: { one_of: [] }",
            "initiator: { one_of: [''] }",
            "initiator: { amr: [] }",
            "initiator: { acr: ['a b'] }",
            "initiator: { max_auth_age: 0s }",
            "initiator: { max_auth_age: 300 }",
            "initiator: { max_auth_age: soon }",
            "actor: {}",
            "actor: { required: yes }",
            "actor: { absent: true, kind: agent }",
            "actor: { required: false }",
            "actor: { required: false, kind: agent }",
            "actor: { absent: false, one_of: [a] }",
            "actor: { absent: true, required: true }",
            "actor: { issuer: [] }",
            "client: {}",
            "client: { one_of: [] }",
            "claims: { tid: {} }",
            "claims: { tid: { one_of: [] } }",
            "claims: { tid: { equals: a, contains: b } }",
            "claims: { tid: 1.5 }",
            "claims: { tid: null }",
            "claims: { act: x }",
            "claims: { /act/sub: x }",
            "claims: { cnf: x }",
            "claims: { '': x }",
            "any_of: []",
            "any_of: [{}]",
            "any_of: [{ chain: { max_depth: 1 } }]",
            "chain: {}",
            "chain: { accept_truncation: true }",
            "chain: { max_depth: -1 }",
            "chain: { max_depth: 0 }\n    actor: { required: true }",
            "chain: { max_depth: 0 }\n    actor: { is_presenter: true }",
            "chain: { via: [a] }\n    actor: { absent: true }",
            "chain: { path: [a] }\n    actor: { absent: true }",
            "public: true\n    scopes: [a]",
            "deny: all",
            "any_of: [{ any_of: [{ any_of: [{ any_of: [{ any_of: [{ scopes: [a] }] }] }] }] }]",
        ] {
            let text = format!("routes:\n  - match: GET /\n    {body}\n");
            let error = Policy::from_yaml(&text).map(|_| ()).unwrap_err();
            assert!(error.iter().all(|mistake| mistake.line() >= 2), "{body}: {error}");
        }
        for body in [
            "require:",
            "require: []",
            "scopes:",
            "scopes: ~",
            "scopes: { all_of: , none_of: [x] }",
            "scopes: { all_of: ~, any_of: [x] }",
            "initiator:",
            "initiator: { kind: , amr: [pwd] }",
            "initiator: { kind: ~, amr: [pwd] }",
            "initiator: { max_auth_age: , amr: [pwd] }",
            "initiator: { amr: ~, kind: human }",
            "initiator: { acr: ~, kind: human }",
            "initiator: { none_of: ~, kind: human }",
            "actor:",
            "actor: { one_of: , required: true }",
            "actor: { required: , kind: agent }",
            "actor: { issuer: ~, kind: agent }",
            "client: { one_of: ~, none_of: [b] }",
            "claims:",
            "claims: {}",
            "claims: { tid: }",
            "claims: { tid: { equals: ~, contains: b } }",
            "any_of:",
            "any_of: [~]",
            "chain:",
            "chain: { max_depth: ~, none_of: [q] }",
            "chain: { max_depth: 1, all_of: ~ }",
            "chain: { max_depth: 1, accept_truncation: ~ }",
            "public: true\n    scopes:",
            "public: true\n    require: []",
            "public: true\n    claims: {}",
            "public:\n    scopes: [a]",
        ] {
            let text = format!("routes:\n  - match: GET /\n    {body}\n");
            assert!(
                Policy::from_yaml(&text).is_err(),
                "null or empty is accepted as a check: {body}"
            );
        }
        assert!(Policy::from_yaml("requirements:\n  a:\n").is_err());
        assert!(error("requirements:\n  a: {}\n").contains("requirement `a` is empty"));
        assert!(error("routes:\n  - { match: [], public: true }\n").contains("empty"));
    }

    #[test]
    fn every_mistake_is_reported_at_once() {
        let text = "requirements:
  human: { initiator: { kind: humn } }
  fresh: { initiator: { max_auth_age: 300 }, require: [humen] }
  a: { require: [b] }
  b: { require: [a] }
  typo: { scope: [x] }
routes:
  - match: GET /a
    scopes: []
  - match: [GET /b, GET b, GET /a]
    require: [human, typo, wrong]
  - match: GET /c
    public: true
    actor: { absent: true, required: true }
  - public: true
";
        let expected = [
            "2:31: unknown word `humn`; did you mean `human`?",
            "3:39: expected a duration of at least one second, not a number; write it as `30s`, `5m` or `1h`",
            "3:56: no requirement is named `humen`; did you mean `human`?",
            "5:18: requirement `a` requires itself: a → b → a; remove one of these",
            "6:11: unknown key `scope`; did you mean `scopes`?",
            "9:13: `scopes` is empty; write what it requires, or remove it",
            "10:21: `GET b` is not a route: the path does not begin with a slash; write `GET /b`",
            "10:28: `GET /a` matches the same requests as `GET /a` in line 8; join the two, or make one more specific",
            "11:28: no requirement is named `wrong`; expected one of `a`, `b`, `fresh`, `human`, `typo`",
            "12:5: a public route has no requirement; remove `public: true`, or every other key but `match`",
            "15:5: the key `match` is missing; add `match: …`",
        ];
        assert_eq!(error(text).split('\n').collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_policy_inside_a_larger_document_has_the_places_of_the_document() {
        let text = "listen: here\nrequirements: { a: { scopes: [b] } }\nroutes: [{ match: GET /, require: [a] }]\n";
        let policy = Policy::from_yaml_members(text).unwrap();
        assert_eq!(policy.requirements().collect::<Vec<_>>(), ["a"]);
        let mistake = Policy::from_yaml_members(&text.replace("[a]", "[c]")).unwrap_err();
        assert_eq!(mistake.iter().next().unwrap().line(), 3);
        assert!(Policy::from_yaml_members("routes:").is_err());
    }
}
