//! The claims of an access token (RFC 7519 section 4.1, RFC 9068 section 2.2), parsed once.
//!
//! A claim is absent or well formed: a claim of a wrong type makes the token malformed, it is never taken as absent. The
//! exceptions are `auth_time`, `acr` and `amr`, which only rules read: in another form they are unknown, which meets no rule.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, OnceLock};

use serde_json::value::RawValue;

use super::audience::Audience;
use super::claim_reader::{ClaimReader, Texts, malformed, missing};
use super::confirmation::Confirmation;
use super::exact_value::ExactValue;
use crate::error::{Error, Reason};
use crate::json::{self, Object};
use crate::limits::Limits;
use crate::profile::{ClaimName, Profile, ScopeForm};
use crate::shared_text::{Excerpt, SharedDocument};

/// The facts of a verified token but for its parties. Never printed: debug output ends up in logs.
///
/// What every request reads comes first: it is on few lines of the processor's cache.
#[derive(Clone)]
#[repr(C)]
pub(crate) struct Claims {
    /// The document of the texts.
    payload: Arc<str>,
    audience: Audience,
    pub(crate) expiration: u64,
    pub(crate) not_before: Option<u64>,
    pub(crate) confirmation: Confirmation,
    scope: Excerpt,
    pub(crate) issued_at: Option<u64>,
    client: Option<Excerpt>,
    token_id: Option<Excerpt>,
    pub(crate) chain_complete: Option<bool>,
    pub(crate) authentication: Authentication,
    /// The claims that hold the chain.
    chain_claims: [Option<&'static str>; 3],
    /// What few tokens need is apart from the rest.
    all: OnceLock<Box<serde_json::Map<String, serde_json::Value>>>,
    authorization_details: OnceLock<Option<Box<ExactValue>>>,
}

/// How and when the initiator authenticated (OpenID Connect Core section 2). A claim of another type is unknown, as an
/// absent one is.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Authentication {
    /// `auth_time`, in seconds since 1970. It can lie in the future.
    pub time: Option<u64>,
    /// `acr`, the authentication context class.
    pub context: Option<Box<str>>,
    /// `amr`, the authentication methods.
    pub methods: Vec<Box<str>>,
}

/// Prints which members are present: debug output ends up in logs.
impl fmt::Debug for Authentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authentication")
            .field("time", &self.time.is_some())
            .field("context", &self.context.is_some())
            .field("methods", &self.methods.len())
            .finish()
    }
}

impl Claims {
    /// Reads the claims that `profile` names. `document` is the text of `object`, and `client` an excerpt of it: the [`client`].
    pub(super) fn parse(
        document: SharedDocument<'_>,
        object: &Object<'_>,
        client: Option<Excerpt>,
        profile: &Profile,
        limits: &Limits,
    ) -> Result<Claims, Error> {
        let read = ClaimReader::new(object, limits);
        // Everything that can fail comes first: the facts are then written where they stay.
        let audience = Audience::read(read, profile.audience, &document)?;
        let expiration = read.date("exp")?.ok_or_else(|| missing("exp"))?;
        let (not_before, issued_at) = (read.date("nbf")?, read.date("iat")?);
        let token_id = read.text("jti")?.map(|id| document.excerpt(id));
        let scope = scope(read, profile, &document)?;
        let confirmation = Confirmation::read(object)?;
        let chain_complete = read.flag("chain_complete")?;
        Ok(Claims {
            audience,
            expiration,
            not_before,
            issued_at,
            token_id,
            client,
            scope,
            authentication: Authentication {
                time: read.date("auth_time").unwrap_or_default(),
                context: read.text("acr").unwrap_or_default().map(Into::into),
                methods: read
                    .texts("amr")
                    .unwrap_or_default()
                    .into_iter()
                    .map(Into::into)
                    .collect(),
            },
            confirmation,
            chain_complete,
            chain_claims: [Some(profile.actor.claim), profile.actor.prior, profile.actor.origin]
                .map(|claim| claim.map(ClaimName::as_str)),
            payload: document.into_shared(),
            all: OnceLock::new(),
            authorization_details: OnceLock::new(),
        })
    }

    /// Whom the token is for (`aud`).
    pub(crate) fn audience(&self) -> Vec<&str> {
        self.audience.iter().map(|named| named.of(&self.payload)).collect()
    }

