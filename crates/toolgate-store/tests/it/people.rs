//! Members, invitations and the team: whose is whose, and what goes with whom.

use toolgate_policy::{
    Email, InvitationId, MemberId, OperatorId, Role, Token, TokenDigest, ToolRules,
};
use toolgate_store::{Code, Invitation, InvitedTo, Member, StoreError, WorkspaceScope};

use crate::fixtures::{House, NOW, actor, refuses, token};

const HOUR: u64 = 3_600_000;

fn email(text: &str) -> Email {
    text.parse().unwrap()
}

/// An invitation whose code has the digest `n`.
fn invitation(scope: Option<&WorkspaceScope>, to: &str, n: u8) -> Invitation {
    Invitation {
        id: InvitationId::from_random([n; 16]),
        email: email(to),
        to: match scope {
            None => InvitedTo::Team,
            Some(scope) => InvitedTo::Workspace {
                workspace: scope.workspace().clone(),
                role: Role::ReadOnly,
                rules: ToolRules::parse(["github__*"]).unwrap(),
                token_ms: Some(HOUR),
            },
        },
        digest: TokenDigest([n; 32]),
        created_at: NOW,
        expires_at: NOW + HOUR,
    }
}

fn code(n: u8, now_ms: u64) -> Code {
    Code {
        digest: TokenDigest([n; 32]),
        now_ms,
    }
}

fn member(scope: &WorkspaceScope, who: &str, n: u8) -> Member {
    Member {
        id: MemberId::from_random([n; 16]),
        workspace: scope.workspace().clone(),
        email: email(who),
        joined_at: NOW,
    }
}

fn token_of(scope: &WorkspaceScope, member: &Member, n: u8) -> Token {
    Token {
        member: Some(member.id.clone()),
        ..token(scope, n)
    }
}

/// Invites and joins.
fn join(house: &House, scope: &WorkspaceScope, who: &str, n: u8) -> Member {
    let member = member(scope, who, n);
    join_with(house, scope, who, &token_of(scope, &member, n));
    member
}

/// Makes a member whose first token is this one.
pub(crate) fn join_with(house: &House, scope: &WorkspaceScope, who: &str, token: &Token) {
    let store = &house.store;
    let member = Member {
        id: token.member.clone().unwrap(),
        ..member(scope, who, 0)
    };
    store
        .invite(scope, &actor(), &invitation(Some(scope), who, 200))
        .unwrap();
    store
        .join_workspace(scope, &actor(), &code(200, NOW), &member, token)
        .unwrap();
}

fn actions(house: &House) -> Vec<String> {
    let rows = house.store.audit(100).unwrap();
    rows.into_iter().rev().map(|row| row.action).collect()
}

#[test]
fn an_invitation_comes_back_as_it_was_made_until_it_is_used() {
    let house = House::new();
    let scope = house.workspace("acme", 1);
    let made = invitation(Some(&scope), "alice@example.com", 7);
    house.store.invite(&scope, &actor(), &made).unwrap();
    let open = house.store.invitations(&scope).unwrap();
    assert_eq!(open.as_slice(), std::slice::from_ref(&made));
    let (found, slug) = house.store.invitation_of(&code(7, NOW)).unwrap();
    assert_eq!((found, slug.as_ref()), (made, Some(scope.slug())));

    let alice = member(&scope, "alice@example.com", 1);
    let token = token_of(&scope, &alice, 1);
    house
        .store
        .join_workspace(&scope, &actor(), &code(7, NOW), &alice, &token)
        .unwrap();
    let members = house.store.members(&scope).unwrap();
    assert_eq!(members.as_slice(), std::slice::from_ref(&alice));
    assert_eq!(house.store.list_tokens(&scope).unwrap(), [token]);
    assert_eq!(house.store.invitations(&scope).unwrap(), []);
    let again = member(&scope, "alice@example.com", 2);
    let second = token_of(&scope, &again, 2);
    refuses(
        house
            .store
            .join_workspace(&scope, &actor(), &code(7, NOW), &again, &second),
        "this invitation does not hold",
    );
    let refused = house.store.invite(
        &scope,
        &actor(),
        &invitation(Some(&scope), "alice@example.com", 8),
    );
    assert!(matches!(
        refused,
        Err(StoreError::Taken { what: "member", .. })
    ));
    assert_eq!(
        actions(&house)[2..],
        ["member.invite", "member.join", "token.create"]
    );
}

