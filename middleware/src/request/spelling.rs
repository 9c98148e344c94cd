//! The name of a parameter or of a JSON member, without the differences that some servers ignore.

use super::parameter_name::compared;

/// The name as the most lenient server reads it: up to a bracket or a NUL, in one case, without `_`, `-`, `.` and blanks.
///
/// encoding/json of Go and System.Text.Json of .NET ignore the case of a member; protojson reads `dry_run` and `dryRun`; PHP reads a
/// blank or a dot as `_`.
pub(super) fn folded(name: &str) -> String {
    let letters = compared(name)
        .chars()
        .filter(|letter| !matches!(letter, '_' | '-' | '.') && !letter.is_whitespace() && !letter.is_control());
    // By way of upper case: `ſ` and the sign of Kelvin fold to ASCII.
    letters
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_name() {
        for name in [
            "dry_run",
            "dryRun",
            "DRY-RUN",
            "dry.run",
            " dry run",
            "dry_run[]",
            "dry_run\0x",
            "?dry_run",
            "__dry__run",
        ] {
            assert_eq!(folded(name), "dryrun", "{name:?}");
        }
        assert_eq!(folded("\u{212a}eyſ"), "keys");
        assert_ne!(folded("dry_runs"), folded("dry_run"));
    }
}
