//! The help of a command on a terminal: its prose, tables and comments of YAML are broken each in its own way.

use textwrap::core::display_width;
use textwrap::{Options, WordSeparator, WordSplitter, WrapAlgorithm};

use super::verbatim::Verbatim;

/// How long the lines of the written prose are, where they do not end a sentence.
const WRITTEN: usize = 110;

/// How much further the rest of a line of prose begins.
const HANGING_INDENT: usize = 2;

/// The narrowest column of a table or of comments. Narrower ones begin on a line of their own.
const NARROWEST: usize = 28;

/// Where comments begin that would be too narrow beside what they are about.
const COMMENT_COLUMN: usize = 38;

/// A line of the text, with those that continue it.
struct Block<'t> {
    /// What comes before the text: blanks, the first column of a table, or what a comment is about.
    head: &'t str,
    kind: Kind,
    text: String,
    /// How long the last line is, as it is written.
    last: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Prose,
    Table,
    Comment,
    Verbatim,
}

/// The text in lines of this width, as far as words permit.
pub(crate) fn wrapped(text: &str, width: usize) -> String {
    let mut blocks: Vec<Block<'_>> = Vec::new();
    let mut verbatim = Verbatim::default();
    for line in text.lines() {
        let block = match verbatim.is_copied(line) {
            true => Block::verbatim(line),
            false => Block::of(line),
        };
        match blocks.last_mut() {
            Some(last) if last.is_continued_by(&block) => {
                last.text.push(' ');
                last.text.push_str(&block.text);
                last.last = block.last;
            }
            _ => blocks.push(block),
        }
    }
    let lines = blocks.iter().map(|block| block.lines(width));
    let mut wrapped = lines.collect::<Vec<_>>().join("\n");
    if text.ends_with('\n') {
        wrapped.push('\n');
    }
    wrapped
}

impl<'t> Block<'t> {
    fn verbatim(line: &'t str) -> Self {
        Block {
            head: "",
            kind: Kind::Verbatim,
            text: line.to_owned(),
            last: display_width(line),
        }
    }

    fn of(line: &'t str) -> Self {
        let begin = line.len() - line.trim_start().len();
        let comment = || {
            let at = line.find(" # ").map(|at| at + 1);
            at.map(|at| (at, at + 2, Kind::Comment))
        };
        let table = || {
            let gap = begin + line[begin..].find("   ")?;
            let text = gap + line[gap..].len() - line[gap..].trim_start().len();
            (text < line.len()).then_some((text, text, Kind::Table))
        };
        let (end, text, kind) = comment().or_else(table).unwrap_or((begin, begin, Kind::Prose));
        Block {
            head: &line[..end],
            kind,
            text: line[text..].trim_end().to_owned(),
            last: display_width(line),
        }
    }

    fn column(&self) -> usize {
        display_width(self.head)
    }

    /// Whether another line, as it is written, is the rest of this one.
    fn is_continued_by(&self, next: &Block<'_>) -> bool {
        let is_below = next.column() == self.column() && !next.text.is_empty();
        match (self.kind, next.kind) {
            (Kind::Comment, Kind::Comment) => is_below && next.head.trim_start_matches('#').trim().is_empty(),
            (Kind::Table, Kind::Prose) => is_below,
            (Kind::Prose, Kind::Prose) => {
                let word = next.text.split(' ').next().map_or(0, display_width);
                is_below && !self.text.ends_with('.') && self.last + 1 + word > WRITTEN
            }
            _ => false,
        }
    }

