//! The way of a request to the gate, in `X-Forwarded-*`, `X-Real-IP` and `Forwarded` (RFC 7239).
//!
//! They are read from trusted proxies alone, and written for each request that is forwarded. From any other peer they are removed
//! as every header about the request is: [`hop_by_hop`](super::hop_by_hop).

mod field;
mod node;
mod value;
mod x_forwarded;

use std::net::IpAddr;

use http::header::FORWARDED;
use http::uri::Scheme;
use http::{HeaderMap, HeaderValue};

use self::field::Element;
use self::node::Node;
use self::value::Field;
pub(crate) use self::value::Malformed;
use self::x_forwarded::XForwarded;

/// What trusted proxies report of a request. Each part that they do not report is that of the connection.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// The client first, the proxy before the peer last.
    nodes: Vec<Node>,
    /// The address of the client: the last that is not itself a trusted proxy, or the first; none if it is hidden.
    client: Option<IpAddr>,
    /// The scheme that the client used.
    pub(crate) scheme: Option<Scheme>,
    /// The host that the client named, as it was written.
    pub(crate) host: Option<String>,
    /// The port that the client connected to.
    pub(crate) port: Option<u16>,
    /// `Forwarded` as received, in one line.
    forwarded: Option<String>,
    real_ip: Option<IpAddr>,
}

impl Report {
    /// Reads the headers that a trusted proxy sent.
    ///
    /// `Forwarded` and `X-Forwarded-*` must agree in what both report. `X-Real-IP` counts where neither names a client.
    pub(crate) fn read(headers: &HeaderMap, is_trusted: impl Fn(IpAddr) -> bool) -> Result<Report, Malformed> {
        let of_field = field::read(headers)?;
        let of_x = XForwarded::read(headers)?;
        let nodes_of_field: Vec<Node> = of_field
            .iter()
            .map(|element| element.node.unwrap_or(Node::Hidden))
            .collect();
        let in_field = client(&nodes_of_field, &is_trusted);
        let in_x = client(&of_x.nodes, &is_trusted);
        let from_client = &of_field[in_field.unwrap_or_default()..];
        let first = |read: fn(&Element) -> Option<&String>| from_client.iter().find_map(read).cloned();
        let address = |nodes: &[Node], client: Option<usize>| client.and_then(|client| nodes[client].address());
        let named = agreed(
            Field::For,
            address(&of_x.nodes, in_x),
            address(&nodes_of_field, in_field),
        )?;
        let report = Report {
            client: named.or(of_x.real_ip),
            scheme: agreed(
                Field::Proto,
                of_x.of_client(Field::Proto, &of_x.schemes, in_x)?.cloned(),
                from_client.iter().find_map(|element| element.scheme.clone()),
            )?,
            host: agreed(
                Field::Host,
                of_x.of_client(Field::Host, &of_x.hosts, in_x)?.cloned(),
                first(|element| element.host.as_ref()),
            )?,
            port: of_x.of_client(Field::Port, &of_x.ports, in_x)?.copied(),
            forwarded: (!of_field.is_empty()).then(|| one_line(headers)),
            real_ip: of_x.real_ip,
            nodes: match of_x.nodes.is_empty() {
                true => nodes_of_field,
                false => of_x.nodes,
            },
        };
        Ok(report)
    }
}

impl Report {
    /// The address of the client, if it is known. Without a report of it, it is that of the peer.
    pub(crate) fn client(&self, peer: Option<IpAddr>) -> Option<IpAddr> {
        match self.nodes.is_empty() && self.real_ip.is_none() {
            true => peer,
            false => self.client,
        }
    }
}

/// The place of the client among the nodes: the last that is not a trusted proxy, or the first.
fn client(nodes: &[Node], is_trusted: impl Fn(IpAddr) -> bool) -> Option<usize> {
    let untrusted = nodes.iter().rposition(|node| !node.address().is_some_and(&is_trusted));
    untrusted.or((!nodes.is_empty()).then_some(0))
}

/// What a field reports, which must be what `Forwarded` does.
fn agreed<T: PartialEq>(field: Field, one: Option<T>, other: Option<T>) -> Result<Option<T>, Malformed> {
    match (one, other) {
        (Some(one), Some(other)) if one != other => Err(Malformed::contradicts(field)),
        (one, other) => Ok(one.or(other)),
    }
}

fn one_line(headers: &HeaderMap) -> String {
    let lines = headers.get_all(FORWARDED).iter();
    let lines = lines.filter_map(|line| line.to_str().ok()).map(str::trim);
    let lines: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
    lines.join(", ")
}

/// The connection that a request came by, for the headers of the forwarded request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LastHop<'a> {
    pub(crate) peer: Option<IpAddr>,
    pub(crate) scheme: &'a Scheme,
    /// The host of the request, after what trusted proxies report.
    pub(crate) host: &'a HeaderValue,
}