    /// How many those are.
    pub(crate) fn audience_count(&self) -> usize {
        self.audience.len()
    }

    /// Checks that one of the accepted audiences is named.
    pub(crate) fn check_audience(&self, accepted: &[Box<str>]) -> Result<(), Error> {
        self.audience.check(&self.payload, accepted)
    }

    /// The scopes, separated by spaces.
    pub(crate) fn scope(&self) -> &str {
        self.scope.of(&self.payload)
    }

    /// The same without the check that the text begins and ends with a character.
    pub(crate) fn scope_bytes(&self) -> &[u8] {
        self.scope.bytes_of(&self.payload)
    }

    /// The client.
    pub(crate) fn client(&self) -> Option<&str> {
        self.client.as_ref().map(|client| client.of(&self.payload))
    }

    /// `jti`.
    pub(crate) fn token_id(&self) -> Option<&str> {
        self.token_id.as_ref().map(|id| id.of(&self.payload))
    }

    pub(crate) fn set_audience<'t>(&mut self, audience: impl Iterator<Item = &'t str>) {
        self.audience = audience.map(Excerpt::from).collect();
    }

    /// Leaves out all audiences but the first one.
    pub(crate) fn keep_first_audience(&mut self) {
        self.audience.keep_first();
    }

    pub(crate) fn set_scope(&mut self, scope: &str) {
        self.scope = scope.into();
    }

    pub(crate) fn set_client(&mut self, client: Option<&str>) {
        self.client = client.map(Excerpt::from);
    }

    pub(crate) fn set_token_id(&mut self, id: Option<&str>) {
        self.token_id = id.map(Excerpt::from);
    }

    /// Keeps the texts without the payload, which is about to be replaced.
    fn own_texts(&mut self) {
        let own = |text: &Excerpt| text.own(&self.payload);
        self.client = self.client.as_ref().map(own);
        self.token_id = self.token_id.as_ref().map(own);
        self.scope = own(&self.scope);
        self.audience = self.audience.own(&self.payload);
    }

    /// The bytes of the text that the facts are of.
    pub(crate) fn payload_bytes(&self) -> usize {
        self.payload.len()
    }

    /// Claims with this payload and without facts, which a record has: for explanations, never for enforcement.
    pub(crate) fn of_record(payload: String) -> Claims {
        Claims {
            audience: Audience::Several(Box::default()),
            expiration: 0,
            not_before: None,
            issued_at: None,
            token_id: None,
            client: None,
            scope: "".into(),
            authentication: Authentication::default(),
            confirmation: Confirmation::None,
            chain_complete: None,
            chain_claims: [None; 3],
            payload: payload.into(),
            all: OnceLock::new(),
            authorization_details: OnceLock::new(),
        }
    }

    /// Any top-level claim except the chain: rules on claims must not reach prior actors.
    ///
    /// Few rules read other claims, so that the payload is parsed again for the first one that does.
    pub(crate) fn get(&self, name: &str) -> Option<&serde_json::Value> {
        let all = self.all.get_or_init(|| {
            // By the parser that accepted the payload: another one could reject it, and a rule would find no claim.
            let unlimited = Limits {
                json_depth: usize::MAX,
                json_values: usize::MAX,
                ..Limits::default()
            };
            let all = json::object_of(&self.payload, &unlimited);
            let mut all = all.map(Object::into_map).unwrap_or_default();
            all.retain(|name, _| !self.chain_claims.contains(&Some(name)));
            Box::new(all)
        });
        all.get(name)
    }

    /// `authorization_details` (RFC 9396), which is parsed for the first rule that reads it.
    pub(crate) fn authorization_details(&self) -> Option<&ExactValue> {
        let read = || ExactValue::member(&self.payload, "authorization_details").map(Box::new);
        self.authorization_details.get_or_init(read).as_deref()
    }

    /// A claim that [`get`](Self::get) has, with its numbers as they were signed. It is parsed each time.
    pub(crate) fn exact(&self, name: &str) -> Option<ExactValue> {
        ExactValue::member(&self.payload, name)
    }

    /// The same claims with another value of a top-level one; [`None`] leaves it out. It is for facts that are not those of the
    /// token: the numbers of all other claims keep their text.
    pub(crate) fn set_claim(&mut self, name: &str, value: Option<&serde_json::Value>) {
        let Ok(mut members) = serde_json::from_str::<BTreeMap<String, Box<RawValue>>>(&self.payload) else {
            return;
        };
        match value.map(serde_json::value::to_raw_value) {
            Some(Ok(value)) => {
                members.insert(name.to_owned(), value);
            }
            Some(Err(_)) | None => {
                members.remove(name);
            }
        }
        if let Ok(payload) = serde_json::to_string(&members) {
            self.own_texts();
            self.payload = payload.into();
            self.all = OnceLock::new();
            self.authorization_details = OnceLock::new();
        }
    }

    /// The claims as they were signed.
    pub(crate) fn payload(&self) -> &str {
        &self.payload
    }

    /// Checks `exp` and `nbf` at `now`, in seconds since 1970.
    pub(crate) fn check_time(&self, now: u64, leeway: u64) -> Result<(), Error> {
        if now >= self.expiration.saturating_add(leeway) {
            return Err(Error::claim("exp", Reason::Expired));
        }
        if self.not_before.is_some_and(|start| start > now.saturating_add(leeway)) {
            return Err(Error::claim("nbf", Reason::NotYetValid));
        }
        Ok(())
    }

    /// The validity at `now` in words, for the holder of the token.
    pub(crate) fn validity(&self, now: u64) -> String {
        match (self.not_before, self.expiration.checked_sub(now)) {
            (Some(start), _) if start > now => format!("not valid for {} s", start - now),
            (_, Some(left)) => format!("{left} s left"),
            (_, None) => format!("expired {} s ago", now - self.expiration),
        }
    }
}

