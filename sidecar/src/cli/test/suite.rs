//! What is tested: a policy with its cases, in a folder or of a configuration.

use std::path::{Path, PathBuf};

use actgate::analysis::{Cases, RulePlaces};
use actgate::policy::PolicyDiagnostic;
use actgate::testing::{PolicyTest, TestIssuerError, TestedIssuer};
use actgate::{ClaimValue, Policy, Resource};
use actgate_yaml::{Diagnostic, Diagnostics, Span};

use crate::config::{self, IssuerSettings, NO_ROUTE, Settings};
use crate::exit::Failure;
use crate::files::text_file::read_text;

/// The names of the files in a folder.
const POLICY: &str = "policy.yaml";
const CASES: &str = "cases.yaml";

/// The most folders that are tested at a time.
const MAX_FOLDERS: usize = 1_000;

/// A policy with its cases.
pub(super) struct Suite {
    /// The folder, or the configuration.
    pub(super) name: String,
    /// The file of the policy.
    pub(super) policy_file: PathBuf,
    /// Where its rules are written.
    pub(super) places: RulePlaces,
    pub(super) test: PolicyTest,
    /// Each cases file.
    pub(super) cases: Vec<(PathBuf, Cases)>,
}

impl Suite {
    /// Whether a file is one that the suite was read from.
    pub(super) fn reads(&self, file: &Path) -> bool {
        let Ok(file) = file.canonicalize() else {
            return false;
        };
        let files = self.cases.iter().map(|(file, _)| file).chain([&self.policy_file]);
        files
            .into_iter()
            .any(|read| read.canonicalize().is_ok_and(|read| read == file))
    }

    /// A suite for each folder, or for those in it where it has no policy of its own.
    pub(super) fn of_folders(named: &[PathBuf]) -> Result<Vec<Suite>, Failure> {
        let here = [PathBuf::from(".")];
        let named = if named.is_empty() { &here[..] } else { named };
        let mut folders = Vec::new();
        for path in named {
            folders.extend(folders_of(path)?);
        }
        if folders.is_empty() || folders.len() > MAX_FOLDERS {
            let count = folders.len();
            let text = format!("{count} folders have a `{POLICY}` and a `{CASES}`: name 1 to {MAX_FOLDERS} of them");
            return Err(Failure::Usage(text));
        }
        let (mut suites, mut mistakes) = (Vec::new(), Diagnostics::default());
        for folder in &folders {
            match Suite::of_folder(folder) {
                Ok(suite) => suites.push(suite),
                Err(found) => mistakes.extend(found),
            }
        }
        match mistakes.is_empty() {
            true => Ok(suites),
            false => Err(Failure::CheckedConfiguration(mistakes)),
        }
    }

    fn of_folder(folder: &Path) -> Result<Suite, Diagnostics> {
        let (policy_file, cases_file) = (folder.join(POLICY), folder.join(CASES));
        let policy = text(&policy_file).and_then(|text| {
            let policy = Policy::from_yaml(&text).map_err(|error| diagnostics(error.iter(), &policy_file))?;
            if policy.routes().next().is_none() {
                let mistake = Diagnostic::new(Span::default(), NO_ROUTE, "write at least one under `routes`");
                return Err(one(mistake, &policy_file));
            }
            let places = RulePlaces::new(&policy, &text);
            Ok((policy, places))
        });
        let cases = read_cases(&cases_file);
        let ((policy, places), cases) = match (policy, cases) {
            (Ok(policy), Ok(cases)) => (policy, cases),
            (policy, cases) => {
                let mistakes = policy.err().into_iter().chain(cases.err());
                return Err(mistakes.flatten().collect());
            }
        };
        let test = PolicyTest::new(policy, &cases);
        let test = test.map_err(|error| unusable(&error, &policy_file, (&cases_file, &cases)))?;
        Ok(Suite {
            name: folder.to_string_lossy().into_owned(),
            policy_file,
            places,
            test,
            cases: vec![(cases_file, cases)],
        })
    }

    /// The policy and the issuers of a configuration, with cases files.
    pub(super) fn of_configuration(file: &Path, cases_files: &[PathBuf]) -> Result<Suite, Failure> {
        let settings = config::load(file).map_err(Failure::CheckedConfiguration)?;
        let (mut cases, mut mistakes) = (Vec::new(), Diagnostics::default());
        for file in cases_files {
            match read_cases(file).and_then(|cases| without_trust(file, cases)) {
                Ok(read) => cases.push((file.clone(), read)),
                Err(found) => mistakes.extend(found),
            }
        }
        if !mistakes.is_empty() {
            return Err(Failure::CheckedConfiguration(mistakes));
        }
        let issuers = settings
            .issuers
            .iter()
            .map(|issuer| tested(issuer, &settings))
            .collect();
        let test = PolicyTest::with_issuers(settings.authorizer.clone(), issuers)
            .map_err(|error| Failure::CheckedConfiguration(whole(file, reason(&error.to_string()))))?;
        for (file, cases) in &cases {
            mistakes.extend(without_issuer(&test, file, cases));
        }
        if !mistakes.is_empty() {
            return Err(Failure::CheckedConfiguration(mistakes));
        }
        Ok(Suite {
            name: file.to_string_lossy().into_owned(),
            places: RulePlaces::new(&settings.policy, &text(&settings.policy_file)?),
            policy_file: settings.policy_file,
            test,
            cases,
        })
    }
}

