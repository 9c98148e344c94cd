//! The canonical target of a request: method, path and query without ambiguity.
//!
//! The target is forwarded byte for byte as it was checked. A path that a server might read in another way (a dot segment,
//! an encoded slash, a path parameter) is an error and is not normalised, because implementations normalise differently.

use std::borrow::Cow;

use http::uri::Authority;
use http::{Method, Uri};

use super::folding::Folding;
use crate::error::Error;

/// The unambiguous target of a request.
///
/// ```
/// use actgate::request::Target;
/// use http::{Method, Uri};
///
/// let uri = Uri::from_static("/users/a%40example.com?page=2");
/// let target = Target::new(&Method::GET, &uri)?;
/// assert_eq!(target.path(), "/users/a@example.com");
///
/// for ambiguous in ["/a/../b", "/a//b", "/a%2fb", "/a;v=1", "/a%252fb"] {
///     assert!(Target::new(&Method::GET, &ambiguous.parse()?).is_err());
/// }
/// assert!(Target::new(&Method::from_bytes(b"delete")?, &uri).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// It does NOT check scheme and host, which it only carries, and cannot see a fragment: `http::Uri` drops it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target<'a> {
    method: &'a Method,
    path: CanonicalPath<'a>,
    query: Option<&'a str>,
    origin: Origin<'a>,
}

/// Where scheme and host of a request are known from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin<'a> {
    Unknown,
    Uri(&'a str, &'a str),
    Server(&'a str, &'a str),
}

impl<'a> Target<'a> {
    /// Checks method, path and query of a request.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`] for a method with a lower-case letter, which some servers read in upper case; for a path
    /// without a leading slash, with an empty or dot segment, a path parameter (`;`), a backslash, a raw byte outside of ASCII,
    /// or an escape of a control character, a separator, a dot, a per cent sign, a look-alike of a separator, or no UTF-8 at all.
    pub fn new(method: &'a Method, uri: &'a Uri) -> Result<Self, Error> {
        Target::of(method, uri, EscapedSlash::Denied)
    }

    /// As [`new`](Self::new), but accepts an escaped slash (`%2F`) within a segment. Routes are matched with it as a part of the
    /// segment, and [`decide`](crate::Authorizer::decide) denies it on every route without `escaped_slash: pass`.
    ///
    /// ```
    /// use actgate::request::Target;
    /// use http::{Method, Uri};
    ///
    /// let uri = Uri::from_static("/projects/group%2fname");
    /// assert!(Target::new(&Method::GET, &uri).is_err());
    /// let target = Target::with_escaped_slashes(&Method::GET, &uri)?;
    /// assert_eq!(target.path(), "/projects/group%2Fname");
    /// # Ok::<(), actgate::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`new`](Self::new), and for a path that has an empty or a dot segment once its slashes are decoded.
    pub fn with_escaped_slashes(method: &'a Method, uri: &'a Uri) -> Result<Self, Error> {
        Target::of(method, uri, EscapedSlash::Kept)
    }

    fn of(method: &'a Method, uri: &'a Uri, slash: EscapedSlash) -> Result<Self, Error> {
        let ambiguous = |reason| Error::InvalidRequest { reason };
        if !is_usual(method) && method.as_str().bytes().any(|byte| byte.is_ascii_lowercase()) {
            return Err(ambiguous("the method contains a lower-case letter"));
        }
        let path = canonical(uri.path(), slash).map_err(ambiguous)?;
        Ok(Target {
            method,
            path,
            query: uri.query(),
            origin: match (uri.scheme_str(), uri.authority().map(Authority::as_str)) {
                (Some(scheme), Some(host)) => Origin::Uri(scheme, host),
                _ => Origin::Unknown,
            },
        })
    }

    /// Sets scheme and host of the request, as the server received them.
    #[must_use]
    pub fn with_origin(mut self, scheme: &'a str, host: &'a str) -> Self {
        self.origin = Origin::Server(scheme, host);
        self
    }

