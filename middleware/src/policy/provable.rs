//! Rules that no trusted issuer can meet: a kind that no profile proves, an actor where no token has one. Each is decided by what the
//! profile of an issuer states and its operator adds, and counts as met where that is not known.

use std::collections::{BTreeMap, BTreeSet};

use actgate_yaml::{Diagnostics, Span};

use super::conjunction::after;
use super::policy::Policy;
use super::requirement::Requirement;
use super::resolved::{self, TokensOf};
use super::rules::{
    ActorCondition, AgentCondition, AnyOf, ClaimCondition, CoreCondition, CoreRule, HistoryCondition, HistoryRule,
    InitiatorCondition, TokenCondition,
};
use super::syntax::joined;
use crate::profile::{ChainCompleteness, Kind, Kinds, Profile, TokenIssuer};

/// What decides whether tokens of an issuer can meet a rule.
pub(crate) struct Provable<'i> {
    pub(crate) identifier: &'i str,
    pub(crate) profile: &'i Profile,
    /// Evidence beside that of the profile.
    pub(crate) kinds: &'i Kinds,
    /// Whether the operator names clients that are agents.
    pub(crate) has_agent_clients: bool,
    pub(crate) completeness: ChainCompleteness,
    /// The audiences one of which a token has to name.
    pub(crate) audiences: Vec<&'i str>,
    /// Whether requests can prove the key that a token is bound to.
    pub(crate) has_proofs: bool,
}

/// A rule that no issuer can meet.
struct Unprovable<'p> {
    span: Span,
    /// As it is written: `initiator.kind`.
    word: &'p str,
    /// Why not, for each issuer.
    reasons: Vec<String>,
    help: &'static str,
}

