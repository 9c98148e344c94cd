//! Routes as other products write them: why a text is not a route of a policy, and how to write the route it means.

mod braces;
mod expressions;
mod lexical;
mod methods;
mod notes;
mod path;
mod segment;
mod step;

use std::collections::BTreeSet;

use super::exact::quoted;
use super::methods::parse_methods;
use super::segment::{Segment, joined, parse_path};
use methods::Methods;
use notes::Notes;

/// Why a text is not a route, and the help.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Explanation {
    pub(super) reason: String,
    pub(super) help: String,
}

/// The help where no route can be derived from the text.
const FORM: &str = "write it as `GET /orders/{id}`, or `GET /files/{*rest}` for the rest of a path";

/// The longest text, in bytes, that is searched for a route.
const MAX_LENGTH: usize = 1000;

/// Explains a text that is not a route.
pub(super) fn explain(text: &str) -> Explanation {
    let mut notes = Notes::default();
    if text.len() > MAX_LENGTH {
        return Explanation {
            reason: "it is not `METHODS /path`".to_owned(),
            help: FORM.to_owned(),
        };
    }
    let read = methods::read(text, &mut notes);
    let mut help = match read.path {
        "" => {
            notes.add("", "the path is missing");
            let route = format!("{} /orders/{{id}}", read.methods);
            format!("add the path, as in `{}`", in_yaml(&route))
        }
        path => proposal(&read, &path::read(path, read.extent, &mut notes)).unwrap_or_else(|| FORM.to_owned()),
    };
    if let Some(method) = read.meant {
        help = format!("did you mean `{method}`? {help}");
    }
    if notes.is_widened() && help != FORM {
        help = format!("{help}; a parameter matches any text between two slashes");
    }
    if notes.is_empty() {
        notes.add("", "it is not `METHODS /path`");
    }
    Explanation {
        reason: notes.to_string(),
        help,
    }
}

/// The sentence that shows the routes to write, unless one of them is not valid.
fn proposal(read: &Methods<'_>, paths: &[Vec<Segment>]) -> Option<String> {
    let methods = &read.methods;
    parse_methods(methods)?;
    let mut shapes = BTreeSet::new();
    let mut written = Vec::new();
    for path in paths {
        let path = joined(path, Segment::to_string);
        let shape = |segment: &Segment| match segment {
            Segment::Parameter(_) => "{}".to_owned(),
            other => other.to_string(),
        };
        if shapes.insert(joined(&parse_path(&path)?, shape)) {
            written.push(path);
        }
    }
    match &written[..] {
        [] => None,
        [path] if read.is_missing => {
            let route = in_yaml(&format!("{methods} {path}"));
            Some(format!("write `{route}`, or `'* {path}'` for every registered method"))
        }
        [path] => Some(format!("write `{}`", in_yaml(&format!("{methods} {path}")))),
        paths => {
            let routes: Vec<String> = paths.iter().map(|path| quoted(&format!("{methods} {path}"))).collect();
            Some(format!("write `[{}]`", routes.join(", ")))
        }
    }
}

