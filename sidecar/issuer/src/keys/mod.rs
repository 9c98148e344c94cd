//! The signing keys, rotated next -> active -> retired.

mod public_key;
mod signing_key;

use std::collections::VecDeque;
use std::sync::Arc;

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{DecodingKey, decode_header};

pub(crate) use self::public_key::PublicKey;
pub use self::signing_key::{KeyError, Signing};
pub(crate) use self::signing_key::{KeyState, SigningKey, StoredKey};

use crate::Current;

/// The maximum number of retired keys in the published set; beyond it no key is rotated until one is old enough.
const MAX_RETIRED: usize = 64;
/// How long a retired key stays published, in seconds: the longest life of a token, and an hour in which gates cache keys.
const KEPT: u64 = 86_400 + 3600;

/// The keys of the issuer.
pub(crate) type KeyRing = Current<Keys>;

/// The keys at one time.
#[derive(Clone)]
pub(crate) struct Keys {
    next: Arc<SigningKey>,
    pub(crate) active: Arc<SigningKey>,
    /// The latest first, each with the time since when it is.
    pub(crate) retired: VecDeque<(Arc<SigningKey>, u64)>,
    /// RS256: the one that signs, and the next one. Generated when the first client needs them: that takes long.
    id_tokens: Vec<Arc<SigningKey>>,
}

impl Keys {
    pub(crate) fn generate(signing: Signing) -> Result<Keys, KeyError> {
        Ok(Keys {
            next: Arc::new(SigningKey::generate(signing)?),
            active: Arc::new(SigningKey::generate(signing)?),
            retired: VecDeque::new(),
            id_tokens: Vec::new(),
        })
    }

    /// The keys of a store, in the order of [`Keys::stored`].
    pub(crate) fn restore(stored: &[StoredKey]) -> Result<Keys, KeyError> {
        let all = |state| {
            let keys = stored.iter().filter(move |key| key.state == state);
            keys.map(|key| SigningKey::restore(key).map(Arc::new))
        };
        let retired = stored.iter().filter(|key| key.state == KeyState::Retired);
        let retired = retired.map(|key| Ok((Arc::new(SigningKey::restore(key)?), key.retired)));
        Ok(Keys {
            next: all(KeyState::Next).next().ok_or(KeyError)??,
            active: all(KeyState::Active).next().ok_or(KeyError)??,
            retired: retired.collect::<Result<_, KeyError>>()?,
            id_tokens: all(KeyState::IdTokens).collect::<Result<_, _>>()?,
        })
    }

    /// The keys in the form of a store.
    pub(crate) fn stored(&self) -> Vec<StoredKey> {
        let pair = [(&self.next, KeyState::Next, 0), (&self.active, KeyState::Active, 0)];
        let retired = self.retired.iter().map(|(key, since)| (key, KeyState::Retired, *since));
        let id_tokens = self.id_tokens.iter().map(|key| (key, KeyState::IdTokens, 0));
        let keys = pair.into_iter().chain(retired).chain(id_tokens);
        keys.map(|(key, state, since)| key.stored(state, since)).collect()
    }

    /// The published next key becomes active, the active one retired, and a new key is next; of the keys for ID tokens too.
    pub(crate) fn rotated(&self, signing: Signing, now: u64) -> Result<Keys, KeyError> {
        let keys = self.advanced(signing, now)?;
        match keys.retired.len() > MAX_RETIRED {
            true => Err(KeyError),
            false => Ok(keys),
        }
    }

    fn advanced(&self, signing: Signing, now: u64) -> Result<Keys, KeyError> {
        let mut keys = Keys {
            next: Arc::new(SigningKey::generate(signing)?),
            active: Arc::clone(&self.next),
            ..self.clone()
        };
        keys.retired.retain(|(_, since)| now < since.saturating_add(KEPT));
        keys.retired.push_front((Arc::clone(&self.active), now));
        if !keys.id_tokens.is_empty() {
            keys.retired.push_front((keys.id_tokens.remove(0), now));
            keys = keys.with_rs256()?;
        }
        Ok(keys)
    }

    /// The key of ID tokens with RS256, if there is one.
    pub(crate) fn rs256(&self) -> Option<&Arc<SigningKey>> {
        let active = Some(&self.active).filter(|key| key.signing == Signing::Rs256);
        active.or(self.id_tokens.first())
    }

