//! The claims of an access token (RFC 7519 section 4.1, RFC 9068 section 2.2, RFC 8693 section 4), parsed once.
//!
//! A claim is absent, or it is well formed: one of a wrong type refuses the token, it is never taken as absent.

use std::fmt;
use std::sync::OnceLock;

use super::jws::VerifiedClaims;
use crate::error::{Error, Reason};
use crate::json::{Json, Object};
use crate::limits::Limits;

/// Every fact of a verified token, as the issuer wrote it. Never shown: debug output ends up in logs.
pub(crate) struct Claims {
    pub(crate) issuer: Box<str>,
    pub(crate) subject: Box<str>,
    pub(crate) subject_profile: Option<Box<str>>,
    pub(crate) audience: Vec<Box<str>>,
    pub(crate) expiration: u64,
    pub(crate) not_before: Option<u64>,
    pub(crate) token_id: Option<Box<str>>,
    pub(crate) client: Option<Box<str>>,
    pub(crate) scope: Box<str>,
    pub(crate) authentication: Authentication,
    pub(crate) confirmation: Confirmation,
    pub(crate) chain_complete: Option<bool>,
    payload: Box<[u8]>,
    all: OnceLock<serde_json::Map<String, serde_json::Value>>,
}

/// One `act` object. Its other members mean nothing to a decision (RFC 8693 section 4.1).
pub(crate) struct ActorClaims {
    pub(crate) issuer: Option<Box<str>>,
    pub(crate) subject: Box<str>,
    pub(crate) subject_profile: Option<Box<str>>,
}

/// How and when the person behind the token logged in (OpenID Connect Core section 2).
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Authentication {
    /// `auth_time`, in seconds since 1970.
    pub time: Option<u64>,
    /// `acr`, the context that was reached.
    pub context: Option<Box<str>>,
    /// `amr`, the methods that were used.
    pub methods: Vec<Box<str>>,
}

/// Says only what is there: debug output ends up in logs.
impl fmt::Debug for Authentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authentication")
            .field("time", &self.time.is_some())
            .field("context", &self.context.is_some())
            .field("methods", &self.methods.len())
            .finish()
    }
}

/// Whether the token is bound to a key (`cnf`, RFC 7800).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Confirmation {
    /// A plain bearer token.
    Unbound,
    /// Bound to a key; good only together with a proof.
    Bound,
}

/// What a token must say to be accepted.
#[derive(Debug)]
pub(crate) struct Demand<'d> {
    pub(crate) issuer: &'d str,
    pub(crate) audiences: &'d [Box<str>],
    pub(crate) leeway: u64,
}

impl Claims {
    /// The claims, and apart from them the `act` objects, outermost first.
    pub(crate) fn parse(verified: VerifiedClaims<'_>, limits: &Limits) -> Result<(Claims, Vec<ActorClaims>), Error> {
        let (payload, mut object) = verified.into_parts();
        refuse_other_tokens(&object)?;
        let actors = actors(object.take("act"), limits)?;
        let read = Reader {
            object: &object,
            limits,
        };
        let claims = Claims {
            issuer: read.identifier("iss")?.ok_or(missing("iss"))?,
            subject: read.identifier("sub")?.ok_or(missing("sub"))?,
            subject_profile: read.text("sub_profile")?,
            audience: read.audience()?,
            expiration: read.date("exp")?.ok_or(missing("exp"))?,
            not_before: read.date("nbf")?,
            token_id: read.text("jti")?,
            client: read.identifier("client_id")?,
            scope: read.scope()?,
            authentication: Authentication {
                time: read.date("auth_time")?,
                context: read.text("acr")?,
                methods: read.texts("amr")?,
            },
            confirmation: read.confirmation()?,
            chain_complete: read.flag("chain_complete")?,
            payload: payload.into(),
            all: OnceLock::new(),
        };
        read.date("iat")?;
        Ok((claims, actors))
    }

    /// Any top-level claim but `act`: whoever reads claims must not reach prior actors.
    ///
    /// Most requests ask for none, so they are read again when the first one is asked for.
    pub(crate) fn get(&self, name: &str) -> Option<&serde_json::Value> {
        let all = self.all.get_or_init(|| {
            // The payload was strict JSON when these claims were made of it.
            let mut all: serde_json::Map<_, _> = serde_json::from_slice(&self.payload).unwrap_or_default();
            all.remove("act");
            all
        });
        all.get(name)
    }

