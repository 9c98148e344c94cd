//! The decision APIs.

use actgate_yaml::Spanned;

use super::addresses::OwnAddresses;
use super::reader::ConfigReader;
use super::values::{InvalidValue, invalid};
use crate::config::document::decision_api::{DecisionApiDocument, ForwardAuthDocument};
use crate::config::settings::{AuthZenSettings, DecisionApiSettings};
use crate::decision_api::Validate;
use crate::decision_api::ext_authz::ExtAuthz;
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
        let ext_authz = document.ext_authz.as_ref().map(|written| ExtAuthz {
            bodies: written.value.bodies,
            mcp: written.value.mcp.as_ref().map(|mcp| mcp.value.from).unwrap_or_default(),
            forwarded_headers: written.value.forwarded_headers,
        });
        let validate = match document.validate {
            true => Validate::Answered,
            false => Validate::NotServed,
        };
        let authzen = document.authzen.as_ref();
        let url = authzen.and_then(|written| written.value.url.as_ref());
        let url = self.optional(url, |text| decision_point_url(text));
        let authzen = authzen.map(|_| AuthZenSettings { url });
        let has_none = document.forward_auth.is_none() && ext_authz.is_none() && authzen.is_none();
        if has_none && validate == Validate::NotServed && !self.omissions.within(span) {
            let help = "add `forward_auth: nginx`, `ext_authz: {}`, `authzen: {}` or `validate: true`, or remove `decision_api`";
            self.diagnostics.push(span, "no decision API is chosen", help);
        }
        Some(DecisionApiSettings {
            listen: address?,
            forward_auth,
            ext_authz,
            authzen,
            validate,
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

/// Reads the URL of a policy decision point, without a slash at its end.
fn decision_point_url(text: &str) -> Result<String, InvalidValue> {
    let url = url::Url::parse(text).ok();
    let url = url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    match url.filter(|url| url.query().is_none() && url.fragment().is_none()) {
        Some(url) => Ok(url.as_str().trim_end_matches('/').to_owned()),
        None => {
            let help = "write it without query and fragment, as in https://pdp.example.com";
            invalid(format!("`{text}` is not the URL of a policy decision point"), help)
        }
    }
}
