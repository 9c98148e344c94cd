//! The parser of strict JSON.
//!
//! Claims are parsed for each new token, and serde_json takes 7,100 instructions for those of the benchmark, where this parser takes 5,300:
//! it calls back for each part of a value.
//! Here is what nearly every document consists of; other numbers than whole ones, and strings with escapes, are left to serde_json.

use std::borrow::Cow;

use super::value::{Json, Object};
use crate::limits::Limits;

/// Why a text is no strict JSON object. It contains no part of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JsonError {
    /// Not UTF-8, a mistake in the syntax, a number out of range, a value of another type, or bytes after the object.
    Invalid,
    /// An object has two members of one name.
    Duplicate,
    /// It is nested deeper, or has more values, than the limits.
    TooLarge,
}

/// Deepest nesting, whatever the limits: each level takes a part of the stack, and serde_json, which reads numbers of the same claims as
/// they were signed, takes no more.
const MAX_DEPTH: usize = 127;

/// How many members the claims of a usual token have at most, and an object within them.
const MANY: usize = 16;
const FEW: usize = 4;

/// Reads one JSON object and nothing after it.
///
/// # Errors
/// [`JsonError`].
pub(crate) fn object<'a>(text: &'a [u8], limits: &Limits) -> Result<Object<'a>, JsonError> {
    object_of(as_text(text)?, limits)
}

/// As [`object`], of a text that is known to be UTF-8.
///
/// # Errors
/// [`JsonError`].
pub(crate) fn object_of<'a>(text: &'a str, limits: &Limits) -> Result<Object<'a>, JsonError> {
    parse(text, limits)
}

/// The text; [`JsonError::Invalid`] for what is not UTF-8.
pub(crate) fn as_text(text: &[u8]) -> Result<&str, JsonError> {
    std::str::from_utf8(text).map_err(|_| JsonError::Invalid)
}

/// As [`object`], with each number as it is written.
///
/// # Errors
/// [`JsonError`].
pub(crate) fn object_as_written<'a>(text: &'a [u8], limits: &Limits) -> Result<Object<'a, &'a str>, JsonError> {
    parse(as_text(text)?, limits)
}

