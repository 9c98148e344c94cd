//! The error of the deserializer: what serde and the readers of values report, in terms of the file.

use std::fmt;
use std::ops::Deref;

use serde::de::{Error, Expected, Unexpected};

use crate::diagnostic::{Diagnostic, nearest, suggestion, unknown_key};
use crate::spanned::Span;

/// One mistake in the structure of a document. It is a pointer, since every reader of a value returns one: what it holds
/// would be copied in the code of each of them.
#[derive(Debug)]
pub(crate) struct Mistake(Box<Content>);

#[derive(Debug)]
pub(crate) struct Content {
    message: String,
    help: String,
    /// Unknown at first.
    span: Span,
    /// The way to what has to be left out for the rest to be read: indices of pairs and items, innermost first.
    pub(crate) path: Vec<usize>,
    /// The key that is missing, if that is the mistake.
    pub(crate) missing: Option<&'static str>,
    /// The key that an unknown one most likely means.
    pub(crate) meant: Option<&'static str>,
    /// Whether it is about the meaning of a value, all of whose parts were read.
    pub(crate) of_meaning: bool,
}

impl Mistake {
    fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Mistake(Box::new(Content {
            message: message.into(),
            help: help.into(),
            span: Span::default(),
            path: Vec::new(),
            missing: None,
            meant: None,
            of_meaning: false,
        }))
    }

    #[cold]
    pub(crate) fn missing_value() -> Self {
        Mistake::new("a value is missing here", "add a value or remove the key")
    }

    pub(crate) fn repeated_key(key: &str) -> Self {
        Mistake::new(format!("the key `{key}` occurs twice"), "keep one of them")
    }

    /// Sets the place, unless an inner one is known.
    #[cold]
    pub(crate) fn at(mut self, span: Span) -> Self {
        if !self.has_place() {
            self.0.span = span;
        }
        self
    }

    pub(crate) fn has_place(&self) -> bool {
        self.span != Span::default()
    }

    /// Extends the path by the pair or the item that it begins with.
    #[cold]
    pub(crate) fn within(mut self, index: usize) -> Self {
        self.0.path.push(index);
        self
    }

    pub(crate) fn span(&self) -> Span {
        self.span
    }

    pub(crate) fn into_diagnostic(self) -> Diagnostic {
        Diagnostic::new(self.0.span, self.0.message, self.0.help)
    }
}

impl Deref for Mistake {
    type Target = Content;
    fn deref(&self) -> &Content {
        &self.0
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Mistake {}

impl Error for Mistake {
    fn custom<T: fmt::Display>(message: T) -> Self {
        let text = message.to_string();
        let (message, help) = text.split_once('\n').unwrap_or((&text, ""));
        let mut mistake = Mistake::new(message, help);
        mistake.0.of_meaning = true;
        mistake
    }

    #[cold]
    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let found = match unexpected {
            Unexpected::Unit | Unexpected::Option => return Mistake::missing_value(),
            Unexpected::Bool(_) => "true or false",
            Unexpected::Unsigned(_) | Unexpected::Signed(_) | Unexpected::Float(_) => "a number",
            Unexpected::Str(_) | Unexpected::Char(_) => "a text",
            Unexpected::Seq => "a list",
            Unexpected::Map => "a mapping",
            _ => "something else",
        };
        let (expected, help) = in_words(expected);
        let help = match (&*expected, unexpected) {
            ("a list", Unexpected::Map) => {
                "begin each item with `- `, or write the one item in brackets: `[{ key: value }]`".to_owned()
            }
            ("a list", Unexpected::Str(text)) if help.starts_with("write `[a, b]`") && !text.is_empty() => {
                help.replacen("a, b", &written(unexpected), 1)
            }
            ("`true` or `false`", Unexpected::Str(text)) => match &*text.to_ascii_lowercase() {
                "yes" | "on" | "y" | "true" => "write `true`".to_owned(),
                "no" | "off" | "n" | "false" => "write `false`".to_owned(),
                _ => help,
            },
            _ => help,
        };
        let help = help.replace(VALUE, &written(unexpected));
        let help = match found {
            _ if !help.is_empty() => &help,
            "a list" | "a mapping" => "write a single value",
            "a text" => "",
            _ => "put a text in quotes",
        };
        Mistake::new(format!("expected {expected}, not {found}"), help)
    }

    #[cold]
    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let (expected, help) = in_words(expected);
        Mistake::new(format!("expected {expected}"), help)
    }

    #[cold]
    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Mistake::new(format!("unknown word `{variant}`"), nearest(variant, expected))
    }

    #[cold]
    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let mut mistake = Mistake::new(unknown_key(field), nearest(field, expected));
        mistake.0.meant = suggestion(field, expected);
        mistake
    }

    #[cold]
    fn missing_field(field: &'static str) -> Self {
        let mut mistake = Mistake::new(format!("the key `{field}` is missing"), format!("add `{field}: …`"));
        mistake.0.missing = Some(field);
        mistake
    }
}

/// What is replaced in a help by the value that came.
const VALUE: &str = "VALUE";

/// A single value as it is written in a list in brackets, or a name in the place of anything else.
fn written(value: Unexpected<'_>) -> String {
    match value {
        Unexpected::Str(text)
            if text.contains(|c: char| c.is_control() || ",[]{}#&*!|>'\"%@`".contains(c)) || text.contains(": ") =>
        {
            format!("'{}'", text.replace('\'', "''").replace(char::is_control, " "))
        }
        Unexpected::Str(text) => text.to_owned(),
        Unexpected::Unsigned(number) => number.to_string(),
        _ => "name".to_owned(),
    }
}

/// An expectation and its help. Those of serde are put in terms of YAML.
fn in_words(expected: &dyn Expected) -> (String, String) {
    let expected = expected.to_string();
    let list = ("a list", "write `[a, b]`, or each item on a line of its own after `- `");
    let mapping = ("a mapping", "write keys with their values, as in `key: value`");
    let (words, help) = match &*expected {
        "a string" | "string" | "str" => ("a text", ""),
        "a sequence" => list,
        "a map" | "a mapping" => mapping,
        "a boolean" => ("`true` or `false`", "write one of the two without quotes"),
        _ => match expected.split(' ').next() {
            Some("struct" | "map") => mapping,
            Some("enum" | "variant") => ("a single word", ""),
            Some("u8") => ("a whole number from 0 to 255", ""),
            Some("u16") => ("a whole number from 0 to 65535", ""),
            Some("u32") => ("a whole number from 0 to 4294967295", ""),
            Some("u64" | "usize" | "i8" | "i16" | "i32" | "i64" | "isize") => ("a whole number", ""),
            Some("f32" | "f64") => ("a number", ""),
            _ => expected.split_once('\n').unwrap_or((&expected, "")),
        },
    };
    let help = match words {
        range if help.is_empty() && range.contains(" from ") => "write a number in this range, without quotes",
        number if help.is_empty() && number.contains("number") => "write a number without quotes",
        _ => help,
    };
    (words.to_owned(), help.to_owned())
}