/// The folders of a suite each. What is neither a folder nor YAML is left out, so that a pattern of the shell may match it.
fn folders_of(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    let usage = |text: String| Failure::Usage(format!("{}: {text}", path.display()));
    let kind = std::fs::metadata(path).map_err(|error| usage(error.to_string()))?;
    if !kind.is_dir() {
        return match path
            .extension()
            .is_some_and(|extension| extension == "yaml" || extension == "yml")
        {
            true => Err(usage(format!("name the folder that holds `{POLICY}` and `{CASES}`"))),
            false => Ok(Vec::new()),
        };
    }
    if path.join(POLICY).exists() || path.join(CASES).exists() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = std::fs::read_dir(path).map_err(|error| usage(error.to_string()))?;
    let inner = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut inner: Vec<PathBuf> = inner
        // One that has a single one of the two is a mistake, which its reading reports.
        .filter(|inner| [POLICY, CASES].iter().any(|name| inner.join(name).symlink_metadata().is_ok()))
        .take(MAX_FOLDERS + 1)
        .collect();
    inner.sort();
    match inner.is_empty() {
        true => Err(usage(format!("the folder has no `{POLICY}` and `{CASES}`"))),
        false => Ok(inner),
    }
}

fn text(file: &Path) -> Result<String, Diagnostics> {
    let text = read_text(file);
    text.map_err(|error| one(Diagnostic::new(Span::default(), error.message, error.help), file))
}

fn read_cases(file: &Path) -> Result<Cases, Diagnostics> {
    Cases::from_yaml(&text(file)?).map_err(|error| diagnostics(error.iter(), file))
}

fn diagnostics<'e>(found: impl Iterator<Item = PolicyDiagnostic<'e>>, file: &Path) -> Diagnostics {
    let found = found.map(|mistake| {
        let (line, column) = (mistake.line(), mistake.column());
        Diagnostic::new(
            Span { line, column },
            mistake.message(),
            mistake.help().unwrap_or_default(),
        )
    });
    Diagnostics::from_iter(found).in_file(file)
}

/// A mistake of a file as a whole.
fn whole(file: &Path, message: &str) -> Diagnostics {
    one(Diagnostic::new(Span::default(), message, ""), file)
}

fn one(diagnostic: Diagnostic, file: &Path) -> Diagnostics {
    Diagnostics::from_iter([diagnostic]).in_file(file)
}

/// Why a policy and its cases cannot be used together: a mistake of the file that states the issuers, where it names one of them.
fn unusable(error: &TestIssuerError, policy: &Path, (file, cases): (&Path, &Cases)) -> Diagnostics {
    let error = error.to_string();
    let of_cases = cases.issuers("").into_iter().skip(1);
    let mut named = of_cases.filter(|issuer| error.contains(&format!("`{}`", issuer.identifier)));
    let place = named.next().and_then(|_| cases.trust_place());
    match place {
        Some((line, column)) => one(Diagnostic::new(Span { line, column }, reason(&error), ""), file),
        None => whole(policy, reason(&error)),
    }
}

fn reason(error: &str) -> &str {
    error.strip_prefix("the test issuer failed: ").unwrap_or(error)
}

/// A configuration states what is trusted.
fn without_trust(file: &Path, cases: Cases) -> Result<Cases, Diagnostics> {
    let Some((line, column)) = cases.trust_place() else {
        return Ok(cases);
    };
    let message = "the issuers and their profiles are those of the configuration";
    let help = "remove `issuers` and `profile`";
    Err(one(Diagnostic::new(Span { line, column }, message, help), file))
}

/// The cases whose token has a preset that no issuer has.
fn without_issuer(test: &PolicyTest, file: &Path, cases: &Cases) -> Diagnostics {
    let mistakes = cases.iter().filter_map(|case| {
        let error = test.token(case, 0).err()?;
        let line = case.line();
        let help = "write the `preset` of an issuer of the configuration, or leave it out";
        Some(Diagnostic::new(Span { line, column: 0 }, error.to_string(), help))
    });
    Diagnostics::from_iter(mistakes).in_file(file)
}

/// The issuer of a configuration, whose tokens are for the first audience and have the claims that are required.
fn tested(issuer: &IssuerSettings, settings: &Settings) -> TestedIssuer {
    let audiences = issuer
        .own_audiences
        .iter()
        .chain(&settings.audiences)
        .map(String::as_str);
    let audience = audiences
        .chain(settings.resources.iter().map(Resource::identifier))
        .next();
    let mut tested = TestedIssuer::new(issuer.trusted.clone(), audience.unwrap_or_default());
    for claim in issuer.claims.iter().filter(|claim| !claim.name.starts_with('/')) {
        tested = match claim.values.first() {
            Some(ClaimValue::Text(text)) => tested.with_claim(&claim.name, &**text),
            Some(ClaimValue::Integer(number)) => tested.with_claim(&claim.name, *number),
            Some(ClaimValue::Boolean(value)) => tested.with_claim(&claim.name, *value),
            _ => tested,
        };
    }
    tested
}
