//! The lines of `check` about connections: upstreams, TLS, proxies, web pages.

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;

use http::HeaderValue;
use serde::Serialize;

use crate::admin::Reach;
use crate::config::{Settings, TlsSettings};
use crate::gate::trusted_proxies::UnixPeers;
use crate::proxy::upstream::settings::{Protocol, UpstreamSettings};

/// The settings about connections.
#[derive(Serialize)]
pub(super) struct ConnectionSummary<'a> {
    /// None where one upstream is for every request.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    upstreams: Vec<UpstreamSummary<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls: Option<TlsSummary<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    proxy_protocol: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    trusted_proxies: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cors_origins: Vec<&'a str>,
}

#[derive(Serialize)]
struct UpstreamSummary<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hosts: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a str>,
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    ca_file: Option<&'a Path>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<&'a Path>,
}

#[derive(Serialize)]
struct TlsSummary<'a> {
    certificates: Vec<&'a Path>,
    /// The roots of the certificates of clients.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_ca_file: Option<&'a Path>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_certificates: Option<&'static str>,
}

impl<'a> ConnectionSummary<'a> {
    pub(super) fn of(settings: &'a Settings) -> ConnectionSummary<'a> {
        let proxies = settings.trusted_proxies.networks.iter().map(ToString::to_string);
        let unix = match settings.trusted_proxies.unix_peers {
            UnixPeers::Trusted => Some("unix".to_owned()),
            UnixPeers::Untrusted => None,
        };
        let origins = settings.cors.iter().flat_map(|cors| &cors.origins);
        let has_one = matches!(&settings.upstreams[..], [only] if only.place.is_everything() && !has_files(only));
        ConnectionSummary {
            upstreams: match has_one {
                true => Vec::new(),
                false => settings.upstreams.iter().map(UpstreamSummary::of).collect(),
            },
            tls: settings.tls.as_ref().map(TlsSummary::of),
            proxy_protocol: settings
                .proxy_protocol
                .networks
                .iter()
                .map(ToString::to_string)
                .collect(),
            trusted_proxies: proxies.chain(unix).collect(),
            cors_origins: origins
                .filter_map(|origin: &HeaderValue| origin.to_str().ok())
                .collect(),
        }
    }

    /// Whether the upstreams have lines of their own.
    pub(super) fn lists_upstreams(&self) -> bool {
        !self.upstreams.is_empty()
    }
}

/// Whether TLS to an upstream has files.
fn has_files(upstream: &UpstreamSettings) -> bool {
    matches!(&upstream.protocol, Protocol::Tls(files) if files.roots.is_some() || files.client.is_some())
}

impl<'a> UpstreamSummary<'a> {
    fn of(settings: &'a UpstreamSettings) -> UpstreamSummary<'a> {
        let files = match &settings.protocol {
            Protocol::Tls(files) => Some(files),
            Protocol::Http1 | Protocol::Http2 => None,
        };
        UpstreamSummary {
            hosts: settings.place.hosts().collect(),
            path: Some(settings.place.prefix().as_str()).filter(|path| !path.is_empty()),
            url: settings.to_string(),
            ca_file: files.and_then(|files| files.roots.as_deref()),
            certificate: files.and_then(|files| Some(&*files.client.as_ref()?.certificate)),
        }
    }
}

impl<'a> TlsSummary<'a> {
    fn of(settings: &'a TlsSettings) -> TlsSummary<'a> {
        let clients = settings.client_certificates.as_ref();
        TlsSummary {
            certificates: settings.pairs.iter().map(|pair| &*pair.certificate).collect(),
            client_ca_file: clients.map(|clients| &*clients.ca_file),
            client_certificates: clients.map(|clients| clients.demand.word()),
        }
    }
}

impl fmt::Display for UpstreamSummary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = match (&self.hosts[..], self.path) {
            ([], None) => "every other request".to_owned(),
            ([], Some(path)) => path.to_owned(),
            (hosts, path) => format!("{} {}", hosts.join(", "), path.unwrap_or_default()),
        };
        write!(f, "{}  ->  {}", place.trim_end(), self.url)?;
        if let Some(file) = self.ca_file {
            write!(f, " (ca_file: {})", file.display())?;
        }
        if let Some(file) = self.certificate {
            write!(f, " (certificate: {})", file.display())?;
        }
        Ok(())
    }
}

impl fmt::Display for ConnectionSummary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for upstream in &self.upstreams {
            writeln!(f, "  upstream  {upstream}")?;
        }
        if let Some(tls) = &self.tls {
            let files: Vec<_> = tls.certificates.iter().map(|file| file.display().to_string()).collect();
            writeln!(f, "  tls       {}", files.join(", "))?;
            if let (Some(demand), Some(file)) = (tls.client_certificates, tls.client_ca_file) {
                writeln!(
                    f,
                    "            client certificates: {demand} (ca_file: {})",
                    file.display()
                )?;
            }
        }
        let mut line = |name: &str, values: String| match values.is_empty() {
            true => Ok(()),
            false => writeln!(f, "  {name}  {values}"),
        };
        line("proxies ", self.trusted_proxies.join(", "))?;
        line("PROXY   ", self.proxy_protocol.join(", "))?;
        line("cors    ", self.cors_origins.join(", "))
    }
}

/// The lines about the admin listeners, each with the paths that it serves.
pub(super) fn admin_lines(addresses: &[SocketAddr], publishes_keys: bool) -> String {
    if addresses.is_empty() {
        return "  admin     none\n".to_owned();
    }
    let lines = addresses.iter().enumerate().map(|(number, address)| {
        let (title, reach) = (if number == 0 { "admin" } else { "" }, Reach::of(*address));
        let keys = match (reach, publishes_keys) {
            (Reach::Loopback, true) => ", and /jwks",
            _ => "",
        };
        format!("  {title:<8}  {address} ({}{keys})\n", reach.paths())
    });
    lines.collect()
}
