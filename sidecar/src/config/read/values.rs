//! Single values of a configuration.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use actgate_yaml::parse_duration;

use crate::gate::hosts::AllowedHost;
use crate::log::sampling::Rate;
use crate::server::listen::address::ListenAddress;

/// A mistake in one value.
pub(super) struct InvalidValue {
    pub(super) message: String,
    pub(super) help: String,
}

pub(super) fn invalid<T>(message: impl Into<String>, help: impl Into<String>) -> Result<T, InvalidValue> {
    Err(InvalidValue {
        message: message.into(),
        help: help.into(),
    })
}

pub(super) fn duration(text: &str) -> Result<Duration, InvalidValue> {
    parse_duration(text).or_else(|help| invalid(format!("`{text}` is not a duration"), help))
}

pub(super) fn duration_within(text: &str, range: RangeInclusive<Duration>) -> Result<Duration, InvalidValue> {
    let duration = duration(text)?;
    if range.contains(&duration) {
        return Ok(duration);
    }
    let [least, most] = [range.start(), range.end()].map(|end| humantime::format_duration(*end));
    let message = format!("`{text}` is out of range: from {least} to {most}");
    invalid(message, "write a duration in this range")
}

/// What a text is, if it is not meant as it is written: in other products it would be expanded.
pub(super) fn expandable(text: &str) -> Option<&'static str> {
    if text.contains("${") || text.contains("{{") || text.starts_with('$') {
        return Some("a placeholder, but variables are not expanded");
    }
    text.contains('*').then_some("a pattern")
}

/// Reads a text without blanks; `what` is its meaning.
pub(super) fn one_word(text: &str, what: &str) -> Result<String, InvalidValue> {
    if let Some(kind) = expandable(text) {
        return invalid(format!("`{text}` is {kind}"), format!("write {what} as it is"));
    }
    if text.is_empty() || text.len() > 1024 || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return invalid(
            format!("`{text}` is not one word"),
            format!("write {what} without blanks, in ASCII"),
        );
    }
    Ok(text.to_owned())
}

pub(super) fn host(text: &str) -> Result<AllowedHost, InvalidValue> {
    if let Some(kind) = expandable(text).or(text.starts_with('.').then_some("a pattern")) {
        let message = format!("`{text}` is {kind}, and hosts are compared as they are written");
        return invalid(message, "write each host, or remove `hosts` to accept any");
    }
    let help = "write a host, or host:port, as clients send it";
    AllowedHost::parse(text).map_or_else(|| invalid(format!("`{text}` is not a host"), help), Ok)
}

/// Reads where clients connect to.
pub(super) fn listen(text: &str) -> Result<ListenAddress, InvalidValue> {
    if text == "systemd" {
        return Ok(ListenAddress::Systemd);
    }
    if let Some(path) = text.strip_prefix("unix:") {
        let help = "write the path of a socket, as in unix:/run/actgate/gate.sock";
        return match path {
            "" => invalid("the socket has no path", help),
            path if path.starts_with("//") => invalid(format!("`{text}` is a URL"), help),
            path if path.ends_with('/') => invalid(format!("`{path}` is a folder"), help),
            // The kernel's limit.
            path if path.len() > 107 => invalid("the path of a socket has more than 107 bytes", help),
            path => Ok(ListenAddress::Unix(path.into())),
        };
    }
    let port = text.strip_prefix("*:").or(text.strip_prefix(':')).unwrap_or(text);
    let help = if text.starts_with('/') || text.ends_with(".sock") {
        format!("write `unix:{text}` for a unix socket")
    } else if let Ok(port) = port.parse::<u16>() {
        format!("write `0.0.0.0:{port}` for every address, or `127.0.0.1:{port}` for this machine alone")
    } else {
        "write an IP address and a port, as in 127.0.0.1:8080 (0.0.0.0:8080 for every address), `unix:PATH` or \
         `systemd`"
            .to_owned()
    };
    let address = text.parse().map(ListenAddress::Tcp);
    address.or_else(|_| invalid(format!("`{text}` is not an address to listen on"), help))
}

/// Reads the address of an admin listener.
pub(super) fn admin(text: &str) -> Result<SocketAddr, InvalidValue> {
    text.parse().or_else(|_| {
        let help = match text.strip_prefix(':').unwrap_or(text).parse::<u16>() {
            Ok(port) => format!("write `127.0.0.1:{port}`"),
            Err(_) => "write an IP address and a port, as in 127.0.0.1:9901".to_owned(),
        };
        invalid(format!("`{text}` is not the address of an admin listener"), help)
    })
}

/// The help for an audience.
pub(super) const NAME_THIS_API: &str = "name this API as the issuer writes it in `aud`";

/// Reads an absolute URL for callers.
pub(super) fn metadata_url(text: &str) -> Result<String, InvalidValue> {
    match url::Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url.into()),
        _ => {
            let help = "write the absolute URL of the protected resource metadata";
            invalid(format!("`{text}` is not a URL"), help)
        }
    }
}

pub(super) fn connections(count: u32) -> Result<u32, InvalidValue> {
    if (1..=1_000_000).contains(&count) {
        return Ok(count);
    }
    let message = format!("{count} connections are out of range: from 1 to 1000000");
    invalid(message, "write a number in this range")
}

