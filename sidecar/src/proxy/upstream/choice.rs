//! The upstreams behind a gate, and which of them receives a request.

use std::cmp::Reverse;

use super::client::Upstream;
use super::place::Place;
use super::settings::{UpstreamSettings, UpstreamTimeouts};

/// The upstreams. The one for a request follows from its host and its path, from no other header.
#[derive(Debug)]
pub(crate) struct Upstreams {
    /// The most specific first.
    upstreams: Vec<(Place, Upstream)>,
}

impl Upstreams {
    /// The upstreams of these settings; the reason names a file that cannot be used.
    pub(crate) fn new(settings: &[UpstreamSettings], timeouts: UpstreamTimeouts) -> Result<Upstreams, String> {
        let made = settings.iter().map(|settings| {
            let upstream = Upstream::new(settings, timeouts)?;
            Ok((settings.place.clone(), upstream))
        });
        let mut upstreams = made.collect::<Result<Vec<_>, String>>()?;
        upstreams.sort_by_key(|(place, _)| Reverse(place.specificity()));
        Ok(Upstreams { upstreams })
    }

    /// The upstream for a request with this host and this path. A valid configuration has one for every request.
    pub(crate) fn of(&self, host: &str, path: &str) -> Option<&Upstream> {
        let mut upstreams = self.upstreams.iter();
        if let [(_, only)] = &self.upstreams[..] {
            return Some(only);
        }
        let found = upstreams.find(|(place, _)| place.contains(host, path));
        found.map(|(_, upstream)| upstream)
    }

    /// Whether the address of a request is worth a note: there are several.
    pub(crate) fn are_several(&self) -> bool {
        match &self.upstreams[..] {
            [(_, only)] => only.has_several_addresses(),
            _ => true,
        }
    }
}
