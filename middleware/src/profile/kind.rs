//! The kind of a party: positive evidence, or unknown.

use std::fmt;

/// The kind of a party.
///
/// `Unknown` satisfies no rule: it is the absence of evidence, never a guess.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "schema", schemars(rename = "Kind"))]
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
