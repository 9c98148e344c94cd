//! The upstreams behind a gate, and which of them receives a request.

use std::cmp::Reverse;

use super::client::Upstream;
use super::place::Place;
use super::settings::{UpstreamSettings, UpstreamTimeouts};

/// The upstreams. The one for a request follows from its host and its path, from no other header.
#[derive(Debug)]
pub(crate) struct Upstreams {
    /// The most specific first.
    upstreams: Vec<Placed>,
}

/// An upstream and its requests.
#[derive(Debug)]
struct Placed {
    place: Place,
    upstream: Upstream,
    /// Its index in the configuration.
    index: usize,
}

impl Upstreams {
    /// The upstreams of these settings; the reason names a file that cannot be used.
    pub(crate) fn new(settings: &[UpstreamSettings], timeouts: UpstreamTimeouts) -> Result<Upstreams, String> {
        let made = settings.iter().enumerate().map(|(index, settings)| {
            let upstream = Upstream::new(settings, timeouts)?;
            let place = settings.place.clone();
            Ok(Placed { place, upstream, index })
        });
        let mut upstreams = made.collect::<Result<Vec<_>, String>>()?;
        upstreams.sort_by_key(|placed| Reverse(placed.place.specificity()));
        Ok(Upstreams { upstreams })
    }

    /// The upstream for a request with this host and this path. A valid configuration has one for every request.
    pub(crate) fn of(&self, host: &str, path: &str) -> Option<&Upstream> {
        self.find(host, path).map(|placed| &placed.upstream)
    }

    /// The index in the configuration of the upstream for a request.
    pub(crate) fn index_of(&self, host: &str, path: &str) -> Option<usize> {
        self.find(host, path).map(|placed| placed.index)
    }

    fn find(&self, host: &str, path: &str) -> Option<&Placed> {
        match &self.upstreams[..] {
            [only] => Some(only),
            several => several.iter().find(|placed| placed.place.contains(host, path)),
        }
    }

    /// Whether the address of a request is worth a note: there are several.
    pub(crate) fn are_several(&self) -> bool {
        match &self.upstreams[..] {
            [only] => only.upstream.has_several_addresses(),
            _ => true,
        }
    }
}
