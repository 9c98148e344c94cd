//! How one issuer spells the facts, and what its chain is worth.

use std::sync::Arc;

use super::facts::{Acting, Facts};
use super::party::{Actor, Party};
use crate::profile::Kind;
use crate::token::{ActorClaims, Claims};

/// How an issuer writes its tokens.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// RFC 9068: `typ` is `at+jwt`, scope is one string, kinds stand in `sub_profile` (OAuth Entity Profiles, draft -01),
    /// an `act` without `iss` names a party of the token's own issuer.
    #[default]
    Rfc9068,
}

/// What the nested `act` objects of an issuer tell, which decides what rules on prior actors are worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChainContract {
    /// Every hop since the initiator; nothing is ever dropped.
    Complete,
    /// Only what the actor token brought along; earlier actors of the subject token are lost.
    ActorTokenOnly,
    /// Only the current actor.
    OuterOnly,
    /// No `act` at all.
    None,
}

/// What is done with an issuer's prior actors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PriorActorUse {
    /// They are checked for form and then forgotten.
    Ignore,
    /// They are kept for the log and for handlers; no rule reads them.
    #[default]
    Audit,
    /// History rules may read them, and refuse by them.
    Restrict,
}

impl Profile {
    /// The media type that marks an access token.
    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Profile::Rfc9068 => "at+jwt",
        }
    }

    /// The normalised facts of verified claims; `actors` are the `act` objects, outermost first.
    pub(crate) fn facts(self, claims: Claims, actors: Vec<ActorClaims>, prior_actors: PriorActorUse) -> Facts {
        let issuer: Arc<str> = claims.issuer.as_ref().into();
        let party = |actor: ActorClaims| {
            let kind = Kind::of_profile(actor.subject_profile.as_deref());
            let issuer = actor.issuer.map_or_else(|| Arc::clone(&issuer), Arc::from);
            Actor::new(Party::new(issuer, actor.subject), kind)
        };
        let initiator = Party::new(Arc::clone(&issuer), claims.subject.clone());
        let mut actors = actors.into_iter().map(party);
        let acting = match actors.next() {
            None => Acting::Nobody,
            Some(actor) if *actor.party() == initiator => Acting::Itself(actor),
            Some(actor) => Acting::Delegate(actor),
        };
        let prior = match prior_actors {
            PriorActorUse::Ignore => Box::default(),
            PriorActorUse::Audit | PriorActorUse::Restrict => actors.collect(),
        };
        Facts {
            kind: Kind::of_profile(claims.subject_profile.as_deref()),
            claims,
            initiator,
            acting,
            prior,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;
    use crate::token::VerifiedClaims;
    use serde_json::{Value, json};

    fn facts(act: Value, prior_actors: PriorActorUse) -> Facts {
        let mut token =
            json!({"iss": "https://idp.example", "sub": "bot", "sub_profile": "ai_agent", "aud": "a", "exp": 1});
        if !act.is_null() {
            token["act"] = act;
        }
        let payload = token.to_string();
        let verified = VerifiedClaims::for_tests(payload.as_bytes()).unwrap();
        let (claims, actors) = Claims::parse(verified, &Limits::default()).unwrap();
        Profile::Rfc9068.facts(claims, actors, prior_actors)
    }

    #[test]
    fn an_actor_is_a_pair_and_its_issuer_defaults_to_the_tokens() {
        let read = facts(json!({"sub": "b", "sub_profile": "ai_agent"}), PriorActorUse::Audit);
        let actor = read.core().delegate().unwrap();
        assert_eq!(
            (actor.party().issuer(), actor.party().subject()),
            ("https://idp.example", "b")
        );
        let read = facts(
            json!({"sub": "bot", "iss": "https://other.example"}),
            PriorActorUse::Audit,
        );
        assert!(
            read.core().delegate().is_some(),
            "the same name of another issuer is another party"
        );
    }

    #[test]
    fn a_machine_that_acts_for_itself_is_not_delegated() {
        for act in [
            json!({"sub": "bot"}),
            json!({"sub": "bot", "iss": "https://idp.example"}),
        ] {
            let read = facts(act, PriorActorUse::Audit);
            assert!(read.core().delegate().is_none());
            assert!(matches!(read.core().acting, Acting::Itself(_)));
            assert_eq!(read.history().depth(), 1);
        }
    }

    #[test]
    fn prior_actors_are_kept_newest_first_unless_they_are_ignored() {
        let act = json!({"sub": "c", "act": {"sub": "b", "act": {"sub": "a"}}});
        let names = |read: &Facts| -> Vec<String> {
            read.history()
                .actors()
                .map(|actor| actor.party().subject().to_owned())
                .collect()
        };
        assert_eq!(names(&facts(act.clone(), PriorActorUse::Restrict)), ["c", "b", "a"]);
        assert_eq!(names(&facts(act, PriorActorUse::Ignore)), ["c"]);
        assert_eq!(facts(Value::Null, PriorActorUse::Audit).history().depth(), 0);
    }
}
