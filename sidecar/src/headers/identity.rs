//! The headers that carry the identity to the upstream.
//!
//! Values are ASCII. In every value but that of `chain` each byte outside of printable ASCII, each `%` and a space at
//! either end is percent-encoded; `chain` is compact JSON with `\u` escapes. A fact that is not known has no header.

use actgate::request::header_meaning::has_another_meaning;
use actgate::request::header_name;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::identity_fact::Fact;
use super::stated_identity::StatedIdentity;

/// The header of each fact. Their names differ for every upstream, and none has another meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IdentityHeaders {
    facts: [HeaderName; Fact::ALL.len()],
    /// Further headers that the gate sets: they carry an internal token or an API key.
    reserved: Vec<HeaderName>,
    /// The lengths of all names that are owned: few usual headers are compared with each of them.
    lengths: u64,
}

/// Why a name cannot be the header of a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NameError {
    /// It is not a valid header name.
    Invalid,
    /// It has another meaning.
    Reserved,
    /// Another fact has a header of this name, or of one that upstreams may confuse with it.
    Taken(Fact),
}

impl Default for IdentityHeaders {
    fn default() -> Self {
        IdentityHeaders {
            facts: Fact::ALL.map(|(_, name)| HeaderName::from_static(name)),
            reserved: Vec::new(),
            lengths: Fact::ALL.iter().fold(0, |lengths, (_, name)| lengths | bit(name)),
        }
    }
}

impl IdentityHeaders {
    /// The default names, with those of `chosen` in their place; or each fact whose name cannot be used.
    pub(crate) fn with_names<'a>(
        chosen: impl Iterator<Item = (Fact, &'a str)> + Clone,
    ) -> Result<IdentityHeaders, Vec<(Fact, NameError)>> {
        let mut headers = IdentityHeaders::default();
        let mut errors = Vec::new();
        for (fact, name) in chosen.clone() {
            match HeaderName::try_from(name) {
                Err(_) => errors.push((fact, NameError::Invalid)),
                Ok(header) if has_another_meaning(header.as_str()) => errors.push((fact, NameError::Reserved)),
                Ok(header) => {
                    headers.lengths |= bit(header.as_str());
                    headers.facts[fact as usize] = header;
                }
            }
        }
        for (fact, name) in chosen {
            let same = |other: &Fact| *other != fact && header_name::same(headers.name(*other).as_str(), name);
            // One error for a pair, and none that follows from another.
            let unreported = |other: &Fact| !errors.iter().any(|(reported, _)| reported == other);
            let mut others = Fact::ALL.map(|(fact, _)| fact).into_iter();
            let taken = others.find(|other| unreported(other) && same(other));
            errors.extend(taken.map(|other| (fact, NameError::Taken(other))));
        }
        if errors.is_empty() { Ok(headers) } else { Err(errors) }
    }

    /// The header of a fact.
    pub(crate) fn name(&self, fact: Fact) -> &HeaderName {
        &self.facts[fact as usize]
    }

    /// Reserves a further header: no client may send it.
    pub(crate) fn reserve(&mut self, header: HeaderName) {
        self.lengths |= bit(header.as_str());
        self.reserved.push(header);
    }

    /// Whether an upstream may read this header as one of an identity. That includes the default names where others are
    /// configured: an upstream that reads `x-auth-kind` may also read `x-auth-subject`.
    pub(crate) fn owns(&self, name: &str) -> bool {
        if self.lengths & bit(name) == 0 {
            return false;
        }
        let defaults = Fact::ALL.iter().map(|(_, name)| *name);
        let set = self.facts.iter().chain(&self.reserved).map(HeaderName::as_str);
        let mut names = set.chain(defaults);
        names.any(|own| header_name::same(own, name))
    }

    /// Sets the header of each fact to nothing, for a proxy that copies them.
    pub(crate) fn set_empty(&self, headers: &mut HeaderMap) {
        for name in &self.facts {
            headers.insert(name, HeaderValue::from_static(""));
        }
    }

    /// The headers of an identity.
    pub(crate) fn of<'a>(
        &'a self,
        identity: &'a StatedIdentity,
    ) -> impl Iterator<Item = (&'a HeaderName, &'a HeaderValue)> {
        let header = |(fact, _)| Some((self.name(fact), identity.value(fact)?));
        Fact::ALL.into_iter().filter_map(header)
    }

    /// Sets the headers of an identity. Those that the client sent are removed before.
    pub(crate) fn set(&self, headers: &mut HeaderMap, identity: &StatedIdentity) {
        for (name, value) in self.of(identity) {
            headers.insert(name.clone(), value.clone());
        }
    }
}

