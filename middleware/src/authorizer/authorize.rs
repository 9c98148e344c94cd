//! One request judged, from its credential to the verdict. The only maker of an [`Identity`].

use std::sync::Arc;

use http::HeaderMap;

use super::decision::{Decision, Gate, Judged, Missed, Refusal};
use super::settings::{Authorizer, Known};
use crate::error::Error;
use crate::identity::Identity;
use crate::issuer::Keys;
use crate::policy::{Access, EvaluationTime, Recorder, Route, StopAtFirst, evaluate};
use crate::request::Target;
use crate::request::bearer::{self, Bearer};
use crate::token::{Claims, Confirmation, UnverifiedToken};

impl Authorizer {
    /// Judges one request by the routes of the policy.
    ///
    /// Waits only where the token names a key that is not here: for one fetch, bounded by its time-out, and not at all
    /// during the cool-down. It does NOT read the body.
    pub async fn decide(&self, target: &Target<'_>, headers: &HeaderMap) -> Decision {
        let Judged { decision, missed } = self.judge(&Gate::Routes, target, headers);
        match missed {
            Some(missed) if missed.refetch().await => self.judge(&Gate::Routes, target, headers).decision,
            _ => decision,
        }
    }

    pub(crate) fn judge(&self, gate: &Gate, target: &Target<'_>, headers: &HeaderMap) -> Judged {
        let token = bearer::bearer(headers, target.query());
        self.judge_token(gate, target, token, self.inner.clock.now(), &mut StopAtFirst)
    }

    /// The one straight function: everything that judges, explains or tests goes through here.
    pub(crate) fn judge_token(
        &self,
        gate: &Gate,
        target: &Target<'_>,
        token: Result<Bearer<'_>, Error>,
        now: u64,
        recorder: &mut impl Recorder,
    ) -> Judged {
        let (route, requirement) = match gate {
            Gate::Requirement(requirement, name) => (Some(Arc::clone(name)), Some(requirement)),
            Gate::Routes => match self.route(target) {
                Err(error) => return Judged::decided(None, None, Err(error)),
                Ok(None) => (None, None),
                Ok(Some(route)) => match &route.access {
                    Access::Public => return Judged::decided(Some(Arc::clone(&route.name)), None, Ok(())),
                    Access::Guarded(requirement) => (Some(Arc::clone(&route.name)), Some(requirement)),
                },
            },
        };
        let identity = match token
            .map_err(Refusal::from)
            .and_then(|token| self.authenticate(token, now))
        {
            Ok(identity) => identity,
            Err(Refusal { error, missed }) => {
                return Judged {
                    missed,
                    ..Judged::decided(route, None, Err(error))
                };
            }
        };
        let time = EvaluationTime {
            now,
            leeway: self.inner.leeway,
        };
        let facts = identity.facts();
        let verdict = match requirement {
            Some(requirement) => evaluate(requirement, facts, &time, recorder),
            None => Err(Error::Denied {
                code: "no_route",
                rule: "routes".into(),
            }),
        };
        Judged::decided(route, Some(identity), verdict)
    }

    /// The route of a request, whichever way a server behind us reads its escapes.
    fn route(&self, target: &Target<'_>) -> Result<Option<&Route>, Error> {
        let method = target.method().as_str();
        let route = self.inner.policy.route(method, target.path());
        if let Some(other) = target.reserved_path() {
            let same = match (route, self.inner.policy.route(method, other)) {
                (Some(one), Some(other)) => std::ptr::eq(one, other),
                (None, None) => true,
                _ => false,
            };
            if !same {
                return Err(Error::InvalidRequest {
                    reason: "an escape in the path decides which route is meant",
                });
            }
        }
        Ok(route)
    }

