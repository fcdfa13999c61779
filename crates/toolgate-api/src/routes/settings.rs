//! Settings of the installation.

use hyper::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toolgate_admin::{SettingChanged, SettingListed};

use crate::input::Nothing;
use crate::operation::{Act, AuthPolicy, Operation};
use crate::problem::Problem;

#[derive(Debug, Serialize, JsonSchema)]
struct Settings {
    /// By name.
    settings: Vec<SettingListed>,
}

/// What a setting is to be.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("required" = ["value"]))]
struct SettingWanted {
    /// The value; null = back to the default.
    #[serde(deserialize_with = "Option::deserialize")]
    value: Option<String>,
}

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(
            (Method::GET, "/api/settings"),
            AuthPolicy::Operator,
            ("listSettings", "List the settings of the installation"),
            list,
        ),
        Operation::new(
            (Method::PATCH, "/api/settings/{setting}"),
            AuthPolicy::Operator,
            ("changeSetting", "Change a setting"),
            change,
        ),
    ]
}

fn list(act: &Act<'_>, _: Nothing, _: Nothing) -> Result<Settings, Problem> {
    let settings = act.admin.list_settings()?;
    Ok(Settings { settings })
}

fn change(act: &Act<'_>, _: Nothing, wanted: SettingWanted) -> Result<SettingChanged, Problem> {
    let name = act.param("setting");
    Ok(match wanted.value {
        Some(value) => act.admin.set_setting(name, &value)?,
        None => act.admin.unset_setting(name)?,
    })
}
