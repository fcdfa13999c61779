//! Who calls: what people call workspaces, tokens and the members who hold them.

use std::collections::HashMap;

use toolgate_policy::{RateLimit, Token};
use toolgate_store::{CallRow, WorkspaceScope};

use crate::{Admin, AdminError};

/// What people call workspaces, tokens and members.
#[derive(Debug, Default)]
pub(crate) struct People {
    workspaces: HashMap<String, String>,
    tokens: HashMap<String, Holder>,
}

/// One token, as others know it.
#[derive(Debug, Clone)]
pub(crate) struct Holder {
    pub(crate) name: String,
    /// Id and address of the member who holds it.
    pub(crate) member: Option<(String, String)>,
    /// Requests in any 60 seconds.
    pub(crate) per_minute: Option<u32>,
}

/// Whom calls count for: a member, or a token nobody of them holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Whom {
    /// Id of the member, or of the token.
    pub(crate) id: String,
    /// Address of the member, or name of the token; its id when it was deleted since.
    pub(crate) label: String,
}

impl People {
    pub(crate) fn read(admin: &Admin, only: Option<&WorkspaceScope>) -> Result<Self, AdminError> {
        let scopes = match only {
            Some(scope) => vec![scope.clone()],
            None => admin
                .slugs()?
                .iter()
                .map(|slug| admin.scope(slug))
                .collect::<Result<_, _>>()?,
        };
        let mut people = Self::default();
        for scope in scopes {
            let id = scope.workspace().as_str().to_owned();
            people.workspaces.insert(id, scope.slug().to_string());
            let members = admin.store.members(&scope)?.into_iter();
            let members: HashMap<String, String> = members
                .map(|member| (member.id.to_string(), member.email.to_string()))
                .collect();
            for token in admin.store.list_tokens(&scope)? {
                let holder = Holder::of(&token, &members);
                people.tokens.insert(token.id.as_str().to_owned(), holder);
            }
        }
        Ok(people)
    }

    /// The id of the token that is meant by an id or a name.
    pub(crate) fn token_id(&self, text: &str) -> Result<String, AdminError> {
        // An id is nobody's name, whatever a token is called.
        if self.tokens.contains_key(text) {
            return Ok(text.to_owned());
        }
        let mut ids = self
            .tokens
            .iter()
            .filter(|(_, holder)| holder.name == text)
            .map(|(id, _)| id.clone());
        match (ids.next(), ids.count()) {
            (Some(id), 0) => Ok(id),
            // Deleted tokens have no name any more, but their calls are remembered by id.
            (None, _) => Ok(text.to_owned()),
            (Some(_), more) => Err(AdminError::AmbiguousToken {
                name: text.to_owned(),
                count: more + 1,
            }),
        }
    }

    /// Whoever is meant by the id or address of a member, or by the id or name of a token, and the tokens of theirs.
    pub(crate) fn member(&self, text: &str) -> Result<(Whom, Vec<String>), AdminError> {
        let held: Vec<(&String, &(String, String))> = self
            .tokens
            .iter()
            .filter_map(|(id, holder)| Some((id, holder.member.as_ref()?)))
            .filter(|(_, (id, address))| id == text || address.eq_ignore_ascii_case(text))
            .collect();
        let Some((_, (id, address))) = held.first() else {
            let id = self.token_id(text)?;
            return Ok((self.whom(&id), vec![id]));
        };
        let whom = Whom {
            id: id.clone(),
            label: address.clone(),
        };
        Ok((whom, held.into_iter().map(|(id, _)| id.clone()).collect()))
    }

    pub(crate) fn holder(&self, token_id: &str) -> Option<&Holder> {
        self.tokens.get(token_id)
    }

    /// Whom the calls of a token count for.
    pub(crate) fn whom(&self, token_id: &str) -> Whom {
        let holder = self.tokens.get(token_id);
        match holder.and_then(|holder| holder.member.clone()) {
            Some((id, label)) => Whom { id, label },
            None => Whom {
                id: token_id.to_owned(),
                label: self.token_label(token_id),
            },
        }
    }

    /// What a token is called; its id when it was deleted since.
    pub(crate) fn token_label(&self, token_id: &str) -> String {
        let holder = self.tokens.get(token_id);
        holder.map_or_else(|| token_id.to_owned(), |holder| holder.name.clone())
    }

    /// What a workspace is called; its id when it was deleted since.
    pub(crate) fn workspace_label(&self, id: &str) -> String {
        let known = self.workspaces.get(id);
        known.map_or_else(|| id.to_owned(), Clone::clone)
    }

    pub(crate) fn knows(&self, row: &CallRow) -> bool {
        self.workspaces.contains_key(row.workspace.as_str())
            && self.tokens.contains_key(&row.token_id)
    }
}

impl Holder {
    fn of(token: &Token, members: &HashMap<String, String>) -> Self {
        let member = token.member.as_ref().map(|id| id.as_str().to_owned());
        Self {
            name: token.name.clone(),
            member: member.map(|id| {
                // One who was removed is known by id alone.
                let address = members.get(&id).unwrap_or(&id).clone();
                (id, address)
            }),
            per_minute: match token.rate_limit {
                RateLimit::PerMinute(count) => Some(count.get()),
                RateLimit::Off => None,
            },
        }
    }
}