fn parse<'a, N: Number<'a>>(text: &'a str, limits: &Limits) -> Result<Object<'a, N>, JsonError> {
    let mut parser = Parser {
        text,
        at: 0,
        // The object itself is one value more.
        budget: limits.json_values.saturating_add(1),
        is_deepest: limits.json_depth >= MAX_DEPTH,
        failure: JsonError::Invalid,
    };
    let value = parser.value(limits.json_depth.min(MAX_DEPTH), MANY);
    match (value, parser.next()) {
        (None, _) => Err(parser.failure),
        (Some(Json::Object(object)), None) => Ok(object),
        (Some(_), _) => Err(JsonError::Invalid),
    }
}

/// What becomes of a number.
trait Number<'a>: Sized {
    /// The number of digits alone, whose value is `whole`.
    fn of_digits(whole: u64, written: &'a str) -> Self;

    /// Reads the characters of any number; [`None`] where they are none, or one out of range.
    fn read(written: &'a str) -> Option<Self>;
}

/// As many digits are always in the range of `u64`.
const DIGITS: usize = 19;

/// One with a fraction or an exponent is rounded.
impl Number<'_> for serde_json::Number {
    fn of_digits(whole: u64, _: &str) -> serde_json::Number {
        whole.into()
    }

    fn read(written: &str) -> Option<serde_json::Number> {
        serde_json::from_str(written).ok()
    }
}

/// As it is written.
impl<'a> Number<'a> for &'a str {
    fn of_digits(_: u64, written: &'a str) -> &'a str {
        written
    }

    fn read(written: &'a str) -> Option<&'a str> {
        <serde_json::Number as Number>::read(written).map(|_| written)
    }
}

/// The state of one document. A method returns [`None`] where it is rejected: the reason apart from the values keeps these small.
struct Parser<'a> {
    text: &'a str,
    /// Where the next byte is.
    at: usize,
    /// How many values are still accepted.
    budget: usize,
    /// Whether the limit is [`MAX_DEPTH`]: what is on the last level can then be no object and no list, even an empty one.
    is_deepest: bool,
    /// Why the document is rejected.
    failure: JsonError,
}

impl<'a> Parser<'a> {
    /// The next value. `members` is how many members an object has probably. A call for each value would copy it once more.
    #[inline(always)]
    fn value<N: Number<'a>>(&mut self, depth: usize, members: usize) -> Option<Json<'a, N>> {
        match self.budget.checked_sub(1) {
            Some(left) => self.budget = left,
            None => return self.fail(JsonError::TooLarge),
        }
        match self.next()? {
            b'"' => self.string().map(Json::String),
            b'{' => self.object(depth, members).map(Json::Object),
            b'[' => self.list(depth).map(Json::Array),
            b'-' | b'0'..=b'9' => self.number().map(Json::Number),
            b't' => self.literal("true", Json::Bool(true)),
            b'f' => self.literal("false", Json::Bool(false)),
            b'n' => self.literal("null", Json::Null),
            _ => None,
        }
    }

    /// The object whose brace is next.
    fn object<N: Number<'a>>(&mut self, depth: usize, members: usize) -> Option<Object<'a, N>> {
        self.open(depth)?;
        if self.takes(b'}') {
            return Some(Object::default());
        }
        let mut object = Object::with_capacity(members);
        loop {
            let b'"' = self.next()? else {
                return None;
            };
            let name = self.string()?;
            if !object.note(&name) {
                return self.fail(JsonError::Duplicate);
            }
            let depth = self.within(depth)?;
            if !self.takes(b':') {
                return None;
            }
            object.push(name, self.value(depth, FEW)?);
            if self.takes_end(b'}')? {
                break;
            }
        }
        match object.has_duplicate() {
            true => self.fail(JsonError::Duplicate),
            false => Some(object),
        }
    }

    /// The list whose bracket is next.
    fn list<N: Number<'a>>(&mut self, depth: usize) -> Option<Vec<Json<'a, N>>> {
        self.open(depth)?;
        let depth = self.within(depth)?;
        let mut items = Vec::new();
        if self.takes(b']') {
            return Some(items);
        }
        loop {
            // A list without its end is no list that is too large.
            if matches!(self.next(), None | Some(b']')) {
                return None;
            }
            items.push(self.value(depth, FEW)?);
            if self.takes_end(b']')? {
                return Some(items);
            }
        }
    }

    /// Takes the brace or the bracket of a value, in which values can be this deep.
    fn open(&mut self, depth: usize) -> Option<()> {
        if depth == 0 && self.is_deepest {
            return self.fail(JsonError::TooLarge);
        }
        self.at += 1;
        Some(())
    }

    /// How deep the values within one of this depth can be.
    fn within(&mut self, depth: usize) -> Option<usize> {
        match depth.checked_sub(1) {
            None => self.fail(JsonError::TooLarge),
            within => within,
        }
    }

    #[cold]
    fn fail<T>(&mut self, failure: JsonError) -> Option<T> {
        self.failure = failure;
        None
    }

    /// The next byte that is not white space, which is not taken.
    fn next(&mut self) -> Option<u8> {
        loop {
            match self.text.as_bytes().get(self.at) {
                Some(b' ' | b'\n' | b'\t' | b'\r') => self.at += 1,
                next => return next.copied(),
            }
        }
    }

    /// Takes the next byte if it is this one.
    fn takes(&mut self, byte: u8) -> bool {
        let is_next = self.next() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    /// Takes what is behind a part of a list or of an object: its end, or the comma before another part.
    fn takes_end(&mut self, end: u8) -> Option<bool> {
        let next = self.next()?;
        self.at += 1;
        match next {
            b',' => Some(false),
            next if next == end => Some(true),
            _ => None,
        }
    }

    fn literal<T>(&mut self, literal: &str, value: T) -> Option<T> {
        let rest = self.text.get(self.at..)?;
        self.at += literal.len();
        rest.starts_with(literal).then_some(value)
    }

    fn number<N: Number<'a>>(&mut self) -> Option<N> {
        let rest = self.text.get(self.at..)?;
        let mut bytes = rest.bytes();
        let (mut whole, mut length) = (0_u64, 0);
        // Most numbers are times: digits alone.
        let after = loop {
            match bytes.next() {
                Some(digit @ b'0'..=b'9') => whole = whole.wrapping_mul(10).wrapping_add(u64::from(digit - b'0')),
                after => break after,
            }
            length += 1;
        };
        // No other of these characters can follow a number.
        let is_part = |byte: u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
        let are_all = (1..=DIGITS).contains(&length) && !rest.starts_with('0') && !after.is_some_and(is_part);
        if !are_all {
            length = rest.bytes().take_while(|byte| is_part(*byte)).count();
        }
        self.at += length;
        let written = rest.get(..length)?;
        match are_all {
            true => Some(N::of_digits(whole, written)),
            false => N::read(written),
        }
    }

    /// The string whose quote is next. It is borrowed if it has no escape.
    #[inline(always)]
    fn string(&mut self) -> Option<Cow<'a, str>> {
        let start = self.at + 1;
        let end = self.plain_end(start)?;
        match self.text.as_bytes().get(end)? {
            b'"' => {
                self.at = end + 1;
                self.text.get(start..end).map(Cow::Borrowed)
            }
            b'\\' => self.escaped_string(end).map(Cow::Owned),
            _ => None,
        }
    }

    /// The same, of which the first escape is at `end`.
    #[cold]
    fn escaped_string(&mut self, mut end: usize) -> Option<String> {
        loop {
            end = match self.text.as_bytes().get(end)? {
                b'"' => break,
                b'\\' => self.plain_end(end + 2)?,
                _ => return None,
            };
        }
        let start = std::mem::replace(&mut self.at, end + 1);
        serde_json::from_str(self.text.get(start..=end)?).ok()
    }

    /// Where a part of a string ends that is as it is written: at a quote, a backslash or a control character.
    #[inline(always)]
    fn plain_end(&self, start: usize) -> Option<usize> {
        let (mut at, mut rest) = (start, self.text.as_bytes().get(start..)?);
        // Most strings end in one of the first words. A branch for each byte would often be predicted wrong.
        while let Some((word, after)) = rest.split_first_chunk() {
            match ends(u64::from_le_bytes(*word)) {
                0 => (at, rest) = (at + word.len(), after),
                found => return Some(at + found.trailing_zeros() as usize / 8),
            }
        }
        let end = rest.iter().position(|byte| ENDS[usize::from(*byte)])?;
        Some(at + end)
    }
}