    /// The keys with two for ID tokens with RS256: the second one is published before it signs.
    pub(crate) fn with_rs256(&self) -> Result<Keys, KeyError> {
        let mut keys = self.clone();
        while keys.id_tokens.len() < 2 {
            keys.id_tokens.push(Arc::new(SigningKey::generate(Signing::Rs256)?));
        }
        Ok(keys)
    }

    pub(crate) fn has(&self, id: &str) -> bool {
        self.published().any(|key| key.id == id)
    }

    /// The keys without one. If it is the active one, the published next one takes its place; of another one that signs or will
    /// sign, a new one does. The number of retired keys does not prevent it.
    pub(crate) fn without(&self, id: &str, signing: Signing, now: u64) -> Result<Keys, KeyError> {
        let mut keys = match self.active.id == id {
            true => self.advanced(signing, now)?,
            false => self.clone(),
        };
        if self.next.id == id {
            keys.next = Arc::new(SigningKey::generate(signing)?);
        }
        keys.retired.retain(|(key, _)| key.id != id);
        keys.id_tokens.retain(|key| key.id != id);
        match self.id_tokens.is_empty() {
            true => Ok(keys),
            false => keys.with_rs256(),
        }
    }

    /// Whether the keys that sign now and next are of this algorithm.
    pub(crate) fn are_for(&self, signing: Signing) -> bool {
        [&self.active, &self.next].into_iter().all(|key| key.signing == signing)
    }

    fn published(&self) -> impl Iterator<Item = &Arc<SigningKey>> {
        let retired = self.retired.iter().map(|(key, _)| key);
        [&self.active, &self.next]
            .into_iter()
            .chain(retired)
            .chain(&self.id_tokens)
    }
}

impl KeyRing {
    /// The key that signs now.
    pub(crate) fn active(&self) -> Arc<SigningKey> {
        Arc::clone(&self.get().active)
    }

    /// The published set: public keys only.
    pub(crate) fn public(&self) -> JwkSet {
        JwkSet {
            keys: self.get().published().map(|key| key.public.clone()).collect(),
        }
    }

