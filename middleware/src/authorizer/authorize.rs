//! One request, from its route and its credential to what is decided. The only maker of an [`Identity`].

use std::sync::Arc;

use super::Trust;
use super::authenticate::{Authenticate, Failure, report_verified_before};
use super::decision::Conclusion;
use super::mcp_message::NoRoute;
use super::pending::{Authorization, Pending};
use super::pipeline::Pipeline;
use super::protected::Protected;
use super::rules::no_route;
use super::step::Step;
use super::token_in_words::{in_words, joined};
use crate::chain::Facts;
use crate::error::{Error, Reason};
use crate::identity::{Identity, Proof};
use crate::keys::Keys;
use crate::policy::{Access, Ambiguity, Deciding, EvaluationTime, MetByToken, Recorder, Requirement, Route};
use crate::profile::{Profile, TokenIssuer};
use crate::request::{Carrier, Credential, Presented, Target, check_form, names_method};
use crate::token::{UnverifiedClaims, UnverifiedToken, algorithm_name};

impl<'a> Pipeline<'a> {
    /// Authorizes by the route of the target and the credential. Enforcement and explanation differ in the recorder, which decides whether
    /// rules that the token alone meets are evaluated in full.
    pub(super) fn authorize(
        &self,
        presented: &Presented<'_>,
        now: u64,
        recorder: &mut impl Recorder,
    ) -> Authorization<Conclusion> {
        self.authorize_with(&ByCredential, presented, now, recorder)
    }

    /// The same for the identity of a credential, or of a record.
    pub(super) fn authorize_with(
        &self,
        source: &impl Authenticate,
        presented: &Presented<'_>,
        now: u64,
        recorder: &mut impl Recorder,
    ) -> Authorization<Conclusion> {
        match self.route(presented) {
            Ok(Some(route)) => {
                Step::ROUTE.report_passed(recorder, || route.name.to_string());
                match self.policy.promoted() {
                    None => self.authorize_for(route, source, presented, now, recorder),
                    Some(_) => self.authorize_beside_shadow(route, source, presented, now, recorder),
                }
            }
            // The token is verified first: a request without a valid token gets 401, whether the route exists or not.
            Ok(None) => {
                Step::ROUTE.report_got(recorder, &no_route(), || self.missed_route(presented.target()));
                self.decide(source, None, presented, now, recorder)
            }
            Err(NoRoute::Message(error)) => {
                Step::ROUTE.report_failed(recorder, &error);
                Authorization::Decided(Conclusion::without_route(error))
            }
            // The challenge names the authorization server: a client needs it before it sends a message that is accepted.
            Err(NoRoute::NoCredential(error)) => {
                Step::ROUTE.report_failed(recorder, &error);
                self.decide(source, None, presented, now, recorder)
            }
            Err(NoRoute::Ambiguous(ambiguity)) => {
                let error = ambiguity.error();
                Step::ROUTE.report_found(recorder, &error, || self.other_access(presented.target(), ambiguity));
                Authorization::Decided(Conclusion::without_route(error))
            }
        }
    }

    /// The same for a request that has a route.
    #[inline(always)]
    pub(super) fn authorize_for(
        &self,
        route: &Route,
        source: &impl Authenticate,
        presented: &Presented<'_>,
        now: u64,
        recorder: &mut impl Recorder,
    ) -> Authorization<Conclusion> {
        let deciding = Deciding::Route(route.number);
        match &route.access {
            Access::Public => Authorization::Decided(Conclusion::new(Some(deciding), None, Ok(()))),
            Access::Guarded(requirement) => {
                self.decide(source, Some((deciding, requirement)), presented, now, recorder)
            }
        }
    }

    /// Authorizes by one requirement; [`None`] denies every valid token.
    pub(super) fn authorize_by(
        &self,
        required: Option<(Deciding, &Requirement)>,
        presented: &Presented<'_>,
        now: u64,
        recorder: &mut impl Recorder,
    ) -> Authorization<Conclusion> {
        self.decide(&ByCredential, required, presented, now, recorder)
    }

