//! The lines of `check` about an issuer.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use actgate::ClaimValue;
use http::HeaderName;
use serde::Serialize;
use serde_json::Value;

use crate::config::{IssuerSettings, KeyLocation, Tokens};

/// What `check` shows of an issuer.
#[derive(Serialize)]
pub(super) struct IssuerSummary<'a> {
    issuer: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    jwks_uri: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jwks_file: Option<&'a Path>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    audience: &'a [String],
    /// The preset of its profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    header: Option<&'a str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    claims: BTreeMap<&'a str, Vec<Value>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    agent_clients: &'a [String],
    /// Evidence beside that of the profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    kinds: Option<&'static str>,
    /// Where it is asked about tokens, and about which.
    #[serde(skip_serializing_if = "Option::is_none")]
    introspection: Option<String>,
    #[serde(skip)]
    keys: &'a KeyLocation,
}

impl<'a> IssuerSummary<'a> {
    pub(super) fn of(issuer: &'a IssuerSettings) -> IssuerSummary<'a> {
        let claims = issuer.claims.iter().map(|claim| {
            let values = claim.values.iter().map(json_value).collect();
            (claim.name.as_str(), values)
        });
        IssuerSummary {
            issuer: issuer.trusted.identifier(),
            jwks_uri: match &issuer.keys {
                KeyLocation::JwksUri(address) => Some(address.as_str()),
                _ => None,
            },
            jwks_file: match &issuer.keys {
                KeyLocation::File(file) => Some(file.as_path()),
                _ => None,
            },
            audience: &issuer.own_audiences,
            profile: issuer.profile.preset(),
            header: issuer.trusted.carrier().map(HeaderName::as_str),
            claims: claims.collect(),
            agent_clients: &issuer.agent_clients,
            kinds: issuer.kinds.as_ref().map(|_| "added"),
            introspection: issuer.introspection.as_ref().map(|asked| {
                let tokens = match asked.tokens {
                    Tokens::Opaque => "opaque tokens",
                    Tokens::Signed => "signed tokens",
                    Tokens::All => "all tokens",
                };
                format!("{tokens}, at {}", asked.endpoint)
            }),
            keys: &issuer.keys,
        }
    }
}

impl fmt::Display for IssuerSummary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "  issuer    {} (keys: {}", self.issuer, self.keys)?;
        if !self.audience.is_empty() {
            write!(f, "; audience: {}", self.audience.join(", "))?;
        }
        writeln!(f, ")")?;
        let mut part = |name: &str, value: &str| writeln!(f, "            {name}: {value}");
        part("profile", self.profile.unwrap_or("without a preset"))?;
        if let Some(header) = self.header {
            part("header", header)?;
        }
        if let Some(introspection) = &self.introspection {
            part("introspection", introspection)?;
        }
        for (claim, values) in &self.claims {
            let values: Vec<_> = values.iter().map(ToString::to_string).collect();
            part("claims", &format!("{claim} is {}", values.join(" or ")))?;
        }
        if !self.agent_clients.is_empty() {
            part("agent_clients", &self.agent_clients.join(", "))?;
        }
        if let Some(kinds) = self.kinds {
            part("kinds", &format!("{kinds} to those of the profile"))?;
        }
        Ok(())
    }
}

fn json_value(value: &ClaimValue) -> Value {
    match value {
        ClaimValue::Text(text) => (&**text).into(),
        ClaimValue::Integer(number) => (*number).into(),
        ClaimValue::Boolean(flag) => (*flag).into(),
        other => other.to_string().into(),
    }
}
