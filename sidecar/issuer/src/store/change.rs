//! A change of the store.

use std::collections::BTreeMap;

use redb::{ReadableTable, ReadableTableMetadata, WriteTransaction};

use super::client_record::{ClientRecord, ClientState, ResourceRecord};
use super::consent::{Consent, ConsentState};
use super::issued_token::IssuedToken;
use super::refresh_family::RefreshFamily;
use super::tables::{
    CLIENTS, CONSENTS, EXPIRIES, FACTS, FAMILIES, KEYS, RESOURCES, StoreError, TOKENS, decode, encode,
};
use crate::audit::{AuditTrail, Durability, Entry};
use crate::keys::StoredKey;
use crate::scope::ScopeSet;

/// The maximum number of expired records that one change removes, so that none takes long. A change adds fewer.
const MAX_PRUNED: usize = 16;

/// One transaction. Without [`Change::commit`] nothing is changed.
pub(crate) struct Change<'s> {
    transaction: WriteTransaction,
    trail: &'s AuditTrail,
    max_records: u64,
    entries: Vec<Entry>,
    now: u64,
}

/// What a revocation ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Revoked {
    /// The number of access tokens that were live.
    pub tokens: u64,
    /// The number of refresh-token families.
    pub families: u64,
}

impl<'s> Change<'s> {
    pub(super) fn begin(
        transaction: WriteTransaction,
        trail: &'s AuditTrail,
        max_records: u64,
        now: u64,
    ) -> Result<Change<'s>, StoreError> {
        let mut change = Change {
            transaction,
            trail,
            max_records,
            entries: Vec::new(),
            now,
        };
        change.prune()?;
        Ok(change)
    }

    /// Adds an event to the audit trail, which is written before the change is made.
    pub(crate) fn audit(&mut self, entry: Entry) {
        self.entries.push(entry);
    }

    /// Writes the audit trail, then makes the change. Both are on disk when this returns.
    pub(crate) fn commit(self) -> Result<(), StoreError> {
        if !self.entries.is_empty() {
            let appended = self.trail.append(self.now, &self.entries, Durability::Synced);
            let last = appended.map_err(StoreError::of)?;
            let mut facts = self.transaction.open_table(FACTS).map_err(StoreError::of)?;
            facts.insert("audited", &*last).map_err(StoreError::of)?;
        }
        self.transaction.commit().map_err(StoreError::of)
    }

    pub(crate) fn is_live(&self, txn: &str, jti: &str) -> Result<bool, StoreError> {
        let table = self.transaction.open_table(TOKENS).map_err(StoreError::of)?;
        Ok(table.get((txn, jti)).map_err(StoreError::of)?.is_some())
    }

    pub(crate) fn add_token(&mut self, token: &IssuedToken) -> Result<(), StoreError> {
        let mut table = self.transaction.open_table(TOKENS).map_err(StoreError::of)?;
        let claims = &token.claims;
        let key = (&*claims.txn, &*claims.jti);
        table.insert(key, &*encode(token)?).map_err(StoreError::of)?;
        self.expire(claims.exp, &claims.txn, &claims.jti)
    }

    pub(crate) fn family(&self, txn: &str) -> Result<Option<RefreshFamily>, StoreError> {
        let table = self.transaction.open_table(FAMILIES).map_err(StoreError::of)?;
        let found = table.get(txn).map_err(StoreError::of)?;
        found.map(|json| decode(json.value())).transpose()
    }

    /// Adds a family, or replaces it after a rotation.
    pub(crate) fn put_family(&mut self, family: &RefreshFamily) -> Result<(), StoreError> {
        let mut table = self.transaction.open_table(FAMILIES).map_err(StoreError::of)?;
        table.insert(&*family.txn, &*encode(family)?).map_err(StoreError::of)?;
        self.expire(family.expires, &family.txn, "")
    }

    /// Ends one token. True if it was live.
    pub(crate) fn revoke_token(&mut self, txn: &str, jti: &str) -> Result<bool, StoreError> {
        let mut table = self.transaction.open_table(TOKENS).map_err(StoreError::of)?;
        let removed = table.remove((txn, jti)).map_err(StoreError::of)?;
        Ok(removed.is_some())
    }

    /// Ends the refresh-token family and every token of a transaction, exchanged ones too.
    pub(crate) fn revoke_transaction(&mut self, txn: &str) -> Result<Revoked, StoreError> {
        let mut revoked = Revoked::default();
        let mut tokens = self.transaction.open_table(TOKENS).map_err(StoreError::of)?;
        let of_transaction = tokens.range((txn, "")..).map_err(StoreError::of)?;
        let mut jtis = Vec::new();
        for entry in of_transaction {
            let (key, _) = entry.map_err(StoreError::of)?;
            let (of, jti) = key.value();
            if of != txn {
                break;
            }
            jtis.push(jti.to_owned());
        }
        for jti in &jtis {
            tokens.remove((txn, &**jti)).map_err(StoreError::of)?;
            revoked.tokens = revoked.tokens.saturating_add(1);
        }
        let mut families = self.transaction.open_table(FAMILIES).map_err(StoreError::of)?;
        if families.remove(txn).map_err(StoreError::of)?.is_some() {
            revoked.families = 1;
        }
        Ok(revoked)
    }

    /// Ends every token and family that one of the conditions is true of. It reads them all.
    pub(crate) fn revoke_where(
        &mut self,
        token: impl Fn(&IssuedToken) -> bool,
        family: impl Fn(&RefreshFamily) -> bool,
    ) -> Result<Revoked, StoreError> {
        let mut revoked = Revoked::default();
        // A record that cannot be read is of no use to its holder either.
        let mut tokens = self.transaction.open_table(TOKENS).map_err(StoreError::of)?;
        let retained = tokens.retain(|_, json| {
            let ends = decode(json).as_ref().map_or(true, &token);
            revoked.tokens = revoked.tokens.saturating_add(ends.into());
            !ends
        });
        retained.map_err(StoreError::of)?;
        let mut families = self.transaction.open_table(FAMILIES).map_err(StoreError::of)?;
        let retained = families.retain(|_, json| {
            let ends = decode(json).as_ref().map_or(true, &family);
            revoked.families = revoked.families.saturating_add(ends.into());
            !ends
        });
        retained.map_err(StoreError::of)?;
        Ok(revoked)
    }

    pub(crate) fn consent(&self, subject: &str, client: &str) -> Result<Option<Consent>, StoreError> {
        let table = self.transaction.open_table(CONSENTS).map_err(StoreError::of)?;
        let found = table.get((subject, client)).map_err(StoreError::of)?;
        found.map(|json| decode(json.value())).transpose()
    }

    /// Adds a scope to what a user allowed a client at a resource.
    pub(crate) fn grant_consent(
        &mut self,
        subject: &str,
        client: &str,
        audience: &str,
        scope: &ScopeSet,
    ) -> Result<(), StoreError> {
        let mut granted = match self.consent(subject, client)?.map(|consent| consent.state) {
            Some(ConsentState::Granted(granted)) => granted,
            Some(ConsentState::Withdrawn) | None => BTreeMap::new(),
        };
        let before = granted.get(audience).cloned().unwrap_or_default();
        granted.insert(audience.to_owned(), before.union(scope));
        self.put_consent(subject, client, ConsentState::Granted(granted))
    }

    /// Ends every token and family of the user in which the client has a part, until the next consent.
    pub(crate) fn withdraw_consent(&mut self, subject: &str, client: &str) -> Result<Revoked, StoreError> {
        self.put_consent(subject, client, ConsentState::Withdrawn)?;
        self.revoke_where(
            |token| token.claims.sub == subject && (token.claims.client_id == client || token.names(client)),
            |family| family.subject == subject && family.client == client,
        )
    }

    fn put_consent(&mut self, subject: &str, client: &str, state: ConsentState) -> Result<(), StoreError> {
        let consent = Consent {
            state,
            decided: self.now,
        };
        let mut table = self.transaction.open_table(CONSENTS).map_err(StoreError::of)?;
        table
            .insert((subject, client), &*encode(&consent)?)
            .map_err(StoreError::of)?;
        Ok(())
    }

    /// Whether a client is enabled, as far as the store knows it.
    pub(crate) fn is_enabled(&self, client: &str) -> Result<bool, StoreError> {
        let table = self.transaction.open_table(CLIENTS).map_err(StoreError::of)?;
        match table.get(client).map_err(StoreError::of)? {
            Some(json) => Ok(decode::<ClientRecord>(json.value())?.state == ClientState::Enabled),
            None => Ok(true),
        }
    }

    /// Adds or replaces a client.
    pub(crate) fn put_client(&mut self, id: &str, record: &ClientRecord) -> Result<(), StoreError> {
        let mut table = self.transaction.open_table(CLIENTS).map_err(StoreError::of)?;
        table.insert(id, &*encode(record)?).map_err(StoreError::of)?;
        Ok(())
    }

    /// Adds a resource.
    pub(crate) fn put_resource(&mut self, identifier: &str, record: &ResourceRecord) -> Result<(), StoreError> {
        let mut table = self.transaction.open_table(RESOURCES).map_err(StoreError::of)?;
        table.insert(identifier, &*encode(record)?).map_err(StoreError::of)?;
        Ok(())
    }

    /// Ends every token and family of a client, and each that names it as its subject or as any actor.
    pub(crate) fn revoke_client(&mut self, client: &str) -> Result<Revoked, StoreError> {
        self.revoke_where(
            |token| token.claims.client_id == client || token.names(client),
            |family| family.client == client || family.names(client),
        )
    }

    /// Replaces the signing keys.
    pub(crate) fn put_keys(&mut self, keys: &[StoredKey]) -> Result<(), StoreError> {
        let mut table = self.transaction.open_table(KEYS).map_err(StoreError::of)?;
        table.retain(|_, _| false).map_err(StoreError::of)?;
        for (position, key) in (0..).zip(keys) {
            table.insert(position, &*encode(key)?).map_err(StoreError::of)?;
        }
        Ok(())
    }

    fn expire(&self, expires: u64, txn: &str, jti: &str) -> Result<(), StoreError> {
        let mut table = self.transaction.open_table(EXPIRIES).map_err(StoreError::of)?;
        table.insert((expires, txn, jti), ()).map_err(StoreError::of)?;
        match table.len().map_err(StoreError::of)? > self.max_records {
            true => Err(StoreError("there are too many live tokens".to_owned())),
            false => Ok(()),
        }
    }

    /// Removes records that have expired.
    fn prune(&mut self) -> Result<(), StoreError> {
        let mut expiries = self.transaction.open_table(EXPIRIES).map_err(StoreError::of)?;
        let mut tokens = self.transaction.open_table(TOKENS).map_err(StoreError::of)?;
        let mut families = self.transaction.open_table(FAMILIES).map_err(StoreError::of)?;
        for _ in 0..MAX_PRUNED {
            let first = expiries.first().map_err(StoreError::of)?;
            let Some((expires, txn, jti)) = first.map(|(key, _)| {
                let (expires, txn, jti) = key.value();
                (expires, txn.to_owned(), jti.to_owned())
            }) else {
                break;
            };
            if expires > self.now {
                break;
            }
            expiries.remove((expires, &*txn, &*jti)).map_err(StoreError::of)?;
            match &*jti {
                "" => families.remove(&*txn).map_err(StoreError::of)?.is_some(),
                jti => tokens.remove((&*txn, jti)).map_err(StoreError::of)?.is_some(),
            };
        }
        Ok(())
    }
}
