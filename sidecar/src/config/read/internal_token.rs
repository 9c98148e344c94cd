//! Internal tokens: `internal_token`.

use std::ops::RangeInclusive;
use std::time::Duration;

use http::HeaderName;

use super::reader::ConfigReader;
use super::secret_file::FileFindings;
use super::values::{self, InvalidValue, invalid};
use crate::config::document::Document;
use crate::config::secrets::signing_key_in;
use crate::config::settings::{InternalTokenSettings, IssuerSettings};
use crate::headers::identity::IdentityHeaders;
use crate::headers::internal_token::signing_keys::KeyOrigin;

const LIFETIME: RangeInclusive<Duration> = Duration::from_secs(5)..=Duration::from_secs(900);
const ROTATE: RangeInclusive<Duration> = Duration::from_secs(600)..=Duration::from_secs(30 * 24 * 3600);

const DEFAULT_HEADER: &str = "x-internal-token";
const DEFAULT_LIFETIME: Duration = Duration::from_secs(60);
const DEFAULT_ROTATE: Duration = Duration::from_secs(24 * 3600);

impl ConfigReader<'_> {
    /// Reads `internal_token`.
    pub(super) fn internal_token(
        &mut self,
        document: &Document,
        issuers: &[IssuerSettings],
        identity_headers: &IdentityHeaders,
        findings: &mut FileFindings,
    ) -> Option<InternalTokenSettings> {
        let whole = document.internal_token.as_ref()?;
        let written = &whole.value;
        let header = match &written.header {
            Some(header) => self.take(header, |text| header_name(text, identity_headers)),
            None => Some(HeaderName::from_static(DEFAULT_HEADER)),
        };
        let issuer = self.required("issuer", written.issuer.as_ref(), whole.span());
        let issuer = self.optional(issuer, |text| internal_issuer(text, issuers));
        let mut lifetime = DEFAULT_LIFETIME;
        self.duration(written.lifetime.as_ref(), LIFETIME, &mut lifetime);
        let mut rotate = DEFAULT_ROTATE;
        self.duration(written.rotate.as_ref(), ROTATE, &mut rotate);
        let mut key = KeyOrigin::Generated { rotate };
        let mut key_file = None;
        if let Some(file) = &written.key_file {
            if let Some(rotate) = &written.rotate {
                let message = "`rotate` has no effect: the key is in a file";
                let help = "remove it, and write another key to the file";
                self.diagnostics.push(rotate.span(), message, help);
            }
            if let Some((file, read)) = self.secret_file("key_file", file, signing_key_in, findings) {
                key = KeyOrigin::File(read);
                key_file = Some(file);
            }
        } else if !serves_keys(document) && !self.omissions.has_key("admin") {
            let message =
                "no upstream can fetch the key of the internal tokens: there is no admin listener on loopback";
            let help = "add `admin: 127.0.0.1:9901`, which serves it at /jwks, or `key_file` with a key of yours";
            self.diagnostics.push(whole.span(), message, help);
        }
        Some(InternalTokenSettings {
            header: header?,
            issuer: issuer?,
            lifetime,
            key,
            key_file,
        })
    }
}

/// A header that the gate sets, and no client may send.
pub(super) fn header_name(text: &str, identity_headers: &IdentityHeaders) -> Result<HeaderName, InvalidValue> {
    let Ok(header) = HeaderName::try_from(text) else {
        return invalid(
            format!("`{text}` is not a header name"),
            "write letters, digits and `-`",
        );
    };
    if actgate::request::header_meaning::has_another_meaning(header.as_str()) {
        let help = "choose another name, such as `x-internal-token`";
        return invalid(format!("`{text}` has another meaning"), help);
    }
    if identity_headers.owns(header.as_str()) {
        let help = "give each header one meaning";
        return invalid(format!("`{text}` is an identity header"), help);
    }
    Ok(header)
}

