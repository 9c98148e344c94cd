//! The body of a request as one JSON object (RFC 8259): strict, bounded, and announced as JSON without a content coding.

use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};

use super::spelling::folded;
use crate::json::{Json, JsonError, Object, object_as_written};
use crate::limits::Limits;

/// A value of a body. Numbers are as they are written.
pub(crate) type BodyValue<'b> = Json<'b, &'b str>;

/// What is known of the body of a request.
#[derive(Clone, Debug)]
pub(crate) enum JsonBody<'b> {
    /// Its header fields announce something else than JSON without a content coding.
    OtherType,
    /// Servers read it in different ways, or as no JSON object; with the reason, and the bytes that were read.
    Malformed { reason: &'static str, bytes: u64 },
    /// It is announced as JSON, perhaps with its length in bytes, and has not been read.
    Unread { announced: Option<u64> },
    /// It has been read.
    Object { bytes: u64, members: Object<'b, &'b str> },
    /// It has been read, at least up to this number of bytes.
    TooLong { bytes: u64 },
}

/// What is at a path of a body.
#[derive(Debug, PartialEq)]
pub(crate) enum Member<'o, 'b> {
    Missing,
    Value(&'o BodyValue<'b>),
    /// An object of the path has the name twice, in spellings that some servers read as one.
    Ambiguous,
}

impl<'b> JsonBody<'b> {
    /// Reads a body of at most `max` bytes; `content` is the body, if it has been read.
    pub(crate) fn read(headers: Option<&HeaderMap>, content: Option<&'b [u8]>, max: u64) -> JsonBody<'b> {
        let no_fields = HeaderMap::new();
        let headers = headers.unwrap_or(&no_fields);
        let mut types = headers.get_all(CONTENT_TYPE).iter();
        let (media_type, other) = (types.next(), types.next());
        if other.is_some() {
            return JsonBody::Malformed {
                reason: TWO_TYPES,
                bytes: 0,
            };
        }
        if !media_type.is_some_and(is_json) || !is_without_coding(headers) {
            return JsonBody::OtherType;
        }
        let Some(content) = content else {
            let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
            let announced = length.and_then(|length| length.parse().ok());
            return JsonBody::Unread { announced };
        };
        JsonBody::of_json(content, max)
    }

    /// What is known of the body from the head of the request, beside its length.
    pub(crate) fn unread(&self) -> JsonBody<'static> {
        self.before_reading(None)
    }

    /// What is known of the body from the head of the request and its length, as if every client announced that.
    pub(crate) fn announced(&self) -> JsonBody<'static> {
        self.before_reading(match self {
            JsonBody::OtherType => None,
            JsonBody::Unread { announced } => *announced,
            JsonBody::Malformed { bytes, .. } | JsonBody::Object { bytes, .. } | JsonBody::TooLong { bytes } => {
                Some(*bytes)
            }
        })
    }

    fn before_reading(&self, announced: Option<u64>) -> JsonBody<'static> {
        match self {
            JsonBody::OtherType => JsonBody::OtherType,
            JsonBody::Malformed { reason, bytes } if *reason == TWO_TYPES => JsonBody::Malformed {
                reason: TWO_TYPES,
                bytes: *bytes,
            },
            JsonBody::Malformed { .. }
            | JsonBody::Unread { .. }
            | JsonBody::Object { .. }
            | JsonBody::TooLong { .. } => JsonBody::Unread { announced },
        }
    }

    /// The same as the record of a body of so many bytes, of which at most `max` are read.
    pub(crate) fn of_bytes(self, bytes: u64, max: u64) -> JsonBody<'b> {
        match self {
            JsonBody::Object { .. } | JsonBody::Malformed { .. } if bytes > max => JsonBody::TooLong { bytes },
            JsonBody::Object { members, .. } => JsonBody::Object { bytes, members },
            JsonBody::Malformed { reason, .. } => JsonBody::Malformed { reason, bytes },
            other => other,
        }
    }

    /// Reads a body that is JSON without a content coding.
    pub(crate) fn of_json(content: &'b [u8], max: u64) -> JsonBody<'b> {
        let bytes = content.len() as u64;
        if bytes > max {
            return JsonBody::TooLong { bytes };
        }
        let reason = match object_as_written(content, &LIMITS) {
            Ok(members) => return JsonBody::Object { bytes, members },
            Err(JsonError::Invalid) => "the body is not one JSON object in UTF-8",
            Err(JsonError::Duplicate) => "an object of the body has two members of one name",
            Err(JsonError::TooLarge) => "the body is nested too deep, or has too many values",
        };
        JsonBody::Malformed { reason, bytes }
    }
}

