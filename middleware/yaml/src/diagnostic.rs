//! What is wrong in a file, where, and how to fix it.

use std::fmt;
use std::ops::Deref;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::printable::printable;
use crate::spanned::Span;

/// One mistake in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// The file, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// Line, from 1; 0 where it is unknown.
    pub line: u64,
    /// Column, from 1; 0 where it is unknown.
    pub column: u64,
    /// What kind of finding it is, where it has a stable name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
    /// What is wrong.
    pub message: String,
    /// A suggested fix.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// The most characters of a text in backticks in a message.
const MAX_QUOTED: usize = 200;

/// The most characters of a text in backticks in a help, which is there to be copied.
const MAX_PROPOSED: usize = 2000;

/// Cuts what is in backticks, and ends it with `…`.
fn shortened(text: &str, most: usize) -> String {
    let is_short = |part: &str| part.chars().nth(most).is_none();
    if is_short(text) {
        return text.to_owned();
    }
    let parts = text.split('`').enumerate().map(|(index, part)| {
        let end = part.char_indices().nth(most).filter(|_| index % 2 == 1);
        match end {
            Some((end, _)) => format!("{}…", &part[..end]),
            None => part.to_owned(),
        }
    });
    parts.collect::<Vec<_>>().join("`")
}

impl Diagnostic {
    /// A mistake at a place. An empty `help` counts as absent. The texts are escaped as by [`printable`].
    pub fn new(span: Span, message: impl Into<String>, help: impl Into<String>) -> Self {
        Diagnostic {
            file: None,
            line: span.line,
            column: span.column,
            code: None,
            message: shortened(&printable(&message.into()), MAX_QUOTED),
            help: Some(shortened(&printable(&help.into()), MAX_PROPOSED)).filter(|help| !help.is_empty()),
        }
    }

    fn place(&self) -> (&Option<PathBuf>, u64, u64) {
        (&self.file, self.line, self.column)
    }
}

/// `file:line:column: message`, and on a second line `  help: …`.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{}:", printable(&file.to_string_lossy()))?;
        }
        for number in [self.line, self.column] {
            if number > 0 {
                write!(f, "{number}:")?;
            }
        }
        let gap = if self.file.is_some() || self.line > 0 { " " } else { "" };
        write!(f, "{gap}{}", self.message)?;
        match &self.help {
            Some(help) => write!(f, "\n  help: {help}"),
            None => Ok(()),
        }
    }
}

/// The mistakes found in one file or several, in the order of file, line and column.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// Adds a mistake. An empty `help` counts as absent.
    pub fn push(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.extend([Diagnostic::new(span, message, help)]);
    }

    /// Adds a finding with its stable name. An empty `help` counts as absent.
    pub fn push_coded(&mut self, code: &'static str, span: Span, message: impl Into<String>, help: impl Into<String>) {
        let code = Some(code);
        self.extend([Diagnostic {
            code,
            ..Diagnostic::new(span, message, help)
        }]);
    }

    /// Adds a mistake after all others.
    pub(crate) fn push_last(&mut self, message: impl Into<String>, help: impl Into<String>) {
        let mut diagnostic = Diagnostic::new(Span::default(), message, help);
        if let Some(last) = self.0.last() {
            (diagnostic.line, diagnostic.column) = (last.line, last.column);
            diagnostic.file.clone_from(&last.file);
        }
        self.0.push(diagnostic);
    }

    /// Keeps the first mistakes of more than `most`, and says how many more there are.
    pub(crate) fn limit(&mut self, most: usize) {
        let more = self.len().saturating_sub(most);
        if more > 1 {
            self.0.truncate(most);
            self.push_last(format!("there are {more} more mistakes"), "fix these first");
        }
    }

    /// The same mistakes, each with its file; those that have one keep it.
    #[must_use]
    pub fn in_file(self, file: &Path) -> Self {
        let in_file = |mut diagnostic: Diagnostic| {
            diagnostic.file.get_or_insert_with(|| file.to_owned());
            diagnostic
        };
        self.into_iter().map(in_file).collect()
    }

    /// The same mistakes. An unknown key in `keys` has the help beside it there, in place of the most similar key.
    #[must_use]
    pub fn with_help_for_keys(self, keys: &[(&str, &str)]) -> Self {
        let with_help = |mut diagnostic: Diagnostic| {
            if let Some((_, help)) = keys.iter().find(|(key, _)| diagnostic.message == unknown_key(key)) {
                diagnostic.help = Some((*help).to_owned());
            }
            diagnostic
        };
        self.into_iter().map(with_help).collect()
    }
}

