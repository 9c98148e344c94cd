//! An expression that is compiled: parsed, checked, bounded.

use std::sync::Arc;

use cel::common::ast::IdedExpr;
use cel::common::types::CelBool;
use cel::parser::PrattParser;
use cel::parser::pratt_parser::{Lexer, TokenKind};
use cel::{Context, ExecutionError, Value};

use super::analysis;
use super::bound;
use super::functions::ENVIRONMENT;
use super::mistake::Near;
use super::number::is_exact_literal;
use super::values::{Facts, NoValue};
use super::vocabulary::{Object, Reads, Single};
use crate::policy::exact::shown;
use crate::policy::read::{Need, Place, Reader};
use crate::policy::segment::Segment;

/// Longest text of an expression, in bytes.
const MAX_TEXT: usize = 2048;

/// Deepest nesting that is parsed: bounds the stack of the parser.
const MAX_PARSED_DEPTH: u16 = 20;

/// An expression, ready for evaluation. Two are equal if their texts are, on the same parameters.
#[derive(Debug)]
pub(super) struct Program {
    text: Box<str>,
    expression: IdedExpr,
    reads: Reads,
    /// [`None`] where the method is not read.
    texts_beside_method: Option<Box<[Box<str>]>>,
}

impl PartialEq for Program {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text && self.reads.params == other.reads.params
    }
}

impl Eq for Program {}

/// A mistake, with the byte of the text where it is.
pub(super) struct Mistake {
    pub(super) offset: usize,
    pub(super) message: String,
    pub(super) help: String,
}

/// The result of an evaluation.
#[derive(Debug, PartialEq)]
pub(super) enum Outcome {
    True,
    False,
    /// A value that is neither `true` nor `false`.
    OtherValue,
    NoValue(NoValue),
    Error(ExecutionError),
}

impl Program {
    /// Compiles an expression. `path` is that of the route, where the expression is written for one.
    pub(super) fn compile(text: &str, path: Option<&[Segment]>) -> Result<Program, Mistake> {
        let at = |offset: usize, message: String, help: &str| Mistake {
            offset,
            message,
            help: help.to_owned(),
        };
        if text.trim().is_empty() {
            return Err(at(
                0,
                "the expression is empty".to_owned(),
                "write a condition, or remove it",
            ));
        }
        if text.len() > MAX_TEXT {
            let message = format!(
                "the expression has {} bytes, and at most {MAX_TEXT} are accepted",
                text.len()
            );
            let help = "write several rules: each requirement has an `expression` of its own";
            return Err(at(0, message, help));
        }
        let expression = parse(text)?;
        bound::check(&expression).map_err(|excess| at(0, excess.message, excess.help))?;
        check_numbers(text)?;
        let reads = analysis::check(&expression, path).map_err(|mistake| Mistake {
            offset: offset_of(&mistake.near, text),
            message: mistake.message,
            help: mistake.help,
        })?;
        let mut members = reads.members.iter();
        let is_method_read = members.any(|(object, names)| *object == Object::Request && names.contains("method"));
        let texts_beside_method = is_method_read.then(|| texts(text));
        Ok(Program {
            text: text.into(),
            expression,
            reads,
            texts_beside_method,
        })
    }

    /// The headers that are read.
    pub(super) fn headers(&self) -> impl Iterator<Item = &Box<str>> {
        self.reads.members.get(&Object::Headers).into_iter().flatten()
    }

