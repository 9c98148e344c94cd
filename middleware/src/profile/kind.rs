//! What kind of party somebody is: positive evidence, or unknown.

use std::fmt;

/// A human, an agent, a service, or nothing that can be told.
///
/// `Unknown` satisfies no rule: it is the absence of evidence, never a guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A person.
    Human,
    /// Software that decides for itself what to do next.
    Agent,
    /// Software that does what it was built to do.
    Service,
    /// No evidence, or evidence that contradicts itself.
    #[serde(skip)]
    Unknown,
}

impl Kind {
    /// Reads a `sub_profile` (OAuth Entity Profiles, draft -01): words parted by one space, without case.
    pub(crate) fn of_profile(profile: Option<&str>) -> Kind {
        let Some(profile) = profile else {
            return Kind::Unknown;
        };
        let (mut user, mut agent, mut service, mut device) = (false, false, false, false);
        for word in profile.split(' ') {
            if word.is_empty() || word.chars().any(|character| !character.is_ascii_graphic()) {
                return Kind::Unknown;
            }
            user |= word.eq_ignore_ascii_case("user");
            agent |= word.eq_ignore_ascii_case("ai_agent");
            service |= word.eq_ignore_ascii_case("service");
            device |= word.eq_ignore_ascii_case("device");
        }
        match (user, agent, service, device) {
            (true, false, false, false) => Kind::Human,
            (false, true, _, _) => Kind::Agent,
            (false, false, true, _) => Kind::Service,
            _ => Kind::Unknown,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Human => "human",
            Kind::Agent => "agent",
            Kind::Service => "service",
            Kind::Unknown => "unknown",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kind_is_positive_evidence_or_unknown() {
        let kind = |profile| Kind::of_profile(Some(profile));
        assert_eq!(kind("user"), Kind::Human);
        assert_eq!(kind("USER"), Kind::Human);
        assert_eq!(kind("user native_app"), Kind::Human);
        assert_eq!(kind("ai_agent"), Kind::Agent);
        assert_eq!(kind("service ai_agent"), Kind::Agent);
        assert_eq!(kind("service"), Kind::Service);
        for odd in [
            "",
            " ",
            "user ai_agent",
            "user service",
            "user device",
            "user  x",
            " user",
            "user\tx",
            "users",
            "browser_app",
            "device",
            "usеr",
        ] {
            assert_eq!(kind(odd), Kind::Unknown, "{odd:?}");
        }
        assert_eq!(Kind::of_profile(None), Kind::Unknown);
    }
}
