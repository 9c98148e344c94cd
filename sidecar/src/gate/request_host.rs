//! The host of a request: exactly one, and one that is allowed.

use http::HeaderValue;
use http::header::HOST;
use http::request::Parts;
use http::uri::{Authority, Scheme};

use super::connection_info::HeadForm;
use super::head_error::HeadError;
use super::hosts::{self, AllowedHosts, NamedHost};
use crate::headers::forwarded::Report;

/// The host of a request, which decides and is sent upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RequestHost {
    Named(HeaderValue),
    /// The request names none, by an old protocol. It is served on public routes alone.
    Assumed(HeaderValue),
}

impl RequestHost {
    pub(crate) fn value(&self) -> &HeaderValue {
        match self {
            RequestHost::Named(host) | RequestHost::Assumed(host) => host,
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        self.value().to_str().unwrap_or_default()
    }
}

/// Finds and checks the host of a request.
///
/// It is that of `Host`. The authority of an absolute-form target replaces it (RFC 9112 section 3.2.2), and must be one of the
/// gate's own; `:authority` must agree with it (RFC 9113 section 8.3.1). What trusted proxies report replaces either.
pub(super) fn check(
    request: &Parts,
    form: HeadForm,
    scheme: &Scheme,
    report: Option<&Report>,
    allowed: &AllowedHosts,
) -> Result<RequestHost, HeadError> {
    let of_request = match form {
        HeadForm::Lines if !request.headers.contains_key(HOST) => return Err(NO_HOST),
        HeadForm::Lines => of_lines(request, scheme, allowed)?,
        HeadForm::OldLines => of_lines(request, scheme, allowed)?,
        HeadForm::Fields => Some(of_fields(request)?),
    };
    let host = match reported(report, scheme, of_request.as_ref())? {
        Some(reported) => reported,
        None => match of_request {
            Some(host) => host,
            None => {
                let assumed = HeaderValue::try_from(allowed.assumed());
                return assumed.map(RequestHost::Assumed).map_err(|_| NO_HOST);
            }
        },
    };
    if !host.is_target && !allowed.accepts_host(host.named(), scheme) {
        return Err(HeadError::HOST);
    }
    Ok(RequestHost::Named(host.value))
}

const NO_HOST: HeadError = HeadError::ambiguous("there must be exactly one host header");

/// A host as it was written.
struct Host {
    value: HeaderValue,
    /// The bytes of the name or the address in the value: what follows is the port.
    length: usize,
    port: Option<u16>,
    /// It is the authority of an absolute-form target, which has been checked.
    is_target: bool,
}

impl Host {
    fn new(value: HeaderValue) -> Option<Host> {
        let NamedHost { host, port } = NamedHost::read(value.to_str().ok()?)?;
        Some(Host {
            length: host.len(),
            port,
            is_target: false,
            value,
        })
    }

    fn text(&self) -> &str {
        self.value.to_str().unwrap_or_default()
    }

    fn named(&self) -> NamedHost<'_> {
        NamedHost {
            host: self.text().get(..self.length).unwrap_or_default(),
            port: self.port,
        }
    }
}

fn of_lines(request: &Parts, scheme: &Scheme, allowed: &AllowedHosts) -> Result<Option<Host>, HeadError> {
    let header = of_header(request)?;
    match (request.uri.scheme_str(), request.uri.authority()) {
        (None, None) if request.uri.path().starts_with('/') => Ok(header),
        (Some("http" | "https"), Some(target)) => {
            let target = of_authority(target)?;
            match allowed.contains(target.named(), scheme) {
                true => Ok(Some(target)),
                false => Err(HeadError::HOST),
            }
        }
        _ => Err(HeadError::ambiguous("the request target is neither a path nor a url")),
    }
}

fn of_fields(request: &Parts) -> Result<Host, HeadError> {
    if request
        .uri
        .scheme()
        .is_some_and(|scheme| ![Scheme::HTTP, Scheme::HTTPS].contains(scheme))
    {
        return Err(HeadError::ambiguous("the scheme of the request is not one of http"));
    }
    if !request.uri.path().starts_with('/') {
        return Err(HeadError::ambiguous("the request target is not a path"));
    }
    let authority = request.uri.authority().map(of_authority).transpose()?;
    match (authority, of_header(request)?) {
        (Some(authority), Some(header)) if !is_same(&authority, &header, request.uri.scheme()) => {
            Err(HeadError::ambiguous("the host header and `:authority` differ"))
        }
        (None, None) => Err(HeadError::ambiguous("the request names no host")),
        (Some(host), _) | (None, Some(host)) => Ok(Host {
            is_target: false,
            ..host
        }),
    }
}

