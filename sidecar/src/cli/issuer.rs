//! `actgate issuer`: the bundled authorization server.

use std::path::Path;

use actgate_issuer::{Registry, Server, Settings, Signing};

use crate::cli::arguments::{IssuerArguments, SigningAlgorithm};
use crate::cli::output::{eprint_line, print};
use crate::config::{Problem, Problems};
use crate::exit::Failure;
use crate::server::signals::ShutdownSignals;

/// The first lines on standard error.
const BANNER: &str = "\
*** actgate issuer: for demos, tests and development, NOT FOR PRODUCTION ***
*** keys and logins are kept in memory; users and secrets come from a plain file ***";

/// Runs the issuer until a signal stops it.
///
/// # Errors
/// An invalid registry or issuer URL, or an address that cannot be listened on.
pub async fn issuer(arguments: &IssuerArguments) -> Result<(), Failure> {
    let registry = match &arguments.registry {
        Some(file) => read_registry(file)?,
        None => Registry::demo().map_err(|error| Failure::runtime("built-in registry", error))?,
    };
    let settings = Settings {
        issuer_url: arguments.issuer.clone(),
        signing: match arguments.signing {
            SigningAlgorithm::Es256 => Signing::Es256,
            SigningAlgorithm::Rs256 => Signing::Rs256,
            SigningAlgorithm::Eddsa => Signing::EdDsa,
        },
        ..Settings::default()
    };
    let server = Server::bind(arguments.listen, settings, registry)
        .await
        .map_err(|error| Failure::runtime("issuer", error))?;
    let mut signals = ShutdownSignals::watch().map_err(|error| Failure::runtime("signal handling", error))?;
    eprint_line(BANNER);
    eprint_line(&format!("actgate: issuer on {}", server.local_addr()));
    print(&first_steps(&server, arguments.registry.as_deref()))?;
    server.serve(async move { signals.next().await }).await;
    Ok(())
}

fn read_registry(file: &Path) -> Result<Registry, Failure> {
    let text = std::fs::read_to_string(file).map_err(|error| Failure::runtime(&file.display().to_string(), error))?;
    Registry::from_yaml(&text).map_err(|mistakes| {
        let problems = mistakes.into_iter().map(|mistake| Problem {
            file: file.to_owned(),
            line: mistake.line,
            column: mistake.column,
            message: mistake.message,
            mend: mistake.help,
        });
        Failure::Configuration(Problems(problems.collect()))
    })
}

/// Commands for a shell. They use clients of the built-in registry; with another registry only the addresses are shown.
fn first_steps(server: &Server, registry: Option<&Path>) -> String {
    let issuer = server.issuer_url();
    let here = format!("http://{}", server.local_addr());
    let mut steps =
        format!("issuer     {issuer}\nmetadata   {here}/.well-known/openid-configuration\nkeys       {here}/jwks\n");
    if registry.is_none() {
        steps.push_str(&format!(
            "
A token for an agent on its own:
  curl -s {here}/token -u warehouse:warehouse-secret -d grant_type=client_credentials -d resource=https://orders.example -d scope=orders:read

Hand a person's token on, as the agent that now acts ($TOKEN is alice's, for https://assistant.example):
  curl -s {here}/token -u assistant:assistant-secret \\
    -d grant_type=urn:ietf:params:oauth:grant-type:token-exchange \\
    -d subject_token=$TOKEN -d subject_token_type=urn:ietf:params:oauth:token-type:access_token \\
    -d resource=https://orders.example -d scope=orders:read

Trust it in actgate.yaml:
  audience: https://orders.example
  issuers:
    - issuer: {issuer}
"
        ));
    }
    steps
}
