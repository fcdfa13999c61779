//! Plans and settings, as an operator changes them (product.md section 25).

use toolgate_admin::{
    AdminError, Bound, Fault, MailPassword, NewInvitation, NewToken, PlanChange, PlanLimits,
};

use crate::home::{Home, http};

fn named(name: &str) -> PlanChange {
    PlanChange {
        name: Some(name.to_owned()),
        ..PlanChange::default()
    }
}

fn limits(limits: PlanLimits) -> PlanChange {
    PlanChange { name: None, limits }
}

#[track_caller]
fn over<T: std::fmt::Debug>(outcome: Result<T, AdminError>, message: &str, command: &str) {
    let error = outcome.unwrap_err();
    assert_eq!(
        (error.fault(), error.to_string().as_str()),
        (Fault::Refused, message)
    );
    assert!(
        error.hint().unwrap().contains(command),
        "{:?}",
        error.hint()
    );
}

#[test]
fn each_act_that_adds_something_asks_the_plan() {
    let (home, scope) = Home::with_team();
    let admin = &home.admin;
    admin
        .add_server(&scope, &http("one", "https://1.1.1.1/mcp"))
        .unwrap();
    let one = Some(Bound::AtMost(1));
    let set = admin
        .set_plan(&limits(PlanLimits {
            workspaces: one,
            servers: one,
            secrets: Some(Bound::AtMost(0)),
            members: Some(Bound::AtMost(0)),
            ..PlanLimits::default()
        }))
        .unwrap();
    assert_eq!((set.plan.name.as_str(), set.over.len()), ("custom", 0));
    over(
        admin.create_workspace("more", ""),
        "plan `custom` limits workspaces to 1, and there is 1",
        "`toolgatectl plan set --workspaces",
    );
    over(
        admin.add_server(&scope, &http("two", "https://1.1.1.1/mcp")),
        "plan `custom` limits servers in a workspace to 1, and there is 1",
        "`toolgatectl plan set --servers",
    );
    let value = toolgate_admin::Secret::new("not-a-real-value".to_owned());
    over(
        admin.set_secret(
            &scope,
            toolgate_admin::SecretOwner::Workspace,
            "API_TOKEN",
            &value,
        ),
        "plan `custom` limits secrets in a workspace to 0, and there are 0",
        "`toolgatectl plan set --secrets",
    );
    let none = MailPassword::default();
    over(
        admin.invite_member(&scope, &NewInvitation::to("a@example.com"), &none),
        "plan `custom` limits people to 0, and there are 0",
        "`toolgatectl plan set --members",
    );
    over(
        admin.invite_to_team("a@example.com", None, &none),
        "plan `custom` limits people to 0, and there are 0",
        "`toolgatectl plan set --members",
    );
    // Raised, it fits at once.
    admin.set_plan(&named("unlimited")).unwrap();
    admin.create_workspace("more", "").unwrap();
}

#[test]
fn usage_is_beside_each_limit_and_says_what_is_over() {
    let (home, scope) = Home::with_team();
    let admin = &home.admin;
    for slug in ["one", "two"] {
        admin
            .add_server(&scope, &http(slug, "https://1.1.1.1/mcp"))
            .unwrap();
    }
    let set = admin
        .set_plan(&limits(PlanLimits {
            servers: Some(Bound::AtMost(1)),
            ..PlanLimits::default()
        }))
        .unwrap();
    assert_eq!(set.over.len(), 1);
    assert_eq!(
        (
            set.over[0].limit,
            set.over[0].workspace.as_deref(),
            set.over[0].used,
            set.over[0].max
        ),
        ("servers_per_workspace", Some("team"), 2, Some(1))
    );
    let usage = admin.plan_usage().unwrap();
    let names: Vec<_> = usage.limits.iter().map(|one| one.limit).collect();
    assert_eq!(
        names,
        [
            "workspaces",
            "members",
            "calls_per_month",
            "servers_per_workspace",
            "secrets_per_workspace"
        ]
    );
    assert_eq!(usage.limits[0].used, 1);
    assert_eq!(usage.month.len(), 7);
}

