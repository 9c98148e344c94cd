use std::fmt;
use std::path::PathBuf;

use actgate::yaml::YamlError;
use serde::Serialize;

/// One mistake in a configuration: where it is, what is wrong, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The file it is in.
    pub file: PathBuf,
    /// Line, from 1; 0 when the place is not known.
    pub line: u64,
    /// Column, from 1; 0 when the place is not known.
    pub column: u64,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if self.line > 0 {
            write!(f, "{}:", self.line)?;
        }
        if self.column > 0 {
            write!(f, "{}:", self.column)?;
        }
        write!(f, " {}", self.message)?;
        match &self.mend {
            Some(mend) => write!(f, "; {mend}"),
            None => Ok(()),
        }
    }
}

impl Problem {
    /// A mistake in the form of a YAML file, or in a policy, which tells its mistakes alike.
    pub fn in_yaml(file: impl Into<PathBuf>, error: YamlError) -> Problem {
        Problem {
            file: file.into(),
            line: error.line,
            column: error.column,
            message: error.message,
            mend: error.mend,
        }
    }
}

/// All mistakes that were found; at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// The same problems in the order of their places.
    pub fn in_order(mut problems: Vec<Problem>) -> Problems {
        problems.sort_by(|one, other| (&one.file, one.line, one.column).cmp(&(&other.file, other.line, other.column)));
        Problems(problems)
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}
