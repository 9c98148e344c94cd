//! A change of the store.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};

use redb::{Key, ReadableTable, ReadableTableMetadata, TableDefinition, WriteTransaction};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::records::{
    CLIENTS, CONSENTS, EXPIRIES, FACTS, FAMILIES, KEYS, RESOURCES, StoreError, TOKENS, USED, after, decode, encode, get,
};
use super::records::{ClientRecord, Consent, ConsentState, IssuedToken, RefreshFamily, ResourceRecord};
use crate::audit::{AuditTrail, Durability};
use crate::keys::StoredKey;
use crate::{AccessClaims, Entry, Event, ScopeSet};

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
            let last = appended.map_err(StoreError::of_trail)?;
            let mut facts = self.transaction.open_table(FACTS)?;
            facts.insert("audited", &*last)?;
        }
        Ok(self.transaction.commit()?)
    }

    pub(crate) fn is_live(&self, txn: &str, jti: &str) -> Result<bool, StoreError> {
        let table = self.transaction.open_table(TOKENS)?;
        Ok(table.get((txn, jti))?.is_some())
    }

    pub(crate) fn add_token(&mut self, token: &IssuedToken) -> Result<(), StoreError> {
        let claims = &token.claims;
        self.put(TOKENS, (&*claims.txn, &*claims.jti), token)?;
        self.expire(claims.exp, &claims.txn, &claims.jti)
    }

    pub(crate) fn family(&self, txn: &str) -> Result<Option<RefreshFamily>, StoreError> {
        get(&self.transaction.open_table(FAMILIES)?, txn)
    }

    /// Adds a family, or replaces it after a rotation.
    pub(crate) fn put_family(&mut self, family: &RefreshFamily) -> Result<(), StoreError> {
        self.put(FAMILIES, &*family.claims.txn, family)?;
        self.expire(family.claims.exp, &family.claims.txn, "")
    }

    /// Ends one token. True if it was live.
    pub(crate) fn revoke_token(&mut self, txn: &str, jti: &str) -> Result<bool, StoreError> {
        let mut table = self.transaction.open_table(TOKENS)?;
        let removed = table.remove((txn, jti))?;
        Ok(removed.is_some())
    }

    /// Ends the refresh-token family and every token of a transaction, exchanged ones too.
    pub(crate) fn revoke_transaction(&mut self, txn: &str) -> Result<Revoked, StoreError> {
        let mut revoked = Revoked::default();
        let mut tokens = self.transaction.open_table(TOKENS)?;
        tokens.retain_in((txn, "")..(&*after(txn), ""), |_, _| {
            revoked.tokens = revoked.tokens.saturating_add(1);
            false
        })?;
        let mut families = self.transaction.open_table(FAMILIES)?;
        revoked.families = families.remove(txn)?.is_some().into();
        Ok(revoked)
    }

    /// Ends every token and family that the condition is true of: by its claims, and the client that began its transaction.
    /// It reads them all.
    fn revoke_where(&mut self, condition: impl Fn(&AccessClaims, &str) -> bool) -> Result<Revoked, StoreError> {
        let of_family = |family: &RefreshFamily| condition(&family.claims, &family.claims.client_id);
        Ok(Revoked {
            tokens: self.end(TOKENS, |token: &IssuedToken| condition(&token.claims, &token.begun_by))?,
            families: self.end(FAMILIES, of_family)?,
        })
    }

    /// Removes the records that the condition is true of, and those that cannot be read. Returns how many.
    fn end<K: Key + 'static, T: DeserializeOwned>(
        &self,
        table: TableDefinition<'_, K, &'static [u8]>,
        condition: impl Fn(&T) -> bool,
    ) -> Result<u64, StoreError> {
        let mut ended = 0_u64;
        self.transaction.open_table(table)?.retain(|_, json| {
            let ends = decode(json).as_ref().map_or(true, &condition);
            ended = ended.saturating_add(ends.into());
            !ends
        })?;
        Ok(ended)
    }

    pub(crate) fn consent(&self, subject: &str, client: &str) -> Result<Option<Consent>, StoreError> {
        get(&self.transaction.open_table(CONSENTS)?, (subject, client))
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
        let entry = Entry::because(Event::Consent, "withdrawn").of_client(client);
        self.audit(entry.of_user(subject));
        self.put_consent(subject, client, ConsentState::Withdrawn)?;
        self.revoke_where(|claims, begun_by| claims.sub == subject && has_part(client, claims, begun_by))
    }

    /// Ends a withdrawal, without any consent: an agent can act for the user again by an exchange.
    pub(crate) fn undo_withdrawal(&mut self, subject: &str, client: &str) -> Result<(), StoreError> {
        let entry = Entry::because(Event::Consent, "withdrawal undone").of_client(client);
        self.audit(entry.of_user(subject));
        self.transaction.open_table(CONSENTS)?.remove((subject, client))?;
        Ok(())
    }

    fn put_consent(&mut self, subject: &str, client: &str, state: ConsentState) -> Result<(), StoreError> {
        let decided = self.now;
        self.put(CONSENTS, (subject, client), &Consent { state, decided })
    }

    fn put<'k, K: Key + 'static>(
        &self,
        table: TableDefinition<'_, K, &'static [u8]>,
        key: impl Borrow<K::SelfType<'k>>,
        record: &impl Serialize,
    ) -> Result<(), StoreError> {
        self.transaction.open_table(table)?.insert(key, &*encode(record)?)?;
        Ok(())
    }

    /// Records the use of an identifier until it expires. False if there was one before, or if the owner used `limit` that
    /// have not expired.
    pub(crate) fn use_once(&mut self, owner: &str, id: &str, expires: u64, limit: usize) -> Result<bool, StoreError> {
        let mut used = self.transaction.open_table(USED)?;
        let (now, mut count) = (self.now, 0_usize);
        used.retain_in((owner, "")..(&*after(owner), ""), |_, expires| {
            count = count.saturating_add((now < expires).into());
            now < expires
        })?;
        let is_first = count < limit && used.get((owner, id))?.is_none();
        if is_first {
            used.insert((owner, id), expires)?;
            self.expire(expires, owner, id)?;
        }
        Ok(is_first)
    }

    /// What the store knows of a client; without a record it is enabled.
    pub(crate) fn client(&self, client: &str) -> Result<ClientRecord, StoreError> {
        let record = get(&self.transaction.open_table(CLIENTS)?, client)?;
        Ok(record.unwrap_or_default())
    }

    /// Adds or replaces a client.
    pub(crate) fn put_client(&mut self, id: &str, record: &ClientRecord) -> Result<(), StoreError> {
        self.put(CLIENTS, id, record)
    }

    /// Removes a client, so that its identifier is as one that never was.
    pub(crate) fn remove_client(&mut self, id: &str) -> Result<(), StoreError> {
        self.transaction.open_table(CLIENTS)?.remove(id)?;
        Ok(())
    }

    /// The clients that a user allowed something, or did once.
    pub(crate) fn decided_clients(&self) -> Result<BTreeSet<String>, StoreError> {
        let table = self.transaction.open_table(CONSENTS)?;
        table.iter()?.map(|entry| Ok(entry?.0.value().1.to_owned())).collect()
    }

    /// Adds a resource.
    pub(crate) fn put_resource(&mut self, identifier: &str, record: &ResourceRecord) -> Result<(), StoreError> {
        self.put(RESOURCES, identifier, record)
    }

    /// Ends every token and family of a client, and each that names it as its subject or as any actor.
    pub(crate) fn revoke_client(&mut self, client: &str) -> Result<Revoked, StoreError> {
        self.audit_party(client);
        self.revoke_where(|claims, begun_by| has_part(client, claims, begun_by))
    }

    /// Ends every token and family that names the party as its subject or as any actor.
    pub(crate) fn revoke_party(&mut self, party: &str) -> Result<Revoked, StoreError> {
        self.audit_party(party);
        self.revoke_where(|claims, _| claims.names(party))
    }

    fn audit_party(&mut self, party: &str) {
        self.audit(Entry::because(Event::Revoke, "every token that names the party").of_user(party));
    }

    /// Replaces the signing keys.
    pub(crate) fn put_keys(&mut self, keys: &[StoredKey]) -> Result<(), StoreError> {
        let mut table = self.transaction.open_table(KEYS)?;
        table.retain(|_, _| false)?;
        for (position, key) in (0..).zip(keys) {
            table.insert(position, &*encode(key)?)?;
        }
        Ok(())
    }

    fn expire(&self, expires: u64, txn: &str, jti: &str) -> Result<(), StoreError> {
        let mut table = self.transaction.open_table(EXPIRIES)?;
        table.insert((expires, txn, jti), ())?;
        match table.len()? > self.max_records {
            true => Err(StoreError("there are too many live tokens".to_owned())),
            false => Ok(()),
        }
    }

    /// Removes records that have expired.
    fn prune(&mut self) -> Result<(), StoreError> {
        let mut expiries = self.transaction.open_table(EXPIRIES)?;
        let mut tokens = self.transaction.open_table(TOKENS)?;
        let mut families = self.transaction.open_table(FAMILIES)?;
        let mut used = self.transaction.open_table(USED)?;
        for _ in 0..MAX_PRUNED {
            let first = expiries.first()?;
            let Some((expires, txn, jti)) = first.map(|(key, _)| {
                let (expires, txn, jti) = key.value();
                (expires, txn.to_owned(), jti.to_owned())
            }) else {
                break;
            };
            if expires > self.now {
                break;
            }
            expiries.remove((expires, &*txn, &*jti))?;
            used.remove((&*txn, &*jti))?;
            match &*jti {
                "" => families.remove(&*txn)?.is_some(),
                jti => tokens.remove((&*txn, jti))?.is_some(),
            };
        }
        Ok(())
    }
}

/// Whether a token was issued to the client, names it, or comes from what was.
fn has_part(client: &str, claims: &AccessClaims, begun_by: &str) -> bool {
    claims.client_id == client || begun_by == client || claims.names(client)
}