    /// Issuer, audience and time, which are judged for each request anew.
    pub(crate) fn check(&self, demand: &Demand<'_>, now: u64) -> Result<(), Error> {
        let refuse = |claim, reason| Err(Error::InvalidClaim { claim, reason });
        if *self.issuer != *demand.issuer {
            return refuse("iss", Reason::Mismatch);
        }
        if !self.audience.iter().any(|audience| demand.audiences.contains(audience)) {
            return refuse("aud", Reason::Mismatch);
        }
        if now >= self.expiration.saturating_add(demand.leeway) {
            return refuse("exp", Reason::Expired);
        }
        if self
            .not_before
            .is_some_and(|start| start > now.saturating_add(demand.leeway))
        {
            return refuse("nbf", Reason::NotYetValid);
        }
        Ok(())
    }
}

/// ID tokens and security events carry marks that no access token has, whatever their `typ` says.
fn refuse_other_tokens(claims: &Object<'_>) -> Result<(), Error> {
    for claim in ["nonce", "at_hash", "c_hash", "events"] {
        if claims.get(claim).is_some() {
            return Err(Error::InvalidClaim {
                claim,
                reason: Reason::Mismatch,
            });
        }
    }
    Ok(())
}

fn missing(claim: &'static str) -> Error {
    Error::InvalidClaim {
        claim,
        reason: Reason::Missing,
    }
}

fn malformed(claim: &'static str) -> Error {
    Error::InvalidClaim {
        claim,
        reason: Reason::Malformed,
    }
}

struct Reader<'r, 'a> {
    object: &'r Object<'a>,
    limits: &'r Limits,
}

impl Reader<'_, '_> {
    fn text(&self, claim: &'static str) -> Result<Option<Box<str>>, Error> {
        match self.object.get(claim) {
            None => Ok(None),
            Some(Json::String(text)) => Ok(Some(text.as_ref().into())),
            Some(_) => Err(malformed(claim)),
        }
    }

    fn identifier(&self, claim: &'static str) -> Result<Option<Box<str>>, Error> {
        match self.text(claim)? {
            Some(text) if !is_identifier(&text, self.limits) => Err(malformed(claim)),
            text => Ok(text),
        }
    }

    /// An array of strings; nothing is an empty one.
    fn texts(&self, claim: &'static str) -> Result<Vec<Box<str>>, Error> {
        match self.object.get(claim) {
            None => Ok(Vec::new()),
            Some(Json::Array(items)) => items
                .iter()
                .map(|item| item.as_str().map(Into::into).ok_or(malformed(claim)))
                .collect(),
            Some(_) => Err(malformed(claim)),
        }
    }

    /// RFC 7519 section 2: a JSON number of seconds, a fraction of which is dropped.
    fn date(&self, claim: &'static str) -> Result<Option<u64>, Error> {
        // Past 2^53 a number in a JSON text is no exact second any more.
        const LAST: f64 = 9_007_199_254_740_992.0;
        match self.object.get(claim) {
            None => Ok(None),
            Some(Json::Number(number)) => match (number.as_u64(), number.as_f64()) {
                (Some(seconds), _) => Ok(Some(seconds)),
                (None, Some(seconds)) if (0.0..=LAST).contains(&seconds) => Ok(Some(seconds as u64)),
                _ => Err(malformed(claim)),
            },
            Some(_) => Err(malformed(claim)),
        }
    }