    /// Scheme and host, where they are known: from the URI, or [set](Self::with_origin).
    pub fn origin(&self) -> Option<(&'a str, &'a str)> {
        match self.origin {
            Origin::Unknown => None,
            Origin::Uri(scheme, host) | Origin::Server(scheme, host) => Some((scheme, host)),
        }
    }

    pub(super) fn origin_source(&self) -> Origin<'a> {
        self.origin
    }

    /// The method, in upper case.
    pub fn method(&self) -> &'a Method {
        self.method
    }

    /// The path with its escapes decoded but those of slashes, which routes are matched against. Forward the original, byte for byte.
    pub fn path(&self) -> &str {
        &self.path.decoded
    }

    /// The forms that a server may read the path in. All must lead to the same access.
    pub(crate) fn forms(&self) -> PathForms<'_> {
        PathForms {
            decoded: &self.path.decoded,
            differences: self.path.differences,
            kept: self.path.kept.as_deref(),
            slashes: &self.path.slashes,
        }
    }

    pub(crate) fn has_escaped_slash(&self) -> bool {
        !self.path.slashes.is_empty()
    }

    /// The same with another query.
    pub(crate) fn with_query(mut self, query: Option<&'a str>) -> Self {
        self.query = query;
        self
    }

    pub(crate) fn query(&self) -> Option<&'a str> {
        self.query
    }
}

/// Whether a method is one of the usual ones, whose letters need not be inspected.
fn is_usual(method: &Method) -> bool {
    matches!(
        *method,
        Method::GET | Method::POST | Method::PUT | Method::DELETE | Method::PATCH | Method::HEAD | Method::OPTIONS
    )
}

/// The forms that a server may read one path in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PathForms<'t> {
    /// With every escape decoded.
    pub(crate) decoded: &'t str,
    /// What a server may ignore in the spelling of the decoded form.
    pub(crate) differences: Folding,
    /// With the escapes that some servers keep, where there are any: those of reserved characters (RFC 3986 section 2.2: `%40`
    /// and `@` need not be equivalent), and those that are needless (`%7E`).
    pub(crate) kept: Option<&'t str>,
    /// Both with each escaped slash decoded; empty where the path has none. Where it has, it is `%2F` in the others.
    pub(crate) slashes: &'t [String],
}

impl<'t> PathForms<'t> {
    #[cfg(test)]
    pub(crate) fn of(decoded: &'t str) -> Self {
        PathForms {
            decoded,
            differences: Folding::of(decoded),
            kept: None,
            slashes: &[],
        }
    }

    /// Each form but those with decoded slashes, with what a server may ignore in its spelling.
    pub(crate) fn iter(self) -> impl Iterator<Item = (&'t str, Folding)> {
        let kept = self.kept.map(|path| (path, Folding::of(path)));
        [Some((self.decoded, self.differences)), kept].into_iter().flatten()
    }
}

/// A path without ambiguity, in its forms.
#[derive(Clone, Debug, PartialEq, Eq)]
struct CanonicalPath<'a> {
    decoded: Cow<'a, str>,
    differences: Folding,
    kept: Option<String>,
    slashes: Vec<String>,
}

/// What becomes of an escaped slash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum EscapedSlash {
    Denied,
    Kept,
}

const ESCAPED_SEPARATOR: &str = "the path contains an escaped separator";

fn canonical(path: &str, slash: EscapedSlash) -> Result<CanonicalPath<'_>, &'static str> {
    let Some(rest) = path.strip_prefix('/') else {
        return Err("the path does not begin with a slash");
    };
    let (mut marks, mut doubled, mut last) = (0, 0, 0);
    for byte in path.bytes() {
        let mark = MARKS[usize::from(byte)];
        marks |= mark;
        doubled |= last & mark;
        last = mark;
    }
    if marks & REFUSED != 0 {
        return Err(refusal(path));
    }
    // Most paths have neither.
    if marks & DOT != 0 || doubled & SLASH != 0 {
        check_segments(rest)?;
    }
    if marks & PER_CENT != 0 {
        return decode(path, slash);
    }
    // Most paths have no letter, no dot and no last slash that a server may ignore.
    let differences = match marks & (DOT | UPPER_CASE) != 0 || last == SLASH {
        true => Folding::of(path),
        false => Folding::default(),
    };
    Ok(CanonicalPath {
        decoded: Cow::Borrowed(path),
        differences,
        kept: None,
        slashes: Vec::new(),
    })
}

