//! The decision APIs.

use actgate_yaml::Spanned;

use super::addresses::OwnAddresses;
use super::reader::ConfigReader;
use crate::config::document::decision_api::{DecisionApiDocument, ForwardAuthDocument};
use crate::config::settings::DecisionApiSettings;
use crate::decision_api::forward_auth::ForwardAuth;
use crate::server::listen::address::ListenAddress;

impl ConfigReader<'_> {
    /// Reads the decision APIs; none without the key. `own` are the other addresses of the gate.
    pub(super) fn decision_api(
        &mut self,
        written: Option<&Spanned<DecisionApiDocument>>,
        own: &OwnAddresses,
    ) -> Option<DecisionApiSettings> {
        let Spanned { value: document, .. } = written?;
        let span = written.map(Spanned::span).unwrap_or_default();
        let listen = match self.omissions.within(span) {
            true => document.listen.as_ref(),
            false => self.required("listen", document.listen.as_ref(), span),
        };
        let address = self.listen(listen);
        if let (Some(address), Some(listen)) = (&address, listen) {
            if *address == ListenAddress::Systemd {
                let help = "write an IP address and a port, as in 127.0.0.1:9191, or `unix:PATH`";
                let message = "systemd passes one socket, which is for clients";
                self.diagnostics.push(listen.span(), message, help);
            }
            if let Some(name) = own.same(address) {
                let message = format!("`decision_api` and `{name}` are the same address");
                self.diagnostics
                    .push(listen.span(), message, "give `decision_api` another port");
            }
        }
        let forward_auth = document.forward_auth.as_ref();
        let forward_auth = forward_auth.and_then(|written| self.forward_auth(written));
        if document.forward_auth.is_none() && !self.omissions.within(span) {
            let help = "add `forward_auth: nginx`, or remove `decision_api`";
            self.diagnostics.push(span, "no decision API is chosen", help);
        }
        Some(DecisionApiSettings {
            listen: address?,
            forward_auth,
        })
    }

    fn forward_auth(&mut self, written: &Spanned<ForwardAuthDocument>) -> Option<ForwardAuth> {
        let proxy = match self.omissions.within(written.span()) {
            true => written.value.proxy.as_ref(),
            false => self.required("proxy", written.value.proxy.as_ref(), written.span()),
        };
        Some(ForwardAuth {
            proxy: proxy?.value,
            bodies: written.value.bodies,
        })
    }
}
