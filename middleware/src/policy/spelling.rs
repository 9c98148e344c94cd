//! The spellings of a path that some servers treat as one.
//!
//! A server may ignore the case of letters (Express, ASP.NET), a last slash (Express, Spring), or blanks and dots at the end
//! of a segment (servers on Windows). The routes of a policy are matched exactly, so that a request in another spelling would
//! get the access of another route. Which of these differences a server ignores is unknown: every combination is a folding.

use std::borrow::Cow;

use serde::Deserialize;

/// Which spellings of a path the API treats as one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Spelling {
    /// Unknown: a request is denied if another spelling of its path, or the method in a parameter `_method`, leads to
    /// another access.
    #[default]
    Folded,
    /// None but the exact one.
    Exact,
}

/// What some servers ignore at the end of a segment.
const END: [char; 2] = ['.', ' '];

/// A set of differences in spelling that a server ignores.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Folding(u8);

impl Folding {
    const CASE: u8 = 1;
    const SLASH: u8 = 2;
    const SEGMENT_END: u8 = 4;

    /// The differences that folding would remove from a path.
    pub(super) fn of(path: &str) -> Folding {
        // Most paths have none. Without branches, the compiler looks at many bytes at a time.
        let (mut case, mut end) = (false, false);
        for byte in path.bytes() {
            // A letter outside of ASCII may have a lower case.
            case |= byte.is_ascii_uppercase() | !byte.is_ascii();
            end |= (byte == b'.') | (byte == b' ');
        }
        let mut differences = if case { Self::CASE } else { 0 };
        if path.len() > 1 && path.ends_with('/') {
            differences |= Self::SLASH;
        }
        if end {
            differences |= Folding::of_ends(path);
        }
        Folding(differences)
    }

    fn of_ends(path: &str) -> u8 {
        let has_end = path.split('/').any(|segment| segment.ends_with(END));
        let (_, last) = path.rsplit_once('/').unwrap_or_default();
        // A segment of blanks and dots alone is a last slash without them.
        let is_slash = path.len() > 1 && last.trim_end_matches(END).is_empty();
        [(has_end, Self::SEGMENT_END), (is_slash, Self::SLASH)]
            .into_iter()
            .fold(
                0,
                |differences, (has, difference)| if has { differences | difference } else { differences },
            )
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The differences that are in one of both.
    pub(super) fn union(self, other: Folding) -> Folding {
        Folding(self.0 | other.0)
    }

    /// The differences that are in both.
    pub(super) fn intersection(self, other: Folding) -> Folding {
        Folding(self.0 & other.0)
    }

    /// Every subset, from the empty one on.
    pub(super) fn subsets(self) -> impl Iterator<Item = Folding> {
        (0..8).filter(move |subset| subset & !self.0 == 0).map(Folding)
    }

    /// The path without these differences.
    pub(super) fn apply(self, path: &str) -> Cow<'_, str> {
        let mut folded = Cow::Borrowed(path);
        if self.has(Self::CASE) {
            folded = Cow::Owned(lower_case(&folded));
        }
        if self.has(Self::SEGMENT_END) {
            let segments: Vec<&str> = folded.split('/').map(|segment| segment.trim_end_matches(END)).collect();
            folded = Cow::Owned(segments.join("/"));
        }
        if self.has(Self::SLASH) && folded.len() > 1 && folded.ends_with('/') {
            folded = Cow::Owned(folded[..folded.len() - 1].to_owned());
        }
        folded
    }

    fn has(self, difference: u8) -> bool {
        self.0 & difference != 0
    }
}

/// Lower case, where every letter with the same upper case becomes one: `K`, `k` and the Kelvin sign.
fn lower_case(path: &str) -> String {
    if path.is_ascii() {
        return path.to_ascii_lowercase();
    }
    path.chars()
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .collect()
}

/// Why it depends on the server which access a request gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ambiguity {
    /// On whether it decodes an escape.
    Escape,
    /// On which spellings of the path it treats as one.
    Spelling,
}

