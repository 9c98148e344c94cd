//! From verified claims to normalised facts, by the profile of the issuer.

use std::sync::Arc;

use super::actors::{ActorReader, ProvenActor};
use super::facts::{Delegation, Facts};
use super::party::Party;
use crate::error::{Error, Reason};
use crate::issuer::TrustedIssuer;
use crate::json::Json;
use crate::limits::Limits;
use crate::profile::{Kind, Kinds, PartyClaims, PriorActors, Profile, ProvenKind, TokenIssuer};
use crate::token::{ChainClaims, ClaimReader, VerifiedClaims, client, malformed, missing};

impl Facts {
    /// The facts in the verified claims of `issuer`.
    ///
    /// # Errors
    /// [`Error::InvalidChain`] for a malformed `act` at any depth, [`Error::ChainTooLong`] for too many,
    /// [`Error::InvalidClaim`] for any other claim.
    pub(crate) fn derive(
        mut verified: VerifiedClaims<'_>,
        issuer: &TrustedIssuer,
        limits: &Limits,
    ) -> Result<Facts, Error> {
        let profile = &issuer.profile;
        let chain = verified.take_chain(profile);
        let parties = Parties::read(chain, &verified, issuer, limits)?;
        let mut contradictory = parties.kind.is_contradiction();
        contradictory |= parties.actors.iter().any(|proven| proven.kind.is_contradiction());
        let kind = parties.initiator_kind();
        let initiator = parties.initiator;
        let mut actors = parties.actors.into_iter().map(|proven| proven.actor);
        let delegation = match actors.next() {
            None => Delegation::None,
            Some(actor) if *actor.party() == initiator => Delegation::SelfActor(actor),
            Some(actor) => Delegation::Delegated(actor),
        };
        let mut prior = Vec::new();
        if issuer.prior_actors != PriorActors::Ignore {
            // The list neither grows nor shrinks.
            prior.reserve_exact(actors.len());
            prior.extend(actors);
        }
        let client = parties.client.map(|client| verified.document().excerpt(client));
        Ok(Facts {
            claims: verified.claims(client, profile, limits)?,
            kind,
            initiator,
            delegation,
            prior: prior.into(),
            contradictory,
        })
    }
}

/// The parties that the claims of one token name, each with what it comes from.
pub(super) struct Parties<'i, 'r> {
    pub(super) subject: Subject<'r>,
    pub(super) client: Option<&'r str>,
    pub(super) initiator: Party,
    /// What proves the kind of the initiator.
    pub(super) kind: ProvenKind<'i>,
    /// The current actor first.
    pub(super) actors: Vec<ProvenActor<'i>>,
}

impl<'i, 'r> Parties<'i, 'r> {
    pub(super) fn read(
        chain: ChainClaims<'_>,
        verified: &'r VerifiedClaims<'_>,
        issuer: &'i TrustedIssuer,
        limits: &'r Limits,
    ) -> Result<Self, Error> {
        let (read, document) = (verified.reader(limits), verified.document());
        let client = client(read, &issuer.profile)?;
        let subject = Subject::read(read, &issuer.profile)?;
        check_trust_domain(subject, issuer)?;
        let party = PartyClaims {
            subject: subject.text,
            client,
            object: read.object(),
        };
        let kinds = [&issuer.profile.kinds, &issuer.kinds].into_iter();
        let kind = Kinds::derive(kinds, &party).map_err(|unmet| Error::claim(unmet.claim, unmet.reason))?;
        let named = match read.object().get("iss") {
            Some(Json::String(named)) if **named == *issuer.issuer => named,
            _ => issuer.identifier(),
        };
        let initiator = Party::read(document, named, subject.text, || Arc::clone(&issuer.issuer));
        let reader = ActorReader {
            issuer,
            named,
            limits,
            document,
            initiator: &initiator,
            initiator_kind: subject.kind(kind.kind()),
        };
        let actors = reader.read(chain, &party)?;
        Ok(Parties {
            subject,
            client,
            initiator,
            kind,
            actors,
        })
    }

