//! Why a text is no profile.

use std::fmt;

use actgate_yaml::Diagnostics;

/// Every mistake of a profile, or of the evidence of kinds, in the order of their places: `line:column: message`, and on a
/// second line `  help: …`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileError(Diagnostics);

impl ProfileError {
    /// The value of a reading without mistakes.
    pub(super) fn check<T>(reading: actgate_yaml::Reading<T>) -> Result<T, ProfileError> {
        reading.check(|value, _, _| Some(value)).map_err(ProfileError)
    }
}

impl fmt::Display for ProfileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for ProfileError {}