/// S-36: whatever opens nothing reads the same, whyever.
#[test]
fn s36_a_code_that_opens_nothing_says_nothing() {
    let house = House::new();
    let (a, b) = (house.workspace("alpha", 1), house.workspace("bravo", 2));
    let store = &house.store;
    for (who, n) in [
        ("late@example.com", 1),
        ("back@example.com", 2),
        ("old@example.com", 3),
    ] {
        store
            .invite(&a, &actor(), &invitation(Some(&a), who, n))
            .unwrap();
    }
    store
        .revoke_invitation(&a, &actor(), &InvitationId::from_random([2; 16]))
        .unwrap();
    store
        .invite(&a, &actor(), &invitation(Some(&a), "old@example.com", 4))
        .unwrap();
    let before = actions(&house);
    for (what, code, scope) in [
        ("expired", code(1, NOW + HOUR), &a),
        ("taken back", code(2, NOW), &a),
        ("replaced", code(3, NOW), &a),
        ("never made", code(99, NOW), &a),
        ("to another workspace", code(4, NOW), &b),
    ] {
        let nobody = member(scope, "nobody@example.com", 9);
        let token = token_of(scope, &nobody, 9);
        let joined = store.join_workspace(scope, &actor(), &code, &nobody, &token);
        refuses(joined, "this invitation does not hold");
        refuses(
            store.join_team(&actor(), &code, None),
            "this invitation does not hold",
        );
        if what != "to another workspace" {
            let shown = store.invitation_of(&code).unwrap_err();
            assert_eq!(shown.to_string(), "this invitation does not hold", "{what}");
        }
    }
    assert_eq!(actions(&house), before, "nothing happened");
    store.invitation_of(&code(4, NOW)).unwrap();
    store.invitation_of(&code(1, NOW + HOUR - 1)).unwrap();
}

/// S-41, S0: removing a member revokes that member's tokens and nobody else's.
#[test]
fn s41_a_removed_member_takes_their_tokens_along_and_no_others() {
    let house = House::new();
    let scope = house.workspace("acme", 1);
    let (alice, bob) = (
        join(&house, &scope, "alice@example.com", 1),
        join(&house, &scope, "bob@example.com", 2),
    );
    let second = token_of(&scope, &alice, 3);
    house.store.create_token(&scope, &actor(), &second).unwrap();
    let gone = token_of(&scope, &alice, 4);
    house.store.create_token(&scope, &actor(), &gone).unwrap();
    house
        .store
        .revoke_token(&scope, &actor(), &gone.id, NOW)
        .unwrap();
    house.add_token(&scope, 5);
    let before = actions(&house).len();

    let revoked = house
        .store
        .remove_member(&scope, &actor(), &alice.id, NOW + 5)
        .unwrap();
    assert_eq!(revoked, 2);
    let tokens = house.store.list_tokens(&scope).unwrap();
    for token in &tokens {
        let theirs = token.member.as_ref() == Some(&alice.id);
        assert_eq!(token.revoked_at.is_some(), theirs, "{token:?}");
    }
    assert_eq!(house.store.members(&scope).unwrap(), [bob]);
    assert_eq!(
        actions(&house)[before..],
        ["token.revoke", "token.revoke", "member.remove"]
    );
    house.store.verify_audit([]).unwrap();
    // Whoever was about to give her another one is late.
    refuses(
        house
            .store
            .create_token(&scope, &actor(), &token_of(&scope, &alice, 6)),
        &format!("no member `{}` in this workspace", alice.id),
    );
}