    /// From the text of a token to a verified identity, or from memory if it was verified with the keys of now.
    fn authenticate(&self, token: Bearer<'_>, now: u64) -> Result<Identity, Refusal> {
        let inner = &*self.inner;
        let text = token.text();
        if let Some(known) = inner.cache.get(text) {
            let issuer = &inner.issuers[known.issuer];
            let generation = issuer.keys.with(|_, generation| generation)?;
            if generation == known.generation {
                let checked = known.identity.facts().claims().check(&inner.demand(issuer), now);
                if let Err(error) = checked {
                    inner.cache.remove(text);
                    return Err(error.into());
                }
                return Ok(known.identity);
            }
            inner.cache.remove(text);
        }
        let token = UnverifiedToken::decode(text, &inner.limits).map_err(|error| token.refusal(error))?;
        let claims = token.claims(&inner.limits)?;
        let (index, issuer) = inner.issuer(claims.issuer()?)?;
        token.demand_type(issuer.profile.media_type())?;
        let (verified, generation) = issuer
            .keys
            .with(|keys, generation| (token.verify(claims, keys), generation))?;
        let verified = verified.map_err(|error| Refusal {
            missed: match (&error, &issuer.keys) {
                (Error::UnknownKey, Keys::Remote(keys)) => Some(Missed {
                    keys: keys.clone(),
                    generation,
                }),
                _ => None,
            },
            error,
        })?;
        let (claims, actors) = Claims::parse(verified, &inner.limits)?;
        claims.check(&inner.demand(issuer), now)?;
        if claims.confirmation == Confirmation::Bound {
            return Err(Error::InvalidConfirmation.into());
        }
        let facts = issuer.profile.facts(claims, actors, issuer.prior_actors);
        let identity = Identity::of(Arc::new(facts));
        let known = Known {
            identity: identity.clone(),
            issuer: index,
            generation,
        };
        inner.cache.insert(text, known);
        Ok(identity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Policy;
    use crate::limits::Limits;
    use crate::testing::{Authority, FixedClock};
    use http::header::AUTHORIZATION;
    use http::{HeaderValue, Method, Uri};
    use serde_json::{Value, json};

    struct Bench {
        authority: Authority,
        authorizer: Authorizer,
        clock: FixedClock,
    }

    fn bench(routes: &str) -> Bench {
        let authority = Authority::new().unwrap();
        let clock = FixedClock::at(Authority::NOW);
        let policy = Policy::from_yaml(routes).unwrap();
        let trusted = authority.trusted(Authority::AUDIENCE).unwrap();
        let authorizer = Authorizer::new([trusted], policy).unwrap().with_clock(clock.clone());
        Bench {
            authority,
            authorizer,
            clock,
        }
    }

    impl Bench {
        fn judge(&self, method: &Method, path: &'static str, token: Option<&str>) -> Decision {
            let mut headers = HeaderMap::new();
            if let Some(token) = token {
                headers.insert(AUTHORIZATION, HeaderValue::try_from(format!("Bearer {token}")).unwrap());
            }
            let uri = Uri::from_static(path);
            let target = Target::new(method, &uri).unwrap();
            self.authorizer.judge(&Gate::Routes, &target, &headers).decision
        }

        fn code(&self, claims: Value) -> &'static str {
            let token = self.authority.token(claims).unwrap();
            self.judge(&Method::GET, "/", Some(&token))
                .error()
                .map_or("allow", Error::code)
        }
    }

    const OPEN: &str = "routes: [{ match: GET / }, { match: GET /health, public: true }]";

    #[test]
    fn a_good_token_passes_and_a_public_route_asks_for_none() {
        let bench = bench(OPEN);
        assert_eq!(bench.code(json!({})), "allow");
        assert_eq!(bench.judge(&Method::GET, "/", None).error(), Some(&Error::MissingToken));
        let public = bench.judge(&Method::GET, "/health", Some("not a token"));
        assert!(public.verdict().is_ok() && public.identity().is_none());
        let unknown = bench.authority.token(json!({})).unwrap();
        assert_eq!(
            bench.judge(&Method::GET, "/x", Some(&unknown)).error().unwrap().code(),
            "no_route"
        );
    }

    #[test]
    fn a_token_is_refused_at_the_first_step_that_fails() {
        let bench = bench(OPEN);
        let claim =
            |claim| move |error: &Error| matches!(error, Error::InvalidClaim { claim: named, .. } if *named == claim);
        let good = json!({"iss": Authority::ISSUER, "aud": Authority::AUDIENCE, "sub": "u", "exp": Authority::NOW + 9});
        let with = |name: &str, value: Value| {
            let mut claims = good.clone();
            claims[name] = value;
            claims
        };
        let header = json!({"alg": "ES256", "kid": "testing", "typ": "at+jwt"});
        let error = |header: Value, claims: Value| {
            let token = bench.authority.token_with_header(header, claims).unwrap();
            bench.judge(&Method::GET, "/", Some(&token)).error().cloned().unwrap()
        };
        let typ = json!({"alg": "ES256", "kid": "testing", "typ": "JWT"});
        assert!(claim("typ")(&error(typ, good.clone())));
        let kid = json!({"alg": "ES256", "kid": "other", "typ": "at+jwt"});
        assert_eq!(error(kid, good.clone()), Error::UnknownKey);
        let alg = json!({"alg": "RS256", "kid": "testing", "typ": "at+jwt"});
        assert_eq!(error(alg, good.clone()), Error::UnsupportedAlgorithm);
        assert!(claim("iss")(&error(
            header.clone(),
            with("iss", json!("https://other.test"))
        )));
        assert!(claim("aud")(&error(
            header.clone(),
            with("aud", json!("https://other.test"))
        )));
        assert!(claim("exp")(&error(
            header.clone(),
            with("exp", json!(Authority::NOW - 30))
        )));
        assert_eq!(
            error(header.clone(), with("cnf", json!({"jkt": "x"}))),
            Error::InvalidConfirmation
        );
        assert!(matches!(
            error(header, with("act", json!(null))),
            Error::InvalidChain { .. }
        ));
        let good = bench.authority.token(json!({})).unwrap();
        let forged = Authority::new().unwrap().token(json!({})).unwrap();
        assert_eq!(
            bench.judge(&Method::GET, "/", Some(&forged)).error(),
            Some(&Error::InvalidSignature)
        );
        let (signed, _) = good.rsplit_once('.').unwrap();
        let spliced = format!("{signed}.{}", forged.rsplit_once('.').unwrap().1);
        assert_eq!(
            bench.judge(&Method::GET, "/", Some(&spliced)).error(),
            Some(&Error::InvalidSignature)
        );
    }

    #[test]
    fn a_remembered_token_is_judged_anew_by_time_and_route() {
        let routes = "routes: [{ match: GET / }, { match: POST /, scopes: [write] }]";
        let bench = bench(routes);
        let token = bench.authority.token(json!({"exp": Authority::NOW + 100})).unwrap();
        assert!(bench.judge(&Method::GET, "/", Some(&token)).verdict().is_ok());
        assert_eq!(
            bench.judge(&Method::POST, "/", Some(&token)).error().unwrap().code(),
            "insufficient_scope"
        );
        let forged = format!("{}AAAA", &token[..token.len() - 4]);
        assert!(bench.judge(&Method::GET, "/", Some(&forged)).verdict().is_err());
        bench.clock.advance(130);
        assert_eq!(
            bench.judge(&Method::GET, "/", Some(&token)).error().unwrap().code(),
            "invalid_claim"
        );
    }

    #[test]
    fn the_same_verdict_with_and_without_the_memory() {
        let bench = bench(OPEN);
        let forgetful = Limits {
            cache_bytes: 0,
            ..Limits::default()
        };
        let without = bench.authorizer.clone().with_limits(forgetful);
        let token = bench.authority.token(json!({})).unwrap();
        for authorizer in [&bench.authorizer, &without] {
            for _ in 0..3 {
                let uri = Uri::from_static("/");
                let target = Target::new(&Method::GET, &uri).unwrap();
                assert!(
                    authorizer
                        .explain(&target, &token, Authority::NOW)
                        .decision()
                        .verdict()
                        .is_ok()
                );
            }
        }
    }

    #[test]
    fn an_escape_that_decides_which_route_is_meant_is_ambiguous() {
        let bench =
            bench("routes: [{ match: 'GET /@assets/{*rest}', public: true }, { match: 'GET /{tenant}/{*rest}' }]");
        let status = |path| bench.judge(&Method::GET, path, None).error().map_or(200, Error::status);
        assert_eq!(status("/@assets/a"), 200);
        assert_eq!(status("/%40assets/a"), 400);
        assert_eq!(status("/tenant/a%40b"), 401);
        assert_eq!(status("/@assets/a%40b"), 200);
        assert_eq!(status("/t%C3%A9/a"), 401);
    }

    #[test]
    fn debug_output_shows_no_value_of_a_token() {
        let bench = bench(OPEN);
        let token = bench
            .authority
            .token(json!({"sub": "hidden-subject", "scope": "hidden-scope", "acr": "hidden-acr", "amr": ["hidden-amr"], "act": {"sub": "hidden-actor"}}))
            .unwrap();
        let decision = bench.judge(&Method::GET, "/", Some(&token));
        let identity = decision.identity().unwrap();
        let (chain, login) = (identity.chain(), identity.authentication());
        let shown = format!(
            "{decision:?} {:?} {chain:?} {login:?} {:?}",
            bench.authorizer,
            chain.current()
        );
        assert!(!shown.contains("hidden") && !shown.contains(&token), "{shown}");
    }
}