fn internal_issuer(text: &str, issuers: &[IssuerSettings]) -> Result<String, InvalidValue> {
    let issuer = values::one_word(text, "the issuer")?;
    if issuers.iter().any(|trusted| trusted.trusted.identifier() == issuer) {
        let help = "write the URL of this gate: an upstream must distinguish its tokens from those of the issuer";
        return invalid(format!("`{text}` is one of `issuers`"), help);
    }
    Ok(issuer)
}

/// Whether a listener serves the keys: one on loopback.
fn serves_keys(document: &Document) -> bool {
    let mut written = document.admin.iter().flat_map(|written| &written.value);
    written.any(|text| values::admin(&text.value).is_ok_and(|address| address.ip().to_canonical().is_loopback()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::parse;

    const REST: &str = "listen: 127.0.0.1:0\nupstream: http://127.0.0.1:9\naudience: a\nadmin: 127.0.0.1:0\n\
        issuers: [{ issuer: https://idp.example.com, header: X-Proxy-Token }]\nroutes: [{ match: GET /, public: true }]\n";

    fn read(line: &str) -> Result<crate::config::Settings, String> {
        parse(Path::new("actgate.yaml"), &format!("{REST}internal_token: {line}\n"))
            .map_err(|mistakes| mistakes.to_string())
    }

    #[test]
    fn the_audience_is_the_upstream_and_the_life_is_short() {
        let settings = read("{ issuer: https://gate.internal }").unwrap();
        let token = settings.internal_token.unwrap();
        assert_eq!(token.header, "x-internal-token");
        assert_eq!(token.issuer, "https://gate.internal");
        assert_eq!(settings.credentials[0].audience, "http://127.0.0.1:9");
        assert_eq!(token.lifetime.as_secs(), 60);
        assert!(settings.identity_headers.owns("X_Internal_Token"));
        let settings = parse(Path::new("actgate.yaml"), REST).unwrap();
        assert!(settings.internal_token.is_none());
        assert!(!settings.identity_headers.owns("x-internal-token"));
    }

    #[test]
    fn each_mistake_has_its_place() {
        for (line, mistake) in [
            ("{}", "7:17: the key `issuer` is missing"),
            (
                "{ issuer: https://idp.example.com }",
                "7:27: `https://idp.example.com` is one of `issuers`",
            ),
            ("{ issuer: a b }", "7:27: `a b` is not one word"),
            (
                "{ issuer: '${GATE}' }",
                "7:27: `${GATE}` is a placeholder, but variables are not expanded",
            ),
            ("{ issuer: a, header: a b }", "7:38: `a b` is not a header name"),
            (
                "{ issuer: a, header: Authorization }",
                "7:38: `Authorization` has another meaning",
            ),
            (
                "{ issuer: a, header: X_Auth_Kind }",
                "7:38: `X_Auth_Kind` is an identity header",
            ),
            (
                "{ issuer: a, header: X_Proxy_Token }",
                "5:54: `X-Proxy-Token` is an identity header, which no client may send",
            ),
            (
                "{ issuer: a, lifetime: 2h }",
                "7:40: `2h` is out of range: from 5s to 15m",
            ),
            (
                "{ issuer: a, rotate: 1s }",
                "7:38: `1s` is out of range: from 10m to 30days",
            ),
            (
                "{ issuer: a, key_file: /dev/null }",
                "7:40: `/dev/null`: this is a pipe or a device, not a file",
            ),
        ] {
            let mistakes = read(line).unwrap_err();
            let first = mistakes.lines().next().unwrap();
            assert_eq!(first, format!("actgate.yaml:{mistake}"), "{line}");
        }
        let text = format!("{REST}internal_token: {{ issuer: a }}\n").replace("admin: 127.0.0.1:0\n", "");
        let mistakes = parse(Path::new("actgate.yaml"), &text).unwrap_err().to_string();
        assert!(
            mistakes.contains("there is no admin listener on loopback"),
            "{mistakes}"
        );
        let settings = read("{ issuer: a, key_file: none.pem }").unwrap();
        assert_eq!(
            settings.missing_files.len(),
            1,
            "the machine that checks may have no key"
        );
    }
}
