//! The headers that carry the tokens of issuers: `header` of an issuer.

use actgate::{ConfigError, TrustedIssuer};
use actgate_yaml::Spanned;
use http::HeaderName;

use super::reader::ConfigReader;
use crate::config::document::IssuerDocument;
use crate::config::settings::IssuerSettings;
use crate::headers::identity::IdentityHeaders;

impl ConfigReader<'_> {
    /// Sets the header of the tokens of an issuer.
    pub(super) fn carrier(&mut self, trusted: TrustedIssuer, document: &IssuerDocument) -> TrustedIssuer {
        let Some(written) = &document.header else {
            return trusted;
        };
        let Ok(header) = HeaderName::try_from(&*written.value) else {
            let message = format!("`{}` is not a header name", written.value);
            self.diagnostics
                .push(written.span(), message, "write letters, digits and `-`");
            return trusted;
        };
        let (message, help) = match trusted.clone().header(header) {
            Ok(issuer) => return issuer,
            Err(ConfigError::Header { reason, help, .. }) => {
                let message = format!("the header `{}` cannot carry tokens: {reason}", written.value);
                (message, help)
            }
            Err(error) => (error.to_string(), "name the header that the proxy in front sets"),
        };
        self.diagnostics.push(written.span(), message, help);
        trusted
    }

    /// Checks the headers of all issuers with the identity headers.
    pub(super) fn check_carriers(
        &mut self,
        issuers: &[Spanned<IssuerDocument>],
        settings: &[IssuerSettings],
        identity: &IdentityHeaders,
    ) {
        let is_set = |written: &&Spanned<String>| {
            let set = settings.iter().filter_map(|issuer| issuer.trusted.carrier());
            set.into_iter()
                .any(|header| header.as_str().eq_ignore_ascii_case(&written.value))
        };
        for written in issuers
            .iter()
            .filter_map(|issuer| issuer.value.header.as_ref())
            .filter(is_set)
        {
            let name = written.value.as_str();
            if identity.owns(name) {
                let message = format!("`{name}` is an identity header, which no client may send");
                let help = "name the header that the proxy in front sets, or choose another identity header";
                self.diagnostics.push(written.span(), message, help);
            }
        }
    }
}
