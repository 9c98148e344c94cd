//! The `Via` header of forwarded requests (RFC 9110 section 7.6.3), which makes a ring of proxies visible.
//!
//! A response gets no `Via`: only a request can go around.

use http::header::VIA;
use http::{HeaderMap, HeaderValue, Version};

use crate::unique_id::unique_id;

/// The most proxies that a request may have passed: a proxy on the way can rewrite `Via`, and hide a ring.
pub(crate) const MAX_PROXIES: usize = 64;

/// The name of this process in `Via`: a pseudonym that is new with each start.
#[derive(Clone, Debug)]
pub(crate) struct ViaPseudonym {
    pseudonym: String,
    http_1_0: HeaderValue,
    http_1_1: HeaderValue,
    http_2: HeaderValue,
}

/// Why a request is not forwarded once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loop {
    /// It has passed this process before.
    Returned,
    /// It has passed more than [`MAX_PROXIES`] proxies.
    TooManyProxies,
}

impl Default for ViaPseudonym {
    /// A new pseudonym.
    fn default() -> Self {
        let pseudonym = format!("actgate-{}", unique_id().simple());
        let received = |version| HeaderValue::try_from(format!("{version} {pseudonym}"));
        let other = HeaderValue::from_static("1.1 actgate");
        ViaPseudonym {
            http_1_0: received("1.0").unwrap_or(other.clone()),
            http_1_1: received("1.1").unwrap_or(other.clone()),
            http_2: received("2.0").unwrap_or(other),
            pseudonym,
        }
    }
}

impl ViaPseudonym {
    /// Appends the entry of this process for a request that was received in `version`.
    pub(crate) fn append(&self, headers: &mut HeaderMap, version: Version) {
        let entry = match version {
            Version::HTTP_10 => &self.http_1_0,
            Version::HTTP_2 => &self.http_2,
            _ => &self.http_1_1,
        };
        headers.append(VIA, entry.clone());
    }

    /// Checks a received request.
    ///
    /// The pseudonym counts at any place of the field, and a comma in a comment like any other: a comment that does not
    /// end would otherwise hide the entries which proxies append behind it.
    pub(crate) fn check(&self, headers: &HeaderMap) -> Result<(), Loop> {
        let mut proxies = 0;
        for value in headers.get_all(VIA) {
            let mut words = value.as_bytes().split(|byte| b" \t,()/".contains(byte));
            if words.any(|word| word.eq_ignore_ascii_case(self.pseudonym.as_bytes())) {
                return Err(Loop::Returned);
            }
            let entries = value.as_bytes().split(|byte| *byte == b',');
            proxies += entries.filter(|entry| !entry.trim_ascii().is_empty()).count();
        }
        if proxies > MAX_PROXIES {
            return Err(Loop::TooManyProxies);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(own: &ViaPseudonym, lines: &[&str]) -> Result<(), Loop> {
        let lines = lines.iter().map(|line| (VIA, HeaderValue::from_str(line).unwrap()));
        own.check(&lines.collect())
    }

    #[test]
    fn the_own_pseudonym_is_found_in_any_form() {
        let own = ViaPseudonym::default();
        let name = own.pseudonym.clone();
        let mut forwarded = HeaderMap::new();
        own.append(&mut forwarded, Version::HTTP_11);
        assert_eq!(forwarded[VIA], format!("1.1 {name}"));
        assert_eq!(own.check(&forwarded), Err(Loop::Returned));
        for line in [
            format!("1.0 {name}"),
            format!("HTTP/1.1 {name}"),
            format!("1.1 a,1.1\t{name},1.1 b"),
            format!("1.1 {name} (comment)"),
            format!("1.1 {name}(comment)"),
            format!("1.1 {}", name.to_ascii_uppercase()),
            format!("1.1 a (no end, 1.1 {name}"),
        ] {
            assert_eq!(check(&own, &["1.1 a", &line, "1.1 b"]), Err(Loop::Returned), "{line}");
        }
    }

    #[test]
    fn entries_of_other_proxies_pass_up_to_a_number() {
        let own = ViaPseudonym::default();
        let other = ViaPseudonym::default().pseudonym;
        let longer = format!("1.1 {}x, 1.1 x{}", own.pseudonym, own.pseudonym);
        for lines in [
            [].as_slice(),
            &[""],
            &["1.1 actgate"],
            &["1.0 fred, 1.1 p.example.net:8080 (Apache/1.1 (nested, twice))"],
            &[&format!("1.1 {other}"), "2.0 alb"],
            &[&longer],
        ] {
            assert_eq!(check(&own, lines), Ok(()), "{lines:?}");
        }
        let entries = |count| vec!["1.1 a"; count].join(", ,");
        assert_eq!(check(&own, &[&entries(MAX_PROXIES)]), Ok(()));
        assert_eq!(check(&own, &[&entries(MAX_PROXIES + 1)]), Err(Loop::TooManyProxies));
        assert_eq!(check(&own, &["1.1 a"; MAX_PROXIES + 1]), Err(Loop::TooManyProxies));
    }
}
