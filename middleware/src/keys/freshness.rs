//! What the headers of a response say of the time of the next fetch.

use std::time::Duration;

use http::HeaderMap;
use http::header::{CACHE_CONTROL, RETRY_AFTER};
use jiff::Timestamp;
use jiff::fmt::rfc2822;

/// The `max-age` of a response (RFC 9111 section 5.2.2.1); [`None`] without one, or when a cache may not keep the response.
///
/// The `Age` of a shared cache is not subtracted: it would let every replica fetch at the moment when that cache does.
pub(super) fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let values = headers.get_all(CACHE_CONTROL).iter();
    let mut max_age = None;
    for directive in values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
    {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        match name.trim().to_ascii_lowercase().as_str() {
            "no-cache" | "no-store" => return None,
            "max-age" => max_age = max_age.or(seconds(value.trim().trim_matches('"'))),
            _ => {}
        }
    }
    max_age
}

/// The `Retry-After` of a response in seconds or as a date (RFC 9110 section 10.2.3); [`None`] without one, or for another
/// value.
pub(super) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    seconds(value).or_else(|| {
        let date = rfc2822::parse(value).ok()?.timestamp();
        Some(Duration::from_secs(
            u64::try_from(date.duration_since(now).as_secs()).unwrap_or(0),
        ))
    })
}

/// A number of seconds; one that is too large for its type is as large as fits.
fn seconds(value: &str) -> Option<Duration> {
    let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| Duration::from_secs(value.parse::<u32>().unwrap_or(u32::MAX).into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: http::HeaderName, values: &[&str]) -> HeaderMap {
        let values = values.iter().map(|value| (name.clone(), value.parse().unwrap()));
        values.collect()
    }

    #[test]
    fn max_age_is_read_from_any_directive() {
        for (values, seconds) in [
            (&["max-age=300"][..], Some(300)),
            (&["public, Max-Age=\"60\", must-revalidate"], Some(60)),
            (&["public", "max-age=5, max-age=9"], Some(5)),
            (&["max-age=99999999999999999999"], Some(u64::from(u32::MAX))),
            (&["max-age=300, no-store"], None),
            (&["no-cache"], None),
            (&["max-age"], None),
            (&["max-age=-1"], None),
            (&["s-maxage=300"], None),
            (&[], None),
        ] {
            let expected = seconds.map(Duration::from_secs);
            assert_eq!(max_age(&headers(CACHE_CONTROL, values)), expected, "{values:?}");
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = "1994-11-06T08:49:00Z".parse().unwrap();
        for (value, seconds) in [
            ("120", Some(120)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(37)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
            ("", None),
        ] {
            let expected = seconds.map(Duration::from_secs);
            assert_eq!(retry_after(&headers(RETRY_AFTER, &[value]), now), expected, "{value:?}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }
}
