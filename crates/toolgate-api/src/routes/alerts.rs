//! Alerts: what is watched, and where a webhook goes when it happens.
//!
//! The paths below a workspace are about its alerts, those without one about the installation's.

use hyper::Method;
use schemars::JsonSchema;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use toolgate_admin::{
    AlertCreated, AlertDeleted, AlertListed, AlertRule, AlertSwitched, AlertTested, NewAlert,
};

use crate::fields::whole;
use crate::input::Nothing;
use crate::operation::{Act, AuthPolicy, Operation};
use crate::page::{PageQuery, page};
use crate::problem::Problem;

const ALL: &str = "/api/community/mcp/workspaces/{ws}/alerts";
const ONE: &str = "/api/community/mcp/workspaces/{ws}/alerts/{alert}";
const TEST: &str = "/api/community/mcp/workspaces/{ws}/alerts/{alert}/test";

#[derive(Debug, Serialize, JsonSchema)]
struct Alerts {
    /// Oldest first.
    alerts: Vec<AlertListed>,
    /// What to send as `cursor` for more; null = this is the end.
    next_cursor: Option<String>,
}

/// An alert to make.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct AlertWanted {
    /// What people call it.
    #[schemars(length(min = 1, max = 80))]
    name: String,
    /// What it watches.
    #[serde(deserialize_with = "rule")]
    rule: AlertRule,
    /// Where the webhook goes: `https`, at a public address.
    url: String,
    /// The secret of the workspace that signs the webhook.
    secret: Option<String>,
}

/// Whether an alert is looked at.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct AlertSwitch {
    /// Whether it is.
    enabled: bool,
}

pub(super) fn operations() -> Vec<Operation> {
    let of_one = below(
        [ALL, ONE, TEST],
        AuthPolicy::Admin,
        [
            "listAlerts",
            "createAlert",
            "switchAlert",
            "deleteAlert",
            "testAlert",
        ],
    );
    let of_all = below(
        [
            "/api/alerts",
            "/api/alerts/{alert}",
            "/api/alerts/{alert}/test",
        ],
        AuthPolicy::Operator,
        [
            "listAllAlerts",
            "createInstallationAlert",
            "switchInstallationAlert",
            "deleteInstallationAlert",
            "testInstallationAlert",
        ],
    );
    of_one.into_iter().chain(of_all).collect()
}

fn below(
    [all, one, test]: [&'static str; 3],
    access: AuthPolicy,
    ids: [&'static str; 5],
) -> [Operation; 5] {
    let [listing, creating, switching, deleting, testing] = ids;
    [
        Operation::new(
            (Method::GET, all),
            access,
            (listing, "List alerts and how they stand"),
            list,
        ),
        Operation::new(
            (Method::POST, all),
            access,
            (creating, "Make an alert"),
            create,
        )
        .creates(),
        Operation::new(
            (Method::PATCH, one),
            access,
            (switching, "Switch an alert on or off"),
            switch,
        ),
        Operation::new(
            (Method::DELETE, one),
            access,
            (deleting, "Delete an alert"),
            delete,
        ),
        Operation::new(
            (Method::POST, test),
            access,
            (testing, "Send a sample of an alert's webhook now"),
            try_out,
        ),
    ]
}

/// A rule, whose numbers JSON may write with a point and zeros.
fn rule<'de, D: Deserializer<'de>>(from: D) -> Result<AlertRule, D::Error> {
    let mut members: Map<String, Value> = Deserialize::deserialize(from)?;
    for value in members.values_mut() {
        if let Some(number) = value.as_f64().and_then(whole) {
            *value = number.into();
        }
    }
    // What is wrong with it would be told with what was given (S-21).
    AlertRule::deserialize(Value::Object(members)).map_err(|_| {
        D::Error::custom("a rule has a kind, such as `pins`, and exactly what belongs to that kind")
    })
}

fn list(act: &Act<'_>, query: PageQuery, _: Nothing) -> Result<Alerts, Problem> {
    let by_age = |alert: &AlertListed| vec![alert.created_at.clone(), alert.id.clone()];
    let all = act.admin.list_alerts(act.workspace)?;
    let (alerts, next_cursor) = page(all, query.limit, query.cursor.as_deref(), by_age)?;
    Ok(Alerts {
        alerts,
        next_cursor,
    })
}

fn create(act: &Act<'_>, _: Nothing, wanted: AlertWanted) -> Result<AlertCreated, Problem> {
    let new = NewAlert {
        name: wanted.name,
        rule: wanted.rule,
        url: wanted.url,
        secret: wanted.secret,
        allow_private: false,
    };
    Ok(act.admin.create_alert(act.workspace, &new)?)
}

fn switch(act: &Act<'_>, _: Nothing, wanted: AlertSwitch) -> Result<AlertSwitched, Problem> {
    let alert = act.param("alert");
    Ok(act
        .admin
        .switch_alert(act.workspace, alert, wanted.enabled)?)
}

fn delete(act: &Act<'_>, _: Nothing, _: Nothing) -> Result<AlertDeleted, Problem> {
    Ok(act.admin.delete_alert(act.workspace, act.param("alert"))?)
}

fn try_out(act: &Act<'_>, _: Nothing, _: Nothing) -> Result<AlertTested, Problem> {
    Ok(act.admin.test_alert(act.workspace, act.param("alert"))?)
}
