//! Cross-origin requests of web pages.

use std::ops::RangeInclusive;
use std::time::Duration;

use actgate_yaml::Spanned;
use http::{HeaderName, HeaderValue, Method};
use url::Url;

use super::reader::ConfigReader;
use super::values::{InvalidValue, duration_within, invalid};
use crate::config::document::CorsDocument;
use crate::gate::cors::{Cors, Credentials};

const MAX_AGES: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(24 * 3600);
const DEFAULT_MAX_AGE: Duration = Duration::from_secs(600);

/// The header of a denial that names where to obtain a token.
const ALWAYS_EXPOSED: &str = "www-authenticate";

const HELP: &str = "write each origin as browsers send it, as in https://app.example.com";

impl ConfigReader<'_> {
    /// Reads who may read responses across origins; none without the key.
    pub(super) fn cors(&mut self, written: Option<&Spanned<CorsDocument>>) -> Option<Cors> {
        let Spanned { value: document, .. } = written?;
        let span = written.map(Spanned::span).unwrap_or_default();
        let origins = document.origins.as_ref();
        let listed = origins.is_some_and(|origins| !origins.value.is_empty());
        if !listed && !self.omissions.within(span) {
            let message = "no origin may send requests";
            let help = "write `origins: [https://app.example.com]`, or remove `cors`";
            self.diagnostics
                .push(origins.map_or(span, Spanned::span), message, help);
        }
        let origins = origins.into_iter().flat_map(|origins| &origins.value);
        let origins = origins
            .filter_map(|text| self.take(text, |text| origin(text)))
            .collect();
        let methods = document.methods.as_ref();
        let methods = methods.map(|list| {
            list.value
                .iter()
                .filter_map(|text| self.take(text, |text| method(text)))
                .collect()
        });
        let headers = document.headers.as_ref();
        let headers = headers.map(|list| {
            list.value
                .iter()
                .filter_map(|text| self.take(text, |text| header(text)))
                .collect()
        });
        let expose = document.expose.iter().flat_map(|list| &list.value);
        let expose: Vec<HeaderName> = expose.filter_map(|text| self.take(text, |text| header(text))).collect();
        let mut exposed = ALWAYS_EXPOSED.to_owned();
        for name in expose.iter().filter(|name| *name != ALWAYS_EXPOSED) {
            exposed.push_str(", ");
            exposed.push_str(name.as_str());
        }
        let max_age = self.optional(document.max_age.as_ref(), |text| duration_within(text, MAX_AGES));
        Some(Cors {
            origins,
            methods,
            headers,
            exposed: HeaderValue::try_from(exposed).ok()?,
            max_age: max_age.unwrap_or(DEFAULT_MAX_AGE),
            credentials: match document.credentials {
                true => Credentials::Included,
                false => Credentials::Omitted,
            },
        })
    }
}

fn origin(text: &str) -> Result<HeaderValue, InvalidValue> {
    if text == "null" {
        let help = "pages without an origin of their own, such as files, are of no known author";
        return invalid("`null` is the origin of many pages", help);
    }
    if text.contains('*') {
        return invalid(
            format!("`{text}` is a pattern, and origins are compared as they are written"),
            HELP,
        );
    }
    let Ok(url) = Url::parse(text) else {
        return invalid(format!("`{text}` is not an origin"), HELP);
    };
    let origin = url.origin().ascii_serialization();
    if !matches!(url.scheme(), "http" | "https") {
        return invalid(format!("`{text}` is not an origin of the web"), HELP);
    }
    if origin != text {
        return invalid(
            format!("`{text}` is not an origin as browsers send it"),
            format!("write `{origin}`"),
        );
    }
    HeaderValue::try_from(text).or_else(|_| invalid(format!("`{text}` is not an origin"), HELP))
}

fn method(text: &str) -> Result<Method, InvalidValue> {
    match Method::from_bytes(text.as_bytes()) {
        Ok(method) if !text.bytes().any(|byte| byte.is_ascii_lowercase()) && text != "*" => Ok(method),
        _ => {
            let help = "write methods in capitals, as in `[GET, POST]`, or remove the key for those of each route";
            invalid(format!("`{text}` is not a method"), help)
        }
    }
}

fn header(text: &str) -> Result<HeaderName, InvalidValue> {
    match HeaderName::try_from(text) {
        Ok(name) if !text.contains('*') => Ok(name),
        _ => invalid(format!("`{text}` is not a header name"), "write each header"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_exact() {
        for valid in ["https://app.example.com", "http://localhost:3000", "https://[::1]:8443"] {
            assert!(origin(valid).is_ok(), "{valid}");
        }
        for text in [
            "",
            "*",
            "null",
            "https://*.example.com",
            "app.example.com",
            "https://app.example.com/",
            "https://app.example.com:443",
            "https://APP.example.com",
            "https://u@app.example.com",
            "file:///a",
            "https://app.example.com/path",
            "ftp://a",
        ] {
            assert!(origin(text).is_err(), "{text}");
        }
    }
}
