//! Single values of a configuration, from text to type.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use http::uri::Authority;

use crate::gate::hosts::AllowedHost;

/// A mistake in one value.
pub struct Wrong {
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub mend: &'static str,
}

/// The mistake as an error.
pub fn wrong<T>(message: impl Into<String>, mend: &'static str) -> Result<T, Wrong> {
    Err(Wrong {
        message: message.into(),
        mend,
    })
}

/// A duration within a range, whose ends are written alike.
pub fn duration(text: &str, range: RangeInclusive<&str>) -> Result<Duration, Wrong> {
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
}

/// One of our own names.
pub fn host(text: &str) -> Result<AllowedHost, Wrong> {
    if text.contains('*') {
        return wrong(
            format!("`{text}` is a pattern, and hosts are compared as they are written"),
            "write each host out, or take `hosts` out to accept any",
        );
    }
    match AllowedHost::parse(text) {
        Some(name) => Ok(name),
        None => wrong(
            format!("`{text}` is no host"),
            "write a host, or host:port, as clients send it",
        ),
    }
}

/// An address to listen on.
pub fn socket(text: &str) -> Result<SocketAddr, Wrong> {
    match text.parse() {
        Ok(address) => Ok(address),
        Err(_) => wrong(
            format!("`{text}` is no socket address"),
            "write an IP address and a port, as in 127.0.0.1:8080",
        ),
    }
}

/// An address for the admin listener: it tells the state of the gate to whoever asks, so only this machine may.
pub fn admin(text: &str) -> Result<SocketAddr, Wrong> {
    let address = socket(text)?;
    if address.ip().to_canonical().is_loopback() {
        Ok(address)
    } else {
        wrong(
            "`admin` can be reached from other machines",
            "write a loopback address, as in 127.0.0.1:9901",
        )
    }
}

/// The host and port of the upstream, from its URL.
pub fn upstream(text: &str) -> Result<Authority, Wrong> {
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
    if url.port() == Some(0) {
        return wrong("nothing can listen on port 0", MEND);
    }
    let host = url.host_str().unwrap_or_default();
    match format!("{host}:{}", url.port().unwrap_or(80)).parse() {
        Ok(authority) => Ok(authority),
        Err(_) => wrong(format!("`{text}` has no host"), MEND),
    }
}

/// What `aud` must name. It is compared byte for byte, so what could never stand in a token is a mistake.
pub fn audience(text: &str) -> Result<String, Wrong> {
    if text.trim().is_empty() {
        wrong("an audience is missing or empty", NAME_THIS_API)
    } else if text.trim() != text || text.chars().any(char::is_control) {
        wrong(
            format!("{text:?} has a space at an end, or a control character in it"),
            NAME_THIS_API,
        )
    } else {
        Ok(text.to_owned())
    }
}

/// How an audience is mended.
pub const NAME_THIS_API: &str = "name this API as the issuer writes it in `aud`";

/// An absolute URL that callers can fetch.
pub fn metadata_url(text: &str) -> Result<String, Wrong> {
    match url::Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url.into()),
        _ => wrong(
            format!("`{text}` is no URL"),
            "write the absolute URL of the protected resource metadata",
        ),
    }
}

/// How many connections there may be at once.
pub fn connections(count: u32) -> Result<u32, Wrong> {
    if (1..=1_000_000).contains(&count) {
        Ok(count)
    } else {
        wrong(
            format!("{count} connections are out of range, which is 1 to 1000000"),
            "write a number within it",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit_and_a_range() {
        let read = |text| duration(text, "1s"..="1h").map_err(|wrong| wrong.message);
        assert_eq!(read("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(read("1h"), Ok(Duration::from_secs(3600)));
        for text in ["", "3", "10ms", "2h", "-1s", "soon"] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn only_this_machine_reaches_the_admin_listener() {
        for good in ["127.0.0.1:9901", "127.0.0.9:0", "[::1]:9901"] {
            assert!(admin(good).is_ok(), "{good}");
        }
        for bad in ["0.0.0.0:9901", "[::]:9901", "10.0.0.5:9901", "localhost:9901"] {
            assert!(admin(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn hosts_are_no_patterns() {
        assert!(host("orders.example.com").is_ok());
        for text in ["*", "*.example.com", "orders.example.com:*"] {
            assert!(host(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_audience_is_what_a_token_can_name() {
        for good in ["https://orders.example.com", "orders", "the orders"] {
            assert!(audience(good).is_ok(), "{good}");
        }
        for bad in ["", " ", " https://orders.example.com", "orders\n", "or\tders"] {
            assert!(audience(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_upstream_is_a_host_and_a_port() {
        let read = |text| upstream(text).map(|authority| authority.to_string()).ok();
        assert_eq!(read("http://127.0.0.1:9000").as_deref(), Some("127.0.0.1:9000"));
        assert_eq!(read("http://api.internal/").as_deref(), Some("api.internal:80"));
        assert_eq!(read("http://[::1]:81").as_deref(), Some("[::1]:81"));
        for text in [
            "127.0.0.1:9000",
            "https://a",
            "http://a/path",
            "http://u:p@a",
            "http://a?q",
            "http://a#f",
            "http://a:0",
            "",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
