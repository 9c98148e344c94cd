//! The claims that the facts of a token come from, by the profile of its issuer: a rule on such a claim and the fact change together.

use crate::chain::Core;
use crate::claim_path;
use crate::issuer::TrustedIssuer;
use crate::profile::{ClaimName, Evidence, Kind, Kinds};

/// Claims that decide on the token itself, with any profile.
const OF_TOKEN: [&str; 13] = [
    "iss",
    "exp",
    "nbf",
    "iat",
    "jti",
    "cnf",
    "may_act",
    "at_hash",
    "c_hash",
    "s_hash",
    "events",
    "token_use",
    "typ",
];

/// Which claims of the tokens of an issuer have a meaning beside that which rules on claims give them.
#[derive(Clone, Copy)]
pub(super) struct ClaimSources<'i>(pub(super) &'i TrustedIssuer);

impl<'i> ClaimSources<'i> {
    /// Whether a fact, or the validity of the token, depends on the claim at a path: another value of it changes more than the claim.
    pub(super) fn have(self, path: &str) -> bool {
        let (issuer, claim) = (self.0, &*top(path));
        let profile = &issuer.profile;
        OF_TOKEN.contains(&claim)
            || of_login(claim)
            || claim == "chain_complete"
            || self.of_initiator(claim)
            || self.of_kind(claim)
            || self.of_actor(claim)
            || self.of_client(claim)
            || self.of_scope(claim)
            || self.of_audience(claim)
            || profile.refused_claims.iter().any(|name| is(name, claim))
            || profile.access_tokens.read(claim)
            || self.is_required(claim, None)
    }

    /// Whether every token of the issuer has to have certain values of a claim, of which `value` is not one.
    pub(super) fn is_required(self, claim: &str, value: Option<&str>) -> bool {
        let mut required = self.0.required_claims.iter();
        required.any(|required| {
            let accepts = |value| required.name() == claim && required.accepts_text(value);
            top(required.name()) == claim && !value.is_some_and(accepts)
        })
    }

    /// The same of the claims that hold the client, one of which may name the audience, too.
    pub(super) fn client_decides(self, client: &str, core: &Core<'_>) -> bool {
        let profile = &self.0.profile;
        let is_audience =
            |name: &ClaimName| profile.audience.substitute == Some(*name) || profile.audience.claim == *name;
        let names_audience = profile.client.iter().any(is_audience) && core.claims.client() != Some(client);
        let mut names = profile.client.iter();
        names_audience || names.any(|name| self.is_required(name.as_str(), Some(client)))
    }

    pub(super) fn scope_is_required(self) -> bool {
        let mut names = self.0.profile.scope.iter();
        names.any(|scope| self.is_required(scope.claim.as_str(), None))
    }

    pub(super) fn initiator_is_required(self, subject: &str) -> bool {
        self.is_required(self.0.profile.subject.claim.as_str(), Some(subject))
    }

    pub(super) fn kind_is_required(self) -> bool {
        let mut required = self.0.required_claims.iter();
        required.any(|required| self.of_kind(&top(required.name())))
    }

    pub(super) fn actor_is_required(self) -> bool {
        let mut required = self.0.required_claims.iter();
        required.any(|required| self.of_actor(&top(required.name())))
    }

    /// Whether evidence of a kind reads a claim that holds the client or the actor, which changes with the kind then.
    pub(super) fn kind_gives(self, kind: Kind, fact: TokenFact) -> bool {
        let (profile, actor) = (&self.0.profile, &self.0.profile.actor);
        let of_actor = [Some(actor.claim), actor.prior, actor.origin];
        let is_read = |evidence: &Evidence| match fact {
            TokenFact::Initiator => false,
            TokenFact::Client => {
                let mut names = profile.client.iter();
                evidence.names_client() || names.any(|name| evidence.reads(name.as_str()))
            }
            TokenFact::Actor => of_actor.iter().flatten().any(|name| evidence.reads(name.as_str())),
        };
        self.evidence(kind).any(is_read)
    }