    fn decide(
        &self,
        source: &impl Authenticate,
        required: Option<(Deciding, &Requirement)>,
        presented: &Presented<'_>,
        now: u64,
        recorder: &mut impl Recorder,
    ) -> Authorization<Conclusion> {
        let deciding = required.map(|(deciding, _)| deciding);
        let resources = self.resources;
        let protected = match resources.of(presented, self.policy) {
            Ok(protected) => protected,
            Err(error) => {
                Step::RESOURCE.report_failed(recorder, &error);
                return Authorization::Decided(Conclusion::new(deciding, None, Err(error.into())));
            }
        };
        if resources.are_placed() {
            self.report_resource(protected, recorder);
        }
        let identity = match source.authenticate(self, presented, protected, now, recorder) {
            Ok(identity) => identity,
            Err(failure) => return self.unauthenticated(required, protected, failure),
        };
        let leeway = self.inner.leeway;
        let time = EvaluationTime { now, leeway };
        let met = required.map(|(_, requirement)| MetByToken::of(requirement, identity.facts(), &time, recorder));
        let is_allowed = match (required, &met) {
            (Some((_, requirement)), Some(met)) => met.is_all && requirement.promoted().is_none(),
            _ => false,
        };
        let conclusion = match is_allowed {
            true => Conclusion::new(deciding, Some(identity), Ok(())),
            false => self.evaluate((required, met), protected, identity, presented, &time, recorder),
        };
        Authorization::Decided(conclusion)
    }

    /// The token is verified first: a request for no resource gets 401 as one with a token for another resource.
    fn report_resource(&self, protected: Option<&Arc<Protected>>, recorder: &mut impl Recorder) {
        match protected {
            Some(protected) => Step::RESOURCE.report_passed(recorder, || protected.identifier.to_string()),
            None => {
                let error = Error::claim("aud", Reason::Mismatch);
                Step::RESOURCE.report_got(recorder, &error, || "none at this host and path".to_owned());
            }
        }
    }

