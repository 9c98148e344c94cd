//! The hash of a policy: what it says, in one short text.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use actgate_yaml::Written;

use crate::digest::sha256;

/// Identifies what a policy says: 64 lower-case hexadecimal digits, and cheap to clone.
///
/// It is the SHA-256 digest of the members of the policy as JSON without blanks, in which the keys of each mapping are in the order of
/// their bytes. Two policies with this hash say the same: they differ in comments, the order of keys and the style of YAML at most. The
/// members of a larger document ([`Policy::from_yaml_members`](super::Policy::from_yaml_members)) have the hash that they have as a document of their own, whatever
/// else the larger one contains.
///
/// What is written in another way has another hash, also where it means the same: `5m` and `300s`, `a` and `[a]`, routes in another order,
/// a default that is stated. It does NOT cover how issuers are trusted, nor the version of this crate.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PolicyHash(Arc<str>);

impl PolicyHash {
    /// The hash of a policy as it is written. JSON has every value of it.
    pub(super) fn of(written: &Written) -> Option<PolicyHash> {
        let written = serde_json::to_vec(written).ok()?;
        let mut hash = String::with_capacity(64);
        for byte in sha256(&written).as_ref() {
            write!(hash, "{byte:02x}").ok()?;
        }
        Some(PolicyHash(hash.into()))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PolicyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for PolicyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use crate::Policy;

    const OWN: &str = "requirements:\n  human: { initiator: { kind: human } }\nroutes:\n  - { match: GET /, require: [human], scopes: [a, b] }\n  - { match: GET /open, public: true }\n";

    fn hash(text: &str) -> String {
        Policy::from_yaml(text).unwrap().hash().to_string()
    }

    #[test]
    fn it_is_the_digest_of_the_members_as_json() {
        // printf '{"routes":[{"match":"GET /","scopes":["a"]}]}' | sha256sum
        let expected = "ba7ed3a52a63147fa61cd0fe99a4a8178b18dc7a6ba126697b456babdb0c5dbb";
        assert_eq!(hash("routes: [{ match: GET /, scopes: [a] }]"), expected);
        assert_eq!(hash(""), hash("# nothing"));
    }

    #[test]
    fn how_a_policy_is_written_does_not_matter() {
        let other = "# A comment.\nroutes:\n  # Another one.\n  - scopes:\n      - \"a\"\n      - b\n    require: ['human']\n    match: \"GET /\"\n  - { public: true, match: GET /open }\nrequirements: { human: { initiator: { kind: human } } }\n";
        assert_eq!(hash(other), hash(OWN));
    }

    #[test]
    fn a_larger_document_has_the_hash_of_its_policy() {
        let inline = |beside: &str| {
            let policy = Policy::from_yaml_members(&format!("{beside}{OWN}")).unwrap();
            policy.hash().to_string()
        };
        for beside in ["", "listen: 127.0.0.1:8080\n", "upstream: [1, { a: b }]\naudience: x\n"] {
            assert_eq!(inline(beside), hash(OWN), "{beside}");
        }
    }

    #[test]
    fn every_word_and_the_order_of_routes_matter() {
        let mut all = vec![hash(OWN)];
        for (from, to) in [
            ("human }", "agent }"),
            ("[a, b]", "[a]"),
            ("[a, b]", "[b, a]"),
            ("GET /,", "HEAD /,"),
            ("routes:", "spelling: exact\nroutes:"),
            ("routes:", "scopes: { implies: { a: [c] } }\nroutes:"),
            ("routes:", "routes:\n  - { match: POST /mcp, mcp: tools/list }"),
        ] {
            all.push(hash(&OWN.replace(from, to)));
        }
        let lines: Vec<&str> = OWN.lines().collect();
        all.push(hash(&[lines[0], lines[1], lines[2], lines[4], lines[3]].join("\n")));
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