#[test]
fn s46_people_of_another_workspace_read_as_unknown() {
    let house = House::new();
    let (a, b) = (house.workspace("alpha", 1), house.workspace("bravo", 2));
    let alice = join(&house, &a, "alice@example.com", 1);
    let open = invitation(Some(&a), "carol@example.com", 2);
    house.store.invite(&a, &actor(), &open).unwrap();

    let store = &house.store;
    assert_eq!(store.members(&b).unwrap(), []);
    assert_eq!(store.invitations(&b).unwrap(), []);
    refuses(
        store.remove_member(&b, &actor(), &alice.id, NOW),
        &format!("no member `{}` in this workspace", alice.id),
    );
    refuses(
        store.revoke_invitation(&b, &actor(), &open.id),
        &format!("no invitation `{}` in this workspace", open.id),
    );
    refuses(
        store.create_token(&b, &actor(), &token_of(&b, &alice, 8)),
        &format!("no member `{}` in this workspace", alice.id),
    );
    refuses(
        store.invite(&b, &actor(), &open),
        "a invitation that belongs elsewhere was given",
    );
    // One address may be in both, and be removed from one.
    let there = join(&house, &b, "alice@example.com", 3);
    store.remove_member(&b, &actor(), &there.id, NOW).unwrap();
    assert_eq!(store.members(&a).unwrap(), [alice]);
    assert!(store.list_tokens(&a).unwrap()[0].revoked_at.is_none());
}

#[test]
fn a_deleted_workspace_takes_its_people_along() {
    let house = House::new();
    let scope = house.workspace("acme", 1);
    join(&house, &scope, "alice@example.com", 1);
    // Open by any clock that this test may run under.
    let open = Invitation {
        expires_at: u64::from(u32::MAX) * 1_000,
        ..invitation(Some(&scope), "carol@example.com", 2)
    };
    house.store.invite(&scope, &actor(), &open).unwrap();
    assert_eq!(house.store.usage().unwrap().members, 2);
    house.store.delete_workspace(&scope, &actor()).unwrap();
    assert_eq!(house.store.usage().unwrap().members, 0);
    refuses(
        house.store.invitation_of(&code(2, NOW)),
        "this invitation does not hold",
    );
}

#[test]
fn the_team_is_invited_joins_and_leaves() {
    let house = House::new();
    let store = &house.store;
    let id = |n| OperatorId::from_random([n; 16]);
    let first = invitation(None, "carol@example.com", 1);
    store.invite_to_team(&actor(), &id(1), &first).unwrap();
    // Once more: the row stays, the code is another.
    let second = invitation(None, "carol@example.com", 2);
    store.invite_to_team(&actor(), &id(2), &second).unwrap();
    let team = store.team().unwrap();
    assert_eq!(team.len(), 1);
    assert_eq!((&team[0].id, team[0].joined_at), (&id(1), None));
    assert_eq!(team[0].invited_until, Some(NOW + HOUR));
    refuses(
        store.join_team(&actor(), &code(1, NOW), None),
        "this invitation does not hold",
    );

    let joined = store
        .join_team(&actor(), &code(2, NOW + 1), Some("$argon2id$"))
        .unwrap();
    assert_eq!(joined.joined_at, Some(NOW + 1));
    let again = store.invite_to_team(&actor(), &id(3), &invitation(None, "carol@example.com", 3));
    assert!(matches!(again, Err(StoreError::Taken { .. })), "{again:?}");

    store.remove_from_team(&actor(), &id(1)).unwrap();
    assert_eq!(store.team().unwrap(), []);
    refuses(
        store.remove_from_team(&actor(), &id(1)),
        &format!("no team member `{}` in this workspace", id(1)),
    );
    assert_eq!(
        actions(&house)[1..],
        ["team.invite", "team.invite", "team.join", "team.remove"]
    );
    // An open invitation goes with whoever is removed.
    let open = invitation(None, "dave@example.com", 4);
    store.invite_to_team(&actor(), &id(4), &open).unwrap();
    store.remove_from_team(&actor(), &id(4)).unwrap();
    refuses(
        store.invitation_of(&code(4, NOW)),
        "this invitation does not hold",
    );
}

#[test]
fn s35_only_the_digest_of_a_code_is_kept_and_r08_rows_are_sealed() {
    let house = House::new();
    let scope = house.workspace("acme", 1);
    join(&house, &scope, "alice@example.com", 1);
    let open = invitation(Some(&scope), "bob@example.com", 2);
    house.store.invite(&scope, &actor(), &open).unwrap();
    assert!(house.store.seal_contents().unwrap());
    // Opens again: what people and invitations are is under the seal.
    assert_eq!(house.other_store().invitations(&scope).unwrap(), [open]);
}