/// What each byte of a path is to the checks: one look-up a byte costs less than a comparison with each of them.
static MARKS: [u8; 256] = {
    let mut marks = [REFUSED; 256];
    let mut byte = 0x21;
    while byte < 0x7f {
        marks[byte as usize] = match byte {
            b'/' => SLASH,
            b'.' => DOT,
            b'%' => PER_CENT,
            b'A'..=b'Z' => UPPER_CASE,
            b'\\' | b';' | b'#' => REFUSED,
            _ => 0,
        };
        byte += 1;
    }
    marks
};

const SLASH: u8 = 1;
const DOT: u8 = 2;
const UPPER_CASE: u8 = 4;
const PER_CENT: u8 = 8;
const REFUSED: u8 = 16;

/// Why a path with a byte that is refused is ambiguous.
#[cold]
fn refusal(path: &str) -> &'static str {
    let refused = path.bytes().find(|byte| MARKS[usize::from(*byte)] == REFUSED);
    match refused {
        Some(b'\\') => "the path contains a backslash",
        Some(b';') => "the path contains a path parameter",
        Some(b'#') => "the path contains a fragment",
        _ => "the path contains a byte that must be escaped",
    }
}

/// Checks the segments of a path without its first slash.
fn check_segments(rest: &str) -> Result<(), &'static str> {
    let mut segments = rest.split('/').peekable();
    while let Some(segment) = segments.next() {
        match segment {
            // An empty last segment is a trailing slash, a path of its own.
            "" if segments.peek().is_some() => return Err("the path contains an empty segment"),
            "." | ".." => return Err("the path contains a dot segment"),
            _ => {}
        }
    }
    Ok(())
}

fn decode(path: &str, slash: EscapedSlash) -> Result<CanonicalPath<'_>, &'static str> {
    let mut decoded = Vec::with_capacity(path.len());
    let mut kept = Vec::with_capacity(path.len());
    let (mut is_kept, mut has_slash) = (false, false);
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            kept.push(byte);
            continue;
        }
        let mut digit = || bytes.next().and_then(|digit| char::from(digit).to_digit(16));
        let escaped = digit().zip(digit()).map(|(high, low)| high * 16 + low);
        let byte = escaped.and_then(|byte| u8::try_from(byte).ok());
        let byte = byte.ok_or("the path contains a broken escape")?;
        match byte {
            b'/' if slash == EscapedSlash::Kept => {
                has_slash = true;
                decoded.extend(b"%2F");
                kept.extend(b"%2F");
            }
            b'/' | b'\\' | b';' => return Err(ESCAPED_SEPARATOR),
            b'.' => return Err("the path contains an escaped dot"),
            b'%' => return Err("the path is escaped twice"),
            b'A'..=b'Z'
            | b'a'..=b'z'
            | b'0'..=b'9'
            | b'-'
            | b'_'
            | b'~'
            | b'!'
            | b'$'
            | b'&'
            | b'\''
            | b'('
            | b')'
            | b'*'
            | b'+'
            | b','
            | b':'
            | b'='
            | b'@' => {
                is_kept = true;
                decoded.push(byte);
                kept.extend(format!("%{byte:02X}").into_bytes());
            }
            _ => {
                decoded.push(byte);
                kept.push(byte);
            }
        }
    }
    let decoded = String::from_utf8(decoded).map_err(|_| "the path is not UTF-8")?;
    if decoded.chars().any(char::is_control) {
        return Err("the path contains a control character");
    }
    if decoded.contains(is_look_alike) {
        return Err("the path contains a look-alike of a separator");
    }
    let kept = String::from_utf8(kept).map_err(|_| "the path is not UTF-8")?;
    let kept = is_kept.then_some(kept);
    let mut slashes = Vec::new();
    if has_slash {
        // No other escape of a slash is in either form.
        slashes.extend(
            [Some(&decoded), kept.as_ref()]
                .into_iter()
                .flatten()
                .map(|path| path.replace("%2F", "/")),
        );
        for path in &slashes {
            check_segments(&path[1..]).map_err(|_| ESCAPED_SEPARATOR)?;
        }
    }
    Ok(CanonicalPath {
        differences: Folding::of(&decoded),
        decoded: Cow::Owned(decoded),
        kept,
        slashes,
    })
}

