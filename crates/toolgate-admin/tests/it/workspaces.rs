//! Workspaces and the active one (product.md section 3).

use toolgate_admin::{
    AdminError, AuditQuery, Fault, NewToken, ReadOnlyMay, Secret, SecretOwner, WorkspaceSettings,
};

use crate::home::{Home, http};

#[test]
fn a_new_workspace_brings_url_token_and_the_block_to_paste() {
    let home = Home::new();
    let made = home.admin.create_workspace("Team tools", "ours").unwrap();
    assert_eq!(made.slug, "team-tools");
    assert_eq!(made.url, "http://127.0.0.1:8420/ws/team-tools");
    let block = serde_json::to_value(&made.mcp_json).unwrap();
    let entry = &block["mcpServers"]["team-tools"];
    assert_eq!(entry["url"], made.url);
    assert_eq!(
        entry["headers"]["Authorization"],
        format!("Bearer {}", made.token)
    );
    let tokens = home
        .admin
        .list_tokens(&home.admin.scope("team-tools").unwrap())
        .unwrap();
    assert_eq!(tokens.len(), 1);
    assert_eq!(tokens[0].id, made.token_id);
    assert_eq!(tokens[0].role.as_str(), "admin");
}

#[test]
fn a_taken_slug_gets_a_number() {
    let home = Home::new();
    let slugs: Vec<String> = (0..3)
        .map(|_| home.admin.create_workspace("Team", "").unwrap().slug)
        .collect();
    assert_eq!(slugs, ["team", "team-2", "team-3"]);
}

#[test]
fn names_have_two_to_eighty_characters() {
    let home = Home::new();
    for name in ["", "a", " a ", "a\nb", &"a".repeat(81)] {
        let error = home.admin.create_workspace(name, "").unwrap_err();
        assert_eq!(error.fault(), Fault::Invalid, "{name:?}");
    }
    assert!(home.admin.list_workspaces().unwrap().is_empty());
}

#[test]
fn the_public_url_setting_shows_in_urls() {
    let home = Home::new();
    home.store()
        .set_setting(
            &crate::home::actor(),
            "public_url",
            "https://tools.example.com/",
        )
        .unwrap();
    let made = home.admin.create_workspace("team", "").unwrap();
    assert_eq!(made.url, "https://tools.example.com/ws/team");
}

#[test]
fn without_a_workspace_one_named_default_is_made_and_activated() {
    let home = Home::new();
    let target = home.admin.target(None).unwrap();
    assert!(target.made);
    assert_eq!(target.scope.slug().as_str(), "default");
    assert!(home.admin.list_workspaces().unwrap()[0].active);
    assert!(!home.admin.target(None).unwrap().made);
}

#[test]
fn the_only_workspace_is_the_target_and_several_need_a_choice() {
    let (home, scope) = Home::with_team();
    assert_eq!(home.admin.target(None).unwrap().scope, scope);
    home.admin.create_workspace("other", "").unwrap();
    let error = home.admin.target(None).unwrap_err();
    assert!(matches!(error, AdminError::NoActiveWorkspace { .. }));
    let hint = error.hint().unwrap();
    for slug in ["team", "other"] {
        assert!(
            hint.contains(&format!("toolgatectl workspace use {slug}")),
            "{hint}"
        );
    }
    home.admin.activate(&scope).unwrap();
    assert_eq!(home.admin.target(None).unwrap().scope, scope);
    let named = home.admin.target(Some("other")).unwrap();
    assert_eq!(named.scope.slug().as_str(), "other");
}

#[test]
fn an_unknown_workspace_is_not_found_and_the_hint_names_the_others() {
    let (home, _) = Home::with_team();
    for slug in ["nope", "Not A Slug", "", "'; drop table workspaces"] {
        let error = home.admin.scope(slug).unwrap_err();
        assert_eq!(error.fault(), Fault::NotFound);
        assert!(error.hint().unwrap().contains("team"));
    }
}

#[test]
fn deleting_takes_tokens_servers_and_secrets_and_the_choice() {
    let (home, scope) = Home::with_team();
    home.admin
        .create_token(&scope, &NewToken::named("bob"))
        .unwrap();
    home.admin
        .add_server(&scope, &http("notes", "https://1.1.1.1/mcp"))
        .unwrap();
    home.admin
        .set_secret(
            &scope,
            SecretOwner::Server("notes"),
            "TOKEN",
            &Secret::new("fake-value-1".into()),
        )
        .unwrap();
    home.admin.activate(&scope).unwrap();
    let contents = home.admin.workspace_contents(&scope).unwrap();
    assert_eq!(
        (contents.tokens, contents.servers, contents.secrets),
        (2, 1, 1)
    );
    let deleted = home.admin.delete_workspace(&scope).unwrap();
    assert_eq!(
        (
            deleted.tokens_revoked,
            deleted.servers_removed,
            deleted.secrets_deleted
        ),
        (2, 1, 1)
    );
    assert!(home.admin.list_workspaces().unwrap().is_empty());
    assert!(home.admin.list_tokens(&scope).unwrap().is_empty());
    // The name is free again, and the choice does not point at whoever takes it next.
    home.admin.create_workspace("team", "").unwrap();
    assert!(!home.admin.list_workspaces().unwrap()[0].active);
}

#[test]
fn a_workspace_can_open_every_tool_to_read_only_tokens() {
    let (home, scope) = Home::with_team();
    let updated = home
        .admin
        .update_workspace(&scope, read_only_all())
        .unwrap();
    assert_eq!(updated.read_only, ReadOnlyMay::All);
    let listed = home.admin.list_workspaces().unwrap();
    assert_eq!(listed[0].read_only, ReadOnlyMay::All);
}

#[test]
fn s83_every_change_is_in_the_audit_trail() {
    let (home, scope) = Home::with_team();
    home.admin
        .add_server(&scope, &http("notes", "https://1.1.1.1/mcp"))
        .unwrap();
    home.admin.remove_server(&scope, "notes").unwrap();
    let rows = home.admin.list_audit(&AuditQuery::newest(100)).unwrap();
    let actions: Vec<&str> = rows.iter().map(|row| row.action.as_str()).collect();
    for action in [
        "workspace.create",
        "token.create",
        "server.add",
        "server.remove",
    ] {
        assert!(actions.contains(&action), "{actions:?}");
    }
    assert!(rows.iter().all(|row| row.actor == "operator test"));
    assert!(rows.is_sorted_by_key(|row| row.sequence));
    assert_eq!(
        home.admin.list_audit(&AuditQuery::newest(1)).unwrap()[0].action,
        "server.remove"
    );
}

fn read_only_all() -> WorkspaceSettings {
    WorkspaceSettings {
        read_only: Some(ReadOnlyMay::All),
        ..WorkspaceSettings::default()
    }
}
