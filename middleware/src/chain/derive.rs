//! From verified claims to normalised facts, by the profile of the issuer.

use std::sync::Arc;

use super::facts::{Delegation, Facts};
use super::party::{Actor, Party};
use crate::error::Error;
use crate::issuer::TrustedIssuer;
use crate::json::Json;
use crate::limits::Limits;
use crate::profile::{Kind, PriorActors};
use crate::token::{ClaimReader, VerifiedClaims, missing};

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
        let actors = actors(verified.take_actor(profile), issuer, limits)?;
        let read = verified.reader(limits);
        let subject = read.identifier(profile.subject)?.ok_or(missing(profile.subject))?;
        let initiator = Party::new(Arc::clone(&issuer.issuer), subject.into());
        let kind = Kind::derive(profile.initiator_kind, |claim| read.text(claim))?;
        let mut actors = actors.into_iter();
        let delegation = match actors.next() {
            None => Delegation::None,
            Some(actor) if *actor.party() == initiator => Delegation::SelfActor(actor),
            Some(actor) => Delegation::Delegated(actor),
        };
        let prior = match issuer.prior_actors {
            PriorActors::Ignore => Box::default(),
            PriorActors::Audit | PriorActors::Enforce => actors.collect(),
        };
        Ok(Facts {
            claims: verified.claims(profile, limits)?,
            initiator,
            kind,
            delegation,
            prior,
        })
    }
}

/// The nested `act` objects, outermost first. The loop needs no recursion; a chain over the limit is an error, never cut.
/// Other members of an `act` have no meaning for a decision (RFC 8693 section 4.1).
fn actors(act: Option<Json<'_>>, issuer: &TrustedIssuer, limits: &Limits) -> Result<Vec<Actor>, Error> {
    let invalid = |reason| Error::InvalidChain { reason };
    let mut actors = Vec::new();
    let mut next = act;
    while let Some(act) = next {
        if actors.len() == limits.chain_depth {
            return Err(Error::ChainTooLong);
        }
        let Json::Object(mut object) = act else {
            return Err(invalid("an `act` is not an object"));
        };
        next = object.take(issuer.profile.actor);
        let read = ClaimReader::new(&object, limits);
        let malformed = |_| invalid("a member of an `act` is of a wrong type or form");
        let subject = read.identifier("sub").map_err(malformed)?;
        let subject = subject.ok_or(invalid("an `act` has no `sub`"))?;
        let named = read.identifier("iss").map_err(malformed)?;
        let kind = Kind::derive(issuer.profile.actor_kind, |claim| read.text(claim)).map_err(malformed)?;
        let issuer = named.map_or_else(|| Arc::clone(&issuer.issuer), Arc::from);
        actors.push(Actor::new(Party::new(issuer, subject.into()), kind));
    }
    Ok(actors)
}

#[cfg(test)]
impl Facts {
    /// The facts in `claims`, by the default profile, with prior actors enforced.
    pub(crate) fn for_tests(claims: &serde_json::Value) -> Facts {
        let issuer = TrustedIssuer::discover("https://idp.example").unwrap();
        let text = claims.to_string();
        let verified = VerifiedClaims::for_tests(text.as_bytes()).unwrap();
        Facts::derive(verified, &issuer.prior_actors(PriorActors::Enforce), &Limits::default()).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::error::Reason;
    use crate::profile::Profile;

    const ISSUER: &str = "https://idp.example";

    fn derive_with(profile: Profile, prior_actors: PriorActors, claims: &Value) -> Result<Facts, Error> {
        let issuer = TrustedIssuer::discover(ISSUER).unwrap();
        let issuer = issuer.profile(profile).prior_actors(prior_actors);
        let text = claims.to_string();
        Facts::derive(VerifiedClaims::for_tests(text.as_bytes())?, &issuer, &Limits::default())
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
