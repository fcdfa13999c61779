//! Keys of programs that administer the installation over the management API: `ak_…`, shown once.

use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use toolgate_policy::{OperatorKeyId, RawKey};
use toolgate_store::{OperatorKey, StoreError};

use crate::time::{millis, now_ms, rfc3339};
use crate::workspace::check_name;
use crate::{Admin, AdminError, draw};

const NAME_MAX: usize = 80;

/// A key that was made. Its text is in here and nowhere else; `Debug` leaves it out.
#[derive(Clone, Serialize, JsonSchema)]
pub struct OperatorKeyCreated {
    /// Public id (`opk_…`).
    pub id: String,
    /// Who or what holds it.
    pub name: String,
    /// When it was made.
    pub created_at: String,
    /// When it ends by itself.
    pub expires_at: Option<String>,
    /// The key itself.
    pub key: String,
}

/// A key in a list; never its text.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct OperatorKeyListed {
    /// Public id (`opk_…`).
    pub id: String,
    /// Who or what holds it.
    pub name: String,
    /// `active`, `expired` or `revoked`.
    pub status: &'static str,
    /// When it was made.
    pub created_at: String,
    /// When it ends by itself.
    pub expires_at: Option<String>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<String>,
    /// When it was revoked.
    pub revoked_at: Option<String>,
}

/// A key that works no more.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct OperatorKeyRevoked {
    /// Public id.
    pub id: String,
    /// Who or what held it.
    pub name: String,
    /// Always true.
    pub revoked: bool,
}

impl Admin {
    /// Makes a key and saves its digest; the text exists in the report alone. It may do over the management API
    /// whatever the operator may do there, in every workspace. One that a key makes ends with that key at the latest,
    /// and with it where nothing is said.
    pub fn create_operator_key(
        &self,
        name: &str,
        expires_in: Option<Duration>,
    ) -> Result<OperatorKeyCreated, AdminError> {
        check_name(name, "key", 1, NAME_MAX)?;
        let raw = RawKey::from_random(draw::bytes()?);
        let now = now_ms();
        let asked = expires_in.map(|life| now.saturating_add(millis(life)));
        let key = OperatorKey {
            id: OperatorKeyId::from_random(draw::bytes()?),
            name: name.trim().to_owned(),
            digest: raw.digest(),
            created_at: now,
            expires_at: self.within_own_key(asked)?,
            revoked_at: None,
            last_used_at: None,
        };
        self.store.create_operator_key(&self.actor, &key)?;
        Ok(OperatorKeyCreated {
            id: key.id.to_string(),
            name: key.name,
            created_at: rfc3339(now),
            expires_at: key.expires_at.map(rfc3339),
            key: raw.expose().to_owned(),
        })
    }

    /// Every key, also revoked and expired ones, oldest first.
    pub fn list_operator_keys(&self) -> Result<Vec<OperatorKeyListed>, AdminError> {
        let now = self.judged_ms()?;
        let keys = self.store.operator_keys()?;
        Ok(keys
            .iter()
            .map(|key| OperatorKeyListed::of(key, now))
            .collect())
    }

    /// Revokes a key, by its id or by a name that only one working key has: its next request fails.
    pub fn revoke_operator_key(&self, key: &str) -> Result<OperatorKeyRevoked, AdminError> {
        let found = self.find_operator_key(key)?;
        let revoked = self
            .store
            .revoke_operator_key(&self.actor, &found.id, now_ms());
        match revoked {
            Err(StoreError::Unknown { .. }) => return Err(unknown(key)),
            other => other?,
        }
        Ok(OperatorKeyRevoked {
            id: found.id.to_string(),
            name: found.name,
            revoked: true,
        })
    }

    /// When the key ends that acts; `None` when it does not end, or when no key acts.
    pub(crate) fn own_key_ends(&self) -> Result<Option<u64>, AdminError> {
        let Some(id) = self.actor.as_operator_key() else {
            return Ok(None);
        };
        Ok(self.find_operator_key(id.as_str())?.expires_at)
    }

    /// The end of a new key, which is no later than that of the key that makes it.
    fn within_own_key(&self, asked: Option<u64>) -> Result<Option<u64>, AdminError> {
        match (self.own_key_ends()?, asked) {
            (Some(own), Some(asked)) if asked > own => Err(AdminError::BeyondOwn {
                what: "it would outlive your own key".to_owned(),
                instead: format!(
                    "yours ends at {}; give it less time, or none to end then",
                    rfc3339(own)
                ),
            }),
            (own, asked) => Ok(asked.or(own)),
        }
    }

    fn find_operator_key(&self, text: &str) -> Result<OperatorKey, AdminError> {
        let keys = self.store.operator_keys()?;
        if let Some(key) = keys.iter().find(|key| key.id.as_str() == text) {
            return Ok(key.clone());
        }
        let mut named = keys
            .into_iter()
            .filter(|key| key.name == text && key.revoked_at.is_none());
        match (named.next(), named.count()) {
            (Some(key), 0) => Ok(key),
            (Some(_), more) => Err(AdminError::AmbiguousOperatorKey {
                name: text.to_owned(),
                count: more + 1,
            }),
            (None, _) => Err(unknown(text)),
        }
    }
}

fn unknown(key: &str) -> AdminError {
    AdminError::UnknownOperatorKey {
        key: key.to_owned(),
    }
}

impl OperatorKeyListed {
    fn of(key: &OperatorKey, now_ms: u64) -> Self {
        Self {
            id: key.id.to_string(),
            name: key.name.clone(),
            status: match key.revoked_at {
                Some(_) => "revoked",
                None if key.is_active(now_ms) => "active",
                None => "expired",
            },
            created_at: rfc3339(key.created_at),
            expires_at: key.expires_at.map(rfc3339),
            last_used_at: key.last_used_at.map(rfc3339),
            revoked_at: key.revoked_at.map(rfc3339),
        }
    }
}

impl fmt::Debug for OperatorKeyCreated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OperatorKeyCreated")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
