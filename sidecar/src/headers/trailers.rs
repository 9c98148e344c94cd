//! The trailers of a request.
//!
//! Some servers merge trailers into the headers (RFC 9110 section 6.5.1). A trailer is forwarded only where the header of its
//! name would be, and has no meaning that was decided on.

use std::sync::Arc;

use actgate::request::header_meaning::has_another_meaning;
use actgate::request::header_name;
use http::header::TRAILER;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::carriers::Carriers;
use super::claims;
use super::dropped::DroppedHeaders;
use super::hop_by_hop;
use super::identity::IdentityHeaders;

/// Which trailers of requests are forwarded.
#[derive(Clone, Debug, Default)]
pub(crate) struct TrailerRules {
    names: Arc<Names>,
}

#[derive(Debug, Default)]
struct Names {
    identity: IdentityHeaders,
    carriers: Carriers,
    dropped: DroppedHeaders,
}

/// The rules for one request.
#[derive(Debug)]
pub(crate) struct TrailerFilter {
    names: Arc<Names>,
    nominated: Vec<HeaderName>,
    /// The headers that expressions of the policy read.
    decided_on: Arc<[Box<str>]>,
}

impl TrailerRules {
    /// Rules that keep the headers of the identity and of the tokens out, and those that are removed.
    pub(crate) fn new(identity: IdentityHeaders, carriers: Carriers, dropped: DroppedHeaders) -> TrailerRules {
        TrailerRules {
            names: Arc::new(Names {
                identity,
                carriers,
                dropped,
            }),
        }
    }

    /// The rules for a request whose `Connection` names the headers `nominated`, and whose policy reads the headers `decided_on`.
    pub(crate) fn filter(&self, nominated: Vec<HeaderName>, decided_on: Arc<[Box<str>]>) -> TrailerFilter {
        TrailerFilter {
            names: self.names.clone(),
            nominated,
            decided_on,
        }
    }
}

impl TrailerFilter {
    fn permits(&self, name: &str) -> bool {
        let Names {
            identity,
            carriers,
            dropped,
        } = &*self.names;
        let is_owned = identity.owns(name) || carriers.owns(name) || dropped.covers(name);
        let is_nominated = || self.nominated.iter().any(|own| header_name::same(name, own.as_str()));
        let is_decided_on = || self.decided_on.iter().any(|read| header_name::same(name, read));
        !is_owned
            && !is_decided_on()
            && !has_another_meaning(name)
            && !claims::is_identity(name)
            // About the page that sends the request, and what it may read.
            && !header_name::begins_with(name, "sec-")
            && !header_name::begins_with(name, "access-control-")
            && !is_nominated()
    }

    /// Removes the trailers that are not forwarded.
    pub(crate) fn strip(&self, trailers: &mut HeaderMap) {
        hop_by_hop::remove_where(trailers, |name| !self.permits(name));
    }

    /// The names of a `Trailer` header that are forwarded; none if it names no other.
    pub(crate) fn announced(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let values = headers.get_all(TRAILER).iter().filter_map(|value| value.to_str().ok());
        let names = values.flat_map(|value| value.split(',')).map(str::trim);
        let names = names.filter(|name| HeaderName::try_from(*name).is_ok() && self.permits(name));
        let names = names.collect::<Vec<_>>().join(", ");
        HeaderValue::try_from(names).ok().filter(|names| !names.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headers::dropped::Pattern;

    fn filter() -> TrailerFilter {
        let carriers = Carriers::from_iter([HeaderName::from_static("cf-access-jwt-assertion")]);
        let rules = TrailerRules::new(
            IdentityHeaders::default(),
            carriers,
            DroppedHeaders::from_iter(Pattern::parse("x-tenant")),
        );
        let decided_on = Arc::from([Box::from("x-role")]);
        rules.filter(vec![HeaderName::from_static("x-once")], decided_on)
    }

    #[test]
    fn a_trailer_with_a_meaning_is_removed() {
        let filter = filter();
        for name in [
            "x-auth-subject",
            "x_auth_subject",
            "x_tenant",
            "cf-access-jwt-assertion",
            "Authorization",
            "cookie",
            "set-cookie",
            "host",
            "content-length",
            "transfer_encoding",
            "content-type",
            "te",
            "trailer",
            "connection",
            "keep-alive",
            "upgrade",
            "expect",
            "x-forwarded-for",
            "forwarded",
            "via",
            "x-http-method-override",
            "x-original-url",
            "remote-user",
            "mcp-method",
            "origin",
            "proxy-authorization",
            "sec-fetch-site",
            "access-control-request-method",
            "cache-control",
            "x-once",
            "x.once",
            "x-role",
            "X_Role",
        ] {
            assert!(!filter.permits(name), "{name}");
        }
        for name in [
            "x-checksum",
            "content-digest",
            "x-amz-checksum-crc32",
            "grpc-status",
            "server-timing",
        ] {
            assert!(filter.permits(name), "{name}");
        }
    }

    #[test]
    fn only_what_is_forwarded_is_announced() {
        let announced = |lines: &[&'static str]| {
            let lines = lines.iter().map(|line| (TRAILER, HeaderValue::from_static(line)));
            filter().announced(&lines.collect())
        };
        assert_eq!(announced(&[]), None);
        assert_eq!(announced(&["X-Auth-Subject, Host", "a b"]), None);
        let names = announced(&["x-checksum,authorization", " Server-Timing "]).unwrap();
        assert_eq!(names, "x-checksum, Server-Timing");
    }
}