    fn flag(&self, claim: &'static str) -> Result<Option<bool>, Error> {
        match self.object.get(claim) {
            None => Ok(None),
            Some(Json::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => Err(malformed(claim)),
        }
    }

    fn audience(&self) -> Result<Vec<Box<str>>, Error> {
        let audience = match self.object.get("aud") {
            None => return Err(missing("aud")),
            Some(Json::String(one)) => vec![one.as_ref().into()],
            Some(_) => self.texts("aud")?,
        };
        if audience.is_empty() || audience.iter().any(|one| one.is_empty()) {
            return Err(malformed("aud"));
        }
        Ok(audience)
    }

    /// RFC 8693 section 4.2: one string. `scp` of other issuers may stand beside it only if it says the same.
    fn scope(&self) -> Result<Box<str>, Error> {
        let scope = self.text("scope")?.unwrap_or_default();
        let same = |other: &[&str]| {
            let words: Vec<_> = scope.split(' ').filter(|word| !word.is_empty()).collect();
            words.iter().all(|word| other.contains(word)) && other.iter().all(|word| words.contains(word))
        };
        let agrees = match self.object.get("scp") {
            None => true,
            Some(Json::String(text)) => same(&text.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>()),
            Some(_) => same(&self.texts("scp")?.iter().map(|word| &**word).collect::<Vec<_>>()),
        };
        if agrees { Ok(scope) } else { Err(malformed("scp")) }
    }

    fn confirmation(&self) -> Result<Confirmation, Error> {
        match self.object.get("cnf") {
            None => Ok(Confirmation::Unbound),
            Some(Json::Object(_)) => Ok(Confirmation::Bound),
            Some(_) => Err(malformed("cnf")),
        }
    }
}

/// The chain of `act` objects, outermost first, read without recursion and never cut.
fn actors(act: Option<Json<'_>>, limits: &Limits) -> Result<Vec<ActorClaims>, Error> {
    let broken = |reason| Error::InvalidChain { reason };
    let mut actors = Vec::new();
    let mut next = act;
    while let Some(act) = next {
        if actors.len() == limits.chain_depth {
            return Err(broken("it is deeper than the cap"));
        }
        let Json::Object(mut object) = act else {
            return Err(broken("an `act` is not an object"));
        };
        next = object.take("act");
        let read = Reader {
            object: &object,
            limits,
        };
        let unusable = |_| broken("a member of an `act` is of a wrong type or form");
        actors.push(ActorClaims {
            subject: read
                .identifier("sub")
                .map_err(unusable)?
                .ok_or(broken("an `act` names no `sub`"))?,
            issuer: read.identifier("iss").map_err(unusable)?,
            subject_profile: read.text("sub_profile").map_err(unusable)?,
        });
    }
    Ok(actors)
}

/// Text that names somebody: not blank, not endless, and without characters that could break a log or a header.
fn is_identifier(text: &str, limits: &Limits) -> bool {
    text.len() <= limits.identifier_bytes && !text.trim().is_empty() && !holds_control(text)
}

/// Nearly every identifier is ASCII, where a look at the bytes is enough.
fn holds_control(text: &str) -> bool {
    if text.is_ascii() {
        text.bytes().any(|byte| byte.is_ascii_control())
    } else {
        text.chars().any(char::is_control)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn good() -> Value {
        json!({"iss": "https://idp.example", "sub": "u1", "aud": "https://api.example", "exp": 2000, "client_id": "c", "scope": "a b"})
    }

    fn parse(claims: &Value) -> Result<Claims, Error> {
        Claims::parse(
            VerifiedClaims::for_tests(claims.to_string().as_bytes())?,
            &Limits::default(),
        )
        .map(|(claims, _)| claims)
    }

    fn depth(act: Value) -> Result<usize, Error> {
        let mut claims = good();
        claims["act"] = act;
        Claims::parse(
            VerifiedClaims::for_tests(claims.to_string().as_bytes())?,
            &Limits::default(),
        )
        .map(|(_, actors)| actors.len())
    }

    fn with(name: &str, value: Value) -> Result<Claims, Error> {
        let mut claims = good();
        claims[name] = value;
        parse(&claims)
    }

    fn without(name: &str) -> Result<Claims, Error> {
        let mut claims = good();
        claims.as_object_mut().unwrap().remove(name);
        parse(&claims)
    }

    #[test]
    fn required_claims_are_required() {
        assert!(parse(&good()).is_ok());
        for claim in ["iss", "sub", "aud", "exp"] {
            assert_eq!(without(claim).err(), Some(missing(claim)), "{claim}");
        }
        assert!(without("client_id").is_ok() && without("scope").is_ok());
    }

    #[test]
    fn a_wrong_type_is_malformed_never_absent() {
        for claim in [
            "iss",
            "sub",
            "aud",
            "exp",
            "nbf",
            "iat",
            "client_id",
            "scope",
            "auth_time",
            "acr",
            "amr",
            "jti",
            "sub_profile",
            "cnf",
        ] {
            for value in [json!(null), json!(true), json!([7]), json!(-1)] {
                assert_eq!(
                    with(claim, value.clone()).err(),
                    Some(malformed(claim)),
                    "{claim}: {value}"
                );
            }
        }
    }

    #[test]
    fn dates_are_finite_numbers_and_fractions_are_dropped() {
        assert_eq!(with("exp", json!(2000.9)).unwrap().expiration, 2000);
        assert_eq!(with("exp", json!(u64::MAX)).unwrap().expiration, u64::MAX);
        for value in [
            json!("2000"),
            json!(-0.5),
            json!(1e99),
            json!([2000]),
            json!({"at": 2000}),
        ] {
            assert!(with("exp", value.clone()).is_err(), "{value}");
        }
    }

    #[test]
    fn identifiers_are_printable_and_bounded() {
        for bad in ["", "  ", "a\nb", "a\0", "a\u{85}", &"x".repeat(1025)] {
            assert!(with("sub", json!(bad)).is_err(), "{bad:.10?}");
        }
        assert!(with("sub", json!("x".repeat(1024))).is_ok());
        assert!(with("sub", json!("Zoë")).is_ok());
    }

    #[test]
    fn issuer_audience_and_time_are_checked_to_the_second() {
        let claims = with("nbf", json!(1000)).unwrap();
        let audiences = [Box::from("https://api.example")];
        let demand = Demand {
            issuer: "https://idp.example",
            audiences: &audiences,
            leeway: 30,
        };
        assert_eq!(claims.check(&demand, 1000), Ok(()));
        assert_eq!(claims.check(&demand, 970), Ok(()));
        assert_eq!(claims.check(&demand, 2029), Ok(()));
        let refused = |demand: &Demand<'_>, now| match claims.check(demand, now) {
            Err(Error::InvalidClaim { claim, reason }) => (claim, reason),
            other => panic!("{other:?}"),
        };
        assert_eq!(refused(&demand, 969), ("nbf", Reason::NotYetValid));
        assert_eq!(refused(&demand, 2030), ("exp", Reason::Expired));
        let issuer = Demand {
            issuer: "https://idp.example/",
            ..demand
        };
        assert_eq!(refused(&issuer, 1000), ("iss", Reason::Mismatch));
        let other = [Box::from("https://api.example/")];
        let audience = Demand {
            audiences: &other,
            ..demand
        };
        assert_eq!(refused(&audience, 1000), ("aud", Reason::Mismatch));
    }

    #[test]
    fn a_malformed_act_anywhere_is_a_malformed_chain() {
        assert_eq!(depth(json!({"sub": "b", "act": {"sub": "a"}})), Ok(2));
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
            assert!(matches!(depth(act.clone()), Err(Error::InvalidChain { .. })), "{act}");
            let inner = json!({"sub": "b", "act": act});
            assert!(
                matches!(depth(inner.clone()), Err(Error::InvalidChain { .. })),
                "{inner}"
            );
        }
    }

