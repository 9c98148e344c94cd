//! The names of claims in a profile.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use serde::de::{Deserialize, Deserializer, Error};

use crate::claim_path::DottedPath;

/// Longest name of a claim in a profile, in bytes.
const MAX_BYTES: usize = 256;

/// The name of a top-level claim, or of a member of an `act` object.
///
/// An error of a request contains one, and is made without allocation. The text therefore lives as long as the process;
/// each name that profiles contain is kept once.
#[derive(Clone, Copy, Eq)]
pub(crate) struct ClaimName(&'static str);

impl PartialEq for ClaimName {
    fn eq(&self, other: &Self) -> bool {
        // What is kept once needs no look at its bytes.
        std::ptr::eq(self.0, other.0) || self.0 == other.0
    }
}

impl ClaimName {
    pub(super) const SUBJECT: ClaimName = ClaimName("sub");
    pub(super) const AUDIENCE: ClaimName = ClaimName("aud");
    pub(super) const ACTOR: ClaimName = ClaimName("act");

    /// The name of a claim as a profile writes it. One name after a slash is that very name, with its dots: `/acme.sub`.
    pub(crate) fn new(name: &str) -> Result<ClaimName, &'static str> {
        let name = match name.strip_prefix('/') {
            Some(after) if after.contains(['/', '~']) => {
                return Err("this part reads a claim at the top of a token, and no path");
            }
            Some(after) => after,
            None if DottedPath::of(name).is_some() => {
                return Err("a name with dots looks like a path, and this part reads a claim at the top of a token");
            }
            None => name,
        };
        check(name)?;
        Ok(ClaimName(interned(name)))
    }

    /// The name of a claim, or the path of one within objects (RFC 6901): `/realm_access/roles`.
    pub(super) fn path(name: &str) -> Result<ClaimName, &'static str> {
        let path = match name.strip_prefix('/') {
            Some(path) if path.contains(['/', '~']) => path,
            _ => return ClaimName::new(name),
        };
        let is_escaped = |name: &str| name.replace("~0", "").replace("~1", "").contains('~');
        if name.len() > MAX_BYTES || path.split('/').any(|name| is_escaped(name) || check(name).is_err()) {
            return Err("the path of a claim has a name after each `/`, with `~1` for a `/` and `~0` for a `~` in it");
        }
        Ok(ClaimName(interned(name)))
    }

    pub(crate) fn as_str(self) -> &'static str {
        self.0
    }
}

fn check(name: &str) -> Result<(), &'static str> {
    if name.is_empty() || name.len() > MAX_BYTES {
        return Err("the name of a claim has from 1 to 256 bytes");
    }
    if name.contains(char::is_control) || name.trim() != name {
        return Err("the name of a claim has no control character, and no blank at an end");
    }
    if name.contains('*') {
        return Err("the name of a claim has no wildcard");
    }
    Ok(())
}

/// The one copy of a name.
fn interned(name: &str) -> &'static str {
    static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    // A panic elsewhere cannot leave half of a name.
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    match names.get(name) {
        Some(name) => name,
        None => {
            let name: &'static str = Box::leak(name.into());
            names.insert(name);
            name
        }
    }
}

#[cfg(feature = "schema")]
actgate_yaml::schema_of! { |generator|
    /// The name of a claim at the top of a token. One with dots is written after a slash: `/acme.sub`.
    ClaimName = "ClaimName", { "type": "string", "maxLength": MAX_BYTES, "pattern": r"^(/[^*\s/~]([^*/~]*[^*\s/~])?|[^*\s/]([^*]*[^*\s])?)$" };
}

impl<'de> Deserialize<'de> for ClaimName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        ClaimName::new(&name).map_err(|reason| {
            let help = match DottedPath::of(&name) {
                Some(_) => format!("write `/{name}` for a claim of this very name"),
                None => "write it as the issuer does".to_owned(),
            };
            D::Error::custom(format!("{reason}\n{help}"))
        })
    }
}

impl fmt::Display for ClaimName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Debug for ClaimName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_kept_once() {
        let name = |text: &str| ClaimName::new(text).unwrap().as_str();
        assert!(std::ptr::eq(name("xms_sub_fct"), name(&["xms", "sub_fct"].join("_"))));
        assert_eq!(name("/acme.sub"), "acme.sub");
        for bad in [
            "acme.sub",
            "/a/b",
            "/a~1b",
            "/",
            "//",
            "/ sub",
            "",
            " sub",
            "sub ",
            "su*",
            "su\nb",
            &"x".repeat(257),
        ] {
            assert!(ClaimName::new(bad).is_err(), "{bad:?}");
        }
    }
}