    /// The route of a request, whichever way a server reads its escapes, its spelling, and a parameter `_method`.
    pub(super) fn route(&self, presented: &Presented<'_>) -> Result<Option<&'a Route>, NoRoute> {
        let target = presented.target();
        let route = self.policy.route(target.method().as_str(), target.forms())?;
        match target.query() {
            Some(query) if !self.permits_method_parameters(target, query) => Err(Ambiguity::Method.into()),
            _ => {
                self.check_page(presented)?;
                match route {
                    Some(endpoint) if endpoint.is_mcp_endpoint() => self.route_of_message(endpoint, presented),
                    route => Ok(route),
                }
            }
        }
    }

    fn permits_method_parameters(&self, target: &Target<'_>, query: &str) -> bool {
        !names_method(query) || !self.policy.denied_methods(target).scan().finds(query.as_bytes())
    }

    /// From the credential to a checked identity: credential, verified facts, checks.
    fn authenticate(
        &self,
        presented: &Presented<'_>,
        protected: Option<&Arc<Protected>>,
        now: u64,
        recorder: &mut impl Recorder,
    ) -> Result<Identity, Failure> {
        let credential = presented.credential(&self.inner.carriers);
        let credential = credential.inspect_err(|error| Step::CREDENTIAL.report_failed(recorder, error))?;
        let cache = &self.inner.cache;
        let cached = self.cached(presented, &credential).inspect_err(|error| {
            let (passed, failed) = match error {
                Error::MisplacedToken => (&Step::BEFORE_ISSUER[..], Step::ISSUER),
                _ => (&Step::BEFORE_KEY[..], Step::KEY),
            };
            for step in passed {
                step.report_passed(recorder, || "verified before".to_owned());
            }
            failed.report_failed(recorder, error);
        });
        if let Some(identity) = cached? {
            report_verified_before(&identity, recorder)?;
            let checked = self.check(&identity, presented, protected, now, recorder);
            // A token for another resource stays: it is of use there.
            checked.inspect_err(|error| {
                if *error == Error::claim("exp", Reason::Expired) {
                    cache.remove(credential.bytes);
                }
            })?;
            if identity.trusted_issuer().introspection.is_some() {
                self.check_introspection(&identity, &credential, presented, recorder)?;
            }
            return Ok(identity);
        }
        self.authenticate_anew(&credential, presented, protected, now, recorder)
    }

    /// The same for a token that is not cached.
    #[inline(never)]
    fn authenticate_anew(
        &self,
        credential: &Credential<'_, '_>,
        presented: &Presented<'_>,
        protected: Option<&Arc<Protected>>,
        now: u64,
        recorder: &mut impl Recorder,
    ) -> Result<Identity, Failure> {
        let text = credential.text();
        let text = text.inspect_err(|error| Step::CREDENTIAL.report_failed(recorder, error))?;
        let (cache, carrier) = (&self.inner.cache, credential.carrier);
        cache.count_miss();
        let identity = match self.issuer_of_opaque(text) {
            Some(issuer) => self.introspect(issuer, text, carrier, presented, recorder)?,
            None => self.verify(text, carrier, recorder)?,
        };
        self.check(&identity, presented, protected, now, recorder)?;
        cache.insert(text, &identity, identity.facts().claims.payload_bytes());
        self.check_introspection(&identity, credential, presented, recorder)?;
        Ok(identity)
    }

    /// The facts of a token that was verified with the current keys of an issuer that is trusted.
    fn cached(&self, presented: &Presented<'_>, credential: &Credential<'_, '_>) -> Result<Option<Identity>, Error> {
        let cache = &self.inner.cache;
        let Some(identity) = cache.get(credential.bytes) else {
            return Ok(None);
        };
        if let Some(trust) = self.inner.trust_of(&identity) {
            credential.carrier.check(trust.issuer.header.as_ref())?;
            let is_current = match identity.proof() {
                Proof::Keys(generation) => trust.keys.generation()? == generation,
                Proof::Introspection(number) => {
                    let (text, answers) = (credential.text()?, trust.introspection.as_ref());
                    let answer = answers.and_then(|answers| answers.answer(text, presented.is_continued()));
                    answer.is_some_and(|answer| answer.number == number)
                }
                Proof::Record => false,
            };
            if is_current {
                cache.count_hit();
                return Ok(Some(identity));
            }
        }
        cache.remove(credential.bytes);
        Ok(None)
    }

    /// From the text of a token to its verified facts.
    fn verify(&self, text: &str, carrier: Carrier<'_>, recorder: &mut impl Recorder) -> Result<Identity, Failure> {
        let limits = &self.inner.limits;
        let token = UnverifiedToken::decode_by(text, limits, Some(&self.inner.headers));
        // A text that decodes has the form of a credential: any other is checked byte by byte.
        let credential = token.as_ref().map(|_| ()).or_else(|_| check_form(text));
        Step::CREDENTIAL.report(credential, recorder, |()| "one bearer token".to_owned())?;
        let token = token.inspect_err(|error| match error {
            Error::UnsupportedAlgorithm => Step::FORM.report_found(recorder, error, || algorithm_name(text)),
            error => Step::FORM.report_failed(recorder, error),
        })?;
        let claims = Step::FORM.report(token.claims(limits), recorder, |_| "a strict compact JWS".to_owned())?;
        let issuers = self.inner.issuers.iter().map(|trust| &trust.issuer);
        let trusted = || {
            let accepted = issuers.filter(|issuer| carrier.check(issuer.header.as_ref()).is_ok());
            joined(accepted.map(|issuer| &*issuer.issuer))
        };
        let found = || match (claims.issuer(), claims.trust_domain()) {
            (Ok(issuer), _) | (Err(_), Some(issuer)) => issuer.to_owned(),
            (Err(error), None) => in_words(&error, &token, &Profile::default()),
        };
        let trust = self.trust(&claims).and_then(|trust| {
            carrier.check(trust.issuer.header.as_ref())?;
            Ok(trust)
        });
        let Trust { issuer, keys, .. } = Step::ISSUER.compare(trust, recorder, trusted, found)?;
        let typ = token.media_type();
        let accepted = || joined(issuer.profile.access_tokens.media_types().into_iter());
        let found = || typ.unwrap_or("no `typ`").to_owned();
        Step::TYPE.compare(check_type(&issuer.profile, typ), recorder, accepted, found)?;
        let snapshot = keys.snapshot();
        let snapshot = snapshot.inspect_err(|error| Step::KEY.report_found(recorder, error, || keys.failure()))?;
        let selected = token.select(&snapshot.keys, &issuer.algorithms);
        match &selected {
            Ok(_) => Step::KEY.report_passed(recorder, || match token.kid() {
                Some(kid) => format!("`{kid}`"),
                None => "the only one that fits".to_owned(),
            }),
            Err(error) => Step::KEY.report_found(recorder, error, || {
                let kid = token.kid().map_or("no kid".to_owned(), |kid| format!("kid `{kid}`"));
                let algorithm = algorithm_name(text);
                format!("{kid}, alg {algorithm}; the issuer has {}", snapshot.keys.listing())
            }),
        }
        let selected = selected.map_err(|error| Failure {
            pending: match (&error, keys) {
                (Error::UnknownKey, Keys::Remote(keys)) => Some(Pending::Keys {
                    keys: keys.clone(),
                    generation: snapshot.generation,
                }),
                _ => None,
            },
            error,
        })?;
        let verified = Step::SIGNATURE.report(token.verify(claims, selected), recorder, |_| "valid".to_owned())?;
        token.remember_header(&self.inner.headers, &verified);
        for required in &issuer.required_claims {
            let (expected, found) = (|| required.expected(), || required.found(&verified));
            Step::REQUIRED_CLAIM.compare(required.check(&verified), recorder, expected, found)?;
        }
        let checked = verified.check_token_type(&issuer.profile, typ);
        // The facts are large: once they are within the identity, they are not moved.
        let identity = checked.and_then(|()| {
            let (facts, proof) = (
                Facts::derive(verified, issuer, limits)?,
                Proof::Keys(snapshot.generation),
            );
            Ok(Identity::verified(facts, Arc::clone(issuer), proof))
        });
        let identity = identity.inspect_err(|error| {
            Step::CLAIMS.report_got(recorder, error, || in_words(error, &token, &issuer.profile));
        })?;
        Step::CLAIMS.report_passed(recorder, || "well-formed claims".to_owned());
        Ok(identity)
    }

    /// The trusted issuer that a token names.
    pub(super) fn trust(&self, claims: &UnverifiedClaims<'_>) -> Result<&'a Trust, Error> {
        let find = |issuer: &str| {
            let mut trusted = self.inner.issuers.iter();
            trusted.find(|trust| *trust.issuer.issuer == *issuer)
        };
        match claims.issuer() {
            Ok(issuer) => find(issuer).ok_or(Error::claim("iss", Reason::Mismatch)),
            Err(error) => {
                let found = claims.trust_domain().and_then(find);
                let found = found.filter(|trust| trust.issuer.profile.issuer == TokenIssuer::ClaimOrTrustDomain);
                found.ok_or(error)
            }
        }
    }
}

fn check_type(profile: &Profile, typ: Option<&str>) -> Result<(), Error> {
    if profile.access_tokens.accept(typ) {
        return Ok(());
    }
    let reason = typ.map_or(Reason::Missing, |_| Reason::Mismatch);
    Err(Error::InvalidType { reason })
}

/// The identity of the credential of a request.
struct ByCredential;

impl Authenticate for ByCredential {
    fn authenticate(
        &self,
        pipeline: &Pipeline<'_>,
        presented: &Presented<'_>,
        protected: Option<&Arc<Protected>>,
        now: u64,
        recorder: &mut impl Recorder,
    ) -> Result<Identity, Failure> {
        pipeline.authenticate(presented, protected, now, recorder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Policy;
    use crate::TrustedIssuer;
    use crate::clock::FixedClock;
    use crate::limits::Limits;
    use crate::testing::TestIssuer;
    use crate::{Authorizer, Decision};
    use http::header::AUTHORIZATION;
    use http::{HeaderMap, HeaderValue, Method, Uri};
    use serde_json::{Value, json};

    struct Bench {
        issuer: TestIssuer,
        authorizer: Authorizer,
        clock: FixedClock,
    }

    fn bench(routes: &str) -> Bench {
        bench_with(routes, Limits::default())
    }

    fn bench_with(routes: &str, limits: Limits) -> Bench {
        let issuer = TestIssuer::new().unwrap();
        let clock = FixedClock::at(TestIssuer::NOW);
        let policy = Policy::from_yaml(routes).unwrap();
        let trusted = issuer.trusted(TestIssuer::AUDIENCE).unwrap();
        let builder = Authorizer::builder().issuer(trusted).policy(policy);
        let authorizer = builder.clock(clock.clone()).limits(limits).build().unwrap();
        Bench {
            issuer,
            authorizer,
            clock,
        }
    }

    impl Bench {
        fn decide(&self, method: &Method, path: &'static str, token: Option<&str>) -> Decision {
            let mut headers = HeaderMap::new();
            if let Some(token) = token {
                headers.insert(AUTHORIZATION, HeaderValue::try_from(format!("Bearer {token}")).unwrap());
            }
            let uri = Uri::from_static(path);
            let target = Target::new(method, &uri).unwrap();
            let presented = Presented::headers(&target, &headers);
            let authorization = self.authorizer.enforce(self.authorizer.in_force(), None, &presented);
            authorization.into_decision()
        }

        fn code(&self, claims: Value) -> &'static str {
            let token = self.issuer.token(claims).unwrap();
            self.decide(&Method::GET, "/", Some(&token))
                .error()
                .map_or("allow", Error::code)
        }
    }

    const OPEN: &str = "routes: [{ match: GET / }, { match: GET /health, public: true }]";

    #[test]
    fn a_token_that_is_no_text_is_not_looked_up_as_a_new_one() {
        let bench = bench("routes: [{ match: GET / }]");
        let field = HeaderValue::from_bytes(b"Bearer a.\xff.c").unwrap();
        let headers = HeaderMap::from_iter([(AUTHORIZATION, field)]);
        let uri = Uri::from_static("/");
        let target = Target::new(&Method::GET, &uri).unwrap();
        let in_force = bench.authorizer.in_force();
        let presented = Presented::headers(&target, &headers);
        let decision = bench.authorizer.enforce(in_force, None, &presented).into_decision();
        let reason = "the authorization field is not ASCII";
        assert_eq!(decision.error(), Some(&Error::InvalidRequest { reason }));
        assert_eq!(bench.authorizer.inner.cache.status().misses, 0);
    }

    #[test]
    fn a_valid_token_is_allowed_and_a_public_route_needs_none() {
        let bench = bench(OPEN);
        assert_eq!(bench.code(json!({})), "allow");
        assert_eq!(
            bench.decide(&Method::GET, "/", None).error(),
            Some(&Error::MissingToken)
        );
        let public = bench.decide(&Method::GET, "/health", Some("not a token"));
        assert!(public.outcome().is_ok() && public.identity().is_none());
        let unknown = bench.issuer.token(json!({})).unwrap();
        assert_eq!(
            bench.decide(&Method::GET, "/x", Some(&unknown)).error().unwrap().code(),
            "no_route"
        );
    }

    #[test]
    fn the_first_step_that_fails_denies() {
        let bench = bench(OPEN);
        let claim =
            |claim| move |error: &Error| matches!(error, Error::InvalidClaim { claim: named, .. } if *named == claim);
        let good =
            json!({"iss": TestIssuer::ISSUER, "aud": TestIssuer::AUDIENCE, "sub": "u", "exp": TestIssuer::NOW + 9});
        let with = |name: &str, value: Value| {
            let mut claims = good.clone();
            claims[name] = value;
            claims
        };
        let header = json!({"alg": "ES256", "kid": "testing", "typ": "at+jwt"});
        let error = |header: Value, claims: Value| {
            let token = bench.issuer.token_with_header(header, claims).unwrap();
            bench.decide(&Method::GET, "/", Some(&token)).error().cloned().unwrap()
        };
        let typ = json!({"alg": "ES256", "kid": "testing", "typ": "JWT"});
        let mismatch = Error::InvalidType {
            reason: Reason::Mismatch,
        };
        assert_eq!(error(typ, good.clone()), mismatch);
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
            with("exp", json!(TestIssuer::NOW - 30))
        )));
        assert_eq!(
            error(header.clone(), with("cnf", json!({"jkt": "x"}))),
            Error::InvalidConfirmation
        );
        assert!(matches!(
            error(header, with("act", json!(null))),
            Error::InvalidChain { .. }
        ));
        let good = bench.issuer.token(json!({})).unwrap();
        let forged = TestIssuer::new().unwrap().token(json!({})).unwrap();
        assert_eq!(
            bench.decide(&Method::GET, "/", Some(&forged)).error(),
            Some(&Error::InvalidSignature)
        );
        let (signed, _) = good.rsplit_once('.').unwrap();
        let spliced = format!("{signed}.{}", forged.rsplit_once('.').unwrap().1);
        assert_eq!(
            bench.decide(&Method::GET, "/", Some(&spliced)).error(),
            Some(&Error::InvalidSignature)
        );
    }