/// The message for a key that is not known.
pub(crate) fn unknown_key(key: &str) -> String {
    format!("unknown key `{key}`")
}

/// Adds mistakes; one that is already known is not added again.
impl Extend<Diagnostic> for Diagnostics {
    fn extend<I: IntoIterator<Item = Diagnostic>>(&mut self, diagnostics: I) {
        for diagnostic in diagnostics {
            let index = self.0.partition_point(|other| other.place() <= diagnostic.place());
            let mut at_place = self.0[..index]
                .iter()
                .rev()
                .take_while(|other| other.place() == diagnostic.place());
            if at_place.all(|other| *other != diagnostic) {
                self.0.insert(index, diagnostic);
            }
        }
    }
}

impl FromIterator<Diagnostic> for Diagnostics {
    fn from_iter<I: IntoIterator<Item = Diagnostic>>(diagnostics: I) -> Self {
        let mut all = Diagnostics::default();
        all.extend(diagnostics);
        all
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl Deref for Diagnostics {
    type Target = [Diagnostic];
    fn deref(&self) -> &[Diagnostic] {
        &self.0
    }
}

/// One mistake after the other.
impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<String> = self.iter().map(ToString::to_string).collect();
        f.write_str(&all.join("\n"))
    }
}

impl std::error::Error for Diagnostics {}

/// The known word that `written` most likely means, or all of them, as a sentence.
pub fn nearest<T: AsRef<str>>(written: &str, known: &[T]) -> String {
    if let Some(word) = suggestion(written, known) {
        return format!("did you mean `{word}`?");
    }
    let quoted: Vec<String> = known.iter().map(|word| format!("`{}`", word.as_ref())).collect();
    match &quoted[..] {
        [] => String::new(),
        [only] => format!("expected {only}"),
        _ => format!("expected one of {}", quoted.join(", ")),
    }
}

/// Words and what is meant by them, where the most similar word means something else.
const SYNONYMS: [(&str, &str); 13] = [
    ("in", "one_of"),
    ("in", "any_of"),
    ("one_of", "any_of"),
    ("one_of", "all_of"),
    ("any_of", "one_of"),
    (concat!("pre", "sent"), "required"),
    ("user", "human"),
    ("person", "human"),
    ("ai_agent", "agent"),
    ("bot", "agent"),
    ("machine", "service"),
    ("client", "service"),
    ("workload", "service"),
];

/// The known word that is meant by `written`, is close enough to it, or begins with it.
pub(crate) fn suggestion<'k, T: AsRef<str>>(written: &str, known: &'k [T]) -> Option<&'k str> {
    let lower = written.to_ascii_lowercase();
    let find = |wanted: &str| {
        known
            .iter()
            .map(AsRef::as_ref)
            .find(|word| word.eq_ignore_ascii_case(wanted))
    };
    let synonyms = SYNONYMS.iter().filter(|(synonym, _)| *synonym == lower);
    if let Some(word) = find(&lower).or_else(|| synonyms.map(|(_, meant)| *meant).find_map(find)) {
        return Some(word);
    }
    // A short word has many neighbours.
    let limit = |word: &str| match written.len().min(word.len()) {
        length @ 0..8 => 1 + length / 4,
        _ => 1 + word.len() / 3,
    };
    let near = closest(written, known).filter(|(distance, word)| *distance <= limit(word));
    let longer = || {
        known
            .iter()
            .map(AsRef::as_ref)
            .find(|word| written.len() > 2 && word.starts_with(written))
    };
    near.map(|(_, word)| word).or_else(longer)
}

