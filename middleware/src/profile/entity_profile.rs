//! Entity profiles (OAuth Entity Profiles, draft -01): words that classify a party.

use serde::Deserialize;

use super::kind::Kind;

/// What entity profiles classify a party as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum EntityProfile {
    /// A person.
    User,
    /// An agent.
    AiAgent,
    /// Other software.
    Service,
}

impl EntityProfile {
    /// Reads words separated by one space, compared without case. Words that contradict each other, and broken spacing,
    /// classify nothing.
    pub(super) fn of(words: &str) -> Option<EntityProfile> {
        match words {
            // Nearly every token has one of these words alone.
            "user" => Some(EntityProfile::User),
            "ai_agent" => Some(EntityProfile::AiAgent),
            "service" => Some(EntityProfile::Service),
            several => EntityProfile::of_several(several),
        }
    }

    fn of_several(words: &str) -> Option<EntityProfile> {
        let (mut user, mut agent, mut service, mut other) = (false, false, false, false);
        for word in words.split(' ') {
            if word.is_empty() || word.chars().any(|character| !character.is_ascii_graphic()) {
                return None;
            }
            user |= word.eq_ignore_ascii_case("user");
            agent |= word.eq_ignore_ascii_case("ai_agent");
            service |= word.eq_ignore_ascii_case("service");
            other |= word.eq_ignore_ascii_case("device") || word.eq_ignore_ascii_case("client_instance");
        }
        match (user, agent, service, other) {
            (true, false, false, false) => Some(EntityProfile::User),
            (false, true, _, _) => Some(EntityProfile::AiAgent),
            (false, false, true, _) => Some(EntityProfile::Service),
            _ => None,
        }
    }

    /// The kind of a party of this entity profile.
    pub(super) fn kind(self) -> Kind {
        match self {
            EntityProfile::User => Kind::Human,
            EntityProfile::AiAgent => Kind::Agent,
            EntityProfile::Service => Kind::Service,
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            EntityProfile::User => "user",
            EntityProfile::AiAgent => "ai_agent",
            EntityProfile::Service => "service",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entity_profiles_classify_or_are_unknown() {
        use EntityProfile::{AiAgent, Service, User};
        for (words, expected) in [
            ("user", User),
            ("USER", User),
            ("user native_app", User),
            ("ai_agent", AiAgent),
            ("service ai_agent", AiAgent),
            ("ai_agent client_instance", AiAgent),
            ("service", Service),
            ("service client_instance", Service),
        ] {
            assert_eq!(EntityProfile::of(words), Some(expected), "{words}");
        }
        for odd in [
            "",
            " ",
            "user ai_agent",
            "user service",
            "user device",
            "user client_instance",
            "user  x",
            " user",
            "user\tx",
            "users",
            "browser_app",
            "device",
            "client_instance",
            "usеr",
        ] {
            assert_eq!(EntityProfile::of(odd), None, "{odd:?}");
        }
    }
}
