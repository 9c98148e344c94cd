//! The keys that an explanation verifies a token with.

use std::path::Path;
use std::time::Duration;

use actgate::Authorizer;
use tracing::Level;

use crate::config::{Settings, check_named_roots};
use crate::exit::{Context as _, Failure};
use crate::files::text_file::read_text;
use crate::log::process_log::ProcessLog;

/// How long keys are fetched before the wait is reported.
const NOTICE_TIME: Duration = Duration::from_secs(2);

/// An authorizer with the keys in a file.
pub(super) fn with_key_set(settings: Settings, file: &Path) -> Result<Authorizer, Failure> {
    let document =
        read_text(file).map_err(|error| Failure::Runtime(format!("{}: {}", file.display(), error.message)))?;
    let mut builder = settings.authorizer_without_issuers();
    for issuer in settings.issuers {
        let identifier = issuer.trusted.identifier().to_owned();
        let trusted = issuer.trusted.key_set(document.as_bytes());
        let trusted = trusted.context(format_args!("{}, for issuer {identifier}", file.display()))?;
        builder = builder.issuer(trusted);
    }
    // Nothing is fetched; an issuer that is asked about its tokens is asked.
    builder.build().and_then(|built| built.start()).context("authorizer")
}

/// An authorizer that has fetched its keys, or has tried to for the time limit of one attempt.
pub(super) async fn with_fetched_keys(settings: Settings, log: &ProcessLog) -> Result<Authorizer, Failure> {
    check_named_roots(&settings).context("root certificates")?;
    if !settings.missing_files.is_empty() {
        return Err(Failure::Configuration(settings.missing_files));
    }
    let authorizer = settings.authorizer().build();
    let authorizer = authorizer.and_then(|built| built.start()).context("authorizer")?;
    let longest = settings.issuers.iter().map(|issuer| issuer.fetch_timeout).max();
    let limit = longest.unwrap_or_default() + Duration::from_millis(100);
    // Keys that are missing after it are explained as for a request: they are unavailable.
    let _ = tokio::time::timeout(limit, async {
        tokio::select! {
            () = authorizer.ready() => {}
            () = tokio::time::sleep(NOTICE_TIME) => {
                log.line(Level::INFO, "fetching keys…");
                authorizer.ready().await;
            }
        }
    })
    .await;
    Ok(authorizer)
}
