//! The files of TLS with clients.

use std::path::{Path, PathBuf};

use crate::files::text_file::{FileError, read_text};
use crate::server::tls::certificates::{ClientAuthorities, PairError, ServerCertificate};
use crate::server::tls::{ClientAuthentication, Expectation, TlsMaterial};

/// Where certificates and keys are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TlsSettings {
    /// The first is for clients that ask for no other.
    pub(crate) pairs: Vec<PairFiles>,
    pub(crate) client_certificates: Option<ClientCertificateSettings>,
}

/// A chain and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PairFiles {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClientCertificateSettings {
    pub(crate) ca_file: PathBuf,
    pub(crate) demand: Expectation,
}

/// A file that cannot be used.
#[derive(Debug)]
pub(crate) struct UnusableFile {
    pub(crate) file: PathBuf,
    pub(crate) reason: String,
    pub(crate) is_missing: bool,
}

impl TlsSettings {
    /// Reads all files.
    pub(crate) fn read(&self) -> Result<TlsMaterial, UnusableFile> {
        let certificates = self.pairs.iter().map(PairFiles::read);
        let clients = self.client_certificates.as_ref().map(ClientCertificateSettings::read);
        Ok(TlsMaterial {
            certificates: certificates.collect::<Result<_, _>>()?,
            clients: clients.transpose()?,
        })
    }

    /// Every file, one after the other.
    pub(crate) fn files(&self) -> impl Iterator<Item = &PathBuf> {
        let pairs = self.pairs.iter().flat_map(|pair| [&pair.certificate, &pair.key]);
        pairs.chain(self.client_certificates.iter().map(|clients| &clients.ca_file))
    }
}

impl PairFiles {
    pub(crate) fn read(&self) -> Result<ServerCertificate, UnusableFile> {
        let (certificate, key) = (text(&self.certificate)?, text(&self.key)?);
        ServerCertificate::read(&certificate, &key).map_err(|error| match error {
            PairError::Certificate(reason) => unusable(&self.certificate, reason),
            PairError::Key(reason) => unusable(&self.key, reason),
        })
    }
}

impl PairFiles {
    /// Reads the text of the key.
    pub(crate) fn read_key(&self) -> Result<String, UnusableFile> {
        text(&self.key)
    }
}

impl ClientCertificateSettings {
    pub(crate) fn read(&self) -> Result<ClientAuthentication, UnusableFile> {
        let authorities = ClientAuthorities::read(&text(&self.ca_file)?);
        Ok(ClientAuthentication {
            authorities: authorities.map_err(|reason| unusable(&self.ca_file, reason))?,
            demand: self.demand,
        })
    }
}

fn text(file: &Path) -> Result<String, UnusableFile> {
    read_text(file).map_err(
        |FileError {
             message, is_missing, ..
         }| UnusableFile {
            is_missing,
            ..unusable(file, &message)
        },
    )
}

fn unusable(file: &Path, reason: &str) -> UnusableFile {
    UnusableFile {
        file: file.to_owned(),
        reason: reason.to_owned(),
        is_missing: false,
    }
}
