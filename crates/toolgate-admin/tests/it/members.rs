//! People: invited by a code that works once, given a token, removed with all of theirs (product.md section 13).

use std::time::Duration;

use toolgate_admin::{
    AdminError, AuditQuery, Fault, InvitationAccepted, InvitationMade, MailPassword, Mailed,
    NewInvitation, NewToken, Role, TokenCreated, WorkspaceScope,
};

use crate::home::Home;

fn invite(home: &Home, scope: &WorkspaceScope, email: &str) -> InvitationMade {
    home.admin
        .invite_member(scope, &NewInvitation::to(email), &MailPassword::default())
        .unwrap()
}

/// Invites and accepts.
fn join(home: &Home, scope: &WorkspaceScope, email: &str) -> TokenCreated {
    let code = invite(home, scope, email).code.unwrap();
    joined(home.admin.accept_invitation(&code).unwrap())
}

fn joined(accepted: InvitationAccepted) -> TokenCreated {
    match accepted {
        InvitationAccepted::Workspace { token, .. } => *token,
        InvitationAccepted::Team { .. } => panic!("that was to a workspace"),
    }
}

#[track_caller]
fn refused<T: std::fmt::Debug>(outcome: Result<T, AdminError>, fault: Fault, message: &str) {
    let error = outcome.unwrap_err();
    assert_eq!(
        (error.fault(), error.to_string().as_str()),
        (fault, message)
    );
    assert!(error.hint().is_some(), "{error} says what to do");
}

#[test]
fn accepting_gives_a_personal_token_with_what_the_invitation_said() {
    let (home, scope) = Home::with_team();
    let new = NewInvitation {
        role: Role::ReadOnly,
        tools: vec!["github__*".to_owned()],
        expires_in: Some(Duration::from_hours(24)),
        ..NewInvitation::to(" Alice@Example.com ")
    };
    let made = home
        .admin
        .invite_member(&scope, &new, &MailPassword::default())
        .unwrap();
    assert_eq!(made.email, "alice@example.com");
    assert_eq!(made.mail, Mailed::NotConfigured);
    assert_eq!((made.link, made.token_expires_in), (None, Some(86_400)));
    let code = made.code.unwrap();

    let shown = home.admin.show_invitation(&code).unwrap();
    assert_eq!(shown.workspace.as_deref(), Some("team"));
    let token = joined(home.admin.accept_invitation(&code).unwrap());
    assert!(token.token.starts_with("mwt_"));
    assert_eq!(token.name, "alice@example.com");
    assert_eq!(token.member.as_deref(), Some("alice@example.com"));
    assert_eq!(
        (token.role, token.tools.as_slice()),
        (Role::ReadOnly, &["github__*".to_owned()][..])
    );
    assert!(token.expires_at.is_some());
    let tried = home
        .admin
        .inspect_token_text(&scope, &toolgate_admin::Secret::new(token.token))
        .unwrap();
    assert!(tried.accepted, "{tried:?}");
}

#[test]
fn a_code_works_once_and_only_the_newest() {
    let (home, scope) = Home::with_team();
    let first = invite(&home, &scope, "alice@example.com").code.unwrap();
    let second = invite(&home, &scope, "ALICE@example.com").code.unwrap();
    assert_eq!(home.admin.list_invitations(&scope).unwrap().len(), 1);
    let dead = "this invitation does not hold";
    refused(home.admin.accept_invitation(&first), Fault::Refused, dead);
    home.admin
        .accept_invitation(&format!("{second}\n"))
        .unwrap();
    refused(home.admin.accept_invitation(&second), Fault::Refused, dead);
    refused(home.admin.show_invitation(&second), Fault::Refused, dead);
    refused(
        home.admin.accept_invitation("inv_nonsense"),
        Fault::Refused,
        dead,
    );
    refused(home.admin.accept_invitation(""), Fault::Refused, dead);
    let taken_back = invite(&home, &scope, "bob@example.com").code.unwrap();
    home.admin
        .revoke_invitation(&scope, "bob@example.com")
        .unwrap();
    refused(
        home.admin.accept_invitation(&taken_back),
        Fault::Refused,
        dead,
    );
}

#[test]
fn a_code_is_nowhere_in_the_installation() {
    let (home, scope) = Home::with_team();
    let made = invite(&home, &scope, "alice@example.com");
    let code = made.code.clone().unwrap();
    assert!(!format!("{made:?}").contains(&code));
    for file in home.files() {
        let bytes = std::fs::read(&file).unwrap_or_default();
        let found = bytes
            .windows(code.len())
            .any(|part| part == code.as_bytes());
        assert!(!found, "{}", file.display());
    }
    let rows = home.admin.list_audit(&AuditQuery::newest(100)).unwrap();
    assert!(!format!("{rows:?}").contains(&code));
}

#[test]
fn the_list_has_members_and_who_is_invited() {
    let (home, scope) = Home::with_team();
    let token = join(&home, &scope, "alice@example.com");
    invite(&home, &scope, "bob@example.com");
    let listed = home.admin.list_members(&scope).unwrap();
    let brief: Vec<_> = listed
        .iter()
        .map(|one| (one.email.as_str(), one.status, one.token_status, one.tokens))
        .collect();
    assert_eq!(
        brief,
        [
            ("alice@example.com", "active", "active", 1),
            ("bob@example.com", "invited", "none", 0)
        ]
    );
    assert!(listed[0].joined_at.is_some() && listed[1].expires_at.is_some());
    home.admin.revoke_token(&scope, &token.id).unwrap();
    let listed = home.admin.list_members(&scope).unwrap();
    assert_eq!((listed[0].token_status, listed[0].tokens), ("revoked", 0));
}

