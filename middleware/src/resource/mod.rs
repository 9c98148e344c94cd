//! Protected resources: what tokens are for, and what clients may read of it (RFC 9728).
//!
//! A resource is an API, or a part of one, with a URL of its own. Clients request tokens for that URL (RFC 8707), and find at
//! its well-known address which issuers and scopes it accepts.

mod identifier;
mod metadata;

pub use metadata::Metadata;

pub(crate) use identifier::WELL_KNOWN;
pub(crate) use metadata::Document;

use identifier::Identifier;

use crate::error::ConfigError;

/// A scope for the client's own use of the issuer, which no resource requires.
const OFFLINE_ACCESS: &str = "offline_access";

/// A protected resource. It is its own audience, and has metadata (RFC 9728) under its URL.
///
/// ```
/// use actgate::Resource;
///
/// let resource = Resource::new("https://api.example.com/orders")?.name("Orders");
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
    pub(crate) scopes: Option<Vec<Box<str>>>,
    pub(crate) authorization_servers: Option<Vec<Box<str>>>,
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
            scopes: None,
            authorization_servers: None,
        })
    }

    /// Sets the name for people (`resource_name`).
    #[must_use]
    pub fn name(mut self, name: &str) -> Resource {
        self.name = Some(name.into());
        self
    }

    /// Sets the URL of the documentation for developers (`resource_documentation`).
    ///
    /// # Errors
    /// [`ConfigError::Url`] for a text that is no `https` or `http` URL.
    pub fn documentation(mut self, url: &str) -> Result<Resource, ConfigError> {
        match url::Url::parse(url) {
            Ok(parsed) if matches!(parsed.scheme(), "https" | "http") => {
                self.documentation = Some(url.into());
                Ok(self)
            }
            _ => Err(ConfigError::Url {
                url: url.to_owned(),
                reason: "it is not an https URL, nor an http URL",
            }),
        }
    }

    /// Sets the scopes that the metadata lists, in place of those that the routes of the policy require. `offline_access` is left
    /// out.
    #[must_use]
    pub fn scopes<'s>(mut self, scopes: impl IntoIterator<Item = &'s str>) -> Resource {
        self.scopes = Some(scopes.into_iter().map(Box::from).collect());
        self
    }

    /// Sets the issuers that the metadata lists, in place of every trusted issuer that is a URL.
    #[must_use]
    pub fn authorization_servers<'s>(mut self, issuers: impl IntoIterator<Item = &'s str>) -> Resource {
        self.authorization_servers = Some(issuers.into_iter().map(Box::from).collect());
        self
    }

    /// The identifier.
    pub fn identifier(&self) -> &str {
        &self.identifier.text
    }

    /// Where its metadata is: the well-known path, before the path of the resource (RFC 9728 section 3).
    pub fn metadata_url(&self) -> &str {
        &self.identifier.metadata_url
    }
}

/// Whether a resource lists a scope, or asks for it.
pub(crate) fn is_of_resource(scope: &str) -> bool {
    scope != OFFLINE_ACCESS
}