    /// The kind of the initiator.
    pub(super) fn initiator_kind(&self) -> Kind {
        self.subject.kind(self.kind.kind())
    }
}

/// The keys of a trust domain prove the ids of that domain only (SPIFFE).
fn check_trust_domain(subject: Subject<'_>, issuer: &TrustedIssuer) -> Result<(), Error> {
    let domain = issuer.identifier();
    if issuer.profile.issuer == TokenIssuer::Claim || !domain.starts_with("spiffe://") {
        return Ok(());
    }
    let path = subject.text.strip_prefix(domain);
    match path.is_some_and(|path| path.starts_with('/')) {
        true => Ok(()),
        false => Err(Error::claim(subject.claim, Reason::Mismatch)),
    }
}

/// The identifier of the initiator, and the claim that it is from.
#[derive(Clone, Copy)]
pub(super) struct Subject<'r> {
    pub(super) text: &'r str,
    pub(super) claim: &'static str,
    is_substitute: bool,
}

impl<'r> Subject<'r> {
    fn read(read: ClaimReader<'r, '_>, profile: &Profile) -> Result<Self, Error> {
        let claim = profile.subject.claim.as_str();
        if let Some(substitute) = profile.subject.substitute {
            let is_blank = match read.object().get(claim) {
                None | Some(Json::Null) => true,
                Some(Json::String(text)) => text.trim().is_empty(),
                Some(_) => return Err(malformed(claim)),
            };
            if is_blank {
                let substitute = substitute.as_str();
                return Ok(Subject {
                    text: read.identifier(substitute)?.ok_or(missing(claim))?,
                    claim: substitute,
                    is_substitute: true,
                });
            }
        }
        Ok(Subject {
            text: read.identifier(claim)?.ok_or_else(|| missing(claim))?,
            claim,
            is_substitute: false,
        })
    }

    /// A party without a subject of its own is a machine: no evidence makes it a person.
    fn kind(self, proven: Kind) -> Kind {
        match proven {
            Kind::Human if self.is_substitute => Kind::Unknown,
            kind => kind,
        }
    }
}

#[cfg(test)]
impl Facts {
    /// The facts in `claims`, by the default profile, with prior actors enforced.
    pub(crate) fn for_tests(claims: &serde_json::Value) -> Facts {
        Facts::for_tests_of(&claims.to_string())
    }

