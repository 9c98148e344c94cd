//! Lines that are copied from a terminal, and so are never broken: commands of a shell, and keys of YAML that are commented out.

/// The first words of commands in examples.
const COMMANDS: &[&str] = &["actgate", "curl", "openssl", "kill", "chmod", "systemctl", "cargo"];

/// Recognises the lines of a text in their order: a command may go on in the next line.
#[derive(Debug, Default)]
pub(crate) struct Verbatim {
    continues: bool,
}

impl Verbatim {
    /// Whether the next line is to be copied.
    pub(crate) fn is_copied(&mut self, line: &str) -> bool {
        let is_copied = self.continues || is_command(line) || is_commented_key(line);
        self.continues = is_copied && line.ends_with('\\');
        is_copied
    }
}

/// A command is indented, or begins with the prompt of a shell.
fn is_command(line: &str) -> bool {
    let command = line.trim_start_matches(' ');
    let mut words = command.split(' ');
    let first = words.next().unwrap_or_default();
    let (name, value) = first.split_once('=').unwrap_or_default();
    let is_assignment =
        !name.is_empty() && !value.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let is_indented = command.len() < line.len();
    first == "$" || is_indented && words.next().is_some() && (COMMANDS.contains(&first) || is_assignment)
}

/// Without a comment after it, which could be broken.
fn is_commented_key(line: &str) -> bool {
    let key = line.trim_start_matches(' ').strip_prefix('#');
    key.is_some_and(|key| !key.trim().is_empty() && !key.contains(" # "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_with_their_next_lines_and_commented_keys_are_copied() {
        let text = "\
prose
  actgate check
  token=$(actgate token client-credentials \\
      --issuer http://127.0.0.1:9400)
actgate: listening on 127.0.0.1:8080
  actgate
#   mcp: { method: tools/call }
#   scopes: [a]                  # of every message
#
$ actgate run";
        let mut verbatim = Verbatim::default();
        let copied: Vec<bool> = text.lines().map(|line| verbatim.is_copied(line)).collect();
        let expected = [false, true, true, true, false, false, true, false, false, true];
        assert_eq!(copied, expected);
    }
}