/// S-41: at once, all of theirs, nobody else's.
#[test]
fn s41_removing_a_member_revokes_their_tokens_alone() {
    let (home, scope) = Home::with_team();
    join(&home, &scope, "alice@example.com");
    join(&home, &scope, "bob@example.com");
    let second = NewToken {
        member: Some("alice@example.com".to_owned()),
        ..NewToken::named("her laptop")
    };
    home.admin.create_token(&scope, &second).unwrap();
    let removed = home
        .admin
        .remove_member(&scope, "Alice@example.com")
        .unwrap();
    assert_eq!(removed.tokens_revoked, 2);
    for token in home.admin.list_tokens(&scope).unwrap() {
        let hers = token.name == "alice@example.com" || token.name == "her laptop";
        assert_eq!(token.status == "revoked", hers, "{token:?}");
        if token.name == "her laptop" {
            assert_eq!(token.member.as_deref(), Some(removed.id.as_str()));
        }
    }
    refused(
        home.admin.remove_member(&scope, "alice@example.com"),
        Fault::NotFound,
        "no member `alice@example.com` in workspace `team`",
    );
    refused(
        home.admin.create_token(&scope, &second),
        Fault::NotFound,
        "no member `alice@example.com` in workspace `team`",
    );
    // She may come back.
    join(&home, &scope, "alice@example.com");
}

#[test]
fn what_cannot_be_is_refused_with_what_to_do() {
    let (home, scope) = Home::with_team();
    join(&home, &scope, "alice@example.com");
    let none = MailPassword::default();
    let invite_as = |new: &NewInvitation| home.admin.invite_member(&scope, new, &none);
    refused(
        invite_as(&NewInvitation::to("alice")),
        Fault::Invalid,
        "`alice` is not an e-mail address",
    );
    refused(
        invite_as(&NewInvitation::to("alice@example.com")),
        Fault::Refused,
        "`alice@example.com` is a member of workspace `team` already",
    );
    let excluding = NewInvitation {
        tools: vec!["!github__*".to_owned()],
        ..NewInvitation::to("bob@example.com")
    };
    refused(
        invite_as(&excluding),
        Fault::Invalid,
        "the tool patterns exclude tools and allow none",
    );
    refused(
        home.admin.revoke_invitation(&scope, "bob@example.com"),
        Fault::NotFound,
        "no invitation for `bob@example.com` to workspace `team`",
    );
    invite(&home, &scope, "bob@example.com");
    let error = home
        .admin
        .remove_member(&scope, "bob@example.com")
        .unwrap_err();
    assert!(
        error.hint().unwrap().contains("invitation revoke"),
        "{error}"
    );
}

/// S-46: a person of one workspace is nobody in another.
#[test]
fn s46_people_of_another_workspace_are_unknown() {
    let (home, team) = Home::with_team();
    home.admin.create_workspace("other", "").unwrap();
    let other = home.admin.scope("other").unwrap();
    join(&home, &team, "alice@example.com");
    let alice = home.admin.list_members(&team).unwrap().remove(0);
    let open = invite(&home, &team, "bob@example.com");
    for who in [
        alice.id.as_str(),
        "alice@example.com",
        "mem_00000000000000000000000000",
    ] {
        let error = home.admin.remove_member(&other, who).unwrap_err();
        assert_eq!(error.fault(), Fault::NotFound);
        assert_eq!(
            error.to_string(),
            format!("no member `{who}` in workspace `other`")
        );
    }
    let error = home.admin.revoke_invitation(&other, &open.id).unwrap_err();
    assert_eq!(error.fault(), Fault::NotFound);
    assert!(home.admin.list_members(&other).unwrap().is_empty());
    // The code says to which workspace; nobody can take it to another.
    let token = joined(home.admin.accept_invitation(&open.code.unwrap()).unwrap());
    assert_eq!(token.workspace, "team");
}

#[test]
fn the_team_is_invited_and_joins_without_a_token() {
    let home = Home::new();
    let invite = |email: &str| {
        home.admin
            .invite_to_team(email, None, &MailPassword::default())
            .unwrap()
    };
    let made = invite("carol@example.com");
    assert_eq!((made.workspace, made.role), (None, None));
    let code = made.code.unwrap();
    assert_eq!(home.admin.list_team().unwrap()[0].status, "pending");
    let shown = home.admin.show_invitation(&code).unwrap();
    assert_eq!(
        (shown.email.as_str(), shown.workspace),
        ("carol@example.com", None)
    );
    home.admin.accept_invitation(&code).unwrap();
    assert_eq!(home.admin.list_team().unwrap()[0].status, "active");
    refused(
        home.admin
            .invite_to_team("carol@example.com", None, &MailPassword::default()),
        Fault::Refused,
        "`carol@example.com` is in the team already",
    );
    let code = invite("dave@example.com").code.unwrap();
    let accepted = home
        .admin
        .accept_team_invitation(&code, "$argon2id$v=19$made-up")
        .unwrap();
    assert!(matches!(accepted, InvitationAccepted::Team { .. }));
    home.admin.remove_from_team("Carol@example.com").unwrap();
    refused(
        home.admin.remove_from_team("carol@example.com"),
        Fault::NotFound,
        "no `carol@example.com` in the team",
    );
    assert_eq!(home.admin.list_team().unwrap().len(), 1);
}

/// A code to a workspace gives nobody a password.
#[test]
fn a_code_to_a_workspace_does_not_open_the_team() {
    let (home, scope) = Home::with_team();
    let code = invite(&home, &scope, "alice@example.com").code.unwrap();
    refused(
        home.admin.accept_team_invitation(&code, "$argon2id$"),
        Fault::Refused,
        "this invitation does not hold",
    );
    home.admin.accept_invitation(&code).unwrap();
    assert!(home.admin.list_team().unwrap().is_empty());
}