    /// As [`for_tests`](Self::for_tests), of the text of the claims.
    pub(crate) fn for_tests_of(text: &str) -> Facts {
        let issuer = TrustedIssuer::discover("https://idp.example").unwrap();
        let verified = VerifiedClaims::for_tests(text).unwrap();
        Facts::derive(verified, &issuer.prior_actors(PriorActors::Enforce), &Limits::default()).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::profile::Profile;

    const ISSUER: &str = "https://idp.example";

    fn derive_with(profile: Profile, prior_actors: PriorActors, claims: &Value) -> Result<Facts, Error> {
        let issuer = TrustedIssuer::discover(ISSUER).unwrap();
        let issuer = issuer.profile(profile).prior_actors(prior_actors);
        let text = claims.to_string();
        Facts::derive(VerifiedClaims::for_tests(&text)?, &issuer, &Limits::default())
    }

    fn derive(claims: &Value) -> Result<Facts, Error> {
        derive_with(Profile::default(), PriorActors::Audit, claims)
    }

    fn with(name: &str, value: Value) -> Value {
        let mut claims = json!({"iss": ISSUER, "sub": "bot", "sub_profile": "ai_agent", "aud": "a", "exp": 1});
        claims[name] = value;
        claims
    }

    fn acting(act: Value) -> Result<Facts, Error> {
        derive(&with("act", act))
    }

    #[test]
    fn an_actor_is_a_pair_and_its_issuer_defaults_to_the_issuer_of_the_token() {
        let facts = acting(json!({"sub": "b", "sub_profile": "ai_agent"})).unwrap();
        let actor = facts.core().delegate().unwrap();
        assert_eq!((actor.party().issuer(), actor.party().subject()), (ISSUER, "b"));
        let facts = acting(json!({"sub": "bot", "iss": "https://other.example"})).unwrap();
        assert!(
            facts.core().delegate().is_some(),
            "the same subject of another issuer is another party"
        );
    }

    #[test]
    fn a_machine_that_is_its_own_actor_is_not_delegated() {
        for act in [json!({"sub": "bot"}), json!({"sub": "bot", "iss": ISSUER})] {
            let facts = acting(act).unwrap();
            assert!(facts.core().delegate().is_none());
            assert!(matches!(facts.core().delegation, Delegation::SelfActor(_)));
            assert_eq!(facts.history().depth(), 1);
        }
    }

    #[test]
    fn claims_with_escapes_are_those_without() {
        let plain = concat!(
            r#"{"iss":"https://idp.example","sub":"u/1","aud":"https://api.example","exp":1,"scope":"a/r b/w","client_id":"web/1","#,
            r#""jti":"id/1","act":{"sub":"bot/2","iss":"https://idp.example","act":{"sub":"bot/1","iss":"https://b.example"}}}"#,
        );
        let facts = Facts::for_tests_of(plain);
        assert_eq!(facts.history().depth(), 2);
        for escaped in ["\\/", "\\u002f", "\\u002F"] {
            let other = Facts::for_tests_of(&plain.replace('/', escaped));
            assert_eq!(other.core().initiator, facts.core().initiator);
            assert_eq!(other.core().initiator.issuer(), ISSUER);
            assert_eq!(other.core().delegate(), facts.core().delegate());
            assert!(other.history().actors().eq(facts.history().actors()));
            let texts = |facts: &Facts| {
                let claims = &facts.claims;
                let texts = [Some(claims.scope()), claims.client(), claims.token_id()];
                (claims.audience().join(" "), texts.map(|text| text.map(str::to_owned)))
            };
            let expected = [Some("a/r b/w"), Some("web/1"), Some("id/1")].map(|text| text.map(str::to_owned));
            assert_eq!(texts(&other), ("https://api.example".to_owned(), expected));
            assert_eq!(texts(&other), texts(&facts));
        }
    }

    #[test]
    fn an_actor_with_escapes_is_the_initiator_without() {
        for (subject, actor) in [("u/1", "u\\/1"), ("u\\/1", "u/1"), ("u/1", "\\u0075/1")] {
            let text = format!(r#"{{"iss":"{ISSUER}","sub":"{subject}","aud":"a","exp":1,"act":{{"sub":"{actor}"}}}}"#);
            let facts = Facts::for_tests_of(&text);
            assert!(matches!(facts.core().delegation, Delegation::SelfActor(_)), "{text}");
        }
    }

    #[test]
    fn prior_actors_are_kept_newest_first_unless_they_are_ignored() {
        let claims = with("act", json!({"sub": "c", "act": {"sub": "b", "act": {"sub": "a"}}}));
        let names = |prior_actors| -> Vec<String> {
            let facts = derive_with(Profile::default(), prior_actors, &claims).unwrap();
            let actors = facts.history().actors();
            actors.map(|actor| actor.party().subject().to_owned()).collect()
        };
        assert_eq!(names(PriorActors::Enforce), ["c", "b", "a"]);
        assert_eq!(names(PriorActors::Ignore), ["c"]);
        assert_eq!(derive(&with("x", json!(1))).unwrap().history().depth(), 0);
    }

    #[test]
    fn a_malformed_act_at_any_depth_is_a_malformed_chain() {
        for act in [
            json!(null),
            json!("a"),
            json!([]),
            json!(7),
            json!({}),
            json!({"sub": ""}),
            json!({"sub": " "}),
            json!({"sub": 7}),
            json!({"sub": null}),
            json!({"sub": "a\n"}),
            json!({"sub": "a", "iss": ""}),
            json!({"sub": "a", "iss": 7}),
            json!({"sub": "a", "sub_profile": []}),
        ] {
            assert!(matches!(acting(act.clone()), Err(Error::InvalidChain { .. })), "{act}");
            let outer = json!({"sub": "b", "act": act});
            assert!(
                matches!(acting(outer.clone()), Err(Error::InvalidChain { .. })),
                "{outer}"
            );
        }
    }

    #[test]
    fn the_limit_of_depth_is_accepted_and_one_more_is_an_error() {
        let nested = |depth: usize| {
            (1..depth).fold(
                json!({"sub": "a0"}),
                |inner, index| json!({"sub": format!("a{index}"), "act": inner}),
            )
        };
        assert_eq!(acting(nested(16)).unwrap().history().depth(), 16);
        assert!(matches!(acting(nested(17)), Err(Error::ChainTooLong)));
    }

    fn with_profile(profile: &str, claims: &Value) -> Result<Facts, Error> {
        derive_with(Profile::from_yaml(profile).unwrap(), PriorActors::Enforce, claims)
    }

    /// The actors, newest first, as `subject kind`.
    fn chain(facts: &Facts) -> Vec<String> {
        let actors = facts.history().actors();
        actors
            .map(|actor| format!("{} {}", actor.party().subject(), actor.kind()))
            .collect()
    }

    #[test]
    fn a_substitute_of_the_subject_is_never_human() {
        let profile = "subject: { claim: sub, substitute: client_id }\nkinds: { human: { claims: { person: true } } }";
        let derived = |sub: Value| {
            let mut claims = json!({"aud": "a", "exp": 1, "client_id": "batch", "person": true});
            if sub != json!("absent") {
                claims["sub"] = sub;
            }
            let facts = with_profile(profile, &claims)?;
            Ok((facts.core().initiator.subject().to_owned(), facts.core().kind))
        };
        assert_eq!(derived(json!("u1")), Ok(("u1".to_owned(), Kind::Human)));
        for sub in [json!("absent"), json!(""), json!(" "), json!(null)] {
            assert_eq!(derived(sub.clone()), Ok(("batch".to_owned(), Kind::Unknown)), "{sub}");
        }
        assert_eq!(derived(json!(7)), Err(malformed("sub")));
        let neither = json!({"aud": "a", "exp": 1});
        assert_eq!(with_profile(profile, &neither).err(), Some(missing("sub")));
    }

    #[test]
    fn the_client_is_the_current_actor_where_evidence_says_so() {
        let profile = "client: azp\nactor: { presenter: { claims: { xms_act_fct: { facet: 11 } } } }";
        let claims =
            |sub: &str, facets: &str| json!({"sub": sub, "azp": "bot", "aud": "a", "exp": 1, "xms_act_fct": facets});
        let facts = with_profile(profile, &claims("u1", "3 9 11")).unwrap();
        assert_eq!(chain(&facts), ["bot agent"]);
        assert!(facts.core().delegate().is_some());
        let own = with_profile(profile, &claims("bot", "11")).unwrap();
        assert!(matches!(own.core().delegation, Delegation::SelfActor(_)));
        assert!(
            with_profile(profile, &claims("u1", "113"))
                .unwrap()
                .core()
                .delegate()
                .is_none()
        );
        let mut named = claims("u1", "11");
        named["act"] = json!({"sub": "other"});
        assert_eq!(chain(&with_profile(profile, &named).unwrap()), ["other unknown"]);
        let operator = TrustedIssuer::discover(ISSUER).unwrap().agent_client("bot").unwrap();
        let text = json!({"sub": "u1", "client_id": "bot", "aud": "a", "exp": 1}).to_string();
        let verified = VerifiedClaims::for_tests(&text).unwrap();
        assert_eq!(
            chain(&Facts::derive(verified, &operator, &Limits::default()).unwrap()),
            ["bot agent"]
        );
        for (kind, expected) in [("user", 1), ("service", 0), ("ai_agent", 0)] {
            let claims = json!({"sub": "x", "sub_profile": kind, "client_id": "bot", "aud": "a", "exp": 1}).to_string();
            let verified = VerifiedClaims::for_tests(&claims).unwrap();
            let facts = Facts::derive(verified, &operator, &Limits::default()).unwrap();
            assert_eq!(chain(&facts).len(), expected, "{kind}");
        }
        for client in ["", " a", "a*", "a\n"] {
            assert!(operator.clone().agent_client(client).is_err(), "{client:?}");
        }
    }

    #[test]
    fn prior_actors_beside_the_current_one_are_its_history() {
        let profile = "actor: { prior: delegated_through, origin: origin }";
        let derived = |claims: Value| {
            let mut all = with("act", json!({"sub": "a3"}));
            all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
            all.as_object_mut().unwrap().retain(|_, value| value != "absent");
            with_profile(profile, &all).map(|facts| chain(&facts))
        };
        let names = |names: &[&str]| Ok(names.iter().map(|name| format!("{name} unknown")).collect::<Vec<_>>());
        let prior = json!([{"sub": "a2"}, {"sub": "a1"}]);
        assert_eq!(derived(json!({"delegated_through": prior})), names(&["a3", "a2", "a1"]));
        assert_eq!(derived(json!({"delegated_through": []})), names(&["a3"]));
        let origin = json!({"sub": "svc"});
        assert_eq!(
            derived(json!({"delegated_through": prior, "origin": origin})),
            names(&["a3", "a2", "a1", "svc"])
        );
        assert_eq!(
            derived(json!({"delegated_through": prior, "origin": {"sub": "bot"}})),
            names(&["a3", "a2", "a1"])
        );
        assert_eq!(derived(json!({"origin": {"sub": "a3"}})), names(&["a3"]));
        let nested = json!({"sub": "a3", "act": {"sub": "a2", "act": {"sub": "a1"}}});
        assert_eq!(
            derived(json!({"act": nested, "delegated_through": prior})),
            names(&["a3", "a2", "a1"])
        );
        for (claims, reason) in [
            (
                json!({"act": {"sub": "a3", "act": {"sub": "x"}}, "delegated_through": prior}),
                "the prior actors in `act` and those beside it disagree",
            ),
            (
                json!({"act": "absent", "delegated_through": prior}),
                "prior actors are named, and no current one",
            ),
            (
                json!({"act": "absent", "origin": {"sub": "svc"}}),
                "a first party is named, and no current actor",
            ),
            (
                json!({"delegated_through": [{"sub": "a2", "act": {"sub": "x"}}]}),
                "a prior actor has a chain of its own",
            ),
            (
                json!({"origin": {"sub": "svc", "act": {"sub": "x"}}}),
                "a prior actor has a chain of its own",
            ),
            (json!({"delegated_through": {}}), "the prior actors are not a list"),
            (json!({"delegated_through": [7]}), "a prior actor is not an object"),
            (json!({"delegated_through": [{}]}), "an `act` has no `sub`"),
            (json!({"origin": "svc"}), "the origin is not an object"),
            (
                json!({"act": null}),
                "an `act` is null: an expression at the issuer gave no value",
            ),
        ] {
            assert_eq!(derived(claims.clone()), Err(Error::InvalidChain { reason }), "{claims}");
        }
        let many: Vec<Value> = (0..16).map(|number| json!({"sub": format!("p{number}")})).collect();
        assert_eq!(derived(json!({"delegated_through": many})), Err(Error::ChainTooLong));
        let claims = with("delegated_through", json!([]));
        assert!(
            with_profile(profile, &claims)
                .unwrap()
                .claims
                .get("delegated_through")
                .is_none()
        );
    }

    #[test]
    fn the_client_of_the_login_is_no_prior_actor_and_the_current_actor_always_counts() {
        let profile = "actor: { origin_client: { claims: { sub_profile: { word: browser_app } } } }";
        let derived = |act: Value| chain(&with_profile(profile, &with("act", act)).unwrap());
        let app = json!({"sub": "spa", "sub_profile": "browser_app"});
        assert_eq!(
            derived(json!({"sub": "agt", "sub_profile": "ai_agent", "act": app})),
            ["agt agent"]
        );
        assert_eq!(derived(app.clone()), ["spa unknown"]);
        let nested =
            |inner: Value| (0..16).fold(inner, |inner, index| json!({"sub": format!("a{index}"), "act": inner}));
        assert_eq!(derived(nested(app.clone())).len(), 16);
        let too_many = with("act", nested(json!({"sub": "a"})));
        assert!(matches!(with_profile(profile, &too_many), Err(Error::ChainTooLong)));
        let between = json!({"sub": "agt", "act": {"sub": "spa", "sub_profile": "browser_app", "act": {"sub": "x"}}});
        assert_eq!(derived(between), ["agt unknown", "spa unknown", "x unknown"]);
    }

    #[test]
    fn a_strict_chain_names_the_issuer_of_each_actor() {
        let strict = "actor: { issuer: strict }";
        let act = json!({"sub": "a", "iss": ISSUER, "act": {"sub": "b"}});
        let reason = "an `act` has no `iss`";
        assert_eq!(
            with_profile(strict, &with("act", act)).err(),
            Some(Error::InvalidChain { reason })
        );
        assert!(with_profile(strict, &with("act", json!({"sub": "a", "iss": ISSUER}))).is_ok());
    }

    #[test]
    fn the_evidence_of_the_operator_is_about_parties_of_the_issuer() {
        let issuer = TrustedIssuer::discover(ISSUER).unwrap();
        let issuer = issuer.kinds(Kinds::from_yaml("agent: { subject: 'agt-*' }\nhuman: { client: web }").unwrap());
        let derived = |claims: Value| {
            let text = claims.to_string();
            let facts = Facts::derive(VerifiedClaims::for_tests(&text)?, &issuer, &Limits::default())?;
            Ok::<_, Error>((facts.core().kind, chain(&facts), facts.contradictory))
        };
        let claims = |act: Value| json!({"sub": "u1", "client_id": "web", "aud": "a", "exp": 1, "act": act});
        let own = derived(claims(json!({"sub": "agt-1"})));
        assert_eq!(own, Ok((Kind::Human, vec!["agt-1 agent".to_owned()], false)));
        let other = derived(claims(json!({"sub": "agt-1", "iss": "https://other.example"})));
        assert_eq!(other, Ok((Kind::Human, vec!["agt-1 unknown".to_owned()], false)));
        let contradictory = derived(claims(json!({"sub": "agt-1", "sub_profile": "user"})));
        assert_eq!(contradictory, Ok((Kind::Human, vec!["agt-1 unknown".to_owned()], true)));
    }

    #[test]
    fn the_subject_is_required_printable_and_bounded() {
        let reason = |claims: &Value| match derive(claims) {
            Err(Error::InvalidClaim { claim: "sub", reason }) => reason,
            other => panic!("{:?}", other.err()),
        };
        assert_eq!(reason(&json!({"iss": ISSUER, "aud": "a", "exp": 1})), Reason::Missing);
        for malformed in [
            json!(""),
            json!("  "),
            json!("a\nb"),
            json!("a\0"),
            json!("a\u{85}"),
            json!(null),
            json!(7),
            json!(["bot"]),
        ] {
            assert_eq!(
                reason(&with("sub", malformed.clone())),
                Reason::Malformed,
                "{malformed}"
            );
        }
        assert_eq!(reason(&with("sub", json!("x".repeat(1025)))), Reason::TooLong);
        assert!(derive(&with("sub", json!("x".repeat(1024)))).is_ok());
        assert!(derive(&with("sub", json!("Zoë"))).is_ok());
        let profile = with("sub_profile", json!([7]));
        assert!(matches!(
            derive(&profile),
            Err(Error::InvalidClaim {
                claim: "sub_profile",
                ..
            })
        ));
    }
}