    #[test]
    fn a_cached_token_is_checked_for_time_and_route() {
        let routes = "routes: [{ match: GET / }, { match: POST /, scopes: [write] }]";
        let bench = bench(routes);
        let token = bench.issuer.token(json!({"exp": TestIssuer::NOW + 100})).unwrap();
        assert!(bench.decide(&Method::GET, "/", Some(&token)).outcome().is_ok());
        assert_eq!(
            bench.decide(&Method::POST, "/", Some(&token)).error().unwrap().code(),
            "insufficient_scope"
        );
        let forged = format!("{}AAAA", &token[..token.len() - 4]);
        assert!(bench.decide(&Method::GET, "/", Some(&forged)).outcome().is_err());
        bench.clock.advance(130);
        assert_eq!(
            bench.decide(&Method::GET, "/", Some(&token)).error().unwrap().code(),
            "invalid_claim"
        );
    }

    #[test]
    fn the_outcome_is_the_same_with_and_without_the_cache() {
        for cache_bytes in [0, Limits::default().cache_bytes] {
            let limits = Limits {
                cache_bytes,
                ..Limits::default()
            };
            let bench = bench_with(OPEN, limits);
            let token = bench.issuer.token(json!({})).unwrap();
            for _ in 0..3 {
                assert!(bench.decide(&Method::GET, "/", Some(&token)).outcome().is_ok());
            }
        }
    }

