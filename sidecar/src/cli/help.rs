//! `actgate help`: of a command, or of the words of a policy.

use actgate::Error;
use actgate_yaml::nearest;
use clap::CommandFactory as _;
use serde_json::Value;

use crate::cli::arguments::{Arguments, HelpArguments};
use crate::cli::code_words::{meaning, of_caller, of_gate};
use crate::cli::output::{print, terminal_width};
use crate::cli::policy_words::{Section, Word, sections};
use crate::cli::schema::Schema;
use crate::cli::terminal::{good, strong};
use crate::cli::yaml_example::{line, lines};
use crate::exit::Failure;

/// The width of the text where no terminal is narrower: longer lines are harder to read.
pub(crate) const WIDTH: usize = 80;

/// The narrowest width that the text is made for. On a narrower terminal its lines are broken once more.
const NARROWEST: usize = 40;

/// Prints the help of a topic.
pub(crate) fn help(arguments: &HelpArguments) -> Result<(), Failure> {
    let topic: Vec<&str> = arguments.topic.iter().map(String::as_str).collect();
    let width = terminal_width().map_or(WIDTH, |width| width.clamp(NARROWEST, WIDTH));
    match (&*topic, arguments.markdown) {
        (["policy"], true) => print(&page(&sections())),
        (_, true) => Err(Failure::Usage(
            "`--markdown` is for `actgate help policy` alone".to_owned(),
        )),
        (["policy"], false) => print(&all(&sections(), width)),
        (["policy", word], false) => print(&one(&sections(), word, width)?),
        (["policy", section, word], false) => print(&one(&sections(), &format!("{section}.{word}"), width)?),
        (commands, false) => print(&of_command(commands)?),
    }
}

/// The help of a command, as its `--help` prints it.
fn of_command(names: &[&str]) -> Result<String, Failure> {
    let mut found = Arguments::command();
    found.build();
    for name in names {
        let known: Vec<&str> = found.get_subcommands().map(clap::Command::get_name).collect();
        if !known.contains(name) {
            let help = nearest(name, &known);
            return Err(Failure::Usage(format!("no command `{name}`\n  help: {help}")));
        }
        if let Some(command) = found.find_subcommand(name).cloned() {
            found = command;
        }
    }
    Ok(found.render_long_help().ansi().to_string())
}

/// Every word.
fn all(sections: &[Section], width: usize) -> String {
    let mut text = String::new();
    for section in sections {
        text.push_str(&format!("{}\n", strong(&section.title)));
        text.push_str(&wrapped(&section.about, "  ", width));
        text.push('\n');
        for word in &section.words {
            text.push_str(&described(section, word, "  ", width));
        }
    }
    let of_word = "`actgate help policy WORD` shows one word, such as `initiator` or `max_depth`,";
    let of_code = "`actgate help policy CODE` what a code means, such as `initiator_not_human`.";
    text.push_str(&wrapped(of_word, "", width));
    text.push_str(&wrapped(of_code, "", width));
    text
}

/// One word in each of its places, and the words within it; or the words that a value or a code is of.
fn one(sections: &[Section], name: &str, width: usize) -> Result<String, Failure> {
    let is_code = Error::codes().contains(&name);
    let code = format!("`{name}`");
    let mut text = String::new();
    if is_code {
        text.push_str(&format!("{}\n", strong(name)));
        let denied = "A rule of the policy denies the request with this code:";
        text.push_str(&wrapped(meaning(name).unwrap_or(denied), "  ", width));
        text.push('\n');
    }
    for section in sections {
        for word in &section.words {
            let is_named = word.name == name || path(section, word) == name;
            let has_value = word.values.iter().any(|(value, _)| value == name);
            let denies = is_code && word.description.contains(&code);
            if is_named || has_value || denies {
                text.push_str(&described(section, word, if is_code { "  " } else { "" }, width));
            }
        }
    }
    for section in sections.iter().filter(|section| section.of == name) {
        for word in &section.words {
            text.push_str(&described(section, word, "  ", width));
        }
    }
    if let Some(meaning) = of_gate(name) {
        text.push_str(&format!("{}\n", strong(name)));
        text.push_str(&wrapped(meaning, "  ", width));
    }
    if let Some((code, status, meaning)) = of_caller(name) {
        text.push_str(&format!("{}\n", strong(code)));
        text.push_str(&wrapped(&format!("{status}: {meaning}"), "  ", width));
    }
    if text.is_empty() && is_key_of_configuration(name) {
        return Err(Failure::Usage(format!(
            "`{name}` is no word of a policy, but a key of the configuration\n  help: `actgate run --help` shows the configuration"
        )));
    }
    if text.is_empty() {
        let words: std::collections::BTreeSet<&str> = sections
            .iter()
            .flat_map(|section| section.words.iter().map(|word| &*word.name))
            .chain(Error::codes().iter().copied())
            .collect();
        let words: Vec<&str> = words.into_iter().collect();
        let mut help = nearest(name, &words);
        if !help.starts_with("did you mean") {
            help = "`actgate help policy` shows all of them".to_owned();
        }
        return Err(Failure::Usage(format!(
            "no word `{name}` in a policy, and no code\n  help: {help}"
        )));
    }
    Ok(text)
}

