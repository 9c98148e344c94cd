//! TLS with clients (RFC 8446, and RFC 5246 for TLS 1.2).

pub(crate) mod certificates;

use std::io;
use std::sync::{Arc, RwLock};

use actgate::request::ClientCertificate;
use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, ProducesTickets, WebPkiClientVerifier};
use rustls::version::{TLS12, TLS13};
use rustls::{Error, ServerConfig};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use self::certificates::{ByName, ClientAuthorities, ServerCertificate, provider};
use crate::server::listen::socket::Socket;
use crate::server::preface::{Protocol, Rewound};

/// The names of the protocols in TLS (RFC 7301), the preferred one first.
const HTTP2: &[u8] = b"h2";
const HTTP1: &[u8] = b"http/1.1";

/// What is read from the files of a configuration.
#[derive(Debug)]
pub(crate) struct TlsMaterial {
    /// The first is for clients that ask for no other.
    pub(crate) certificates: Vec<ServerCertificate>,
    pub(crate) clients: Option<ClientAuthentication>,
}

/// How clients authenticate by certificates.
#[derive(Debug)]
pub(crate) struct ClientAuthentication {
    pub(crate) authorities: ClientAuthorities,
    pub(crate) demand: Expectation,
}

/// Whether a client must have a certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Expectation {
    /// It may have none. One that it has must be valid.
    #[default]
    Optional,
    /// It must have a valid one.
    Required,
}

impl Expectation {
    /// As it is written.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Expectation::Optional => "optional",
            Expectation::Required => "required",
        }
    }
}

/// The server side of TLS. Its certificates can be replaced while connections are accepted.
#[derive(Debug)]
pub(crate) struct Tls {
    /// It is locked for as long as a pointer is copied.
    current: RwLock<Arc<ServerConfig>>,
    /// Its keys are renewed by themselves, and outlive the certificates.
    tickets: Arc<dyn ProducesTickets>,
}

/// A connection after its handshake.
pub(super) struct Handshake {
    pub(super) socket: Box<TlsStream<Rewound<Socket>>>,
    pub(super) protocol: Protocol,
    pub(super) client_certificate: Option<ClientCertificate>,
}

impl Tls {
    /// TLS 1.2 and 1.3 with `material`.
    pub(crate) fn new(material: TlsMaterial) -> Result<Tls, Error> {
        let tickets = Ticketer::new()?;
        let config = configuration(material, &tickets)?;
        Ok(Tls {
            current: RwLock::new(Arc::new(config)),
            tickets,
        })
    }

    /// Uses `material` for the connections from now on.
    pub(crate) fn replace(&self, material: TlsMaterial) -> Result<(), Error> {
        let config = Arc::new(configuration(material, &self.tickets)?);
        *self.current.write().unwrap_or_else(|poisoned| poisoned.into_inner()) = config;
        Ok(())
    }

    /// Takes the server's part in a handshake.
    pub(super) async fn accept(&self, socket: Rewound<Socket>) -> io::Result<Handshake> {
        let config = self
            .current
            .read()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
            .clone();
        let socket = Box::new(TlsAcceptor::from(config).accept(socket).await?);
        let (_, session) = socket.get_ref();
        let protocol = match session.alpn_protocol() {
            Some(HTTP2) => Protocol::Http2,
            _ => Protocol::Http1,
        };
        let presented = session.peer_certificates().and_then(<[_]>::first);
        let client_certificate = presented.map(|leaf| ClientCertificate::from_der(leaf));
        Ok(Handshake {
            socket,
            protocol,
            client_certificate,
        })
    }
}

fn configuration(material: TlsMaterial, tickets: &Arc<dyn ProducesTickets>) -> Result<ServerConfig, Error> {
    let TlsMaterial { certificates, clients } = material;
    let authenticates = clients.is_some();
    let verifier = clients.map_or_else(|| Ok(WebPkiClientVerifier::no_client_auth()), verifier)?;
    let builder = ServerConfig::builder_with_provider(Arc::new(provider()));
    let builder = builder.with_protocol_versions(&[&TLS13, &TLS12])?;
    let builder = builder.with_client_cert_verifier(verifier);
    let mut config = builder.with_cert_resolver(Arc::new(ByName(certificates)));
    config.alpn_protocols = vec![HTTP2.to_vec(), HTTP1.to_vec()];
    if authenticates {
        // A resumed session would not verify the certificate of the client again.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    } else {
        config.ticketer = tickets.clone();
    }
    Ok(config)
}

fn verifier(clients: ClientAuthentication) -> Result<Arc<dyn ClientCertVerifier>, Error> {
    let builder = clients.authorities.verifier();
    let builder = match clients.demand {
        Expectation::Optional => builder.allow_unauthenticated(),
        Expectation::Required => builder,
    };
    builder.build().map_err(|error| Error::General(error.to_string()))
}