    /// The claims and the headers that are read.
    pub(super) fn read<'p>(&'p self, reader: &mut Reader<'_, 'p>) {
        for name in self.reads.members.get(&Object::Claims).into_iter().flatten() {
            reader.claim_of_name(name, Need::Value);
        }
        for name in self.headers() {
            reader.add(Place::Header(name), Need::Value);
        }
    }

    pub(super) fn has_constant(&self) -> bool {
        self.reads.has_constant
    }

    pub(super) fn reads_chain(&self) -> bool {
        self.reads.singles.contains(&Single::Chain)
    }

    pub(super) fn reads_kind_or_actor(&self) -> bool {
        let kind = self
            .reads
            .members
            .get(&Object::Initiator)
            .is_some_and(|members| members.contains("kind"));
        kind || self.reads.members.contains_key(&Object::Actor) || self.reads_chain()
    }

    /// The texts of an expression that reads the method: methods that it may compare with.
    pub(super) fn texts_beside_method(&self) -> Option<&[Box<str>]> {
        self.texts_beside_method.as_deref()
    }

    /// Whether the parameters that are read are the same in both paths.
    pub(super) fn reads_same_parameters(&self, one: &str, other: &str) -> bool {
        let mut places = self.reads.params.values();
        places.all(|place| place.of(one) == place.of(other))
    }

    pub(super) fn evaluate(&self, facts: &Facts<'_>) -> Outcome {
        let variables = match facts.variables(&self.reads) {
            Ok(variables) => variables,
            Err(reason) => return Outcome::NoValue(reason),
        };
        let mut context = Context::with_env(Arc::clone(&ENVIRONMENT));
        for (name, value) in variables {
            context.add_variable_as_val(name, value);
        }
        match Value::resolve_val(&self.expression, &context) {
            Ok(value) => match value.downcast_ref::<CelBool>().map(|flag| *flag.inner()) {
                Some(true) => Outcome::True,
                Some(false) => Outcome::False,
                None => Outcome::OtherValue,
            },
            Err(error) => Outcome::Error(error),
        }
    }

    /// The expression, and what it evaluates to, without the values of facts.
    pub(super) fn explain(&self, facts: &Facts<'_>) -> (String, String) {
        let expected = on_one_line(&self.text);
        let got = match self.evaluate(facts) {
            Outcome::True => "true".to_owned(),
            Outcome::False => "false".to_owned(),
            Outcome::OtherValue => "neither true nor false".to_owned(),
            Outcome::NoValue(reason) => reason.in_words(),
            Outcome::Error(error) => self.in_words(&error),
        };
        (expected, got)
    }

    fn in_words(&self, error: &ExecutionError) -> String {
        match error {
            // A name that is computed may be a value of a fact.
            ExecutionError::NoSuchKey(name) if self.text.contains(&***name) => format!("no `{name}`"),
            ExecutionError::NoSuchKey(_) => "a member that is missing".to_owned(),
            ExecutionError::UndeclaredReference(name) => format!("no `{name}`"),
            ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => "a division by zero".to_owned(),
            ExecutionError::Overflow(..) => "a number out of range".to_owned(),
            ExecutionError::IndexOutOfBounds(_) => "no such item of a list".to_owned(),
            _ => "a value of another type".to_owned(),
        }
    }
}

fn parse(text: &str) -> Result<IdedExpr, Mistake> {
    let parser = PrattParser::new()
        .max_recursion_depth(MAX_PARSED_DEPTH)
        .error_recovery_limit(0);
    parser.parse(text).map_err(|errors| {
        // An error without a place is of the depth, or of the end of the recovery.
        let is_too_deep = errors.errors.iter().any(|error| error.msg.contains("recursion limit"));
        let first = errors
            .errors
            .iter()
            .filter(|error| error.pos.0 > 0)
            .min_by_key(|error| error.pos);
        match first {
            Some(error) if !is_too_deep => {
                let (message, help) = syntax(&error.msg);
                let offset = offset_at(text, error.pos);
                Mistake { offset, message, help }
            }
            _ => Mistake {
                offset: 0,
                message: format!("the expression is nested more than {MAX_PARSED_DEPTH} deep"),
                help: "write several rules: each requirement has an `expression` of its own".to_owned(),
            },
        }
    })
}

