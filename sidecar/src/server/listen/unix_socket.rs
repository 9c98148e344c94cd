//! A unix socket at a path.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};

/// Owner and group may connect. The permissions of the folder apply as well.
const MODE: u32 = 0o660;

/// The file of a bound socket. It is removed when this is dropped, unless another process has replaced it.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

/// Binds a socket at `path`. A socket of a process that has ended is replaced; one at which a process answers is not, nor
/// is any other file.
pub(super) async fn bind(path: &Path) -> io::Result<(UnixListener, SocketFile)> {
    match fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_socket() => {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "the file is no socket"));
        }
        Ok(_) => match UnixStream::connect(path).await {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path)?,
            _ => {
                return Err(io::Error::new(
                    io::ErrorKind::AddrInUse,
                    "another process listens there",
                ));
            }
        },
        Err(_) => {}
    }
    let listener = UnixListener::bind(path)?;
    let file = SocketFile {
        path: path.to_owned(),
        identity: identity(path)?,
    };
    fs::set_permissions(path, Permissions::from_mode(MODE))?;
    Ok((listener, file))
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let found = fs::symlink_metadata(path)?;
    Ok((found.dev(), found.ino()))
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|found| found == self.identity) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_a_socket_at_which_no_process_answers_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gate.sock");
        let (listener, file) = bind(&path).await.unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, MODE);
        assert_eq!(bind(&path).await.unwrap_err().kind(), io::ErrorKind::AddrInUse);

        drop(listener);
        std::mem::forget(file);
        let (_listener, file) = bind(&path).await.unwrap();
        drop(file);
        assert!(!path.exists());

        fs::write(&path, "text").unwrap();
        assert_eq!(bind(&path).await.unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&path).unwrap(), "text");
    }

    #[tokio::test]
    async fn the_file_of_another_process_is_not_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gate.sock");
        let (listener, file) = bind(&path).await.unwrap();
        drop(listener);
        let other = folder.path().join("other.sock");
        let (_other, other_file) = bind(&other).await.unwrap();
        fs::rename(&other, &path).unwrap();
        drop(file);
        assert!(path.exists());
        drop(other_file);
    }
}
