//! TLS with clients, whose files are kept up to date, and the warnings about its certificates.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actgate::clock::Clock;

use crate::config::{TlsSettings, UnusableFile};
use crate::exit::{Context as _, Failure};
use crate::files::certificate_fault::CertificateReports;
use crate::files::watched_file::{BoxFuture, Tasks, WatchedFile, watch};
use crate::server::connections::Connections;
use crate::server::tls::certificates::ServerCertificate;
use crate::server::tls::{Tls, TlsMaterial};

/// How often the time of the certificates is checked.
const INTERVAL: Duration = Duration::from_secs(60);

/// The certificates in use, with their files.
struct InUse {
    files: Vec<PathBuf>,
    certificates: Vec<ServerCertificate>,
    reports: CertificateReports,
}

impl InUse {
    /// The warnings that are due at `now`, each with the file of the certificate.
    fn warnings(&mut self, now: u64) -> Vec<(PathBuf, String)> {
        let mut warnings = Vec::new();
        for (place, (file, certificate)) in self.files.iter().zip(&self.certificates).enumerate() {
            let fault = certificate.fault(now);
            if self.reports.permits(place, fault, now)
                && let Some(fault) = fault
            {
                warnings.push((file.clone(), fault.to_string()));
            }
        }
        warnings
    }

    fn warn(&mut self) {
        for (file, fault) in self.warnings(Clock::system().now()) {
            let file = file.display();
            tracing::warn!(%file, "{fault}; replace it, and the gate reads the new one by itself");
        }
    }
}

/// Starts TLS. Its files are read again when they change, for as long as the tasks run. `connections` whose clients were verified by
/// other authorities end.
pub(super) fn start_tls(
    settings: TlsSettings,
    connections: Option<Connections>,
) -> Result<(TlsSettings, Arc<Tls>, Tasks), Failure> {
    let written = settings.clone();
    let material = read(&settings).context("tls")?;
    let mut in_use = InUse {
        files: settings.pairs.iter().map(|pair| pair.certificate.clone()).collect(),
        certificates: material.certificates.clone(),
        reports: CertificateReports::default(),
    };
    // These are warnings of the configuration, which the start logs.
    in_use.warnings(Clock::system().now());
    let in_use = Arc::new(Mutex::new(in_use));
    let (files, watched) = (settings.files().cloned().collect(), in_use.clone());
    let of = |material: &TlsMaterial| material.clients.as_ref().map(|clients| clients.authorities.clone());
    let mut authorities = of(&material);
    let tls = Arc::new(Tls::new(material).context("tls")?);
    let replaced = tls.clone();
    let take = move || {
        let material = read(&settings)?;
        let certificates = material.certificates.clone();
        let next = of(&material);
        replaced.replace(material).map_err(|error| error.to_string())?;
        if authorities != next {
            authorities = next;
            connections.iter().for_each(Connections::end_earlier);
        }
        let mut in_use = watched.lock().unwrap_or_else(PoisonError::into_inner);
        in_use.certificates = certificates;
        in_use.warn();
        Ok(())
    };
    let warnings = async move {
        loop {
            tokio::time::sleep(INTERVAL).await;
            in_use.lock().unwrap_or_else(PoisonError::into_inner).warn();
        }
    };
    let watched: BoxFuture = Box::pin(watch(vec![WatchedFile::together(files, take)]));
    Ok((written, tls, Tasks::from_iter([watched, Box::pin(warnings)])))
}

fn read(settings: &TlsSettings) -> Result<TlsMaterial, String> {
    let read = settings.read();
    read.map_err(|UnusableFile { file, reason, .. }| format!("`{}`: {reason}", file.display()))
}
