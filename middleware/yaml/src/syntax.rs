//! Mistakes in the syntax, as the parser reports them.

use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::granit_parser::{ErrorKind, Parser};
use serde_saphyr::{Error, ExternalMessageSource, UserMessageFormatter};

use crate::diagnostic::Diagnostic;
use crate::printable::is_obeyed;
use crate::spanned::Span;

/// A mistake of the parser, with its place.
pub(crate) fn diagnostic(error: &Error, text: &str) -> Diagnostic {
    let mut span = error.location().map_or_else(Span::default, Span::from);
    if is_tab(error) {
        span = tab_from(text, span).unwrap_or(span);
    }
    let (message, help) = message(error);
    match kind(inner(error)) {
        Some(kind) if help.is_empty() && !matches!(kind, ErrorKind::RecursionLimitExceeded) => {
            Diagnostic::new(span, message, help_of_parser(kind, text, span))
        }
        _ => Diagnostic::new(span, message, help),
    }
}

const TAG: (&str, &str) = ("the tag does not fit the value", "delete the `!` and the tag");

fn message(error: &Error) -> (String, &'static str) {
    let too_deep = "lists and mappings are nested too deep";
    let (message, help) = match error {
        Error::WithSnippet { error, .. } | Error::AliasError { error, .. } => return message(error),
        Error::ExternalMessage { .. } if is_tab(error) => {
            ("a tab is used where only spaces are allowed", "indent with spaces")
        }
        Error::ExternalMessage { .. } if matches!(kind(error), Some(ErrorKind::RecursionLimitExceeded)) => {
            (too_deep, "")
        }
        Error::ExternalMessage { msg, .. } => return (format!("this is not YAML: {msg}"), ""),
        Error::NullIntoString { .. } => ("a key is missing here", "add a key before the `:`"),
        Error::Unexpected { .. } => ("a key must be a text", "write `key: value`"),
        Error::NonFiniteFloat { .. } => ("expected a finite number", "write the number, or a text in quotes"),
        Error::MultipleDocuments { .. } => (
            "the file contains more than one document",
            "keep one, and delete the `---` before the next",
        ),
        Error::MergeKeyNotAllowed { .. } | Error::MergeValueNotMapOrSeqOfMaps { .. } => {
            ("merge keys (`<<`) are not supported", "write the keys out")
        }
        Error::RecursiveReferencesRequireWeakTypes { .. } => {
            ("an alias occurs within its own anchor", "write the value out")
        }
        Error::UnknownAnchor { .. } => (
            "this alias has no anchor",
            "add `&name` before an earlier value, or quote a text that begins with `*`",
        ),
        Error::Budget {
            breach: BudgetBreach::Depth { .. },
            ..
        } => (too_deep, ""),
        Error::Budget { .. } => (
            "the file is too large, with what its aliases repeat",
            "write less, or values in place of aliases of aliases",
        ),
        Error::InvalidScalar { .. } | Error::InvalidBooleanStrict { .. } | Error::UnsupportedTag { .. } => TAG,
        Error::InvalidBinaryBase64 { .. } | Error::TaggedScalarCannotDeserializeIntoString { .. } => TAG,
        other => return (other.render_with_formatter(&UserMessageFormatter), ""),
    };
    (message.to_owned(), help)
}

/// A mistake for each tag: the reader of a value takes no notice of it.
pub(crate) fn tags(text: &str) -> Vec<Diagnostic> {
    if !text.contains('!') {
        return Vec::new();
    }
    let events = Parser::new_from_str(text).map_while(Result::ok);
    let tags = events.filter_map(|(event, place)| {
        let tag = event.tag()?.original();
        let span = Span {
            line: place.start.line() as u64,
            column: place.start.col() as u64 + 1,
        };
        let message = format!("the tag `{tag}` has no meaning here");
        Some(Diagnostic::new(
            span,
            message,
            "delete the tag, or quote a text that begins with `!`",
        ))
    });
    tags.collect()
}