    /// Whether anything proves a kind of actor: claims of the actor, or that it is the client.
    pub(super) fn prove_of_actor(self, kind: Kind) -> bool {
        let actor = &self.0.profile.actor;
        let is_client = !actor.presenter.is_empty() || !self.0.agent_clients.is_empty();
        let lists = [&actor.kinds, &self.0.kinds];
        kind == Kind::Unknown
            || kind == Kind::Agent && is_client
            || lists.iter().any(|kinds| !kinds.of(kind).is_empty())
    }

    /// Whether a claim gives a fact.
    pub(super) fn give(self, claim: &str, fact: TokenFact) -> bool {
        match fact {
            TokenFact::Client => self.of_client(claim),
            TokenFact::Initiator => self.of_initiator(claim) || self.of_kind(claim),
            TokenFact::Actor => self.of_actor(claim),
        }
    }

    /// Whether anything proves a kind of initiator.
    pub(super) fn prove(self, kind: Kind) -> bool {
        kind == Kind::Unknown || self.evidence(kind).next().is_some()
    }

    /// Whether the subject may decide that an initiator is not of a kind: it is evidence of another one, all evidence of this kind is of
    /// other subjects, or evidence compares its claim.
    pub(super) fn subject_decides(self, subject: &str, kind: Kind) -> bool {
        if kind == Kind::Unknown {
            return false;
        }
        let mut others = [Kind::Human, Kind::Agent, Kind::Service]
            .into_iter()
            .filter(|other| *other != kind);
        let is_of_other = others.any(|other| self.evidence(other).any(|evidence| evidence.names_subject(subject)));
        let mut of_kind = self.evidence(kind).peekable();
        let is_compared = self.of_kind(self.0.profile.subject.claim.as_str());
        is_compared
            || is_of_other
            || of_kind.peek().is_some() && of_kind.all(|evidence| evidence.excludes_subject(subject))
    }

    fn evidence(self, kind: Kind) -> impl Iterator<Item = &'i Evidence> {
        let (of_profile, of_issuer) = (&self.0.profile.kinds, &self.0.kinds);
        of_profile.of(kind).iter().chain(of_issuer.of(kind))
    }

    pub(super) fn of_initiator(self, claim: &str) -> bool {
        let subject = &self.0.profile.subject;
        claim == "iss" || is(&subject.claim, claim) || subject.substitute.is_some_and(|name| is(&name, claim))
    }

    pub(super) fn of_kind(self, claim: &str) -> bool {
        let of = |kinds: &Kinds| {
            let kinds = [Kind::Human, Kind::Agent, Kind::Service].map(|kind| kinds.of(kind));
            kinds.into_iter().any(|evidence| self.of_evidence(evidence, claim))
        };
        of(&self.0.profile.kinds) || of(&self.0.kinds)
    }

    pub(super) fn of_actor(self, claim: &str) -> bool {
        let actor = &self.0.profile.actor;
        let is_named = |name: Option<ClaimName>| name.is_some_and(|name| is(&name, claim));
        is(&actor.claim, claim)
            || is_named(actor.prior)
            || is_named(actor.origin)
            || self.of_evidence(actor.presenter.all(), claim)
            || self.of_evidence(actor.origin_client.all(), claim)
            || !self.0.agent_clients.is_empty() && self.of_client(claim)
    }

    fn of_evidence(self, evidence: &[Evidence], claim: &str) -> bool {
        let reads = |evidence: &Evidence| evidence.reads(claim) || evidence.names_client() && self.of_client(claim);
        evidence.iter().any(reads)
    }

    pub(super) fn of_client(self, claim: &str) -> bool {
        self.0.profile.client.iter().any(|name| is(name, claim))
    }

    /// Whether a claim that holds the client gives a fact as well: another client changes both.
    pub(super) fn client_gives(self, fact: TokenFact) -> bool {
        let mut names = self.0.profile.client.iter();
        names.any(|name| self.give(name.as_str(), fact))
    }

    /// Whether the claim that holds the initiator gives another fact as well.
    pub(super) fn initiator_gives(self, fact: TokenFact) -> bool {
        let subject = &self.0.profile.subject;
        let mut names = [Some(subject.claim), subject.substitute].into_iter().flatten();
        fact != TokenFact::Initiator && names.any(|name| self.give(name.as_str(), fact))
    }

    /// Whether a claim that holds scopes gives a fact as well.
    pub(super) fn scope_gives(self, fact: TokenFact) -> bool {
        let mut names = self.0.profile.scope.iter();
        names.any(|scope| self.give(scope.claim.as_str(), fact))
    }

    pub(super) fn of_scope(self, claim: &str) -> bool {
        self.0.profile.scope.iter().any(|scope| is(&scope.claim, claim))
    }

    pub(super) fn of_audience(self, claim: &str) -> bool {
        let audience = &self.0.profile.audience;
        is(&audience.claim, claim) || audience.substitute.is_some_and(|name| is(&name, claim))
    }
}