#[test]
fn plans_are_chosen_by_name_and_bent() {
    let home = Home::new();
    let admin = &home.admin;
    assert_eq!(admin.plan().unwrap().name, "self-hosted");
    admin.set_plan(&named("pro")).unwrap();
    assert_eq!(admin.plan().unwrap().calls_per_month, Some(500_000));
    let bent = PlanChange {
        name: Some("free".to_owned()),
        limits: PlanLimits {
            members: Some(Bound::AtMost(5)),
            calls: Some(Bound::Unlimited),
            ..PlanLimits::default()
        },
    };
    admin.set_plan(&bent).unwrap();
    let plan = admin.plan().unwrap();
    assert_eq!(
        (
            plan.name.as_str(),
            plan.members,
            plan.calls_per_month,
            plan.workspaces
        ),
        ("custom", Some(5), None, Some(3))
    );
    let active: Vec<_> = admin.list_plans().unwrap();
    assert_eq!(active.iter().filter(|one| one.active).count(), 1);
    let unknown = admin.set_plan(&named("gold")).unwrap_err();
    assert_eq!(unknown.fault(), Fault::NotFound);
    assert!(unknown.hint().unwrap().contains("business"));
    let absurd = admin
        .set_plan(&limits(PlanLimits {
            retention_days: Some(Bound::AtMost(0)),
            ..PlanLimits::default()
        }))
        .unwrap_err();
    assert_eq!(absurd.fault(), Fault::Invalid);
}

#[test]
fn a_new_token_gets_the_rate_of_the_plan_unless_it_is_made_with_another() {
    let (home, scope) = Home::with_team();
    let rate = |admin: &toolgate_admin::Admin, given: Option<&str>| {
        let new = NewToken {
            rate_limit: given.map(str::to_owned),
            ..NewToken::named("x")
        };
        admin.create_token(&scope, &new).unwrap().rate_limit
    };
    assert_eq!(rate(&home.admin, None), Some(120));
    home.admin
        .set_plan(&limits(PlanLimits {
            requests_per_minute: Some(Bound::AtMost(30)),
            ..PlanLimits::default()
        }))
        .unwrap();
    assert_eq!(rate(&home.admin, None), Some(30));
    assert_eq!(rate(&home.admin, Some("500")), Some(500));
    assert_eq!(rate(&home.admin, Some("off")), None);
}

#[test]
fn settings_are_known_checked_and_taken_back() {
    let home = Home::new();
    let admin = &home.admin;
    let unset = admin.setting("retention_days").unwrap();
    assert_eq!((unset.value, unset.default), (None, Some("30")));
    let set = admin.set_setting("retention_days", " 90 ").unwrap();
    assert_eq!(set.setting.value.as_deref(), Some("90"));
    assert_eq!(admin.retention_days().unwrap(), 90);
    admin.unset_setting("retention_days").unwrap();
    assert_eq!(admin.retention_days().unwrap(), 30);

    for (name, value, fault) in [
        ("retention_days", "0", Fault::Invalid),
        (
            "smtp_url",
            "smtp://user:hunter2@mail.example.com",
            Fault::Invalid,
        ),
        ("dashboard_url", "http://tools.example.com", Fault::Invalid),
        ("retention", "3", Fault::NotFound),
    ] {
        let error = admin.set_setting(name, value).unwrap_err();
        assert_eq!(error.fault(), fault, "{error}");
        let said = format!("{error} {}", error.hint().unwrap());
        assert!(!said.contains("hunter2"), "{said}");
    }
    assert_eq!(
        admin.unset_setting("public_url").unwrap_err().fault(),
        Fault::Refused
    );
    let listed = admin.list_settings().unwrap();
    assert!(
        listed
            .iter()
            .all(|one| !one.about.is_empty() && !one.rule.is_empty())
    );
}

#[test]
fn nobody_remembers_longer_than_the_plan() {
    let home = Home::new();
    home.admin.set_plan(&named("starter")).unwrap();
    assert_eq!(home.admin.retention_days().unwrap(), 7);
    let error = home.admin.set_setting("retention_days", "8").unwrap_err();
    assert_eq!(
        error.to_string(),
        "plan `starter` remembers calls for 7 days at most"
    );
    home.admin.set_setting("retention_days", "3").unwrap();
    assert_eq!(home.admin.retention_days().unwrap(), 3);
}

#[test]
fn whoami_says_where_one_is() {
    let (home, scope) = Home::with_team();
    home.admin.activate(&scope).unwrap();
    let who = home.admin.whoami().unwrap();
    assert_eq!(who.actor, "operator test");
    assert_eq!(who.workspace.as_deref(), Some("team"));
    assert_eq!(
        (who.workspaces, who.team, who.gateway_running),
        (1, 0, false)
    );
}
