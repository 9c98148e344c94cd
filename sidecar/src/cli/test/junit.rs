//! The results as JUnit XML, which CI systems read.

use std::fmt::{self, Write as _};

use anstream::adapter::strip_str;

use super::report::{Report, SuiteReport};
use crate::cli::terminal::{printable, printable_lines};

/// The results of all suites as one document. A failure has the text of the terminal.
pub(super) struct Junit<'r>(pub(super) &'r Report<'r>);

impl fmt::Display for Junit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Junit(report) = self;
        let lacks = |suite: &SuiteReport<'_>| usize::from(suite.lack_of_coverage().is_some());
        let lacking: usize = report.suites.iter().map(lacks).sum();
        let (tests, failures) = (report.cases() + lacking, report.failed() + lacking);
        writeln!(f, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
        writeln!(
            f,
            "<testsuites name=\"actgate test\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\">"
        )?;
        for suite in &report.suites {
            let name = Escaped(printable(suite.name));
            let (tests, failures) = (suite.cases.len() + lacks(suite), suite.failed() + lacks(suite));
            writeln!(
                f,
                "  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"0\">"
            )?;
            for case in &suite.cases {
                let (file, line) = (case.file.to_string_lossy(), case.line);
                let (case_name, file) = (Escaped(printable(case.name)), Escaped(printable(&file)));
                write!(
                    f,
                    "    <testcase name=\"{case_name}\" classname=\"{name}\" file=\"{file}\" line=\"{line}\""
                )?;
                if case.passed {
                    writeln!(f, "/>")?;
                    continue;
                }
                let (message, text) = (case.difference(), strip_str(&case.to_string()).to_string());
                let (message, text) = (Escaped(printable(&message)), Escaped(printable_lines(&text)));
                writeln!(f, ">")?;
                writeln!(
                    f,
                    "      <failure type=\"decision\" message=\"{message}\">{text}</failure>"
                )?;
                writeln!(f, "    </testcase>")?;
            }
            if let (Some(lack), Some(coverage)) = (suite.lack_of_coverage(), &suite.coverage) {
                let text = strip_str(&coverage.to_string()).to_string();
                let (lack, text) = (Escaped(lack), Escaped(printable_lines(&text)));
                writeln!(f, "    <testcase name=\"coverage\" classname=\"{name}\">")?;
                writeln!(
                    f,
                    "      <failure type=\"coverage\" message=\"{lack}\">{text}</failure>"
                )?;
                writeln!(f, "    </testcase>")?;
            }
            writeln!(f, "  </testsuite>")?;
        }
        writeln!(f, "</testsuites>")
    }
}

/// A text without control characters, for the content or an attribute of an element.
struct Escaped<T>(T);

impl<T: AsRef<str>> fmt::Display for Escaped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.as_ref().chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                // XML 1.0 has no form for these.
                '\u{fffe}' | '\u{ffff}' => write!(f, "{}", character.escape_unicode())?,
                character => f.write_char(character)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_a_text_of_xml() {
        let escaped = |text: &str| Escaped(printable(text)).to_string();
        assert_eq!(escaped("a<b> & \"c\"\nd"), "a&lt;b&gt; &amp; &quot;c&quot;\\nd");
        assert_eq!(escaped("\u{1b}[31m\0é\u{ffff}\t"), "\\u{1b}[31m\\u{0}é\\u{ffff}\\t");
    }
}
