//! The settings of the export: the variables `OTEL_*` of the environment.
//!
//! They are those of the OpenTelemetry specification. What one of them asks for and the gate does not do is an error.

use std::collections::HashMap;
use std::env;
use std::str::FromStr;
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use opentelemetry_sdk::trace::Sampler;
use percent_encoding::percent_decode_str;
use url::Url;

use super::export::{ExportSettings, QueueLimits};
use super::sampling::Sampling;

/// What is exported where, and which traces; none where no endpoint is named, or the export is turned off.
///
/// # Errors
/// A sentence that names the variable, and no value: headers are secrets.
pub(crate) fn export_settings() -> Result<Option<(ExportSettings, Sampling)>, String> {
    Variables(&|name| env::var_os(name).map(|value| value.to_string_lossy().into_owned())).read()
}

/// A way to look a variable up.
struct Variables<'v>(&'v dyn Fn(&str) -> Option<String>);

/// What the gate does not do, and what can be done.
const UNSUPPORTED: [(&str, &str); 8] = [
    ("OTEL_EXPORTER_OTLP_CERTIFICATE", ROOTS),
    ("OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", ROOTS),
    ("OTEL_EXPORTER_OTLP_CLIENT_KEY", CLIENTS),
    ("OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY", CLIENTS),
    ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", CLIENTS),
    ("OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE", CLIENTS),
    ("OTEL_CONFIG_FILE", "a configuration file of OpenTelemetry is not read"),
    (
        "OTEL_EXPERIMENTAL_CONFIG_FILE",
        "a configuration file of OpenTelemetry is not read",
    ),
];

const ROOTS: &str = "the collector is checked with the roots of the system; SSL_CERT_FILE names others";
const CLIENTS: &str = "the gate has no client certificate for a collector";

