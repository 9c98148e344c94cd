//! `actgate check`.

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;

use actgate::Resource;
use actgate_yaml::Diagnostics;
use serde::Serialize;

use crate::cli::check_warnings::warnings;
use crate::cli::connection_summary::{ConnectionSummary, admin_lines};
use crate::cli::issuance_policy::GuardPolicy;
use crate::cli::issuer::read_registry;
use crate::cli::issuer_summary::IssuerSummary;
use crate::cli::limit_summary::{LimitSummary, limits};
use crate::cli::output::{Output, print, print_json};
use crate::cli::source_excerpt::with_labelled_excerpts;
use crate::cli::terminal::{printable, printable_lines};
use crate::config::{self, Settings};
use crate::exit::Failure;

/// The most warnings that are printed as text.
const MAX_WARNINGS: usize = 100;

/// Reads a configuration and its policy and reports the result on standard output. Nothing is fetched and no socket is
/// opened. As text, the caller prints the mistakes of an invalid configuration.
pub(crate) fn check(file: &Path, output: Output, warnings: Warnings) -> Result<(), Failure> {
    let loaded = config::load(file);
    let summary = loaded.as_ref().ok().map(Summary::of);
    let rejected = summary
        .as_ref()
        .is_some_and(|summary| warnings == Warnings::AreErrors && !summary.warnings.is_empty());
    let has_mistake = loaded.is_err() || rejected;
    match (output, &summary) {
        (Output::Json, _) => print_json(&Report {
            ok: !has_mistake,
            diagnostics: loaded.as_ref().err().unwrap_or(&Diagnostics::default()),
            summary,
        })?,
        (Output::Text, Some(summary)) => {
            let text = printable_lines(&summary.to_string());
            print(&format!("{text}{}", listed(&summary.warnings)))?;
        }
        (Output::Text, None) => return loaded.map(drop).map_err(Failure::CheckedConfiguration),
    }
    match has_mistake {
        true => Err(Failure::ConfigurationReported),
        false => Ok(()),
    }
}

/// What the warnings of a configuration are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Warnings {
    /// The configuration is valid.
    AreAllowed,
    AreErrors,
}

impl Warnings {
    pub(crate) fn of(strict: bool) -> Warnings {
        match strict {
            true => Warnings::AreErrors,
            false => Warnings::AreAllowed,
        }
    }
}

/// The same for a registry of the bundled issuer.
pub(crate) fn check_registry(file: &Path, output: Output) -> Result<(), Failure> {
    report("registry", file, read_registry(file).map(drop), output)
}

/// The same for a policy on the tokens of the bundled issuer.
pub(crate) fn check_guard(file: &Path, output: Output) -> Result<(), Failure> {
    let guard = GuardPolicy::read(file, "https://issuer.example");
    report("guard", file, guard.map(drop), output)
}

fn report(kind: &str, file: &Path, read: Result<(), Failure>, output: Output) -> Result<(), Failure> {
    let mistakes = match read {
        Ok(_) => Diagnostics::default(),
        Err(Failure::Configuration(mistakes)) if output == Output::Json => mistakes,
        Err(failure) => return Err(failure),
    };
    let ok = mistakes.is_empty();
    match output {
        Output::Json => print_json(&Report {
            ok,
            diagnostics: &mistakes,
            summary: None,
        })?,
        Output::Text => print(&format!(
            "{}: the {kind} is valid\n",
            printable(&file.to_string_lossy())
        ))?,
    }
    if ok {
        Ok(())
    } else {
        Err(Failure::ConfigurationReported)
    }
}

#[derive(Serialize)]
struct Report<'a> {
    ok: bool,
    diagnostics: &'a Diagnostics,
    #[serde(flatten)]
    summary: Option<Summary<'a>>,
}

/// The main settings of a configuration.
#[derive(Serialize)]
struct Summary<'a> {
    file: &'a Path,
    #[serde(skip_serializing_if = "Option::is_none")]
    listen: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    upstream: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    decision_api: Option<String>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    admin: &'a [SocketAddr],
    #[serde(skip)]
    publishes_keys: bool,
    audience: &'a [String],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    resources: Vec<ResourceSummary<'a>>,
    issuers: Vec<IssuerSummary<'a>>,
    policy: &'a Path,
    policy_hash: &'a str,
    routes: usize,
    requirements: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    defaults: Vec<&'a str>,
    spelling: &'static str,
    /// What of the policy is in shadow.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    shadow: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    limits: Vec<LimitSummary>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    mcp: Vec<String>,
    /// The list of revoked tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    revocations: Option<&'a Path>,
    #[serde(flatten)]
    connections: ConnectionSummary<'a>,
    /// The number of files without which a gate does not start here.
    #[serde(skip_serializing_if = "is_zero")]
    missing_files: usize,
    warnings: Diagnostics,
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

#[derive(Serialize)]
struct ResourceSummary<'a> {
    resource: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hosts: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a str>,
    metadata: &'a str,
}

