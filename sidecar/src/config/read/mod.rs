//! From what is written to what is meant, with every mistake that can be found in one go.

mod addresses;
mod issuers;
mod log;
mod values;

use std::io;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use actgate::yaml::{self, At};

use self::values::Wrong;
use crate::config::diagnostic::{Problem, Problems};
use crate::config::document::{OneOrMore, Written, WrittenIdentityHeaders};
use crate::config::settings::Settings;
use crate::config::trust::Trust;
use crate::headers::identity::{Fact, IdentityHeaders, NameError};
use crate::proxy::upstream::UpstreamTimeouts;
use crate::server::connection::ConnectionLimits;

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
    match reader.settings(text, written) {
        Some(settings) if reader.problems.is_empty() => Ok(settings),
        _ => Err(Problems::in_order(reader.problems)),
    }
}

pub(super) fn read_file(file: &Path) -> Result<String, String> {
    let unreadable = |error: io::Error| match error.kind() {
        io::ErrorKind::InvalidData => "the file is not text in UTF-8".to_owned(),
        io::ErrorKind::IsADirectory => "this is a folder, not a file".to_owned(),
        _ => format!("the file cannot be read: {error}"),
    };
    let length = std::fs::metadata(file).map_err(unreadable)?.len();
    if length > MAX_FILE_BYTES {
        return Err("the file is longer than 1 MiB".to_owned());
    }
    std::fs::read_to_string(file).map_err(unreadable)
}

pub(super) fn whole_file(file: &Path, message: String) -> Problem {
    Problem {
        file: file.to_owned(),
        line: 0,
        column: 0,
        message,
        mend: None,
    }
}

/// One reading of one configuration: what was found wrong so far.
pub(super) struct Reader {
    pub(super) file: PathBuf,
    pub(super) problems: Vec<Problem>,
}

impl Reader {
    fn settings(&mut self, text: &str, written: Written) -> Option<Settings> {
        let addresses = self.addresses(&written);
        let audiences = self.audiences(&written.audience);
        let leeway = self.duration(written.leeway.as_ref(), Duration::from_secs(30), "0s"..="60s");
        let resource_metadata = self.optional(written.resource_metadata.as_ref(), |text| values::metadata_url(text));
        let hosts = self.hosts(written.hosts.as_ref());
        let identity_headers = self.identity_headers(written.identity_headers.as_ref());
        let decision_log = self.decision_log(written.decision_log.as_ref(), written.policy.as_ref());
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
        let limits = ConnectionLimits {
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
            drain: self.duration(
                timeouts.and_then(|t| t.drain.as_ref()),
                Duration::from_secs(30),
                "0s"..="1h",
            ),
            connections: self
                .optional(written.max_connections.as_ref(), |count| values::connections(*count))
                .unwrap_or(10_000),
        };
        let issuers = self.issuers(&written.issuers, &audiences);
        let policy = self.policy(text, &written);
        let (policy_file, policy) = policy?;
        self.check_history(&written.issuers, &issuers, &audiences, &policy_file, &policy);
        Some(Settings {
            file: self.file.clone(),
            listen: addresses.listen?,
            upstream: addresses.upstream?,
            admin: addresses.admin,
            hosts,
            trust: Trust {
                issuers,
                audiences,
                leeway,
                resource_metadata,
                policy,
            },
            identity_headers,
            access_token: written.access_token.unwrap_or_default(),
            upstream_timeouts: UpstreamTimeouts { connect, response },
            limits,
            decision_log,
            policy_file,
        })
    }

    fn audiences(&mut self, OneOrMore(written): &OneOrMore) -> Vec<String> {
        if written.value.is_empty() {
            self.wrong_at(written, "an audience is missing or empty", Some(values::NAME_THIS_API));
        }
        let read: Result<_, _> = written.value.iter().map(|text| values::audience(text)).collect();
        self.take(written, |_| read).unwrap_or_default()
    }

