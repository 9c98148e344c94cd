//! A client of TLS with exact parameters.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use tokio_rustls::rustls::{ALL_VERSIONS, ClientConfig, RootCertStore, SupportedProtocolVersion};

use super::{DEADLINE, request};
use crate::mint::certificate::{Certificate, CertificateAuthority};

/// A client that trusts some authorities.
#[derive(Clone)]
pub struct TlsClient {
    roots: Arc<RootCertStore>,
    versions: Vec<&'static SupportedProtocolVersion>,
    protocols: Vec<Vec<u8>>,
    certificate: Option<Arc<Certificate>>,
    name: &'static str,
}

impl TlsClient {
    /// A client of the server at 127.0.0.1 that trusts `authorities`.
    pub fn trusting(authorities: &[&CertificateAuthority]) -> Self {
        let mut roots = RootCertStore::empty();
        for authority in authorities {
            let root = CertificateDer::from(authority.certificate());
            roots.add(root).expect("a root");
        }
        Self {
            roots: Arc::new(roots),
            versions: ALL_VERSIONS.to_vec(),
            protocols: Vec::new(),
            certificate: None,
            name: "127.0.0.1",
        }
    }

    /// The same with one version of TLS.
    pub fn in_version(mut self, version: &'static SupportedProtocolVersion) -> Self {
        self.versions = vec![version];
        self
    }

    /// The same with these protocols (ALPN).
    pub fn offering(mut self, protocols: &[&str]) -> Self {
        self.protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        self
    }

    /// The same with a certificate of the client.
    pub fn with_certificate(mut self, certificate: Certificate) -> Self {
        self.certificate = Some(Arc::new(certificate));
        self
    }

    /// The same for the server of this name.
    pub fn for_name(mut self, name: &'static str) -> Self {
        self.name = name;
        self
    }

    fn config(&self) -> ClientConfig {
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
        let builder = builder.with_protocol_versions(&self.versions).expect("the versions");
        let builder = builder.with_root_certificates(self.roots.clone());
        let mut config = match &self.certificate {
            None => builder.with_no_client_auth(),
            Some(own) => {
                let chain = vec![CertificateDer::from(own.certificate.clone())];
                let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(own.key.clone()));
                builder.with_client_auth_cert(chain, key).expect("the certificate")
            }
        };
        config.alpn_protocols.clone_from(&self.protocols);
        config
    }

    /// Connects.
    pub async fn connect(&self, address: SocketAddr) -> io::Result<TlsStream<TcpStream>> {
        let connected = async {
            let socket = TcpStream::connect(address).await?;
            let name = ServerName::try_from(self.name).map_err(io::Error::other)?;
            TlsConnector::from(Arc::new(self.config())).connect(name, socket).await
        };
        timeout(DEADLINE, connected).await.expect("a handshake in time")
    }

    /// The whole answer to a `GET` by HTTP/1.1, as text.
    pub async fn get(&self, address: SocketAddr, path: &str, fields: &[&str]) -> io::Result<String> {
        self.exchange(address, &request("GET", path, fields)).await
    }

    /// The whole answer to these bytes, as text; the server closes the connection.
    pub async fn exchange(&self, address: SocketAddr, request: &[u8]) -> io::Result<String> {
        let answered = async {
            let mut socket = self.connect(address).await?;
            socket.write_all(request).await?;
            let mut answer = Vec::new();
            socket.read_to_end(&mut answer).await?;
            Ok(String::from_utf8_lossy(&answer).into_owned())
        };
        timeout(DEADLINE, answered).await.expect("an answer in time")
    }
}
