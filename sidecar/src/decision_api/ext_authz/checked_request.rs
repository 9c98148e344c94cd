//! The request that Envoy asks about, as the gate reads one.

use std::net::IpAddr;

use actgate::request::ClientCertificate;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, FORWARDED, HOST};
use http::request::Parts;
use http::uri::Scheme;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use percent_encoding::percent_decode_str;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::super::stated_request::add_header;
use super::mcp_metadata::{self, McpSource};
use super::messages::{CheckRequest, HttpRequest, Peer};
use crate::gate::connection_info::{ConnectionInfo, HeadForm};
use crate::gate::head_error::HeadError;

/// Says whether the body is cut off, where Envoy sends it.
const PARTIAL_BODY: HeaderName = HeaderName::from_static("x-envoy-auth-partial-body");

/// A request that another server received.
pub(super) struct CheckedRequest {
    pub(super) request: Parts,
    pub(super) body: CheckedBody,
    /// The headers in it that say what proxies saw of the client. They are not in `request`: Envoy has read them.
    pub(super) reported: Vec<&'static str>,
}

/// The body of a request.
pub(super) enum CheckedBody {
    Whole(Bytes),
    /// A part of it, or nothing although there is one.
    Cut,
    /// There is none, or Envoy sends none.
    NotSent,
}

/// The headers that say what proxies saw of the client.
static REPORTED: [HeaderName; 6] = [
    FORWARDED,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-forwarded-port"),
    HeaderName::from_static("x-forwarded-proto"),
    HeaderName::from_static("x-real-ip"),
];

const NO_REQUEST: HeadError = HeadError::ambiguous("the check has no http request");
const METHOD: HeadError = HeadError::ambiguous("the method of the checked request is malformed");
const PATH: HeadError = HeadError::ambiguous("the path of the checked request is malformed");
const HOST_NAME: HeadError = HeadError::ambiguous("the host of the checked request is malformed");
const SCHEME: HeadError = HeadError::ambiguous("the scheme of the checked request is neither http nor https");
const FIELD: HeadError = HeadError::ambiguous("a header of the checked request is malformed");
const CONTRADICTION: HeadError = HeadError::ambiguous("a header of the checked request contradicts the request");
const CERTIFICATE: HeadError = HeadError::ambiguous("the certificate of the checked request is malformed");

impl CheckedRequest {
    /// One that is denied with `error`.
    pub(super) fn unusable(mut asked: Parts, error: HeadError) -> CheckedRequest {
        asked.extensions.insert(error);
        CheckedRequest {
            request: asked,
            body: CheckedBody::NotSent,
            reported: Vec::new(),
        }
    }

    /// The request in a message that came by `asked`.
    pub(super) fn of(message: CheckRequest, mcp: McpSource, asked: Parts) -> CheckedRequest {
        match read(message, mcp) {
            Ok(checked) => checked,
            Err(error) => CheckedRequest::unusable(asked, error),
        }
    }
}

fn read(message: CheckRequest, mcp: McpSource) -> Result<CheckedRequest, HeadError> {
    let attributes = message.attributes.ok_or(NO_REQUEST)?;
    let http = attributes.request.and_then(|request| request.http).ok_or(NO_REQUEST)?;
    let mut request = http::Request::new(()).into_parts().0;
    request.method = Method::try_from(&*http.method).map_err(|_| METHOD)?;
    // A fragment would be dropped here, and not by every server.
    let path = Uri::try_from(&*http.path).ok();
    let path = path.filter(|_| http.path.starts_with('/') && !http.path.contains('#'));
    request.uri = path.ok_or(PATH)?;
    let scheme = match &*http.scheme {
        "http" => Scheme::HTTP,
        "https" => Scheme::HTTPS,
        _ => return Err(SCHEME),
    };
    request.headers = headers(&http)?;
    let is_present = |name: &&HeaderName| request.headers.remove(*name).is_some();
    let reported = REPORTED.iter().filter(is_present).map(HeaderName::as_str).collect();
    let host = HeaderValue::try_from(&*http.host).map_err(|_| HOST_NAME)?;
    match request.headers.get(HOST) {
        Some(other) if *other != host => return Err(CONTRADICTION),
        _ => request.headers.insert(HOST, host),
    };
    if mcp == McpSource::EnvoyMetadata {
        mcp_metadata::mirror(&mut request.headers, attributes.metadata_context.as_ref())?;
    }
    let (peer, client_certificate) = client(attributes.source.as_ref())?;
    request.extensions.insert(ConnectionInfo {
        peer,
        scheme,
        client_certificate,
    });
    request.extensions.insert(HeadForm::Lines);
    let body = body(http, &request.headers);
    Ok(CheckedRequest {
        request,
        body,
        reported,
    })
}

/// The headers, without the parts of the target among them.
fn headers(http: &HttpRequest) -> Result<HeaderMap, HeadError> {
    let mut headers = HeaderMap::new();
    let mut take = |name: &[u8], value: &Bytes| {
        let of_target = match name {
            b":method" => &http.method,
            b":path" => &http.path,
            b":authority" => &http.host,
            b":scheme" => &http.scheme,
            _ => {
                let name = HeaderName::from_bytes(name).map_err(|_| FIELD)?;
                let value = HeaderValue::from_maybe_shared(value.clone()).map_err(|_| FIELD)?;
                return add_header(&mut headers, name, value);
            }
        };
        if of_target.as_bytes() == &**value {
            Ok(())
        } else {
            Err(CONTRADICTION)
        }
    };
    match &http.header_map {
        Some(lines) => {
            for line in &lines.headers {
                let value = if line.raw_value.is_empty() {
                    &line.value
                } else {
                    &line.raw_value
                };
                take(&line.key, value)?;
            }
        }
        None => {
            for entry in &http.headers {
                take(&entry.key, &entry.value)?;
            }
        }
    }
    Ok(headers)
}

/// The address of the client, and its certificate, which has been proven to be its own in the handshake with Envoy.
fn client(source: Option<&Peer>) -> Result<(Option<IpAddr>, Option<ClientCertificate>), HeadError> {
    let Some(source) = source else {
        return Ok((None, None));
    };
    let address = source
        .address
        .as_ref()
        .and_then(|address| address.socket_address.as_ref());
    let address = address.and_then(|address| address.address.parse::<IpAddr>().ok());
    let certificate = match &*source.certificate {
        "" => None,
        text => {
            let pem: Vec<u8> = percent_decode_str(text).collect();
            let certificate = CertificateDer::from_pem_slice(&pem).map_err(|_| CERTIFICATE)?;
            Some(ClientCertificate::from_der(&certificate))
        }
    };
    Ok((address.map(|address| address.to_canonical()), certificate))
}

/// The body. Envoy sends none unless it is configured to, and says then whether it cut it off. A client can send the same header, and no
/// body with it.
fn body(http: HttpRequest, headers: &HeaderMap) -> CheckedBody {
    let body = if http.raw_body.is_empty() {
        http.body
    } else {
        http.raw_body
    };
    let length = headers.get(CONTENT_LENGTH).map(HeaderValue::as_bytes);
    let has_length = length.is_none_or(|length| length == body.len().to_string().as_bytes());
    match (body.is_empty(), has_length) {
        (true, true) if length.is_some() => CheckedBody::Whole(body),
        (true, true) => CheckedBody::NotSent,
        (false, true) if headers.get_all(PARTIAL_BODY).iter().eq(["false"]) => CheckedBody::Whole(body),
        _ => CheckedBody::Cut,
    }
}
