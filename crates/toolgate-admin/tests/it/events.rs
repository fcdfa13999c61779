//! S-85: every administrative act that changes something leaves its event, and no act is missing here.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use toolgate_admin::{
    Actor, AdminError, AlertRule, AuditQuery, Classification, KeysToRotate, MailPassword, NewAlert,
    NewInvitation, NewMasterKey, NewToken, PlanChange, ReadOnlyMay, Role, Secret, SecretOwner,
    ServerChange, ServerIdentity, WorkspaceFile, WorkspaceScope, WorkspaceSettings,
};
use toolgate_store::{OfferedTool, OperatorRow, Ruling};

use crate::home::{Home, http};

type Act = fn(&Home, &WorkspaceScope) -> Result<(), AdminError>;

/// The function with the store's change in it, the act, and the events it leaves, oldest first.
const ACTS: &[(&str, Act, &[&str])] = &[
    (
        "add_workspace_at",
        |home, _| home.admin.create_workspace("more", "").map(drop),
        &["workspace.create", "token.create"],
    ),
    (
        "update_workspace",
        |home, scope| {
            let settings = WorkspaceSettings {
                read_only: Some(ReadOnlyMay::All),
                ..WorkspaceSettings::default()
            };
            home.admin.update_workspace(scope, settings).map(drop)
        },
        &["workspace.change"],
    ),
    (
        "create_operator_key",
        |home, _| home.admin.create_operator_key("deploy", None).map(drop),
        &["operator_key.create"],
    ),
    (
        "revoke_operator_key",
        |home, _| home.admin.revoke_operator_key("ci").map(drop),
        &["operator_key.revoke"],
    ),
    (
        "change_server",
        |home, scope| {
            let change = ServerChange {
                timeout: Some(std::time::Duration::from_secs(1)),
                ..ServerChange::default()
            };
            home.admin.change_server(scope, "notes", &change).map(drop)
        },
        &["server.change"],
    ),
    (
        "create_token",
        |home, scope| {
            let token = NewToken::named("alice");
            home.admin.create_token(scope, &token).map(drop)
        },
        &["token.create"],
    ),
    (
        "change_token",
        |home, scope| {
            let token = home.admin.list_tokens(scope)?.remove(0);
            let role = Some(Role::Developer);
            home.admin
                .change_token(scope, &token.id, role, None)
                .map(drop)
        },
        &["token.change"],
    ),
    (
        "revoke_token",
        |home, scope| {
            let token = home.admin.list_tokens(scope)?.remove(0);
            home.admin.revoke_token(scope, &token.id).map(drop)
        },
        &["token.revoke"],
    ),
    (
        "invite_member",
        |home, scope| invite(home, scope, "bob@example.com").map(drop),
        &["member.invite"],
    ),
    (
        "revoke_invitation",
        |home, scope| {
            let admin = &home.admin;
            admin.revoke_invitation(scope, "open@example.com").map(drop)
        },
        &["invitation.revoke"],
    ),
    (
        "join_workspace",
        |home, scope| {
            let code = invite(home, scope, "bob@example.com")?;
            home.admin.accept_invitation(&code).map(drop)
        },
        &["member.invite", "member.join", "token.create"],
    ),
    (
        "remove_member",
        |home, scope| {
            let admin = &home.admin;
            admin.remove_member(scope, "alice@example.com").map(drop)
        },
        &["token.revoke", "member.remove"],
    ),
    (
        "invite_to_team",
        |home, _| invite_to_team(home).map(drop),
        &["team.invite"],
    ),
    (
        "join_team",
        |home, _| {
            let code = invite_to_team(home)?;
            home.admin.accept_invitation(&code).map(drop)
        },
        &["team.invite", "team.join"],
    ),
    (
        "remove_from_team",
        |home, _| {
            invite_to_team(home)?;
            home.admin.remove_from_team("carol@example.com").map(drop)
        },
        &["team.invite", "team.remove"],
    ),
    (
        "set_plan",
        |home, _| {
            let change = PlanChange {
                name: Some("pro".to_owned()),
                ..PlanChange::default()
            };
            home.admin.set_plan(&change).map(drop)
        },
        &["setting.change"],
    ),
    (
        "set_setting",
        |home, _| home.admin.set_setting("retention_days", "9").map(drop),
        &["setting.change"],
    ),
    (
        "unset_setting",
        |home, _| {
            home.admin.set_setting("retention_days", "9")?;
            home.admin.unset_setting("retention_days").map(drop)
        },
        &["setting.change", "setting.unset"],
    ),
    (
        "save_spec",
        |home, scope| {
            let server = http("github", "https://1.1.1.1/mcp");
            home.admin.add_server(scope, &server).map(drop)
        },
        &["server.add"],
    ),
    (
        "configure_server",
        |home, _| {
            let url = "https://1.0.0.1/mcp";
            apply(
                home,
                &format!("[[servers]]\nname = \"notes\"\nurl = \"{url}\"\n"),
            )
        },
        &["server.change"],
    ),
    (
        "order_servers",
        |home, scope| {
            home.admin
                .save_server(scope, &http("a", "https://1.1.1.1/a"))?;
            let servers = ["a", "notes"].map(|name| {
                let url = if name == "a" {
                    "https://1.1.1.1/a"
                } else {
                    "https://1.1.1.1/mcp"
                };
                format!("[[servers]]\nname = \"{name}\"\nurl = \"{url}\"\n")
            });
            apply(home, &servers.concat())
        },
        &["server.add", "server.change", "server.change"],
    ),
    (
        "settle_tool",
        |home, _| {
            let server = "[[servers]]\nname = \"notes\"\nurl = \"https://1.1.1.1/mcp\"\n";
            apply(
                home,
                &format!("{server}tools.unseen = {{ enabled = false }}\n"),
            )
        },
        &["tool.settle"],
    ),
    (
        "switch_server",
        |home, scope| home.admin.switch_server(scope, "notes", false).map(drop),
        &["server.disable"],
    ),
    (
        "remove_server",
        |home, scope| home.admin.remove_server(scope, "notes").map(drop),
        &["server.remove"],
    ),
    (
        "switch_tool",
        |home, scope| {
            let admin = &home.admin;
            admin.switch_tool(scope, "notes", "search", false).map(drop)
        },
        &["tool.disable"],
    ),
    (
        "classify_tool",
        |home, scope| {
            let word = Classification::ReadOnly;
            home.admin
                .classify_tool(scope, "notes", "search", word)
                .map(drop)
        },
        &["tool.classify"],
    ),
    (
        "approve_tool",
        |home, scope| {
            let hash = "09".repeat(32);
            home.admin
                .approve_tool(scope, "notes", "fresh", &hash)
                .map(drop)
        },
        &["tool.approve"],
    ),
    (
        "approve_server",
        |home, scope| {
            let review = home.admin.review_servers(scope, Some("notes"))?.remove(0);
            home.admin
                .approve_server(scope, "notes", &review.hash)
                .map(drop)
        },
        &["server.approve"],
    ),
    (
        "rotate_keys",
        |home, scope| {
            let which = KeysToRotate::Workspace(scope);
            home.admin
                .rotate_keys(which, &NewMasterKey::InPlace)
                .map(drop)
        },
        &["key.rotate"],
    ),
    (
        "accept_clock",
        |home, _| home.admin.accept_clock().map(drop),
        &["clock.correct"],
    ),
    (
        "try_seal",
        |home, scope| {
            let value = Secret::new("not-a-real-value".to_owned());
            home.admin
                .set_secret(scope, SecretOwner::Workspace, "OTHER", &value)
                .map(drop)
        },
        &["secret.set"],
    ),
    (
        "delete_secret",
        |home, scope| {
            home.admin
                .delete_secret(scope, SecretOwner::Workspace, "API_TOKEN")
                .map(drop)
        },
        &["secret.delete"],
    ),
    (
        "create_backup",
        |home, _| home.admin.create_backup(None, false).map(drop),
        &["backup.create"],
    ),
    (
        "create_alert",
        |home, scope| {
            home.admin
                .create_alert(Some(scope), &alert("second"))
                .map(drop)
        },
        &["alert.create"],
    ),
    (
        "switch_alert",
        |home, scope| {
            home.admin
                .switch_alert(Some(scope), "first", false)
                .map(drop)
        },
        &["alert.disable"],
    ),
    (
        "delete_alert",
        |home, scope| home.admin.delete_alert(Some(scope), "first").map(drop),
        &["alert.delete"],
    ),
    (
        "claim_installation",
        |home, _| {
            let password = Secret::new("correct horse battery".to_owned());
            home.admin
                .claim_installation("A@example.com ", &password)
                .map(drop)
        },
        &["operator.create"],
    ),
    (
        "set_operator_password",
        |home, _| {
            let password = Secret::new("another horse battery".to_owned());
            home.admin
                .set_operator_password("b@example.com", &password)
                .map(drop)
        },
        &["operator.password"],
    ),
    (
        "remove_operator",
        |home, _| home.admin.remove_operator("b@example.com").map(drop),
        &["operator.remove"],
    ),
    (
        "note_sign_in",
        |home, _| home.admin.note_sign_in("op_1", "b@example.com"),
        &["session.start"],
    ),
    (
        "note_failed_sign_ins",
        |home, _| home.admin.note_failed_sign_ins("192.0.2.1"),
        &["session.refuse"],
    ),
    (
        "delete_workspace",
        |home, scope| home.admin.delete_workspace(scope).map(drop),
        &["workspace.delete"],
    ),
];