impl Variables<'_> {
    fn read(&self) -> Result<Option<(ExportSettings, Sampling)>, String> {
        if self
            .get("OTEL_SDK_DISABLED")
            .is_some_and(|value| value.eq_ignore_ascii_case("true"))
        {
            return Ok(None);
        }
        let exporter = self.get("OTEL_TRACES_EXPORTER");
        match exporter.as_deref() {
            Some("none") => return Ok(None),
            Some("otlp") | None => {}
            Some(_) => return Err("OTEL_TRACES_EXPORTER: write `otlp` or `none`".to_owned()),
        }
        let Some(endpoint) = self.endpoint()? else {
            return match exporter {
                None => Ok(None),
                Some(_) => {
                    Err("OTEL_TRACES_EXPORTER=otlp: name the collector in OTEL_EXPORTER_OTLP_ENDPOINT".to_owned())
                }
            };
        };
        for (variable, reason) in UNSUPPORTED {
            if self.get(variable).is_some() {
                return Err(format!("{variable}: {reason}"));
            }
        }
        self.check_transport()?;
        let settings = ExportSettings {
            endpoint,
            headers: self.headers()?,
            timeout: self.milliseconds(&of_traces("TIMEOUT"), 10_000)?,
            service_name: self.get("OTEL_SERVICE_NAME"),
            attributes: self.list("OTEL_RESOURCE_ATTRIBUTES")?,
            limits: self.queue_limits()?,
        };
        Ok(Some((settings, self.sampling()?)))
    }

    /// The value of a variable; one that is empty is not set.
    fn get(&self, name: &str) -> Option<String> {
        (self.0)(name)
            .map(|value| value.trim().to_owned())
            .filter(|value| !value.is_empty())
    }

    /// The first of several that is set, with its name.
    fn first<'n>(&self, names: &[&'n str]) -> Option<(&'n str, String)> {
        names.iter().find_map(|name| Some((*name, self.get(name)?)))
    }

    fn endpoint(&self) -> Result<Option<Url>, String> {
        let names = of_traces("ENDPOINT");
        let Some((name, text)) = self.first(&[&names[0], &names[1]]) else {
            return Ok(None);
        };
        let url = Url::parse(&text).ok().filter(|url| url.has_host());
        let url = url.filter(|url| matches!(url.scheme(), "http" | "https") && url.fragment().is_none());
        let mut url = url.ok_or_else(|| format!("{name}: write a URL with http:// or https://"))?;
        // Only the variable for all signals lacks the path of this one.
        if name == names[1] {
            let path = format!("{}/v1/traces", url.path().trim_end_matches('/'));
            url.set_path(&path);
        }
        Ok(Some(url))
    }

    fn check_transport(&self) -> Result<(), String> {
        let [traces, all] = of_traces("PROTOCOL");
        match self.first(&[&traces, &all]) {
            None => {}
            Some((_, protocol)) if protocol == "http/protobuf" => {}
            Some((name, _)) => {
                return Err(format!(
                    "{name}: write `http/protobuf`, which a collector takes at port 4318 by default"
                ));
            }
        }
        let [traces, all] = of_traces("COMPRESSION");
        match self.first(&[&traces, &all]) {
            Some((name, compression)) if compression != "none" => {
                return Err(format!("{name}: write `none`: spans are not compressed"));
            }
            _ => {}
        }
        let propagators = self.get("OTEL_PROPAGATORS").unwrap_or_default();
        let mut propagators = propagators.split(',').map(str::trim);
        // Baggage is a header like others: it reaches the upstream as it is.
        match propagators.all(|name| matches!(name, "" | "tracecontext" | "baggage")) {
            true => Ok(()),
            false => Err("OTEL_PROPAGATORS: write `tracecontext,baggage`".to_owned()),
        }
    }

    fn headers(&self) -> Result<HashMap<String, String>, String> {
        let [traces, all] = of_traces("HEADERS");
        let Some((name, _)) = self.first(&[&traces, &all]) else {
            return Ok(HashMap::new());
        };
        let headers = self.list(name)?;
        let is_header = |(name, value): &(String, String)| {
            HeaderName::from_str(name).is_ok() && HeaderValue::from_str(value).is_ok()
        };
        match headers.iter().all(is_header) {
            true => Ok(headers.into_iter().collect()),
            false => Err(format!(
                "{name}: write `name=value,name=value` with values that a header can have"
            )),
        }
    }

    /// A list of keys with values, which are percent-encoded.
    fn list(&self, name: &str) -> Result<Vec<(String, String)>, String> {
        let text = self.get(name).unwrap_or_default();
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let pair = |entry: &str| {
            let (key, value) = entry.split_once('=')?;
            let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
            Some((key.trim().to_owned(), value.into_owned())).filter(|(key, _)| !key.is_empty())
        };
        let pairs: Option<Vec<_>> = entries.map(pair).collect();
        pairs.ok_or_else(|| format!("{name}: write `key=value,key=value`"))
    }

    fn sampling(&self) -> Result<Sampling, String> {
        let argument = || match self.get("OTEL_TRACES_SAMPLER_ARG").map(|text| text.parse()) {
            None => Ok(1.0),
            Some(Ok(ratio)) if (0.0..=1.0).contains(&ratio) => Ok(ratio),
            Some(_) => Err("OTEL_TRACES_SAMPLER_ARG: write a number from 0 to 1".to_owned()),
        };
        let name = self.get("OTEL_TRACES_SAMPLER");
        let name = name.as_deref().unwrap_or("parentbased_always_on");
        let (root, follows_caller) = match name.strip_prefix("parentbased_") {
            Some(root) => (root, true),
            None => (name, false),
        };
        let root = match root {
            "always_on" => Sampler::AlwaysOn,
            "always_off" => Sampler::AlwaysOff,
            "traceidratio" => Sampler::TraceIdRatioBased(argument()?),
            _ => {
                return Err(
                    "OTEL_TRACES_SAMPLER: write `always_on`, `always_off` or `traceidratio`, or one of these after \
                     `parentbased_`"
                        .to_owned(),
                );
            }
        };
        Ok(Sampling { root, follows_caller })
    }

    fn queue_limits(&self) -> Result<QueueLimits, String> {
        let queue = self.number("OTEL_BSP_MAX_QUEUE_SIZE", 2048)?;
        Ok(QueueLimits {
            queue,
            batch: self.number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512)?.min(queue),
            delay: self.milliseconds(&["OTEL_BSP_SCHEDULE_DELAY".to_owned(), String::new()], 5000)?,
        })
    }

    fn number(&self, name: &str, default: usize) -> Result<usize, String> {
        /// About 1 KiB each.
        const MAX_SPANS: usize = 65_536;
        match self.get(name).map(|text| text.parse()) {
            None => Ok(default),
            Some(Ok(number)) if (1..=MAX_SPANS).contains(&number) => Ok(number),
            Some(_) => Err(format!("{name}: write a number from 1 to {MAX_SPANS}")),
        }
    }

    fn milliseconds(&self, names: &[String; 2], default: u64) -> Result<Duration, String> {
        const MAX: u64 = 600_000;
        match self
            .first(&[&names[0], &names[1]])
            .map(|(name, text)| (name, text.parse()))
        {
            None => Ok(Duration::from_millis(default)),
            Some((_, Ok(time))) if (1..=MAX).contains(&time) => Ok(Duration::from_millis(time)),
            Some((name, _)) => Err(format!("{name}: write milliseconds, from 1 to {MAX}")),
        }
    }
}

