//! A request explained by claims that nothing verifies.

use std::fmt;

use super::issuer::{TestIssuer, TestIssuerError, failed, header_of_type};
use crate::authorizer::{Authorizer, AuthorizerBuilder};
use crate::issuer::TrustedIssuer;
use crate::json::{self, Json, Object};
use crate::limits::Limits;
use crate::profile::TokenIssuer;

/// Claims that are taken as given, and an authorizer that takes them: for an explanation, never for enforcement.
///
/// The claims are signed as they are written, with a key that is made for them and that this authorizer alone trusts, so that
/// every step of a decision runs. The steps on the credential, the type, the key and the signature prove nothing. `typ` is that of
/// an access token with these claims by the profile of their issuer.
pub struct GivenClaims {
    authorizer: Authorizer,
    token: String,
    assumed_issuer: Option<String>,
}

impl GivenClaims {
    /// For the claims in a JSON object, an authorizer without issuers, and the issuers that it is to trust, whose keys are
    /// replaced. Claims without an issuer are of the only one, where there is one. No other claim is added.
    ///
    /// An object that is no strict JSON, as one with two claims of the same name, is explained as a malformed token.
    ///
    /// # Errors
    /// For a text that is not a JSON object, and where the parts cannot be used together.
    pub fn new(
        builder: AuthorizerBuilder,
        issuers: impl IntoIterator<Item = TrustedIssuer>,
        claims: &str,
    ) -> Result<GivenClaims, TestIssuerError> {
        let members: serde_json::Map<String, serde_json::Value> = serde_json::from_str(claims).map_err(failed)?;
        let issuers: Vec<TrustedIssuer> = issuers.into_iter().collect();
        let assumed = match &issuers[..] {
            [only] if !members.contains_key("iss") && !names_itself(only) => Some(only.identifier().to_owned()),
            _ => None,
        };
        let payload = match &assumed {
            Some(issuer) => with_issuer(claims, issuer, members.is_empty()),
            None => claims.to_owned(),
        };
        let strict = json::object(payload.as_bytes(), &Limits::default()).ok();
        let of_claims = |strict: &Object<'_>| {
            let issuer = strict.get("iss").and_then(Json::as_str);
            let named = issuers.iter().find(|trusted| Some(trusted.identifier()) == issuer);
            let typ = named.or(issuers.first())?.profile.access_tokens.typ_of(strict);
            typ.map(str::to_owned)
        };
        let typ = strict.as_ref().map_or(Some("at+jwt".to_owned()), of_claims);
        let issuer = TestIssuer::new()?;
        let token = issuer.token_of_text(&header_of_type(typ.as_deref()), &payload)?;
        let builder = issuers
            .into_iter()
            .try_fold(builder, |builder, one| issuer.add_to(builder, one))?;
        Ok(GivenClaims {
            authorizer: builder.build().map_err(failed)?,
            token,
            assumed_issuer: assumed,
        })
    }

    /// The authorizer that takes the claims. It must enforce nothing.
    pub fn authorizer(&self) -> &Authorizer {
        &self.authorizer
    }

    /// The token of the claims.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The issuer that was added to claims without one.
    pub fn assumed_issuer(&self) -> Option<&str> {
        self.assumed_issuer.as_deref()
    }

    /// The steps of a decision that prove nothing here, by the names of their checks.
    pub fn unproven_steps() -> &'static [&'static str] {
        &["credential", "form", "type", "key", "signature"]
    }
}

/// Prints no claim: debug output ends up in logs.
impl fmt::Debug for GivenClaims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GivenClaims").finish_non_exhaustive()
    }
}

/// Whether tokens of the issuer need no `iss`, since their subject names the trust domain.
fn names_itself(issuer: &TrustedIssuer) -> bool {
    issuer.profile.issuer == TokenIssuer::ClaimOrTrustDomain
}

