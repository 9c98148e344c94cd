//! What makes a token an access token: its media type, and a marker that other tokens of that type lack.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use super::claim_test::Unmet;
use super::evidence::ClaimTests;
use crate::error::Reason;
use crate::json::{Json, Object};

/// Most entries of one profile.
const MAX_ENTRIES: usize = 32;

/// Media types that many kinds of tokens share.
const SHARED: [MediaType; 3] = [MediaType::Absent, MediaType::literal("JWT"), MediaType::literal("JOSE")];

/// Media types of tokens that are never access tokens.
const NEVER: &[&str] = &[
    "aic+jwt",
    "client-authentication+jwt",
    "dc+sd-jwt",
    "dpop+jwt",
    "entity-statement+jwt",
    "jwk-set+jwt",
    "kb+jwt",
    "logout+jwt",
    "mission-txn-token+jwt",
    "oauth-authz-req+jwt",
    "oauth-client-attestation+jwt",
    "oauth-client-attestation-pop+jwt",
    "oauth-id-jag+jwt",
    "oauth-wag+jwt",
    "secevent+jwt",
    "statuslist+jwt",
    "token-introspection+jwt",
    "trust-mark+jwt",
    "txn-authz-challenge+jwt",
    "txntoken+jwt",
    "vc+jwt",
    "vc+sd-jwt",
    "wit+jwt",
    "wpt+jwt",
];

/// The alternatives of a profile: at least one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AccessTokens(Box<[AccessToken]>);

/// A media type, and what an access token of that type contains.
#[derive(Clone, Debug, PartialEq)]
struct AccessToken {
    media_type: MediaType,
    marker: ClaimTests,
}

/// The `typ` of a header, compared without case and without the prefix `application/`.
#[derive(Clone, Debug, PartialEq)]
enum MediaType {
    /// A header without `typ`.
    Absent,
    Named(std::borrow::Cow<'static, str>),
}

impl MediaType {
    const fn literal(name: &'static str) -> MediaType {
        MediaType::Named(std::borrow::Cow::Borrowed(name))
    }

    fn fits(&self, typ: Option<&str>) -> bool {
        match (self, typ) {
            (MediaType::Absent, None) => true,
            (MediaType::Named(name), Some(typ)) => name.eq_ignore_ascii_case(subtype(typ)),
            _ => false,
        }
    }
}

/// A claim that is in ID tokens and security events, and in no access token of any issuer.
fn mark_of_another_token(claims: &Object<'_>) -> Option<&'static str> {
    const MARKS: [&str; 4] = ["at_hash", "c_hash", "s_hash", "events"];
    if let Some(mark) = MARKS.into_iter().find(|mark| claims.get(mark).is_some()) {
        return Some(mark);
    }
    let is_one_of = |claim: &str, kinds: &[&str]| {
        let text = claims.get(claim).and_then(Json::as_str);
        text.is_some_and(|text| kinds.iter().any(|kind| kind.eq_ignore_ascii_case(text.trim())))
    };
    if is_one_of("token_use", &["id", "id_token", "refresh", "refresh_token"]) {
        return Some("token_use");
    }
    is_one_of("typ", &["id", "refresh", "offline", "logout"]).then_some("typ")
}

/// A media type without its prefix `application/`.
fn subtype(typ: &str) -> &str {
    match typ.split_at_checked("application/".len()) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case("application/") => rest,
        _ => typ,
    }
}

impl AccessTokens {
    /// No token is an access token.
    pub(super) fn none() -> AccessTokens {
        AccessTokens(Box::default())
    }

    /// Whether access tokens can have this `typ`.
    pub(crate) fn accept(&self, typ: Option<&str>) -> bool {
        self.0.iter().any(|token| token.media_type.fits(typ))
    }

    /// The marker of an access token of this `typ` that the claims contain.
    ///
    /// # Errors
    /// What the first marker for this `typ` lacks.
    pub(crate) fn find(&self, typ: Option<&str>, claims: &Object<'_>) -> Result<&ClaimTests, Unmet> {
        if let Some(claim) = mark_of_another_token(claims) {
            let reason = Reason::Mismatch;
            return Err(Unmet { claim, reason });
        }
        let mut first = None;
        for token in self.0.iter().filter(|token| token.media_type.fits(typ)) {
            match token.marker.check(claims) {
                Ok(()) => return Ok(&token.marker),
                Err(unmet) => {
                    first.get_or_insert(unmet);
                }
            }
        }
        Err(first.unwrap_or(Unmet {
            claim: "typ",
            reason: Reason::Mismatch,
        }))
    }