    #[test]
    fn the_cap_is_accepted_and_one_more_refused() {
        let deep = |depth: usize| {
            (0..depth).fold(None, |inner: Option<Value>, index| {
                let mut act = json!({"sub": format!("a{index}")});
                if let Some(inner) = inner {
                    act["act"] = inner;
                }
                Some(act)
            })
        };
        assert_eq!(depth(deep(16).unwrap()), Ok(16));
        assert!(matches!(depth(deep(17).unwrap()), Err(Error::InvalidChain { .. })));
    }

    #[test]
    fn other_kinds_of_token_are_refused_by_their_marks() {
        for claim in ["nonce", "at_hash", "c_hash", "events"] {
            assert!(with(claim, json!("x")).is_err(), "{claim}");
        }
    }

    #[test]
    fn two_forms_of_scope_must_agree() {
        assert!(with("scp", json!(["b", "a"])).is_ok());
        assert!(with("scp", json!("a b")).is_ok());
        for scp in [json!(["a"]), json!("a a"), json!(["b", "b"]), json!("a b c"), json!({})] {
            assert!(with("scp", scp.clone()).is_err(), "{scp}");
        }
    }

    #[test]
    fn rules_on_claims_cannot_reach_the_chain() {
        let claims = with("act", json!({"sub": "a"})).unwrap();
        assert!(claims.get("sub").is_some() && claims.get("act").is_none());
    }
}