/// Whether a mapping of the configuration has a key of this name.
fn is_key_of_configuration(name: &str) -> bool {
    fn is_in(schema: &Value, name: &str) -> bool {
        match schema {
            Value::Object(members) => {
                let keys = members.get("properties").and_then(Value::as_object);
                keys.is_some_and(|keys| keys.contains_key(name)) || members.values().any(|value| is_in(value, name))
            }
            Value::Array(items) => items.iter().any(|item| is_in(item, name)),
            _ => false,
        }
    }
    let schema: Value = serde_json::from_str(Schema::Configuration.text()).unwrap_or_default();
    is_in(&schema, name)
}

/// The word with those that it is within.
fn path(section: &Section, word: &Word) -> String {
    match &*section.of {
        "" => word.name.clone(),
        of => format!("{of}.{}", word.name),
    }
}

fn described(section: &Section, word: &Word, indent: &str, width: usize) -> String {
    let mut text = format!("{indent}{}\n", strong(&path(section, word)));
    text.push_str(&wrapped(&word.description, &format!("{indent}  "), width));
    let longest = word
        .values
        .iter()
        .map(|(value, _)| value.len())
        .max()
        .unwrap_or_default();
    for (value, description) in &word.values {
        let begin = format!("{indent}    {value:longest$}  ");
        let rest = wrapped(description, &" ".repeat(begin.len()), width);
        text.push_str(&format!("{begin}{}\n", rest.trim()));
    }
    for example in &word.examples {
        for line in lines(example, width.saturating_sub(indent.len() + 4)) {
            text.push_str(&format!("{indent}    {}\n", good(&line)));
        }
    }
    text.push('\n');
    text
}

