//! The networks of trusted proxies.

use actgate_yaml::Spanned;

use super::network::network;
use super::reader::ConfigReader;
use crate::gate::trusted_proxies::{TrustedProxies, UnixPeers};

impl ConfigReader<'_> {
    /// Reads the trusted proxies. Without the key there are none, so an empty list is a mistake.
    pub(super) fn trusted_proxies(&mut self, written: Option<&Spanned<Vec<Spanned<String>>>>) -> TrustedProxies {
        let mut proxies = TrustedProxies::default();
        let Some(written) = written else {
            return proxies;
        };
        if written.value.is_empty() && !self.omissions.within(written.span()) {
            let help = "remove the key to trust no proxy";
            let message = "the list of trusted proxies is empty";
            self.diagnostics.push(written.span(), message, help);
        }
        for peer in &written.value {
            if peer.value == "unix" {
                proxies.unix_peers = UnixPeers::Trusted;
            } else {
                proxies.networks.extend(self.take(peer, |text| network(text)));
            }
        }
        proxies
    }
}