/// A text as a YAML scalar outside of `[]` and `{}`.
fn in_yaml(text: &str) -> String {
    let needs_quotes =
        text.starts_with(['*', '"']) || text.contains(": ") || text.contains(" #") || text.ends_with(':');
    if needs_quotes { quoted(text) } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_help_for_a_character_that_no_path_has_is_not_the_same_route() {
        for (route, segment) in [
            (r#"GET /"なぜ？""#, r#""なぜ？""#),
            (r#"GET /a/"ａ／ｂ""#, r#""ａ／ｂ""#),
            (r#"GET /"a…"/{id}"#, r#""a…""#),
            ("GET /なぜ？", "なぜ？"),
            ("GET /50\u{fe6a}", "50\u{fe6a}"),
            ("GET /a%EF%BC%8Fb", "a%EF%BC%8Fb"),
        ] {
            let explanation = explain(route);
            let reason = format!("`{segment}` {}", step::LOOK_ALIKE);
            assert_eq!((explanation.reason, &*explanation.help), (reason, FORM), "{route}");
        }
    }

    fn help(text: &str) -> String {
        explain(text).help
    }

    #[test]
    fn the_help_is_the_route_that_is_meant() {
        for (text, route) in [
            ("ANY /users/:id", "'* /users/{id}'"),
            ("GET|HEAD /admin/**", "GET,HEAD /admin/{*rest}"),
            (
                "GET /[lang]/docs/[[...slug]]",
                "['GET /{lang}/docs', 'GET /{lang}/docs/{*slug}']",
            ),
            ("GET /:a/:b/:a", "GET /{a}/{b}/{a2}"),
            ("GET /**/x/**", "GET /{name}/x/{*rest}"),
            ("GET /it's/*", "GET /\"it's\"/{*rest}"),
            ("* /it's", "'* /\"it''s\"'"),
            (
                "~* ^/(orders|invoices)/[0-9]+$",
                "['* /orders/{id}', '* /invoices/{id}']; a parameter matches any text between two slashes",
            ),
        ] {
            let (route, note) = route
                .split_once("; ")
                .map_or((route, ""), |(route, note)| (route, note));
            let expected = format!("write `{route}`{}{note}", if note.is_empty() { "" } else { "; " });
            assert_eq!(help(text), expected, "{text}");
        }
    }

    #[test]
    fn what_no_request_has_is_not_proposed() {
        for text in [
            "GET /a%2fb",
            "GET /a\\b",
            "GET /\u{0}",
            "GET /\"..\"",
            "GET /a%zz",
            "~ \\.php$",
            &"/a".repeat(9000),
        ] {
            assert_eq!(help(text), FORM, "{text}");
        }
        assert_eq!(help("GET"), "add the path, as in `GET /orders/{id}`");
        assert_eq!(help("DELET /a"), "did you mean `DELETE`? write `DELETE /a`");
    }

    /// The routes in a help text.
    fn routes(help: &str) -> Vec<String> {
        let Some((_, after)) = help.split_once("write `") else {
            return Vec::new();
        };
        let yaml = after.rsplit_once('`').unwrap().0;
        let yaml = yaml.split_once("`, or `").map_or(yaml, |(first, _)| first);
        let text = format!(
            "routes: [{{ match: {} }}]",
            if yaml.starts_with(['[', '\'']) {
                yaml.to_owned()
            } else {
                quoted(yaml)
            }
        );
        #[derive(serde::Deserialize)]
        struct Routes {
            routes: Vec<Matches>,
        }
        #[derive(serde::Deserialize)]
        struct Matches {
            r#match: actgate_yaml::OneOrMany<String>,
        }
        let reading = actgate_yaml::read::<Routes>(&text);
        assert!(reading.diagnostics.is_empty(), "{text}: {}", reading.diagnostics);
        reading.value.unwrap().routes.remove(0).r#match.0
    }

    /// Texts with the characters that patterns consist of.
    fn pattern_text() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "GET", "get", "ANY", " ", ",", "|", "/", "//", "*", "**", ":", "id", "<", ">", "int:", "[", "]", "...",
            "$", "(", ")", "?", "{", "}", "{id}", "{*rest}", "+", "\\d", "^", "~", "=", ".", "..", "%41", "%2f", ";",
            "#", "\"", "'", "é", "-", "_", "a", "0-9", "(/", "(.:", "{?", "?P<", "\u{301}", "\t",
        ]);
        prop::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn every_text_is_explained_and_every_proposal_is_a_route(text in prop_oneof![pattern_text(), pattern_text().prop_map(|text| format!("GET /{text}")), any::<String>()]) {
            let Explanation { reason, help } = explain(&text);
            prop_assert!(!reason.is_empty() && !help.is_empty());
            prop_assert!(!reason.contains(char::is_control) && !help.contains(char::is_control), "{reason:?}; {help:?}");
            for route in routes(&help) {
                let (methods, path) = route.split_once(' ').unwrap();
                prop_assert!(parse_methods(methods).is_some() && parse_path(path).is_some(), "{text}: {help}");
            }
        }
    }
}