fn inner(error: &Error) -> &Error {
    match error {
        Error::WithSnippet { error, .. } | Error::AliasError { error, .. } => inner(error),
        error => error,
    }
}

/// How to fix what the parser does not accept.
fn help_of_parser(kind: &ErrorKind, text: &str, span: Span) -> String {
    let index = |number: u64| usize::try_from(number.saturating_sub(1)).unwrap_or(usize::MAX);
    let line = text.lines().nth(index(span.line)).unwrap_or_default();
    let from_place: String = line.chars().skip(index(span.column)).collect();
    match kind {
        ErrorKind::MissingAnchorOrAliasName | ErrorKind::UnexpectedCharacter { .. } => {
            quote_all(line.strip_suffix(&*from_place).unwrap_or_default(), &from_place)
        }
        ErrorKind::InvalidTrailingDoubleQuotedScalar => {
            let (before, quoted) = line.split_at(line.find('"').unwrap_or(0));
            quote_all(before, quoted)
        }
        ErrorKind::InvalidTrailingSingleQuotedScalar => "write a single quote inside single quotes twice".to_owned(),
        ErrorKind::UnknownQuotedScalarEscape => "use single quotes, in which a backslash is a character".to_owned(),
        ErrorKind::UnclosedQuotedScalar | ErrorKind::InvalidQuotedScalarIndent => {
            "close the quotes that begin before this place".to_owned()
        }
        ErrorKind::ExpectedFlowMappingSeparator | ErrorKind::ExpectedFlowSequenceSeparator => {
            "inside `{ }` and `[ ]`, put a text with brackets or commas in quotes: `'GET /orders/{id}'`".to_owned()
        }
        ErrorKind::ExpectedBlockMappingKey => {
            "align the keys of a mapping, and put a text that begins with a bracket in quotes".to_owned()
        }
        ErrorKind::ExpectedBlockSequenceEntry => {
            "align the keys of an item with its first key, which is after `- `".to_owned()
        }
        ErrorKind::MappingValueNotAllowed
        | ErrorKind::MappingKeyNotAllowed
        | ErrorKind::InvalidMappingValueWhitespace => {
            "align the keys of a mapping, write a space after each `:`, and put a text that contains `: ` in quotes"
                .to_owned()
        }
        ErrorKind::MisplacedFlowCollectionEnd
        | ErrorKind::MismatchedFlowCollectionEnd { .. }
        | ErrorKind::UnclosedFlowCollection { .. }
        | ErrorKind::InvalidColonPlacement
        | ErrorKind::InvalidFlowScalarIndent
        | ErrorKind::UnexpectedEofFlowMapping
        | ErrorKind::UnexpectedEofFlowSequence => "close every bracket with one of its kind".to_owned(),
        _ => "check the indentation, the quotes and the brackets up to this place".to_owned(),
    }
}

/// The help to quote a text that YAML reads as something else, with the text where its end is known.
fn quote_all(before: &str, text: &str) -> String {
    let text = text.split(" #").next().unwrap_or_default().trim();
    match before.contains(['{', '[']) || text.contains(is_obeyed) {
        true => "put the whole text in single quotes, as in `'* /orders'`".to_owned(),
        false => format!("put the whole text in single quotes: `'{}'`", text.replace('\'', "''")),
    }
}

/// What the scanner of the parser reports.
fn kind(error: &Error) -> Option<&ErrorKind> {
    match error {
        Error::ExternalMessage { source, .. } => match &**source {
            ExternalMessageSource::Parser(error) => Some(error.kind()),
            _ => None,
        },
        _ => None,
    }
}

fn is_tab(error: &Error) -> bool {
    matches!(
        kind(error),
        Some(
            ErrorKind::TabNotAllowed
                | ErrorKind::TabInBlockIndentation
                | ErrorKind::TabAtBlockScalarStart
                | ErrorKind::TabInIndentation
                | ErrorKind::TabInPlainScalar
        )
    )
}