    /// A relative path is beside the configuration, wherever the process was started.
    pub(super) fn beside(&self, path: &str) -> PathBuf {
        self.file.parent().unwrap_or(Path::new("")).join(path)
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
        IdentityHeaders::with_names(names.iter().copied()).unwrap_or_else(|errors| {
            for (fact, error) in errors {
                let Some((_, name)) = chosen.iter().find(|(chosen, _)| *chosen == fact) else {
                    continue;
                };
                let text = &name.value;
                let (message, mend) = match error {
                    NameError::Invalid => (format!("`{text}` is no header name"), "use letters, digits and `-`"),
                    NameError::Reserved => (
                        format!("`{text}` has a meaning of its own"),
                        "choose a name of your own, such as `x-auth-subject`",
                    ),
                    NameError::Taken(other) => {
                        let chosen = names.iter().find(|(fact, _)| *fact == other);
                        let other = chosen.map_or(other.default_header(), |(_, name)| name);
                        (
                            format!("`{text}` could be taken for `{other}`, the header of another fact"),
                            "give each fact its own header",
                        )
                    }
                };
                self.wrong_at(name, message, Some(mend));
            }
            IdentityHeaders::default()
        })
    }

    pub(super) fn take<T, R>(&mut self, written: &At<T>, parse: impl FnOnce(&T) -> Result<R, Wrong>) -> Option<R> {
        parse(&written.value)
            .map_err(|Wrong { message, mend }| self.wrong_at(written, message, Some(mend)))
            .ok()
    }

    pub(super) fn optional<T, R>(
        &mut self,
        written: Option<&At<T>>,
        parse: impl FnOnce(&T) -> Result<R, Wrong>,
    ) -> Option<R> {
        written.and_then(|written| self.take(written, parse))
    }

    pub(super) fn duration(
        &mut self,
        written: Option<&At<String>>,
        default: Duration,
        range: RangeInclusive<&str>,
    ) -> Duration {
        self.optional(written, |text| values::duration(text, range))
            .unwrap_or(default)
    }

