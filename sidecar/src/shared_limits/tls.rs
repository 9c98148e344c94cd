//! TLS to the store.

use std::sync::Arc;

use hyper_rustls::ConfigBuilderExt as _;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};

/// The parameters of connections over TLS.
#[derive(Clone, Debug)]
pub(super) struct Tls {
    pub(super) config: Arc<ClientConfig>,
    /// The name in the certificate of the server.
    pub(super) name: ServerName<'static>,
}

impl Tls {
    /// `roots` (PEM) are in place of those of the system.
    ///
    /// # Errors
    /// Why there can be no TLS.
    pub(super) fn new(host: &str, roots: Option<&str>) -> Result<Tls, String> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.map_err(|error| error.to_string())?;
        let builder = match roots {
            None => builder.with_native_roots().map_err(|error| error.to_string())?,
            Some(pem) => {
                let mut store = RootCertStore::empty();
                for root in CertificateDer::pem_slice_iter(pem.as_bytes()) {
                    let root = root.map_err(|error| error.to_string())?;
                    store.add(root).map_err(|error| error.to_string())?;
                }
                builder.with_root_certificates(store)
            }
        };
        let name = ServerName::try_from(host.to_owned()).map_err(|_| "the host has no name for a certificate")?;
        Ok(Tls {
            config: Arc::new(builder.with_no_client_auth()),
            name,
        })
    }
}