/// The first claim present that names the client; every one of them is well formed.
pub(crate) fn client<'r>(read: ClaimReader<'r, '_>, profile: &Profile) -> Result<Option<&'r str>, Error> {
    let mut client = None;
    for claim in &profile.client {
        client = client.or(read.identifier(claim.as_str())?);
    }
    Ok(client)
}

/// RFC 8693 section 4.2: one string. Claims that repeat the scopes must agree.
fn scope(read: ClaimReader<'_, '_>, profile: &Profile, document: &SharedDocument<'_>) -> Result<Excerpt, Error> {
    let mut scope: Option<Texts<'_>> = None;
    for claim in &profile.scope {
        let name = claim.claim.as_str();
        let words = match claim.form {
            ScopeForm::Text => read.text(name)?.map(|text| Texts::Text([text])),
            ScopeForm::List => read.list(name)?.map(Texts::List),
            ScopeForm::TextOrList => read.text_or_texts(name)?,
        };
        // One element is one scope: a blank would make several of it.
        let is_one = |word: &&str| !word.is_empty() && !word.contains(' ');
        if let Some(Texts::List(words)) = &words
            && !words.iter().all(is_one)
        {
            return Err(malformed(name));
        }
        match (&scope, words) {
            (_, None) => {}
            (None, Some(words)) => scope = Some(words),
            (Some(first), Some(words)) if scope_words(first) == scope_words(&words) => {}
            (Some(_), Some(_)) => return Err(malformed(name)),
        }
    }
    match scope.as_deref().unwrap_or_default() {
        [one] => Ok(document.excerpt(one)),
        several => Ok((*several.join(" ")).into()),
    }
}