/// Writes the way of a request: that to the trusted proxies, if there are any, and its last hop.
pub(crate) fn write(headers: &mut HeaderMap, report: Option<&Report>, hop: LastHop<'_>) {
    headers.insert(x_forwarded::HOST, hop.host.clone());
    let scheme = report.and_then(|report| report.scheme.as_ref()).unwrap_or(hop.scheme);
    let is_https = *scheme == Scheme::HTTPS;
    let proto = HeaderValue::from_static(if is_https { "https" } else { "http" });
    headers.insert(x_forwarded::PROTO, proto);
    let nodes = report.map_or(&[][..], |report| &report.nodes);
    let mut list = String::with_capacity(16 * (nodes.len() + 1));
    for node in nodes.iter().copied().chain(hop.peer.map(Node::Address)) {
        if !list.is_empty() {
            list.push_str(", ");
        }
        node.append_to(&mut list);
    }
    if !list.is_empty() {
        insert(headers, x_forwarded::FOR, list);
    }
    let Some(report) = report else {
        return;
    };
    if let Some(port) = report.port {
        headers.insert(x_forwarded::PORT, HeaderValue::from(port));
    }
    if let (Some(_), Some(client)) = (report.real_ip, report.client) {
        insert(headers, x_forwarded::REAL_IP, client.to_string());
    }
    if let Some(before) = &report.forwarded {
        let own = field::written(hop.peer, hop.scheme, hop.host.to_str().unwrap_or_default());
        insert(headers, FORWARDED, format!("{before}, {own}"));
    }
}

