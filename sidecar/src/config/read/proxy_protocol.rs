//! The networks whose connections begin with a PROXY header.

use actgate_yaml::Spanned;

use super::network::network;
use super::reader::ConfigReader;
use crate::server::listen::proxy_protocol::ProxyProtocol;

impl ConfigReader<'_> {
    /// Reads the networks of load balancers. Without the key no connection begins with a PROXY header, so an empty list is
    /// a mistake.
    pub(super) fn proxy_protocol(&mut self, written: Option<&Spanned<Vec<Spanned<String>>>>) -> ProxyProtocol {
        let Some(written) = written else {
            return ProxyProtocol::default();
        };
        if written.value.is_empty() && !self.omissions.within(written.span()) {
            let help = "remove the key if no load balancer writes PROXY headers";
            let message = "the list of networks is empty";
            self.diagnostics.push(written.span(), message, help);
        }
        let networks = written.value.iter();
        ProxyProtocol {
            networks: networks
                .filter_map(|text| self.take(text, |text| network(text)))
                .collect(),
        }
    }
}
