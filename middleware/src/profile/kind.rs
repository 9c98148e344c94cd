//! The kind of a party: positive evidence, or unknown.

use std::fmt;

/// The kind of a party.
///
/// `Unknown` satisfies no rule: it is the absence of evidence, never a guess.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A person.
    Human,
    /// Software that decides on its own what to do next.
    Agent,
    /// Software that does what it was built to do.
    Service,
    /// No evidence, or evidence that contradicts itself.
    #[serde(skip)]
    Unknown,
}

/// One rule that derives a kind from the claims of a party.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum KindRule {
    /// The claim holds entity profiles (OAuth Entity Profiles, draft -01).
    EntityProfile(&'static str),
    /// The kind of a party for which all of the evidence is present.
    Where(Kind, &'static [Evidence]),
}

/// One fact about the claims of a party. An absent or blank claim is no evidence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Evidence {
    /// The claim is a string.
    Present(&'static str),
    /// The claim is a string that begins with the text, compared without ASCII case and leading white space.
    Prefix(&'static str, &'static str),
    /// The claim is a string that does not begin with the text, compared alike.
    NoPrefix(&'static str, &'static str),
}

impl Kind {
    /// The kind that the rules derive from the claims of a party. Two rules that disagree prove nothing.
    ///
    /// `text` returns the value of a claim: [`None`] where it is absent, an error where it is not a string.
    pub(crate) fn derive<'c, E>(
        rules: &[KindRule],
        text: impl Fn(&'static str) -> Result<Option<&'c str>, E>,
    ) -> Result<Kind, E> {
        let mut derived = Kind::Unknown;
        for rule in rules {
            let kind = match rule {
                KindRule::EntityProfile(claim) => text(claim)?.map_or(Kind::Unknown, Kind::of_entity_profile),
                KindRule::Where(kind, evidence) => {
                    let mut holds = true;
                    for evidence in *evidence {
                        let (Evidence::Present(claim) | Evidence::Prefix(claim, _) | Evidence::NoPrefix(claim, _)) =
                            evidence;
                        let value = text(claim)?.map_or("", str::trim);
                        let begins = |prefix: &str| {
                            let start = value.get(..prefix.len());
                            start.is_some_and(|start| start.eq_ignore_ascii_case(prefix))
                        };
                        holds &= !value.is_empty()
                            && match evidence {
                                Evidence::Present(_) => true,
                                Evidence::Prefix(_, prefix) => begins(prefix),
                                Evidence::NoPrefix(_, prefix) => !begins(prefix),
                            };
                    }
                    if holds { *kind } else { Kind::Unknown }
                }
            };
            if derived == Kind::Unknown {
                derived = kind;
            } else if kind != Kind::Unknown && kind != derived {
                return Ok(Kind::Unknown);
            }
        }
        Ok(derived)
    }

    /// Reads entity profiles: words separated by one space, compared without case.
    fn of_entity_profile(profile: &str) -> Kind {
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
    fn entity_profiles_are_positive_evidence_or_unknown() {
        let kind = |profile| Kind::of_entity_profile(profile);
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
        let absent = Kind::derive::<()>(&[KindRule::EntityProfile("sub_profile")], |_| Ok(None));
        assert_eq!(absent, Ok(Kind::Unknown));
    }

    #[test]
    fn rules_that_disagree_prove_nothing() {
        const HUMAN: KindRule = KindRule::Where(Kind::Human, &[Evidence::Present("sid")]);
        const SERVICE: KindRule = KindRule::Where(Kind::Service, &[Evidence::Prefix("name", "svc-")]);
        const OTHER: KindRule = KindRule::Where(Kind::Human, &[Evidence::NoPrefix("name", "svc-")]);
        let derive = |rules: &[KindRule], claims: &[(&str, &'static str)]| {
            let text = |claim| Ok::<_, ()>(claims.iter().find(|(name, _)| *name == claim).map(|(_, value)| *value));
            Kind::derive(rules, text).unwrap()
        };
        let (sid, service, person) = (("sid", "1"), ("name", "svc-a"), ("name", "alice"));
        assert_eq!(derive(&[HUMAN, SERVICE], &[sid]), Kind::Human);
        assert_eq!(derive(&[HUMAN, SERVICE], &[service]), Kind::Service);
        assert_eq!(derive(&[HUMAN, SERVICE], &[sid, service]), Kind::Unknown);
        assert_eq!(derive(&[HUMAN, SERVICE, HUMAN], &[sid, service]), Kind::Unknown);
        assert_eq!(derive(&[HUMAN, OTHER], &[sid, person]), Kind::Human);
        assert_eq!(derive(&[HUMAN, OTHER], &[]), Kind::Unknown);
        assert_eq!(derive(&[], &[sid]), Kind::Unknown);
        assert_eq!(Kind::derive(&[HUMAN], |_| Err(())), Err(()));
    }
}