    #[test]
    fn an_escape_that_decides_which_route_matches_is_ambiguous() {
        let bench =
            bench("routes: [{ match: 'GET /@assets/{*rest}', public: true }, { match: 'GET /{tenant}/{*rest}' }]");
        let status = |path| {
            bench
                .decide(&Method::GET, path, None)
                .error()
                .map_or(200, |error| error.status().as_u16())
        };
        assert_eq!(status("/@assets/a"), 200);
        assert_eq!(status("/%40assets/a"), 400);
        assert_eq!(status("/tenant/a%40b"), 401);
        assert_eq!(status("/@assets/a%40b"), 200);
        assert_eq!(status("/t%C3%A9/a"), 401);
    }

    /// An authorizer that trusts `issuer`, with the keys of a test issuer.
    fn trusting(issuer: &TestIssuer, identifier: &str, profile: &str, routes: &str) -> Authorizer {
        let trusted = TrustedIssuer::new(identifier, issuer.key_set().unwrap()).unwrap();
        let trusted = trusted.audience(TestIssuer::AUDIENCE).unwrap();
        let trusted = trusted.profile(Profile::from_yaml(profile).unwrap());
        let builder = Authorizer::builder().policy(Policy::from_yaml(routes).unwrap());
        let clock = FixedClock::at(TestIssuer::NOW);
        builder.issuer(trusted).clock(clock).build().unwrap()
    }

