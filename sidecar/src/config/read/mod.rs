//! Reads a configuration and reports every mistake in one run.

mod addresses;
mod authorizer;
mod carriers;
mod cors;
mod credentials;
mod decision_api;
mod drop_headers;
mod facts;
mod identity_headers;
mod internal_token;
mod introspection;
mod issuer_keys;
mod issuer_warnings;
mod issuers;
mod key_access;
mod log;
mod network;
mod policy;
mod proxy_protocol;
mod reader;
mod renamed;
mod resources;
mod revocations;
mod secret_file;
mod shared_limits;
mod tls;
mod trusted_proxies;
mod upstream_address;
mod upstream_spelling;
mod upstreams;
mod values;

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use actgate_yaml::{Diagnostic, Diagnostics, Span, Spanned};

use self::addresses::OwnAddresses;
use self::issuers::TrustSettings;
pub(crate) use self::policy::NO_ROUTE;
use self::reader::ConfigReader;
use self::secret_file::FileFindings;
use super::document::Document;
use super::settings::Settings;
use crate::files::text_file::{FileError, read_text};
use crate::proxy::stream_end::StreamLimits;
use crate::proxy::upstream::settings::UpstreamTimeouts;
use crate::server::limits::ConnectionLimits;

const UP_TO_A_MINUTE: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(60);
const UP_TO_A_DAY: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(24 * 3600);
const SECOND_TO_HOUR: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(3600);
const UP_TO_AN_HOUR: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(3600);

/// Reads a configuration and the policy it names, or finds every mistake of both. Nothing is fetched and no socket is
/// opened.
pub(crate) fn load(file: &Path) -> Result<Settings, Diagnostics> {
    load_noting(file, &mut Vec::new())
}

/// The addresses of the admin listeners that a configuration names, whatever is wrong with the rest of it.
///
/// # Errors
/// Why the file cannot be read.
pub(crate) fn admin_of(file: &Path) -> Result<Vec<SocketAddr>, FileError> {
    let text = read_text(file)?;
    let document = actgate_yaml::read::<Document>(&text).value;
    let written = document.and_then(|document| document.admin).into_iter();
    let texts = written.flat_map(|written| written.value);
    Ok(texts.filter_map(|text| values::admin(&text.value).ok()).collect())
}

/// As [`load`]. `files` receives the files that were read or are missing, but for those that a running gate reads again by
/// itself.
pub(crate) fn load_noting(file: &Path, files: &mut Vec<PathBuf>) -> Result<Settings, Diagnostics> {
    files.push(file.to_owned());
    let text = read_text(file).map_err(|error| {
        let help = match error.is_missing {
            true => "name a configuration with `--config FILE`; `actgate --help` shows a short one to begin with",
            false => error.help,
        };
        Diagnostics::from_iter([Diagnostic::new(Span::default(), error.message, help)]).in_file(file)
    })?;
    parse_noting(file, &text, files)
}

/// As [`load`], for a text. `file` is its name in diagnostics, and the path of a policy is relative to it.
pub(crate) fn parse(file: &Path, text: &str) -> Result<Settings, Diagnostics> {
    parse_noting(file, text, &mut Vec::new())
}

fn parse_noting(file: &Path, text: &str, files: &mut Vec<PathBuf>) -> Result<Settings, Diagnostics> {
    let reading = actgate_yaml::read::<Document>(text);
    let settings = reading.check(|document, omissions, diagnostics| {
        let mut reader = ConfigReader {
            file,
            diagnostics,
            omissions,
            files,
        };
        reader.settings(&document, text)
    });
    settings.map_err(|diagnostics| diagnostics.in_file(file).with_help_for_keys(renamed::KEYS))
}

