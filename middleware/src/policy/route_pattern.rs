//! The written form of a route: `METHODS PATH`.

use std::sync::Arc;

use actgate_yaml::{Span, Spanned};

use super::methods::{is_registered, is_upper_case_token};

/// The written form of a route, until the table is finished.
#[derive(Debug)]
pub(super) struct Pattern {
    /// None is any.
    pub(super) methods: Vec<Box<str>>,
    pub(super) path: String,
    pub(super) span: Span,
}

/// How closely a route names a method; a closer one wins on the same path.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Closeness {
    Any,
    GetForHead,
    Named,
}

impl Pattern {
    /// The pattern and its name, or why it is invalid.
    pub(super) fn parse(written: &Spanned<String>) -> Result<(Pattern, Arc<str>), &'static str> {
        let mut words = written.value.split_ascii_whitespace();
        let (Some(methods), Some(path), None) = (words.next(), words.next(), words.next()) else {
            return Err("it is not `METHODS PATH`");
        };
        let name = format!("{methods} {path}").into();
        let methods: Vec<Box<str>> = match methods {
            "*" => Vec::new(),
            _ => methods.split(',').map(method).collect::<Option<_>>().ok_or(METHODS)?,
        };
        check_path(path)?;
        let pattern = Pattern {
            methods,
            path: path.to_owned(),
            span: written.span(),
        };
        Ok((pattern, name))
    }

    pub(super) fn closeness(&self, method: &str) -> Option<Closeness> {
        let names = |method: &str| self.methods.iter().any(|name| **name == *method);
        match method {
            _ if self.methods.is_empty() => Some(Closeness::Any),
            _ if names(method) => Some(Closeness::Named),
            "HEAD" if names("GET") => Some(Closeness::GetForHead),
            _ => None,
        }
    }

    /// The path with every parameter alike, so that two routes for the same requests look the same.
    pub(super) fn shape(&self) -> String {
        let segment = |segment: &str| match segment {
            _ if segment.starts_with("{*") => "{*}".to_owned(),
            _ if segment.starts_with('{') && !segment.starts_with("{{") => "{}".to_owned(),
            _ => segment.to_owned(),
        };
        self.path.split('/').map(segment).collect::<Vec<_>>().join("/")
    }
}

const METHODS: &str = "methods are in upper case, several are separated by commas, `*` is any, a method that is not registered is in double quotes";

/// A registered method, or any other in double quotes.
fn method(written: &str) -> Option<Box<str>> {
    if is_registered(written) {
        return Some(written.into());
    }
    let quoted = written.strip_prefix('"')?.strip_suffix('"')?;
    is_upper_case_token(quoted).then(|| quoted.into())
}

/// Rejects a path that no request can have, or that means something else than it seems to.
fn check_path(path: &str) -> Result<(), &'static str> {
    let Some(rest) = path.strip_prefix('/') else {
        return Err("the path begins with a slash");
    };
    if path.contains('%') {
        return Err("the path is written without escapes: `é`, not `%C3%A9`");
    }
    if path.contains(['?', '#', ';', '\\']) || path.chars().any(char::is_control) {
        return Err("the path contains a character that no accepted path has");
    }
    let mut segments = rest.split('/').peekable();
    while let Some(segment) = segments.next() {
        if matches!(segment, "." | "..") || (segment.is_empty() && segments.peek().is_some()) {
            return Err("the path contains an empty or dot segment, which no accepted path has");
        }
    }
    Ok(())
}
