//! From what is written to what is meant, with every mistake that can be found in one go.

use std::{
    net::SocketAddr,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    time::Duration,
};

use actgate::{
    Authorizer, ConfigError, Policy,
    keys::{Algorithm, Schedule, Source},
    policy::Document,
    yaml::{self, At},
};
use http::uri::Authority;

use super::{
    problem::{Problem, Problems},
    settings::Settings,
    trust::{IssuerSettings, Trust},
    written::{OneOrMore, Written, WrittenIdentityHeaders, WrittenIssuer, WrittenKeys},
};
use crate::{
    decision_log::LogTarget,
    identity_headers::{Fact, IdentityHeaders, NameError},
    own_names::OwnName,
    serve::Bounds,
};

/// Longest file that is read: far beyond any real one.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// Reads a configuration and the policy it names. Nothing is fetched and no socket is opened. Needs a tokio runtime.
///
/// # Errors
/// Every mistake that could be found. One in the form of the file hides those in its meaning.
pub fn load(file: &Path) -> Result<Settings, Problems> {
    let text = read_file(file).map_err(|message| Problems(vec![whole_file(file, message)]))?;
    parse(file, &text)
}

/// The same for a text. `file` is what problems call it, and what the path of a policy is relative to.
///
/// # Errors
/// As [`load`].
pub fn parse(file: &Path, text: &str) -> Result<Settings, Problems> {
    let written: Written = yaml::read(text).map_err(|error| Problems(vec![Problem::in_yaml(file, error)]))?;
    let mut reader = Reader {
        file: file.to_owned(),
        problems: Vec::new(),
    };
    match reader.settings(written) {
        Some(settings) if reader.problems.is_empty() => Ok(settings),
        _ => Err(Problems::in_order(reader.problems)),
    }
}

fn read_file(file: &Path) -> Result<String, String> {
    let length = std::fs::metadata(file)
        .map_err(|error| format!("the file cannot be read: {error}"))?
        .len();
    if length > MAX_FILE_BYTES {
        return Err("the file is longer than 1 MiB".to_owned());
    }
    std::fs::read_to_string(file).map_err(|error| format!("the file cannot be read: {error}"))
}

fn whole_file(file: &Path, message: String) -> Problem {
    Problem {
        file: file.to_owned(),
        line: 0,
        column: 0,
        message,
        mend: None,
    }
}

/// A mistake in one value.
struct Wrong {
    message: String,
    mend: &'static str,
}

fn wrong<T>(message: impl Into<String>, mend: &'static str) -> Result<T, Wrong> {
    Err(Wrong {
        message: message.into(),
        mend,
    })
}

struct Reader {
    file: PathBuf,
    problems: Vec<Problem>,
}

impl Reader {
    fn settings(&mut self, written: Written) -> Option<Settings> {
        let listen = self.take(&written.listen, |text| socket(text));
        let upstream = self.take(&written.upstream, |text| upstream(text));
        let admin = self.optional(written.admin.as_ref(), |text| socket(text));
        let audiences = self.audiences(&written.audience);
        let leeway = self.duration(written.leeway.as_ref(), Duration::from_secs(30), "0s"..="60s");
        let resource_metadata = self.optional(written.resource_metadata.as_ref(), |text| metadata_url(text));
        let hosts = self.hosts(written.hosts.as_deref().unwrap_or_default());
        let identity_headers = self.identity_headers(written.identity_headers.as_ref());
        let decision_log = self.optional(written.decision_log.as_ref(), |text| Ok(log_target(text)));
        let timeouts = written.timeouts.as_ref();
        let connect = self.duration(
            timeouts.and_then(|t| t.connect.as_ref()),
            Duration::from_secs(5),
            "10ms"..="1m",
        );
        let response = self.duration(
            timeouts.and_then(|t| t.response.as_ref()),
            Duration::from_secs(60),
            "10ms"..="24h",
        );
        let bounds = Bounds {
            header: self.duration(
                timeouts.and_then(|t| t.header.as_ref()),
                Duration::from_secs(5),
                "10ms"..="1m",
            ),
            keep_alive: self.duration(
                timeouts.and_then(|t| t.keep_alive.as_ref()),
                Duration::from_secs(60),
                "1s"..="1h",
            ),
            drain: self.duration(written.drain.as_ref(), Duration::from_secs(30), "0s"..="1h"),
            connections: self
                .optional(written.max_connections.as_ref(), |count| connections(*count))
                .unwrap_or(10_000),
        };
        let issuers = self.issuers(&written.issuers, &audiences);
        let policy = self.policy(written.policy.as_ref(), written.requirements, written.routes);
        if let (Some(listen), Some(admin)) = (listen, admin)
            && listen == admin
            && listen.port() != 0
        {
            let place = written.admin.as_ref().unwrap_or(&written.listen);
            self.wrong_at(
                place,
                "`admin` and `listen` are the same address",
                Some("give `admin` a port of its own"),
            );
        }
        let (policy_file, policy, document) = policy?;
        self.check_history(&written.issuers, &issuers, &audiences, &policy_file, document);
        Some(Settings {
            file: self.file.clone(),
            listen: listen?,
            upstream: upstream?,
            admin,
            hosts,
            trust: Trust {
                issuers,
                audiences,
                leeway,
                resource_metadata,
                policy,
            },
            identity_headers,
            token: written.token.unwrap_or_default(),
            connect,
            response,
            bounds,
            decision_log: decision_log.unwrap_or(LogTarget::Stdout),
            policy_file,
        })
    }