    fn explain(authorizer: &Authorizer, token: &str) -> crate::Explanation {
        let uri = Uri::from_static("/");
        let target = Target::new(&Method::GET, &uri).unwrap();
        authorizer.explain(&Presented::token(&target, token), TestIssuer::NOW)
    }

    #[test]
    fn a_token_without_iss_is_of_the_trust_domain_of_its_subject_where_the_profile_says_so() {
        let issuer = TestIssuer::new().unwrap();
        let spiffe = "issuer: { claim: iss, substitute: trust-domain }";
        let code = |profile: &str, claims: Value| {
            let authorizer = trusting(&issuer, "spiffe://td.example", profile, "routes: [{ match: GET / }]");
            let explanation = explain(&authorizer, &issuer.token(claims).unwrap());
            explanation.decision().error().map_or("allow", Error::code)
        };
        let without_iss = |sub: &str| json!({"iss": null, "sub": sub});
        assert_eq!(code(spiffe, without_iss("spiffe://td.example/web")), "allow");
        assert_eq!(code("rfc9068", without_iss("spiffe://td.example/web")), "invalid_claim");
        let with_iss = |sub: &str| json!({"iss": "spiffe://td.example", "sub": sub});
        assert_eq!(code(spiffe, with_iss("spiffe://td.example/web")), "allow");
        for sub in [
            "x",
            "spiffe://td.example",
            "spiffe://td.example.org/web",
            "spiffe://other.example/web",
        ] {
            assert_eq!(code(spiffe, with_iss(sub)), "invalid_claim", "{sub}");
        }
        for sub in [
            "spiffe://td.example",
            "spiffe://td.example/",
            "spiffe:///web",
            "spiffe://other.example/web",
            "SPIFFE://td.example/web",
            "spiffe://td.example:1/web",
            "td.example/web",
        ] {
            assert_eq!(code(spiffe, without_iss(sub)), "invalid_claim", "{sub}");
        }
        let other = json!({"iss": "https://other.example", "sub": "spiffe://td.example/web"});
        assert_eq!(code(spiffe, other), "invalid_claim");
    }

