//! A server of HTTP/2 and HTTP/1.1 over TLS that answers with what it knows of the connection.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};
use tokio_rustls::server::TlsStream;

use crate::mint::certificate::{Certificate, CertificateAuthority};

/// What a server has and demands.
pub struct TlsServer {
    pub certificate: Certificate,
    /// By ALPN, in the order of preference.
    pub protocols: &'static [&'static str],
    /// The authority of the certificates that clients have to present.
    pub clients: Option<CertificateAuthority>,
}

impl TlsServer {
    /// Starts on a free port of the loopback. Each answer is the version, the name that the client asked for, the
    /// thumbprint of its certificate, and the number of the connection.
    pub fn start(self) -> SocketAddr {
        let acceptor = TlsAcceptor::from(Arc::new(self.config()));
        let connections = Arc::new(AtomicUsize::new(0));
        super::listen(move |socket| {
            let (acceptor, connections) = (acceptor.clone(), connections.clone());
            async move {
                let Ok(stream) = acceptor.accept(socket).await else {
                    return;
                };
                let number = connections.fetch_add(1, Ordering::Relaxed);
                serve(stream, number).await;
            }
        })
    }

    fn config(self) -> ServerConfig {
        let provider = Arc::new(default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone());
        let builder = builder.with_safe_default_protocol_versions().expect("the versions");
        let builder = match self.clients {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                let root = CertificateDer::from(authority.certificate());
                roots.add(root).expect("a root");
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                builder.with_client_cert_verifier(verifier.build().expect("a verifier"))
            }
        };
        let chain = vec![CertificateDer::from(self.certificate.certificate)];
        let key = PrivatePkcs8KeyDer::from(self.certificate.key).into();
        let mut config = builder.with_single_cert(chain, key).expect("the certificate");
        config.alpn_protocols = self.protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        config
    }
}

async fn serve(stream: TlsStream<TcpStream>, number: usize) {
    let tls = stream.get_ref().1;
    let is_http2 = tls.alpn_protocol() == Some(b"h2");
    let name = tls.server_name().unwrap_or("-").to_owned();
    let client = tls.peer_certificates().and_then(<[_]>::first);
    let client = client.map_or("-".to_owned(), |own| URL_SAFE_NO_PAD.encode(digest(&SHA256, own)));
    let service = service_fn(move |request: Request<Incoming>| {
        let text = format!("{:?} {name} {client} {number}", request.version());
        async move { Ok::<_, std::convert::Infallible>(Response::new(Full::new(Bytes::from(text)))) }
    });
    let io = TokioIo::new(stream);
    // A client that ends its connection is no failure.
    let _ = match is_http2 {
        true => {
            http2::Builder::new(TokioExecutor::new())
                .serve_connection(io, service)
                .await
        }
        false => http1::Builder::new().serve_connection(io, service).await,
    };
}