    /// Checks that a published key signed `token` and that its `typ` is `typ`; returns the payload bytes.
    /// Checks no claim.
    pub(crate) fn verify(&self, token: &str, typ: Option<&str>) -> Option<Vec<u8>> {
        let header = decode_header(token).ok()?;
        if header.typ.as_deref() != typ {
            return None;
        }
        let id = header.kid.as_deref()?;
        let keys = self.get();
        let key = keys.published().find(|key| key.id == id)?;
        if header.alg != key.algorithm() {
            return None;
        }
        public_key::payload(token, header.alg, &DecodingKey::from_jwk(&key.public).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{KEPT, KeyError, KeyRing, Keys, MAX_RETIRED, Signing};

    fn ring(signing: Signing) -> KeyRing {
        KeyRing::new(Keys::generate(signing).unwrap())
    }

    fn change(ring: &KeyRing, next: impl FnOnce(&Keys) -> Result<Keys, KeyError>) -> Result<(), KeyError> {
        ring.change(|keys| next(keys).map(|next| *keys = next))
    }

    fn stored_id(token: &str) -> String {
        jsonwebtoken::decode_header(token).unwrap().kid.unwrap()
    }

    fn rotate(ring: &KeyRing) {
        change(ring, |keys| keys.rotated(Signing::Es256, 1)).unwrap();
    }

    #[test]
    fn each_algorithm_verifies_its_signatures_before_and_after_it_is_stored() {
        for signing in [Signing::Es256, Signing::Rs256, Signing::EdDsa] {
            let keys = Keys::generate(signing).unwrap();
            let stored = keys.stored();
            let ring = KeyRing::new(keys);
            let token = ring.active().sign(Some("at+jwt"), &json!({"sub": "alice"})).unwrap();
            let restored = Keys::restore(&stored).unwrap();
            assert!(restored.are_for(signing));
            for ring in [&ring, &KeyRing::new(restored)] {
                let payload = ring.verify(&token, Some("at+jwt")).unwrap();
                let claims: Value = serde_json::from_slice(&payload).unwrap();
                assert_eq!(claims, json!({"sub": "alice"}));
                assert!(ring.verify(&token, Some("JWT")).is_none(), "{signing:?}: another typ");
            }
            let (message, _) = token.rsplit_once('.').unwrap();
            assert!(ring.verify(&format!("{message}."), Some("at+jwt")).is_none());
            assert!(super::tests::ring(signing).verify(&token, Some("at+jwt")).is_none());
        }
    }

    #[test]
    fn the_published_set_has_public_members_only() {
        for (signing, members) in [
            (Signing::Es256, vec!["alg", "crv", "kid", "kty", "use", "x", "y"]),
            (Signing::Rs256, vec!["alg", "e", "kid", "kty", "n", "use"]),
            (Signing::EdDsa, vec!["alg", "crv", "kid", "kty", "use", "x"]),
        ] {
            let set = serde_json::to_value(ring(signing).public()).unwrap();
            for key in set["keys"].as_array().unwrap() {
                let mut names: Vec<_> = key.as_object().unwrap().keys().collect();
                names.sort();
                assert_eq!(names, members);
            }
        }
    }

    #[test]
    fn rotation_uses_the_key_that_was_published_as_next() {
        let ring = ring(Signing::Es256);
        let next = ring.public().keys[1].common.key_id.clone();
        let token = ring.active().sign(Some("at+jwt"), &json!({})).unwrap();
        rotate(&ring);
        assert_eq!(Some(&*ring.active().id), next.as_deref());
        assert_eq!(ring.public().keys.len(), 3);
        assert!(
            ring.verify(&token, Some("at+jwt")).is_some(),
            "a retired key stays published"
        );
        let stored = ring.get().stored();
        let restored = KeyRing::new(Keys::restore(&stored).unwrap());
        assert!(restored.verify(&token, Some("at+jwt")).is_some());
        assert_eq!(restored.active().id, ring.active().id);
        let retired = stored_id(&token);
        change(&ring, |keys| keys.without(&retired, Signing::Es256, 1)).unwrap();
        assert!(ring.verify(&token, Some("at+jwt")).is_none());
        assert_eq!(ring.public().keys.len(), 2);
    }

    #[test]
    fn a_key_is_revoked_in_each_state() {
        let first = Keys::generate(Signing::Es256).unwrap();
        let keys = first.rotated(Signing::Es256, 1).unwrap();
        let (active, next, retired) = (&*keys.active.id, &*keys.next.id, &*first.active.id);
        let revoked = |id| keys.without(id, Signing::Es256, 1).unwrap();
        assert_eq!((&*revoked(active).active.id, revoked(active).retired.len()), (next, 1));
        assert_eq!((&*revoked(next).active.id, revoked(next).retired.len()), (active, 1));
        assert_eq!(
            (&*revoked(retired).active.id, revoked(retired).retired.len()),
            (active, 0)
        );
        for id in [active, next, retired] {
            assert!(keys.has(id) && !revoked(id).has(id));
        }
    }

    #[test]
    fn each_key_of_id_tokens_is_published_before_it_signs_after_a_revocation_too() {
        let keys = Keys::generate(Signing::Es256).unwrap().with_rs256().unwrap();
        let signs = keys.rs256().unwrap().id.clone();
        let revoked = keys.without(&signs, Signing::Es256, 1).unwrap();
        assert!(keys.has(&revoked.rs256().unwrap().id) && !revoked.has(&signs));
        let rotated = revoked.rotated(Signing::Es256, 2).unwrap();
        assert!(revoked.has(&rotated.rs256().unwrap().id));
    }

    #[test]
    fn a_change_that_fails_leaves_the_keys() {
        let ring = ring(Signing::Es256);
        let before = ring.active().id.to_owned();
        assert!(change(&ring, |_| Err(KeyError)).is_err());
        assert_eq!(ring.active().id, before);
    }

    #[test]
    fn retired_keys_stay_for_the_longest_life_of_a_token() {
        let ring = ring(Signing::EdDsa);
        for _ in 0..MAX_RETIRED {
            rotate(&ring);
        }
        assert_eq!(ring.public().keys.len(), MAX_RETIRED + 2);
        let rotated = |now| change(&ring, |keys| keys.rotated(Signing::EdDsa, now));
        assert!(rotated(KEPT).is_err(), "one more would end tokens before their time");
        let compromised = ring.active().id.clone();
        let revoked = ring.get().without(&compromised, Signing::EdDsa, KEPT).unwrap();
        assert!(!revoked.has(&compromised), "a revocation needs no room");
        let stored = ring.get().stored();
        let restored = Keys::restore(&stored).unwrap();
        assert_eq!(restored.rotated(Signing::EdDsa, KEPT + 1).unwrap().retired.len(), 1);
        rotated(KEPT + 1).unwrap();
        assert_eq!(ring.public().keys.len(), 3);
    }
}