fn scope_words<'t>(texts: &[&'t str]) -> BTreeSet<&'t str> {
    let words = texts.iter().flat_map(|text| text.split(' '));
    words.filter(|word| !word.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn valid() -> Value {
        json!({"iss": "https://idp.example", "sub": "u1", "aud": "https://api.example", "exp": 2000, "client_id": "c", "scope": "a b"})
    }

    fn parse_as(profile: &Profile, claims: &Value) -> Result<Claims, Error> {
        let text = claims.to_string();
        let limits = Limits::default();
        let object = crate::json::object(text.as_bytes(), &limits).unwrap();
        let client = client(ClaimReader::new(&object, &limits), profile)?;
        let document = SharedDocument::new(&text);
        let client = client.map(|client| document.excerpt(client));
        Claims::parse(document, &object, client, profile, &limits)
    }

    fn parse(claims: &Value) -> Result<Claims, Error> {
        parse_as(&Profile::default(), claims)
    }

    fn with(name: &str, value: Value) -> Result<Claims, Error> {
        let mut claims = valid();
        claims[name] = value;
        parse(&claims)
    }

    fn without(name: &str) -> Result<Claims, Error> {
        let mut claims = valid();
        claims.as_object_mut().unwrap().remove(name);
        parse(&claims)
    }

    #[test]
    fn audience_and_expiration_are_required() {
        assert!(parse(&valid()).is_ok());
        for claim in ["aud", "exp"] {
            assert_eq!(without(claim).err(), Some(missing(claim)), "{claim}");
        }
        assert!(without("client_id").is_ok() && without("scope").is_ok());
    }

    #[test]
    fn a_wrong_type_is_malformed_never_absent() {
        for claim in ["aud", "exp", "nbf", "iat", "client_id", "scope", "jti", "cnf"] {
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
    fn the_first_malformed_claim_is_reported() {
        let order = ["aud", "exp", "nbf", "iat", "jti", "scope", "cnf", "chain_complete"];
        let mut claims = valid();
        for claim in order {
            claims[claim] = json!([7]);
        }
        for claim in order {
            assert_eq!(parse(&claims).err(), Some(malformed(claim)));
            match valid().get(claim) {
                Some(valid) => claims[claim] = valid.clone(),
                None => drop(claims.as_object_mut().unwrap().remove(claim)),
            }
        }
        assert!(parse(&claims).is_ok());
    }

    #[test]
    fn a_claim_on_the_login_of_another_form_is_unknown() {
        let unknown = Authentication::default();
        let odd = [
            json!(null),
            json!(true),
            json!({"a": 1}),
            json!([7]),
            json!(-1),
            json!(1e300),
        ];
        for value in odd.into_iter().chain([json!(["mfa", 7]), json!([["mfa"]])]) {
            for claim in ["auth_time", "acr", "amr"] {
                let claims = with(claim, value.clone()).unwrap();
                assert!(claims.authentication == unknown, "{claim}: {value}");
            }
        }
        for (claim, value) in [
            ("auth_time", json!("1767225400")),
            ("auth_time", json!("2026-01-01T00:00:00Z")),
            ("auth_time", json!(-0.5)),
            ("acr", json!(["2"])),
            ("amr", json!("mfa")),
        ] {
            let claims = with(claim, value.clone()).unwrap();
            assert!(claims.authentication == unknown, "{claim}: {value}");
        }
        let known = with("auth_time", json!(7.9)).unwrap();
        assert_eq!(known.authentication.time, Some(7));
    }

    #[test]
    fn dates_are_finite_numbers_and_fractions_are_dropped() {
        assert_eq!(with("exp", json!(2000.9)).unwrap().expiration, 2000);
        assert_eq!(with("exp", json!(u64::MAX)).unwrap().expiration, u64::MAX);
        assert_eq!(with("iat", json!(7)).unwrap().issued_at, Some(7));
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
    fn audience_and_time_are_checked_to_the_second() {
        let claims = with("nbf", json!(1000)).unwrap();
        for valid in [1000, 970, 2029] {
            assert_eq!(claims.check_time(valid, 30), Ok(()), "{valid}");
        }
        let denied = |result| match result {
            Err(Error::InvalidClaim { claim, reason }) => (claim, reason),
            other => panic!("{other:?}"),
        };
        assert_eq!(denied(claims.check_time(969, 30)), ("nbf", Reason::NotYetValid));
        assert_eq!(denied(claims.check_time(2030, 30)), ("exp", Reason::Expired));
        assert_eq!(claims.check_audience(&[Box::from("https://api.example")]), Ok(()));
        let other = [Box::from("https://api.example/")];
        assert_eq!(denied(claims.check_audience(&other)), ("aud", Reason::Mismatch));
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
    fn the_profile_says_where_client_and_scope_are_found() {
        let profile = Profile::from_yaml("client: [cid, azp]\nscope: { claim: scp, form: text-or-list }").unwrap();
        let claims = |extra: Value| {
            let mut claims = json!({"aud": "a", "exp": 1});
            claims
                .as_object_mut()
                .unwrap()
                .extend(extra.as_object().unwrap().clone());
            parse_as(&profile, &claims)
        };
        let read = claims(json!({"scp": ["a", "b"], "azp": "web", "client_id": "other", "scope": 7})).unwrap();
        assert_eq!((read.scope(), read.client()), ("a b", Some("web")));
        for odd in [json!(["a b"]), json!(["a", ""]), json!([" a"])] {
            assert_eq!(claims(json!({"scp": odd})).err(), Some(malformed("scp")), "{odd}");
        }
        assert!(claims(json!({"scp": "a  b"})).is_ok());
        let both = claims(json!({"cid": "one", "azp": "two"})).unwrap();
        assert_eq!((both.scope(), both.client()), ("", Some("one")));
        assert_eq!(claims(json!({"cid": "one", "azp": 2})).err(), Some(malformed("azp")));
    }

    #[test]
    fn rules_on_claims_cannot_reach_the_chain() {
        let claims = with("act", json!({"sub": "a"})).unwrap();
        assert!(claims.get("sub").is_some() && claims.get("act").is_none());
    }

    #[test]
    fn the_validity_is_stated_in_seconds() {
        let claims = with("nbf", json!(1000)).unwrap();
        for (now, words) in [
            (990, "not valid for 10 s"),
            (1000, "1000 s left"),
            (1990, "10 s left"),
            (2000, "0 s left"),
            (2007, "expired 7 s ago"),
        ] {
            assert_eq!(claims.validity(now), words, "{now}");
        }
        assert_eq!(parse(&valid()).unwrap().validity(500), "1500 s left");
    }

    #[test]
    fn no_audience_is_malformed() {
        for value in [json!([]), json!(""), json!(["https://api.example", ""])] {
            assert_eq!(with("aud", value.clone()).err(), Some(malformed("aud")), "{value}");
        }
    }

    #[test]
    fn debug_output_shows_which_parts_of_the_login_are_known() {
        let claims = with("acr", json!("hidden")).unwrap();
        let shown = format!("{:?}", claims.authentication);
        assert!(
            shown.contains("time: false") && shown.contains("context: true"),
            "{shown}"
        );
        assert!(shown.contains("methods: 0") && !shown.contains("hidden"), "{shown}");
    }

    #[test]
    fn a_claim_that_is_set_replaces_its_value_and_keeps_the_text_of_other_numbers() {
        let text = r#"{"aud":"a","exp":1,"limit":500.000000000000001,"team":"red"}"#;
        let limits = Limits::default();
        let object = crate::json::object(text.as_bytes(), &limits).unwrap();
        let mut claims = Claims::parse(SharedDocument::new(text), &object, None, &Profile::default(), &limits).unwrap();
        assert_eq!(claims.get("team"), Some(&json!("red")));
        claims.set_claim("team", Some(&json!("blue")));
        assert_eq!(claims.get("team"), Some(&json!("blue")));
        claims.set_claim("team", None);
        assert_eq!(claims.get("team"), None);
        let payload = claims.payload();
        assert!(payload.contains("500.000000000000001"), "{payload}");
    }

    #[test]
    fn texts_stay_as_they_are_where_another_claim_is_changed() {
        let mut claims = with("jti", "id-1".into()).unwrap();
        let texts = |claims: &Claims| {
            let audience = claims.audience().join(", ");
            let scope = String::from_utf8(claims.scope_bytes().to_vec());
            assert_eq!(scope.as_deref(), Ok(claims.scope()));
            [
                Some(&*audience),
                Some(claims.scope()),
                claims.client(),
                claims.token_id(),
            ]
            .map(|text| text.map(str::to_owned))
        };
        let expected = ["https://api.example", "a b", "c", "id-1"].map(|text| Some(text.to_owned()));
        assert_eq!(texts(&claims), expected);
        claims.set_claim("a", Some(&json!("before all others")));
        assert_eq!(claims.get("a"), Some(&json!("before all others")));
        assert_eq!(texts(&claims), expected);
        assert_eq!(claims.check_audience(&[Box::from("https://api.example")]), Ok(()));
        claims.set_claim("aud", None);
        assert_eq!(texts(&claims), expected);
        claims.set_audience(["one", "two"].into_iter());
        claims.keep_first_audience();
        claims.set_scope("x");
        claims.set_client(None);
        claims.set_token_id(None);
        assert_eq!(
            texts(&claims),
            [Some("one".to_owned()), Some("x".to_owned()), None, None]
        );
    }
}