impl Policy {
    /// The rules that none of these issuers can meet, each once, and the routes whose rules none of them meets together.
    pub(crate) fn unprovable(&self, issuers: &[Provable<'_>]) -> Diagnostics {
        let mut found = Diagnostics::default();
        if issuers.is_empty() {
            return found;
        }
        let mut of_routes: BTreeMap<(u64, u64), Vec<String>> = BTreeMap::new();
        for (name, span, requirement) in self.examined() {
            let rules = requirement.promoted().map_or(requirement, |promoted| promoted);
            let mut is_found = false;
            for unprovable in unprovable(rules, issuers) {
                is_found = true;
                unprovable.report(issuers, &mut found);
            }
            if is_found {
                continue;
            }
            let unmet = issuers.iter().map(|issuer| first_unmet(rules, name, issuer));
            if let Some(unmet) = unmet.collect::<Option<Vec<String>>>() {
                let reasons = issuers.iter().zip(unmet);
                let reasons = reasons.map(|(issuer, unmet)| format!("`{}` not {unmet}", issuer.identifier));
                let reasons: Vec<String> = reasons.collect();
                let message = format!(
                    "no configured issuer can meet all rules of `{name}`: {}",
                    reasons.join(", ")
                );
                let messages = of_routes.entry((span.line, span.column)).or_default();
                messages.push(message);
            }
        }
        for ((line, column), messages) in of_routes {
            let help = "use `any_of` for what differs between issuers, or remove a rule";
            for message in messages {
                found.push_coded("unprovable_route", Span { line, column }, message, help);
            }
        }
        found
    }

    /// The requirements of all routes, or where there are none those that a layer may name.
    fn examined(&self) -> Vec<(&str, Span, &Requirement)> {
        let routes: Vec<_> = self.guarded_routes().collect();
        match &routes[..] {
            [] => {
                let named = self.named();
                named
                    .map(|(name, requirement)| (name, Span::default(), requirement))
                    .collect()
            }
            _ => routes,
        }
    }
}

impl Unprovable<'_> {
    fn report(&self, issuers: &[Provable<'_>], found: &mut Diagnostics) {
        let reasons: BTreeSet<&String> = self.reasons.iter().collect();
        let why = match (issuers, reasons.len()) {
            ([only], _) => format!("`{}`: {}", only.identifier, joined(reasons, "")),
            (_, 1) => format!("each of them: {}", joined(reasons, "")),
            _ => {
                let each = issuers.iter().zip(&self.reasons);
                let each = each.map(|(issuer, reason)| format!("`{}`: {reason}", issuer.identifier));
                each.collect::<Vec<_>>().join("; ")
            }
        };
        let message = format!("no configured issuer can meet `{}` ({why})", self.word);
        found.push_coded("unprovable_rule", self.span, message, self.help);
    }
}

/// The rules that none of the issuers can meet.
fn unprovable<'p>(requirement: &'p Requirement, issuers: &[Provable<'_>]) -> Vec<Unprovable<'p>> {
    let core = requirement.core.iter().filter_map(|rule| {
        let reasons = issuers.iter().map(|issuer| unmet(rule, issuer));
        let reasons = reasons.collect::<Option<Vec<(String, &'static str)>>>()?;
        Some((rule.span, word(&rule.name, rule.condition.key()), reasons))
    });
    let history = requirement.history.iter().filter_map(|rule| {
        let reasons = issuers.iter().map(|issuer| unmet_by_chain(rule, issuer));
        Some((
            rule.span,
            word(&rule.name, "chain"),
            reasons.collect::<Option<Vec<_>>>()?,
        ))
    });
    let found = core.chain(history).map(|(span, word, reasons)| {
        let help = reasons.first().map_or("", |(_, help)| *help);
        let reasons = reasons.into_iter().map(|(reason, _)| reason).collect();
        Unprovable {
            span,
            word,
            reasons,
            help,
        }
    });
    found.collect()
}

/// A rule that an issuer cannot meet, or two that it cannot meet together.
fn first_unmet(requirement: &Requirement, owner: &str, issuer: &Provable<'_>) -> Option<String> {
    let core = requirement.core.iter().filter(|rule| unmet(rule, issuer).is_some());
    let core = core.map(|rule| word(&rule.name, rule.condition.key()));
    let history = requirement
        .history
        .iter()
        .filter(|rule| unmet_by_chain(rule, issuer).is_some());
    let mut single = core.chain(history.map(|rule| word(&rule.name, "chain")));
    let single = single.next().map(|word| format!("`{word}`"));
    single.or_else(|| {
        let (rule, other) = resolved::conflict(requirement, issuer.tokens())?;
        Some(format!("`{}` beside `{}`", after(owner, rule), after(owner, other)))
    })
}

/// A rule as it is written in its requirement: `initiator.kind` of `POST /refunds: human.initiator.kind`.
fn word<'n>(name: &'n str, key: &str) -> &'n str {
    name.rfind(key).and_then(|start| name.get(start..)).unwrap_or(name)
}

const KINDS: &str = "name what proves it with `kinds` of the issuer, or change the rule";
const ACTORS: &str = "name the clients that are agents with `agent_clients` of the issuer, state its `chain_completeness` if it writes actors, or change the rule";
const CLAIM: &str = "name the claim in `profile` of the issuer, or change the rule";
const ISSUERS: &str = "add the issuer to `issuers`, or correct its name";
const VALUE: &str = "correct the value, or remove the rule";
const LOGIN: &str = "add the issuer of the people who call the API, or change the rule";
const PROOFS: &str = "write `client_certificates` in `tls`, or remove the rule";

/// Why an issuer cannot meet a rule, and what helps.
fn unmet(rule: &CoreRule, issuer: &Provable<'_>) -> Option<(String, &'static str)> {
    let profile = issuer.profile;
    match &rule.condition {
        CoreCondition::Initiator(InitiatorCondition::Kind(kinds)) => {
            let is_proven = |kind: &Kind| !profile.kinds.of(*kind).is_empty() || !issuer.kinds.of(*kind).is_empty();
            let reason = || format!("{} proves no {}", issuer.profile_in_words(), joined(kinds, " or "));
            (!kinds.iter().any(is_proven)).then(|| (reason(), KINDS))
        }
        CoreCondition::Initiator(InitiatorCondition::Issuer(issuers)) => {
            let is_other = issuers.iter().all(|named| **named != *issuer.identifier);
            is_other.then(|| ("it is another issuer".to_owned(), ISSUERS))
        }
        CoreCondition::Initiator(InitiatorCondition::OneOf(listed)) => {
            let is_other = listed
                .iter()
                .all(|name| name.issuer().is_some_and(|named| named != issuer.identifier));
            is_other.then(|| ("they are parties of other issuers".to_owned(), ISSUERS))
        }
        CoreCondition::Initiator(
            InitiatorCondition::Methods(_) | InitiatorCondition::Contexts(..) | InitiatorCondition::MaxAuthAge(_),
        ) => (!issuer.has_logins()).then(|| (format!("{} has no logins", issuer.profile_in_words()), LOGIN)),
        CoreCondition::Actor(condition) if condition.needs_actor() && !issuer.has_actors() => {
            Some(("its tokens have no actor".to_owned(), ACTORS))
        }
        CoreCondition::Actor(ActorCondition::Kind(kinds)) => {
            let is_proven = |kind: &Kind| issuer.proves_actor(*kind);
            let reason = || {
                format!(
                    "{} proves no {} in an actor",
                    issuer.profile_in_words(),
                    joined(kinds, " or ")
                )
            };
            (!kinds.iter().any(is_proven)).then(|| (reason(), KINDS))
        }
        CoreCondition::Actor(ActorCondition::Agent(AgentCondition::IsPresenter(_))) if profile.client.is_empty() => {
            Some(("its tokens name no client".to_owned(), CLAIM))
        }
        CoreCondition::Claims(condition) => issuer.unmet_claim(condition).map(|reason| (reason, VALUE)),
        CoreCondition::Client(_) if profile.client.is_empty() => Some(("its tokens name no client".to_owned(), CLAIM)),
        CoreCondition::Scopes(scopes) if scopes.asks_for_scope() && profile.scope.is_empty() => {
            Some(("its tokens have no scopes".to_owned(), CLAIM))
        }
        CoreCondition::Token(TokenCondition::SenderConstrained) if !issuer.has_proofs => {
            Some(("no request has a client certificate".to_owned(), PROOFS))
        }
        CoreCondition::AnyOf(AnyOf(alternatives)) => {
            let of_each = alternatives
                .iter()
                .map(|rules| rules.iter().find_map(|rule| unmet(rule, issuer)));
            let of_each = of_each.collect::<Option<Vec<_>>>()?;
            let help = of_each.first().map_or(KINDS, |(_, help)| *help);
            let reasons: BTreeSet<String> = of_each.into_iter().map(|(reason, _)| reason).collect();
            Some((joined(&reasons, ", "), help))
        }
        _ => None,
    }
}

fn unmet_by_chain(rule: &HistoryRule, issuer: &Provable<'_>) -> Option<(String, &'static str)> {
    match &rule.condition {
        HistoryCondition::Chain(condition) if condition.depth().least > 0 && !issuer.has_actors() => {
            Some(("its tokens have no actor".to_owned(), ACTORS))
        }
        _ => None,
    }
}

impl Provable<'_> {
    fn tokens(&self) -> TokensOf<'_> {
        TokensOf {
            issuer: self.identifier,
            profile: self.profile,
        }
    }

    fn profile_in_words(&self) -> String {
        match self.profile.preset() {
            Some(name) => format!("profile `{name}`"),
            None => "its profile".to_owned(),
        }
    }

    /// Whether the client of a token can be its actor, who is then an agent.
    fn has_presenters(&self) -> bool {
        self.has_agent_clients || !self.profile.actor.presenter.is_empty()
    }

    /// Why no valid token meets a rule on a claim that the check of the token reads.
    fn unmet_claim(&self, condition: &ClaimCondition) -> Option<String> {
        if let Some(form) = condition.unmet_form(Some(self.profile)) {
            return Some(format!("the claim is {form}"));
        }
        let is_none = |claim: &str, accepted: &dyn Fn(&str) -> bool| {
            let texts = condition.texts_of(claim);
            texts.is_some_and(|texts| !texts.into_iter().any(accepted))
        };
        if self.profile.issuer == TokenIssuer::Claim && is_none("iss", &|text| *text == *self.identifier) {
            return Some("it is another issuer".to_owned());
        }
        let is_accepted = |text: &str| self.audiences.is_empty() || self.audiences.contains(&text);
        let is_other = is_none(self.profile.audience.claim.as_str(), &is_accepted);
        let accepted = || self.audiences.iter().collect::<BTreeSet<_>>();
        is_other.then(|| format!("accepted is {}", joined(accepted(), " or ")))
    }

    fn has_actors(&self) -> bool {
        self.completeness != ChainCompleteness::None || self.has_presenters()
    }

    fn proves_actor(&self, kind: Kind) -> bool {
        let lists = [&self.profile.actor.kinds, self.kinds];
        kind == Kind::Agent && self.has_presenters() || lists.iter().any(|kinds| !kinds.of(kind).is_empty())
    }

    /// Whether people can be behind its tokens. An issuer of workloads alone has no clients that log anyone in.
    fn has_logins(&self) -> bool {
        let proves_people = [&self.profile.kinds, self.kinds]
            .iter()
            .any(|kinds| !kinds.of(Kind::Human).is_empty());
        self.profile.authorization_server || proves_people
    }
}

