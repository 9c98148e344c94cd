//! The upstreams, and the files that the proxies and the load read.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::Failure;
use crate::mint::TokenIssuer;
use crate::mint::certificate::CertificateAuthority;
use crate::process::{Cores, Process, pinned};
use crate::servers::ANNOUNCEMENT;
use crate::tokens::{self, Algorithm, MANY};
use crate::verification::new_tokens_file;

/// The certificate and the key of every proxy, in DER.
pub const CERTIFICATE_FILE: &str = "tls.der";
pub const KEY_FILE: &str = "key.der";

/// The upstreams, and the files that the proxies and the load read.
pub struct Environment {
    folder: tempfile::TempDir,
    pub issuer: TokenIssuer,
    /// The binary of Envoy, where it is installed.
    pub envoy: Option<PathBuf>,
    /// One on the cores of the load of each arrangement.
    upstreams: Vec<(String, Process, SocketAddr)>,
    tokens: Vec<(Algorithm, String)>,
}

impl Environment {
    pub fn start(envoy: Option<PathBuf>) -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes);
        let issuer = tokens::issuer();
        tokens::publish(&issuer, folder.path())?;
        let many = tokens::minted(&issuer, Algorithm::Es256, MANY);
        write("tokens", many.join("\n").as_bytes())?;
        write("tokens.lua", include_bytes!("tokens.lua"))?;

        let server = CertificateAuthority::new("load").server();
        write(CERTIFICATE_FILE, &server.certificate)?;
        write(KEY_FILE, &server.key)?;
        let (certificate, key) = (server.pem(), server.key_pem());
        write("tls.crt", certificate.as_bytes())?;
        write("tls.key", key.as_bytes())?;
        write("tls.pem", (certificate + &key).as_bytes())?;

        let algorithms = [Algorithm::Es256, Algorithm::Rs256, Algorithm::EdDsa];
        let tokens = algorithms.map(|algorithm| (algorithm, tokens::token(&issuer, algorithm, json!({}))));
        Ok(Self {
            folder,
            issuer,
            envoy,
            upstreams: Vec::new(),
            tokens: tokens.into(),
        })
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The token with which a row asks all the time.
    pub fn token(&self, algorithm: Algorithm) -> &str {
        let found = self.tokens.iter().find(|(of, _)| *of == algorithm);
        found.map_or("", |(_, token)| token)
    }

    /// Mints the tokens of a row in which each is new.
    pub fn mint_new(&self, algorithm: Algorithm, count: usize) -> Result<(), Failure> {
        let file = self.folder().join(new_tokens_file(algorithm));
        if !file.exists() {
            std::fs::write(file, tokens::minted(&self.issuer, algorithm, count).join("\n"))?;
        }
        Ok(())
    }

    /// The upstream on the cores of the load.
    pub fn upstream(&mut self, cores: &Cores) -> Result<SocketAddr, Failure> {
        if let Some((_, _, address)) = self.upstreams.iter().find(|(of, _, _)| *of == cores.load) {
            return Ok(*address);
        }
        let mut command = pinned(&cores.load, std::env::current_exe()?);
        let (process, address) = Process::announced(command.arg("upstream"), ANNOUNCEMENT)?;
        self.upstreams.push((cores.load.clone(), process, address));
        Ok(address)
    }
}
