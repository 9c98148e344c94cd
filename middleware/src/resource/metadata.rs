//! The metadata of a resource (RFC 9728): the document, and the answer to a request for it.

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE,
    ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE,
};
use http::{HeaderValue, Method, Response, StatusCode};
use serde::Serialize;

use super::{Resource, is_of_resource};

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS");

/// The members of the document (RFC 9728 section 2).
#[derive(Serialize)]
pub(crate) struct Document<'d> {
    resource: &'d str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    authorization_servers: Vec<&'d str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    scopes_supported: Vec<&'d str>,
    bearer_methods_supported: [&'static str; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_name: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_documentation: Option<&'d str>,
}

impl<'d> Document<'d> {
    /// The document of `resource`. `issuers` and `scopes` are those that it lists unless it names its own.
    pub(crate) fn of(
        resource: &'d Resource,
        issuers: impl Iterator<Item = &'d str>,
        scopes: impl Iterator<Item = &'d str>,
    ) -> Document<'d> {
        let named = |list: &'d Option<Vec<Box<str>>>| list.as_ref().map(|list| list.iter().map(|text| &**text));
        let authorization_servers = match named(&resource.authorization_servers) {
            Some(named) => named.collect(),
            None => issuers.collect(),
        };
        let scopes: Vec<&str> = match named(&resource.scopes_supported) {
            Some(named) => named.collect(),
            None => scopes.collect(),
        };
        let mut scopes_supported = Vec::new();
        for scope in scopes {
            if is_of_resource(scope) && !scopes_supported.contains(&scope) {
                scopes_supported.push(scope);
            }
        }
        Document {
            resource: resource.identifier(),
            authorization_servers,
            scopes_supported,
            bearer_methods_supported: ["header"],
            resource_name: resource.name.as_deref(),
            resource_documentation: resource.documentation.as_deref(),
        }
    }

    pub(crate) fn to_json(&self) -> Bytes {
        serde_json::to_vec(self).map(Bytes::from).unwrap_or_default()
    }
}

/// The answer to a request for the metadata of a resource: public, and readable by scripts of every origin.
///
/// `GET` and `HEAD` are 200, `OPTIONS` is 204 with the headers of a CORS preflight, any other method 405; and every request
/// for the metadata of another resource is 404.
#[derive(Clone, Debug)]
pub struct Metadata {
    status: StatusCode,
    /// The length of the document, also where it is not sent.
    length: usize,
    body: Bytes,
}

impl Metadata {
    /// The answer to a request with this method; `document` is that of the resource, if it has one.
    pub(crate) fn answer(method: &Method, document: Option<&Bytes>) -> Metadata {
        let (status, length, body) = match (document, method) {
            (Some(document), &Method::GET) => (StatusCode::OK, document.len(), document.clone()),
            (Some(document), &Method::HEAD) => (StatusCode::OK, document.len(), Bytes::new()),
            (Some(_), &Method::OPTIONS) => (StatusCode::NO_CONTENT, 0, Bytes::new()),
            (Some(_), _) => (StatusCode::METHOD_NOT_ALLOWED, 0, Bytes::new()),
            (None, _) => (StatusCode::NOT_FOUND, 0, Bytes::new()),
        };
        Metadata { status, length, body }
    }

    /// The HTTP status: 200, 204, 404 or 405.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The response; `body` makes its body from the bytes, which are empty for every request but an answered `GET`.
    pub fn response<B>(&self, body: impl FnOnce(Bytes) -> B) -> Response<B> {
        let mut response = Response::new(body(self.body.clone()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        let cache = match self.status {
            StatusCode::OK => "public, max-age=300",
            _ => "no-store",
        };
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache));
        match self.status {
            StatusCode::OK => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                headers.insert(CONTENT_LENGTH, HeaderValue::from(self.length));
            }
            StatusCode::NO_CONTENT => {
                headers.insert(ALLOW, METHODS);
                headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
                headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("*"));
                headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
            }
            StatusCode::METHOD_NOT_ALLOWED => {
                headers.insert(ALLOW, METHODS);
            }
            _ => {}
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::error::ConfigError;