impl Ambiguity {
    /// The reason of the denial.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Ambiguity::Escape => "an escape in the path decides which access is required",
            Ambiguity::Spelling => {
                "the path in another spelling (case, last slash, blanks or dots at the end of a segment) requires another access"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policy;
    use crate::request::PathForms;

    fn all(path: &str) -> String {
        Folding::of(path).apply(path).into_owned()
    }

    #[test]
    fn every_spelling_of_a_path_folds_to_one() {
        for (path, folded) in [
            ("/", "/"),
            ("/orders/7", "/orders/7"),
            ("/Orders/7", "/orders/7"),
            ("/orders/7/", "/orders/7"),
            ("/orders./7", "/orders/7"),
            ("/orders/7. .", "/orders/7"),
            ("/ORDERS /7.../", "/orders/7"),
            ("/a.b/c d", "/a.b/c d"),
            ("/.hidden", "/.hidden"),
            ("/a/...", "/a"),
            ("/É", "/é"),
            ("/\u{212a}ey", "/key"),
            ("/\u{17f}ecret", "/secret"),
        ] {
            assert_eq!(all(path), folded, "{path}");
            assert_eq!(all(&all(path)), folded, "folding twice: {path}");
        }
    }

    const SHOP: &str = "routes:
  - { match: 'DELETE /orders/{id}', scopes: [admin] }
  - { match: '* /admin/{*rest}', scopes: [admin] }
  - { match: GET /reports/, scopes: [admin] }
  - { match: 'GET /Users/{name}', scopes: [admin] }
  - { match: '* /{*rest}', scopes: [read] }
";

    /// The route for a request, or why there is none.
    fn route(policy: &str, method: &str, decoded: &str) -> String {
        let policy = Policy::from_yaml(policy).unwrap();
        let forms = PathForms { decoded, kept: None };
        match policy.route(method, forms) {
            Ok(route) => route.map_or("none".to_owned(), |route| route.name.to_string()),
            Err(ambiguity) => format!("{ambiguity:?}"),
        }
    }

    #[test]
    fn another_spelling_never_leads_to_another_access() {
        for (method, path, found) in [
            ("DELETE", "/orders/7", "DELETE /orders/{id}"),
            ("DELETE", "/orders/ABC", "DELETE /orders/{id}"),
            ("DELETE", "/Orders/7", "Spelling"),
            ("DELETE", "/orders/7/", "Spelling"),
            ("DELETE", "/orders/7./", "Spelling"),
            ("DELETE", "/orders./7", "Spelling"),
            ("DELETE", "/oRDERS /7", "Spelling"),
            ("DELETE", "/orders/7/8/", "* /{*rest}"),
            ("POST", "/Orders/7", "* /{*rest}"),
            ("GET", "/admin/a", "* /admin/{*rest}"),
            ("GET", "/admin/A/", "* /admin/{*rest}"),
            ("GET", "/ADMIN/a", "Spelling"),
            ("GET", "/Admin/", "* /{*rest}"),
            ("GET", "/reports/", "GET /reports/"),
            ("GET", "/reports", "Spelling"),
            ("HEAD", "/reports", "Spelling"),
            ("GET", "/Users/x", "GET /Users/{name}"),
            ("GET", "/users/x", "Spelling"),
            ("GET", "/USERS/x.", "Spelling"),
            ("POST", "/users/x", "* /{*rest}"),
        ] {
            assert_eq!(route(SHOP, method, path), found, "{method} {path}");
        }
    }

    #[test]
    fn without_a_weaker_route_another_spelling_has_none() {
        let strict = "routes: [{ match: 'DELETE /orders/{id}', scopes: [admin] }]";
        for path in ["/Orders/7", "/orders/7/", "/orders./7"] {
            assert_eq!(route(strict, "DELETE", path), "none", "{path}");
        }
    }

    #[test]
    fn equal_access_is_not_ambiguous() {
        let equal = "routes:
  - { match: ['GET /a', 'GET /a/', 'GET /A'], scopes: [x] }
  - { match: 'GET /{*rest}', scopes: { all_of: [x] } }
";
        for path in ["/a", "/a/", "/A", "/A/", "/a."] {
            assert!(route(equal, "GET", path).starts_with("GET /"), "{path}");
        }
    }

    #[test]
    fn the_owner_of_an_api_that_folds_nothing_states_it() {
        let exact = format!("spelling: exact\n{SHOP}");
        for path in ["/Orders/7", "/orders/7/", "/orders./7"] {
            assert_eq!(route(&exact, "DELETE", path), "* /{*rest}", "{path}");
        }
        assert_eq!(route(&exact, "DELETE", "/orders/7"), "DELETE /orders/{id}");
        assert!(Policy::from_yaml("spelling: loose\nroutes: []").is_err());
    }

    #[test]
    fn routes_that_differ_only_in_spelling_have_one_access() {
        for pair in [
            ["GET /a", "GET /a/"],
            ["GET /a", "* /A"],
            ["GET /a/{x}", "GET /A/{y}/"],
            ["GET /a/{*x}", "HEAD /A/{*y}"],
            ["GET /\u{e9}", "GET /\u{c9}"],
        ] {
            let [one, other] = pair;
            let text = format!("routes: [{{ match: '{one}', public: true }}, {{ match: '{other}', scopes: [x] }}]");
            let error = Policy::from_yaml(&text).unwrap_err().to_string();
            assert!(
                error.contains(&format!("`{other}` differs only in spelling from `{one}` in line 1")),
                "{error}"
            );
            assert!(error.contains("write `spelling: exact`"), "{error}");
            assert!(
                Policy::from_yaml(&format!("{text}\nspelling: exact")).is_ok(),
                "{pair:?}"
            );
        }
    }

    #[test]
    fn the_methods_of_another_access_are_known_in_every_spelling() {
        let methods = |policy: &str, method: &str, decoded: &str| {
            let policy = Policy::from_yaml(policy).unwrap();
            let methods = policy.methods_of_other_access(method, PathForms { decoded, kept: None });
            methods.join(" ")
        };
        assert_eq!(methods(SHOP, "POST", "/orders/7"), "DELETE DELETE");
        assert_eq!(methods(SHOP, "POST", "/Orders/7/"), "DELETE DELETE");
        assert_eq!(methods(SHOP, "POST", "/orders/7/8"), "");
        assert_eq!(methods(SHOP, "POST", "/admin/a"), "");
        assert_eq!(methods(&format!("spelling: exact\n{SHOP}"), "POST", "/orders/7"), "");
    }

    #[test]
    fn a_folding_removes_only_its_differences() {
        let spelled = "/A. /";
        let foldings: Vec<String> = Folding::of(spelled)
            .subsets()
            .map(|folding| folding.apply(spelled).into_owned())
            .collect();
        assert_eq!(foldings, ["/A. /", "/a. /", "/A. ", "/a. ", "/A/", "/a/", "/A", "/a"]);
        assert_eq!(Folding::of("/a/b.c").subsets().count(), 1);
    }
}
