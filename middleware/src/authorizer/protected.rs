//! The resource of an authorizer, ready for requests: what its challenges name, and its metadata.

use bytes::Bytes;

use crate::issuer::TrustedIssuer;
use crate::policy::Policy;
use crate::request::Target;
use crate::resource::{Document, Metadata, Resource, WELL_KNOWN};

/// What a request is for.
#[derive(Clone, Debug)]
pub(crate) struct Protected {
    pub(super) realm: Box<str>,
    /// Where its metadata is published, if it is.
    pub(super) metadata_url: Option<Box<str>>,
    published: Option<Published>,
}

/// The metadata that is answered here.
#[derive(Clone, Debug)]
struct Published {
    path: Box<str>,
    document: Bytes,
}

impl Protected {
    /// An API without metadata of its own; `metadata_url` is where another server publishes it.
    pub(super) fn unnamed(realm: Box<str>, metadata_url: Option<Box<str>>) -> Protected {
        Protected {
            realm,
            metadata_url,
            published: None,
        }
    }

    /// A resource whose metadata is answered here.
    pub(super) fn published<'t>(
        realm: Box<str>,
        resource: &Resource,
        issuers: impl Iterator<Item = &'t TrustedIssuer>,
        policy: &Policy,
    ) -> Protected {
        let issuers: Vec<&str> = issuers.map(TrustedIssuer::identifier).collect();
        let document = Document::of(resource, issuers.into_iter(), policy.scopes());
        Protected {
            realm,
            metadata_url: Some(resource.metadata_url().into()),
            published: Some(Published {
                path: resource.identifier.metadata_path.clone(),
                document: document.to_json(),
            }),
        }
    }

    /// The answer to a request for metadata; [`None`] for any other request, and where none is published here.
    pub(super) fn metadata(&self, target: &Target<'_>) -> Option<Metadata> {
        let published = self.published.as_ref()?;
        let rest = target.path().strip_prefix(WELL_KNOWN)?;
        if !rest.is_empty() && !rest.starts_with('/') {
            return None;
        }
        let document = (target.path() == &*published.path).then_some(&published.document);
        Some(Metadata::answer(target.method(), document))
    }
}