/// Invites somebody, and gives the code.
fn invite(home: &Home, scope: &WorkspaceScope, email: &str) -> Result<String, AdminError> {
    let new = NewInvitation::to(email);
    let made = home
        .admin
        .invite_member(scope, &new, &MailPassword::default())?;
    Ok(made.code.unwrap())
}

fn invite_to_team(home: &Home) -> Result<String, AdminError> {
    let made = home
        .admin
        .invite_to_team("carol@example.com", None, &MailPassword::default())?;
    Ok(made.code.unwrap())
}

fn alert(name: &str) -> NewAlert {
    NewAlert {
        name: name.to_owned(),
        rule: AlertRule::Pins,
        url: "https://1.1.1.1/hook".to_owned(),
        secret: None,
        allow_private: false,
    }
}

/// One of everything.
/// Puts servers of a file into force.
fn apply(home: &Home, servers: &str) -> Result<(), AdminError> {
    let text = format!("version = 1\nslug = \"team\"\nname = \"team\"\n{servers}");
    let plan = home
        .admin
        .plan_file(&WorkspaceFile::parse(&text)?, None, false)?;
    home.admin.apply_file(plan).map(drop)
}

fn full_home() -> (Home, WorkspaceScope) {
    let (home, scope) = Home::with_team();
    let server = http("notes", "https://1.1.1.1/mcp");
    home.admin.add_server(&scope, &server).unwrap();
    home.save_tools(&scope, "notes", &[("search", "{}")]);
    await_reviews(&home, &scope);
    home.admin.create_operator_key("ci", None).unwrap();
    let value = Secret::new("not-a-real-value".to_owned());
    home.admin
        .set_secret(&scope, SecretOwner::Workspace, "API_TOKEN", &value)
        .unwrap();
    let code = invite(&home, &scope, "alice@example.com").unwrap();
    home.admin.accept_invitation(&code).unwrap();
    invite(&home, &scope, "open@example.com").unwrap();
    home.admin
        .create_alert(Some(&scope), &alert("first"))
        .unwrap();
    // Invited, so that the installation is still to be claimed.
    let invited = OperatorRow {
        id: "op_b".to_owned(),
        email: "b@example.com".to_owned(),
        password: None,
        created_at: 1,
        joined_at: None,
        last_used_at: None,
    };
    home.store()
        .create_operator(&Actor::gateway(), &invited, false)
        .unwrap();
    (home, scope)
}

