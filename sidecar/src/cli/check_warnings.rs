//! The warnings of `check`.

use actgate::keys::HttpFetch;
use actgate_yaml::{Diagnostic, Diagnostics, Span};

use crate::config::{Settings, check_named_roots};

/// The findings of the policy, probable mistakes of issuers, keys over plain http, and missing files and root certificates.
pub(super) fn warnings(settings: &Settings) -> Diagnostics {
    let mut warnings = settings.policy_warnings();
    warnings.extend(settings.warnings.iter().cloned());
    warnings.extend(insecure_keys(settings));
    warnings.extend(missing_roots(settings));
    // Facts of this machine, too.
    warnings.extend(settings.missing_files.iter().cloned());
    warnings
}

/// The issuers whose keys are fetched over plain http, which each start names, too.
fn insecure_keys(settings: &Settings) -> impl Iterator<Item = Diagnostic> {
    settings.issuers.iter().filter_map(|issuer| {
        let place = issuer.insecure_http?;
        let identifier = issuer.trusted.identifier();
        let message = format!("the keys of issuer `{identifier}` are fetched over plain http");
        let help = "a party on the network path can replace them and forge tokens; use https, or `jwks_file`";
        Some(Diagnostic {
            file: Some(settings.file.clone()),
            ..Diagnostic::new(place, message, help)
        })
    })
}

/// A fact of this machine, which may not be the one that runs the gate.
fn missing_roots(settings: &Settings) -> Option<Diagnostic> {
    let checked = check_named_roots(settings).map_err(|fault| format!("root certificates: {fault}"));
    let checked = checked.and_then(|()| {
        let fetch = HttpFetch::new();
        let checked = fetch.and_then(|fetch| fetch.check_roots(settings.fetched_addresses()));
        checked.map_err(|error| error.to_string())
    });
    let help = "without them `actgate run` does not start";
    Some(Diagnostic {
        file: Some(settings.file.clone()),
        ..Diagnostic::new(Span::default(), checked.err()?, help)
    })
}
