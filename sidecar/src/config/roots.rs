//! The root certificates that the environment names.

use std::ffi::OsString;
use std::io::{ErrorKind, Read as _};
use std::path::Path;
use std::{env, fs, io};

use crate::config::Settings;
use crate::proxy::upstream::settings::UpstreamSettings;

/// How much of a file is searched for a certificate. The bundle of a system is shorter than 1 MiB.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// Checks the files and folders that `SSL_CERT_FILE` and `SSL_CERT_DIR` name, if keys are fetched or an upstream is
/// reached over https. One that
/// cannot be used would be ignored in favour of the others.
pub(crate) fn check_named_roots(settings: &Settings) -> Result<(), String> {
    let is_https = |address: &str| {
        let scheme = address.get(..6);
        scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"))
    };
    let of_upstreams = settings.upstreams.iter().any(UpstreamSettings::uses_system_roots);
    if !of_upstreams && !settings.fetched_addresses().any(is_https) {
        return Ok(());
    }
    check(env::var_os("SSL_CERT_FILE"), env::var_os("SSL_CERT_DIR"))
}

fn check(file: Option<OsString>, folders: Option<OsString>) -> Result<(), String> {
    if let Some(file) = &file {
        named("SSL_CERT_FILE", Path::new(file), "file", contains_certificate)?;
    }
    for folder in env::split_paths(&folders.unwrap_or_default()) {
        if !folder.as_os_str().is_empty() {
            named("SSL_CERT_DIR", &folder, "folder", has_certificate)?;
        }
    }
    Ok(())
}

/// Checks one path. `kind` is what it names.
fn named(
    variable: &str,
    path: &Path,
    kind: &str,
    has_certificate: impl FnOnce(&Path) -> io::Result<bool>,
) -> Result<(), String> {
    let reason = match has_certificate(path) {
        Ok(true) => return Ok(()),
        Ok(false) => format!("the {kind} contains no certificate in PEM"),
        Err(error) if error.kind() == ErrorKind::NotFound => format!("no such {kind}"),
        Err(error) => format!("the {kind} cannot be read: {error}"),
    };
    Err(format!("{variable}={}: {reason}", path.display()))
}

/// Whether one is found in the part that is read. A device or a pipe is not opened: it may have no end.
fn contains_certificate(file: &Path) -> io::Result<bool> {
    if !fs::metadata(file)?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut text = Vec::new();
    fs::File::open(file)?.take(MAX_BYTES).read_to_end(&mut text)?;
    Ok(text.windows(BEGIN.len()).any(|window| window == BEGIN))
}

fn has_certificate(folder: &Path) -> io::Result<bool> {
    let mut entries = fs::read_dir(folder)?.flatten();
    Ok(entries.any(|entry| contains_certificate(&entry.path()).unwrap_or(false)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_cannot_be_used_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["good", "empty"] {
            fs::create_dir(path(name)).unwrap();
        }
        fs::write(path("good/root.pem"), "-----BEGIN CERTIFICATE-----\n").unwrap();
        fs::write(path("key.pem"), "-----BEGIN X-----\n").unwrap();
        let good = || (path("good/root.pem"), path("good"));
        let found = |file: Option<&str>, folders: &[&str]| {
            let folders = folders.iter().map(|name| path(name));
            let folders = env::join_paths(folders).unwrap();
            let checked = check(file.map(|name| path(name).into()), Some(folders));
            let shown = format!("{}/", folder.path().display());
            checked.err().map(|error| error.replace(&shown, ""))
        };
        assert_eq!(check(None, None), Ok(()));
        assert_eq!(check(Some(good().0.into()), Some(good().1.into())), Ok(()));
        for (file, folders, fault) in [
            (Some("none"), &[][..], "SSL_CERT_FILE=none: no such file"),
            (Some("none"), &["good"], "SSL_CERT_FILE=none: no such file"),
            (
                Some("key.pem"),
                &["good"],
                "SSL_CERT_FILE=key.pem: the file contains no certificate in PEM",
            ),
            (Some("good/root.pem"), &["none"], "SSL_CERT_DIR=none: no such folder"),
            (None, &["good", "none"], "SSL_CERT_DIR=none: no such folder"),
            (
                None,
                &["good", "empty"],
                "SSL_CERT_DIR=empty: the folder contains no certificate in PEM",
            ),
        ] {
            assert_eq!(found(file, folders).as_deref(), Some(fault), "{file:?} {folders:?}");
        }
        let read = found(Some("good"), &[]).unwrap();
        assert!(
            read.starts_with("SSL_CERT_FILE=good: the file cannot be read: "),
            "{read}"
        );
        let endless = check(Some("/dev/zero".into()), None);
        assert_eq!(
            endless.unwrap_err(),
            "SSL_CERT_FILE=/dev/zero: the file cannot be read: it is not a regular file"
        );
    }
}
