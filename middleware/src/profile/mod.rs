//! How an issuer writes its tokens: the claims that hold each fact, the accepted media types, the completeness of its chain.
//!
//! A [`Profile`] is data. Claim parsing takes it as an argument, so that supporting another issuer adds a preset and no
//! code path.

mod kind;
mod presets;

pub use kind::Kind;
pub use presets::UnknownProfile;

pub(crate) use kind::{Evidence, KindRule};

use crate::error::{Error, Reason};

/// Where the facts are found in the tokens of an issuer.
///
/// ```
/// use actgate::profile::Profile;
///
/// let profile: Profile = "rfc9068".parse()?;
/// assert_eq!(profile, Profile::default());
/// assert!("no-such-issuer".parse::<Profile>().is_err());
/// # Ok::<(), actgate::profile::UnknownProfile>(())
/// ```
///
/// It does NOT hold the issuer's identifier, keys or audiences: see [`TrustedIssuer`](crate::TrustedIssuer).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Profile {
    pub(crate) name: &'static str,
    /// The accepted media types of access tokens.
    pub(crate) token_types: &'static [TokenType],
    /// Claims that occur in ID tokens and security events only: a token with one of them is no access token.
    pub(crate) foreign_claims: &'static [&'static str],
    /// The claim that names the initiator.
    pub(crate) subject: &'static str,
    /// The claim that names the audiences: a string or an array of strings.
    pub(crate) audience: &'static str,
    /// The claims that name the client; the first one present counts.
    pub(crate) client: &'static [&'static str],
    /// The claim that holds the scopes.
    pub(crate) scope: ScopeClaim,
    /// A second claim that may repeat the scopes; it must agree with the first.
    pub(crate) scope_copy: Option<ScopeClaim>,
    /// Evidence for the kind of the initiator, in the top-level claims.
    pub(crate) initiator_kind: &'static [KindRule],
    /// Evidence for the kind of an actor, in its `act` object.
    pub(crate) actor_kind: &'static [KindRule],
    /// The claim that holds the current actor, and in it the prior ones.
    pub(crate) actor: &'static str,
    pub(crate) chain_completeness: ChainCompleteness,
}

/// A media type that marks an access token (`typ`, RFC 8725 section 3.11).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct TokenType {
    /// Compared without case and without the prefix `application/`.
    pub(crate) media_type: &'static str,
    /// A claim and its value that an access token of this type must contain, where other tokens share the type.
    pub(crate) marker: Option<(&'static str, &'static str)>,
}

/// A claim that holds scopes, and its form.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum ScopeClaim {
    /// One string, separated by spaces (RFC 8693 section 4.2).
    Text(&'static str),
    /// Such a string, or an array of strings.
    TextOrList(&'static str),
}

/// Which actors the nested `act` objects of an issuer contain. It decides which rules on prior actors are reliable.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChainCompleteness {
    /// Every actor since the initiator.
    Complete,
    /// The actors of the actor token; those of the subject token are lost.
    ActorTokenOnly,
    /// The current actor only.
    OuterOnly,
    /// No `act` at all.
    None,
}

/// How the prior actors of an issuer are used.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PriorActors {
    /// Checked for form and dropped.
    Ignore,
    /// Kept for the log and for handlers; no rule reads them.
    #[default]
    Audit,
    /// Read by history rules, which can deny.
    Enforce,
}

impl Profile {
    /// The name of the preset, as in a configuration.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The accepted token type that a header's `typ` names.
    ///
    /// # Errors
    /// [`Error::InvalidType`] for no `typ` and for one that is not accepted.
    pub(crate) fn token_type(&self, media_type: Option<&str>) -> Result<&'static TokenType, Error> {
        let media_type = media_type.ok_or(Error::InvalidType {
            reason: Reason::Missing,
        })?;
        let subtype = match media_type.get(..12) {
            Some(prefix) if prefix.eq_ignore_ascii_case("application/") => &media_type[12..],
            _ => media_type,
        };
        let mut accepted = self.token_types.iter();
        accepted
            .find(|accepted| accepted.media_type.eq_ignore_ascii_case(subtype))
            .ok_or(Error::InvalidType {
                reason: Reason::Mismatch,
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types_are_compared_without_case_and_prefix() {
        let accepts = |media_type| Profile::default().token_type(Some(media_type)).is_ok();
        for media_type in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"] {
            assert!(accepts(media_type), "{media_type}");
        }
        for media_type in [
            "JWT",
            "",
            "application/",
            "at+jwt ",
            "text/at+jwt",
            "application/application/at+jwt",
        ] {
            assert!(!accepts(media_type), "{media_type}");
        }
        assert!(Profile::default().token_type(None).is_err());
    }
}