/// A fact that rules read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenFact {
    /// The initiator, with its kind.
    Initiator,
    Actor,
    Client,
}

fn of_login(claim: &str) -> bool {
    ["auth_time", "acr", "amr"].contains(&claim)
}

fn is(name: &ClaimName, claim: &str) -> bool {
    name.as_str() == claim
}

/// The name of the top-level claim that a path leads into.
pub(super) fn top(path: &str) -> String {
    claim_path::steps(path)
        .into_iter()
        .next()
        .unwrap_or_default()
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Profile;

    /// Each part that reads a claim reads one of its own.
    const PROFILE: &str = "
access_token: [{ typ: JWT, where: { marker: access } }]
refused_claims: [refused]
subject: { claim: subject, substitute: machine }
client: [azp, appid]
audience: { claim: audience, substitute: target }
scope: [scp, permissions]
kinds:
  human: [{ claims: { of_human: a } }]
  agent: [{ claims: { /of_agent/kind: a } }]
  service: [{ claims: { of_service: a } }]
actor:
  claim: acting
  prior: before
  origin: first
  presenter: [{ claims: { presenting: a } }]
  origin_client: [{ claims: { beginning: a } }]
";

    fn issuer(profile: &str) -> TrustedIssuer {
        let issuer = TrustedIssuer::discover("https://idp.example").unwrap();
        issuer.profile(Profile::from_yaml(profile).unwrap())
    }

    /// The facts that come from a claim.
    fn facts(issuer: &TrustedIssuer, claim: &str) -> String {
        let sources = ClaimSources(issuer);
        let facts = [
            ("initiator", sources.of_initiator(claim)),
            ("kind", sources.of_kind(claim)),
            ("actor", sources.of_actor(claim)),
            ("client", sources.of_client(claim)),
            ("scope", sources.of_scope(claim)),
            ("audience", sources.of_audience(claim)),
        ];
        let facts: Vec<&str> = facts.into_iter().filter_map(|(fact, is)| is.then_some(fact)).collect();
        facts.join(", ")
    }

    #[test]
    fn each_claim_of_a_profile_gives_its_fact_alone() {
        let issuer = issuer(PROFILE).require_claim("/tenant/id", ["t"]).unwrap();
        for (claim, expected) in [
            ("subject", "initiator"),
            ("machine", "initiator"),
            ("iss", "initiator"),
            ("of_human", "kind"),
            ("of_agent", "kind"),
            ("of_service", "kind"),
            ("acting", "actor"),
            ("before", "actor"),
            ("first", "actor"),
            ("presenting", "actor"),
            ("beginning", "actor"),
            ("azp", "client"),
            ("appid", "client"),
            ("scp", "scope"),
            ("permissions", "scope"),
            ("audience", "audience"),
            ("target", "audience"),
            ("marker", ""),
            ("refused", ""),
            ("acr", ""),
            ("amr", ""),
            ("auth_time", ""),
            ("chain_complete", ""),
            ("exp", ""),
            ("cnf", ""),
            ("tenant", ""),
        ] {
            assert_eq!(facts(&issuer, claim), expected, "{claim}");
            assert!(ClaimSources(&issuer).have(claim), "{claim}");
            assert!(ClaimSources(&issuer).have(&format!("/{claim}/a")), "{claim}");
        }
        for claim in ["sub", "act", "client_id", "scope", "aud", "a", "/a/sub", "/a/marker"] {
            assert_eq!(facts(&issuer, claim), "", "{claim}");
            assert!(!ClaimSources(&issuer).have(claim), "{claim}");
        }
    }

    #[test]
    fn evidence_that_names_the_client_makes_its_claims_give_a_kind_or_an_actor() {
        for (profile, expected) in [
            ("{}", "client"),
            ("kinds: { service: [{ client: batch }] }", "kind, client"),
            ("actor: { presenter: [{ client: batch }] }", "actor, client"),
            (
                "actor: { origin_client: [{ client: batch }], prior: none }",
                "actor, client",
            ),
        ] {
            assert_eq!(facts(&issuer(profile), "client_id"), expected, "{profile}");
            assert_eq!(facts(&issuer(profile), "other"), "", "{profile}");
        }
        let issuer = issuer("{}").agent_client("batch").unwrap();
        assert_eq!(facts(&issuer, "client_id"), "actor, client");
        assert_eq!(facts(&issuer, "other"), "");
        let of_operator = Kinds::from_yaml("service: [{ claims: { team: a } }]").unwrap();
        assert_eq!(facts(&issuer.kinds(of_operator), "team"), "kind");
    }

    #[test]
    fn a_kind_of_actor_is_proven_by_its_claims_or_by_being_the_client() {
        for (profile, is_client, proven) in [
            ("actor: { kinds: {} }", false, &[][..]),
            ("actor: { kinds: {} }", true, &[Kind::Agent]),
            (
                "actor: { kinds: {}, presenter: [{ client: batch }] }",
                false,
                &[Kind::Agent],
            ),
            (
                "actor: { kinds: { human: [{ claims: { a: b } }] } }",
                false,
                &[Kind::Human],
            ),
        ] {
            let issuer = issuer(profile);
            let issuer = match is_client {
                true => issuer.agent_client("batch").unwrap(),
                false => issuer,
            };
            let sources = ClaimSources(&issuer);
            for kind in [Kind::Human, Kind::Agent, Kind::Service] {
                assert_eq!(
                    sources.prove_of_actor(kind),
                    proven.contains(&kind),
                    "{profile}: {kind}"
                );
            }
            assert!(sources.prove_of_actor(Kind::Unknown), "{profile}");
        }
    }

    #[test]
    fn a_claim_of_the_client_or_of_scopes_gives_other_facts_as_well() {
        use TokenFact::{Actor, Client, Initiator};
        for (profile, of_client, of_scope) in [
            ("{}", &[Client][..], &[][..]),
            ("subject: client_id", &[Initiator, Client], &[]),
            (
                "kinds: { service: [{ claims: { client_id: a } }] }",
                &[Initiator, Client],
                &[],
            ),
            ("actor: { presenter: [{ client: batch }] }", &[Actor, Client], &[]),
            ("client: [scope]", &[Client], &[Client]),
            ("subject: scope", &[Client], &[Initiator]),
            (
                "kinds: { service: [{ claims: { scope: a } }] }",
                &[Client],
                &[Initiator],
            ),
            ("actor: { presenter: [{ claims: { scope: a } }] }", &[Client], &[Actor]),
        ] {
            let issuer = issuer(profile);
            let sources = ClaimSources(&issuer);
            for fact in [Initiator, Actor, Client] {
                assert_eq!(
                    sources.client_gives(fact),
                    of_client.contains(&fact),
                    "{profile}: {fact:?}"
                );
                assert_eq!(
                    sources.scope_gives(fact),
                    of_scope.contains(&fact),
                    "{profile}: {fact:?}"
                );
            }
        }
    }
}