    fn audiences(&mut self, OneOrMore(written): &OneOrMore) -> Vec<String> {
        if written.value.is_empty() || written.value.iter().any(|audience| audience.trim().is_empty()) {
            let mend = "name this API as the issuer writes it in `aud`";
            self.wrong_at(written, "an audience is missing or empty", Some(mend));
            return Vec::new();
        }
        written.value.clone()
    }

    fn hosts(&mut self, written: &[At<String>]) -> Vec<OwnName> {
        written
            .iter()
            .filter_map(|host| {
                self.take(host, |text| match OwnName::parse(text) {
                    Some(name) => Ok(name),
                    None => wrong(
                        format!("`{text}` is no host"),
                        "write a host, or host:port, as clients send it",
                    ),
                })
            })
            .collect()
    }

    fn identity_headers(&mut self, written: Option<&WrittenIdentityHeaders>) -> IdentityHeaders {
        let Some(written) = written else {
            return IdentityHeaders::default();
        };
        let places = [
            (Fact::Subject, &written.subject),
            (Fact::Kind, &written.kind),
            (Fact::Actor, &written.actor),
            (Fact::Chain, &written.chain),
            (Fact::Client, &written.client),
            (Fact::Scope, &written.scope),
            (Fact::Issuer, &written.issuer),
        ];
        let chosen: Vec<(Fact, &At<String>)> = places
            .into_iter()
            .filter_map(|(fact, name)| Some((fact, name.as_ref()?)))
            .collect();
        let names: Vec<(Fact, &str)> = chosen.iter().map(|(fact, name)| (*fact, name.value.as_str())).collect();
        IdentityHeaders::with_names(&names).unwrap_or_else(|(fact, error)| {
            if let Some((_, name)) = chosen.iter().find(|(chosen, _)| *chosen == fact) {
                let text = &name.value;
                let (message, mend) = match error {
                    NameError::NoHeaderName => (format!("`{text}` is no header name"), "use letters, digits and `-`"),
                    NameError::Reserved => (
                        format!("`{text}` has a meaning of its own"),
                        "choose a name of your own, such as `x-auth-subject`",
                    ),
                    NameError::Taken(other) => (
                        format!(
                            "`{text}` could be taken for `{}`, the header of another fact",
                            other.default_header()
                        ),
                        "give each fact its own header",
                    ),
                };
                self.wrong_at(name, message, Some(mend));
            }
            IdentityHeaders::default()
        })
    }

    fn issuers(&mut self, written: &At<Vec<WrittenIssuer>>, audiences: &[String]) -> Vec<IssuerSettings> {
        if written.value.is_empty() {
            self.wrong_at(written, "no issuer is trusted", Some("name at least one"));
        }
        let mut issuers: Vec<IssuerSettings> = Vec::new();
        for one in &written.value {
            if issuers.iter().any(|other| other.issuer == one.issuer.value) {
                self.wrong_at(&one.issuer, "this issuer is named twice", Some("keep one entry"));
                continue;
            }
            let settings = IssuerSettings {
                issuer: one.issuer.value.clone(),
                source: one
                    .jwks_uri
                    .as_ref()
                    .map_or(Source::Discovery, |uri| Source::JwksUri(uri.value.clone())),
                algorithms: one
                    .algorithms
                    .as_ref()
                    .map_or_else(|| Algorithm::ALL.to_vec(), |list| list.value.clone()),
                profile: one.profile,
                chain: one.chain,
                prior_actors: one.prior_actors,
                schedule: self.schedule(one.keys.as_ref()),
            };
            // Without an audience there is nothing to trust the issuer for, and that has been said already.
            if !audiences.is_empty()
                && let Err(error) = settings.offline(audiences)
            {
                self.issuer_problem(one, &error);
            }
            issuers.push(settings);
        }
        issuers
    }

