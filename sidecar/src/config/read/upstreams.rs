//! The upstreams: addresses, protocol, TLS, pool, and the requests of each.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use actgate::clock::Clock;
use actgate::request::PathPrefix;
use actgate_yaml::{Diagnostic, Span, Spanned};
use rustls::pki_types::ServerName;

use super::addresses::OwnAddresses;
use super::reader::ConfigReader;
use super::secret_file::FileFindings;
use super::upstream_address::{self, AddressScheme};
use super::values::{self, InvalidValue, invalid};
use crate::config::document::Document;
use crate::config::document::upstreams::{PoolDocument, UpstreamDocument, UpstreamMapping};
use crate::proxy::upstream::place::Place;
use crate::proxy::upstream::settings::{
    Address, ClientFiles, MAX_ADDRESSES, PoolSettings, Protocol, TlsFiles, UpstreamSettings,
};
use crate::proxy::upstream::tls;

const UP_TO_AN_HOUR: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(3600);
const UP_TO_A_DAY: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(24 * 3600);

impl ConfigReader<'_> {
    /// Reads `upstream`, or `upstreams`. None if there is none that is valid.
    pub(super) fn upstreams(
        &mut self,
        document: &Document,
        own: &OwnAddresses,
        findings: &mut FileFindings,
    ) -> Option<Vec<UpstreamSettings>> {
        if !self.forwards(document) {
            return Some(Vec::new());
        }
        let Some(written) = &document.upstreams else {
            let written = self.required("upstream", document.upstream.as_ref(), Span::default())?;
            let upstream = match &written.value {
                UpstreamDocument::Url(url) => {
                    let url = Spanned {
                        value: url.clone(),
                        line: written.line,
                        column: written.column,
                    };
                    self.addressed(&[url], own).map(|(scheme, addresses)| UpstreamSettings {
                        addresses,
                        protocol: protocol(scheme, TlsFiles::default()),
                        pool: PoolSettings::default(),
                        place: Place::default(),
                    })
                }
                UpstreamDocument::Mapping(mapping) => {
                    let places = [
                        mapping.hosts.as_ref().map(Spanned::span),
                        mapping.path.as_ref().map(Spanned::span),
                    ];
                    for place in places.into_iter().flatten() {
                        let message = "`hosts` and `path` choose among several upstreams";
                        self.diagnostics
                            .push(place, message, "write it in an entry of `upstreams`");
                    }
                    self.upstream(mapping, written.span(), own, findings)
                }
            };
            return upstream.map(|upstream| vec![upstream]);
        };
        if let Some(single) = &document.upstream {
            let message = "`upstream` and `upstreams` exclude each other";
            let help = "write it as an entry of `upstreams`, without `hosts` and `path` for all other requests";
            self.diagnostics.push(single.span(), message, help);
        }
        let mut read: Vec<UpstreamSettings> = Vec::new();
        for entry in &written.value {
            let Some(upstream) = self.upstream(&entry.value, entry.span(), own, findings) else {
                continue;
            };
            let other = read.iter().find_map(|other| upstream.place.overlap(&other.place));
            if let Some(common) = other {
                let message = format!("two upstreams have {common}");
                let help = "name other hosts or another path for one of them; several addresses of one service are a list in `url`";
                self.diagnostics.push(entry.span(), message, help);
            }
            read.push(upstream);
        }
        let is_whole = read.len() == written.value.len() && !self.omissions.within(written.span());
        if is_whole && !read.iter().any(|upstream| upstream.place.is_everything()) {
            let message = "no upstream receives the requests that match none of these";
            let help = "add one without `hosts` and `path`";
            self.diagnostics.push(written.span(), message, help);
        }
        (!read.is_empty()).then_some(read)
    }

    fn upstream(
        &mut self,
        document: &UpstreamMapping,
        place: Span,
        own: &OwnAddresses,
        findings: &mut FileFindings,
    ) -> Option<UpstreamSettings> {
        let pool = self.pool(&document.pool);
        let requests = self.place(document);
        let urls = self.required("url", document.url.as_ref(), place)?;
        if urls.value.is_empty() && !self.omissions.within(urls.span()) {
            self.diagnostics
                .push(urls.span(), "the list of addresses is empty", "write at least one URL");
        }
        if urls.value.len() > MAX_ADDRESSES {
            let message = format!("there are more than {MAX_ADDRESSES} addresses");
            self.diagnostics
                .push(urls.span(), message, "write a name that leads to all of them");
        }
        let (scheme, addresses) = self.addressed(&urls.value, own)?;
        let files = self.tls_files(document, scheme, findings);
        Some(UpstreamSettings {
            addresses,
            protocol: protocol(scheme, files),
            pool,
            place: requests?,
        })
    }

    /// The addresses, which have one scheme. None if one is invalid.
    fn addressed(&mut self, urls: &[Spanned<String>], own: &OwnAddresses) -> Option<(AddressScheme, Vec<Address>)> {
        let mut read = Vec::new();
        for url in urls {
            let Some((scheme, address)) = self.take(url, |text| upstream_address::read(text)) else {
                continue;
            };
            let address = match address {
                Address::Unix(path) => Address::Unix(self.beside(&path.to_string_lossy())),
                address => address,
            };
            if let Some(name) = own.reached_by(&address) {
                let message = format!("`upstream` points to this gate's own `{name}` address");
                let help = "write the address of the service behind the gate";
                self.diagnostics.push(url.span(), message, help);
            }
            if let Some((first, _)) = read.first()
                && *first != scheme
            {
                let message = "the addresses of one upstream have different schemes";
                let help = "write addresses of one service; another service is another entry of `upstreams`";
                self.diagnostics.push(url.span(), message, help);
            }
            if read.contains(&(scheme, address.clone())) {
                self.diagnostics
                    .push(url.span(), "this address is written twice", "keep one of them");
            }
            read.push((scheme, address));
        }
        let (scheme, _) = *read.first()?;
        let addresses: Vec<_> = read.into_iter().map(|(_, address)| address).collect();
        (addresses.len() == urls.len()).then_some((scheme, addresses))
    }

    fn pool(&mut self, document: &PoolDocument) -> PoolSettings {
        let mut pool = PoolSettings::default();
        self.duration(document.idle.as_ref(), UP_TO_AN_HOUR, &mut pool.idle);
        self.duration(document.lifetime.as_ref(), UP_TO_A_DAY, &mut pool.lifetime);
        let size = self.optional(document.size.as_ref(), |size| match size {
            1..=65_536 => Ok(*size as usize),
            _ => invalid(
                format!("{size} connections are out of range: from 1 to 65536"),
                "write a number in this range; `idle: 0s` keeps none",
            ),
        });
        pool.size = size.unwrap_or(pool.size);
        pool
    }

    fn place(&mut self, document: &UpstreamMapping) -> Option<Place> {
        let mut hosts = Vec::new();
        if let Some(written) = &document.hosts {
            if written.value.is_empty() && !self.omissions.within(written.span()) {
                let help = "name the hosts of the upstream, or remove the key for every host";
                self.diagnostics
                    .push(written.span(), "the list of hosts is empty", help);
            }
            for host in &written.value {
                hosts.push(self.take(host, |text| host_name(text)));
            }
        }
        let path = match &document.path {
            Some(written) => self.take(written, |text| path(text)),
            None => Some(PathPrefix::default()),
        };
        let hosts: Option<Vec<String>> = hosts.into_iter().collect();
        Some(Place::new(hosts?, path?))
    }

    fn tls_files(
        &mut self,
        document: &UpstreamMapping,
        scheme: AddressScheme,
        findings: &mut FileFindings,
    ) -> TlsFiles {
        let keys = [
            ("ca_file", &document.ca_file),
            ("certificate", &document.certificate),
            ("key", &document.key),
            ("server_name", &document.server_name),
        ];
        if scheme != AddressScheme::Https {
            for (key, written) in keys {
                if let Some(written) = written {
                    let message = format!("`{key}` has no effect: the upstream is not reached over https");
                    self.diagnostics
                        .push(written.span(), message, "remove it, or write https:// in `url`");
                }
            }
            return TlsFiles::default();
        }
        let beside = |written: &Option<Spanned<String>>| written.as_ref().map(|written| self.beside(&written.value));
        let files = TlsFiles {
            roots: beside(&document.ca_file),
            client: match (beside(&document.certificate), beside(&document.key)) {
                (Some(certificate), Some(key)) => Some(ClientFiles { certificate, key }),
                _ => None,
            },
            server_name: document.server_name.as_ref().map(|name| name.value.clone()),
        };
        if let Some(name) = &document.server_name {
            self.take(name, |text| match ServerName::try_from(text.as_str()) {
                Ok(_) => Ok(()),
                Err(_) => invalid(
                    format!("`{text}` is not a name of a server"),
                    "write the name in its certificate, as in api.internal",
                ),
            });
        }
        match (&document.certificate, &document.key) {
            (Some(alone), None) => self.unpaired(alone, "certificate", "key"),
            (None, Some(alone)) => self.unpaired(alone, "key", "certificate"),
            _ => {}
        }
        self.check_files(document, &files, findings);
        files
    }

    fn unpaired(&mut self, written: &Spanned<String>, key: &str, other: &str) {
        let message = format!("`{key}` needs `{other}`");
        self.diagnostics
            .push(written.span(), message, format!("add `{other}: FILE`"));
    }

    /// Checks the files. One that does not exist is no mistake yet: the machine that checks a configuration may not be the
    /// one that runs it.
    fn check_files(&mut self, document: &UpstreamMapping, files: &TlsFiles, findings: &mut FileFindings) {
        let written = [&document.ca_file, &document.certificate, &document.key];
        let written: Vec<(PathBuf, &Spanned<String>)> = written
            .into_iter()
            .flatten()
            .map(|written| (self.beside(&written.value), written))
            .collect();
        let mut is_missing = false;
        for (path, written) in &written {
            if std::fs::metadata(path).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound) {
                is_missing = true;
                findings.missing.extend([Diagnostic {
                    file: Some(self.file.to_owned()),
                    ..Diagnostic::new(written.span(), format!("`{}`: no such file", path.display()), FILE_HELP)
                }]);
            }
        }
        if is_missing {
            return;
        }
        match tls::check(files, Clock::system().now()) {
            Ok(None) => {}
            Ok(Some(fault)) => {
                if let (Some(client), Some(written)) = (&files.client, &document.certificate) {
                    let message = format!("`{}`: {fault}", client.certificate.display());
                    let help = "replace it; a running gate reads the new one by itself".to_owned();
                    findings.warnings.extend([self.finding(written, message, help)]);
                }
            }
            Err(error) => {
                let place = written.iter().find(|(path, _)| Some(path) == error.file.as_ref());
                let place = place.map_or(Span::default(), |(_, written)| written.span());
                self.diagnostics.push(place, error.to_string(), FILE_HELP);
            }
        }
    }
}