    pub(super) fn wrong_at<T>(&mut self, place: &At<T>, message: impl Into<String>, mend: Option<&str>) {
        self.problems.push(Problem {
            file: self.file.clone(),
            line: place.line,
            column: place.column,
            message: message.into(),
            mend: mend.map(str::to_owned),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::decision_log::LogTarget;
    use crate::proxy::forward::AccessTokenForwarding;

    const GOOD: &str = "
listen: 127.0.0.1:8080
upstream: http://127.0.0.1:9000
admin: 127.0.0.1:9901
audience: https://orders.example.com
leeway: 30s
issuers:
  - issuer: https://idp.example.com
    jwks_uri: https://idp.example.com/jwks
    algorithms: [ES256, RS256]
    profile: rfc9068
    chain_completeness: complete
    prior_actors: enforce
    keys: { refresh: 10m, cooldown: 10s, timeout: 5s, max_stale: 24h }
identity_headers: { subject: x-auth-subject }
routes:
  - match: POST /refunds
    scopes: [refunds:write]
    chain: { max_depth: 2 }
";

    async fn problems(text: &str) -> Vec<String> {
        match parse(Path::new("actgate.yaml"), text) {
            Ok(_) => Vec::new(),
            Err(problems) => problems.to_string().lines().map(str::to_owned).collect(),
        }
    }

    async fn problem_with(from: &str, to: &str) -> String {
        assert!(GOOD.contains(from), "{from}");
        problems(&GOOD.replace(from, to)).await.join("\n")
    }

    #[tokio::test]
    async fn every_key_has_its_meaning() {
        let text = format!(
            "{GOOD}
access_token: forward
hosts: [orders.example.com]
timeouts: {{ header: 1s, keep_alive: 2s, connect: 3s, response: 4s, drain: 6s }}
max_connections: 5
decision_log: decisions.log
resource_metadata: https://orders.example.com/.well-known/oauth-protected-resource
"
        );
        let folder = tempfile::tempdir().unwrap();
        let settings = parse(&folder.path().join("actgate.yaml"), &text).unwrap();
        assert_eq!(settings.access_token, AccessTokenForwarding::Forward);
        assert_eq!(settings.limits.header, Duration::from_secs(1));
        assert_eq!(settings.limits.keep_alive, Duration::from_secs(2));
        assert_eq!(settings.upstream_timeouts.connect, Duration::from_secs(3));
        assert_eq!(settings.upstream_timeouts.response, Duration::from_secs(4));
        assert_eq!(settings.limits.connections, 5);
        assert_eq!(settings.limits.drain, Duration::from_secs(6));
        assert_eq!(
            settings.decision_log,
            LogTarget::File(folder.path().join("decisions.log"))
        );
        assert_eq!(settings.hosts.len(), 1);
        assert!(settings.trust.resource_metadata.is_some());
        assert_eq!(settings.trust.issuers[0].algorithms.len(), 2);
        assert_eq!(settings.trust.issuers[0].schedule.cooldown, Duration::from_secs(10));
        assert_eq!(settings.trust.policy.routes().count(), 1);
    }

    #[tokio::test]
    async fn the_reference_is_a_configuration() {
        let settings = parse(Path::new("reference.yaml"), include_str!("../reference.yaml")).unwrap();
        assert_eq!(settings.identity_headers, IdentityHeaders::default());
        assert_eq!(settings.limits.connections, 10_000);
    }

    #[tokio::test]
    async fn what_is_left_out_is_safe() {
        let text = "
listen: 127.0.0.1:0
upstream: http://127.0.0.1:9000
audience: [a, b]
issuers: [{ issuer: https://idp.example.com }]
routes: [{ match: GET /, public: true }]
";
        let settings = parse(Path::new("actgate.yaml"), text).unwrap();
        assert_eq!(settings.access_token, AccessTokenForwarding::Strip);
        assert_eq!(settings.trust.audiences, ["a", "b"]);
        assert_eq!(settings.trust.leeway, Duration::from_secs(30));
        assert_eq!(settings.limits.drain, Duration::from_secs(30));
        assert_eq!(settings.decision_log, LogTarget::Stdout);
        assert_eq!(settings.admin, None);
    }

    #[tokio::test]
    async fn each_mistake_is_told_at_its_place() {
        for (from, to, told) in [
            (
                "listen:",
                "listne:",
                "actgate.yaml:2:1: unknown key `listne`; did you mean `listen`?",
            ),
            (
                "127.0.0.1:8080",
                "localhost",
                "actgate.yaml:2:9: `localhost` is no socket address; write an IP address and a port, as in 127.0.0.1:8080",
            ),
            (
                "http://127.0.0.1:9000",
                "https://127.0.0.1:9000",
                "actgate.yaml:3:11: the upstream is reached over plain http only",
            ),
            (
                "127.0.0.1:9901",
                "127.0.0.1:8080",
                "actgate.yaml:4:8: `admin` and `listen` are the same address",
            ),
            (
                "127.0.0.1:9901",
                "0.0.0.0:9901",
                "actgate.yaml:4:8: `admin` can be reached from other machines",
            ),
            (
                "127.0.0.1:8080",
                "0.0.0.0:9901",
                "actgate.yaml:4:8: `admin` and `listen` are the same address",
            ),
            (
                "http://127.0.0.1:9000",
                "http://localhost:8080",
                "actgate.yaml:3:11: `upstream` is the gate itself: it listens there, by `listen`",
            ),
            (
                "http://127.0.0.1:9000",
                "http://127.0.0.1:9901",
                "actgate.yaml:3:11: `upstream` is the gate itself: it listens there, by `admin`",
            ),
            (
                "http://127.0.0.1:9000",
                "http://127.0.0.1:0",
                "actgate.yaml:3:11: nothing can listen on port 0",
            ),
            (
                "audience: https",
                "hosts: []\naudience: https",
                "actgate.yaml:5:8: the list of hosts is empty",
            ),
            (
                "audience: https",
                "hosts: ['*']\naudience: https",
                "actgate.yaml:5:9: `*` is a pattern",
            ),
            (
                "audience: https",
                "decision_log: actgate.yaml\naudience: https",
                "actgate.yaml:5:15: `actgate.yaml` is a file that the gate reads",
            ),
            (
                "https://orders.example.com",
                "' https://orders.example.com'",
                "actgate.yaml:5:11: \" https://orders.example.com\" has a space at an end",
            ),
            (
                "audience: https://orders.example.com",
                "audience: []",
                "actgate.yaml:5:11: an audience is missing or empty",
            ),
            (
                "leeway: 30s",
                "leeway: 90s",
                "actgate.yaml:6:9: `90s` is out of range, which is 0s to 60s",
            ),
            (
                "issuer: https://idp",
                "issuer: idp",
                "actgate.yaml:8:13: `idp.example.com` cannot be used",
            ),
            (
                "jwks_uri: https",
                "jwks_uri: http",
                "actgate.yaml:9:15: `http://idp.example.com/jwks` cannot be used",
            ),
            ("ES256", "HS256", "actgate.yaml:10:"),
            ("profile: rfc9068", "profile: rfc9069", "did you mean `rfc9068`?"),
            (
                "chain_completeness: complete",
                "chain_completeness: outer-only",
                "actgate.yaml:19: `POST /refunds: chain.max_depth` reads prior actors",
            ),
            ("refresh: 10m", "refresh: 1ms", "actgate.yaml:14:22: "),
            ("max_stale: 24h", "max_stale: 1m", "actgate.yaml:14:66: "),
            (
                "x-auth-subject",
                "authorization",
                "actgate.yaml:15:30: `authorization` has a meaning of its own",
            ),
            (
                "x-auth-subject",
                "x_auth_kind",
                "actgate.yaml:15:30: `x_auth_kind` could be taken for `x-auth-kind`",
            ),
            (
                "subject: x-auth-subject",
                "subject: x-a, kind: X_A",
                "actgate.yaml:15:30: `x-a` could be taken for `X_A`, the header of another fact",
            ),
            (
                "    scopes:",
                "    scope:",
                "actgate.yaml:18:5: unknown key `scope`; did you mean `scopes`?",
            ),
            (
                "routes:",
                "policy: policy.yaml\nroutes:",
                "actgate.yaml:16:9: the policy is named and written here as well",
            ),
        ] {
            let problem = problem_with(from, to).await;
            assert!(problem.contains(told), "{from} -> {to}:\n{problem}");
        }
    }

    #[tokio::test]
    async fn a_policy_without_a_route_is_refused_wherever_it_stands() {
        let rest = GOOD.split("routes:").next().unwrap();
        let told = "there is no route, so every request would be refused";
        for (policy, place) in [
            ("routes: []", "actgate.yaml:16:9: "),
            ("requirements: {}", "actgate.yaml: "),
            (
                "requirements: { r: { scopes: [a] } }\nroutes: []",
                "actgate.yaml:17:9: ",
            ),
        ] {
            let problem = problems(&format!("{rest}{policy}\n")).await.join("\n");
            assert!(problem.contains(&format!("{place}{told}")), "{policy}: {problem}");
        }
        let folder = tempfile::tempdir().unwrap();
        let (file, policy) = (folder.path().join("actgate.yaml"), folder.path().join("policy.yaml"));
        std::fs::write(&file, format!("{rest}policy: policy.yaml\n")).unwrap();
        for empty in ["", "# later", "routes: []", "requirements: {}"] {
            std::fs::write(&policy, empty).unwrap();
            let problem = load(&file).unwrap_err().to_string();
            assert_eq!(
                problem,
                format!("{}: {told}; write at least one under `routes`", policy.display())
            );
        }
    }

    #[tokio::test]
    async fn mistakes_in_the_meaning_are_told_together() {
        let text = GOOD
            .replace("127.0.0.1:8080", "x")
            .replace("30s", "x")
            .replace("10m", "x");
        assert_eq!(problems(&text).await.len(), 3);
    }

    #[tokio::test]
    async fn a_policy_file_is_beside_the_configuration_and_named_in_its_mistakes() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("actgate.yaml");
        let text = GOOD.split("routes:").next().unwrap();
        std::fs::write(&file, format!("{text}policy: policy.yaml\n")).unwrap();
        assert!(load(&file).unwrap_err().to_string().contains("actgate.yaml:16:9: "));

        let policy = folder.path().join("policy.yaml");
        std::fs::write(&policy, "routes:\n  - match: GET /\n    scopes: 1\n").unwrap();
        assert!(load(&file).unwrap_err().to_string().contains("policy.yaml:3:"));

        std::fs::write(&policy, "routes:\n  - match: GET /\n    scopes: [a]\n").unwrap();
        assert_eq!(load(&file).unwrap().policy_file, policy);
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_read_is_told() {
        let error = load(Path::new("nowhere.yaml")).unwrap_err().to_string();
        assert!(error.starts_with("nowhere.yaml: the file cannot be read"), "{error}");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("actgate.yaml");
        for (bytes, told) in [
            (b"\xff".as_slice(), "the file is not text in UTF-8"),
            (b"", "1:1: the file is empty, or ends too early"),
        ] {
            std::fs::write(&file, bytes).unwrap();
            let error = load(&file).unwrap_err().to_string();
            assert!(error.ends_with(told), "{error}");
        }
        let error = load(folder.path()).unwrap_err().to_string();
        assert!(error.ends_with("this is a folder, not a file"), "{error}");
    }
}
