//! The normal form of a resource URI of MCP: the one spelling in which a policy compares it.
//!
//! Servers differ in which spellings they read as one resource: some decode escapes, remove dot segments or parameters, or ignore
//! the user, a last slash or an empty query. The normal form has none of these.

use std::net::{Ipv4Addr, Ipv6Addr};

use url::Url;

use super::target::is_look_alike;

/// Whether a URI is in its normal form. It is `scheme:path`, or `scheme://host:port/path`, and a query that is not empty may follow:
///
/// - Scheme and host are in lower case. There is no user, no dot at the end of the host, and no default or empty port. `file` has no
///   host and no query.
/// - No segment of the path is empty, contains `;`, or ends in a dot or a blank; but `/` is the path of a URL without one.
/// - An escape is in upper case, and only of a byte that its component cannot have otherwise. No escape is of `/`, `\`, `.`, `%` or
///   a control character, none in the path is of `;`, and the decoded text is UTF-8.
/// - There is no fragment.
pub(crate) fn is_normal_uri(uri: &str) -> bool {
    let Some((scheme, rest)) = uri.split_once(':') else {
        return false;
    };
    let (rest, query) = match rest.split_once('?') {
        Some((rest, query)) => (rest, Some(query)),
        None => (rest, None),
    };
    let has_root = WITH_ROOT.contains(&scheme);
    let is_path_normal = match rest.strip_prefix("//") {
        Some(rest) => {
            let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            let is_path_normal = match path.strip_prefix('/') {
                None => !has_root && !authority.is_empty(),
                Some("") => has_root,
                Some(segments) => are_segments(segments),
            };
            is_path_normal && is_authority(scheme, authority)
        }
        None => !has_root && are_segments(rest),
    };
    is_scheme(scheme)
        && is_path_normal
        && query.is_none_or(|query| scheme != FILE && is_query(query))
        && Url::parse(uri).is_ok_and(|parsed| parsed.as_str() == uri)
}

const FILE: &str = "file";

/// The schemes whose parsers add `//` and the path `/` to a URL without them.
const WITH_ROOT: [&str; 6] = [FILE, "ftp", "http", "https", "ws", "wss"];

fn is_scheme(scheme: &str) -> bool {
    let is_of_scheme = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'+' | b'-' | b'.');
    scheme.starts_with(|first: char| first.is_ascii_lowercase()) && scheme.bytes().all(is_of_scheme)
}

fn is_authority(scheme: &str, authority: &str) -> bool {
    let end_of_host = authority.find(']').unwrap_or(0);
    let port = authority[end_of_host..].find(':').map(|index| end_of_host + index);
    let (host, port) = authority.split_at(port.unwrap_or(authority.len()));
    match (scheme, authority) {
        (_, "") => scheme == FILE || !WITH_ROOT.contains(&scheme),
        (FILE, _) => false,
        _ => is_host(host) && port.strip_prefix(':').is_none_or(is_port),
    }
}

fn is_host(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[') {
        let address = address.strip_suffix(']').unwrap_or_default();
        return address
            .parse::<Ipv6Addr>()
            .is_ok_and(|parsed| parsed.to_string() == address);
    }
    let is_of_label = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'~');
    let is_label = |label: &str| !label.is_empty() && label.bytes().all(is_of_label);
    // A number alone is an identifier, as in `users://7/profile`; several are an address.
    let is_address = host.rsplit_once('.').is_some_and(|(_, last)| {
        let is_number = last.bytes().all(|byte| byte.is_ascii_digit());
        is_number || last.starts_with("0x")
    });
    host.split('.').all(is_label) && (!is_address || host.parse::<Ipv4Addr>().is_ok())
}

fn is_port(port: &str) -> bool {
    let is_number = port.bytes().all(|byte| byte.is_ascii_digit());
    is_number && !port.starts_with('0') && port.parse::<u16>().is_ok()
}

fn are_segments(path: &str) -> bool {
    path.split('/').all(|segment| {
        let text = SEGMENT.decoded(segment);
        text.is_some_and(|text| is_distinct(&text))
    })
}