/// A tool of the server is held, and the server says that it is another one.
fn await_reviews(home: &Home, scope: &WorkspaceScope) {
    let (store, gateway) = (home.store(), Actor::gateway());
    let id = store
        .server(scope, &"notes".try_into().unwrap())
        .unwrap()
        .id;
    let offered = ["search", "fresh"].map(|name| OfferedTool {
        name: name.to_owned(),
        definition: format!(r#"{{"name":"{name}","inputSchema":{{}}}}"#).into_bytes(),
        hash: [9; 32],
    });
    store
        .observe_tools(scope, &gateway, &id, &offered, |_| {
            Ruling::Hold("it is new".into())
        })
        .unwrap();
    for name in ["notes", "other"] {
        let seen = ServerIdentity::default().named(name);
        store.observe_server(scope, &gateway, &id, &seen).unwrap();
    }
}

#[test]
fn s85_every_act_leaves_its_event() {
    for (name, act, events) in ACTS {
        let (home, scope) = full_home();
        let before = home.store().audit_head().unwrap().sequence;
        act(&home, &scope).unwrap();
        let rows = home.admin.list_audit(&AuditQuery::newest(100)).unwrap();
        let new: Vec<&str> = rows
            .iter()
            .filter(|row| row.sequence > before)
            .map(|row| row.action.as_str())
            .collect();
        assert_eq!(new, *events, "{name}");
        assert!(
            rows.iter()
                .rev()
                .take(new.len())
                .all(|row| row.actor == "operator test")
        );
    }
}

/// Every function that hands its actor to the store is in the list above.
#[test]
fn s85_the_inventory_is_complete() {
    let mut changing = BTreeSet::new();
    for file in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        let source = fs::read_to_string(file).unwrap();
        for (at, _) in source.match_indices("&self.actor") {
            let start = source[..at].rfind("fn ").unwrap() + 3;
            let name = source[start..].split(['(', '<']).next().unwrap();
            changing.insert(name.to_owned());
        }
    }
    // Show the actor or keep it, and change nothing.
    for other in ["fmt", "begin_once", "finish_once"] {
        changing.remove(other);
    }
    let known: BTreeSet<String> = ACTS.iter().map(|(name, ..)| (*name).to_owned()).collect();
    assert_eq!(changing, known);
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else {
            found.push(path);
        }
    }
    found
}
