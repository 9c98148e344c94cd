//! Authorization servers for clients of others: a foreign one, and the bundled issuer.

use std::io::Write;

use tempfile::NamedTempFile;

use crate::deployment::gate::Process;
use crate::peers::browser;
use crate::peers::program::Service;

/// What a person enters at the authorization servers.
pub const ALICE: browser::Entries<'_> = &[
    ("login", "person-alice"),
    ("username", "alice"),
    ("password", "wonderland"),
];

/// A running authorization server with the client `storefront`.
pub struct AuthorizationServer {
    pub url: String,
    _running: Running,
}

enum Running {
    Foreign {
        _service: Service,
    },
    Bundled {
        _process: Process,
        _registry: NamedTempFile,
    },
}

impl AuthorizationServer {
    /// node-oidc-provider, which issues tokens for any resource.
    pub fn oidc_provider(_resource: &str) -> Self {
        let service = Service::start("oidc_provider.js");
        Self {
            url: service.url(),
            _running: Running::Foreign { _service: service },
        }
    }

    /// `actgate issuer` with one resource and one client.
    pub fn bundled(resource: &str) -> Self {
        Self::bundled_with(resource, &[])
    }

    /// The same, where clients can register themselves too.
    pub fn open_to_registration(resource: &str) -> Self {
        Self::bundled_with(resource, &["--registration"])
    }

    fn bundled_with(resource: &str, arguments: &[&str]) -> Self {
        let scopes = "[orders:read, refunds:write, mcp:use, mcp:admin]";
        let registry = format!(
            "resources:\n  {resource}: {{ scopes: {scopes}, open_to_registration: true }}\nusers:\n  alice: {{ password: wonderland, scopes: {scopes} }}\nclients:\n  storefront:\n    profile: native_app\n    secret: storefront-secret\n    grants: [authorization_code]\n    redirect_uris: [http://127.0.0.1/callback]\n    scopes: {scopes}\n    resources: [{resource}]\n"
        );
        let mut file = NamedTempFile::new().expect("a file");
        file.write_all(registry.as_bytes()).expect("the registry");
        let path = file.path().to_str().expect("a path");
        let own = ["issuer", "--listen", "127.0.0.1:0", "--registry", path];
        let mut process = Process::start(&[&own, arguments].concat());
        let address = process.address("actgate: issuer on ");
        Self {
            url: format!("http://{address}"),
            _running: Running::Bundled {
                _process: process,
                _registry: file,
            },
        }
    }
}
