//! TLS to an upstream: its roots, the certificate of the gate, and both again when their files change.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use actgate::clock::Clock;
use hyper_rustls::ConfigBuilderExt as _;
use rustls::client::WantsClientCert;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, InvalidDnsNameError, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};

use super::settings::{ClientFiles, TlsFiles};
use crate::files::certificate_fault::{CertificateFault, CertificateReports};

/// The longest file that is read.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// Which versions of HTTP are offered to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offer {
    /// HTTP/2 and HTTP/1.1.
    Both,
    /// HTTP/1.1 alone: an upgrade is a part of it.
    Http1,
}

/// The parameters of connections over TLS.
#[derive(Clone)]
pub(super) struct ClientTls {
    both: Arc<ClientConfig>,
    http1: Arc<ClientConfig>,
    /// The certificate of the gate, if it has one here.
    leaf: Option<CertificateDer<'static>>,
}

impl ClientTls {
    pub(super) fn config(&self, offer: Offer) -> Arc<ClientConfig> {
        match offer {
            Offer::Both => self.both.clone(),
            Offer::Http1 => self.http1.clone(),
        }
    }
}

/// TLS to one upstream. Its files are read again when one of them has changed.
pub(super) struct UpstreamTls {
    files: TlsFiles,
    current: Mutex<Current>,
}

struct Current {
    tls: ClientTls,
    reports: CertificateReports,
    versions: Vec<Option<Version>>,
}

impl Current {
    /// Warns of the fault of the certificate of the gate, when it is new and once a day after that.
    fn report(&mut self, files: &TlsFiles, now: u64) {
        let (Some(leaf), Some(client)) = (&self.tls.leaf, &files.client) else {
            return;
        };
        let fault = CertificateFault::of_client(leaf, now);
        if self.reports.permits(0, fault, now)
            && let Some(fault) = fault
        {
            let file = client.certificate.display();
            tracing::warn!(%file, "{fault}; replace it, and the gate reads the new one by itself");
        }
    }
}

/// What distinguishes the content of a file from a later one.
type Version = (SystemTime, u64);

impl UpstreamTls {
    /// Reads the files; the reason names the one that cannot be used.
    pub(super) fn new(files: TlsFiles) -> Result<UpstreamTls, TlsError> {
        let versions = versions(&files);
        let tls = load(&files)?;
        Ok(UpstreamTls {
            files,
            current: Mutex::new(Current {
                tls,
                reports: CertificateReports::default(),
                versions,
            }),
        })
    }

    /// The parameters for a new connection. Where a changed file cannot be used, those before it.
    pub(super) fn current(&self) -> ClientTls {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let versions = versions(&self.files);
        if versions != current.versions {
            match load(&self.files) {
                Ok(tls) => {
                    tracing::info!("the certificates for the upstream were read again");
                    current.tls = tls;
                }
                Err(error) => {
                    tracing::warn!(%error, "the changed certificates for the upstream cannot be used; the earlier ones are in use");
                }
            }
            current.versions = versions;
        }
        current.report(&self.files, Clock::system().now());
        current.tls.clone()
    }

    /// The name in the certificate of the server at `host`.
    pub(super) fn server_name(&self, host: &str) -> Result<ServerName<'static>, InvalidDnsNameError> {
        let name = self.files.server_name.as_deref().unwrap_or(host);
        let name = name
            .strip_prefix('[')
            .and_then(|name| name.strip_suffix(']'))
            .unwrap_or(name);
        ServerName::try_from(name.to_owned())
    }
}

impl fmt::Debug for UpstreamTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpstreamTls")
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}

/// Checks that the files can be used, and what is wrong at `now` with the certificate of the gate. Those of the operating
/// system are not read.
pub(crate) fn check(files: &TlsFiles, now: u64) -> Result<Option<CertificateFault>, TlsError> {
    let own_roots = match &files.roots {
        Some(path) => roots(path)?,
        None => RootCertStore::empty(),
    };
    let builder = builder()?.with_root_certificates(own_roots);
    let leaf = match &files.client {
        Some(client) => with_client(builder, client)?.1,
        None => None,
    };
    Ok(leaf.and_then(|leaf| CertificateFault::of_client(&leaf, now)))
}

/// Why there can be no TLS.
#[derive(Debug, thiserror::Error)]
#[error("{}: {reason}", .file.as_deref().unwrap_or(Path::new("tls")).display())]
pub(crate) struct TlsError {
    /// The file that cannot be used, if it is one.
    pub(crate) file: Option<PathBuf>,
    pub(crate) reason: String,
}

impl TlsError {
    fn of(file: &Path, reason: impl fmt::Display) -> TlsError {
        TlsError {
            file: Some(file.to_owned()),
            reason: reason.to_string(),
        }
    }
}

fn paths(files: &TlsFiles) -> impl Iterator<Item = &PathBuf> {
    let client = files
        .client
        .iter()
        .flat_map(|client| [&client.certificate, &client.key]);
    files.roots.iter().chain(client)
}

fn versions(files: &TlsFiles) -> Vec<Option<Version>> {
    let version = |path: &PathBuf| {
        let file = fs::metadata(path).ok()?;
        Some((file.modified().ok()?, file.len()))
    };
    paths(files).map(version).collect()
}

fn load(files: &TlsFiles) -> Result<ClientTls, TlsError> {
    let builder = match &files.roots {
        Some(path) => builder()?.with_root_certificates(roots(path)?),
        None => builder()?.with_native_roots().map_err(|error| TlsError {
            file: None,
            reason: format!("the roots of the system: {error}"),
        })?,
    };
    let (mut config, leaf) = match &files.client {
        Some(client) => with_client(builder, client)?,
        None => (builder.with_no_client_auth(), None),
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let http1 = Arc::new(config.clone());
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(ClientTls {
        both: Arc::new(config),
        http1,
        leaf,
    })
}

fn builder() -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, TlsError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    builder.map_err(|error| TlsError {
        file: None,
        reason: error.to_string(),
    })
}

fn with_client(
    builder: ConfigBuilder<ClientConfig, WantsClientCert>,
    client: &ClientFiles,
) -> Result<(ClientConfig, Option<CertificateDer<'static>>), TlsError> {
    let (chain, key) = (certificates(&client.certificate)?, private_key(&client.key)?);
    let leaf = chain.first().cloned();
    let with_key = builder.with_client_auth_cert(chain, key);
    let config = with_key.map_err(|error| TlsError::of(&client.key, error))?;
    Ok((config, leaf))
}

fn roots(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut store = RootCertStore::empty();
    for root in certificates(path)? {
        store.add(root).map_err(|error| TlsError::of(path, error))?;
    }
    Ok(store)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_slice_iter(&read(path)?).collect::<Result<Vec<_>, _>>();
    match read {
        Ok(certificates) if certificates.is_empty() => Err(TlsError::of(path, "it contains no certificate in PEM")),
        Ok(certificates) => Ok(certificates),
        Err(_) => Err(TlsError::of(path, "it is not valid PEM")),
    }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let key = PrivateKeyDer::from_pem_slice(&read(path)?);
    key.map_err(|_| TlsError::of(path, "it contains no private key in PEM"))
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    let read = || {
        let file = fs::metadata(path)?;
        if !file.is_file() || file.len() > MAX_BYTES {
            return Err(io::Error::other("it is no regular file of at most 16 MiB"));
        }
        fs::read(path)
    };
    read().map_err(|error| TlsError::of(path, error))
}