impl ConfigReader<'_> {
    fn settings(&mut self, document: &Document, text: &str) -> Option<Settings> {
        if let Some(written) = self.policy_alone(document) {
            let message = "this is a policy, and no configuration";
            let help = "name its file with `policy:` in a configuration; `actgate --help` shows a short one";
            self.diagnostics.push(written, message, help);
            return None;
        }
        let addresses = self.addresses(document);
        let audiences = match document.resources {
            None => self.audiences(document),
            Some(_) => Vec::new(),
        };
        let hosts = self.hosts(document.hosts.as_ref());
        let proxy_protocol = self.proxy_protocol(document.proxy_protocol.as_ref());
        let trusted_proxies = self.trusted_proxies(document.trusted_proxies.as_ref());
        let log = document.decision_log.as_ref();
        let decision_log = self.decision_log(log, document.policy.as_ref());
        let log_sample = log.and_then(|log| log.value.sample.as_ref());
        let log_sample = self.optional(log_sample, |text| values::rate(text));
        let mut identity_headers = self.identity_headers(&document.identity_headers);
        let cors = self.cors(document.cors.as_ref());
        let drop_headers = self.drop_headers(document.drop_headers.as_ref());
        let (limits, upstream_timeouts) = self.limits(document);
        let streams = self.streams(document);
        let upstream_timeouts = UpstreamTimeouts {
            stream: streams.idle,
            ..upstream_timeouts
        };
        let mut findings = FileFindings::default();
        let TrustSettings {
            issuers,
            mut missing_files,
            mut warnings,
        } = self.issuers(document.issuers.as_ref(), &audiences, &mut findings);
        let internal_token = self.internal_token(document, &issuers, &identity_headers, &mut findings);
        if let Some(internal_token) = &internal_token {
            identity_headers.reserve(internal_token.header.clone());
        }
        let credentials = self.credentials(document, &mut identity_headers, &mut findings);
        let tls = self.tls(document.tls.as_ref(), &mut findings);
        let own = OwnAddresses::of(addresses.as_ref());
        let decision_api = self.decision_api(document.decision_api.as_ref(), &own);
        let upstreams = self.upstreams(document, &own, &mut findings);
        let fact_recording = self.fact_recording(log, &mut findings);
        let revocations = self.revocations(document.revocations.as_ref(), &mut findings);
        let shared_limits = self.shared_limits(document.shared_limits.as_ref(), &mut findings);
        missing_files.extend(findings.missing);
        warnings.extend(findings.warnings);
        if let Some(written) = &document.issuers {
            self.check_carriers(&written.value, &issuers, &identity_headers);
        }
        let policy = self.policy(document, text);
        if let Some(policy) = &policy {
            self.upstream_spellings(document, &policy.policy);
            warnings.extend(self.unused_shared_limits(document.shared_limits.as_ref(), &policy.policy));
            warnings.extend(self.fact_warnings(log, fact_recording.as_ref(), &policy.policy));
        }
        let resources = self.resources(document, &audiences);
        let authorizer = self.authorizer(document, &issuers, &resources, policy.as_ref());
        let (addresses, upstreams, policy) = (addresses?, upstreams?, policy?);
        Some(Settings {
            file: self.file.to_owned(),
            listen: addresses.listen,
            tls,
            upstreams,
            admin: addresses.admin,
            decision_api,
            hosts,
            proxy_protocol,
            trusted_proxies,
            audiences,
            resources,
            issuers,
            missing_files,
            warnings,
            policy: policy.policy,
            policy_file: policy.file,
            authorizer,
            revocations,
            shared_limits,
            identity_headers,
            cors,
            drop_headers,
            access_token: document
                .access_token
                .as_ref()
                .map(|written| written.value)
                .unwrap_or_default(),
            internal_token,
            credentials,
            upstream_timeouts,
            streams,
            limits,
            decision_log,
            log_sample,
            fact_recording,
        })
    }

    /// The place of the routes or the requirements, where nothing but a policy is written.
    fn policy_alone(&self, document: &Document) -> Option<Span> {
        let has_other = document.listen.is_some()
            || document.upstream.is_some()
            || document.upstreams.is_some()
            || document.decision_api.is_some()
            || document.audience.is_some()
            || document.resources.is_some()
            || document.issuers.is_some()
            || document.policy.is_some();
        let others = [
            "listen",
            "upstream",
            "upstreams",
            "decision_api",
            "audience",
            "resources",
            "issuers",
            "policy",
        ];
        if has_other || others.iter().any(|key| self.omissions.has_key(key)) {
            return None;
        }
        let written = document.requirements.as_ref().or(document.routes.as_ref());
        written.map(Spanned::span)
    }

    fn limits(&mut self, document: &Document) -> (ConnectionLimits, UpstreamTimeouts) {
        let (mut limits, mut upstream) = (ConnectionLimits::default(), UpstreamTimeouts::default());
        let timeouts = &document.timeouts;
        self.duration(timeouts.header.as_ref(), UP_TO_A_MINUTE, &mut limits.header);
        self.duration(timeouts.keep_alive.as_ref(), SECOND_TO_HOUR, &mut limits.keep_alive);
        self.duration(timeouts.body.as_ref(), SECOND_TO_HOUR, &mut limits.body);
        self.duration(timeouts.drain.as_ref(), UP_TO_AN_HOUR, &mut limits.drain);
        self.duration(timeouts.drain_delay.as_ref(), UP_TO_AN_HOUR, &mut limits.drain_delay);
        self.duration(timeouts.connect.as_ref(), UP_TO_A_MINUTE, &mut upstream.connect);
        self.duration(timeouts.response.as_ref(), UP_TO_A_DAY, &mut upstream.response);
        upstream.body = limits.body;
        let connections = self.optional(document.max_connections.as_ref(), |count| values::connections(*count));
        limits.connections = connections.unwrap_or(limits.connections);
        let max_head = self.optional(document.max_head.as_ref(), |text| values::head_size(text));
        limits.max_head = max_head.unwrap_or(limits.max_head);
        (limits, upstream)
    }

    fn streams(&mut self, document: &Document) -> StreamLimits {
        let mut streams = StreamLimits {
            after_expiry: document.streams.after_expiry,
            ..StreamLimits::default()
        };
        self.duration(document.timeouts.stream.as_ref(), UP_TO_A_DAY, &mut streams.idle);
        streams
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headers::identity::IdentityHeaders;
    use crate::log::decision_log::LogTarget;
    use crate::proxy::forward::AccessTokenForwarding;
    use crate::proxy::stream_end::AfterExpiry;

    const VALID: &str = "
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

    fn mistakes(text: &str) -> Vec<String> {
        match parse(Path::new("actgate.yaml"), text) {
            Ok(_) => Vec::new(),
            Err(diagnostics) => diagnostics.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn every_key_has_a_meaning() {
        let text = format!(
            "{VALID}
access_token: forward
hosts: [orders.example.com]
timeouts: {{ header: 1s, keep_alive: 2s, connect: 3s, response: 4s, body: 5s, drain: 6s, drain_delay: 8s, stream: 7s }}
streams: {{ after_expiry: continue }}
max_head: 16KiB
max_connections: 5
decision_log: decisions.log
resource_metadata: https://orders.example.com/.well-known/oauth-protected-resource
"
        );
        let folder = tempfile::tempdir().unwrap();
        let settings = parse(&folder.path().join("actgate.yaml"), &text).unwrap();
        let seconds = Duration::from_secs;
        assert_eq!(settings.access_token, AccessTokenForwarding::Forward);
        let limits = ConnectionLimits {
            header: seconds(1),
            keep_alive: seconds(2),
            body: seconds(5),
            drain_delay: seconds(8),
            drain: seconds(6),
            max_head: 16 * 1024,
            connections: 5,
        };
        assert_eq!(settings.limits, limits);
        let upstream = UpstreamTimeouts {
            connect: seconds(3),
            response: seconds(4),
            body: seconds(5),
            stream: seconds(7),
        };
        assert_eq!(settings.upstream_timeouts, upstream);
        let streams = StreamLimits {
            idle: seconds(7),
            after_expiry: AfterExpiry::Continue,
        };
        assert_eq!(settings.streams, streams);
        let log = folder.path().join("decisions.log");
        let target = LogTarget::File {
            path: log,
            rotation: None,
        };
        assert_eq!(settings.decision_log, target);
        assert_eq!(settings.hosts.len(), 1);
        assert_eq!(settings.issuers[0].fetch_timeout, seconds(5));
        assert_eq!(settings.policy.routes().count(), 1);
        assert!(settings.authorizer().build().is_ok());
    }

    #[test]
    fn the_reference_is_valid_and_has_the_defaults() {
        let settings = parse(Path::new("reference.yaml"), include_str!("../reference.yaml")).unwrap();
        assert_eq!(settings.identity_headers, IdentityHeaders::default());
        assert_eq!((settings.admin.is_empty(), settings.cors.is_some()), (true, false));
        assert_eq!(settings.limits, ConnectionLimits::default());
        assert_eq!(settings.upstream_timeouts, UpstreamTimeouts::default());
        assert_eq!(settings.streams, StreamLimits::default());
        assert_eq!(settings.access_token, AccessTokenForwarding::default());
        assert_eq!(settings.decision_log, LogTarget::Stdout);
    }

    /// Those in place of other keys and those that name files stay comments.
    #[test]
    fn the_keys_that_are_comments_in_the_reference_are_valid() {
        let blocks = "admin decision_api hosts proxy_protocol trusted_proxies cors drop_headers resource_metadata internal_token scopes mcp \
                      groups agents unregistered_agents defaults limit";
        let nested =
            "jwks_uri claims algorithms kinds agent_clients chain_completeness prior_actors escaped_slash chain";
        let is_one_of = |keys: &str, line: &str| {
            let key = line
                .trim_start()
                .strip_prefix("# ")
                .and_then(|line| line.split(':').next());
            key.is_some_and(|key| keys.split(' ').any(|known| known == key))
        };
        let mut in_block = false;
        let lines = include_str!("../reference.yaml").lines().map(|line| {
            in_block = is_one_of(blocks, line) && line.starts_with('#') || in_block && line.starts_with("#  ");
            match in_block || line.starts_with("  # ") || is_one_of(nested, line) {
                true => line.replacen("# ", "", 1),
                false => line.to_owned(),
            }
        });
        let text: Vec<String> = lines.collect();
        let settings = parse(Path::new("reference.yaml"), &text.join("\n")).unwrap();
        assert!(settings.decision_api.is_some());
        assert!(!settings.admin.is_empty() && settings.cors.is_some() && settings.internal_token.is_some());
        assert_eq!(settings.policy.routes().count(), 3);
    }

    #[test]
    fn the_lines_of_the_reference_fit_a_screen() {
        let long = include_str!("../reference.yaml")
            .lines()
            .find(|line| line.chars().count() > 132);
        assert_eq!(long, None);
    }

    #[test]
    fn a_short_configuration_has_safe_defaults() {
        let text = "
listen: 127.0.0.1:0
upstream: http://127.0.0.1:9000
audience: [a, b]
issuers: [{ issuer: https://idp.example.com }]
routes: [{ match: GET /, public: true }]
";
        let settings = parse(Path::new("actgate.yaml"), text).unwrap();
        assert_eq!(settings.access_token, AccessTokenForwarding::Strip);
        assert_eq!(settings.audiences, ["a", "b"]);
        assert_eq!(settings.limits, ConnectionLimits::default());
        assert_eq!(settings.decision_log, LogTarget::Stdout);
        assert!(settings.admin.is_empty());
    }

    #[test]
    fn mistakes_of_every_kind_are_reported_in_one_run() {
        let text = VALID
            .replace("listen: 127.0.0.1:8080\n", "")
            .replace("127.0.0.1:9901", "[a]")
            .replace("leeway: 30s", "leeway:")
            .replace(
                "- issuer: https://idp.example.com\n    jwks_uri: https",
                "- jwks_uri: http",
            )
            .replace("ES256", "HS256")
            .replace(
                "refresh: 10m, cooldown: 10s",
                "refresh: 1ms, cooldown: 1ms, colldown: x",
            )
            .replace("subject: x", "subjekt: x")
            .replace("max_depth: 2", "max_depth: two");
        let places: Vec<String> = mistakes(&text)
            .iter()
            .map(|mistake| {
                mistake
                    .split(": ")
                    .next()
                    .unwrap_or_default()
                    .replace("actgate.yaml", "")
            })
            .collect();
        assert_eq!(
            places,
            [
                "", ":3:9", ":5:7", ":7:5", ":7:15", ":8:18", ":12:22", ":12:37", ":12:42", ":13:21", ":17:25"
            ]
        );
    }

    #[test]
    fn a_policy_without_a_route_is_a_mistake() {
        let rest = VALID.split("routes:").next().unwrap();
        let message =
            "there is no route, so that every request would be denied\n  help: write at least one under `routes`";
        for (policy, place) in [
            ("routes: []", "actgate.yaml:16:9"),
            ("requirements: {}", "actgate.yaml"),
            ("scopes: { implies: { b: [a] } }", "actgate.yaml"),
            ("requirements: { r: { scopes: [a] } }\nroutes: []", "actgate.yaml:17:9"),
        ] {
            assert_eq!(mistakes(&format!("{rest}{policy}\n")), [format!("{place}: {message}")]);
        }
        let folder = tempfile::tempdir().unwrap();
        let (file, policy) = (folder.path().join("actgate.yaml"), folder.path().join("policy.yaml"));
        std::fs::write(&file, format!("{rest}policy: policy.yaml\n")).unwrap();
        for empty in ["", "# later", "routes: []", "requirements: {}"] {
            std::fs::write(&policy, empty).unwrap();
            let error = load(&file).unwrap_err().to_string();
            assert_eq!(error, format!("{}: {message}", policy.display()));
        }
        assert_eq!(mistakes(rest).len(), 1, "no policy");
    }

    #[test]
    fn a_policy_file_is_relative_to_the_configuration_and_named_in_its_mistakes() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("actgate.yaml");
        let text = VALID.split("routes:").next().unwrap();
        std::fs::write(&file, format!("{text}policy: policy.yaml\n")).unwrap();
        assert!(load(&file).unwrap_err().to_string().contains("actgate.yaml:16:9: "));

        let policy = folder.path().join("policy.yaml");
        std::fs::write(&policy, "routes:\n  - match: GET /\n    scopes: 1\n").unwrap();
        assert!(load(&file).unwrap_err().to_string().contains("policy.yaml:3:"));

        std::fs::write(&policy, "routes:\n  - match: GET /\n    scopes: [a]\n").unwrap();
        assert_eq!(load(&file).unwrap().policy_file, policy);
    }

    #[test]
    fn an_unreadable_file_is_reported() {
        let error = load(Path::new("missing.yaml")).unwrap_err().to_string();
        assert!(error.starts_with("missing.yaml: the file cannot be read"), "{error}");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("actgate.yaml");
        std::fs::write(&file, b"\xff").unwrap();
        let error = load(&file).unwrap_err().to_string();
        assert!(
            error.ends_with("the file is not valid UTF-8\n  help: save it as UTF-8"),
            "{error}"
        );
        std::fs::write(&file, b"").unwrap();
        assert_eq!(load(&file).unwrap_err().len(), 5, "an empty file");
        let error = load(folder.path()).unwrap_err().to_string();
        assert!(error.ends_with("this is a folder, not a file"), "{error}");
    }
}
