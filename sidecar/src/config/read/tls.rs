//! `tls`: certificates for clients, and certificates of clients.

use actgate::clock::Clock;
use actgate_yaml::{Span, Spanned};

use super::reader::ConfigReader;
use super::secret_file::FileFindings;
use crate::config::document::{ClientCertificatesDocument, TlsDocument};
use crate::config::tls::{ClientCertificateSettings, PairFiles, TlsSettings, UnusableFile};

impl ConfigReader<'_> {
    pub(super) fn tls(
        &mut self,
        written: Option<&Spanned<TlsDocument>>,
        findings: &mut FileFindings,
    ) -> Option<TlsSettings> {
        let Spanned { value: document, .. } = written?;
        let whole = written?.span();
        let first = self.pair(document.certificate.as_ref(), document.key.as_ref(), whole, findings);
        let mut pairs = vec![first];
        for further in document.further.iter().flatten() {
            let (certificate, key) = (further.value.certificate.as_ref(), further.value.key.as_ref());
            pairs.push(self.pair(certificate, key, further.span(), findings));
        }
        let clients = document.client_certificates.as_ref();
        let client_certificates = clients.map(|clients| self.client_certificates(clients, findings));
        Some(TlsSettings {
            pairs: pairs.into_iter().collect::<Option<_>>()?,
            client_certificates: match client_certificates {
                Some(settings) => Some(settings?),
                None => None,
            },
        })
    }

    fn pair(
        &mut self,
        certificate: Option<&Spanned<String>>,
        key: Option<&Spanned<String>>,
        whole: Span,
        findings: &mut FileFindings,
    ) -> Option<PairFiles> {
        let certificate = self.required("certificate", certificate, whole);
        let key = self.required("key", key, whole);
        let (certificate, key) = (certificate?, key?);
        let files = PairFiles {
            certificate: self.beside(&certificate.value),
            key: self.beside(&key.value),
        };
        match files.read() {
            Ok(read) => {
                if let Some(fault) = read.fault(Clock::system().now()) {
                    let message = format!("`{}`: {fault}", files.certificate.display());
                    let help = "replace it; a running gate reads the new one by itself".to_owned();
                    findings.warnings.extend([self.finding(certificate, message, help)]);
                }
            }
            Err(error) if error.file == files.certificate => {
                self.unusable(certificate, &error, findings);
                if let Err(error) = files.read_key() {
                    self.unusable(key, &error, findings);
                }
            }
            Err(error) => self.unusable(key, &error, findings),
        }
        Some(files)
    }

    fn client_certificates(
        &mut self,
        written: &Spanned<ClientCertificatesDocument>,
        findings: &mut FileFindings,
    ) -> Option<ClientCertificateSettings> {
        let document = &written.value;
        let ca_file = self.required("ca_file", document.ca_file.as_ref(), written.span())?;
        let settings = ClientCertificateSettings {
            ca_file: self.beside(&ca_file.value),
            demand: document.demand,
        };
        if let Err(error) = settings.read() {
            self.unusable(ca_file, &error, findings);
        }
        Some(settings)
    }

    /// A file that this machine does not have is no mistake yet, as with other files.
    fn unusable(&mut self, written: &Spanned<String>, error: &UnusableFile, findings: &mut FileFindings) {
        let message = format!("`{}`: {}", error.file.display(), error.reason);
        let help = "write the path of a file in PEM, relative to this one, where `actgate run` finds it";
        match error.is_missing {
            true => findings
                .missing
                .extend([self.finding(written, message, help.to_owned())]),
            false => self.diagnostics.push(written.span(), message, help),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::read::parse;

    /// The mistakes of a configuration with these lines.
    fn mistakes(lines: &str) -> String {
        let text = format!(
            "listen: 127.0.0.1:0\nupstream: http://127.0.0.1:9\naudience: https://a.example\n{lines}\n\
             issuers:\n  - issuer: https://idp.example\nroutes:\n  - match: GET /\n    public: true\n"
        );
        let settings = parse(Path::new("actgate.yaml"), &text);
        settings.map_or_else(
            |mistakes| mistakes.to_string(),
            |settings| settings.missing_files.to_string(),
        )
    }

    #[test]
    fn a_pair_has_two_files() {
        let found = mistakes("tls: { certificate: missing.crt }");
        assert!(found.contains("actgate.yaml:4:6: the key `key` is missing"), "{found}");
        let found = mistakes("tls: { certificate: missing.crt, key: missing.key }");
        assert!(found.contains("actgate.yaml:4:21: `missing.crt`: "), "{found}");
        assert!(found.contains("help: write the path of a file in PEM"), "{found}");
        let found = mistakes("tls:\n  certificate: a\n  key: b\n  further: [{ key: c }]");
        assert!(
            found.contains("actgate.yaml:7:13: the key `certificate` is missing"),
            "{found}"
        );
    }

    #[test]
    fn certificates_of_clients_have_authorities() {
        let found = mistakes("tls: { certificate: a, key: b, client_certificates: { demand: optional } }");
        assert!(found.contains("the key `ca_file` is missing"), "{found}");
        let found = mistakes("tls: { certificate: a, key: b, client_certificates: { ca_file: c, demand: always } }");
        assert!(found.contains("actgate.yaml:4:75: "), "{found}");
    }
}
