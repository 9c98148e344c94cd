//! The fields `X-Forwarded-For`, `-Proto`, `-Host` and `-Port`, and `X-Real-IP`.

use std::net::IpAddr;

use http::uri::Scheme;
use http::{HeaderMap, HeaderName};

use super::node::Node;
use super::value::{Field, MAX_NODES, Malformed, scheme};

pub(super) const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
pub(super) const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
pub(super) const HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
pub(super) const PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
pub(super) const REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");

/// A field with its name.
type Named = (HeaderName, Field);

/// The values of each field. Where a proxy appends to a field, that of the first proxy is the first.
#[derive(Debug)]
pub(super) struct XForwarded {
    pub(super) nodes: Vec<Node>,
    pub(super) schemes: Vec<Scheme>,
    pub(super) hosts: Vec<String>,
    pub(super) ports: Vec<u16>,
    pub(super) real_ip: Option<IpAddr>,
}

impl XForwarded {
    pub(super) fn read(headers: &HeaderMap) -> Result<XForwarded, Malformed> {
        let port = |text: &str| text.parse().ok().filter(|port| *port != 0);
        let real_ip = list(headers, (REAL_IP, Field::RealIp), Node::parse)?;
        if real_ip.windows(2).any(|pair| pair[0] != pair[1]) {
            return Err(Malformed::different(Field::RealIp));
        }
        Ok(XForwarded {
            nodes: list(headers, (FOR, Field::For), Node::parse)?,
            schemes: list(headers, (PROTO, Field::Proto), scheme)?,
            hosts: list(headers, (HOST, Field::Host), |host| Some(host.to_owned()))?,
            ports: list(headers, (PORT, Field::Port), port)?,
            real_ip: real_ip.first().and_then(|node| node.address()),
        })
    }

    /// The value for the node at `client`: that at the same place if each proxy appends one. Otherwise the values must be equal.
    pub(super) fn of_client<'v, T: PartialEq>(
        &self,
        field: Field,
        values: &'v [T],
        client: Option<usize>,
    ) -> Result<Option<&'v T>, Malformed> {
        if let Some(client) = client
            && values.len() == self.nodes.len()
        {
            return Ok(values.get(client));
        }
        match values.windows(2).all(|pair| pair[0] == pair[1]) {
            true => Ok(values.first()),
            false => Err(Malformed::different(field)),
        }
    }
}

/// The elements of every line of a field. Empty ones are ignored (RFC 9110 section 5.6.1).
fn list<T>(headers: &HeaderMap, named: Named, read: impl Fn(&str) -> Option<T>) -> Result<Vec<T>, Malformed> {
    let (name, field) = named;
    let mut values = Vec::new();
    for line in headers.get_all(name) {
        let line = line.to_str().map_err(|_| Malformed::value(field))?;
        for element in line.split(',').map(|element| element.trim_matches([' ', '\t'])) {
            if element.is_empty() {
                continue;
            }
            values.push(read(element).ok_or(Malformed::value(field))?);
            if values.len() > MAX_NODES {
                return Err(Malformed::too_many(field));
            }
        }
    }
    Ok(values)
}