/// The known word that differs least from `written`, and in how many characters.
pub fn closest<'k, T: AsRef<str>>(written: &str, known: &'k [T]) -> Option<(usize, &'k str)> {
    known
        .iter()
        .map(|word| (strsim::damerau_levenshtein(written, word.as_ref()), word.as_ref()))
        .min_by_key(|(distance, _)| *distance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_in_backticks_is_cut() {
        let message = |text: &str| Diagnostic::new(Span::default(), text, "").message;
        let (long, cut) = ("é".repeat(201), format!("{}…", "é".repeat(200)));
        assert_eq!(
            message(&format!("`{long}` and `b` and `{long}`")),
            format!("`{cut}` and `b` and `{cut}`")
        );
        let most = "é".repeat(200);
        for text in [format!("`{most}` is `{most}`"), long.clone(), format!("{long} `b`")] {
            assert_eq!(message(&text), text);
        }
        let help = |text: &str| Diagnostic::new(Span::default(), "m", text).help.unwrap_or_default();
        assert_eq!(help(&format!("write `{long}`")), format!("write `{long}`"));
        let longer = "a".repeat(2001);
        assert_eq!(help(&format!("write `{longer}`")), format!("write `{}…`", &longer[1..]));
    }

    #[test]
    fn no_text_of_a_diagnostic_is_obeyed_by_a_terminal() {
        let diagnostic = Diagnostic::new(Span::default(), "`a\u{1b}[31m`\nb", "`\u{202e}`");
        let diagnostic = Diagnostics::from_iter([diagnostic]).in_file(Path::new("p\u{7}.yaml"));
        let shown = "p\\u{7}.yaml: `a\\u{1b}[31m`\\nb\n  help: `\\u{202e}`";
        assert_eq!(diagnostic.to_string(), shown);
        let again = Diagnostic::new(Span::default(), &*diagnostic[0].message, "");
        assert_eq!(again.message, diagnostic[0].message);
    }

    #[test]
    fn a_diagnostic_names_what_is_known_of_its_place() {
        let at = |line, column| Diagnostic::new(Span { line, column }, "m", "");
        assert_eq!(at(0, 0).to_string(), "m");
        assert_eq!(at(3, 0).to_string(), "3: m");
        assert_eq!(at(3, 5).to_string(), "3:5: m");
        let in_file = Diagnostics::from_iter([at(3, 5), at(0, 0)]).in_file(Path::new("p.yaml"));
        assert_eq!(in_file.to_string(), "p.yaml: m\np.yaml:3:5: m");
        let help = Diagnostic::new(Span::default(), "m", "h");
        assert_eq!(help.to_string(), "m\n  help: h");
        let json = serde_json::json!({"line": 0, "column": 0, "message": "m", "help": "h"});
        assert_eq!(
            serde_json::to_value(Diagnostics::from_iter([help])).unwrap(),
            serde_json::json!([json])
        );
        let mut coded = Diagnostics::default();
        coded.push_coded("unused_group", Span::default(), "m", "h");
        assert_eq!(coded.to_string(), "m\n  help: h", "the code is for programs");
        let json = serde_json::json!({"line": 0, "column": 0, "code": "unused_group", "message": "m", "help": "h"});
        assert_eq!(serde_json::to_value(coded).unwrap(), serde_json::json!([json]));
    }

    #[test]
    fn only_unknown_keys_that_are_listed_get_the_help_of_the_list() {
        for (message, help) in [
            ("unknown key `token`", "it is `access_token`"),
            ("unknown key `tokens`", "before"),
            ("unknown word `token`", "before"),
            ("the key `token` is missing", "before"),
        ] {
            let before = Diagnostics::from_iter([Diagnostic::new(Span::default(), message, "before")]);
            let after = before.with_help_for_keys(&[("drain", "it is another"), ("token", "it is `access_token`")]);
            assert_eq!(after.to_string(), format!("{message}\n  help: {help}"));
        }
    }

    #[test]
    fn diagnostics_are_in_order_and_without_repetition() {
        let mut all = Diagnostics::default();
        for (line, message) in [(2, "b"), (1, "a"), (2, "b"), (2, "c")] {
            all.push(Span { line, column: 1 }, message, "");
        }
        assert_eq!(all.to_string(), "1:1: a\n2:1: b\n2:1: c");
    }

    #[test]
    fn the_nearest_word_is_suggested() {
        assert_eq!(nearest("stict", &["listen", "strict"]), "did you mean `strict`?");
        assert_eq!(
            nearest("colour", &["listen", "strict"]),
            "expected one of `listen`, `strict`"
        );
        assert_eq!(nearest("colour", &["listen"]), "expected `listen`");
        assert_eq!(nearest("none", &["one_of", "none_of"]), "did you mean `none_of`?");
        assert_eq!(nearest("age", &["acr", "amr"]), "expected one of `acr`, `amr`");
        assert_eq!(nearest::<&str>("colour", &[]), "");
        for (written, known, meant) in [
            ("one_of", &["all_of", "any_of", "none_of"][..], "any_of"),
            ("one_of", &["all_of", "none_of"], "all_of"),
            ("any_of", &["kind", "one_of", "none_of"], "one_of"),
            (concat!("pre", "sent"), &["required", "absent"], "required"),
            ("User", &["human", "agent", "service"], "human"),
            ("es256", &["RS256", "ES256"], "ES256"),
        ] {
            assert_eq!(suggestion(written, known), Some(meant), "{written}");
        }
    }
}