/// Whether no server ignores a segment, or a part of it: parameters behind `;`, and dots and blanks at the end.
fn is_distinct(segment: &str) -> bool {
    !segment.is_empty() && !segment.contains(';') && !segment.ends_with(['.', ' '])
}

/// A server that reads no query takes it for a part of the path.
fn is_query(query: &str) -> bool {
    let is_dots = |part: &str| matches!(part.split(';').next(), Some("." | ".."));
    let text = QUERY.decoded(query);
    text.is_some_and(|text| !text.is_empty() && !text.split(['/', '?']).any(is_dots))
}

/// A component of a URI, by its characters that are neither letters, digits nor `-._~`.
struct Component {
    /// Those that are written as they are.
    plain: &'static str,
    /// Those that are written in either way, and then differ.
    either: &'static str,
}

const SEGMENT: Component = Component {
    plain: "!$&'()*+,=:@",
    either: "",
};

const QUERY: Component = Component {
    plain: "/",
    either: "!$&'()*+,;=:@?",
};

impl Component {
    /// The text that a component writes; [`None`] if it is not in its normal form.
    fn decoded(&self, written: &str) -> Option<String> {
        let mut bytes = Vec::with_capacity(written.len());
        let mut rest = written.bytes();
        while let Some(byte) = rest.next() {
            let (is_normal, byte) = match byte {
                b'%' => {
                    let byte = digit(rest.next()?)? << 4 | digit(rest.next()?)?;
                    (self.needs_escape(byte), byte)
                }
                byte => (self.is_plain(byte) || self.either.as_bytes().contains(&byte), byte),
            };
            if !is_normal {
                return None;
            }
            bytes.push(byte);
        }
        let text = String::from_utf8(bytes).ok()?;
        let is_excluded = |character: char| character.is_control() || is_look_alike(character);
        (!text.contains(is_excluded)).then_some(text)
    }

    fn is_plain(&self, byte: u8) -> bool {
        byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || self.plain.as_bytes().contains(&byte)
    }

    fn needs_escape(&self, byte: u8) -> bool {
        !self.is_plain(byte) && !b"/\\.%".contains(&byte)
    }
}