fn insert(headers: &mut HeaderMap, name: http::HeaderName, value: String) {
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::value::MAX_NODES;
    use super::*;

    fn headers(lines: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    fn read(lines: &[(&str, &str)]) -> Result<Report, Malformed> {
        // The trusted proxies are those of 10.0.0.0/8.
        Report::read(
            &headers(lines),
            |address| matches!(address, IpAddr::V4(address) if address.octets()[0] == 10),
        )
    }

    fn client_of(lines: &[(&str, &str)]) -> Option<String> {
        read(lines).unwrap().client.map(|client| client.to_string())
    }

    #[test]
    fn the_client_is_the_last_address_that_is_no_trusted_proxy() {
        for (list, client) in [
            ("192.0.2.1", Some("192.0.2.1")),
            ("6.6.6.6, 192.0.2.1", Some("192.0.2.1")),
            ("6.6.6.6, 192.0.2.1, 10.0.0.2, 10.0.0.3", Some("192.0.2.1")),
            ("10.0.0.2,10.0.0.3", Some("10.0.0.2")),
            ("192.0.2.1, unknown, 10.0.0.3", None),
            ("2001:db8::1", Some("2001:db8::1")),
            ("", None),
        ] {
            assert_eq!(client_of(&[("x-forwarded-for", list)]).as_deref(), client, "{list}");
            let elements: Vec<String> = list
                .split(',')
                .map(|node| match node.trim() {
                    "" => String::new(),
                    node if node.contains(':') => format!("for=\"[{node}]\""),
                    node => format!("for={node}"),
                })
                .collect();
            assert_eq!(
                client_of(&[("forwarded", &elements.join(","))]).as_deref(),
                client,
                "{list}"
            );
        }
        let lines = [
            ("x-forwarded-for", "6.6.6.6"),
            ("x-forwarded-for", "192.0.2.1, 10.0.0.2"),
        ];
        assert_eq!(client_of(&lines).as_deref(), Some("192.0.2.1"));
    }

    #[test]
    fn x_real_ip_counts_where_no_list_names_a_client() {
        assert_eq!(client_of(&[("x-real-ip", "192.0.2.1")]).as_deref(), Some("192.0.2.1"));
        let both = [("x-real-ip", "6.6.6.6"), ("x-forwarded-for", "192.0.2.1")];
        assert_eq!(client_of(&both).as_deref(), Some("192.0.2.1"));
        let peer = Some(IpAddr::from([10, 0, 0, 9]));
        assert_eq!(read(&[]).unwrap().client(peer), peer);
        assert_eq!(read(&[("x-forwarded-for", "unknown")]).unwrap().client(peer), None);
        assert_eq!(
            read(&[("x-real-ip", "10.0.0.8")]).unwrap().client(peer),
            Some(IpAddr::from([10, 0, 0, 8]))
        );
        assert!(read(&[("x-real-ip", "192.0.2.1"), ("x-real-ip", "192.0.2.2")]).is_err());
    }

    #[test]
    fn values_that_differ_are_those_of_the_client_where_each_proxy_appends_one() {
        let report = read(&[
            ("x-forwarded-for", "6.6.6.6, 192.0.2.1, 10.0.0.2"),
            ("x-forwarded-proto", "http, https, http"),
            ("x-forwarded-host", "evil.example, a.example, b.internal"),
            ("x-forwarded-port", "443"),
        ])
        .unwrap();
        assert_eq!(report.scheme, Some(Scheme::HTTPS));
        assert_eq!(report.host.as_deref(), Some("a.example"));
        assert_eq!(report.port, Some(443));
        for (lines, field) in [
            (
                [("x-forwarded-proto", "https, http"), ("x-forwarded-for", "192.0.2.1")],
                Field::Proto,
            ),
            (
                [("x-forwarded-proto", "https"), ("x-forwarded-proto", "http")],
                Field::Proto,
            ),
            (
                [("x-forwarded-host", "a.example, b.example"), ("x-real-ip", "192.0.2.1")],
                Field::Host,
            ),
        ] {
            assert_eq!(read(&lines).unwrap_err(), Malformed::different(field), "{lines:?}");
        }
        let equal = read(&[("x-forwarded-proto", "https, HTTPS"), ("x-forwarded-for", "192.0.2.1")]).unwrap();
        assert_eq!(equal.scheme, Some(Scheme::HTTPS));
    }

    #[test]
    fn the_element_of_the_client_has_its_scheme_and_its_host() {
        let report = read(&[(
            "forwarded",
            "for=6.6.6.6;proto=http;host=evil, for=192.0.2.1;proto=https, for=10.0.0.2;proto=http;host=b.internal",
        )])
        .unwrap();
        assert_eq!(report.scheme, Some(Scheme::HTTPS));
        assert_eq!(report.host.as_deref(), Some("b.internal"));
    }

    #[test]
    fn forwarded_and_x_forwarded_must_agree() {
        for (element, x, field) in [
            ("for=192.0.2.1", ("x-forwarded-for", "192.0.2.2"), Field::For),
            ("proto=https", ("x-forwarded-proto", "http"), Field::Proto),
            ("host=a.example", ("x-forwarded-host", "b.example"), Field::Host),
        ] {
            let lines = [("forwarded", element), x];
            assert_eq!(read(&lines).unwrap_err(), Malformed::contradicts(field), "{lines:?}");
        }
        let agreed = read(&[
            ("forwarded", "for=192.0.2.1;proto=https, for=10.0.0.2"),
            ("x-forwarded-for", "192.0.2.1"),
            ("x-forwarded-proto", "wss"),
        ]);
        assert_eq!(agreed.unwrap().scheme, Some(Scheme::HTTPS));
    }

    #[test]
    fn malformed_values_are_an_error() {
        for (name, value, field) in [
            ("x-forwarded-for", "here", Field::For),
            ("x-forwarded-for", "192.0.2.1 10.0.0.2", Field::For),
            ("x-forwarded-proto", "ftp", Field::Proto),
            ("x-forwarded-port", "0", Field::Port),
            ("x-forwarded-port", "65536", Field::Port),
            ("x-forwarded-port", "443a", Field::Port),
            ("x-real-ip", "here", Field::RealIp),
            ("x-forwarded-for", "\u{e9}", Field::For),
            ("forwarded", "for", Field::Forwarded),
        ] {
            let error = read(&[(name, value)]).unwrap_err();
            assert_eq!(error, Malformed::value(field), "{name}: {value}");
            assert_eq!(error.0, format!("`{name}` of a trusted proxy is malformed"));
        }
        let many = |count| vec!["10.0.0.2"; count].join(",");
        assert!(read(&[("x-forwarded-for", &many(MAX_NODES))]).is_ok());
        let error = read(&[("x-forwarded-for", &many(MAX_NODES + 1))]).unwrap_err();
        assert_eq!(error, Malformed::too_many(Field::For));
    }

    fn written(report: Option<&Report>, peer: Option<&str>) -> Vec<String> {
        let mut headers = HeaderMap::new();
        let hop = LastHop {
            peer: peer.map(|peer| peer.parse().unwrap()),
            scheme: &Scheme::HTTP,
            host: &HeaderValue::from_static("a.example"),
        };
        write(&mut headers, report, hop);
        let mut lines: Vec<String> = headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        lines.sort();
        lines
    }

    #[test]
    fn the_last_hop_is_written_alone_or_after_what_is_reported() {
        let alone = [
            "x-forwarded-for: 10.0.0.9",
            "x-forwarded-host: a.example",
            "x-forwarded-proto: http",
        ];
        assert_eq!(written(None, Some("10.0.0.9")), alone);
        assert_eq!(written(None, None), alone[1..]);
        let report = read(&[
            ("x-forwarded-for", "192.0.2.1, 10.0.0.2"),
            ("x-forwarded-proto", "https"),
        ]);
        let extended = [
            "x-forwarded-for: 192.0.2.1, 10.0.0.2, 10.0.0.9",
            "x-forwarded-host: a.example",
            "x-forwarded-proto: https",
        ];
        assert_eq!(written(report.ok().as_ref(), Some("10.0.0.9")), extended);
        let report = read(&[
            ("forwarded", "for=192.0.2.1;proto=https"),
            ("forwarded", "for=\"[::1]\";x=y"),
            ("x-forwarded-port", "8443"),
            ("x-real-ip", "10.0.0.2"),
        ]);
        let all = [
            "forwarded: for=192.0.2.1;proto=https, for=\"[::1]\";x=y, for=10.0.0.9;host=a.example;proto=http",
            "x-forwarded-for: 192.0.2.1, ::1, 10.0.0.9",
            "x-forwarded-host: a.example",
            "x-forwarded-port: 8443",
            "x-forwarded-proto: http",
            "x-real-ip: ::1",
        ];
        assert_eq!(written(report.ok().as_ref(), Some("10.0.0.9")), all);
    }
}
