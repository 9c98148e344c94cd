//! Public issuers that sign the tokens of all their tenants with the same keys and under one name.
//!
//! At such an issuer signature and `iss` prove that *some* tenant received the token. The audience proves nothing either,
//! where a caller chooses it. A claim that names the tenant does.
//!
//! An issuer with an identifier for each tenant is not in the table: `iss` names the tenant (an Entra tenant, an
//! organization of CircleCI, a workspace of Bitbucket, a team of Cloudflare Access). Nor is one that assigns the audience
//! itself, such as Google's Identity-Aware Proxy.

/// A public issuer with many tenants.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SharedIssuer {
    host: &'static str,
    /// Whether identifiers with a path are of this issuer, too.
    paths: Paths,
    /// Its name in messages.
    pub(crate) product: &'static str,
    /// The claims that identify a tenant, the recommended ones first.
    pub(crate) tenant_claims: &'static [&'static str],
}

#[derive(Debug, PartialEq, Eq)]
enum Paths {
    None,
    Any,
}

const TABLE: &[SharedIssuer] = &[
    SharedIssuer {
        host: "token.actions.githubusercontent.com",
        // An enterprise can add its name as a path.
        paths: Paths::Any,
        product: "GitHub Actions",
        tenant_claims: &[
            "repository_owner_id",
            "repository_id",
            "enterprise_id",
            "repository_owner",
            "repository",
            "enterprise",
        ],
    },
    SharedIssuer {
        host: "gitlab.com",
        paths: Paths::None,
        product: "GitLab.com",
        tenant_claims: &["namespace_id", "project_id", "namespace_path", "project_path"],
    },
    SharedIssuer {
        host: "accounts.google.com",
        paths: Paths::None,
        product: "Google",
        tenant_claims: &["hd", "sub", "email"],
    },
    SharedIssuer {
        host: "app.terraform.io",
        paths: Paths::None,
        product: "HCP Terraform",
        tenant_claims: &[
            "terraform_organization_id",
            "terraform_project_id",
            "terraform_workspace_id",
            "terraform_organization_name",
        ],
    },
    SharedIssuer {
        host: "agent.buildkite.com",
        paths: Paths::None,
        product: "Buildkite",
        tenant_claims: &["organization_id", "organization_slug", "pipeline_id"],
    },
    SharedIssuer {
        host: "oidc.vercel.com",
        // With a path, the identifier names the team.
        paths: Paths::None,
        product: "Vercel",
        tenant_claims: &["owner_id", "project_id"],
    },
];

impl SharedIssuer {
    /// The shared issuer of this identifier. Some of them also write it without a scheme.
    pub(crate) fn of(identifier: &str) -> Option<&'static SharedIssuer> {
        let (host, path) = host_and_path(identifier);
        TABLE
            .iter()
            .find(|shared| shared.host == host && (shared.paths == Paths::Any || path.is_empty()))
    }

    /// What to configure.
    pub(crate) fn help(&self) -> String {
        let recommended: Vec<_> = self.tenant_claims.iter().map(|claim| format!("`{claim}`")).collect();
        format!("pin the tenant in `claims` of the issuer: {}", recommended.join(" or "))
    }
}

/// Host in lower case without the default port, and path without a slash at the end.
fn host_and_path(identifier: &str) -> (String, &str) {
    let after_scheme = identifier.split_once("://").map_or(identifier, |(_, rest)| rest);
    let (host, path) = after_scheme.split_at(after_scheme.find('/').unwrap_or(after_scheme.len()));
    let host = host.to_ascii_lowercase();
    let host = host.strip_suffix(":443").unwrap_or(&host).to_owned();
    (host, path.trim_end_matches('/'))
}

/// For an endpoint of Entra for many tenants, which no token has as its `iss`: an identifier to write.
pub(crate) fn entra_tenant(identifier: &str) -> Option<String> {
    let (host, path) = host_and_path(identifier);
    let mut parts = path.split('/').skip(1);
    let tenant = parts.next()?;
    let is_shared = ["common", "organizations", "consumers"]
        .iter()
        .any(|name| tenant.eq_ignore_ascii_case(name));
    // Each national cloud has a domain of its own.
    let is_entra = host == "sts.windows.net"
        || host == "login.partner.microsoftonline.cn"
        || host.starts_with("login.microsoftonline.");
    if !is_shared || !is_entra {
        return None;
    }
    Some(match parts.next() {
        _ if host == "sts.windows.net" => format!("https://{host}/TENANT-ID/"),
        // Version 1 has another host, and a slash at the end.
        None => "https://sts.windows.net/TENANT-ID/".to_owned(),
        Some(_) => format!("https://{host}/TENANT-ID/v2.0"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_issuer_is_found_in_any_spelling() {
        for (identifier, product) in [
            ("https://token.actions.githubusercontent.com", "GitHub Actions"),
            ("https://token.actions.githubusercontent.com/", "GitHub Actions"),
            ("https://token.actions.githubusercontent.com/acme", "GitHub Actions"),
            ("HTTPS://Token.Actions.GitHubUserContent.com:443", "GitHub Actions"),
            ("https://gitlab.com", "GitLab.com"),
            ("gitlab.com", "GitLab.com"),
            ("https://accounts.google.com", "Google"),
            ("accounts.google.com", "Google"),
            ("https://app.terraform.io", "HCP Terraform"),
            ("https://agent.buildkite.com", "Buildkite"),
            ("https://oidc.vercel.com", "Vercel"),
        ] {
            let found = SharedIssuer::of(identifier).map(|shared| shared.product);
            assert_eq!(found, Some(product), "{identifier}");
        }
        for identifier in [
            "https://gitlab.example.com",
            "https://gitlab.com.example",
            "https://gitlab.com/acme",
            "https://idp.example/gitlab.com",
            "https://oidc.circleci.com/org/0f9d8a1e",
            "https://oidc.vercel.com/acme",
            "rke",
            "",
        ] {
            assert_eq!(SharedIssuer::of(identifier), None, "{identifier}");
        }
    }

    #[test]
    fn an_endpoint_of_entra_for_many_tenants_is_no_issuer() {
        for (identifier, written) in [
            (
                "https://login.microsoftonline.com/common/v2.0",
                "https://login.microsoftonline.com/TENANT-ID/v2.0",
            ),
            (
                "https://login.microsoftonline.com/Organizations/v2.0/",
                "https://login.microsoftonline.com/TENANT-ID/v2.0",
            ),
            (
                "https://login.microsoftonline.de/consumers/v2.0",
                "https://login.microsoftonline.de/TENANT-ID/v2.0",
            ),
            (
                "https://login.microsoftonline.com/common",
                "https://sts.windows.net/TENANT-ID/",
            ),
            ("https://sts.windows.net/common/", "https://sts.windows.net/TENANT-ID/"),
        ] {
            assert_eq!(entra_tenant(identifier).as_deref(), Some(written), "{identifier}");
        }
        for identifier in [
            "https://login.microsoftonline.com/9b2f6a3c-0000-0000-0000-000000000000/v2.0",
            "https://login.microsoftonline.com",
            "https://idp.example/common/v2.0",
            "https://login.microsoftonline.com/commons/v2.0",
        ] {
            assert_eq!(entra_tenant(identifier), None, "{identifier}");
        }
    }
}
