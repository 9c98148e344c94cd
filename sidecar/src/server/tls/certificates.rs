//! The certificates with which the gate authenticates itself, and those that it accepts of clients.

use std::sync::Arc;

use rustls::client::verify_server_name;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys, RootCertStore};

use crate::files::certificate_fault::CertificateFault;

/// A certificate with its chain and its key.
#[derive(Clone, Debug)]
pub(crate) struct ServerCertificate(Arc<CertifiedKey>);

/// Which file of a pair cannot be used, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PairError {
    Certificate(&'static str),
    Key(&'static str),
}

impl ServerCertificate {
    /// Reads a chain, which begins with the certificate of the server, and its key, both in PEM.
    pub(crate) fn read(certificate: &str, key: &str) -> Result<ServerCertificate, PairError> {
        let chain = certificates(certificate).map_err(PairError::Certificate)?;
        let [leaf, ..] = &*chain else {
            return Err(PairError::Certificate(match holds_private_key(certificate) {
                true => "there is a private key in the file, and no certificate",
                false => "there is no certificate in PEM",
            }));
        };
        ParsedCertificate::try_from(leaf)
            .map_err(|_| PairError::Certificate("the first certificate cannot be read as X.509"))?;
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|_| match certificates(key) {
            Ok(found) if !found.is_empty() => "there is a certificate in the file, and no private key",
            _ => "there is no private key in PEM, or it is encrypted",
        });
        let key = key.map_err(PairError::Key)?;
        let made = CertifiedKey::from_der(chain, key, &provider()).map_err(|error| match error {
            Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                PairError::Key("the key is not that of the certificate")
            }
            _ => PairError::Key("the key is of a kind that is not supported"),
        })?;
        Ok(ServerCertificate(Arc::new(made)))
    }

    /// What a client finds wrong with the certificate at `now`, or soon after it; none where nothing is.
    pub(crate) fn fault(&self, now: u64) -> Option<CertificateFault> {
        CertificateFault::of_server(self.0.cert.first()?, now)
    }

    fn parsed(&self) -> Option<ParsedCertificate<'_>> {
        ParsedCertificate::try_from(self.0.cert.first()?).ok()
    }

    fn is_for(&self, name: &ServerName<'_>) -> bool {
        let parsed = self.parsed();
        parsed.is_some_and(|certificate| verify_server_name(&certificate, name).is_ok())
    }
}

/// Chooses among the certificates of a gate.
#[derive(Debug)]
pub(super) struct ByName(pub(super) Vec<ServerCertificate>);

impl ResolvesServerCert for ByName {
    /// The first certificate for the name that the client asks for (SNI, RFC 6066 section 3), if possible one whose key
    /// the client supports. The first of all, where no name is asked for or no certificate has it.
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let [first, further @ ..] = &*self.0 else {
            return None;
        };
        let name = hello.server_name().and_then(|name| ServerName::try_from(name).ok());
        let chosen = match name {
            Some(name) if !further.is_empty() => {
                let named = || self.0.iter().filter(|certificate| certificate.is_for(&name));
                let schemes = hello.signature_schemes();
                let supported = named().find(|certificate| certificate.0.key.choose_scheme(schemes).is_some());
                supported.or_else(|| named().next())
            }
            _ => None,
        };
        Some(chosen.unwrap_or(first).0.clone())
    }
}

/// The authorities that certificates of clients are from.
#[derive(Clone, Debug)]
pub(crate) struct ClientAuthorities(Arc<RootCertStore>);

impl PartialEq for ClientAuthorities {
    fn eq(&self, other: &ClientAuthorities) -> bool {
        self.0.roots == other.0.roots
    }
}

impl ClientAuthorities {
    /// Reads certificates in PEM.
    pub(crate) fn read(text: &str) -> Result<ClientAuthorities, &'static str> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(text)? {
            let added = roots.add(certificate);
            added.map_err(|_| "a certificate cannot be read as X.509")?;
        }
        match roots.is_empty() {
            true => Err("there is no certificate in PEM"),
            false => Ok(ClientAuthorities(Arc::new(roots))),
        }
    }

    pub(super) fn verifier(&self) -> rustls::server::ClientCertVerifierBuilder {
        WebPkiClientVerifier::builder_with_provider(self.0.clone(), Arc::new(provider()))
    }
}

fn certificates(text: &str) -> Result<Vec<CertificateDer<'static>>, &'static str> {
    let certificates = CertificateDer::pem_slice_iter(text.as_bytes());
    let certificates: Result<_, _> = certificates.collect();
    certificates.map_err(|_| "the PEM is malformed")
}

/// Whether a text contains a private key in PEM, which may be encrypted.
fn holds_private_key(text: &str) -> bool {
    let labels = text.lines().filter_map(|line| line.trim_end().strip_suffix("-----"));
    labels.into_iter().any(|label| label.ends_with("PRIVATE KEY"))
}

/// The one crypto library, with all that it supports.
pub(super) fn provider() -> CryptoProvider {
    aws_lc_rs::default_provider()
}
