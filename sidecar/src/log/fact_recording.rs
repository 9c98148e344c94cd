//! The facts of verified tokens in the decision log: which claims and values of requests are shown, and the key of the hashes in place
//! of the others.

use std::fmt;

use actgate::chain::{Conceal, RecordedFacts, is_within};
use actgate::request::Presented;
use actgate::{Authorizer, Decision};
use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// How many bytes of a hash are written: half of them (RFC 2104 section 5).
const HASH_BYTES: usize = 16;

/// How many bytes identify a key.
const ID_BYTES: usize = 6;

/// Where the key of the hashes is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HashKeyOrigin {
    /// A file: the hashes of two processes are comparable.
    File,
    /// Made for this process.
    Process,
}

/// Records facts.
#[derive(Clone)]
pub(crate) struct FactRecording {
    /// The claims that are shown, by their names or paths.
    shown: Vec<String>,
    /// The values of requests that are shown, by their places.
    shown_of_request: Vec<String>,
    key: Key,
    key_id: String,
    origin: HashKeyOrigin,
}

impl FactRecording {
    /// With the secret of a file.
    pub(crate) fn with_secret(shown: Vec<String>, secret: &str) -> FactRecording {
        FactRecording::with_key(shown, secret.as_bytes(), HashKeyOrigin::File)
    }

    /// With a key of this process. [`None`] if the system has no randomness.
    pub(crate) fn with_random_key(shown: Vec<String>) -> Option<FactRecording> {
        let mut secret = [0; 32];
        SystemRandom::new().fill(&mut secret).ok()?;
        Some(FactRecording::with_key(shown, &secret, HashKeyOrigin::Process))
    }

    fn with_key(shown: Vec<String>, secret: &[u8], origin: HashKeyOrigin) -> FactRecording {
        let key = Key::new(HMAC_SHA256, secret);
        let key_id = URL_SAFE_NO_PAD.encode(&sign(&key, b"key id").as_ref()[..ID_BYTES]);
        FactRecording {
            shown,
            shown_of_request: Vec::new(),
            key,
            key_id,
            origin,
        }
    }

    /// The same with the values of requests that are shown, by their places.
    pub(crate) fn showing(self, shown_of_request: Vec<String>) -> FactRecording {
        FactRecording {
            shown_of_request,
            ..self
        }
    }

    /// The same with the key of `earlier`, if neither is from a file: hashes of one process are comparable.
    pub(crate) fn with_key_of(mut self, earlier: &FactRecording) -> FactRecording {
        if (self.origin, earlier.origin) == (HashKeyOrigin::Process, HashKeyOrigin::Process) {
            self.key = earlier.key.clone();
            self.key_id.clone_from(&earlier.key_id);
        }
        self
    }

    pub(crate) fn origin(&self) -> HashKeyOrigin {
        self.origin
    }

    /// The facts of a decision, and of the request that it is on, if it has a verified token.
    pub(crate) fn facts(
        &self,
        authorizer: &Authorizer,
        decision: &Decision,
        presented: &Presented<'_>,
    ) -> Option<Box<RecordedFacts>> {
        authorizer.record(decision, presented, self).map(Box::new)
    }
}

impl Conceal for FactRecording {
    fn shows(&self, place: &str) -> bool {
        self.shown.iter().any(|claim| is_within(place, claim))
    }

    fn shows_of_request(&self, place: &str) -> bool {
        self.shown_of_request.iter().any(|shown| shown == place)
    }

    fn hash(&self, value: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(&sign(&self.key, value).as_ref()[..HASH_BYTES])
    }

    fn key_id(&self) -> &str {
        &self.key_id
    }
}

/// Prints no key.
impl fmt::Debug for FactRecording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FactRecording")
            .field("shown", &self.shown)
            .field("shown_of_request", &self.shown_of_request)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_is_shown_by_its_name_or_with_all_that_is_within_it() {
        let shown = ["tid", "/realm_access/roles", "/a~1b"].map(str::to_owned).to_vec();
        let recording = FactRecording::with_secret(shown, "secret");
        for place in [
            "tid",
            "/tid",
            "/tid/x",
            "/realm_access/roles",
            "/realm_access/roles/0",
            "a/b",
        ] {
            assert!(recording.shows(place), "{place}");
        }
        for place in [
            "tids",
            "realm_access",
            "/realm_access",
            "/realm_access/role",
            "a",
            "/a/b",
            "/x/tid",
        ] {
            assert!(!recording.shows(place), "{place}");
        }
    }

    #[test]
    fn hashes_are_of_the_key_which_is_not_printed() {
        let recording = |secret: &str| FactRecording::with_secret(Vec::new(), secret);
        let (one, same) = (recording("one"), recording("one"));
        let other = FactRecording::with_random_key(Vec::new()).unwrap();
        assert_eq!((one.hash(b"a"), one.key_id()), (same.hash(b"a"), same.key_id()));
        assert_ne!(one.hash(b"a"), one.hash(b"b"));
        assert_ne!((one.hash(b"a"), one.key_id()), (other.hash(b"a"), other.key_id()));
        assert_eq!(one.hash(b"a").len(), 22);
        assert_eq!(
            (one.origin(), other.origin()),
            (HashKeyOrigin::File, HashKeyOrigin::Process)
        );
        assert!(!format!("{one:?}").contains("one"));
    }
}
