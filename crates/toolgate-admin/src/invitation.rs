//! Invitations: a link that works once, for whoever it was sent to (product.md section 13).

use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use toolgate_namespace::WorkspaceId;
use toolgate_policy::{Email, InvitationCode, InvitationId, MemberId, OperatorId, Role, Token};
use toolgate_store::{Code, Invitation, InvitedTo, Member, StoreError, WorkspaceScope};
use toolgate_vault::Secret;

use crate::mail::{Letter, Mailer};
use crate::mail_test::NotSent;
use crate::setting::DASHBOARD_URL;
use crate::time::{millis, now_ms, rfc3339};
use crate::token::{TokenGrant, draw_token, rules};
use crate::{Admin, AdminError, MailError, MailPassword, Mailed, NewToken, TokenCreated, draw};

/// How long an invitation holds.
const HOLDS: Duration = Duration::from_hours(7 * 24);
/// Longest name of whoever invites.
const INVITED_BY_MAX: usize = 80;

/// Whom to invite to a workspace, and to what.
#[derive(Debug, Clone)]
pub struct NewInvitation {
    /// The address.
    pub email: String,
    /// What the member may do. Default: developer.
    pub role: Role,
    /// Which tools, as patterns of exposed names, `!` excludes; empty = all.
    pub tools: Vec<String>,
    /// How long the member's token lives from when it is made; `None` = until it is revoked.
    pub expires_in: Option<Duration>,
    /// Who invites, in the words of the mail; whoever `smtp_from` names when absent.
    pub invited_by: Option<String>,
}

/// An invitation that was made. Where no mail took it along, code and link are in here and nowhere else; `Debug`
/// leaves them out.
#[derive(Clone, Serialize, JsonSchema)]
pub struct InvitationMade {
    /// Identity (`ivt_…`); no part of the code.
    pub id: String,
    /// Whom it is for.
    pub email: String,
    /// The workspace; null = the team that administers the installation.
    pub workspace: Option<String>,
    /// What the member may do there.
    pub role: Option<Role>,
    /// Which tools the member may use, as patterns of exposed names; `*` = every enabled one.
    pub tools: Option<Vec<String>>,
    /// How many seconds the member's token lives from when it is made; null = until it is revoked.
    pub token_expires_in: Option<u64>,
    /// Until when it can be accepted.
    pub expires_at: String,
    /// What became of the mail.
    pub mail: Mailed,
    /// The code, unless it was mailed.
    pub code: Option<String>,
    /// The page to accept it on, unless it was mailed or nobody said where the dashboard is.
    pub link: Option<String>,
}

/// An invitation in a list.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct InvitationListed {
    /// Identity (`ivt_…`).
    pub id: String,
    /// Whom it is for.
    pub email: String,
    /// `open` or `expired`.
    pub status: &'static str,
    /// What the member may do.
    pub role: Role,
    /// Which tools the member may use, as patterns of exposed names; `*` = every enabled one.
    pub tools: Vec<String>,
    /// When it was made.
    pub created_at: String,
    /// Until when it can be accepted.
    pub expires_at: String,
}

/// An invitation that opens nothing any more.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct InvitationRevoked {
    /// Identity.
    pub id: String,
    /// The workspace.
    pub workspace: String,
    /// Whom it was for.
    pub email: String,
    /// Always true.
    pub revoked: bool,
}

/// What a code is to, for whoever holds it and did not accept yet.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct InvitationShown {
    /// Whom it is for.
    pub email: String,
    /// The workspace; null = the team that administers the installation.
    pub workspace: Option<String>,
    /// What people call the workspace.
    pub workspace_name: Option<String>,
    /// What the member may do there.
    pub role: Option<Role>,
    /// Until when it can be accepted.
    pub expires_at: String,
}

/// An invitation that was accepted: its code works no more.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(tag = "joined", rename_all = "snake_case")]
pub enum InvitationAccepted {
    /// A workspace, with a personal token that is shown this once.
    Workspace {
        /// Identity of the member (`mem_…`).
        member: String,
        /// The address.
        email: String,
        /// The token.
        token: Box<TokenCreated>,
    },
    /// The team that administers the installation.
    Team {
        /// Identity (`op_…`).
        id: String,
        /// The address, which is the name to sign in with.
        email: String,
    },
}