const TWO_TYPES: &str = "more than one content type";

const LIMITS: Limits = Limits {
    json_depth: 32,
    json_values: 10_000,
    token_bytes: 0,
    header_bytes: 0,
    chain_depth: 0,
    identifier_bytes: 0,
    cache_bytes: 0,
};

/// Whether a media type is `application/json` or `application/*+json`, with no parameter but `charset=utf-8`.
fn is_json(media_type: &HeaderValue) -> bool {
    let Ok(media_type) = media_type.to_str() else {
        return false;
    };
    let mut parts = media_type.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
    let is_json = match essence.strip_prefix("application/") {
        Some("json") => true,
        Some(subtype) => subtype.strip_suffix("+json").is_some_and(is_name),
        None => false,
    };
    let charsets: Vec<&str> = parts.collect();
    is_json && charsets.len() <= 1 && charsets.into_iter().all(is_charset_utf8)
}

/// Whether a text is the name of a media type (RFC 6838 section 4.2), without a second suffix.
fn is_name(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    !text.is_empty() && text.bytes().all(is_plain)
}

fn is_charset_utf8(parameter: &str) -> bool {
    let Some((name, value)) = parameter.split_once('=') else {
        return false;
    };
    let quoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
    name.eq_ignore_ascii_case("charset") && quoted.unwrap_or(value).eq_ignore_ascii_case("utf-8")
}

