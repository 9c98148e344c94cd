//! Finds the paths in Rust code: those of `use` items, written out one by one, and those of expressions and types.

/// A path in code.
#[derive(Debug, PartialEq)]
pub struct CodePath {
    /// The inline modules around it.
    pub scope: Vec<String>,
    pub segments: Vec<String>,
    pub source: PathSource,
}

#[derive(Debug, PartialEq)]
pub enum PathSource {
    /// An expression, a type or a macro call.
    Code,
    /// A `use` item, with the name that it brings into scope.
    Use {
        name: String,
        /// Whether the item is visible outside of the module.
        exported: bool,
        /// Whether the code outside of `use` items has the name, too.
        named_in_code: bool,
    },
}

/// The paths in `code`. Comments and literals hold none.
pub fn paths(code: &str) -> Vec<CodePath> {
    let tokens = tokens(code);
    let mut paths = Vec::new();
    let mut in_code = Vec::new();
    // The inline modules around the position, each with the depth of its braces.
    let mut scope: Vec<(String, usize)> = Vec::new();
    let mut depth = 0;
    let mut at = 0;
    while at < tokens.len() {
        let names = || scope.iter().map(|(name, _)| name.clone()).collect();
        match tokens[at] {
            "{" => depth += 1,
            "}" => {
                depth -= 1;
                scope.retain(|(_, outside)| *outside < depth);
            }
            "mod" if tokens.get(at + 2) == Some(&"{") => {
                depth += 1;
                scope.push((tokens[at + 1].to_owned(), depth - 1));
                at += 2;
            }
            "use" if tokens.get(at + 1) != Some(&"<") => {
                let exported = at > 0 && matches!(tokens[at - 1], "pub" | ")");
                at = use_tree(&tokens, at + 1, &[], &mut |segments, name| {
                    paths.push(CodePath {
                        scope: names(),
                        segments,
                        source: PathSource::Use {
                            name,
                            exported,
                            named_in_code: false,
                        },
                    });
                });
                continue;
            }
            token if is_name(token) => {
                let mut segments = vec![token.to_owned()];
                while tokens.get(at + 1) == Some(&"::") && tokens.get(at + 2).is_some_and(|next| is_name(next)) {
                    segments.push(tokens[at + 2].to_owned());
                    at += 2;
                }
                let before = (at + 1).checked_sub(2 * segments.len()).map(|before| tokens[before]);
                if !matches!(before, Some("." | "fn" | "mod")) {
                    in_code.push(segments[0].clone());
                }
                if segments.len() > 1 && before != Some("::") {
                    paths.push(CodePath {
                        scope: names(),
                        segments,
                        source: PathSource::Code,
                    });
                }
            }
            _ => {}
        }
        at += 1;
    }
    for path in &mut paths {
        if let PathSource::Use {
            name, named_in_code, ..
        } = &mut path.source
        {
            *named_in_code = in_code.contains(name);
        }
    }
    paths
}

/// Reads the tree of a `use` item from `at` on and reports each path with the name it brings into scope; returns the
/// position after the tree.
fn use_tree(tokens: &[&str], mut at: usize, before: &[String], found: &mut impl FnMut(Vec<String>, String)) -> usize {
    let mut segments = before.to_vec();
    loop {
        match tokens.get(at) {
            Some(&"::") => at += 1,
            Some(&"{") => {
                at += 1;
                while tokens.get(at).is_some_and(|token| *token != "}") {
                    at = use_tree(tokens, at, &segments, found);
                    if tokens.get(at) == Some(&",") {
                        at += 1;
                    }
                }
                return at + 1;
            }
            Some(token) if is_name(token) || *token == "*" => {
                segments.push((*token).to_owned());
                at += 1;
                if tokens.get(at) == Some(&"::") {
                    continue;
                }
                let mut name = (*token).to_owned();
                if *token == "self" && segments.len() > 1 {
                    segments.pop();
                    name = segments.last().cloned().unwrap_or_default();
                }
                if tokens.get(at) == Some(&"as") {
                    name = tokens.get(at + 1).map(|name| (*name).to_owned()).unwrap_or_default();
                    at += 2;
                }
                found(segments, name);
                return at;
            }
            _ => return at,
        }
    }
}