impl NewInvitation {
    /// An invitation as a developer, to every tool.
    pub fn to(email: impl Into<String>) -> Self {
        Self {
            email: email.into(),
            role: Role::Developer,
            tools: Vec::new(),
            expires_in: None,
            invited_by: None,
        }
    }
}

impl Admin {
    /// Invites somebody to a workspace. An open invitation of the same address is replaced; its code is dead then.
    ///
    /// With a mail server set the link is mailed; should that fail, the invitation stands and the link is in the
    /// report.
    pub fn invite_member(
        &self,
        scope: &WorkspaceScope,
        new: &NewInvitation,
        password: &MailPassword,
    ) -> Result<InvitationMade, AdminError> {
        let rules = match self.own(scope)? {
            None => rules(&new.tools)?,
            Some(own) => {
                own.check_invitation(self.store.settings()?.plan().requests_per_minute)?;
                own.role(new.role)?;
                own.rules(&new.tools)?
            }
        };
        let to = InvitedTo::Workspace {
            workspace: scope.workspace().clone(),
            role: new.role,
            rules,
            token_ms: new.expires_in.map(millis),
        };
        let draft = self.draft(&new.email, to, new.invited_by.as_deref(), password)?;
        match self.store.invite(scope, &self.actor, &draft.invitation) {
            Err(StoreError::Taken { .. }) => Err(AdminError::AlreadyMember {
                email: draft.invitation.email.to_string(),
                workspace: Some(scope.slug().to_string()),
            }),
            other => Ok(other?),
        }?;
        let workspace = self.store.workspace(scope)?.workspace;
        let to = format!("the workspace \"{}\"", workspace.name);
        let mut made = deliver(draft, &to, "get your personal token");
        made.workspace = Some(scope.slug().to_string());
        Ok(made)
    }

    /// Invites somebody to the team: people who may sign in and administer the installation.
    pub fn invite_to_team(
        &self,
        email: &str,
        invited_by: Option<&str>,
        password: &MailPassword,
    ) -> Result<InvitationMade, AdminError> {
        if self.own_key_ends()?.is_some() {
            return Err(AdminError::BeyondOwn {
                what: "your own key ends by itself, and an account would outlive it".to_owned(),
                instead: "invite with a key that does not end, or signed in with a password"
                    .to_owned(),
            });
        }
        let draft = self.draft(email, InvitedTo::Team, invited_by, password)?;
        let id = OperatorId::from_random(draw::bytes()?);
        let saved = self
            .store
            .invite_to_team(&self.actor, &id, &draft.invitation);
        match saved {
            Err(StoreError::Taken { .. }) => Err(AdminError::AlreadyMember {
                email: draft.invitation.email.to_string(),
                workspace: None,
            }),
            other => Ok(other?),
        }?;
        Ok(deliver(
            draft,
            "the team that administers this installation",
            "choose a password",
        ))
    }

    /// The invitations to a workspace that were not accepted, by address.
    pub fn list_invitations(
        &self,
        scope: &WorkspaceScope,
    ) -> Result<Vec<InvitationListed>, AdminError> {
        let now = self.judged_ms()?;
        let invitations = self.store.invitations(scope)?;
        let listed = invitations.into_iter().filter_map(|invitation| {
            let status = if invitation.is_open(now) {
                "open"
            } else {
                "expired"
            };
            let InvitedTo::Workspace { role, rules, .. } = invitation.to else {
                return None;
            };
            Some(InvitationListed {
                id: invitation.id.as_str().to_owned(),
                email: invitation.email.to_string(),
                status,
                role,
                tools: rules.patterns().to_vec(),
                created_at: rfc3339(invitation.created_at),
                expires_at: rfc3339(invitation.expires_at),
            })
        });
        Ok(listed.collect())
    }