    /// A claim that is in other tokens only.
    pub(crate) fn mark_of_another(&self, claims: &Object<'_>) -> Option<&'static str> {
        mark_of_another_token(claims)
    }

    /// Whether a marker is on the top-level claim of this name.
    pub(crate) fn read(&self, claim: &str) -> bool {
        self.0.iter().any(|token| token.marker.read(claim))
    }

    /// A marker that the claims contain, whatever the `typ`; none for a type that needs none.
    pub(crate) fn marker(&self, claims: &Object<'_>) -> Option<&ClaimTests> {
        let mut markers = self.0.iter().map(|token| &token.marker);
        markers.find(|marker| !marker.is_empty() && marker.check(claims).is_ok())
    }

    /// The `typ` of an access token with these claims: the first one whose marker they contain, or else the first one. [`None`] is a
    /// header without `typ`.
    #[cfg(feature = "test-util")]
    pub(crate) fn typ_of(&self, claims: &Object<'_>) -> Option<&str> {
        let of_token = |token: &AccessToken| token.marker.check(claims).is_ok();
        let token = self.0.iter().find(|token| of_token(token)).or_else(|| self.0.first())?;
        match &token.media_type {
            MediaType::Absent => None,
            MediaType::Named(name) => Some(name),
        }
    }

    /// The accepted media types, each once.
    pub(crate) fn media_types(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for token in &self.0 {
            let name = match &token.media_type {
                MediaType::Absent => "no `typ`",
                MediaType::Named(name) => name,
            };
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }
}

/// A type of access tokens.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, expecting = "a mapping\nwrite `- typ: VALUE`")]
#[cfg_attr(feature = "schema", schemars(rename = "AccessToken"))]
struct AccessTokenDocument {
    /// The `typ` in the header of the token; `none` for a header without it.
    /// Example: `at+jwt`
    typ: MediaType,
    /// Tests on claims that only access tokens meet. ID tokens have the types `JWT`, `JOSE` and `none` too, so that these need one.
    /// Example: `{ token_use: access }`
    #[serde(default, rename = "where")]
    marker: Option<ClaimTests>,
}

#[cfg(feature = "schema")]
actgate_yaml::schema_of! { |generator|
    /// Types of access tokens, one of which must fit.
    AccessTokens = "AccessTokens", { "anyOf": [
        generator.subschema_for::<AccessTokenDocument>(),
        { "type": "array", "minItems": 1, "maxItems": MAX_ENTRIES, "items": generator.subschema_for::<AccessTokenDocument>() },
    ] };
    /// The `typ` in the header of the token; `none` for a header without it.
    MediaType = "MediaType", { "type": "string", "pattern": "^[!-)+-~]+$" };
}

impl<'de> Deserialize<'de> for MediaType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let name = subtype(&text);
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic()) || name.contains('*') {
            let message = format!("`{text}` is not a media type\nwrite the `typ` of the header, or `none`");
            return Err(D::Error::custom(message));
        }
        if name == "none" {
            return Ok(MediaType::Absent);
        }
        if NEVER.iter().any(|never| never.eq_ignore_ascii_case(name)) {
            let message =
                format!("a token of type `{name}` is never an access token\nremove it; access tokens are `at+jwt`");
            return Err(D::Error::custom(message));
        }
        Ok(MediaType::Named(name.to_owned().into()))
    }
}

impl<'de> Deserialize<'de> for AccessToken {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let AccessTokenDocument { typ, marker } = AccessTokenDocument::deserialize(deserializer)?;
        let is_shared = SHARED.iter().any(|shared| match (shared, &typ) {
            (MediaType::Named(shared), MediaType::Named(typ)) => shared.eq_ignore_ascii_case(typ),
            (shared, typ) => shared == typ,
        });
        if is_shared && !marker.as_ref().is_some_and(ClaimTests::is_marker) {
            return Err(D::Error::custom(format!(
                "ID tokens have this type too: {typ}\nname under `where` a claim that access tokens of the issuer have and its other tokens lack"
            )));
        }
        Ok(AccessToken {
            media_type: typ,
            marker: marker.unwrap_or_default(),
        })
    }
}

