//! Where requests are sent: the upstreams with their credentials, and which of them a request is for.

use std::cmp::Reverse;
use std::sync::Arc;

use actgate::request::{PathForm, Target};
use actgate::{Error, Policy};
use http::request::Parts;

use super::credentials::Credentials;
use super::upstream::client::Upstream;
use super::upstream::place::Place;
#[cfg(test)]
use super::upstream::settings::{UpstreamSettings, UpstreamTimeouts};

/// What is for requests by their place. The one for a request follows from its host and its path, from no other header.
#[derive(Debug)]
pub(crate) struct Placed<T> {
    /// The most specific first.
    placed: Vec<(Place, T)>,
    /// That of every request that is in no place.
    fallback: T,
}

/// The destinations of requests.
pub(crate) type Destinations = Placed<Destination>;

/// An upstream, and what it receives in place of the access token.
#[derive(Debug)]
pub(crate) struct Destination {
    pub(crate) upstream: Arc<Upstream>,
    pub(crate) credentials: Credentials,
}

impl<T> Placed<T> {
    /// These in their places; [`None`] where none is for the requests that match no other.
    pub(crate) fn in_places(items: impl IntoIterator<Item = (Place, T)>) -> Option<Placed<T>> {
        let (mut placed, mut fallback) = (Vec::new(), None);
        for (place, item) in items {
            match place.is_everything() {
                true => fallback = Some(item),
                false => placed.push((place, item)),
            }
        }
        placed.sort_by_key(|(place, _)| Reverse(place.specificity()));
        fallback.map(|fallback| Placed { placed, fallback })
    }

    /// The one for a request with this host.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`] if it depends on the form that a server reads the path in. The policy says which forms there
    /// are.
    pub(crate) fn of(&self, request: &Parts, host: &str, policy: &Policy) -> Result<&T, Error> {
        if self.placed.is_empty() {
            return Ok(&self.fallback);
        }
        let target = Target::with_escaped_slashes(&request.method, &request.uri)?;
        let prefixes = self.placed.iter().map(|(place, _)| place.prefix());
        let position = |path: &PathForm<'_>| self.placed.iter().position(|(place, _)| place.contains(host, path));
        let found = policy.choose_by_path(&target, prefixes, position)?;
        let found = found.and_then(|position| self.placed.get(position));
        Ok(found.map_or(&self.fallback, |(_, item)| item))
    }

    /// Whether the place of a request matters.
    pub(crate) fn are_several(&self) -> bool {
        !self.placed.is_empty()
    }
}

impl Destinations {
    /// These in their places, one of which is for every request.
    pub(crate) fn in_all_places(destinations: Vec<(Place, Destination)>) -> Result<Destinations, String> {
        let placed = Placed::in_places(destinations);
        placed.ok_or_else(|| "no upstream receives the requests that match no other".to_owned())
    }

    /// The destinations of these settings; the reason names a file that cannot be used.
    #[cfg(test)]
    pub(crate) fn new(
        settings: impl IntoIterator<Item = (UpstreamSettings, Credentials)>,
        timeouts: UpstreamTimeouts,
    ) -> Result<Destinations, String> {
        let destinations = settings.into_iter().map(|(settings, credentials)| {
            let upstream = Arc::new(Upstream::new(&settings, timeouts)?);
            Ok((settings.place, Destination { upstream, credentials }))
        });
        let destinations: Result<Vec<_>, String> = destinations.collect();
        Destinations::in_all_places(destinations?)
    }

    /// Whether the address of a request is worth a note: there are several.
    pub(crate) fn have_several_addresses(&self) -> bool {
        self.are_several() || self.fallback.upstream.has_several_addresses()
    }
}

#[cfg(test)]
mod tests {
    use actgate::request::PathPrefix;
    use http::Request;

    use super::*;
    use crate::proxy::upstream::settings::Address;

    fn settings(hosts: &[&str], path: &str) -> (UpstreamSettings, Credentials) {
        let hosts = hosts.iter().map(|host| (*host).to_owned());
        let settings = UpstreamSettings {
            place: Place::new(hosts, PathPrefix::new(path).unwrap()),
            ..UpstreamSettings::plain(Address::Tcp("127.0.0.1:9".parse().unwrap()))
        };
        (settings, Credentials::default())
    }

    fn destinations(settings: Vec<(UpstreamSettings, Credentials)>) -> Result<Destinations, String> {
        Destinations::new(settings, UpstreamTimeouts::default())
    }

    #[test]
    fn one_destination_is_for_the_requests_that_no_other_is_for() {
        let missing = destinations(vec![settings(&["shop.example"], "/"), settings(&[], "/orders")]);
        assert!(missing.is_err());
        assert!(destinations(Vec::new()).is_err());
    }

    #[test]
    fn a_path_whose_form_decides_has_no_destination() {
        let destinations = destinations(vec![
            settings(&[], "/"),
            settings(&[], "/orders"),
            settings(&["shop.example"], "/orders"),
        ]);
        let destinations = destinations.unwrap();
        let folded = Policy::from_yaml("routes: [{ match: 'GET /{*path}', public: true }]").unwrap();
        let exact =
            Policy::from_yaml("{ spelling: exact, routes: [{ match: 'GET /{*path}', public: true }] }").unwrap();
        // The hosts come before the path: the position in this order.
        let position = |host, path, policy| {
            let (request, ()) = Request::get(path).body(()).unwrap().into_parts();
            let found = destinations.of(&request, host, policy).ok()?;
            let placed = destinations.placed.iter();
            let mut all = placed
                .map(|(_, destination)| destination)
                .chain([&destinations.fallback]);
            all.position(|destination| std::ptr::eq(destination, found))
        };
        for (host, path, by_folding, exactly) in [
            ("api.example", "/orders/1", Some(1), Some(1)),
            ("shop.example:80", "/orders/1", Some(0), Some(0)),
            ("api.example", "/other", Some(2), Some(2)),
            ("api.example", "/orders/%7Eme", Some(1), Some(1)),
            ("api.example", "/%6Frders/1", None, None),
            ("api.example", "/orders%2F1", None, None),
            ("api.example", "/Orders/1", None, Some(2)),
            ("api.example", "/orders./1", None, Some(2)),
        ] {
            assert_eq!(position(host, path, &folded), by_folding, "{host} {path}");
            assert_eq!(position(host, path, &exact), exactly, "{host} {path}, exact");
        }
    }
}