/// The highest bit of each byte of a word that ends a string, the first byte being the lowest. Only a byte that is found borrows, from those
/// behind it: the first one found is exact.
fn ends(word: u64) -> u64 {
    const EACH: u64 = u64::from_le_bytes([1; 8]);
    // A byte below `bound`, which is at most 128, becomes negative, and was not before.
    let below = |word: u64, bound: u8| word.wrapping_sub(EACH * u64::from(bound)) & !word;
    let is = |byte: u8| below(word ^ (EACH * u64::from(byte)), 1);
    (below(word, b' ') | is(b'"') | is(b'\\')) & (EACH << 7)
}

/// Whether a byte ends a string, or the part of it that is as it is written: quotes, backslashes and control characters.
static ENDS: [bool; 256] = {
    let mut ends = [false; 256];
    let mut control = 0;
    while control < b' ' {
        ends[control as usize] = true;
        control += 1;
    }
    ends[b'"' as usize] = true;
    ends[b'\\' as usize] = true;
    ends
};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn read(text: &str) -> Result<Object<'_>, JsonError> {
        object(text.as_bytes(), &Limits::default())
    }

    #[test]
    fn duplicate_names_are_rejected_at_any_depth_and_in_any_spelling() {
        assert!(read(r#"{"a":1,"b":2}"#).is_ok());
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":1}"#,
            r#"{"x":[{"a":1,"a":2}]}"#,
            r#"{"a":1,"a":"#,
        ] {
            assert_eq!(read(text), Err(JsonError::Duplicate), "{text}");
        }
    }

    #[test]
    fn other_values_and_invalid_json_are_rejected() {
        for text in [
            "",
            "null",
            "[]",
            "\"a\"",
            "{} {}",
            "{}x",
            "{\"a\":NaN}",
            "{\"a\":1e999}",
            "{'a':1}",
            "{\"a\":1,}",
            "\u{feff}{}",
            "{\"a\":\"\\ud800\"}",
            "{\"a\":01}",
            "{\"a\":\"\n\"}",
        ] {
            assert_eq!(read(text), Err(JsonError::Invalid), "{text:?}");
        }
        let bytes = b"{\"a\":\"\xff\"}";
        assert_eq!(object(bytes, &Limits::default()), Err(JsonError::Invalid));
    }

    #[test]
    fn duplicate_names_among_many_are_rejected() {
        let wide = |names: &[usize]| {
            let members: Vec<String> = names.iter().map(|name| format!("\"a{name}\":0")).collect();
            format!("{{{}}}", members.join(","))
        };
        let mut names: Vec<usize> = (0..500).collect();
        assert!(read(&wide(&names)).is_ok());
        for twice in [0, 63, 64, 65, 498] {
            names[499] = twice;
            assert_eq!(read(&wide(&names)), Err(JsonError::Duplicate), "{twice}");
        }
    }

    #[test]
    fn a_string_of_any_length_ends_where_its_quote_is() {
        for length in (0..100).chain([1000]) {
            let plain = "a".repeat(length);
            for (written, expected) in [
                (plain.clone(), Some(plain.clone())),
                (format!("{plain}\\n"), Some(format!("{plain}\n"))),
                (format!("\\\"{plain}"), Some(format!("\"{plain}"))),
                (format!("{plain}\n"), None),
                (format!("{plain}\\n\u{1}"), None),
                (format!("{plain}\\"), None),
            ] {
                let expected = expected.map(|text| Json::String(text.into()));
                // Before other text, and in the last word of the text, which is not a whole one.
                for text in [
                    format!("{{\"a\":\"{written}\",\"b\":1}}"),
                    format!("{{\"b\":1,\"a\":\"{written}\"}}"),
                ] {
                    let read = read(&text).ok();
                    let found = read.as_ref().and_then(|object| object.get("a"));
                    assert_eq!(found, expected.as_ref(), "{text}");
                }
            }
            let cut = format!("{{\"b\":1,\"a\":\"{plain}");
            assert_eq!(read(&cut), Err(JsonError::Invalid), "{cut}");
        }
    }

    #[test]
    fn the_first_byte_of_a_word_that_ends_a_string_is_found() {
        for filler in [b' ', b'#', b']', 0x7f, 0x80, 0xff] {
            for (at, byte) in (0..8).flat_map(|at| (0..=255).map(move |byte| (at, byte))) {
                let mut word = [filler; 8];
                word[at] = byte;
                let found = ends(u64::from_le_bytes(word));
                let first = word.iter().position(|byte| ENDS[usize::from(*byte)]);
                // Eight where there is none.
                assert_eq!(found.trailing_zeros() as usize / 8, first.unwrap_or(8), "{word:?}");
            }
        }
    }

    #[test]
    fn numbers_are_kept_as_they_are_written() {
        let text =
            r#"{"a-1\"2":500.000000000000001,"b":[5e2,-0,{"c":"9\\","d":18446744073709551616}],"e":"1","f":1E-3}"#;
        let object = object_as_written(text.as_bytes(), &Limits::default()).unwrap();
        assert_eq!(object.get("a-1\"2"), Some(&Json::Number("500.000000000000001")));
        assert_eq!(object.get("f"), Some(&Json::Number("1E-3")));
        let Some(Json::Array(items)) = object.get("b") else {
            panic!("{object:?}")
        };
        assert_eq!(items[..2], [Json::Number("5e2"), Json::Number("-0")]);
        let Json::Object(inner) = &items[2] else {
            panic!("{items:?}")
        };
        assert_eq!(inner.get("d"), Some(&Json::Number("18446744073709551616")));
        let overflow = object_as_written(b"{\"a\":1e400}", &Limits::default());
        assert_eq!(overflow, Err(JsonError::Invalid));
    }

    #[test]
    fn whole_numbers_of_any_length_are_those_of_serde_json() {
        let digits = "98765432109876543210987";
        for length in 1..digits.len() {
            for first in ["", "0", "-", "-0", "1", "00"] {
                for end in ["", ".5", "e1", "E+1", "-", "+1", ".", "e", "a"] {
                    let number = format!("{first}{}{end}", &digits[..length]);
                    compare(&format!("{{\"a\":{number}}}")).unwrap();
                }
            }
        }
    }

    #[test]
    fn depth_and_size_are_bounded() {
        let nested = |depth: usize| format!("{}0{}", "{\"a\":".repeat(depth), "}".repeat(depth));
        assert!(read(&nested(32)).is_ok());
        assert_eq!(read(&nested(33)), Err(JsonError::TooLarge));
        assert_eq!(read(&nested(100_000)), Err(JsonError::TooLarge));
        // As deep as serde_json reads the claims again, whatever is innermost.
        for (limit, depth, innermost, is_read) in [
            (126, 126, "{}", true),
            (127, 126, "{}", true),
            (127, 127, "0", true),
            (127, 127, "{}", false),
            (127, 127, "[]", false),
            (200, 127, "{}", false),
            (200, 128, "0", false),
        ] {
            let text = nested(depth).replace('0', innermost);
            let limits = Limits {
                json_depth: limit,
                ..Limits::default()
            };
            let read = object(text.as_bytes(), &limits);
            assert_eq!(read.is_ok(), is_read, "{limit} {depth} {innermost}");
            assert!(
                !is_read || serde_json::from_str::<Value>(&text).is_ok(),
                "{limit} {depth} {innermost}"
            );
        }
        let wide = |count: usize| format!("{{\"a\":[{}]}}", vec!["0"; count].join(","));
        assert!(read(&wide(1023)).is_ok());
        assert_eq!(read(&wide(1024)), Err(JsonError::TooLarge));
        for end in ["", "]}"] {
            let text = format!("{{\"a\":[{}{end}", "0,".repeat(1023));
            assert_eq!(read(&text), Err(JsonError::Invalid), "{end}");
        }
    }

    /// The text of a JSON object, with white space and escapes.
    fn object_texts() -> impl Strategy<Value = String> {
        let string = r#""([a-zé ]|\\[\\"/bfnrt]|\\u[0-9a-f]{4}|\\ud83d\\ude00){0,5}""#;
        let number = "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?";
        let parts = |parts: Vec<String>, space: &str| parts.join(&format!("{space},{space}"));
        let spaces = || "[ \t\r\n]{0,2}";
        let object = move |value: BoxedStrategy<String>| {
            let members = prop::collection::vec((string, value), 0..5);
            (members, spaces()).prop_map(move |(members, space)| {
                let member = |(name, value)| format!("{name}{space}:{space}{value}");
                let members = members.into_iter().map(member).collect();
                format!("{{{space}{}{space}}}", parts(members, &space))
            })
        };
        let value = prop_oneof!["null|true|false", number, string].prop_recursive(4, 24, 4, move |value| {
            let items = (prop::collection::vec(value.clone(), 0..4), spaces());
            let list = items.prop_map(move |(items, space)| format!("[{space}{}{space}]", parts(items, &space)));
            prop_oneof![list, object(value.boxed())]
        });
        object(value.boxed())
    }

    /// Compares what is read of a text with what serde_json reads of it.
    fn compare(text: &str) -> Result<(), TestCaseError> {
        let (strict, expected) = (read(text), serde_json::from_str::<Value>(text));
        let as_written = object_as_written(text.as_bytes(), &Limits::default());
        prop_assert_eq!(strict.as_ref().err(), as_written.as_ref().err(), "{}", text);
        match strict {
            Ok(object) => prop_assert_eq!(Some(Value::Object(object.into_map())), expected.ok(), "{}", text),
            Err(JsonError::Invalid) => prop_assert!(!expected.is_ok_and(|value| value.is_object()), "{}", text),
            // serde_json has the last one of two members, and no limits.
            Err(JsonError::Duplicate | JsonError::TooLarge) => {}
        }
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn a_text_is_read_as_serde_json_reads_it(text in object_texts()) {
            compare(&text)?;
        }

        #[test]
        fn a_text_with_a_mistake_is_read_as_serde_json_reads_it(
            text in object_texts(),
            at in any::<prop::sample::Index>(),
            other in "[\\[\\]{}\"\\\\,: \n\u{1}\u{7f}é0-9eE.+xnu-]{0,2}",
        ) {
            let at = at.index(text.chars().count());
            let mut characters: Vec<char> = text.chars().collect();
            characters.splice(at..=at, other.chars());
            compare(&characters.into_iter().collect::<String>())?;
        }
    }
}
