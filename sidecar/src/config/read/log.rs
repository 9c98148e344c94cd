//! The part of a configuration that says where decisions are written: a file that can be opened, and none of our own.

use std::path::{Path, PathBuf};

use actgate::yaml::At;

use super::Reader;
use super::values::{Wrong, wrong};
use crate::log::decision_log::LogTarget;

impl Reader {
    /// Standard output unless written. `policy` is the file that the configuration names for it.
    pub(super) fn decision_log(&mut self, written: Option<&At<String>>, policy: Option<&At<String>>) -> LogTarget {
        let Some(written) = written else {
            return LogTarget::Stdout;
        };
        let mut own = vec![self.file.clone()];
        own.extend(policy.map(|policy| self.beside(&policy.value)));
        let path = self.beside(&written.value);
        self.take(written, |text| match text.as_str() {
            "stdout" => Ok(LogTarget::Stdout),
            text => log_file(text, path, &own).map(LogTarget::File),
        })
        .unwrap_or(LogTarget::Stdout)
    }
}

fn log_file(text: &str, path: PathBuf, own: &[PathBuf]) -> Result<PathBuf, Wrong> {
    const MEND: &str = "write `stdout`, or a file in a folder that exists";
    if text.trim().is_empty() {
        return wrong("the decision log has no name", MEND);
    }
    if text.ends_with('/') || path.is_dir() {
        return wrong(format!("`{text}` is a folder"), MEND);
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if !folder.unwrap_or(Path::new(".")).is_dir() {
        return wrong(format!("the folder of `{text}` does not exist"), MEND);
    }
    if own.iter().any(|own| are_the_same(own, &path)) {
        return wrong(
            format!("`{text}` is a file that the gate reads"),
            "write decisions to a file of their own",
        );
    }
    Ok(path)
}

fn are_the_same(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        // What does not exist yet has no links to it.
        _ => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_file_of_its_own_in_a_folder_that_exists_will_do() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for own in ["actgate.yaml", "policy.yaml"] {
            std::fs::write(at(own), "").unwrap();
        }
        std::fs::create_dir(at("logs")).unwrap();
        let own = [at("actgate.yaml"), at("policy.yaml")];
        let told = |text: &str| log_file(text, at(text), &own).map_err(|wrong| wrong.message);
        for good in ["decisions.log", "logs/decisions.log", "./logs/../decisions.log"] {
            assert_eq!(told(good), Ok(at(good)));
        }
        for (bad, message) in [
            ("", "the decision log has no name"),
            (" ", "the decision log has no name"),
            ("logs", "`logs` is a folder"),
            ("new/", "`new/` is a folder"),
            ("..", "`..` is a folder"),
            (
                "nowhere/decisions.log",
                "the folder of `nowhere/decisions.log` does not exist",
            ),
            ("actgate.yaml", "`actgate.yaml` is a file that the gate reads"),
            (
                "logs/../policy.yaml",
                "`logs/../policy.yaml` is a file that the gate reads",
            ),
        ] {
            assert_eq!(told(bad), Err(message.to_owned()));
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_a_file_of_ours_is_that_file() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("actgate.yaml"), folder.path().join("link"));
        std::fs::write(&file, "").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert!(log_file("link", link, &[file]).is_err());
    }
}
