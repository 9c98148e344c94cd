//! Protected resources: what tokens are for, and what clients may read of it (RFC 9728).
//!
//! A resource is an API, or a part of one, with a URL of its own. Clients request tokens for that URL (RFC 8707), and find at
//! its well-known address which issuers and scopes it accepts.

mod identifier;
mod metadata;
mod overlap;
mod place;

pub use metadata::Metadata;

pub(crate) use identifier::WELL_KNOWN;
pub(crate) use metadata::Document;
pub(crate) use overlap::{PathComparison, overlaps};
pub(crate) use place::{Place, is_below};

use identifier::Identifier;

use crate::error::ConfigError;
use crate::issuer::check_audience;

/// A scope for the client's own use of the issuer, which no resource requires.
const OFFLINE_ACCESS: &str = "offline_access";

/// A protected resource. It is its own audience, and has metadata (RFC 9728) under its URL.
///
/// An authorizer with several resources decides by host and path which of them a request is for: see
/// [`AuthorizerBuilder::resource`](crate::AuthorizerBuilder::resource).
///
/// ```
/// use actgate::Resource;
///
/// let resource = Resource::new("https://api.example.com/orders")?.name("Orders")?;
/// assert_eq!(
///     resource.metadata_url(),
///     "https://api.example.com/.well-known/oauth-protected-resource/orders",
/// );
/// assert!(Resource::new("api.example.com").is_err());
/// # Ok::<(), actgate::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Resource {
    pub(crate) identifier: Identifier,
    pub(crate) name: Option<Box<str>>,
    pub(crate) documentation: Option<Box<str>>,
    pub(crate) scopes_supported: Option<Vec<Box<str>>>,
    pub(crate) authorization_servers: Option<Vec<Box<str>>>,
    pub(crate) audiences: Vec<Box<str>>,
    pub(crate) audiences_of: Vec<(Box<str>, Box<str>)>,
    pub(crate) place: Place,
    pub(crate) publication: Publication,
}

/// Where the metadata of a resource is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Publication {
    /// At its own address, which is answered here.
    Here,
    /// At a URL of another server.
    At(Box<str>),
}

impl Publication {
    pub(crate) fn is_here(&self) -> bool {
        *self == Publication::Here
    }
}

impl Resource {
    /// The resource with this URL, which clients send as `resource` and issuers write in `aud`. It is compared byte for byte.
    ///
    /// # Errors
    /// [`ConfigError::Resource`] for a text that is no `https` (or, in closed networks, `http`) URL, has a user, a query or a
    /// fragment, is a pattern, or has a path that is ambiguous.
    pub fn new(identifier: &str) -> Result<Resource, ConfigError> {
        Ok(Resource {
            identifier: Identifier::parse(identifier)?,
            name: None,
            documentation: None,
            scopes_supported: None,
            authorization_servers: None,
            audiences: vec![identifier.into()],
            audiences_of: Vec::new(),
            place: Place::default(),
            publication: Publication::Here,
        })
    }

    /// Accepts one more audience beside the identifier, compared byte for byte.
    ///
    /// # Errors
    /// As [`TrustedIssuer::audience`](crate::TrustedIssuer::audience).
    pub fn audience(mut self, audience: &str) -> Result<Resource, ConfigError> {
        check_audience(audience)?;
        self.audiences.push(audience.into());
        Ok(self)
    }

    /// Accepts this audience, and no other but those that are named so, in the tokens of one issuer: for an issuer that writes its
    /// own identifiers in `aud`, such as `api://…` of Entra.
    ///
    /// # Errors
    /// As [`TrustedIssuer::audience`](crate::TrustedIssuer::audience).
    pub fn audience_of(mut self, issuer: &str, audience: &str) -> Result<Resource, ConfigError> {
        check_audience(audience)?;
        self.audiences_of.push((issuer.into(), audience.into()));
        Ok(self)
    }

    /// Applies to requests to this host, and to others that are named so; it is compared without regard to case and port.
    ///
    /// # Errors
    /// [`ConfigError::Place`] for a text that is no host, a pattern, or a host with a port.
    pub fn host(mut self, host: &str) -> Result<Resource, ConfigError> {
        self.place.add_host(host)?;
        Ok(self)
    }

    /// Applies to requests to this path and to every path below it: `/orders` is that of `/orders/1`, and not of `/ordersx`.
    ///
    /// # Errors
    /// [`ConfigError::Place`] for a text that is no path, a pattern, or a path with a slash at its end.
    pub fn path(mut self, path: &str) -> Result<Resource, ConfigError> {
        self.place.set_path(path)?;
        Ok(self)
    }

