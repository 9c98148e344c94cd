//! The beginning of paths, and the paths of requests that are compared with it.

use std::borrow::Cow;

use http::{Method, Uri};

use super::folding::Folding;
use super::target::Target;
use crate::error::Error;

/// The beginning of paths, in whole segments: `/orders` is that of `/orders/7` and not of `/ordersx`.
///
/// It is compared with the forms that servers may read a path in:
/// [`Policy::choose_by_path`](crate::Policy::choose_by_path).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PathPrefix {
    /// With its escapes decoded, and without a slash at the end, so that every path is empty.
    path: Box<str>,
    /// The differences in spelling that it has.
    differences: Folding,
}

impl PathPrefix {
    /// The prefix of this text. A slash at its end has no meaning: `/` is the beginning of every path.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`] for a text that [`Target::new`] does not accept as a path, or with a query or a fragment.
    pub fn new(text: &str) -> Result<PathPrefix, Error> {
        let invalid = || Error::invalid_request("the text is not the beginning of a path");
        let uri: Uri = text.parse().map_err(|_| invalid())?;
        if text.contains(['?', '#']) || !text.starts_with('/') {
            return Err(invalid());
        }
        let target = Target::new(&Method::GET, &uri)?;
        let path = target.path();
        let path = path.strip_suffix('/').unwrap_or(path);
        Ok(PathPrefix {
            path: path.into(),
            differences: Folding::of(path),
        })
    }

    /// The decoded path, without a slash at the end; empty for every path.
    pub fn as_str(&self) -> &str {
        &self.path
    }

    pub(crate) fn differences(&self) -> Folding {
        self.differences
    }
}

/// The path of a request in one of the forms that a server may read it in.
#[derive(Clone, Debug)]
pub struct PathForm<'p> {
    path: Cow<'p, str>,
    /// The differences in spelling that the server ignores.
    ignored: Folding,
}

impl<'p> PathForm<'p> {
    /// The path for a server that ignores these differences in spelling.
    pub(crate) fn new(path: &'p str, ignored: Folding) -> PathForm<'p> {
        PathForm {
            path: ignored.apply(path),
            ignored,
        }
    }

    /// Whether a server that reads the path in this form finds it at or below a prefix.
    pub fn is_below(&self, prefix: &PathPrefix) -> bool {
        let prefix = self.ignored.apply(prefix.as_str());
        let rest = self.path.strip_prefix(&*prefix);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_whole_segments() {
        for (prefix, path, expected) in [
            ("/orders", "/orders", true),
            ("/orders/", "/orders/7", true),
            ("/orders", "/ordersx", false),
            ("/orders", "/Orders", false),
            ("/a%20b", "/a b/c", true),
            ("/", "/", true),
            ("/", "/any", true),
        ] {
            let prefix = PathPrefix::new(prefix).unwrap();
            let form = PathForm::new(path, Folding::default());
            assert_eq!(form.is_below(&prefix), expected, "{prefix:?} {path}");
        }
        let prefix = PathPrefix::new("/Orders").unwrap();
        let all = Folding::of("/Orders/");
        assert!(PathForm::new("/ORDERS/", all).is_below(&prefix));
    }

    #[test]
    fn a_text_that_is_no_path_is_no_prefix() {
        for text in [
            "",
            "orders",
            "/a//b",
            "/a/..",
            "/a;b",
            "/a?b",
            "/a#b",
            "/a%2Fb",
            "https://a.example/x",
            "*",
        ] {
            assert!(PathPrefix::new(text).is_err(), "{text}");
        }
    }
}