    /// Takes an invitation to a workspace back, by address or id.
    pub fn revoke_invitation(
        &self,
        scope: &WorkspaceScope,
        who: &str,
    ) -> Result<InvitationRevoked, AdminError> {
        let invitations = self.store.invitations(scope)?;
        let email = who.parse::<Email>().ok();
        let found = invitations
            .into_iter()
            .find(|one| one.id.as_str() == who || Some(&one.email) == email.as_ref())
            .ok_or_else(|| AdminError::UnknownInvitation {
                who: who.to_owned(),
                workspace: scope.slug().to_string(),
            })?;
        self.store
            .revoke_invitation(scope, &self.actor, &found.id)?;
        Ok(InvitationRevoked {
            id: found.id.as_str().to_owned(),
            workspace: scope.slug().to_string(),
            email: found.email.to_string(),
            revoked: true,
        })
    }

    /// What a code is to. Whatever opens nothing gets one answer, whyever (S-36).
    pub fn show_invitation(&self, code: &str) -> Result<InvitationShown, AdminError> {
        let (invitation, slug) = self.store.invitation_of(&self.brought(code)?)?;
        let name = match &slug {
            None => None,
            Some(slug) => {
                let scope = self.scope(slug.as_str())?;
                Some(self.store.workspace(&scope)?.workspace.name)
            }
        };
        Ok(InvitationShown {
            email: invitation.email.to_string(),
            workspace: slug.map(|slug| slug.to_string()),
            workspace_name: name,
            role: match invitation.to {
                InvitedTo::Team => None,
                InvitedTo::Workspace { role, .. } => Some(role),
            },
            expires_at: rfc3339(invitation.expires_at),
        })
    }

    /// Accepts an invitation for whoever holds its code: in a workspace that makes a member with a personal token,
    /// in the team somebody who may sign in once a password is set.
    pub fn accept_invitation(&self, code: &str) -> Result<InvitationAccepted, AdminError> {
        let brought = self.brought(code)?;
        let (invitation, slug) = self.store.invitation_of(&brought)?;
        let Some(slug) = slug else {
            return self.join_team(&brought, None);
        };
        let scope = self.scope(slug.as_str())?;
        self.join_workspace(&scope, &brought, &invitation)
    }

    /// Accepts an invitation to the team together with the password to sign in with, which is kept as this Argon2id
    /// string; a code that is to a workspace is refused and not used up.
    pub fn accept_team_invitation(
        &self,
        code: &str,
        password_hash: &str,
    ) -> Result<InvitationAccepted, AdminError> {
        self.join_team(&self.brought(code)?, Some(password_hash))
    }

    fn join_workspace(
        &self,
        scope: &WorkspaceScope,
        brought: &Code,
        invitation: &Invitation,
    ) -> Result<InvitationAccepted, AdminError> {
        let member = Member {
            id: MemberId::from_random(draw::bytes()?),
            workspace: scope.workspace().clone(),
            email: invitation.email.clone(),
            joined_at: now_ms(),
        };
        let (raw, token) = self.personal_token(scope.workspace(), invitation, &member)?;
        self.store
            .join_workspace(scope, &self.actor, brought, &member, &token)?;
        Ok(InvitationAccepted::Workspace {
            member: member.id.as_str().to_owned(),
            email: member.email.to_string(),
            token: Box::new(self.token_created(scope, &raw, token)?),
        })
    }

    fn join_team(
        &self,
        brought: &Code,
        password: Option<&str>,
    ) -> Result<InvitationAccepted, AdminError> {
        let joined = self.store.join_team(&self.actor, brought, password)?;
        Ok(InvitationAccepted::Team {
            id: joined.id.as_str().to_owned(),
            email: joined.email,
        })
    }

    fn personal_token(
        &self,
        workspace: &WorkspaceId,
        invitation: &Invitation,
        member: &Member,
    ) -> Result<(toolgate_policy::RawToken, Token), AdminError> {
        let InvitedTo::Workspace {
            role,
            rules,
            token_ms,
            ..
        } = &invitation.to
        else {
            return Err(StoreError::NoInvitation.into());
        };
        let new = NewToken {
            role: *role,
            expires_in: token_ms.map(Duration::from_millis),
            tools: rules.patterns().to_vec(),
            ..NewToken::named(member.email.as_str())
        };
        draw_token(
            workspace,
            &new,
            TokenGrant {
                member: Some(member.id.clone()),
                per_minute: self.store.settings()?.plan().requests_per_minute,
                ends_by: None,
            },
        )
    }