    fn document(resource: &Resource) -> Value {
        let issuers = ["https://idp.example", "https://idp.example/b"];
        let scopes = ["a", "offline_access", "b", "a"];
        let document = Document::of(resource, issuers.into_iter(), scopes.into_iter());
        serde_json::from_slice(&document.to_json()).unwrap()
    }

    #[test]
    fn the_document_lists_issuers_and_scopes_without_offline_access() {
        let resource = Resource::new("https://api.example/a").unwrap();
        assert_eq!(
            document(&resource),
            json!({
                "resource": "https://api.example/a",
                "authorization_servers": ["https://idp.example", "https://idp.example/b"],
                "scopes_supported": ["a", "b"],
                "bearer_methods_supported": ["header"],
            })
        );
        let resource = resource.name("Orders").unwrap();
        let resource = resource.scopes_supported(["c", "offline_access"]).unwrap();
        let resource = resource.documentation("https://docs.example").unwrap();
        assert_eq!(
            document(&resource.clone().authorization_servers([]).unwrap()),
            json!({
                "resource": "https://api.example/a",
                "scopes_supported": ["c"],
                "bearer_methods_supported": ["header"],
                "resource_name": "Orders",
                "resource_documentation": "https://docs.example",
            })
        );
        let other = resource
            .clone()
            .authorization_servers(["https://login.example"])
            .unwrap();
        assert_eq!(
            document(&other)["authorization_servers"],
            json!(["https://login.example"])
        );
        assert!(resource.documentation("docs").is_err());
    }

    #[test]
    fn a_member_of_the_document_has_a_form() {
        let error = |change: &dyn Fn(Resource) -> Result<Resource, ConfigError>| {
            let changed = change(Resource::new("https://api.example").unwrap());
            changed.err().map(|error| error.to_string()).unwrap_or_default()
        };
        for name in ["", " ", "a\nb"] {
            let got = error(&|resource| resource.name(name));
            let text = name.escape_debug();
            assert_eq!(
                got,
                format!(
                    "`{text}` is not a name: it is blank or contains a control character; write a name for people, such as Orders"
                )
            );
        }
        for scope in ["", "a b", "a\"b", "a\\b", "é"] {
            let got = error(&|resource| resource.scopes_supported(["a", scope]));
            assert!(
                got.contains("is not a scope: it is not one word of printable ASCII"),
                "{got}"
            );
        }
        for issuer in ["", "idp.example", "spiffe://idp.example"] {
            let got = error(&|resource| resource.authorization_servers([issuer]));
            assert!(
                got.contains("is not an authorization server: it is not an https URL"),
                "{got}"
            );
        }
        assert_eq!(error(&|resource| resource.name("Orders & more")), "");
    }

    #[test]
    fn each_method_has_its_answer() {
        let document = Bytes::from_static(b"{}");
        for (method, status, length, body) in [
            (Method::GET, 200, Some("2"), "{}"),
            (Method::HEAD, 200, Some("2"), ""),
            (Method::OPTIONS, 204, None, ""),
            (Method::POST, 405, None, ""),
            (Method::DELETE, 405, None, ""),
        ] {
            let response = Metadata::answer(&method, Some(&document)).response(|body| body);
            let header = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap());
            assert_eq!(
                (response.status().as_u16(), &response.body()[..]),
                (status, body.as_bytes()),
                "{method}"
            );
            assert_eq!(header("content-length"), length, "{method}");
            assert_eq!(header("access-control-allow-origin"), Some("*"), "{method}");
            assert_eq!(header("content-type"), length.map(|_| "application/json"), "{method}");
            let allowed = (status >= 204).then_some("GET, HEAD, OPTIONS");
            assert_eq!(header("allow"), allowed, "{method}");
        }
        for method in [Method::GET, Method::OPTIONS, Method::POST] {
            let response = Metadata::answer(&method, None).response(|body| body);
            assert_eq!((response.status().as_u16(), response.body().len()), (404, 0));
            assert_eq!(response.headers()["cache-control"], "no-store");
            assert_eq!(response.headers()["access-control-allow-origin"], "*");
        }
    }
}