    /// Names the URL where another server publishes the metadata, which is then not answered here.
    ///
    /// # Errors
    /// [`ConfigError::Url`] for a text that is no `https` or `http` URL.
    pub fn metadata_at(mut self, url: &str) -> Result<Resource, ConfigError> {
        self.publication = Publication::At(checked_url(url)?);
        Ok(self)
    }

    /// Sets the name for people (`resource_name`).
    ///
    /// # Errors
    /// [`ConfigError::Metadata`] for a blank text, and one with a control character.
    pub fn name(mut self, name: &str) -> Result<Resource, ConfigError> {
        self.name = Some(checked_name(name)?);
        Ok(self)
    }

    /// Sets the URL of the documentation for developers (`resource_documentation`).
    ///
    /// # Errors
    /// [`ConfigError::Url`] for a text that is no `https` or `http` URL.
    pub fn documentation(mut self, url: &str) -> Result<Resource, ConfigError> {
        self.documentation = Some(checked_url(url)?);
        Ok(self)
    }

    /// Sets the scopes that the metadata lists (`scopes_supported`), in place of those that the routes of the policy require. No
    /// rule follows from them. `offline_access` is left out.
    ///
    /// # Errors
    /// [`ConfigError::Metadata`] for a text that is no scope (RFC 6749 section 3.3).
    pub fn scopes_supported<'s>(mut self, scopes: impl IntoIterator<Item = &'s str>) -> Result<Resource, ConfigError> {
        let scopes = scopes.into_iter().map(checked_scope).collect::<Result<_, _>>()?;
        self.scopes_supported = Some(scopes);
        Ok(self)
    }

    /// Sets the issuers that the metadata lists (`authorization_servers`), in place of every trusted issuer where clients can
    /// obtain tokens. None of them becomes trusted by it.
    ///
    /// # Errors
    /// [`ConfigError::Metadata`] for a text that is no `https` or `http` URL.
    pub fn authorization_servers<'s>(
        mut self,
        issuers: impl IntoIterator<Item = &'s str>,
    ) -> Result<Resource, ConfigError> {
        let issuers = issuers.into_iter().map(checked_server).collect::<Result<_, _>>()?;
        self.authorization_servers = Some(issuers);
        Ok(self)
    }

    /// The identifier.
    pub fn identifier(&self) -> &str {
        &self.identifier.text
    }

    /// The hosts that it applies to; none is every host.
    pub fn hosts(&self) -> impl Iterator<Item = &str> {
        self.place.hosts()
    }

    /// The path that it applies to, with every path below it; [`None`] is every path.
    pub fn stated_path(&self) -> Option<&str> {
        Some(self.place.path()).filter(|path| !path.is_empty())
    }

    /// Where its metadata is: the well-known path, before the path of the resource (RFC 9728 section 3), or
    /// [elsewhere](Self::metadata_at).
    pub fn metadata_url(&self) -> &str {
        match &self.publication {
            Publication::Here => &self.identifier.metadata_url,
            Publication::At(url) => url,
        }
    }
}

fn checked_name(text: &str) -> Result<Box<str>, ConfigError> {
    if text.trim().is_empty() || text.contains(char::is_control) {
        return Err(ConfigError::Metadata {
            text: text.escape_debug().to_string(),
            what: "a name",
            reason: "it is blank or contains a control character",
            help: "write a name for people, such as Orders",
        });
    }
    Ok(text.into())
}

/// RFC 6749 section 3.3.
fn checked_scope(text: &str) -> Result<Box<str>, ConfigError> {
    let is_of_scope = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    if text.is_empty() || !text.bytes().all(is_of_scope) {
        return Err(ConfigError::Metadata {
            text: text.escape_debug().to_string(),
            what: "a scope",
            reason: "it is not one word of printable ASCII without quotes and backslashes",
            help: "write each scope as an entry of the list",
        });
    }
    Ok(text.into())
}

fn checked_server(text: &str) -> Result<Box<str>, ConfigError> {
    checked_url(text).map_err(|_| ConfigError::Metadata {
        text: text.escape_debug().to_string(),
        what: "an authorization server",
        reason: "it is not an https URL, nor an http URL",
        help: "write the issuer as it is in `iss`",
    })
}

fn checked_url(text: &str) -> Result<Box<str>, ConfigError> {
    match url::Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "https" | "http") => Ok(text.into()),
        _ => Err(ConfigError::Url {
            url: text.to_owned(),
            reason: "it is not an https URL, nor an http URL",
        }),
    }
}

/// Whether a resource lists a scope, or asks for it.
pub(crate) fn is_of_resource(scope: &str) -> bool {
    scope != OFFLINE_ACCESS
}