/// One bit of 64 for the length of a name.
fn bit(name: &str) -> u64 {
    1 << (name.len() % 64)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::headers::hop_by_hop;

    fn named(names: &[(Fact, &str)]) -> Result<IdentityHeaders, Vec<(Fact, NameError)>> {
        IdentityHeaders::with_names(names.iter().copied())
    }

    #[test]
    fn no_spelling_of_an_identity_header_is_copied() {
        let mut headers = HeaderMap::new();
        for name in [
            "x-auth-subject",
            "X_AUTH_SUBJECT",
            "x.auth.chain",
            "x-auth_kind",
            "X-Auth-Issuer",
        ] {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            headers.append(&name, HeaderValue::from_static("forged"));
            headers.append(&name, HeaderValue::from_static("twice"));
        }
        headers.insert("x-authority", HeaderValue::from_static("kept"));
        let identity = IdentityHeaders::default();
        let mut copied = HeaderMap::new();
        hop_by_hop::copy_request(&headers, &mut copied, &[], |name| identity.owns(name));
        assert_eq!(copied.keys().collect::<Vec<_>>(), ["x-authority"]);
    }

    #[test]
    fn the_facts_of_a_token_are_set_once_and_absent_facts_are_absent() {
        let authority = actgate::testing::TestIssuer::new().unwrap();
        let act =
            json!({ "sub": "tool", "sub_profile": "ai_agent", "act": { "sub": "orch", "sub_profile": "ai_agent" } });
        let claims = json!({ "sub": "é 1", "sub_profile": "user", "client_id": "web", "scope": "a b", "act": act });
        let mut headers = HeaderMap::new();
        let identity = authority.identity(claims).unwrap();
        IdentityHeaders::default().set(&mut headers, &StatedIdentity::of(&identity));
        for (name, value) in [
            ("x-auth-subject", "%C3%A9 1"),
            ("x-auth-kind", "human"),
            ("x-auth-actor", "tool"),
            ("x-auth-client", "web"),
            ("x-auth-scope", "a b"),
        ] {
            assert_eq!(headers[name], value);
        }
        let chain: serde_json::Value = serde_json::from_slice(headers["x-auth-chain"].as_bytes()).unwrap();
        assert_eq!(chain["initiator"]["sub"], "é 1");
        assert_eq!(chain["actors"][0]["sub"], "tool");
        assert_eq!(chain["actors"][1]["sub"], "orch");

        let mut headers = HeaderMap::new();
        let alone = authority
            .identity(json!({ "client_id": null, "scope": null, "act": null }))
            .unwrap();
        IdentityHeaders::default().set(&mut headers, &StatedIdentity::of(&alone));
        for absent in ["x-auth-actor", "x-auth-client", "x-auth-scope"] {
            assert!(!headers.contains_key(absent), "{absent}");
        }
    }

    #[test]
    fn the_default_names_stay_reserved_where_others_are_configured() {
        let headers = named(&[(Fact::Subject, "remote-user")]).unwrap();
        assert!(headers.owns("Remote_User") && headers.owns("x-auth-subject") && !headers.owns("x-user"));
    }

    #[test]
    fn a_reserved_header_is_owned_in_every_spelling() {
        let mut identity = IdentityHeaders::default();
        identity.reserve(HeaderName::from_static("x-internal-token"));
        for name in ["x-internal-token", "X_Internal_Token", "x.internal.token"] {
            assert!(identity.owns(name), "{name}");
        }
        assert!(!identity.owns("x-internal-tokens"));
    }

    #[test]
    fn names_with_another_meaning_are_rejected() {
        for (chosen, error) in [
            ("x auth", NameError::Invalid),
            ("Authorization", NameError::Reserved),
            ("connection", NameError::Reserved),
            ("Content_Type", NameError::Reserved),
            ("if-unmodified-since", NameError::Reserved),
            ("max-forwards", NameError::Reserved),
            ("Mcp-Name", NameError::Reserved),
            ("mcp_param_user", NameError::Reserved),
            ("x-forwarded-user", NameError::Reserved),
            ("X_Auth_Kind", NameError::Taken(Fact::Kind)),
        ] {
            let errors = named(&[(Fact::Subject, chosen)]).unwrap_err();
            assert_eq!(errors, [(Fact::Subject, error)], "{chosen}");
        }
        let swapped = named(&[(Fact::Subject, "x-auth-actor"), (Fact::Actor, "x-auth-subject")]).unwrap();
        assert_eq!(swapped.name(Fact::Subject), "x-auth-actor");
    }
}