/// Whether both name one host and port. A port that is not written is that of the scheme (RFC 9113 section 8.3.1).
fn is_same(one: &Host, other: &Host, scheme: Option<&Scheme>) -> bool {
    let port = |host: &Host| host.port.or(scheme.map(hosts::default_port));
    one.named().host.eq_ignore_ascii_case(other.named().host) && port(one) == port(other)
}

fn of_header(request: &Parts) -> Result<Option<Host>, HeadError> {
    let mut hosts = request.headers.get_all(HOST).iter();
    let Some(value) = hosts.next() else {
        return Ok(None);
    };
    if hosts.next().is_some() {
        return Err(NO_HOST);
    }
    let host = Host::new(value.clone());
    host.map(Some)
        .ok_or(HeadError::ambiguous("the host header is not one host"))
}

fn of_authority(target: &Authority) -> Result<Host, HeadError> {
    if target.as_str().contains('@') {
        return Err(HeadError::ambiguous("the request target contains user information"));
    }
    let value = HeaderValue::from_str(target.as_str());
    let host = value.ok().and_then(Host::new);
    let host = host.ok_or(HeadError::ambiguous(
        "the authority of the request target is not a host",
    ))?;
    Ok(Host {
        is_target: true,
        ..host
    })
}

/// The host that trusted proxies report, with the port that the client connected to if the scheme has another.
fn reported(report: Option<&Report>, scheme: &Scheme, of_request: Option<&Host>) -> Result<Option<Host>, HeadError> {
    let Some(report) = report else {
        return Ok(None);
    };
    let written = report.host.as_deref();
    let Some(host) = written.or(of_request.map(Host::text)) else {
        return Ok(None);
    };
    let malformed = HeadError::ambiguous("the host that a trusted proxy reports is not one host");
    let named = NamedHost::read(host).ok_or(malformed)?;
    let port = report.port.filter(|port| *port != hosts::default_port(scheme));
    let text = match port {
        Some(port) if named.port.is_none() => format!("{host}:{port}"),
        _ if written.is_none() => return Ok(None),
        _ => host.to_owned(),
    };
    let value = HeaderValue::try_from(text).map_err(|_| malformed)?;
    Host::new(value).map(Some).ok_or(malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGIN: &str = "https://orders.example.com";

    fn hosts(configured: &[&str]) -> AllowedHosts {
        let configured: Vec<_> = configured
            .iter()
            .filter_map(|host| hosts::AllowedHost::parse(host))
            .collect();
        AllowedHosts::new(&configured, Some("127.0.0.1:8080".parse().unwrap()), [ORIGIN])
    }

    fn parts(target: &str, lines: &[&str]) -> Parts {
        let mut request = http::Request::builder().uri(target);
        for line in lines {
            request = request.header(HOST, *line);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn found(form: HeadForm, target: &str, lines: &[&str]) -> Result<String, u16> {
        let host = check(&parts(target, lines), form, &Scheme::HTTP, None, &hosts(&[]));
        host.map(|host| host.as_str().to_owned())
            .map_err(|error| error.status.as_u16())
    }

    #[test]
    fn exactly_one_valid_host() {
        let of = |lines: &[&str]| found(HeadForm::Lines, "/", lines);
        assert_eq!(of(&["Any.Example:81"]).as_deref(), Ok("Any.Example:81"));
        assert_eq!(of(&[]), Err(400));
        assert_eq!(of(&["a", "a"]), Err(400));
        for host in [
            "", "a,b", "a b", "u@a", "a/b", "a:port", "a:99999", "a:", "a#b", "[::1", "a%41",
        ] {
            assert_eq!(of(&[host]), Err(400), "{host}");
        }
    }

    #[test]
    fn an_absolute_target_replaces_the_host_and_must_be_allowed() {
        let of = |target, lines: &[&str]| found(HeadForm::Lines, target, lines);
        let own = of("http://orders.example.com/a", &["other"]);
        assert_eq!(own.as_deref(), Ok("orders.example.com"));
        assert_eq!(of("http://evil.example/a", &["orders.example.com"]), Err(421));
        assert_eq!(of("http://u:p@orders.example.com/a", &["a"]), Err(400));
        assert_eq!(of("ftp://orders.example.com/a", &["a"]), Err(400));
        assert_eq!(of("http://orders.example.com/a", &[]), Err(400));
    }

    #[test]
    fn a_request_of_an_old_protocol_need_not_name_a_host() {
        let assumed = check(
            &parts("/", &[]),
            HeadForm::OldLines,
            &Scheme::HTTP,
            None,
            &hosts(&["a.example"]),
        );
        assert_eq!(assumed, Ok(RequestHost::Assumed(HeaderValue::from_static("a.example"))));
        assert_eq!(found(HeadForm::OldLines, "/", &[]).as_deref(), Ok("127.0.0.1:8080"));
        assert_eq!(found(HeadForm::OldLines, "/", &["b"]).as_deref(), Ok("b"));
        assert_eq!(found(HeadForm::OldLines, "/", &["b", "b"]), Err(400));
    }

    #[test]
    fn the_authority_among_the_fields_is_the_host() {
        let of = |target, lines: &[&str]| found(HeadForm::Fields, target, lines);
        assert_eq!(of("https://any.example:81/a", &[]).as_deref(), Ok("any.example:81"));
        assert_eq!(of("http://a.example/a", &["A.Example"]).as_deref(), Ok("a.example"));
        assert_eq!(of("/a", &["b.example"]).as_deref(), Ok("b.example"));
        assert_eq!(of("https://a.example/", &["a.example:443"]).as_deref(), Ok("a.example"));
        assert_eq!(
            of("http://a.example:80/", &["a.example"]).as_deref(),
            Ok("a.example:80")
        );
        for (target, lines) in [
            ("https://a.example/", &["b.example"][..]),
            ("https://a.example/", &["a.example:81"]),
            ("https://a.example/", &["a.example:80"]),
            ("https://a.example/", &["a.example", "a.example"]),
            ("https://a.example/", &["a.example,b"]),
            ("https://u@a.example/", &[]),
            ("https://u@a.example/", &["a.example"]),
            ("ftp://a.example/", &[]),
            ("/a", &[]),
            ("/a", &["b", "b"]),
            ("*", &["b"]),
            ("b:80", &["b"]),
        ] {
            assert_eq!(of(target, lines), Err(400), "{target} {lines:?}");
        }
        let configured = check(
            &parts("https://evil.example/", &[]),
            HeadForm::Fields,
            &Scheme::HTTPS,
            None,
            &hosts(&["a.example"]),
        );
        assert_eq!(configured, Err(HeadError::HOST));
    }

    #[test]
    fn a_reported_host_replaces_that_of_the_request() {
        let with = |host: Option<&str>, port, scheme: Scheme| {
            let mut report = Report::default();
            (report.host, report.port) = (host.map(str::to_owned), port);
            let request = parts("/", &["gate.internal"]);
            let hosts = hosts(&["a.example", "gate.internal"]);
            let host = check(&request, HeadForm::Lines, &scheme, Some(&report), &hosts);
            host.map(|host| host.as_str().to_owned())
                .map_err(|error| error.status.as_u16())
        };
        for (host, port, found) in [
            (None, None, "gate.internal"),
            (None, Some(443), "gate.internal"),
            (None, Some(8443), "gate.internal:8443"),
            (Some("a.example"), None, "a.example"),
            (Some("a.example"), Some(443), "a.example"),
            (Some("A.example"), Some(8443), "A.example:8443"),
            (Some("a.example:1"), Some(8443), "a.example:1"),
        ] {
            assert_eq!(
                with(host, port, Scheme::HTTPS).as_deref(),
                Ok(found),
                "{host:?} {port:?}"
            );
        }
        assert_eq!(with(None, Some(443), Scheme::HTTP).as_deref(), Ok("gate.internal:443"));
        assert_eq!(with(Some("evil.example"), None, Scheme::HTTP), Err(421));
        for malformed in ["", "a b", "u@a.example", "a.example/x"] {
            assert_eq!(with(Some(malformed), None, Scheme::HTTP), Err(400), "{malformed}");
        }
    }
}