    /// A code that somebody brings. What cannot be one is not looked up, and answered as one that opens nothing.
    fn brought(&self, code: &str) -> Result<Code, AdminError> {
        let digest = InvitationCode::digest_of(code).ok_or(StoreError::NoInvitation)?;
        Ok(Code {
            digest,
            now_ms: self.judged_ms()?,
        })
    }

    /// Everything that can be refused before anything is changed.
    fn draft(
        &self,
        email: &str,
        to: InvitedTo,
        invited_by: Option<&str>,
        password: &MailPassword,
    ) -> Result<Draft, AdminError> {
        let email: Email = email.parse()?;
        if let Some(name) = invited_by {
            crate::workspace::check_name(name, "person who invites", 1, INVITED_BY_MAX)?;
        }
        let mailer = self.mailer(password)?;
        let dashboard = self.store.setting(DASHBOARD_URL)?;
        if mailer.is_some() && dashboard.is_none() {
            return Err(MailError::NoLink.into());
        }
        let code = InvitationCode::from_random(draw::bytes()?);
        let now = self.judged_ms()?;
        Ok(Draft {
            invitation: Invitation {
                id: InvitationId::from_random(draw::bytes()?),
                email,
                to,
                digest: code.digest(),
                created_at: now,
                expires_at: now.saturating_add(millis(HOLDS)),
            },
            link: dashboard.map(|url| {
                let url = url.trim_end_matches('/');
                Secret::new(format!("{url}/invite/{}", code.expose()))
            }),
            code,
            mailer,
            invited_by: invited_by.map(|name| name.trim().to_owned()),
        })
    }
}

/// An invitation that is not saved yet.
struct Draft {
    invitation: Invitation,
    code: InvitationCode,
    link: Option<Secret<String>>,
    mailer: Option<Mailer>,
    invited_by: Option<String>,
}

/// Mails an invitation that was saved, or hands its link back.
fn deliver(draft: Draft, to: &str, what_for: &str) -> InvitationMade {
    let Draft {
        invitation,
        code,
        link,
        mailer,
        invited_by,
    } = draft;
    let expires_at = rfc3339(invitation.expires_at);
    let mail = match (&mailer, &link) {
        (Some(mailer), Some(link)) => {
            let who = invited_by.unwrap_or_else(|| mailer.sender());
            let letter = Letter {
                id: invitation.id.as_str(),
                to: &invitation.email,
                subject: format!("Invitation to {to}"),
                text: text(&who, to, what_for, link.expose(), &expires_at),
            };
            match mailer.send(letter) {
                Ok(()) => Mailed::Sent,
                Err(NotSent { error, hint }) => Mailed::Failed {
                    error,
                    hint: hint.to_owned(),
                },
            }
        }
        _ => Mailed::NotConfigured,
    };
    let handed_over = mail != Mailed::Sent;
    let (role, tools, token_ms) = match invitation.to {
        InvitedTo::Team => (None, None, None),
        InvitedTo::Workspace {
            role,
            rules,
            token_ms,
            ..
        } => (Some(role), Some(rules.patterns().to_vec()), token_ms),
    };
    InvitationMade {
        id: invitation.id.as_str().to_owned(),
        email: invitation.email.to_string(),
        workspace: None,
        role,
        tools,
        token_expires_in: token_ms.map(|ms| ms / 1_000),
        expires_at,
        mail,
        code: handed_over.then(|| code.expose().to_owned()),
        link: link
            .filter(|_| handed_over)
            .map(|link| link.expose().clone()),
    }
}

/// What a mail says.
fn text(who: &str, to: &str, what_for: &str, link: &str, until: &str) -> String {
    let until = until.get(..16).unwrap_or(until).replace('T', " ");
    format!(
        "{who} invites you to {to}.\n\n\
        Open this link to {what_for}. It works once, until {until} UTC:\n\n\
        {link}\n\n\
        Did you not expect this? Then leave it: without the link nothing happens.\n"
    )
}

impl fmt::Debug for InvitationMade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InvitationMade")
            .field("id", &self.id)
            .field("email", &self.email)
            .field("workspace", &self.workspace)
            .field("mail", &self.mail)
            .finish_non_exhaustive()
    }
}