    fn schedule(&mut self, written: Option<&WrittenKeys>) -> Schedule {
        let default = Schedule::default();
        let Some(written) = written else { return default };
        let longest = "0s"..="30d";
        Schedule {
            refresh: self.duration(written.refresh.as_ref(), default.refresh, longest.clone()),
            cooldown: self.duration(written.cooldown.as_ref(), default.cooldown, longest.clone()),
            timeout: self.duration(written.timeout.as_ref(), default.timeout, longest.clone()),
            max_stale: self.duration(written.max_stale.as_ref(), default.max_stale, longest),
        }
    }

    /// What the library says about one issuer, told at the value that it is about.
    fn issuer_problem(&mut self, written: &WrittenIssuer, error: &ConfigError) {
        let keys = written.keys.as_ref();
        let place = match error {
            ConfigError::Url { url, .. } => written.jwks_uri.as_ref().filter(|uri| uri.value == *url),
            ConfigError::Duration { name: "refresh", .. } => keys.and_then(|keys| keys.refresh.as_ref()),
            ConfigError::Duration { name: "cooldown", .. } => keys.and_then(|keys| keys.cooldown.as_ref()),
            ConfigError::Duration { name: "timeout", .. } => keys.and_then(|keys| keys.timeout.as_ref()),
            ConfigError::Duration { name: "max_stale", .. } => keys.and_then(|keys| keys.max_stale.as_ref()),
            _ => None,
        };
        match (error, &written.algorithms) {
            (ConfigError::NoAlgorithm(_), Some(list)) => self.wrong_at(list, error.to_string(), None),
            _ => self.wrong_at(place.unwrap_or(&written.issuer), error.to_string(), None),
        }
    }

    /// What only issuers and policy together can get wrong: rules on prior actors.
    fn check_history(
        &mut self,
        place: &At<Vec<WrittenIssuer>>,
        issuers: &[IssuerSettings],
        audiences: &[String],
        policy_file: &Path,
        document: Document,
    ) {
        if !self.problems.is_empty() {
            return;
        }
        let trusted: Result<Vec<_>, _> = issuers.iter().map(|issuer| issuer.offline(audiences)).collect();
        // The policy has been compiled before, so this is about the issuers.
        let Ok(policy) = Policy::compile(document) else { return };
        match trusted.and_then(|trusted| Authorizer::new(trusted, policy)) {
            Ok(_) => {}
            Err(ConfigError::HistoryRule {
                rule,
                line,
                issuer,
                reason,
                mend,
            }) => self.problems.push(Problem {
                file: policy_file.to_owned(),
                line,
                column: 1,
                message: format!("`{rule}` reads prior actors, but for issuer `{issuer}` {reason}"),
                mend: Some(mend.to_owned()),
            }),
            Err(error) => self.wrong_at(place, error.to_string(), None),
        }
    }

    fn policy(
        &mut self,
        named: Option<&At<String>>,
        requirements: Option<actgate::policy::Requirements>,
        routes: Option<actgate::policy::Routes>,
    ) -> Option<(PathBuf, Policy, Document)> {
        let inline = requirements.is_some() || routes.is_some();
        let (file, document) = match named {
            Some(named) if inline => {
                self.wrong_at(
                    named,
                    "the policy is named and written here as well",
                    Some("keep either `policy` or `requirements` and `routes`"),
                );
                return None;
            }
            Some(named) => {
                let file = self.file.parent().unwrap_or(Path::new("")).join(&named.value);
                match read_file(&file) {
                    Ok(text) => (file, yaml::read(&text)),
                    Err(message) => {
                        self.wrong_at(
                            named,
                            format!("`{}`: {message}", file.display()),
                            Some("the path is relative to this file"),
                        );
                        return None;
                    }
                }
            }
            None if inline => {
                let (requirements, routes) = (requirements.unwrap_or_default(), routes.unwrap_or_default());
                (self.file.clone(), Ok(Document { requirements, routes }))
            }
            None => {
                let mut problem = whole_file(
                    &self.file,
                    "there is no policy, so every request would be refused".to_owned(),
                );
                problem.mend = Some("name its file with `policy`, or write `routes` here".to_owned());
                self.problems.push(problem);
                return None;
            }
        };
        match document.and_then(|document| Ok((Policy::compile(document.clone())?, document))) {
            Ok((policy, document)) => Some((file, policy, document)),
            Err(error) => {
                self.problems.push(Problem::in_yaml(file, error));
                None
            }
        }
    }

