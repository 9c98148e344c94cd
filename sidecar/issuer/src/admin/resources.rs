//! Resources that are not in the registry file.

use std::collections::BTreeMap;

use axum::Json;
use axum::response::IntoResponse;
use serde_json::{Value, json};

use super::request::{AdminError, Answer, created, object, take_text};
use crate::store::ResourceRecord;
use crate::{Entries, Entry, Event, Issuer, Resource};

/// The maximum number of resources.
const MAX_RESOURCES: usize = 1_000;

/// `GET /admin/resources`.
pub(super) fn list(server: &Issuer) -> Answer {
    let entries = server.directory.entries();
    let resources = entries.resources().values().map(|resource| shown(&entries, resource));
    Ok(Json(resources.collect::<Value>()).into_response())
}

/// `POST /admin/resources`: an entry of `resources`, with its `identifier` and `descriptions` of its scopes.
pub(super) fn create(server: &Issuer, body: &[u8]) -> Answer {
    let mut entry = object(body)?;
    let identifier = take_text(&mut entry, "identifier")?;
    let identifier = identifier.ok_or_else(|| AdminError::metadata("the key `identifier` is missing"))?;
    let descriptions = entry.remove("descriptions");
    let descriptions = descriptions.map_or(Ok(BTreeMap::new()), serde_json::from_value);
    let descriptions = descriptions.map_err(|_| AdminError::metadata("`descriptions` has a text for each scope"))?;
    let record = ResourceRecord { entry, descriptions };
    server.change_entries(|entries, change| {
        AdminError::conflict("the resource exists").when(entries.resources().contains_key(&identifier))?;
        AdminError::conflict("there are too many resources").when(entries.resources().len() >= MAX_RESOURCES)?;
        entries.put_resource(&identifier, &record)?;
        change.put_resource(&identifier, &record)?;
        change.audit(Entry {
            aud: Some(identifier.clone()),
            reason: Some("resource added"),
            ..Entry::new(Event::Administer)
        });
        let resource = entries.resources().get(&identifier).ok_or_else(AdminError::not_found)?;
        Ok(created(shown(entries, resource)))
    })
}

fn shown(entries: &Entries, resource: &Resource) -> Value {
    let scopes: Vec<&str> = resource.scopes.iter().collect();
    let described = scopes.iter();
    let described = described.filter_map(|scope| Some((*scope, entries.description(scope)?)));
    let descriptions: BTreeMap<_, _> = described.collect();
    json!({ "identifier": resource.identifier, "scopes": scopes, "descriptions": descriptions })
}