const FILE_HELP: &str = "write the path of a file in PEM where `actgate run` finds it";

fn protocol(scheme: AddressScheme, files: TlsFiles) -> Protocol {
    match scheme {
        AddressScheme::Http | AddressScheme::Unix => Protocol::Http1,
        AddressScheme::H2c => Protocol::Http2,
        AddressScheme::Https => Protocol::Tls(files),
    }
}

fn host_name(text: &str) -> Result<String, InvalidValue> {
    values::host(text)?;
    let url = url::Url::parse(&format!("http://{text}"));
    let plain = url.ok().filter(|url| url.port().is_none());
    match plain.as_ref().and_then(|url| url.host_str()) {
        Some(host) if text.eq_ignore_ascii_case(host) => Ok(text.to_ascii_lowercase()),
        _ => invalid(
            format!("`{text}` is not the name of a host, without a port"),
            "write it as clients send it, as in api.example.com",
        ),
    }
}

fn path(text: &str) -> Result<PathPrefix, InvalidValue> {
    const HELP: &str = "write the beginning of its paths, as in /orders";
    if text.contains(['*', '{', '}', '<', '>', '$', '^', '?', '#']) {
        let message = format!("`{text}` is a pattern, and the beginning of a path is compared as it is written");
        return invalid(message, HELP);
    }
    match PathPrefix::new(text) {
        Ok(prefix) => Ok(prefix),
        Err(_) => {
            let escaped = escaped(text);
            let help = match escaped != text && PathPrefix::new(&escaped).is_ok() {
                true => format!("write `{escaped}`"),
                false => HELP.to_owned(),
            };
            invalid(format!("`{text}` is not the beginning of a path"), help)
        }
    }
}