/// A text in lines of so many characters, each with an indent.
pub(crate) fn wrapped(text: &str, indent: &str, width: usize) -> String {
    let (mut lines, mut line) = (String::new(), indent.to_owned());
    for word in text.split_whitespace() {
        if line.len() > indent.len() && line.chars().count() + 1 + word.chars().count() > width {
            lines.push_str(&line);
            lines.push('\n');
            line = indent.to_owned();
        }
        if line.len() > indent.len() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push_str(&line);
    lines.push('\n');
    lines
}

/// The page with every word.
fn page(sections: &[Section]) -> String {
    let mut text = "# The words of a policy\n\n\
        `actgate help policy --markdown` prints this page, and `actgate help policy WORD` one word of it. `actgate schema policy` is\n\
        the JSON Schema that both are made of, for editors. The meaning of the language as a whole is in the documentation of the\n\
        library, `actgate::policy`.\n"
        .to_owned();
    for section in sections {
        let title = match &*section.of {
            "" => section.title.clone(),
            of => format!("`{of}`"),
        };
        text.push_str(&format!(
            "\n## {title}\n\n{}\n\n| Key | Meaning | Example |\n|---|---|---|\n",
            section.about
        ));
        for word in &section.words {
            let mut meaning = word.description.clone();
            for (value, description) in &word.values {
                meaning.push_str(&format!("<br>`{value}`: {description}"));
            }
            let examples = word.examples.iter().map(|example| format!("`{}`", line(example)));
            let examples = examples.collect::<Vec<_>>().join("<br>");
            let row = format!("| `{}` | {meaning} | {examples} |", word.name);
            text.push_str(&format!("{}\n", row.replace('\n', " ")));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_page_is_that_of_the_words() {
        let written = include_str!("../../../policy-examples/REFERENCE.md");
        let help = "`actgate help policy --markdown > policy-examples/REFERENCE.md` writes it";
        assert!(written == page(&sections()), "{help}");
    }

    #[test]
    fn each_word_has_an_example_and_no_line_is_too_long() {
        let sections = sections();
        let words: Vec<(&Section, &Word)> = sections
            .iter()
            .flat_map(|section| section.words.iter().map(move |word| (section, word)))
            .collect();
        assert!(words.len() > 80, "{}", words.len());
        for (section, word) in words {
            assert!(!word.examples.is_empty(), "{}", path(section, word));
        }
        let text = anstream::adapter::strip_str(&all(&sections, WIDTH)).to_string();
        let long: Vec<&str> = text.lines().filter(|line| line.chars().count() > WIDTH).collect();
        assert!(long.is_empty(), "{long:#?}");
    }

    #[test]
    fn the_text_fits_a_narrow_terminal_but_for_what_has_no_place_to_break() {
        let sections = sections();
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        for width in [NARROWEST, 60] {
            let text = all(&sections, width);
            let is_styled = |line: &&str| line.contains('\u{1b}');
            let long = text.lines().filter(|line| line.chars().count() > width);
            let long: Vec<&str> = long
                .filter(|line| !is_styled(line) && line.trim().contains(' '))
                .collect();
            assert!(long.is_empty(), "{width}: {long:#?}");
            let prose = |text: &str| words(&text.lines().filter(|line| !is_styled(line)).collect::<String>());
            assert_eq!(prose(&text).concat(), prose(&all(&sections, WIDTH)).concat(), "{width}");
        }
    }

    #[test]
    fn a_word_is_shown_in_each_of_its_places_with_those_within_it() {
        let shown = |word: &str| anstream::adapter::strip_str(&one(&sections(), word, WIDTH).unwrap()).to_string();
        assert!(
            shown("max_depth").starts_with("chain.max_depth\n"),
            "{}",
            shown("max_depth")
        );
        let kind = shown("kind");
        assert!(
            kind.contains("initiator.kind\n") && kind.contains("actor.kind\n"),
            "{kind}"
        );
        let initiator = shown("initiator");
        assert!(
            initiator.starts_with("initiator\n") && initiator.contains("  initiator.amr\n"),
            "{initiator}"
        );
        let mistake = one(&sections(), "initator", WIDTH).unwrap_err().to_string();
        assert!(mistake.contains("did you mean `initiator`?"), "{mistake}");
    }

    #[test]
    fn each_code_and_each_value_is_described() {
        let sections = sections();
        let without = Error::codes().iter().filter(|code| {
            let described = |word: &Word| word.description.contains(&format!("`{code}`"));
            let words = sections
                .iter()
                .flat_map(|section| &section.words)
                .filter(|word| described(word));
            // In one place alone: a word that denies, or a meaning.
            (words.count() > 0) == meaning(code).is_some()
        });
        assert_eq!(without.collect::<Vec<_>>(), Vec::<&&str>::new());
        for code in Error::codes() {
            let text = anstream::adapter::strip_str(&one(&sections, code, WIDTH).unwrap()).to_string();
            assert!(text.starts_with(code) && text.len() > code.len() + 60, "{text}");
            assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        }
        let denied = one(&sections, "initiator_not_human", WIDTH).unwrap();
        assert!(denied.contains("initiator.kind"), "{denied}");
        let shadow = one(&sections, "shadow", WIDTH).unwrap();
        assert!(
            shadow.contains("mode: shadow") && shadow.contains("is recorded, and not denied"),
            "{shadow}"
        );
    }

    #[test]
    fn a_code_for_callers_is_described_by_its_code_and_by_its_status() {
        let shown = |word: &str| anstream::adapter::strip_str(&one(&sections(), word, WIDTH).unwrap()).to_string();
        for (word, code, of_log) in [
            ("too_many_requests", "too_many_requests", "`limit_exceeded`"),
            ("429", "too_many_requests", "`limit_exceeded`"),
            ("503", "temporarily_unavailable", "`limit_unavailable`"),
            ("403", "access_denied", "`initiator_not_human`"),
            ("401", "invalid_token", "`invalid_claim`"),
            ("misdirected_request", "misdirected_request", "`hosts`"),
        ] {
            let text = shown(word);
            assert!(text.starts_with(code) && text.contains(of_log), "{text}");
            assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        }
        assert_eq!(shown("limit_exceeded").matches("limit_exceeded\n").count(), 1);
    }

    #[test]
    fn what_is_no_word_is_answered_in_two_short_lines() {
        for (word, expected) in [
            (
                "shared_limits",
                "`shared_limits` is no word of a policy, but a key of the configuration\n  help: `actgate run --help` shows the configuration",
            ),
            ("redis", "`redis` is no word of a policy, but a key"),
            (
                "xyzzyxyzzy",
                "no word `xyzzyxyzzy` in a policy, and no code\n  help: `actgate help policy` shows all of them",
            ),
        ] {
            let mistake = one(&sections(), word, WIDTH).unwrap_err().to_string();
            assert!(mistake.contains(expected) && mistake.len() < 200, "{mistake}");
        }
    }

    #[test]
    fn commands_have_their_help() {
        let run = of_command(&["run"]).unwrap();
        assert!(run.contains("actgate run"), "{run}");
        assert!(
            of_command(&["issuers", "show"])
                .unwrap()
                .contains("actgate issuers show")
        );
        assert!(of_command(&["nope"]).is_err());
    }
}