/// The value of a hexadecimal digit in upper case.
fn digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_normal_uri_is_accepted() {
        for uri in [
            "file:///projects/a.json",
            "file:///C:/projects/a.json",
            "file:///a%20b",
            "file:///%5Bc%5D",
            "file:///%C3%A9/.profile/..a/a..b",
            "file:///",
            "https://example.com/",
            "https://example.com/a?b=c",
            "https://example.com/a?b=%26&c=%C3%A9/d?e",
            "https://example.com:8443/a",
            "https://127.0.0.1/a",
            "https://[2001:db8::1]:8443/a",
            "note://inbox/1",
            "config://app",
            "users://7/profile",
            "db://h:1/secret/a",
            "db://127.0.0.1/a",
            "memo:///a",
            "mem:public/a",
            "mem:a@b",
            "urn:x:a",
            "a:b",
        ] {
            assert!(is_normal_uri(uri), "{uri}");
        }
    }

    #[test]
    fn another_spelling_is_rejected() {
        for uri in [
            // Scheme and authority.
            "",
            "secret",
            "/etc/passwd",
            "//h/secret/a",
            "../secret",
            "\\\\h\\secret",
            ":a",
            "1:a",
            "FILE:///projects/a.json",
            "MEM:secret/a",
            "file:/public/a",
            "file:secret/a",
            "file://",
            "file:",
            "file://localhost/public/a",
            "file://h/secret/a",
            "https:h.example/a",
            "https:/h.example/a",
            "https:///h.example/a",
            "https://EXAMPLE.com/a",
            "https://example.com:443/a",
            "https://example.com:/a",
            "https://example.com:08443/a",
            "https://example.com",
            "https://example.com?a",
            "https://h.example./secret/a",
            "https://.h.example/secret/a",
            "https://u@h.example/secret/a",
            "https://u:p@h.example/secret/a",
            "https://@h.example/secret/a",
            "https://h%2Eexample/a",
            "https://127.1/a",
            "https://2130706433/a",
            "https://[::ffff:127.0.0.1]/a",
            "https://[2001:DB8::1]/a",
            "https://b\u{fc}cher.example/a",
            "db://H/secret/a",
            "db://u@h/secret/a",
            "db://h./secret/a",
            "db://h..x/secret/a",
            "db://%68/secret/a",
            "db://h:/secret/a",
            "db://h:01/secret/a",
            "db://h:70000/secret/a",
            "db://:1/secret/a",
            "db://127.1/secret/a",
            "db://127.0.0.0x1/secret/a",
            "db://[::0]/secret/a",
            "db://[::1/secret/a",
            "db://",
            "mem:/secret/a",
            "mem:",
            // Segments.
            "file:///public/../secret",
            "file:///public/%2e%2e/secret",
            "file:///public/%2E%2E/secret",
            "file:///public/.%2E/secret",
            "file:///public/..%2fsecret",
            "file:///public/..%2Fsecret",
            "file:///public/..%5Csecret",
            "file:///public/..\\secret",
            "file:///public/..;/secret",
            "file:///public/..;x/secret",
            "file:///public/..%3B/secret",
            "file:///public/.;/secret",
            "file:///public/;/secret",
            "file:///public/%3Bx/secret",
            "file:///public;x/secret",
            "file:///public%3Bx/secret",
            "file:///public/...",
            "file:///public/.. /secret",
            "file:///public/..%20/secret",
            "file:///public//secret",
            "file:////secret/a",
            "file:///public/.",
            "file:///public/..",
            "file:///one/",
            "file:///one.",
            "file:///one%20",
            "db://h/",
            "db://h/pub/../x",
            "db://h/pub/..%2Fx",
            "db://h/pub/%2e%2e/x",
            "db://h/pub/%2F%2E%2E",
            "db://h/pub//..//x",
            "db://h//secret/a",
            "note://inbox/%2e%2e/1",
            "https://h.example/pub/../x",
            "https://h.example/pub/..%2Fx",
            "https://h.example/pub/%2F..%2Fx",
            "https://h.example//secret/a",
            "mem:public/../secret",
            "mem:public/./../secret",
            "mem:public/%2e%2e/s",
            "mem:public/..\\x",
            "mem:x/../secret/a",
            "mem:./secret/a",
            "mem:public/",
            // Escapes and characters.
            "file:///secret%2Fa",
            "file:///pub/..%2Fsecret/a",
            "file:///public/%2Fetc%2Fpasswd",
            "file:///public/%252E%252E/x",
            "file:///public/%25",
            "file:///public/%C0%AE%C0%AE/x",
            "file:///public/%FF",
            "file:///public/%C3",
            "file:///public/..%00/x",
            "file:///public/.%00./x",
            "file:///one%00",
            "file:///one%0A",
            "file:///one%7F",
            "file:///one%C2%85",
            "file:///%6Fne",
            "file:///projects/%61",
            "file:///projects/%7E",
            "file:///projects%21",
            "file:///projects%3Aa",
            "file:///a%c3%a9",
            "file:///a%",
            "file:///a%2",
            "file:///a%GG",
            "file:///a%+1",
            "file:///public/ x",
            "file:///a\\b",
            "file:///a[b]",
            "file:///a|b",
            "file:///\u{e9}",
            "file:///public/\u{ff0e}\u{ff0e}/x",
            "file:///public/%EF%BC%8E%EF%BC%8E/x",
            "file:///public/\u{2025}/x",
            "file:///public/%E2%80%A5/x",
            "note://inbox/a\\b",
            // Query and fragment.
            "file:///one?",
            "file:///one?x",
            "file:///one#",
            "file:///one#x",
            "file:///public/a?../..",
            "https://example.com/a?",
            "https://example.com/a#",
            "https://example.com/a#b",
            "https://example.com/a?b#c",
            "https://example.com/a?x=../../secret",
            "https://example.com/a?/../secret",
            "https://example.com/a?%2E%2E/b",
            "https://example.com/a?b=%2F",
            "https://example.com/a?b=%25",
            "https://example.com/a?b=%00",
            "https://example.com/a?b=\u{e9}",
            "mem:a?",
            "mem:a#b",
        ] {
            assert!(!is_normal_uri(uri), "{uri}");
        }
    }
}