/// `text` with escapes in the place of what a path in a URI cannot contain.
fn escaped(text: &str) -> String {
    let escaped = text.bytes().map(|byte| match byte {
        b'!'..=b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    });
    escaped.collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::{Settings, parse};

    fn read(upstreams: &str) -> Result<Settings, Vec<String>> {
        let text = format!(
            "{upstreams}\nlisten: 127.0.0.1:8080\naudience: a\nissuers: [{{ issuer: https://idp.example }}]\n\
             routes: [{{ match: GET /, public: true }}]\n"
        );
        parse(Path::new("actgate.yaml"), &text).map_err(|mistakes| {
            let mistakes = mistakes.iter().map(ToString::to_string);
            mistakes
                .map(|mistake| mistake.replace("actgate.yaml:", "").replace("\n  help: ", " | "))
                .collect()
        })
    }

    #[test]
    fn a_socket_of_the_gate_is_no_upstream() {
        let text = "listen: unix:gate.sock\nupstream: unix:gate.sock\naudience: a\n\
                    issuers: [{ issuer: https://idp.example }]\nroutes: [{ match: GET /, public: true }]\n";
        let found = parse(Path::new("actgate.yaml"), text).unwrap_err().to_string();
        assert!(
            found.starts_with("actgate.yaml:2:11: `upstream` points to this gate's own `listen` address"),
            "{found}"
        );
    }

    fn addresses(upstreams: &str) -> Vec<String> {
        let settings = read(upstreams).unwrap();
        settings.upstreams.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_upstream_is_a_url_or_a_mapping() {
        for (written, expected) in [
            ("upstream: http://127.0.0.1:9000", "http://127.0.0.1:9000"),
            ("upstream: { url: h2c://127.0.0.1:9000 }", "h2c://127.0.0.1:9000"),
            (
                "upstream: { url: https://api.internal, server_name: api.example }",
                "https://api.internal:443",
            ),
            ("upstream: { url: [http://a:1, http://b:2] }", "http://a:1, http://b:2"),
            ("upstream: unix:/run/api.sock", "unix:/run/api.sock"),
        ] {
            assert_eq!(addresses(written), [expected], "{written}");
        }
        let pool = "upstream: { url: http://a, pool: { idle: 0s, size: 7, lifetime: 90s } }";
        let pool = read(pool).unwrap().upstreams[0].pool;
        assert_eq!((pool.idle.as_secs(), pool.size, pool.lifetime.as_secs()), (0, 7, 90));
        let several = "upstreams:\n  - { url: http://a, hosts: [a.example], path: /x }\n  - { url: http://b }";
        assert_eq!(addresses(several), ["http://a:80", "http://b:80"]);
    }

    #[test]
    fn mistakes_have_their_place_and_help() {
        for (written, expected) in [
            (
                "upstream: ftp://a",
                "1:11: an upstream is reached by http, https, h2c or unix | write one of these, as in http://127.0.0.1:9000",
            ),
            (
                "upstream: { pool: {} }",
                "1:11: the key `url` is missing | add `url: …`",
            ),
            (
                "upstream: { url: [] }",
                "1:18: the list of addresses is empty | write at least one URL",
            ),
            (
                "upstream: { url: [http://a, https://b] }",
                "1:29: the addresses of one upstream have different schemes | write addresses of one service; another service is \
                 another entry of `upstreams`",
            ),
            (
                "upstream: { url: [http://a, http://a:80] }",
                "1:29: this address is written twice | keep one of them",
            ),
            (
                "upstream: { url: [http://a, http://localhost:8080] }",
                "1:29: `upstream` points to this gate's own `listen` address | write the address of the service behind the gate",
            ),
            (
                "upstream: { url: http://a, ca_file: ca.crt }",
                "1:37: `ca_file` has no effect: the upstream is not reached over https | remove it, or write https:// in `url`",
            ),
            (
                "upstream: { url: https://a, key: a.key }",
                "1:34: `key` needs `certificate` | add `certificate: FILE`",
            ),
            (
                "upstream: { url: https://a, server_name: 'a b' }",
                "1:42: `a b` is not a name of a server | write the name in its certificate, as in api.internal",
            ),
            (
                "upstream: { url: http://a, pool: { size: 0 } }",
                "1:42: 0 connections are out of range: from 1 to 65536 | write a number in this range; `idle: 0s` keeps none",
            ),
            (
                "upstream: { url: http://a, path: /x }",
                "1:34: `hosts` and `path` choose among several upstreams | write it in an entry of `upstreams`",
            ),
            (
                "upstreams: [{ url: http://a, path: /x }]",
                "1:12: no upstream receives the requests that match none of these | add one without `hosts` and `path`",
            ),
            (
                "upstreams: [{ url: http://a }, { url: http://b }]",
                "1:32: two upstreams have every request | name other hosts or another path for one of them; several addresses of \
                 one service are a list in `url`",
            ),
            (
                "upstreams: [{ url: http://a }, { url: http://b, path: '/x/*' }]",
                "1:55: `/x/*` is a pattern, and the beginning of a path is compared as it is written | write the beginning of its \
                 paths, as in /orders",
            ),
            (
                "upstreams: [{ url: http://a }, { url: http://b, path: /a/ü b }]",
                "1:55: `/a/ü b` is not the beginning of a path | write `/a/%C3%BC%20b`",
            ),
            (
                "upstreams: [{ url: http://a }, { url: http://b, path: ü }]",
                "1:55: `ü` is not the beginning of a path | write the beginning of its paths, as in /orders",
            ),
            (
                "upstreams: [{ url: http://a }, { url: http://b, hosts: ['b:80'] }]",
                "1:57: `b:80` is not the name of a host, without a port | write it as clients send it, as in api.example.com",
            ),
            (
                "upstream: http://a\nupstreams: [{ url: http://b }]",
                "1:11: `upstream` and `upstreams` exclude each other | write it as an entry of `upstreams`, without `hosts` and \
                 `path` for all other requests",
            ),
        ] {
            let found = read(written).unwrap_err();
            assert_eq!(found, [expected], "{written}");
        }
    }

    #[test]
    fn a_missing_file_is_no_mistake_yet_and_a_broken_one_is() {
        let missing = read("upstream: { url: https://a, ca_file: none.crt }").unwrap();
        let missing: Vec<_> = missing.missing_files.iter().map(ToString::to_string).collect();
        assert!(
            missing[0].starts_with("actgate.yaml:1:38: `none.crt`: no such file"),
            "{missing:?}"
        );
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.crt");
        std::fs::write(&file, "no certificate").unwrap();
        let found = read(&format!("upstream: {{ url: https://a, ca_file: {} }}", file.display())).unwrap_err();
        assert!(
            found[0].starts_with("1:38: ") && found[0].contains("it contains no certificate in PEM"),
            "{found:?}"
        );
    }
}
