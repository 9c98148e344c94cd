//! How the servers of an issuer are reached: private root certificates, and a token that they demand.

use std::path::Path;

use actgate::keys::{self, HttpFetch};
use actgate_yaml::{Diagnostic, Spanned};

use super::reader::ConfigReader;
use crate::config::document::IssuerDocument;
use crate::config::settings::KeyLocation;
use crate::files::text_file::{FileError, read_text};

/// The fetcher of an issuer with a key server of its own, such as the API server of a cluster.
#[derive(Default)]
pub(super) struct KeyAccess {
    /// None where the keys are fetched as those of any issuer.
    pub(super) fetch: Option<HttpFetch>,
    /// What distinguishes it from other fetchers: the roots and the file of the token.
    pub(super) name: String,
    /// The files that this machine does not have.
    pub(super) missing: Vec<Diagnostic>,
}

/// What a file is for.
struct Purpose {
    key: &'static str,
    /// Where a cluster mounts it.
    usual: &'static str,
}

const ROOTS: Purpose = Purpose {
    key: "ca_file",
    usual: "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt",
};
const TOKEN: Purpose = Purpose {
    key: "token_file",
    usual: "/var/run/secrets/kubernetes.io/serviceaccount/token",
};

impl ConfigReader<'_> {
    /// Reads `ca_file` and `token_file`. A file that does not exist is no mistake yet: the machine that checks a
    /// configuration may not be the one that runs it.
    pub(super) fn key_access(&mut self, document: &IssuerDocument, location: &KeyLocation) -> KeyAccess {
        let mut access = KeyAccess::default();
        let identifier = document.issuer.as_ref().map(|issuer| issuer.value.as_str());
        let Some(address) = location.address(identifier.unwrap_or_default()) else {
            for written in [&document.ca_file, &document.token_file].into_iter().flatten() {
                let message = "this file has no effect: no key is fetched";
                self.diagnostics
                    .push(written.span(), message, "remove it, or `jwks_file`");
            }
            return access;
        };
        let mut fetch = None;
        if let Some(written) = &document.ca_file {
            if is_plain(address) {
                let message = "`ca_file` has no effect: no key is fetched over https";
                self.diagnostics.push(written.span(), message, "remove it");
            }
            fetch = self.roots(written, &mut access);
        }
        if let Some(written) = &document.token_file {
            let file = self.beside(&written.value);
            self.token(written, &file, &mut access);
            access.name = format!("{}\n{}", file.display(), access.name);
            let base = fetch.take().map_or_else(HttpFetch::new, Ok);
            let token = move || token_in(&file).map_err(|error| format!("`{}`: {}", file.display(), error.message));
            match base.and_then(|base| base.with_bearer_token([address], token)) {
                Ok(own) => fetch = Some(own),
                Err(_) if is_plain(address) => {
                    let message = "the token would be sent over plain http, where it can be read";
                    let help = "write an https address in `jwks_uri`, or remove `token_file`";
                    self.diagnostics.push(written.span(), message, help);
                }
                // The address has a mistake of its own.
                Err(_) => {}
            }
        }
        access.fetch = fetch;
        access
    }

    fn roots(&mut self, written: &Spanned<String>, access: &mut KeyAccess) -> Option<HttpFetch> {
        let file = self.beside(&written.value);
        let read = self.read(&file);
        let text = self.text_of(&ROOTS, written, read, access)?;
        access.name.push_str(&text);
        let made = HttpFetch::with_roots(text.as_bytes());
        made.map_err(|_| {
            let message = format!("`{}` is no list of certificates in PEM", file.display());
            self.diagnostics.push(written.span(), message, help(&ROOTS));
        })
        .ok()
    }

    fn token(&mut self, written: &Spanned<String>, file: &Path, access: &mut KeyAccess) {
        self.text_of(&TOKEN, written, token_in(file), access);
    }

    /// The text of a file; one that does not exist is kept apart from other mistakes.
    fn text_of(
        &mut self,
        purpose: &Purpose,
        written: &Spanned<String>,
        read: Result<String, FileError>,
        access: &mut KeyAccess,
    ) -> Option<String> {
        let error = match read {
            Ok(text) => return Some(text),
            Err(error) => error,
        };
        let message = format!("`{}`: {}", self.beside(&written.value).display(), error.message);
        match error.is_missing {
            true => access.missing.push(Diagnostic {
                file: Some(self.file.to_owned()),
                ..Diagnostic::new(written.span(), message, help(purpose))
            }),
            false => self.diagnostics.push(written.span(), message, help(purpose)),
        }
        None
    }
}

fn help(purpose: &Purpose) -> String {
    let Purpose { key, usual } = purpose;
    format!("write the path where `actgate run` finds it; in a cluster: `{key}: {usual}`")
}

/// The token in a file.
fn token_in(file: &Path) -> Result<String, FileError> {
    let text = read_text(file)?;
    let token = keys::token_in(&text).ok_or_else(|| FileError {
        message: "the file contains no token in one line".to_owned(),
        help: "",
        is_missing: false,
    })?;
    Ok(token.to_owned())
}

fn is_plain(address: &str) -> bool {
    address
        .get(..5)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("http:"))
}