    fn lines(&self, width: usize) -> String {
        let sign = match self.kind {
            Kind::Comment => "# ",
            Kind::Prose | Kind::Table | Kind::Verbatim => "",
        };
        let whole = self.column() + sign.len() + display_width(&self.text);
        if whole <= width || self.text.is_empty() || self.kind == Kind::Verbatim {
            return format!("{}{sign}{}", self.head, self.text).trim_end().to_owned();
        }
        let is_narrow = self.kind != Kind::Prose && self.column() + sign.len() + NARROWEST > width;
        let column = match (self.kind, is_narrow) {
            (Kind::Prose | Kind::Verbatim, _) => self.column() + HANGING_INDENT,
            (Kind::Comment, true) => COMMENT_COLUMN.min(width.saturating_sub(NARROWEST)),
            (Kind::Table, true) => self.head.len() - self.head.trim_start().len() + 2 * HANGING_INDENT,
            (Kind::Comment | Kind::Table, false) => self.column(),
        };
        // A key that is commented out stays a comment.
        let first = if self.head.starts_with('#') { "#" } else { "" };
        let rest = format!("{first}{}{sign}", " ".repeat(column.saturating_sub(first.len())));
        let begin = if is_narrow {
            rest.clone()
        } else {
            format!("{}{sign}", self.head)
        };
        let options = Options::new(width)
            .break_words(false)
            .word_splitter(WordSplitter::NoHyphenation)
            .word_separator(WordSeparator::AsciiSpace)
            .wrap_algorithm(WrapAlgorithm::FirstFit)
            .initial_indent(&begin)
            .subsequent_indent(&rest);
        let text = textwrap::fill(&self.text, options);
        match is_narrow {
            true => format!("{}\n{text}", self.head.trim_end()),
            false => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_flows_and_a_sentence_begins_a_line() {
        let long = "  ".to_owned() + &"word ".repeat(22) + "end";
        let text = format!("{long}\n  of it.\n  Another one.\n\n  actgate check\n  actgate run\n");
        let found = wrapped(&text, 80);
        let lines: Vec<&str> = found.lines().collect();
        assert_eq!(lines[0], "  ".to_owned() + "word ".repeat(15).trim_end());
        assert_eq!(lines[1], "    ".to_owned() + &"word ".repeat(7) + "end of it.");
        assert_eq!(lines[2..], ["  Another one.", "", "  actgate check", "  actgate run"]);
        assert!(found.ends_with('\n'));
    }

    #[test]
    fn a_table_keeps_its_second_column() {
        let text = "    rule, reason     the rule of the policy that denies\n                     the request\n    shadow           none\n";
        let expected = "    rule, reason     the rule of the policy that\n                     denies the request\n    shadow           none\n";
        assert_eq!(wrapped(text, 50), expected);
        let narrow = "    rule, reason\n        the rule of the policy that denies\n        the request\n    shadow           none\n";
        assert_eq!(wrapped(text, 44), narrow);
    }

    #[test]
    fn a_comment_stays_one() {
        let text = "\
listen: 127.0.0.1:8080                # the address for clients; or unix:PATH, a socket for its owner and group
# admin: 127.0.0.1:9901               # on a loopback address, with
#                                     # its pages; default: none
#     token_endpoint: https://idp.example.com/token   # https, or http on loopback
leeway: 30s                           # at most 60s
";
        let expected = "\
listen: 127.0.0.1:8080                # the address for clients; or unix:PATH, a
                                      # socket for its owner and group
# admin: 127.0.0.1:9901               # on a loopback address, with its pages;
#                                     # default: none
#     token_endpoint: https://idp.example.com/token
#                                     # https, or http on loopback
leeway: 30s                           # at most 60s
";
        assert_eq!(wrapped(text, 80), expected);
    }

    #[test]
    fn the_help_of_each_command_fits_a_terminal() {
        use clap::CommandFactory as _;
        let mut root = crate::cli::arguments::Arguments::command();
        let names: Vec<String> = root
            .get_subcommands()
            .map(|command| command.get_name().to_owned())
            .collect();
        for name in names {
            let command = root.find_subcommand_mut(&name).expect("the command");
            for width in [80, 120] {
                let help = wrapped(&command.render_long_help().to_string(), width);
                let mut verbatim = Verbatim::default();
                let broken = help.lines().filter(|line| !verbatim.is_copied(line));
                let long = broken.filter(|line| display_width(line) > width);
                // A command line is copied as a whole.
                let long: Vec<&str> = long
                    .filter(|line| line.trim_start().contains(' ') && !line.contains(['{', '[']))
                    .collect();
                assert!(long.is_empty(), "{name}: {long:#?}");
            }
        }
    }
}