fn is_name(token: &str) -> bool {
    token.starts_with(is_name_character) && !token.starts_with(|c: char| c.is_ascii_digit())
}

fn is_name_character(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The tokens of `code`: names, numbers, `::` and single characters. Comments, literals and lifetimes are left out.
fn tokens(code: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = code;
    while let Some(first) = rest.chars().next() {
        let mut length = first.len_utf8();
        if rest.starts_with("//") {
            length = rest.find('\n').unwrap_or(rest.len());
        } else if rest.starts_with("/*") {
            length = rest.find("*/").map_or(rest.len(), |end| end + 2);
        } else if let Some(literal) = literal(rest) {
            length = literal;
        } else if rest.starts_with("::") {
            length = 2;
            tokens.push(&rest[..length]);
        } else if is_name_character(first) {
            length = rest.find(|c| !is_name_character(c)).unwrap_or(rest.len());
            tokens.push(&rest[..length]);
        } else if !first.is_whitespace() {
            tokens.push(&rest[..length]);
        }
        rest = &rest[length..];
    }
    tokens
}

/// The length of the string, character or lifetime that `rest` begins with.
fn literal(rest: &str) -> Option<usize> {
    let unprefixed = rest.trim_start_matches(['b', 'c']);
    let prefix = rest.len() - unprefixed.len();
    if let Some(raw) = unprefixed.strip_prefix('r') {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        let body = raw[hashes..].strip_prefix('"')?;
        let end = format!("\"{}", "#".repeat(hashes));
        let length = body.find(&end).map_or(body.len(), |at| at + end.len());
        return Some(prefix + 1 + hashes + 1 + length);
    }
    let (quote, body) = (unprefixed.chars().next()?, unprefixed.get(1..)?);
    let is_character = quote == '\'' && (body.starts_with('\\') || body.chars().nth(1) == Some('\''));
    if quote == '\'' && !is_character && prefix == 0 {
        return Some(1 + body.find(|c| !is_name_character(c)).unwrap_or(body.len()));
    }
    if quote != '"' && !is_character {
        return None;
    }
    let mut escaped = false;
    for (at, c) in body.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return Some(prefix + 1 + at + 1),
            _ => {}
        }
    }
    Some(rest.len())
}

#[test]
fn use_trees_are_written_out() {
    let code = "use crate::{error::{Error as E, self}, keys::*};\npub(crate) use a::B;\nfn f() { B::new() }";
    let found: Vec<_> = paths(code)
        .into_iter()
        .map(|path| (path.segments.join("::"), path.source))
        .collect();
    let item = |name: &str, exported, named_in_code| PathSource::Use {
        name: name.into(),
        exported,
        named_in_code,
    };
    assert_eq!(
        found,
        [
            ("crate::error::Error".into(), item("E", false, false)),
            ("crate::error".into(), item("error", false, false)),
            ("crate::keys::*".into(), item("*", false, false)),
            ("a::B".into(), item("B", true, true)),
            ("B::new".into(), PathSource::Code),
        ]
    );
}

#[test]
fn paths_are_found_in_code_and_not_in_comments_or_literals() {
    let code = r##"
        // crate::a
        /* crate::b */
        fn f<'a>(x: &'a str) -> super::C { d::e::<u8>(x); ::http::f(); "crate::g"; r#"crate::"h"#; '"'; '\''; i::j() }
        mod inline { fn g() { super::k() } }
        fn h() { self::l() }
    "##;
    let found: Vec<_> = paths(code)
        .iter()
        .map(|path| (path.scope.join("/"), path.segments.join("::")))
        .collect();
    let expected = [
        ("", "super::C"),
        ("", "d::e"),
        ("", "i::j"),
        ("inline", "super::k"),
        ("", "self::l"),
    ];
    assert_eq!(found, expected.map(|(scope, path)| (scope.to_owned(), path.to_owned())));
}