    #[test]
    fn the_actor_profile_has_errors_of_its_own() {
        let issuer = TestIssuer::new().unwrap();
        let challenge = |profile: &str, claims: Value| {
            let routes = "routes: [{ match: GET /, actor: { one_of: [a] } }]";
            let authorizer = trusting(&issuer, TestIssuer::ISSUER, profile, routes);
            let explanation = explain(&authorizer, &issuer.token(claims).unwrap());
            let challenge = authorizer.challenge_to(explanation.decision()).unwrap();
            (challenge.status().as_u16(), challenge.code())
        };
        let other = || json!({"act": {"sub": "b", "iss": TestIssuer::ISSUER}});
        for profile in ["actor-profile", "actor: { errors: actor-profile }"] {
            assert_eq!(challenge(profile, other()), (403, "actor_unauthorized"), "{profile}");
            assert_eq!(challenge(profile, json!({})), (401, "invalid_token"), "{profile}");
        }
        assert_eq!(challenge("rfc9068", other()), (403, "access_denied"));
        assert_eq!(challenge("rfc9068", json!({})), (403, "access_denied"));
    }

    #[test]
    fn an_explanation_shows_where_each_fact_comes_from() {
        let issuer = TestIssuer::new().unwrap();
        let profile = "client: azp\nsubject: { claim: oid, substitute: azp }\nactor: { presenter: { claims: { fct: { facet: 11 } } } }\n\
            kinds: { human: { claims: { idtyp: user, sfct: { not_facet: 13 } } } }\naccess_token: [{ typ: at+jwt, where: { idtyp: [user, app] } }]";
        let authorizer = trusting(&issuer, TestIssuer::ISSUER, profile, "routes: [{ match: GET / }]");
        let claims = json!({"oid": "u1", "azp": "bot", "idtyp": "user", "fct": "3 11", "scope": "a b"});
        let token = issuer.token(claims).unwrap();
        let shown = || -> Vec<String> {
            let explanation = explain(&authorizer, &token);
            let facts = explanation.facts().iter();
            facts
                .map(|fact| format!("{}: {} ({})", fact.fact, fact.value, fact.source))
                .collect()
        };
        let expected = [
            "access token: yes (`idtyp` is `user` or `app`)",
            "initiator: u1 (`oid`)",
            "kind of the initiator: human (`idtyp` is `user` and `sfct` does not have facet 13)",
            "client: bot (`azp`)",
            "scopes: a b (`scope`)",
            "audience: https://orders.example (`aud`)",
            "current actor: bot (the client: `fct` has facet 11)",
        ];
        assert_eq!(shown(), expected);
        assert_eq!(shown(), expected, "of a cached token");
        let okta = trusting(
            &issuer,
            TestIssuer::ISSUER,
            "actor: { prior: through, origin: origin }",
            "routes: [{ match: GET / }]",
        );
        let claims = json!({"act": {"sub": "a2"}, "through": [{"sub": "a1"}], "origin": {"sub": "svc"}});
        let explanation = explain(&okta, &issuer.token(claims).unwrap());
        let sources = explanation
            .facts()
            .iter()
            .filter(|fact| fact.fact.ends_with("actor") && !fact.fact.starts_with("kind"));
        let sources: Vec<&str> = sources.map(|fact| &*fact.source).collect();
        assert_eq!(sources, ["`act`", "`through`", "`origin`"]);
        assert!(explain(&authorizer, "a.b.c").facts().is_empty());
    }

