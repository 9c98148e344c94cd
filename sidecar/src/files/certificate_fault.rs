//! What is wrong with a certificate at a time, and when it is reported.

use std::fmt;
use std::time::{Duration, UNIX_EPOCH};

use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, Error, RootCertStore};

/// How long before its end a certificate is reported.
const NOTICE: u64 = 14 * DAY;

/// How often a fault that stays is reported.
const DAY: u64 = 24 * 3600;

/// What the other side of a connection finds wrong with a certificate, now or soon. Times are seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CertificateFault {
    Expired(u64),
    ExpiresSoon(u64),
    NotValidYet(u64),
    /// It is for another purpose than to authenticate a server.
    NotForServers,
}

impl CertificateFault {
    /// The fault of the certificate of a server at `now`, if it has one.
    pub(crate) fn of_server(certificate: &CertificateDer<'_>, now: u64) -> Option<CertificateFault> {
        let leaf = ParsedCertificate::try_from(certificate).ok()?;
        // Time and purpose are checked first. Without roots the issuer is always unknown.
        let at = |now| {
            let now = UnixTime::since_unix_epoch(Duration::from_secs(now));
            let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms.all;
            match verify_server_cert_signed_by_trust_anchor(&leaf, &RootCertStore::empty(), &[], now, algorithms) {
                Err(Error::InvalidCertificate(error)) => match error {
                    CertificateError::ExpiredContext { not_after, .. } => {
                        Some(CertificateFault::Expired(not_after.as_secs()))
                    }
                    CertificateError::NotValidYetContext { not_before, .. } => {
                        Some(CertificateFault::NotValidYet(not_before.as_secs()))
                    }
                    CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
                        Some(CertificateFault::NotForServers)
                    }
                    _ => None,
                },
                _ => None,
            }
        };
        at(now).or_else(|| match at(now.saturating_add(NOTICE)) {
            Some(CertificateFault::Expired(not_after)) => Some(CertificateFault::ExpiresSoon(not_after)),
            _ => None,
        })
    }

    /// The same for the certificate of a client.
    pub(crate) fn of_client(certificate: &CertificateDer<'_>, now: u64) -> Option<CertificateFault> {
        let fault = CertificateFault::of_server(certificate, now);
        fault.filter(|fault| *fault != CertificateFault::NotForServers)
    }
}

impl fmt::Display for CertificateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// The last second of the year 9999.
        const LATEST: u64 = 253_402_300_799;
        let date = |seconds: u64| {
            let time = UNIX_EPOCH + Duration::from_secs(seconds.min(LATEST));
            humantime::format_rfc3339_seconds(time)
        };
        match self {
            CertificateFault::Expired(end) => write!(f, "the certificate has expired, at {}", date(*end)),
            CertificateFault::ExpiresSoon(end) => write!(f, "the certificate expires soon, at {}", date(*end)),
            CertificateFault::NotValidYet(start) => {
                write!(f, "the certificate is not valid yet; it is from {} on", date(*start))
            }
            CertificateFault::NotForServers => f.write_str("the certificate is not for servers"),
        }
    }
}

/// The faults of the certificates in use that have been reported.
#[derive(Debug, Default)]
pub(crate) struct CertificateReports(Vec<Option<Reported>>);

#[derive(Clone, Copy, Debug)]
struct Reported {
    fault: CertificateFault,
    at: u64,
}

impl CertificateReports {
    /// Whether the fault of the certificate in a place is to be reported now: when it is new, and once a day after that.
    pub(crate) fn permits(&mut self, place: usize, fault: Option<CertificateFault>, now: u64) -> bool {
        if self.0.len() <= place {
            self.0.resize(place + 1, None);
        }
        let last = &mut self.0[place];
        let Some(fault) = fault else {
            *last = None;
            return false;
        };
        let is_due = last.is_none_or(|last| last.fault != fault || now.saturating_sub(last.at) >= DAY);
        if is_due {
            *last = Some(Reported { fault, at: now });
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_reported_when_it_is_new_and_once_a_day() {
        let (soon, expired) = (CertificateFault::ExpiresSoon(100), CertificateFault::Expired(100));
        let mut reports = CertificateReports::default();
        for (place, fault, now, is_due) in [
            (0, None, 0, false),
            (0, Some(soon), 10, true),
            (0, Some(soon), 11, false),
            (1, Some(soon), 11, true),
            (0, Some(soon), 9 + DAY, false),
            (0, Some(soon), 10 + DAY, true),
            (0, Some(expired), 11 + DAY, true),
            (0, Some(expired), 12 + DAY, false),
            (0, Some(CertificateFault::Expired(101)), 13 + DAY, true),
            (0, None, 14 + DAY, false),
            (0, Some(expired), 15 + DAY, true),
        ] {
            assert_eq!(reports.permits(place, fault, now), is_due, "{place} {fault:?} {now}");
        }
    }

    #[test]
    fn a_fault_is_named_with_its_time() {
        for (fault, text) in [
            (
                CertificateFault::Expired(0),
                "the certificate has expired, at 1970-01-01T00:00:00Z",
            ),
            (
                CertificateFault::ExpiresSoon(86_400),
                "the certificate expires soon, at 1970-01-02T00:00:00Z",
            ),
            (
                CertificateFault::NotValidYet(u64::MAX),
                "the certificate is not valid yet; it is from 9999-12-31T23:59:59Z on",
            ),
            (CertificateFault::NotForServers, "the certificate is not for servers"),
        ] {
            assert_eq!(fault.to_string(), text);
        }
    }
}