#[cfg(test)]
mod tests {
    use crate::profile::{ChainCompleteness, Kinds};
    use crate::{Authorizer, AuthorizerBuilder, Policy, TrustedIssuer};

    fn issuer(profile: &str) -> TrustedIssuer {
        let issuer = TrustedIssuer::discover(&format!("https://{profile}.example")).unwrap();
        issuer.audience("a").unwrap().profile(profile.parse().unwrap())
    }

    fn builder(route: &str, issuers: impl IntoIterator<Item = TrustedIssuer>) -> AuthorizerBuilder {
        let text = format!(
            "requirements:\n  human: {{ initiator: {{ kind: human }} }}\nroutes:\n  - {{ match: GET /, {route} }}\n  - {{ match: GET /b, {route} }}\n"
        );
        let builder = Authorizer::builder().policy(Policy::from_yaml(&text).unwrap_or_else(|error| panic!("{error}")));
        issuers.into_iter().fold(builder, AuthorizerBuilder::issuer)
    }

    fn found(builder: &AuthorizerBuilder) -> Vec<String> {
        let warnings = builder.warnings();
        warnings
            .iter()
            .map(|warning| warning.to_string().replace("\n  help: ", "; "))
            .collect()
    }

    #[test]
    fn a_rule_of_a_shared_requirement_is_found_once_at_its_place() {
        let expected = "2:23: no configured issuer can meet `initiator.kind` (`https://kubernetes.example`: profile `kubernetes` \
                        proves no human); name what proves it with `kinds` of the issuer, or change the rule";
        assert_eq!(found(&builder("require: [human]", [issuer("kubernetes")])), [expected]);
    }

