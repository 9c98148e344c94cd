//! The field `Forwarded` (RFC 7239).

use std::net::IpAddr;

use http::HeaderMap;
use http::header::FORWARDED;
use http::uri::Scheme;

use super::node::Node;
use super::value::{Field, MAX_NODES, Malformed, scheme};

const MALFORMED: Malformed = Malformed::value(Field::Forwarded);

/// What one proxy reports of the request that it received.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Element {
    /// Where it came from.
    pub(super) node: Option<Node>,
    pub(super) scheme: Option<Scheme>,
    pub(super) host: Option<String>,
}

/// The elements of every line, that of the first proxy first.
pub(super) fn read(headers: &HeaderMap) -> Result<Vec<Element>, Malformed> {
    let mut elements = Vec::new();
    for line in headers.get_all(FORWARDED) {
        let mut rest = line.to_str().map_err(|_| MALFORMED)?.trim_matches(BLANKS);
        while !rest.is_empty() {
            let (element, after) = element(rest)?;
            // RFC 9110 section 5.6.1: a recipient ignores empty elements.
            elements.extend(element);
            if elements.len() > MAX_NODES {
                return Err(Malformed::too_many(Field::Forwarded));
            }
            rest = after;
        }
    }
    Ok(elements)
}

const BLANKS: [char; 2] = [' ', '\t'];

/// The first element of `text`, if it is not empty, and what follows its comma.
fn element(text: &str) -> Result<(Option<Element>, &str), Malformed> {
    let mut element = Element::default();
    let mut names: Vec<&str> = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(BLANKS);
        if !rest.starts_with([',', ';']) && !rest.is_empty() {
            let end = rest.find(|character| !is_token(character)).unwrap_or(rest.len());
            let (name, after) = rest.split_at(end);
            let value = after.strip_prefix('=').ok_or(MALFORMED)?;
            let (value, after) = self::value(value)?;
            if name.is_empty() || names.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                return Err(MALFORMED);
            }
            names.push(name);
            element.set(name, &value)?;
            rest = after.trim_start_matches(BLANKS);
        }
        match rest.as_bytes().first() {
            None => return Ok(((!names.is_empty()).then_some(element), "")),
            Some(b',') => return Ok(((!names.is_empty()).then_some(element), &rest[1..])),
            Some(b';') => rest = &rest[1..],
            Some(_) => return Err(MALFORMED),
        }
    }
}

/// A token or a quoted string at the beginning of `text`, and what follows it.
fn value(text: &str) -> Result<(String, &str), Malformed> {
    let Some(quoted) = text.strip_prefix('"') else {
        // Many proxies do not quote the colon of a port or of an IPv6 address, as they should.
        let end = text.find(|character| !is_token(character) && !":[]".contains(character));
        let (value, rest) = text.split_at(end.unwrap_or(text.len()));
        return match value {
            "" => Err(MALFORMED),
            value => Ok((value.to_owned(), rest)),
        };
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Ok((value, &quoted[at + 1..])),
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            other => value.push(other),
        }
    }
    Err(MALFORMED)
}

fn is_token(character: char) -> bool {
    character.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(character)
}

impl Element {
    fn set(&mut self, name: &str, value: &str) -> Result<(), Malformed> {
        if name.eq_ignore_ascii_case("for") {
            self.node = Some(Node::parse(value).ok_or(MALFORMED)?);
        } else if name.eq_ignore_ascii_case("proto") {
            self.scheme = Some(scheme(value).ok_or(MALFORMED)?);
        } else if name.eq_ignore_ascii_case("host") {
            self.host = Some(value.to_owned());
        }
        Ok(())
    }
}

/// The element of one more proxy, which received the request from `peer`.
pub(super) fn written(peer: Option<IpAddr>, scheme: &Scheme, host: &str) -> String {
    let node = match peer {
        None => "unknown".to_owned(),
        Some(IpAddr::V4(address)) => address.to_string(),
        Some(IpAddr::V6(address)) => format!("\"[{address}]\""),
    };
    let quote = if host.chars().all(is_token) { "" } else { "\"" };
    format!("for={node};host={quote}{host}{quote};proto={scheme}")
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn elements(lines: &[&str]) -> Result<Vec<String>, Malformed> {
        let lines = lines.iter();
        let headers = lines.map(|line| (FORWARDED, HeaderValue::from_str(line).unwrap()));
        let elements = read(&headers.collect())?.into_iter().map(|element| {
            let mut node = String::new();
            element.node.unwrap_or(Node::Hidden).append_to(&mut node);
            let node = element.node.map_or("-", |_| &node);
            let scheme = element
                .scheme
                .map_or_else(|| "-".to_owned(), |scheme| scheme.to_string());
            format!("{node} {scheme} {}", element.host.as_deref().unwrap_or("-"))
        });
        Ok(elements.collect())
    }

    #[test]
    fn elements_are_read_as_the_rfc_writes_them() {
        for (lines, read) in [
            (
                &["for=192.0.2.60;proto=http;by=203.0.113.43"][..],
                &["192.0.2.60 http -"][..],
            ),
            (&["for=\"_gazonk\""], &["unknown - -"]),
            (&["For=\"[2001:db8:cafe::17]:4711\""], &["2001:db8:cafe::17 - -"]),
            (
                &["for=192.0.2.43, for=198.51.100.17"],
                &["192.0.2.43 - -", "198.51.100.17 - -"],
            ),
            (
                &["for=192.0.2.43", "for=198.51.100.17"],
                &["192.0.2.43 - -", "198.51.100.17 - -"],
            ),
            (&["proto=HTTPS ; host=\"a.example:8443\""], &["- https a.example:8443"]),
            (
                &["host=a.example:8443;for=192.0.2.1:80"],
                &["192.0.2.1 - a.example:8443"],
            ),
            (&["for=[::1];x=\"a,b;c\\\"=d\""], &["::1 - -"]),
            (&[" , for=192.0.2.1 ,, "], &["192.0.2.1 - -"]),
            (&["", " "], &[]),
        ] {
            assert_eq!(elements(lines).unwrap(), read, "{lines:?}");
        }
    }

    #[test]
    fn a_malformed_field_is_an_error() {
        for line in [
            "for",
            "for=",
            "=a",
            "for=192.0.2.1;for=192.0.2.2",
            "for=192.0.2.1;For=192.0.2.1",
            "for=\"192.0.2.1",
            "for=nowhere",
            "proto=ftp",
            "for =192.0.2.1",
            "for= 192.0.2.1",
            "for=192.0.2.1 for=192.0.2.2",
            "for=192.0.2.1/24",
            "192.0.2.1",
            "for=\"192.0.2.1\"x",
            "\u{e9}=a",
        ] {
            assert_eq!(elements(&[line]), Err(MALFORMED), "{line}");
        }
        let many = vec!["for=192.0.2.1"; MAX_NODES + 1].join(",");
        assert_eq!(elements(&[&many]), Err(Malformed::too_many(Field::Forwarded)));
    }

    #[test]
    fn a_written_element_is_read_back() {
        for (peer, host) in [
            (Some("192.0.2.1"), "a.example"),
            (Some("2001:db8::1"), "a.example:8443"),
            (None, "[::1]:80"),
        ] {
            let peer = peer.map(|peer| peer.parse().unwrap());
            let written = written(peer, &Scheme::HTTPS, host);
            let node = peer.map_or_else(|| "unknown".to_owned(), |peer: IpAddr| peer.to_string());
            assert_eq!(
                elements(&[&written]).unwrap(),
                [format!("{node} https {host}")],
                "{written}"
            );
        }
    }
}
