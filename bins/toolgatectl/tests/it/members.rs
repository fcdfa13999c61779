//! Members, team, plans and settings, as people and programs see them.

use serde_json::{Value, json};

use crate::installation::{Installation, names};

#[track_caller]
fn shape(value: &Value, members: &[&str]) {
    let mut expected = members.to_vec();
    expected.sort_unstable();
    assert_eq!(names(value), expected);
}

#[track_caller]
fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no `{part}` in:\n{text}");
    }
}

fn team() -> Installation {
    let home = Installation::new();
    home.ok(&["workspace", "create", "team"]);
    home
}

const INVITE: &[&str] = &["workspace", "member", "invite", "team"];

#[test]
fn members_from_invitation_to_removal() {
    let home = team();
    let made = home.one(
        &[
            INVITE,
            &[
                "alice@example.com",
                "--role",
                "read-only",
                "--expires-in",
                "14d",
            ],
        ]
        .concat(),
    );
    shape(
        &made,
        &[
            "id",
            "email",
            "workspace",
            "role",
            "tools",
            "token_expires_in",
            "expires_at",
            "mail",
            "code",
            "link",
        ],
    );
    assert_eq!(made["mail"], json!({ "state": "not_configured" }));
    assert_eq!(made["token_expires_in"], 14 * 86_400);
    let listed = home.json(&["workspace", "member", "list", "team"]);
    shape(
        &listed[0],
        &[
            "id",
            "email",
            "status",
            "role",
            "joined_at",
            "last_active_at",
            "token_status",
            "tokens",
            "calls",
            "expires_at",
        ],
    );
    assert_eq!(listed[0]["status"], "invited");

    let code = made["code"].as_str().unwrap();
    let fed = home.feed(&["workspace", "member", "accept", "--json"], code);
    assert_eq!(fed.code, 0, "{fed:?}");
    let joined: Value = serde_json::from_str(&fed.out).unwrap();
    shape(&joined, &["joined", "member", "email", "token"]);
    assert_eq!(joined["joined"], "workspace");
    assert_eq!(joined["token"]["member"], "alice@example.com");
    assert!(joined["token"]["mcp_json"]["mcpServers"]["team"].is_object());
    let again = home.run(&["workspace", "member", "accept", code]);
    assert_eq!(again.code, 4, "{again:?}");
    says(&again.err, &["does not hold", "hint:"]);

    let tokens = home.json(&["workspace", "token", "list", "team"]);
    assert_eq!(tokens[1]["member"], "alice@example.com");
    assert_eq!(tokens[0]["member"], Value::Null);
    let extra = home.one(&[
        "workspace",
        "token",
        "create",
        "team",
        "--name",
        "laptop",
        "--member",
        "Alice@example.com",
    ]);
    assert_eq!(extra["member"], "alice@example.com");

    let removed = home.one(&["workspace", "member", "remove", "team", "alice@example.com"]);
    shape(
        &removed,
        &[
            "id",
            "workspace",
            "email",
            "removed",
            "tokens_revoked",
            "gateway",
        ],
    );
    assert_eq!(removed["tokens_revoked"], 2);
    let states: Vec<_> = home
        .json(&["workspace", "token", "list", "team"])
        .iter()
        .map(|token| token["status"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(states, ["active", "revoked", "revoked"]);
}

#[test]
fn people_are_shown_as_people_read() {
    let home = team();
    says(
        &home.ok(&[INVITE, &["alice@example.com"]].concat()),
        &[
            "Invited alice@example.com to workspace team",
            "works once",
            "inv_",
            "hint:",
            "settings set dashboard_url",
        ],
    );
    home.ok(&[
        "settings",
        "set",
        "dashboard_url",
        "https://tools.example.com/",
    ]);
    let text = home.ok(&[INVITE, &["alice@example.com"]].concat());
    says(&text, &["https://tools.example.com/invite/inv_"]);
    says(
        &home.ok(&["workspace", "member", "list", "team"]),
        &[
            "EMAIL",
            "JOINED",
            "LAST ACTIVE",
            "TOKEN",
            "CALLS",
            "alice@example.com",
            "invited",
        ],
    );
    says(
        &home.ok(&["workspace", "invitation", "list", "team"]),
        &[
            "alice@example.com",
            "developer",
            "every enabled one",
            "open",
        ],
    );
    let code = text
        .split("/invite/")
        .nth(1)
        .unwrap()
        .split_whitespace()
        .next()
        .unwrap();
    says(
        &home.ok(&["workspace", "member", "accept", code]),
        &[
            "alice@example.com joined workspace team",
            "Member   alice@example.com",
            "mwt_",
        ],
    );
    says(
        &home.ok(&["workspace", "member", "remove", "team", "alice@example.com"]),
        &["Removed alice@example.com from workspace team: 1 token revoked"],
    );
    home.ok(&[INVITE, &["bob@example.com"]].concat());
    says(
        &home.ok(&[
            "workspace",
            "invitation",
            "revoke",
            "team",
            "bob@example.com",
        ]),
        &["Took the invitation of bob@example.com"],
    );
    says(
        &home.ok(&["workspace", "member", "list", "team"]),
        &["No members yet."],
    );
}

#[test]
fn the_team_from_invitation_to_removal() {
    let home = team();
    says(&home.ok(&["team", "list"]), &["Nobody yet", "team invite"]);
    let made = home.one(&["team", "invite", "carol@example.com"]);
    assert_eq!(
        (&made["workspace"], &made["role"]),
        (&Value::Null, &Value::Null)
    );
    let listed = home.json(&["team", "list"]);
    shape(
        &listed[0],
        &[
            "id",
            "email",
            "status",
            "joined_at",
            "last_used_at",
            "expires_at",
        ],
    );
    assert_eq!(listed[0]["status"], "pending");
    let joined = home.one(&["team", "accept", made["code"].as_str().unwrap()]);
    shape(&joined, &["joined", "id", "email"]);
    says(
        &home.ok(&["team", "list"]),
        &["MEMBER", "STATUS", "JOINED", "active"],
    );
    let removed = home.one(&["team", "remove", "carol@example.com"]);
    shape(&removed, &["id", "email", "removed"]);
    assert_eq!(home.run(&["team", "remove", "carol@example.com"]).code, 3);
}

#[test]
fn plans_are_shown_chosen_and_enforced() {
    let home = team();
    let plan = home.one(&["plan", "show"]);
    let members = [
        "name",
        "workspaces",
        "servers_per_workspace",
        "secrets_per_workspace",
        "members",
        "calls_per_month",
        "retention_days",
        "requests_per_minute",
    ];
    shape(&plan, &members);
    assert_eq!(
        (&plan["name"], &plan["servers_per_workspace"]),
        (&json!("self-hosted"), &json!(50))
    );
    says(
        &home.ok(&["plan", "list"]),
        &["PLAN", "free", "starter", "pro", "business", "unlimited"],
    );

    // It would delete records, so it asks.
    let asked = home.run(&["plan", "set", "free"]);
    assert_eq!(asked.code, 4, "{asked:?}");
    says(&asked.err, &["--yes"]);
    let set = home.one(&["plan", "set", "free", "--yes"]);
    shape(&set, &[&members[..], &["over", "gateway"]].concat());
    for name in ["two", "three"] {
        home.ok(&["workspace", "create", name]);
    }
    let refused = home.run(&["workspace", "create", "four"]);
    assert_eq!(refused.code, 4, "{refused:?}");
    says(
        &refused.err,
        &[
            "plan `free` limits workspaces to 3, and there are 3",
            "plan set --workspaces",
        ],
    );
    says(
        &home.ok(&["plan", "set", "--workspaces", "unlimited"]),
        &["Plan custom", "unlimited"],
    );
    home.ok(&["workspace", "create", "four"]);

    let set = home.one(&["plan", "set", "--workspaces", "2"]);
    assert_eq!(
        set["over"],
        json!([{ "limit": "workspaces", "workspace": null, "used": 4, "max": 2 }])
    );
    let usage = home.one(&["plan", "usage"]);
    shape(&usage, &["plan", "month", "limits"]);
    shape(&usage["limits"][0], &["limit", "workspace", "used", "max"]);
    says(
        &home.ok(&["plan", "usage"]),
        &["calls per month", "servers per workspace", "four", "4"],
    );
    assert_eq!(home.run(&["plan", "set", "gold"]).code, 3);
    assert_eq!(home.run(&["plan", "set", "--servers", "many"]).code, 2);
    assert_eq!(home.run(&["plan", "set"]).code, 2);
}

#[test]
fn settings_are_listed_shown_set_and_unset() {
    let home = team();
    let listed = home.json(&["settings", "list"]);
    shape(&listed[0], &["name", "value", "default", "about", "rule"]);
    says(
        &home.ok(&["settings", "list"]),
        &[
            "retention_days",
            "(default: 30)",
            "smtp_url",
            "(not set)",
            "dashboard_url",
        ],
    );
    let page = include_str!("../../../../docs/settings.md");
    let documented = page.lines().filter_map(|line| line.strip_prefix("| `"));
    let documented = documented.map(|row| row.split('`').next().unwrap());
    let documented: Vec<&str> = documented
        .take_while(|name| *name != "workspaces")
        .collect();
    let mut names: Vec<&str> = listed
        .iter()
        .map(|setting| setting["name"].as_str().unwrap())
        .collect();
    names.sort_unstable();
    let mut sorted = documented.clone();
    sorted.sort_unstable();
    assert_eq!(names, sorted, "docs/settings.md lists every setting");
    let set = home.one(&["settings", "set", "retention_days", "90"]);
    shape(
        &set,
        &["name", "value", "default", "about", "rule", "gateway"],
    );
    assert_eq!(
        home.one(&["settings", "get", "retention_days"])["value"],
        "90"
    );
    says(
        &home.ok(&["settings", "get", "retention_days"]),
        &["retention_days = 90", "from 1 to 3650"],
    );
    says(
        &home.ok(&["settings", "unset", "retention_days"]),
        &["retention_days is (default: 30) now"],
    );
    let refused = home.run(&["settings", "set", "retention_days", "ever"]);
    assert_eq!(refused.code, 2, "{refused:?}");
    says(&refused.err, &["it must be a number of days"]);
    let unknown = home.run(&["settings", "get", "retention"]);
    assert_eq!(unknown.code, 3, "{unknown:?}");
    says(&unknown.err, &["retention_days"]);
    let rows = home.ok(&["audit", "list", "--action", "setting"]);
    says(
        &rows,
        &["setting.change", "setting.unset", "retention_days"],
    );
}

#[test]
fn whoami_and_login_say_where_one_is() {
    let home = team();
    home.ok(&["workspace", "use", "team"]);
    let who = home.one(&["whoami"]);
    shape(
        &who,
        &[
            "actor",
            "installation",
            "master_key",
            "workspace",
            "workspaces",
            "team",
            "plan",
            "gateway_running",
            "url",
        ],
    );
    assert!(who["actor"].as_str().unwrap().starts_with("operator uid "));
    says(
        &home.ok(&["whoami"]),
        &["team (active, of 1)", "not running"],
    );
    says(
        &home.ok(&["login"]),
        &["No sign-in is needed", "team invite", "Installation"],
    );
}
