//! The web pages of the API itself.

use url::Url;

/// The origins (RFC 6454) of the audiences that are URLs with a host.
pub(super) fn origins<'a>(audiences: impl IntoIterator<Item = &'a str>) -> Vec<Box<str>> {
    let origins = audiences.into_iter().filter_map(|audience| {
        let origin = Url::parse(audience).ok()?.origin();
        origin.is_tuple().then(|| origin.ascii_serialization().into())
    });
    let mut origins: Vec<Box<str>> = origins.collect();
    origins.sort_unstable();
    origins.dedup();
    origins
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_audience_that_is_no_url_has_no_origin() {
        let audiences = [
            "https://api.example/mcp",
            "https://api.example/",
            "HTTPS://API.example:443",
            "http://localhost:8080/a",
            "urn:api",
            "api",
            "api://1",
            "",
        ];
        let found = origins(audiences);
        assert_eq!(found, ["http://localhost:8080", "https://api.example"].map(Box::from));
    }
}