/// The names of a variable of the exporter: of traces, and of all signals.
fn of_traces(name: &str) -> [String; 2] {
    [
        format!("OTEL_EXPORTER_OTLP_TRACES_{name}"),
        format!("OTEL_EXPORTER_OTLP_{name}"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318");

    fn read(variables: &[(&str, &str)]) -> Result<Option<(ExportSettings, Sampling)>, String> {
        let get = |name: &str| {
            let found = variables.iter().find(|(own, _)| *own == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Variables(&get).read()
    }

    fn settings(variables: &[(&str, &str)]) -> ExportSettings {
        read(variables).unwrap().unwrap().0
    }

    #[test]
    fn without_an_endpoint_nothing_is_exported() {
        for variables in [
            &[][..],
            &[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")],
            &[("OTEL_SERVICE_NAME", "gate"), ("OTEL_TRACES_SAMPLER", "what")],
            &[ENDPOINT, ("OTEL_TRACES_EXPORTER", "none")],
            &[ENDPOINT, ("OTEL_SDK_DISABLED", "TRUE"), ("OTEL_TRACES_SAMPLER", "what")],
        ] {
            assert!(read(variables).unwrap().is_none(), "{variables:?}");
        }
        assert!(read(&[ENDPOINT, ("OTEL_SDK_DISABLED", "false")]).unwrap().is_some());
    }

    #[test]
    fn the_endpoint_of_traces_is_used_as_it_is() {
        for (variables, expected) in [
            (&[ENDPOINT][..], "http://collector:4318/v1/traces"),
            (&[(ENDPOINT.0, "https://c/otlp/")], "https://c/otlp/v1/traces"),
            (
                &[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://t/own")],
                "http://t/own",
            ),
            (
                &[ENDPOINT, ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://t/own")],
                "http://t/own",
            ),
            (
                &[ENDPOINT, ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "")],
                "http://collector:4318/v1/traces",
            ),
        ] {
            assert_eq!(settings(variables).endpoint.as_str(), expected, "{variables:?}");
        }
    }

    #[test]
    fn values_of_traces_come_before_those_of_all_signals() {
        let settings = settings(&[
            ENDPOINT,
            ("OTEL_EXPORTER_OTLP_HEADERS", "x=1"),
            (
                "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
                "Authorization=Basic%20YTpi, x-tenant = a",
            ),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "1000"),
            ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "2000"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf"),
            ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=a%2Cb,k=v"),
            ("OTEL_SERVICE_NAME", "orders-gate"),
            ("OTEL_BSP_SCHEDULE_DELAY", "50"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "100"),
            ("OTEL_PROPAGATORS", "tracecontext, baggage"),
        ]);
        assert_eq!(settings.headers.len(), 2);
        assert_eq!(settings.headers["Authorization"], "Basic YTpi");
        assert_eq!(settings.headers["x-tenant"], "a");
        assert_eq!(settings.timeout, Duration::from_secs(2));
        assert_eq!(settings.service_name.as_deref(), Some("orders-gate"));
        assert_eq!(settings.attributes[0].1, "a,b");
        assert_eq!(settings.limits.delay, Duration::from_millis(50));
        assert_eq!((settings.limits.queue, settings.limits.batch), (100, 100));
    }

    #[test]
    fn what_is_not_supported_is_an_error_that_names_the_variable_and_no_value() {
        for (variable, value) in [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "secret:4317"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://secret"),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "secret"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
            ("OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "secret.pem"),
            ("OTEL_EXPORTER_OTLP_CLIENT_KEY", "secret.pem"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "secret"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "a b=secret"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "a=secret%0A"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "0"),
            ("OTEL_TRACES_EXPORTER", "console"),
            ("OTEL_TRACES_SAMPLER", "jaeger_remote"),
            ("OTEL_RESOURCE_ATTRIBUTES", "secret"),
            ("OTEL_RESOURCE_ATTRIBUTES", "a=%ff"),
            ("OTEL_PROPAGATORS", "tracecontext,b3"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "0"),
            ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "many"),
            ("OTEL_BSP_SCHEDULE_DELAY", "-1"),
            ("OTEL_CONFIG_FILE", "secret.yaml"),
        ] {
            let error = read(&[(variable, value), ENDPOINT]).err().unwrap_or_default();
            assert!(
                error.starts_with(&format!("{variable}: ")),
                "{variable}={value}: {error}"
            );
            assert!(!error.contains("secret"), "{error}");
        }
        let error = read(&[("OTEL_TRACES_EXPORTER", "otlp")]).err().unwrap();
        assert!(error.contains("OTEL_EXPORTER_OTLP_ENDPOINT"), "{error}");
    }

    #[test]
    fn the_sampler_is_that_of_the_environment() {
        for (name, argument, follows_caller, root) in [
            ("", "", true, "AlwaysOn"),
            ("always_on", "", false, "AlwaysOn"),
            ("always_off", "0.5", false, "AlwaysOff"),
            ("traceidratio", "", false, "TraceIdRatioBased(1.0)"),
            ("traceidratio", "0.25", false, "TraceIdRatioBased(0.25)"),
            ("parentbased_always_off", "", true, "AlwaysOff"),
            ("parentbased_traceidratio", "0", true, "TraceIdRatioBased(0.0)"),
        ] {
            let variables = [
                ENDPOINT,
                ("OTEL_TRACES_SAMPLER", name),
                ("OTEL_TRACES_SAMPLER_ARG", argument),
            ];
            let sampling = read(&variables).unwrap().unwrap().1;
            assert_eq!(sampling.follows_caller, follows_caller, "{name}");
            assert_eq!(format!("{:?}", sampling.root), root, "{name}");
        }
        for argument in ["1.1", "-0.1", "NaN", "half"] {
            let variables = [
                ENDPOINT,
                ("OTEL_TRACES_SAMPLER", "traceidratio"),
                ("OTEL_TRACES_SAMPLER_ARG", argument),
            ];
            assert!(read(&variables).err().unwrap().contains("SAMPLER_ARG"), "{argument}");
        }
    }
}
