//! Plans: one more is refused beyond a limit, what is there stays (product.md section 25).

use toolgate_policy::{Email, InvitationId, OperatorId, TokenDigest};
use toolgate_store::plan::PLAN;
use toolgate_store::settings::RETENTION_DAYS;
use toolgate_store::{Invitation, InvitedTo, NewWorkspace, Plan, StoreError};

use crate::fixtures::{House, actor, http_server, refuses, workspace_slug};

fn put(house: &House, plan: &Plan) {
    let json = serde_json::to_string(plan).unwrap();
    house.store.set_setting(&actor(), PLAN, &json).unwrap();
}

fn new_workspace(house: &House, slug: &str, n: u8) -> Result<(), StoreError> {
    let id = toolgate_namespace::WorkspaceId::from_random([n; 16]);
    let (_, key) = house.key.new_workspace_key(id.as_str()).unwrap();
    let new = NewWorkspace {
        id,
        slug: workspace_slug(slug),
        name: slug.to_owned(),
        description: String::new(),
        key,
        created_at: 1,
    };
    house.store.create_workspace(&actor(), new).map(drop)
}

#[test]
fn an_installation_starts_without_limits_but_for_servers() {
    let plan = House::new().store.settings().unwrap().plan();
    assert_eq!(plan, Plan::default());
    assert_eq!(plan.servers_per_workspace, Some(50));
    assert_eq!(plan.requests_per_minute, Some(120));
    let limits = [
        plan.workspaces,
        plan.secrets_per_workspace,
        plan.members,
        plan.calls_per_month,
    ];
    assert_eq!(limits, [None; 4]);
    assert_eq!(plan.retention_days, None);
}

#[test]
fn a_plan_is_read_as_it_was_written() {
    for plan in Plan::built_in() {
        let json = serde_json::to_string(&plan).unwrap();
        assert_eq!(Plan::parse(&json).as_ref(), Some(&plan), "{json}");
    }
    assert_eq!(
        Plan::parse(r#"{"name":"ours","workspaces":2,"servers_per_workspace":null}"#),
        Some(Plan {
            name: "ours".to_owned(),
            workspaces: Some(2),
            servers_per_workspace: None,
            ..Plan::default()
        })
    );
    for json in [
        "",
        "{}x",
        r#"{"name":""}"#,
        r#"{"name":"a b"}"#,
        r#"{"workspaces":-1}"#,
        r#"{"workspaces":"3"}"#,
        r#"{"servers":3}"#,
        r#"{"retention_days":0}"#,
        r#"{"requests_per_minute":0}"#,
    ] {
        assert_eq!(Plan::parse(json), None, "{json}");
    }
    let house = House::new();
    refuses(
        house.store.set_setting(&actor(), PLAN, "{}x"),
        "setting `plan`: it must be the JSON of a plan, as `toolgatectl plan show --json` prints it",
    );
}

#[test]
fn one_more_than_the_plan_allows_is_refused_with_what_to_do() {
    let house = House::new();
    let scope = house.workspace("acme", 1);
    let server = house.add_server(&scope, "github", 1);
    house.put_secret(&scope, None, "API_TOKEN");
    put(
        &house,
        &Plan {
            name: "tiny".to_owned(),
            workspaces: Some(1),
            servers_per_workspace: Some(1),
            secrets_per_workspace: Some(1),
            members: Some(1),
            ..Plan::default()
        },
    );
    let before = house.store.audit_head().unwrap();

    let refused = new_workspace(&house, "more", 2).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "plan `tiny` limits workspaces to 1, and there is 1"
    );
    assert!(refused.hint().unwrap().contains("plan set --workspaces"));
    let second = http_server(&scope, "second", 2);
    let refused = house
        .store
        .add_server(&scope, &actor(), &second)
        .unwrap_err();
    assert_eq!(
        refused.to_string(),
        "plan `tiny` limits servers in a workspace to 1, and there is 1"
    );
    assert!(refused.hint().unwrap().contains("plan set --servers"));
    let row = house.seal(&scope, None, "OTHER", "not-a-real-secret");
    let refused = house.store.put_secret(&scope, &actor(), &row).unwrap_err();
    assert!(
        refused.hint().unwrap().contains("plan set --secrets"),
        "{refused}"
    );
    assert_eq!(
        house.store.audit_head().unwrap(),
        before,
        "nothing was changed"
    );

    // A new value is not one more, and neither is a server that comes after another left.
    house.put_secret(&scope, None, "API_TOKEN");
    house
        .store
        .remove_server(&scope, &actor(), &server.id)
        .unwrap();
    house.store.add_server(&scope, &actor(), &second).unwrap();
}