/// The text of an object with a first member `iss`. All else stays as it is written.
fn with_issuer(claims: &str, issuer: &str, is_empty: bool) -> String {
    let inner = claims.trim_start().strip_prefix('{').unwrap_or_default();
    let separator = if is_empty { "" } else { "," };
    format!(r#"{{"iss":{}{separator}{inner}"#, serde_json::Value::from(issuer))
}

#[cfg(test)]
mod tests {
    use http::{Method, Uri};

    use super::*;
    use crate::policy::Policy;
    use crate::request::{Presented, Target};

    const EXPIRY: u64 = TestIssuer::NOW + 300;

    fn given(claims: &str, issuers: &[&str]) -> Result<GivenClaims, TestIssuerError> {
        let policy = Policy::from_yaml("routes: [{ match: GET /, scopes: [a] }]").unwrap();
        let issuer = |identifier: &&str| {
            let trusted = TrustedIssuer::discover(identifier).unwrap();
            trusted.audience(TestIssuer::AUDIENCE).unwrap()
        };
        let issuers: Vec<_> = issuers.iter().map(issuer).collect();
        GivenClaims::new(Authorizer::builder().policy(policy), issuers, claims)
    }

    fn code(given: &GivenClaims) -> &'static str {
        let uri = Uri::from_static("/");
        let target = Target::new(&Method::GET, &uri).unwrap();
        let explained = given
            .authorizer()
            .explain(&Presented::token(&target, given.token()), TestIssuer::NOW);
        explained.decision().error().map_or("allow", crate::Error::code)
    }

    fn claims(first: &str) -> String {
        let audience = TestIssuer::AUDIENCE;
        format!(
            r#" {{ {first} "sub": "u", "aud": "{audience}", "exp": {EXPIRY}, "scope": "a", "n": 1.000000000000000001 }}"#
        )
    }

    #[test]
    fn claims_are_explained_by_the_keys_of_no_issuer() {
        let (one, two) = ("https://idp.example", "https://other.example");
        let named = claims(r#""iss": "https://other.example","#);
        let given_two = given(&named, &[one, two]).unwrap();
        assert_eq!((code(&given_two), given_two.assumed_issuer()), ("allow", None));
        let foreign = given(&named, &[one]).unwrap();
        assert_eq!((code(&foreign), foreign.assumed_issuer()), ("invalid_claim", None));
        let assumed = given(&claims(""), &[one]).unwrap();
        assert_eq!((code(&assumed), assumed.assumed_issuer()), ("allow", Some(one)));
        let several = given(&claims(""), &[one, two]).unwrap();
        assert_eq!((code(&several), several.assumed_issuer()), ("invalid_claim", None));
    }

    #[test]
    fn no_claim_is_added_but_the_issuer_and_none_is_changed() {
        let one = "https://idp.example";
        let doubled = given(&claims(r#""scope": "b","#), &[one]).unwrap();
        assert_eq!(code(&doubled), "malformed_token");
        for (text, expected) in [("{}", "invalid_claim"), (r#"{"sub": "u"}"#, "invalid_claim")] {
            assert_eq!(code(&given(text, &[one]).unwrap()), expected, "{text}");
        }
        let uri = Uri::from_static("/");
        let target = Target::new(&Method::GET, &uri).unwrap();
        let given = given(&claims(""), &[one]).unwrap();
        let explained = given
            .authorizer()
            .explain(&Presented::token(&target, given.token()), TestIssuer::NOW);
        let identity = explained.decision().identity().unwrap();
        assert!(identity.facts().claims.payload().ends_with("1.000000000000000001 }"));
    }

    #[test]
    fn a_text_that_is_no_object_is_an_error() {
        for text in ["", "a.b.c", "[]", "null", "{", r#"{"sub": "u"} {}"#] {
            assert!(given(text, &["https://idp.example"]).is_err(), "{text}");
        }
    }

    #[test]
    fn the_type_is_that_of_the_profile() {
        for preset in crate::profile::Profile::names() {
            for name in ["human", "machine"] {
                let token = format!("{{ preset: {preset}, fixture: {name} }}");
                let text = format!("cases: [{{ name: a, request: GET /, token: {token}, expect: allow }}]");
                let Ok(cases) = crate::analysis::Cases::from_yaml(&text) else {
                    continue;
                };
                let policy = Policy::from_yaml("routes: [{ match: GET / }]").unwrap();
                let test = super::super::PolicyTest::new(policy, &cases).unwrap();
                let case = cases.iter().next().unwrap();
                let token = test.token(case, TestIssuer::NOW).unwrap().unwrap();
                let payload = token.split('.').nth(1).unwrap();
                let claims = String::from_utf8(base64_decoded(payload)).unwrap();
                let issuers = cases.issuers(TestIssuer::ISSUER).into_iter().map(|issuer| {
                    let trusted = TrustedIssuer::discover(&issuer.identifier).unwrap();
                    trusted.profile(issuer.profile).audience(TestIssuer::AUDIENCE).unwrap()
                });
                let policy = Policy::from_yaml("routes: [{ match: GET / }]").unwrap();
                let given = GivenClaims::new(Authorizer::builder().policy(policy), issuers, &claims).unwrap();
                assert_eq!(code(&given), "allow", "{preset} {name}");
            }
        }
    }

    fn base64_decoded(text: &str) -> Vec<u8> {
        use base64::Engine as _;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).unwrap()
    }
}