/// Whether no accepted path has a character, because some servers fold it into a separator.
pub(crate) fn is_look_alike(character: char) -> bool {
    LOOK_ALIKES.contains(&character)
}

/// Characters that some servers fold into `.`, `/`, `\`, `;`, `%`, `#` or `?` (compatibility forms, best-fit mappings).
const LOOK_ALIKES: [char; 23] = [
    '\u{2024}', '\u{2025}', '\u{2026}', '\u{2044}', '\u{2215}', '\u{2216}', '\u{29f5}', '\u{29f8}', '\u{29f9}',
    '\u{fe52}', '\u{fe54}', '\u{fe56}', '\u{fe5f}', '\u{fe68}', '\u{fe6a}', '\u{ff03}', '\u{ff05}', '\u{ff0e}',
    '\u{ff0f}', '\u{ff1b}', '\u{ff1f}', '\u{ff3c}', '\u{feff}',
];

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(path: &str) -> Result<CanonicalPath<'_>, &'static str> {
        super::canonical(path, EscapedSlash::Denied)
    }

    #[test]
    fn a_plain_path_is_unchanged() {
        for path in ["/", "/a", "/a/", "/a/b.c/...", "/a:b@c,d=e+f!$&'()*~-_", "/{x}"] {
            assert!(
                matches!(canonical(path), Ok(CanonicalPath { decoded: Cow::Borrowed(read), kept: None, .. }) if read == path),
                "{path}"
            );
        }
    }

    #[test]
    fn what_a_server_may_ignore_is_known_with_the_path() {
        for path in [
            "/", "/a", "/a/", "/A", "/a.", "/a.b", "/a%20/b", "/%41", "/%C3%89", "/a./b",
        ] {
            let canonical = canonical(path).unwrap();
            assert_eq!(canonical.differences, Folding::of(&canonical.decoded), "{path}");
        }
    }

    #[test]
    fn an_unambiguous_escape_is_decoded() {
        for (path, reading) in [
            ("/a%20b", "/a b"),
            ("/%C3%A9", "/é"),
            ("/a%40b", "/a@b"),
            ("/c%23", "/c#"),
            ("/%e2%82%ac", "/€"),
        ] {
            assert_eq!(
                canonical(path).map(|path| path.decoded.into_owned()).as_deref(),
                Ok(reading),
                "{path}"
            );
        }
    }

    #[test]
    fn an_escape_that_some_servers_keep_is_in_one_of_the_forms() {
        for (path, decoded, kept) in [
            ("/%7Eme", "/~me", "/%7Eme"),
            ("/%61dmin", "/admin", "/%61dmin"),
            ("/a%2db%5f%30", "/a-b_0", "/a%2Db%5F%30"),
            ("/a%40b", "/a@b", "/a%40b"),
        ] {
            let forms = canonical(path).unwrap();
            assert_eq!(
                (&*forms.decoded, forms.kept.as_deref()),
                (decoded, Some(kept)),
                "{path}"
            );
        }
        assert_eq!(canonical("/a%20b").unwrap().kept, None);
    }

    #[test]
    fn a_method_with_a_lower_case_letter_is_an_error() {
        let uri = Uri::from_static("/");
        for method in ["delete", "Delete", "gET", "x", "PROPFINd", "m-search"] {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            assert!(Target::new(&method, &uri).is_err(), "{method}");
        }
        for method in ["DELETE", "PROPFIND", "M-SEARCH", "X", "1"] {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            assert!(Target::new(&method, &uri).is_ok(), "{method}");
        }
    }

    #[test]
    fn an_ambiguous_path_is_an_error() {
        for path in [
            "",
            "*",
            "a",
            "//",
            "//a",
            "/a//b",
            "/.",
            "/..",
            "/a/./b",
            "/a/../b",
            "/a/..",
            "/%2e%2e/a",
            "/%2E/a",
            "/.%2e/a",
            "/a%2fb",
            "/a%2Fb",
            "/a\\b",
            "/a%5cb",
            "/a%5Cb",
            "/a%252fb",
            "/a%25",
            "/a;b",
            "/a%3bb",
            "/a;/../b",
            "/..;/a",
            "/a%00",
            "/a%0a",
            "/a%7f",
            "/a%c2%85",
            "/a%",
            "/a%4",
            "/a%zz",
            "/a%c0%af",
            "/a%c0%ae",
            "/a%e0%80%af",
            "/a%ff",
            "/a%ef%bc%8fb",
            "/%ef%bc%8e%ef%bc%8e/a",
            "/a#b",
            "/a b",
            "/é",
            "/a\u{7f}",
            "/a%+1",
            "/a%u002f",
        ] {
            assert!(canonical(path).is_err(), "{path}");
        }
    }

    #[test]
    fn an_escaped_slash_is_a_part_of_its_segment_and_a_slash() {
        for (path, decoded, slashes) in [
            ("/x/a%2fb", "/x/a%2Fb", &["/x/a/b"][..]),
            ("/x/a%2Fb%2fc/d", "/x/a%2Fb%2Fc/d", &["/x/a/b/c/d"]),
            (
                "/x/%40scope%2Fname",
                "/x/@scope%2Fname",
                &["/x/@scope/name", "/x/%40scope/name"],
            ),
            ("/x/a%2F", "/x/a%2F", &["/x/a/"]),
            ("/x/a%20b", "/x/a b", &[]),
        ] {
            let canonical = super::canonical(path, EscapedSlash::Kept).unwrap();
            assert_eq!(
                (&*canonical.decoded, &canonical.slashes[..]),
                (
                    decoded,
                    &slashes.iter().map(|path| (*path).to_owned()).collect::<Vec<_>>()[..]
                ),
                "{path}"
            );
        }
        for path in [
            "/x/..%2Fadmin",
            "/x/%2Fadmin",
            "/x/a%2F%2Fb",
            "/x/.%2Fb",
            "/x/a%2F..",
            "/x/a%2F.%2Fb",
            "/%2F",
            "/x/a%5Cb",
            "/x/a%252Fb",
            "/x/a%2F;b",
            "/x/a%2F%2e%2e",
            "%2Fx",
            "/x//a%2Fb",
        ] {
            assert!(super::canonical(path, EscapedSlash::Kept).is_err(), "{path}");
        }
    }

    #[test]
    fn the_check_is_idempotent_on_accepted_paths() {
        for path in ["/a", "/a/b/", "/a:b"] {
            let once = canonical(path).unwrap().decoded;
            assert_eq!(canonical(&once).unwrap().decoded, once);
        }
    }

    #[test]
    fn the_origin_is_that_of_the_uri_or_the_one_that_is_set() {
        let (uri, absolute) = (Uri::from_static("/a"), Uri::from_static("http://api.example:80/a"));
        let origin = |uri, set: Option<(&'static str, &'static str)>| {
            let target = Target::new(&Method::GET, uri).unwrap();
            match set {
                None => target.origin().map(|(scheme, host)| format!("{scheme} {host}")),
                Some((scheme, host)) => {
                    let target = target.with_origin(scheme, host);
                    target.origin().map(|(scheme, host)| format!("{scheme} {host}"))
                }
            }
        };
        assert_eq!(origin(&uri, None), None);
        assert_eq!(origin(&absolute, None).as_deref(), Some("http api.example:80"));
        assert_eq!(
            origin(&uri, Some(("https", "b.example"))).as_deref(),
            Some("https b.example")
        );
    }

    #[test]
    fn an_escaped_slash_is_known() {
        for (path, expected) in [("/a%2Fb", true), ("/a%2fb", true), ("/a/b", false)] {
            let uri = path.parse::<Uri>().unwrap();
            let target = Target::with_escaped_slashes(&Method::GET, &uri).unwrap();
            assert_eq!(target.has_escaped_slash(), expected, "{path}");
        }
    }
}