    fn take<T, R>(&mut self, written: &At<T>, parse: impl FnOnce(&T) -> Result<R, Wrong>) -> Option<R> {
        parse(&written.value)
            .map_err(|Wrong { message, mend }| self.wrong_at(written, message, Some(mend)))
            .ok()
    }

    fn optional<T, R>(&mut self, written: Option<&At<T>>, parse: impl FnOnce(&T) -> Result<R, Wrong>) -> Option<R> {
        written.and_then(|written| self.take(written, parse))
    }

    fn duration(&mut self, written: Option<&At<String>>, default: Duration, range: RangeInclusive<&str>) -> Duration {
        let parse = |text: &String| {
            let Ok(duration) = humantime::parse_duration(text) else {
                return wrong(
                    format!("`{text}` is no duration"),
                    "write a number with its unit, as in 30s, 10m or 24h",
                );
            };
            let (least, most) = (
                humantime::parse_duration(range.start()),
                humantime::parse_duration(range.end()),
            );
            match (least, most) {
                (Ok(least), Ok(most)) if duration < least || duration > most => wrong(
                    format!(
                        "`{text}` is out of range, which is {} to {}",
                        range.start(),
                        range.end()
                    ),
                    "write a duration within it",
                ),
                _ => Ok(duration),
            }
        };
        self.optional(written, parse).unwrap_or(default)
    }

    fn wrong_at<T>(&mut self, place: &At<T>, message: impl Into<String>, mend: Option<&str>) {
        self.problems.push(Problem {
            file: self.file.clone(),
            line: place.line,
            column: place.column,
            message: message.into(),
            mend: mend.map(str::to_owned),
        });
    }
}

fn socket(text: &str) -> Result<SocketAddr, Wrong> {
    match text.parse() {
        Ok(address) => Ok(address),
        Err(_) => wrong(
            format!("`{text}` is no socket address"),
            "write an IP address and a port, as in 127.0.0.1:8080",
        ),
    }
}

fn upstream(text: &str) -> Result<Authority, Wrong> {
    const MEND: &str = "write scheme, host and port, as in http://127.0.0.1:9000";
    let Ok(url) = url::Url::parse(text) else {
        return wrong(format!("`{text}` is no URL"), MEND);
    };
    if url.scheme() != "http" {
        return wrong(
            "the upstream is reached over plain http only",
            "write http://, and keep the upstream on this machine or in a trusted network",
        );
    }
    if !url.username().is_empty()
        || url.password().is_some()
        || !matches!(url.path(), "" | "/")
        || url.query().is_some()
        || url.fragment().is_some()
    {
        return wrong(
            "the upstream has more than a host and a port; the path of a request is never changed",
            MEND,
        );
    }
    let host = url.host_str().unwrap_or_default();
    match format!("{host}:{}", url.port().unwrap_or(80)).parse() {
        Ok(authority) => Ok(authority),
        Err(_) => wrong(format!("`{text}` has no host"), MEND),
    }
}

fn metadata_url(text: &str) -> Result<String, Wrong> {
    match url::Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url.into()),
        _ => wrong(
            format!("`{text}` is no URL"),
            "write the absolute URL of the protected resource metadata",
        ),
    }
}

fn log_target(text: &str) -> LogTarget {
    if text == "stdout" {
        LogTarget::Stdout
    } else {
        LogTarget::File(text.into())
    }
}

fn connections(count: u32) -> Result<u32, Wrong> {
    if (1..=1_000_000).contains(&count) {
        Ok(count)
    } else {
        wrong(
            format!("{count} connections are out of range, which is 1 to 1000000"),
            "write a number within it",
        )
    }
}
