//! The clients and resources of this moment: those of the registry file, and those that were added while the issuer runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use actgate_yaml::Diagnostics;
use serde_json::{Map, Value};

use crate::registry::Names;
use crate::store::{ResourceRecord, Store};
use crate::{Client, ClientRecord, ClientState, Registry, StoreError};

/// The entries at one time.
#[derive(Clone)]
pub(crate) struct Entries {
    /// Those that can be used: a client that is disabled is none.
    pub(crate) registry: Registry,
    pub(crate) records: BTreeMap<String, Arc<ClientRecord>>,
    /// Whether clients that registered themselves can be used.
    open_to_registration: bool,
}

fn left_out(name: &str, mistakes: &Diagnostics) {
    tracing::warn!("the store has `{name}`, which is not valid with this registry: {mistakes}");
}

impl Entries {
    /// The entries of the registry file with those of the store. An entry of the store that is not valid with this file is
    /// left out.
    pub(crate) fn read(registry: &Registry, store: &Store, open_to_registration: bool) -> Result<Entries, StoreError> {
        let mut entries = Entries {
            registry: registry.clone(),
            records: store
                .clients()?
                .into_iter()
                .map(|(id, record)| (id, Arc::new(record)))
                .collect(),
            open_to_registration,
        };
        for (identifier, entry) in store.resources()? {
            let put = entries.put_resource(&identifier, &entry);
            put.unwrap_or_else(|mistakes| left_out(&identifier, &mistakes));
        }
        for (id, record) in entries.records.clone() {
            let put = entries.put_client(registry, &id, ClientRecord::clone(&record));
            put.unwrap_or_else(|mistakes| left_out(&id, &mistakes));
        }
        Ok(entries)
    }

    /// What a scope allows, in plain words.
    pub(crate) fn description(&self, scope: &str) -> Option<&str> {
        self.registry.scope_descriptions.get(scope).map(String::as_str)
    }

    /// Whether a user or a client has the name, or a client had it: a subject never identifies two parties (RFC 9068
    /// section 5).
    pub(crate) fn is_taken(&self, name: &str) -> bool {
        let registry = &self.registry;
        registry.users.contains_key(name) || registry.clients.contains_key(name) || self.records.contains_key(name)
    }

    /// Adds or replaces a client. `registry` has those of the file. One that is not enabled need not be valid.
    pub(crate) fn put_client(&mut self, file: &Registry, id: &str, record: ClientRecord) -> Result<(), Diagnostics> {
        self.registry.clients.remove(id);
        let client = match &record.entry {
            _ if record.state != ClientState::Enabled => None,
            _ if record.is_self_registered && !self.open_to_registration => None,
            None => file.clients.get(id).cloned(),
            Some(entry) => Some(Arc::new(Client {
                is_self_registered: record.is_self_registered,
                revocations: record.revocations,
                ..self.names().client(id, entry, record.credentials.clone())?
            })),
        };
        let client = client.map(|client| (id.to_owned(), client));
        self.registry.clients.extend(client);
        self.records.insert(id.to_owned(), Arc::new(record));
        Ok(())
    }

    /// Checks the entry of a client that describes itself elsewhere, and has no secret.
    pub(crate) fn client_of(&self, id: &str, entry: &Map<String, Value>) -> Result<Client, Diagnostics> {
        let client = self.names().client(id, entry, None)?;
        Ok(Client {
            is_self_registered: true,
            ..client
        })
    }

    /// Adds a resource, with descriptions of those scopes that have none yet.
    pub(crate) fn put_resource(&mut self, identifier: &str, record: &ResourceRecord) -> Result<(), Diagnostics> {
        let resource = self.names().resource(identifier, &record.entry)?;
        let described = record.descriptions.iter();
        let described = described.filter(|(scope, _)| resource.scopes.contains(scope));
        for (scope, description) in described {
            let descriptions = self.registry.scope_descriptions.entry(scope.clone());
            descriptions.or_insert_with(|| description.clone());
        }
        let resource = Arc::new(resource);
        self.registry.resources.insert(identifier.to_owned(), resource);
        Ok(())
    }

    fn names(&self) -> Names<'_> {
        let registry = &self.registry;
        let users = registry.users.keys().map(String::as_str);
        let clients = registry.clients.keys().chain(self.records.keys()).map(String::as_str);
        let resources = &registry.resources;
        Names {
            resources: Some(resources.keys().map(String::as_str).collect()),
            scopes: Some(resources.values().flat_map(|resource| resource.scopes.iter()).collect()),
            users: Some(users.clone().collect()),
            users_and_clients: Some(users.chain(clients).collect()),
        }
    }
}