/// Reads the size of a request head.
pub(super) fn head_size(text: &str) -> Result<u32, InvalidValue> {
    let size = size(text, 8 * KIB..=1024 * KIB, "8KiB", "1MiB", "32KiB")?;
    Ok(u32::try_from(size).unwrap_or(u32::MAX))
}

/// Reads the size at which a log is rotated.
pub(super) fn file_size(text: &str) -> Result<u64, InvalidValue> {
    size(text, 64 * KIB..=1024 * 1024 * 1024 * KIB, "64KiB", "1024GiB", "100MiB")
}

/// Reads how many rotated files of a log are kept.
pub(super) fn kept_files(count: u32) -> Result<u32, InvalidValue> {
    if (1..=1000).contains(&count) {
        return Ok(count);
    }
    let message = format!("{count} files are out of range: from 1 to 1000");
    invalid(message, "write a number in this range")
}

/// Reads a number of events in a second, a minute or an hour.
pub(super) fn rate(text: &str) -> Result<Rate, InvalidValue> {
    let help = "write a number from 1 to 1000000 and a period, as in `10/s`, `60/m` or `1000/h`";
    let Some((count, unit)) = text.split_once('/') else {
        return invalid(format!("`{text}` is not a rate"), help);
    };
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return invalid(format!("`{text}` is not a rate"), help),
    };
    match count.parse() {
        Ok(count @ 1..=1_000_000) => Ok(Rate {
            count,
            period: Duration::from_secs(seconds),
        }),
        _ => invalid(format!("`{text}` is not a rate"), help),
    }
}

const KIB: u64 = 1024;

fn size(text: &str, range: RangeInclusive<u64>, least: &str, most: &str, example: &str) -> Result<u64, InvalidValue> {
    let help = format!("write a size from {least} to {most}, as in {example}");
    let unit = text.trim_start_matches(|digit: char| digit.is_ascii_digit());
    let factor = match unit {
        "KiB" => KIB,
        "MiB" => 1024 * KIB,
        "GiB" => 1024 * 1024 * KIB,
        _ => return invalid(format!("`{text}` is not a size"), help),
    };
    let size = text[..text.len() - unit.len()].parse::<u64>().ok();
    match size.and_then(|count| count.checked_mul(factor)) {
        Some(size) if range.contains(&size) => Ok(size),
        _ => invalid(format!("`{text}` is out of range: from {least} to {most}"), help),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit_and_a_range() {
        let range = Duration::from_secs(1)..=Duration::from_secs(3600);
        let read = |text| duration_within(text, range.clone()).map_err(|invalid| invalid.message);
        assert_eq!(read("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(read("1h"), Ok(Duration::from_secs(3600)));
        for text in ["", "3", "10ms", "2h", "-1s", "soon", "5M", "1month", "1y"] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_head_size_has_a_unit_and_a_range() {
        let read = |text| head_size(text).map_err(|invalid| invalid.message);
        assert_eq!(read("8KiB"), Ok(8192));
        assert_eq!(read("1MiB"), Ok(1_048_576));
        for (text, message) in [
            ("32", "`32` is not a size"),
            ("32 KiB", "`32 KiB` is not a size"),
            ("32KB", "`32KB` is not a size"),
            ("KiB", "`KiB` is out of range: from 8KiB to 1MiB"),
            ("7KiB", "`7KiB` is out of range: from 8KiB to 1MiB"),
            ("2MiB", "`2MiB` is out of range: from 8KiB to 1MiB"),
            ("99999999999MiB", "`99999999999MiB` is out of range: from 8KiB to 1MiB"),
        ] {
            assert_eq!(read(text), Err(message.to_owned()));
        }
    }

    #[test]
    fn a_gate_listens_on_tcp_on_a_unix_socket_or_as_systemd_says() {
        let read = |text: &str| {
            listen(text)
                .map(|address| address.to_string())
                .map_err(|invalid| invalid.help)
        };
        for valid in [
            "127.0.0.1:8080",
            "[::]:80",
            "unix:/run/gate.sock",
            "unix:gate.sock",
            "systemd",
        ] {
            assert_eq!(read(valid).as_deref(), Ok(valid));
        }
        for invalid in [
            "unix:",
            "unix:/run/",
            "unix:///run/gate.sock",
            "localhost:80",
            "8080",
            "Systemd",
            "",
        ] {
            assert!(read(invalid).is_err(), "{invalid}");
        }
        assert!(read(&format!("unix:/{}", "x".repeat(107))).is_err());
        let help = Err("write `unix:/run/gate.sock` for a unix socket".to_owned());
        assert_eq!(read("/run/gate.sock"), help);
    }

    #[test]
    fn an_admin_listener_has_an_ip_address_and_a_port() {
        for valid in [
            "127.0.0.1:9901",
            "127.0.0.9:0",
            "[::1]:9901",
            "0.0.0.0:9902",
            "10.0.0.5:9901",
        ] {
            assert!(admin(valid).is_ok(), "{valid}");
        }
        for invalid in [
            "localhost:9901",
            "9901",
            "127.0.0.1",
            "10.0.0.0/8",
            "unix:/run/admin.sock",
        ] {
            assert!(admin(invalid).is_err(), "{invalid}");
        }
    }

    #[test]
    fn hosts_are_not_patterns() {
        assert!(host("orders.example.com").is_ok());
        for text in [
            "*",
            "*.example.com",
            "orders.example.com:*",
            ".example.com",
            "${HOST}",
            "$HOST",
        ] {
            assert!(host(text).is_err(), "{text}");
        }
    }
}
