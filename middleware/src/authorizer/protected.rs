//! A resource, ready for requests: its audiences, what its challenges name, and its metadata.

use bytes::Bytes;
use http::Method;

use crate::issuer::TrustedIssuer;
use crate::policy::Policy;
use crate::resource::{Document, Metadata, Place, Resource};

/// What a request is for.
#[derive(Clone, Debug)]
pub(crate) struct Protected {
    pub(super) realm: Box<str>,
    /// Where its metadata is published, if it is.
    pub(super) metadata_url: Option<Box<str>>,
    pub(super) identifier: Box<str>,
    pub(super) place: Place,
    /// Of the issuers that have none of their own.
    audiences: Vec<Box<str>>,
    audiences_of: Vec<(Box<str>, Vec<Box<str>>)>,
    published: Option<Published>,
}

/// The metadata that is answered here.
#[derive(Clone, Debug)]
struct Published {
    path: Box<str>,
    document: Bytes,
}

impl Protected {
    /// An API that is not named: each issuer has its own audiences, and `metadata_url` is where another server publishes its
    /// metadata.
    pub(super) fn unnamed(realm: Box<str>, metadata_url: Option<Box<str>>) -> Protected {
        Protected {
            realm,
            metadata_url,
            identifier: "".into(),
            place: Place::default(),
            audiences: Vec::new(),
            audiences_of: Vec::new(),
            published: None,
        }
    }

    /// A resource among `all` that are protected together.
    pub(super) fn of(
        resource: &Resource,
        all: &[Resource],
        issuers: &[&TrustedIssuer],
        realm: Option<&str>,
        policy: &Policy,
    ) -> Protected {
        let published = resource.publication.is_here().then(|| {
            let root = resource.place.path();
            let places = all.iter().map(|other| &other.place);
            let more_specific = places.filter(|other| other.specificity() > resource.place.specificity());
            let more_specific = more_specific.filter(|other| other.has_hosts_of(&resource.place));
            let more_specific: Vec<&str> = more_specific.map(Place::path).collect();
            let issuers = issuers.iter().filter_map(|issuer| issuer.authorization_server());
            Published {
                path: resource.identifier.metadata_path.clone(),
                document: Document::of(resource, issuers, policy.scopes(root, &more_specific)).to_json(),
            }
        });
        let mut audiences_of: Vec<(Box<str>, Vec<Box<str>>)> = Vec::new();
        for (issuer, audience) in &resource.audiences_of {
            match audiences_of.iter_mut().find(|(known, _)| known == issuer) {
                Some((_, audiences)) => audiences.push(audience.clone()),
                None => audiences_of.push((issuer.clone(), vec![audience.clone()])),
            }
        }
        Protected {
            realm: realm.unwrap_or(resource.identifier()).into(),
            metadata_url: Some(resource.metadata_url().into()),
            identifier: resource.identifier().into(),
            place: resource.place.clone(),
            audiences: resource.audiences.clone(),
            audiences_of,
            published,
        }
    }

    /// The accepted audiences in the tokens of an issuer. Its own come first: it has some only beside a single resource.
    pub(super) fn audiences<'a>(&'a self, issuer: &'a TrustedIssuer) -> &'a [Box<str>] {
        if !issuer.audiences.is_empty() {
            return &issuer.audiences;
        }
        let mut named = self.audiences_of.iter();
        let named = named.find(|(identifier, _)| **identifier == *issuer.issuer);
        named.map_or(&self.audiences, |(_, audiences)| audiences)
    }

    pub(super) fn is_published(&self) -> bool {
        self.published.is_some()
    }

    /// The answer to a request for its metadata; [`None`] for the path of another.
    pub(super) fn metadata(&self, method: &Method, path: &str) -> Option<Metadata> {
        let published = self.published.as_ref()?;
        (*published.path == *path).then(|| Metadata::answer(method, Some(&published.document)))
    }
}
