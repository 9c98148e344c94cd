//! What a gate checks of an explained request beside its authorization: its head with its host, whether it is a preflight, and
//! which upstream it is for.

use actgate::{Authorizer, Error};
use http::header::HOST;
use http::request::Parts;
use http::uri::Scheme;
use http::{HeaderMap, HeaderValue, Method, Request, Uri};
use serde_json::{Value, json};

use crate::config::Settings;
use crate::gate::connection_info::{Arrived, ConnectionInfo};
use crate::gate::cors::{Cors, NotGranted, Preflight};
use crate::gate::head_error::HeadError;
use crate::gate::request_head::HeadRules;
use crate::headers::via::ViaPseudonym;
use crate::proxy::destination::Placed;
use crate::server::listen::address::ListenAddress;

/// The rules of a gate for the head of a request.
#[derive(Debug)]
pub(super) struct GateRules {
    head: HeadRules,
    cors: Option<Cors>,
    scheme: Scheme,
    /// The addresses of the upstreams, where there are several.
    upstreams: Option<Placed<String>>,
}

/// One check.
#[derive(Debug)]
pub(super) struct GateCheck {
    pub(super) rule: &'static str,
    pub(super) passed: bool,
    pub(super) text: String,
}

/// What the gate does with a request before its authorization.
#[derive(Debug, Default)]
pub(super) struct GateChecks {
    pub(super) checks: Vec<GateCheck>,
    /// Why it is denied.
    pub(super) denied: Option<HeadError>,
    /// It is answered.
    pub(super) preflight: Option<Preflight>,
    /// Why it is denied after its authorization.
    pub(super) unplaced: Option<Error>,
}

impl GateRules {
    pub(super) fn of(settings: &Settings) -> GateRules {
        GateRules {
            head: HeadRules {
                hosts: settings.allowed_hosts(settings.listen.as_ref().and_then(ListenAddress::tcp)),
                identity_headers: settings.identity_headers.clone(),
                carriers: settings.carriers(),
                via: ViaPseudonym::default(),
                trusted_proxies: settings.trusted_proxies.clone(),
            },
            cors: settings.cors.clone(),
            upstreams: Placed::in_places(settings.upstreams.iter().map(|upstream| {
                let urls = upstream.addresses.iter().map(|address| upstream.url(address));
                (upstream.place.clone(), urls.collect::<Vec<_>>().join(" or "))
            }))
            .filter(Placed::are_several),
            scheme: match settings.tls {
                Some(_) => Scheme::HTTPS,
                None => Scheme::HTTP,
            },
        }
    }

    /// Checks a request as a running gate does.
    pub(super) fn check(&self, method: &Method, uri: &Uri, headers: &HeaderMap, authorizer: &Authorizer) -> GateChecks {
        let mut found = GateChecks::default();
        let Some(request) = self.request(method, uri, headers) else {
            return found;
        };
        let named = headers
            .get(HOST)
            .map(|host| host.to_str().unwrap_or_default().to_owned());
        let head = match self.head.check(Arrived::described(&request)) {
            Ok(head) => {
                found.checks.extend(named.map(|host| GateCheck {
                    rule: "host",
                    passed: true,
                    text: format!("`{host}` is served"),
                }));
                head
            }
            Err(error) => {
                let rule = if error == HeadError::HOST { "host" } else { "head" };
                let text = match named {
                    Some(host) if error == HeadError::HOST => format!("`{host}` is not served; add it to `hosts`"),
                    _ => error.reason.to_owned(),
                };
                found.checks.push(GateCheck {
                    rule,
                    passed: false,
                    text,
                });
                found.denied = Some(error);
                return found;
            }
        };
        let preflight = match &self.cors {
            Some(cors) => cors.preflight(&request, authorizer),
            None => Err(NotGranted::without_cors(&request)),
        };
        match preflight {
            Ok(preflight) => {
                found.checks.push(GateCheck {
                    rule: "preflight",
                    passed: true,
                    text: "it is granted, and the gate answers it; no token is needed".to_owned(),
                });
                found.preflight = Some(preflight);
                return found;
            }
            Err(NotGranted::Refused(reason)) => found.checks.push(GateCheck {
                rule: "preflight",
                passed: false,
                text: format!("it is not granted, since {reason}; it is authorized as any request"),
            }),
            Err(NotGranted::NoPreflight) => {}
        }
        self.place(&request, head.host.as_str(), authorizer, &mut found);
        found
    }

    /// Adds which of several upstreams the request is for, if it is authorized.
    fn place(&self, request: &Parts, host: &str, authorizer: &Authorizer, found: &mut GateChecks) {
        let Some(upstreams) = &self.upstreams else {
            return;
        };
        let (passed, text) = match upstreams.of(request, host, &authorizer.policy()) {
            Ok(url) => (true, url.clone()),
            Err(error) => {
                let text = error.to_string();
                found.unplaced = Some(error);
                (false, text)
            }
        };
        found.checks.push(GateCheck {
            rule: "upstream",
            passed,
            text,
        });
    }

    /// The request as it arrives. Without a host it names one that is served.
    fn request(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Option<Parts> {
        let (mut request, ()) = Request::new(()).into_parts();
        (request.method, request.uri) = (method.clone(), uri.clone());
        request.headers = headers.clone();
        if !headers.contains_key(HOST) {
            let assumed = HeaderValue::try_from(self.head.hosts.assumed()).ok()?;
            request.headers.insert(HOST, assumed);
        }
        request.extensions.insert(ConnectionInfo {
            peer: None,
            scheme: self.scheme.clone(),
            client_certificate: None,
        });
        Some(request)
    }
}

impl GateChecks {
    pub(super) fn json(&self) -> Value {
        let one = |check: &GateCheck| json!({ "rule": check.rule, "passed": check.passed, "text": check.text });
        self.checks.iter().map(one).collect()
    }

    /// What a gate checks, too, and an explanation cannot.
    pub(super) fn not_checked(has_host: bool) -> String {
        let host = if has_host {
            ""
        } else {
            "the host (name it with `--header 'Host: …'`), "
        };
        format!(
            "{host}the connection, its certificate and its proxies, an upgrade, a form in the body, and whether the upstream answers"
        )
    }
}