impl<'a> ResourceSummary<'a> {
    fn of(resource: &'a Resource) -> ResourceSummary<'a> {
        ResourceSummary {
            resource: resource.identifier(),
            hosts: resource.hosts().collect(),
            path: resource.stated_path(),
            metadata: resource.metadata_url(),
        }
    }

    /// The requests that are for it, in words.
    fn place(&self) -> String {
        match (self.path, &self.hosts[..]) {
            (None, []) => "every request".to_owned(),
            (Some(path), []) => path.to_owned(),
            (path, hosts) => format!(
                "{}{}",
                hosts.join(", "),
                path.map(|path| format!(" {path}")).unwrap_or_default()
            ),
        }
    }
}

/// The addresses of every upstream.
fn upstreams(settings: &Settings) -> String {
    let upstreams = settings.upstreams.iter().map(ToString::to_string);
    upstreams.collect::<Vec<_>>().join(", ")
}

impl<'a> Summary<'a> {
    fn of(settings: &'a Settings) -> Summary<'a> {
        Summary {
            file: &settings.file,
            listen: settings.listen.as_ref().map(ToString::to_string),
            decision_api: settings.decision_api.as_ref().map(|api| api.to_string()),
            upstream: upstreams(settings),
            admin: &settings.admin,
            publishes_keys: settings.internal_token.is_some(),
            audience: &settings.audiences,
            resources: settings.resources.iter().map(ResourceSummary::of).collect(),
            issuers: settings.issuers.iter().map(IssuerSummary::of).collect(),
            policy: &settings.policy_file,
            policy_hash: settings.policy.hash().as_str(),
            routes: settings.policy.routes().count(),
            requirements: settings.policy.requirements().count(),
            defaults: settings.policy.defaults(),
            spelling: match settings.policy.compares_spelling_exactly() {
                true => "exact",
                false => "folded",
            },
            shadow: settings.policy.in_shadow().collect(),
            limits: limits(settings),
            mcp: settings.policy.mcp_endpoints().collect(),
            revocations: settings.revocations.as_ref().map(|list| list.file.as_path()),
            connections: ConnectionSummary::of(settings),
            missing_files: settings.missing_files.len(),
            warnings: warnings(settings),
        }
    }
}

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: configuration is valid", self.file.display())?;
        match self.missing_files {
            0 => writeln!(f)?,
            missing => writeln!(
                f,
                "; `actgate run` does not start here, since {} missing",
                match missing {
                    1 => "1 file is".to_owned(),
                    more => format!("{more} files are"),
                }
            )?,
        }
        match (&self.listen, self.connections.lists_upstreams()) {
            (None, _) => {}
            (Some(listen), true) => writeln!(f, "  listen    {listen}")?,
            (Some(listen), false) => writeln!(f, "  listen    {listen}  ->  {}", self.upstream)?,
        }
        if let Some(decisions) = &self.decision_api {
            writeln!(f, "  decisions {decisions}")?;
        }
        write!(f, "{}", self.connections)?;
        f.write_str(&admin_lines(self.admin, self.publishes_keys))?;
        if !self.audience.is_empty() {
            writeln!(f, "  audience  {}", self.audience.join(", "))?;
        }
        for resource in &self.resources {
            writeln!(
                f,
                "  resource  {} ({}; metadata: {})",
                resource.resource,
                resource.place(),
                resource.metadata
            )?;
        }
        for issuer in &self.issuers {
            write!(f, "{issuer}")?;
        }
        if let Some(file) = self.revocations {
            writeln!(f, "  revoked   {}: read again when it changes", file.display())?;
        }
        writeln!(
            f,
            "  policy    {}: {}, {}",
            self.policy.display(),
            counted(self.routes, "route"),
            counted(self.requirements, "requirement")
        )?;
        writeln!(f, "            hash: {}", self.policy_hash)?;
        if !self.defaults.is_empty() {
            writeln!(
                f,
                "  defaults  {}: on each route that is not public",
                self.defaults.join(", ")
            )?;
        }
        if self.spelling == "exact" {
            writeln!(
                f,
                "  spelling  exact: the API distinguishes every spelling of a path and reads no `_method`"
            )?;
        }
        if !self.shadow.is_empty() {
            let places = self.shadow.join("; ");
            writeln!(f, "  shadow    {places}: evaluated and recorded, not enforced")?;
        }
        for limit in &self.limits {
            writeln!(f, "  limit     {limit}")?;
        }
        for path in &self.mcp {
            writeln!(
                f,
                "  mcp       {path}: the server must reject a message that differs from its headers (revision 2026-07-28)"
            )?;
        }
        Ok(())
    }
}

/// The warnings, each with its line of the file.
fn listed(warnings: &Diagnostics) -> String {
    let first: Diagnostics = warnings.iter().take(MAX_WARNINGS).cloned().collect();
    let mut text = with_labelled_excerpts(&first, "warning: ");
    if !text.is_empty() {
        text.push('\n');
    }
    match warnings.len().saturating_sub(MAX_WARNINGS) {
        0 => text,
        more => format!("{text}and {}\n", counted(more, "more warning")),
    }
}

fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}