#[test]
fn a_person_counts_once_however_often_they_are_invited() {
    let house = House::new();
    let (a, b) = (house.workspace("alpha", 1), house.workspace("bravo", 2));
    put(
        &house,
        &Plan {
            members: Some(2),
            ..Plan::default()
        },
    );
    let far = u64::from(u32::MAX) * 1_000;
    let invite = |scope: Option<&toolgate_store::WorkspaceScope>, who: &str, n: u8| {
        let email: Email = who.parse().unwrap();
        let mut one = Invitation {
            id: InvitationId::from_random([n; 16]),
            email,
            to: InvitedTo::Team,
            digest: TokenDigest([n; 32]),
            created_at: 1,
            expires_at: far,
        };
        let Some(scope) = scope else {
            let id = OperatorId::from_random([n; 16]);
            return house.store.invite_to_team(&actor(), &id, &one);
        };
        one.to = InvitedTo::Workspace {
            workspace: scope.workspace().clone(),
            role: toolgate_policy::Role::Developer,
            rules: toolgate_policy::ToolRules::all(),
            token_ms: None,
        };
        house.store.invite(scope, &actor(), &one)
    };
    invite(Some(&a), "alice@example.com", 1).unwrap();
    invite(Some(&b), "alice@example.com", 2).unwrap();
    invite(None, "alice@example.com", 3).unwrap();
    invite(Some(&a), "bob@example.com", 4).unwrap();
    assert_eq!(house.store.usage().unwrap().members, 2);
    for scope in [Some(&a), None] {
        let refused = invite(scope, "carol@example.com", 5).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "plan `self-hosted` limits people to 2, and there are 2"
        );
    }
    invite(Some(&a), "bob@example.com", 6).unwrap();
}

#[test]
fn what_is_there_above_a_lowered_limit_stays() {
    let house = House::new();
    let scope = house.workspace("acme", 1);
    house.add_server(&scope, "one", 1);
    house.add_server(&scope, "two", 2);
    put(
        &house,
        &Plan {
            servers_per_workspace: Some(1),
            ..Plan::default()
        },
    );
    assert_eq!(house.store.servers(&scope).unwrap().len(), 2);
    let refused = house
        .store
        .add_server(&scope, &actor(), &http_server(&scope, "three", 3));
    assert!(matches!(
        refused,
        Err(StoreError::OverLimit {
            used: 2,
            max: 1,
            ..
        })
    ));
}

#[test]
fn calls_are_remembered_no_longer_than_the_plan_lets_them_be() {
    let house = House::new();
    let days = |house: &House| house.store.settings().unwrap().retention_days();
    assert_eq!(days(&house), 30);
    house
        .store
        .set_setting(&actor(), RETENTION_DAYS, "90")
        .unwrap();
    assert_eq!(days(&house), 90);
    put(
        &house,
        &Plan {
            retention_days: Some(7),
            ..Plan::default()
        },
    );
    assert_eq!(days(&house), 7);
    assert!(house.store.unset_setting(&actor(), PLAN).unwrap());
    assert!(!house.store.unset_setting(&actor(), PLAN).unwrap());
    assert_eq!(days(&house), 90);
    let last = &house.store.audit(1).unwrap()[0];
    assert_eq!(
        (last.action.as_str(), last.object.as_str()),
        ("setting.unset", PLAN)
    );
}