    #[test]
    fn a_token_in_another_header_shows_the_same_steps_fresh_and_cached() {
        let issuer = TestIssuer::new().unwrap();
        let own = http::HeaderName::from_static("cf-access-jwt-assertion");
        let trusted = issuer
            .trusted(TestIssuer::AUDIENCE)
            .unwrap()
            .header(own.clone())
            .unwrap();
        let policy = Policy::from_yaml("routes: [{ match: GET / }]").unwrap();
        let authorizer = Authorizer::builder().issuer(trusted).policy(policy).build().unwrap();
        let token = issuer.token(json!({})).unwrap();
        let explain = |name: &http::HeaderName, value: &str| {
            let uri = Uri::from_static("/");
            let target = Target::new(&Method::GET, &uri).unwrap();
            let headers = HeaderMap::from_iter([(name.clone(), HeaderValue::try_from(value).unwrap())]);
            let explanation = authorizer.explain(&Presented::headers(&target, &headers), TestIssuer::NOW);
            let steps: Vec<String> = explanation
                .checks()
                .iter()
                .map(|check| check.rule.to_string())
                .collect();
            (explanation.decision().error().map(Error::code), steps)
        };
        let misplaced = || explain(&AUTHORIZATION, &format!("Bearer {token}"));
        let fresh = misplaced();
        assert_eq!(fresh.0, Some("misplaced_token"));
        assert_eq!(fresh.1.last().map(String::as_str), Some("issuer"));
        assert_eq!(explain(&own, &token).0, None);
        assert!(authorizer.inner.cache.get(token.as_bytes()).is_some());
        assert_eq!(misplaced(), fresh);
        assert!(
            authorizer.inner.cache.get(token.as_bytes()).is_some(),
            "it stays of use in its header"
        );
    }

    #[test]
    fn debug_output_shows_no_value_of_a_token() {
        let bench = bench(OPEN);
        let token = bench
            .issuer
            .token(json!({"sub": "hidden-subject", "scope": "hidden-scope", "acr": "hidden-acr", "amr": ["hidden-amr"], "act": {"sub": "hidden-actor"}}))
            .unwrap();
        let decision = bench.decide(&Method::GET, "/", Some(&token));
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