/// The first tab in an indentation at or after a place: the parser reports the end of what precedes it.
fn tab_from(text: &str, from: Span) -> Option<Span> {
    let mut lines = (1..).zip(text.lines()).skip_while(|(line, _)| *line < from.line);
    lines.find_map(|(line, written)| {
        let columns = (1..).zip(written.chars());
        let mut indentation = columns.take_while(|(_, character)| character.is_whitespace());
        let (column, _) = indentation.find(|(_, character)| *character == '\t')?;
        Some(Span { line, column })
    })
}

#[cfg(test)]
mod tests {
    use super::is_obeyed;
    use crate::read;

    fn mistake(text: &str) -> String {
        let reading = read::<std::collections::BTreeMap<String, Vec<String>>>(text);
        reading.diagnostics.to_string().replace("\n  help: ", "; ")
    }

    #[test]
    fn a_text_that_yaml_reads_as_something_else_is_shown_in_quotes() {
        for (text, place, quoted) in [
            ("routes:\n  - * /x # all\n", "2:5", "* /x"),
            ("routes:\n  - & /x\n", "2:5", "& /x"),
            ("routes:\n  - @me /x\n", "2:5", "@me /x"),
            ("routes:\n  - `GET /x`\n", "2:5", "`GET /x`"),
            ("routes:\n  - %GET /it's\n", "2:5", "%GET /it''s"),
            ("routes:\n  - \"PURGE\" /x\n", "2:13", "\"PURGE\" /x"),
        ] {
            let mistake = mistake(text);
            assert!(
                mistake.starts_with(&format!("{place}: this is not YAML: ")),
                "{mistake}"
            );
            assert!(
                mistake.ends_with(&format!("; put the whole text in single quotes: `'{quoted}'`")),
                "{mistake}"
            );
        }
        for text in [
            "routes: %a\u{1b}[31mb\u{7}\n",
            "routes: *\u{202e}a\n",
            "routes: \u{1b}]52;c;AAAA\u{7}x\n",
        ] {
            let mistake = mistake(text);
            assert!(!mistake.contains(is_obeyed), "{mistake:?}");
        }
        assert!(mistake("routes: [* /x]").ends_with("; put the whole text in single quotes, as in `'* /orders'`"));
    }

    #[test]
    fn every_mistake_of_the_syntax_has_a_help() {
        let tenfold = |name: char, of: &str| format!("{name}: &{name} [{}]\n", [of; 10].join(", "));
        let bomb: String = [
            ('a', "x"),
            ('b', "*a"),
            ('c', "*b"),
            ('d', "*c"),
            ('e', "*d"),
            ('f', "*e"),
        ]
        .map(|(name, of)| tenfold(name, of))
        .concat();
        let shown = mistake(&bomb);
        assert!(
            shown.contains("the file is too large") && !shown.contains("Nodes"),
            "{shown}"
        );
        for (text, help) in [
            (
                "routes: [GET /{id}]",
                "put a text with brackets or commas in quotes: `'GET /orders/{id}'`",
            ),
            ("a: b: c", "put a text that contains `: ` in quotes"),
            (
                "a: [b]\n  c: [d]",
                "align the keys of a mapping, and put a text that begins with a bracket in quotes",
            ),
            ("a: [b, c\nd: [e]", "close every bracket with one of its kind"),
            ("a: [b}", "close every bracket with one of its kind"),
            ("a: [b]]", "close every bracket with one of its kind"),
            ("a: {", "close every bracket with one of its kind"),
            ("a:\n  - \"b\n  - c\n", "close the quotes that begin before this place"),
            ("a:\n  - 'it's'\n", "write a single quote inside single quotes twice"),
            (
                "a: [\"\\d+\"]",
                "use single quotes, in which a backslash is a character",
            ),
            ("a: [GET, POST] /x", "put a text that begins with a bracket in quotes"),
            (
                "a:\n  - b: c\n  d: e\n",
                "align the keys of an item with its first key, which is after `- `",
            ),
            ("a:\n\t- b\n", "indent with spaces"),
            (&bomb, "write less, or values in place of aliases of aliases"),
        ] {
            let mistake = mistake(text);
            assert!(mistake.ends_with(help), "{text}: {mistake}");
        }
    }
}