impl<'de> Deserialize<'de> for AccessTokens {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let tokens = actgate_yaml::OneOrMany::<AccessToken>::deserialize(deserializer)?;
        if !(1..=MAX_ENTRIES).contains(&tokens.len()) {
            let message =
                format!("a profile has from 1 to {MAX_ENTRIES} types of access tokens\nwrite `- typ: at+jwt`");
            return Err(D::Error::custom(message));
        }
        Ok(AccessTokens(tokens.0.into()))
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MediaType::Absent => f.write_str("`none`"),
            MediaType::Named(name) => write!(f, "`{name}`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;

    fn tokens(yaml: &str) -> Result<AccessTokens, String> {
        let reading = actgate_yaml::read::<std::collections::BTreeMap<String, AccessTokens>>(&format!("t: {yaml}"));
        match reading.value {
            Some(mut value) if reading.diagnostics.is_empty() => Ok(value.remove("t").unwrap()),
            _ => Err(reading.diagnostics.to_string()),
        }
    }

    #[test]
    fn media_types_are_compared_without_case_and_prefix() {
        let tokens = tokens("[{ typ: at+jwt }]").unwrap();
        for typ in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"] {
            assert!(tokens.accept(Some(typ)), "{typ}");
        }
        for typ in [
            "JWT",
            "",
            "application/",
            "at+jwt ",
            "text/at+jwt",
            "application/application/at+jwt",
        ] {
            assert!(!tokens.accept(Some(typ)), "{typ}");
        }
        assert!(!tokens.accept(None));
    }

    #[test]
    fn a_shared_type_needs_one_of_its_markers() {
        let yaml = "[{ typ: at+jwt }, { typ: JWT, where: { scope: { present: true } } }, { typ: JWT, where: { gty: m2m } }, { typ: none, where: { scope: { present: true } } }]";
        let tokens = tokens(yaml).unwrap();
        assert_eq!(tokens.media_types(), ["at+jwt", "JWT", "no `typ`"]);
        let find = |typ, claims: &str| {
            let claims = crate::json::object(claims.as_bytes(), &Limits::default()).unwrap();
            tokens.find(typ, &claims).map(ToString::to_string)
        };
        let unmet = |claim, reason| Err(Unmet { claim, reason });
        assert_eq!(find(Some("JWT"), r#"{"scope":"a"}"#), Ok("`scope` is present".into()));
        assert_eq!(find(Some("jwt"), r#"{"gty":"m2m"}"#), Ok("`gty` is `m2m`".into()));
        assert_eq!(find(None, r#"{"scope":"a"}"#), Ok("`scope` is present".into()));
        assert_eq!(find(Some("at+jwt"), "{}"), Ok(String::new()));
        assert_eq!(find(Some("JWT"), "{}"), unmet("scope", Reason::Missing));
        assert_eq!(find(None, r#"{"gty":"m2m"}"#), unmet("scope", Reason::Missing));
        for typ in [Some("at+jwt"), Some("JWT")] {
            for mark in ["at_hash", "c_hash", "s_hash", "events"] {
                let claims = format!(r#"{{"scope":"a","{mark}":null}}"#);
                assert_eq!(find(typ, &claims), unmet(mark, Reason::Mismatch));
            }
            for kind in ["ID", "Refresh", "Offline", " Logout"] {
                let claims = format!(r#"{{"scope":"a","typ":"{kind}"}}"#);
                assert_eq!(find(typ, &claims), unmet("typ", Reason::Mismatch));
            }
            assert_eq!(
                find(typ, r#"{"scope":"a","token_use":"ID"}"#),
                unmet("token_use", Reason::Mismatch)
            );
        }
    }

    #[test]
    fn a_type_that_is_never_an_access_token_or_has_no_marker_is_a_mistake() {
        for (yaml, expected) in [
            ("[{ typ: JWT }]", "1:5: ID tokens have this type too: `JWT`"),
            ("[{ typ: jwt }]", "1:5: ID tokens have this type too: `jwt`"),
            ("[{ typ: JOSE }]", "1:5: ID tokens have this type too: `JOSE`"),
            ("[{ typ: none }]", "1:5: ID tokens have this type too: `none`"),
            (
                "[{ typ: JWT, where: { nonce: { absent: true } } }]",
                "1:5: ID tokens have this type too: `JWT`",
            ),
            (
                "[{ typ: JWT, where: { sub: { present: true }, x: { not_word: id } } }]",
                "1:5: ID tokens have this type too: `JWT`",
            ),
            ("[]", "1:4: a profile has from 1 to 32 types of access tokens"),
            ("[{ typ: '*' }]", "1:12: `*` is not a media type"),
            ("[{ typ: JWT, when: { a: b } }]", "1:17: unknown key `when`"),
        ] {
            let error = tokens(yaml).unwrap_err();
            assert_eq!(error.lines().next().unwrap(), expected, "{yaml}");
        }
        for never in NEVER {
            let error = tokens(&format!("[{{ typ: Application/{never} }}]")).unwrap_err();
            assert!(error.contains("is never an access token"), "{error}");
        }
    }
}