    #[test]
    fn each_rule_that_no_issuer_meets_is_found() {
        for (route, profile, reason) in [
            (
                "initiator: { kind: human }",
                "spring",
                "profile `spring` proves no human",
            ),
            (
                "initiator: { issuer: 'https://x.example' }",
                "rfc9068",
                "it is another issuer",
            ),
            (
                "initiator: { one_of: [{ issuer: 'https://x.example', subject: a }] }",
                "rfc9068",
                "they are parties of other issuers",
            ),
            ("initiator: { amr: [mfa] }", "gitlab", "profile `gitlab` has no logins"),
            (
                "initiator: { max_auth_age: 5m }",
                "spiffe",
                "profile `spiffe` has no logins",
            ),
            ("actor: { required: true }", "cognito", "its tokens have no actor"),
            ("actor: { one_of: [a] }", "hydra", "its tokens have no actor"),
            (
                "actor: { kind: agent }",
                "keycloak",
                "profile `keycloak` proves no agent in an actor",
            ),
            ("client: { one_of: [c] }", "github-actions", "its tokens name no client"),
            ("scopes: [a]", "cloudflare-access", "its tokens have no scopes"),
            (
                "any_of: [{ initiator: { kind: agent } }, { actor: { required: true } }]",
                "authentik",
                "its tokens have no actor, profile `authentik` proves no agent",
            ),
        ] {
            let found = found(&builder(route, [issuer(profile)]));
            assert!(found.len() == 2 && found[0].contains(reason), "{route}: {found:?}");
        }
        let without_clients = issuer("github-actions").chain_completeness(ChainCompleteness::Complete);
        let presenter = found(&builder("actor: { is_presenter: true }", [without_clients]));
        assert!(
            presenter.len() == 2 && presenter[0].contains("its tokens name no client"),
            "{presenter:?}"
        );
        let chained = issuer("cognito").prior_actors(crate::profile::PriorActors::Enforce);
        let found = found(&builder("chain: { via: [a] }", [chained]));
        assert!(found.len() == 2 && found[0].contains("`chain.via`"), "{found:?}");
    }

