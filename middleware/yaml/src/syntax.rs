//! Mistakes in the syntax, as the parser reports them.

use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::granit_parser::{ErrorKind, Parser};
use serde_saphyr::{Error, ExternalMessageSource, UserMessageFormatter};

use crate::diagnostic::Diagnostic;
use crate::spanned::Span;

/// A mistake of the parser, with its place.
pub(crate) fn diagnostic(error: &Error, text: &str) -> Diagnostic {
    let mut span = error.location().map_or_else(Span::default, Span::from);
    if is_tab(error) {
        span = tab_from(text, span).unwrap_or(span);
    }
    let (message, help) = message(error);
    Diagnostic::new(span, message, help)
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
        Error::NonFiniteFloat { .. } => ("expected a finite number", ""),
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
        Error::InvalidScalar { .. } | Error::InvalidBooleanStrict { .. } | Error::UnsupportedTag { .. } => TAG,
        Error::InvalidBinaryBase64 { .. } | Error::TaggedScalarCannotDeserializeIntoString { .. } => TAG,
        other => return (other.render_with_formatter(&UserMessageFormatter), ""),
    };
    (message.to_owned(), help)
}

/// A mistake for each tag: the reader of a value takes no notice of it.
pub(crate) fn tags(text: &str) -> Vec<Diagnostic> {
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
