//! What a failure shows of an upstream that is not as it is configured, and the key to change.

use std::error::Error;
use std::io;

use rustls::{AlertDescription, CertificateError, Error as TlsError, InvalidMessage};

use crate::proxy::causes::causes;

/// What the gate has spoken on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spoken {
    Http1,
    Http2,
    Http1OverTls,
    Http2OverTls,
}

/// What the first bytes from an upstream show.
pub(super) fn of_first_bytes(first: &[u8], spoken: Spoken) -> Option<&'static str> {
    let is_plain = matches!(spoken, Spoken::Http1 | Spoken::Http2);
    match (first, spoken) {
        // A record of TLS that contains an alert (RFC 8446 section 5.1).
        ([21, 3, ..], _) if is_plain => Some("the upstream speaks TLS: write `https://`"),
        // The settings of a server, its first frame (RFC 9113 section 3.4).
        ([0, 0, _, 4, ..], Spoken::Http1) => Some("the upstream speaks HTTP/2: write `h2c://`"),
        ([0, 0, _, 4, ..], Spoken::Http1OverTls) => {
            Some("the upstream speaks HTTP/2 and does not offer it in TLS (ALPN `h2`); it has to, for `https://`")
        }
        ([b'H', b'T', b'T', b'P', b'/', ..], Spoken::Http2) => Some("the upstream speaks HTTP/1.1: write `http://`"),
        _ => None,
    }
}

/// What an error of TLS shows.
pub(super) fn of_error(error: &(dyn Error + 'static)) -> Option<&'static str> {
    let tls = causes(error).find_map(|cause| match cause.downcast_ref::<io::Error>() {
        Some(error) => error.get_ref()?.downcast_ref::<TlsError>(),
        None => cause.downcast_ref::<TlsError>(),
    })?;
    match tls {
        TlsError::InvalidMessage(InvalidMessage::InvalidContentType) => {
            Some("the upstream speaks no TLS: write `http://`, or `h2c://` for HTTP/2")
        }
        TlsError::InvalidCertificate(error) => match error {
            CertificateError::UnknownIssuer => {
                Some("the authority of its certificate is unknown: write `ca_file: FILE` of the upstream")
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Some("its certificate is for another name: write `server_name: NAME` of the upstream")
            }
            _ => None,
        },
        TlsError::AlertReceived(AlertDescription::CertificateRequired) => {
            Some("it demands a certificate of the gate: write `certificate: FILE` and `key: FILE` of the upstream")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_show_the_protocol() {
        let settings = [0, 0, 18, 4, 0, 0, 0, 0];
        let alert = [21, 3, 1, 0, 2, 2, 10];
        for (first, spoken, key) in [
            (&settings[..], Spoken::Http1, Some("`h2c://`")),
            (&settings, Spoken::Http2, None),
            (&settings, Spoken::Http1OverTls, Some("ALPN")),
            (&alert, Spoken::Http1, Some("`https://`")),
            (&alert, Spoken::Http2, Some("`https://`")),
            (&alert, Spoken::Http2OverTls, None),
            (b"HTTP/1.1 400", Spoken::Http2, Some("`http://`")),
            (b"HTTP/1.1 400", Spoken::Http1, None),
            (b"", Spoken::Http1, None),
        ] {
            let found = of_first_bytes(first, spoken);
            assert_eq!(found.is_some(), key.is_some(), "{first:?} {spoken:?}");
            assert!(found.unwrap_or_default().contains(key.unwrap_or_default()), "{found:?}");
        }
    }

    #[test]
    fn an_error_of_tls_shows_the_key() {
        let wrapped = |error: TlsError| io::Error::new(io::ErrorKind::InvalidData, error);
        for (error, key) in [
            (
                TlsError::InvalidMessage(InvalidMessage::InvalidContentType),
                Some("`http://`"),
            ),
            (
                TlsError::InvalidCertificate(CertificateError::UnknownIssuer),
                Some("`ca_file: FILE`"),
            ),
            (
                TlsError::InvalidCertificate(CertificateError::NotValidForName),
                Some("`server_name: NAME`"),
            ),
            (TlsError::InvalidCertificate(CertificateError::Expired), None),
            (
                TlsError::AlertReceived(AlertDescription::CertificateRequired),
                Some("`key: FILE`"),
            ),
        ] {
            let found = of_error(&wrapped(error));
            assert_eq!(found.is_some(), key.is_some(), "{found:?}");
            assert!(found.unwrap_or_default().contains(key.unwrap_or_default()), "{found:?}");
        }
        assert_eq!(of_error(&io::Error::other("other")), None);
    }
}