fn is_without_coding(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(CONTENT_ENCODING).iter();
    codings.all(|coding| coding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

/// A path to a member, by the names of the objects on the way (RFC 6901): `/amount`, `/order/total`. It does not reach into lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MemberPath(Box<[Box<str>]>);

impl MemberPath {
    /// Reads a JSON pointer. [`None`] for a text that is none, or that leads to the whole document.
    pub(crate) fn read(pointer: &str) -> Option<MemberPath> {
        let names = pointer.strip_prefix('/')?.split('/');
        names.map(unescaped).collect::<Option<_>>().map(MemberPath)
    }

    /// The names of the objects on the way, and of the member.
    pub(crate) fn names(&self) -> &[Box<str>] {
        &self.0
    }

    /// The value at this path.
    pub(crate) fn find<'o, 'b>(&self, object: &'o Object<'b, &'b str>) -> Member<'o, 'b> {
        let mut object = object;
        for (index, name) in self.0.iter().enumerate() {
            let wanted = folded(name);
            let mut spellings = object.names().filter(|other| folded(other) == wanted);
            match (spellings.next(), spellings.next()) {
                (None, _) => return Member::Missing,
                (Some(found), None) if *found == **name => {}
                _ => return Member::Ambiguous,
            }
            match object.get(name) {
                Some(value) if index + 1 == self.0.len() => return Member::Value(value),
                Some(Json::Object(inner)) => object = inner,
                _ => return Member::Missing,
            }
        }
        Member::Missing
    }
}

/// RFC 6901 section 4. [`None`] for an escape that is not one.
fn unescaped(name: &str) -> Option<Box<str>> {
    let mut escapes = name.split('~').skip(1);
    let is_valid = escapes.all(|rest| rest.starts_with(['0', '1']));
    is_valid.then(|| name.replace("~1", "/").replace("~0", "~").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    fn state(fields: &[(&'static str, &'static str)], content: Option<&[u8]>) -> &'static str {
        match JsonBody::read(Some(&headers(fields)), content, 20) {
            JsonBody::OtherType => "other",
            JsonBody::Malformed { .. } => "malformed",
            JsonBody::Unread { announced: None } => "unread",
            JsonBody::Unread { announced: Some(_) } => "announced",
            JsonBody::Object { .. } => "object",
            JsonBody::TooLong { .. } => "long",
        }
    }

    #[test]
    fn two_content_types_are_malformed_before_a_body_is_read() {
        let two = headers(&[("content-type", "application/json"), ("content-type", "text/plain")]);
        let body = JsonBody::read(Some(&two), Some(b"{}"), 20);
        for known in [body.unread(), body.announced()] {
            assert!(matches!(known, JsonBody::Malformed { .. }), "{known:?}");
        }
        let one = headers(&[("content-type", "application/json")]);
        let malformed = JsonBody::read(Some(&one), Some(b"{"), 20);
        assert!(matches!(malformed.unread(), JsonBody::Unread { announced: None }));
        assert!(matches!(malformed.announced(), JsonBody::Unread { announced: Some(1) }));
    }

    #[test]
    fn only_json_in_utf_8_without_a_coding_is_read() {
        for media_type in [
            "application/json",
            "Application/JSON",
            "application/json; charset=utf-8",
            "application/json;charset=\"UTF-8\"",
            "application/merge-patch+json",
            "application/vnd.api+json",
        ] {
            assert_eq!(state(&[("content-type", media_type)], None), "unread", "{media_type}");
        }
        for media_type in [
            "",
            "text/json",
            "application/jsonp",
            "application/json, text/plain",
            "application/json; charset=utf-16",
            "application/json; charset=latin1",
            "application/json; charset=utf-8; charset=utf-16",
            "application/json; charset",
            "application/json; q=1",
            "application/json;",
            "application/+json",
            "application/x+json+json",
            "multipart/form-data; boundary=x",
            "application/x-www-form-urlencoded",
        ] {
            assert_eq!(state(&[("content-type", media_type)], None), "other", "{media_type}");
        }
        let json = ("content-type", "application/json");
        assert_eq!(state(&[json, ("content-encoding", "identity")], None), "unread");
        for coding in ["gzip", "identity, gzip", "br", ""] {
            assert_eq!(state(&[json, ("content-encoding", coding)], None), "other", "{coding}");
        }
        let two = [json, ("content-encoding", "identity"), ("content-encoding", "gzip")];
        assert_eq!(state(&two, None), "other");
        assert_eq!(state(&[json, json], None), "malformed");
        assert_eq!(state(&[], None), "other");
        assert_eq!(state(&[json, ("content-length", "7")], None), "announced");
    }

    #[test]
    fn a_body_is_one_bounded_object() {
        let json = [("content-type", "application/json")];
        assert_eq!(state(&json, Some(b"{\"a\":1}")), "object");
        assert_eq!(state(&json, Some(b" {\"a\":[1,2,3,4,5] }")), "object");
        assert_eq!(state(&json, Some(b"{\"a\":[1,2,3,4,5,6,7]}")), "long");
        for body in [
            "",
            "[]",
            "1",
            "{}{}",
            "{\"a\":1e400}",
            "{\"a\":1,\"a\":2}",
            "\u{feff}{}",
            "{'a':1}",
        ] {
            assert_eq!(state(&json, Some(body.as_bytes())), "malformed", "{body}");
        }
        assert_eq!(state(&json, Some(b"{\"a\":\"\xff\"}")), "malformed");
    }

    #[test]
    fn a_member_is_found_where_every_server_finds_it() {
        let text = br#"{"a":{"b":1,"x/y":2,"~":3},"l":[{"b":4}],"A_b":5,"c":6,"C":7,"":8}"#;
        let object = object_as_written(text, &LIMITS).unwrap();
        let found = |pointer: &str| match MemberPath::read(pointer).unwrap().find(&object) {
            Member::Value(Json::Number(number)) => (*number).to_owned(),
            Member::Value(_) => "a value".to_owned(),
            Member::Missing => "missing".to_owned(),
            Member::Ambiguous => "ambiguous".to_owned(),
        };
        for (pointer, expected) in [
            ("/a/b", "1"),
            ("/a/x~1y", "2"),
            ("/a", "a value"),
            ("/a/b/c", "missing"),
            ("/l/0/b", "missing"),
            ("/l/b", "missing"),
            ("/A_b", "5"),
            ("/ab", "ambiguous"),
            ("/a_b", "ambiguous"),
            ("/c", "ambiguous"),
            ("/C", "ambiguous"),
            ("/d", "missing"),
        ] {
            assert_eq!(found(pointer), expected, "{pointer}");
        }
        for pointer in ["", "a", "/a~", "/a~2"] {
            assert_eq!(MemberPath::read(pointer), None, "{pointer}");
        }
    }

    #[test]
    fn a_pointer_names_the_objects_on_the_way() {
        let names = |pointer| MemberPath::read(pointer).map(|path| path.names().to_vec());
        let expected: Vec<Box<str>> = vec!["order".into(), "a/b".into()];
        assert_eq!(names("/order/a~1b"), Some(expected));
        assert_eq!(names("order"), None);
    }
}