    #[test]
    fn what_one_issuer_or_its_operator_can_meet_is_not_found() {
        let none = [""; 0];
        let people = Kinds::from_yaml("human: [{ subject: 'u|*' }]").unwrap();
        let human = "initiator: { kind: human }";
        assert_eq!(found(&builder(human, [issuer("spring").kinds(people)])), none);
        assert_eq!(found(&builder(human, [issuer("spring"), issuer("rfc9068")])), none);
        let agent = "actor: { kind: agent }";
        assert_eq!(
            found(&builder(agent, [issuer("cognito").agent_client("c").unwrap()])),
            none
        );
        assert_eq!(found(&builder(agent, [issuer("entra")])), none);
        for route in [
            "initiator: { kind: service }",
            "actor: { absent: true }",
            "scopes: { none_of: [a] }",
            "token: { sender_constrained: true }",
        ] {
            assert_eq!(found(&builder(route, [issuer("kubernetes")])), none, "{route}");
        }
        for route in ["claims: { aud: a }", "claims: { aud: { contains: a } }"] {
            assert_eq!(found(&builder(route, [issuer("rfc9068")])), none, "{route}");
        }
        let without_audience = TrustedIssuer::discover("https://rfc9068.example").unwrap();
        assert_eq!(found(&builder("claims: { aud: b }", [without_audience])), none);
        let resource = |audience: &str| {
            let resource = crate::Resource::new("https://api.example").unwrap();
            resource.audience_of("https://rfc9068.example", audience).unwrap()
        };
        let of_resource = |route: &str| builder(route, [issuer("rfc9068"), issuer("okta")]).resource(resource("c"));
        let own = of_resource("initiator: { issuer: 'https://rfc9068.example' }, claims: { aud: c }");
        assert_eq!(found(&own), none);
        let of_other = of_resource("initiator: { issuer: 'https://okta.example' }, claims: { aud: c }");
        assert_eq!(found(&of_other).len(), 2);
        let bound = builder("token: { sender_constrained: true }", [issuer("rfc9068")]).without_client_certificates();
        assert_eq!(found(&bound).len(), 2);
    }

    #[test]
    fn rules_that_exclude_each_other_in_the_tokens_of_an_issuer_are_found() {
        for (route, reason) in [
            ("claims: { client_id: x }, client: { one_of: [y] }", "client.one_of"),
            ("claims: { client_id: x }, client: { none_of: [x] }", "client.none_of"),
            (
                "claims: { sub: alice }, initiator: { none_of: [alice] }",
                "initiator.none_of",
            ),
            (
                "actor: { one_of: [{ subject: a, issuer: 'https://rfc9068.example' }], none_of: [a] }",
                "actor.none_of",
            ),
        ] {
            let found = found(&builder(route, [issuer("rfc9068")]));
            assert!(found.len() == 2 && found[0].contains(reason), "{route}: {found:?}");
        }
    }

    #[test]
    fn a_route_that_each_issuer_denies_by_another_rule_is_found() {
        let route = "initiator: { kind: human }, actor: { required: true }";
        let found = found(&builder(route, [issuer("cognito"), issuer("spring")]));
        assert_eq!(found.len(), 2);
        assert!(
            found[0].starts_with("4:14: no configured issuer can meet all rules of `GET /`: `https://cognito.example` not `actor.required`, `https://spring.example` not `initiator.kind`;"),
            "{found:?}"
        );
    }
}