/// A mistake in the syntax in words, and its help.
fn syntax(error: &str) -> (String, String) {
    let error = error
        .trim_start_matches("Syntax error: ")
        .replace(char::is_control, " ");
    let unexpected = error
        .strip_prefix("mismatched input '")
        .and_then(|rest| rest.split_once("' expecting"));
    let message = match unexpected {
        Some(("<EOF>", _)) => "the expression ends too early".to_owned(),
        Some((token, _)) => format!("`{}` is not expected here", shown(token)),
        None => format!("not an expression of CEL: {error}"),
    };
    let help = match unexpected {
        Some(("=", _)) => "write `==`",
        Some(("and" | "AND", _)) => "write `&&`",
        Some(("or" | "OR", _)) => "write `||`",
        Some(("not" | "NOT", _)) => "write `!`",
        _ => "write a condition such as `claims.region == \"eu\"`",
    };
    (message, help.to_owned())
}

/// The byte at a line and a column in bytes, both from 1.
fn offset_at(text: &str, (line, column): (isize, isize)) -> usize {
    let line = usize::try_from(line - 1).unwrap_or(0);
    let before: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let offset = before + usize::try_from(column - 1).unwrap_or(0);
    let offset = offset.min(text.len());
    if text.is_char_boundary(offset) { offset } else { 0 }
}

/// The tokens of a text that is well-formed, with their places.
fn tokens(text: &str) -> impl Iterator<Item = (TokenKind, usize, &str)> {
    let mut lexer = Lexer::new(text);
    std::iter::from_fn(move || {
        let token = lexer.lex();
        let written = text.get(token.start..token.end)?;
        let is_end = matches!(token.kind, TokenKind::TokEnd | TokenKind::TokError);
        (!is_end).then_some((token.kind, token.start, written))
    })
}

/// An expression without its comments, and without the breaks of its lines.
fn on_one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for (kind, _, written) in tokens(text) {
        match kind {
            TokenKind::TokWhitespace | TokenKind::TokComment if line.ends_with(' ') => {}
            TokenKind::TokWhitespace | TokenKind::TokComment => line.push(' '),
            _ => line.push_str(written),
        }
    }
    line.trim().replace(char::is_control, " ")
}

/// What is written in quotes.
fn texts(text: &str) -> Box<[Box<str>]> {
    let quoted = tokens(text).filter(|(kind, ..)| *kind == TokenKind::TokString);
    quoted
        .map(|(_, _, written)| written.trim_matches(['"', '\'']).into())
        .collect()
}

fn check_numbers(text: &str) -> Result<(), Mistake> {
    let rounded = tokens(text).find(|(kind, _, written)| *kind == TokenKind::TokFloat && !is_exact_literal(written));
    rounded.map_or(Ok(()), |(_, offset, written)| {
        Err(Mistake {
            offset,
            message: format!("`{written}` would be rounded"),
            help: "write a whole number, or fewer digits".to_owned(),
        })
    })
}

