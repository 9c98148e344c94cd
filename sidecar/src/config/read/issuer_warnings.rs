//! What is valid in the entry of an issuer, and is probably a mistake.

use std::path::Path;

use actgate_yaml::Diagnostics;

use crate::config::document::IssuerDocument;
use crate::config::settings::IssuerSettings;

/// The warnings of one issuer.
pub(super) fn of(document: &IssuerDocument, settings: &IssuerSettings, file: &Path) -> Diagnostics {
    let mut warnings = Diagnostics::default();
    if let Some(profile) = &document.profile
        && profile.value.preset() == Some("cloudflare-access")
        && settings.trusted.carrier().is_none()
    {
        let message = "tokens of this issuer are read from `Authorization`, where Cloudflare Access writes none";
        let help = "write `header: Cf-Access-Jwt-Assertion` in this entry";
        warnings.push(profile.span(), message, help);
    }
    warnings.in_file(file)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::parse;

    fn warnings(entry: &str) -> Vec<String> {
        let text = format!(
            "listen: 127.0.0.1:0\nupstream: http://127.0.0.1:9\naudience: a\nissuers:\n  - issuer: https://idp.example.com\n{entry}\
             routes: [{{ match: GET /, public: true }}]\n"
        );
        let settings = parse(Path::new("actgate.yaml"), &text).unwrap();
        settings.warnings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn cloudflare_access_without_its_header_is_a_warning() {
        let message = "actgate.yaml:6:14: tokens of this issuer are read from `Authorization`, where Cloudflare Access \
                       writes none\n  help: write `header: Cf-Access-Jwt-Assertion` in this entry";
        let profile = "    profile: cloudflare-access\n";
        assert_eq!(warnings(profile), [message]);
        let none = [""; 0];
        assert_eq!(
            warnings(&format!("{profile}    header: Cf-Access-Jwt-Assertion\n")),
            none
        );
        assert_eq!(warnings("    profile: keycloak\n"), none);
    }
}