fn offset_of(near: &Near, text: &str) -> usize {
    let is_blank = |kind| matches!(kind, TokenKind::TokWhitespace | TokenKind::TokComment);
    let (mut is_after_point, mut free, mut of_member) = (false, None, None);
    for (kind, offset, written) in tokens(text).filter(|(kind, ..)| !is_blank(*kind)) {
        let is_quoted = |name: &str| kind == TokenKind::TokString && written.trim_matches(['"', '\'']) == name;
        let is_found = match near {
            Near::Begin => return offset,
            Near::Token(token) => written == token,
            Near::Member(name) => written == name && is_after_point || is_quoted(name),
        };
        if is_found {
            let place = if is_after_point { &mut of_member } else { &mut free };
            place.get_or_insert(offset);
        }
        is_after_point = kind == TokenKind::TokDot;
    }
    free.or(of_member).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;
    use serde_json::json;

    use super::*;
    use crate::chain::Facts as TokenFacts;
    use crate::policy::EvaluationTime;
    use crate::policy::testing::{NOW, chain, without_body};

    const TOKENS: &[&str] = &[
        "claims.a",
        "claims.b",
        "claims",
        "chain",
        "actor.subject",
        "scopes",
        "now",
        "params.id",
        "x",
        ".",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        "!",
        "-",
        "+",
        "*",
        "/",
        "%",
        "==",
        "!=",
        "<",
        ">=",
        "&&",
        "||",
        "?",
        ":",
        " in ",
        "exists(x, ",
        "all(x, ",
        "filter(x, ",
        "exists_one(x, ",
        "map(x, ",
        "size(",
        "int(",
        "has(",
        "startsWith(",
        "contains(",
        "\"a\"",
        "'é'",
        "1",
        "-1",
        "2u",
        "0.5",
        "9223372036854775807",
        "true",
        "null",
        "b\"a\"",
        "r\"a\\\"",
        "\"\"\"",
        "`a`",
        "@",
        "\u{301}",
        "e1",
        "0x",
        "\\",
        "//",
    ];

    /// Compiles a text, and evaluates it where it compiles.
    fn run(text: &str) -> Option<Outcome> {
        let program = Program::compile(text, None).ok()?;
        let claims = json!({"iss": "i", "sub": "u", "aud": "a", "exp": 1, "a": [{"b": [1, 2.5, null, "é"]}, 7], "b": "x", "act": chain(&["b", "a"])});
        let facts = TokenFacts::for_tests(&claims);
        let request = without_body();
        let time = EvaluationTime { now: NOW, leeway: 0 };
        Some(program.evaluate(&Facts::with_chain(facts.history(), facts.core(), &request, &time)))
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_text_panics(tokens in proptest::collection::vec(select(TOKENS), 1..24)) {
            run(&tokens.concat());
        }

        #[test]
        fn no_condition_panics(
            parts in proptest::collection::vec((select(vec!["claims.a", "claims.b", "scopes", "now", "chain", "chain[0].subject", "claims.a[0].b", "[1, 2]", "\"é\"", "-7", "3u"]),
                select(vec![" == ", " != ", " < ", " in ", " + ", " - ", " * ", " / ", " % ", " && ", " || "])), 1..9)
        ) {
            let text: String = parts.iter().map(|(value, operator)| [*value, *operator].concat()).collect();
            run(&format!("{text}claims.a"));
        }
    }

    #[test]
    fn an_expression_is_shown_without_its_comments() {
        for (text, shown) in [
            ("claims.a == 1", "claims.a == 1"),
            (
                "// first\nclaims.a == 1 && // then\n  claims.b == 2\n",
                "claims.a == 1 && claims.b == 2",
            ),
            ("claims.a == 'x  // y'", "claims.a == 'x  // y'"),
        ] {
            assert_eq!(on_one_line(text), shown);
        }
    }

    #[test]
    fn the_deepest_expressions_fit_into_a_small_stack() {
        let nested =
            |begin: &str, inner: &str, end: &str, times: usize| begin.repeat(times) + inner + &end.repeat(times);
        let texts = vec![
            nested("(", "claims.b == \"x\"", ")", 19),
            nested("!(", "claims.b == \"x\"", ")", 13),
            nested("[", "1", "]", 14) + " == claims.a",
            nested("(claims.b == \"x\" ? ", "true", " : false)", 13),
            vec!["1"; 14].join(" + ") + " == now",
            vec!["claims.b == \"x\""; 60].join(" && "),
            "claims.a".to_owned() + &"[0]".repeat(13) + " == 1",
            "claims".to_owned() + &".a".repeat(14) + " == 1",
            // What is too deep for the parser or for the evaluation.
            "(".repeat(2000),
            "[".repeat(2000),
            "!".repeat(2000) + "claims.b",
            "-".repeat(2000) + "1 == now",
            "a?b:".repeat(500) + "c",
            "a?".repeat(900),
            "a.f(".repeat(500),
            "{".repeat(2000),
            vec!["a"; 900].join("+"),
            "a".to_owned() + &".b".repeat(1000),
        ];
        let evaluated = std::thread::Builder::new()
            .stack_size(768 * 1024)
            .spawn(move || texts.iter().filter(|text| run(text).is_some()).count());
        assert_eq!(evaluated.unwrap().join().unwrap(), 10);
    }
}
