//! The installation as a whole: how it fares and what is wrong with it.

use hyper::Method;
use schemars::JsonSchema;
use serde::Serialize;
use toolgate_admin::{Finding, GatewayStatus, Level, gateway_status};

use crate::input::Nothing;
use crate::operation::{Act, AuthPolicy, Operation};
use crate::problem::Problem;

#[derive(Debug, Serialize, JsonSchema)]
struct Checked {
    /// Whether nothing was found that does not work.
    ok: bool,
    /// Everything that was looked at.
    findings: Vec<Finding>,
}

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(
            (Method::GET, "/api/status"),
            AuthPolicy::Operator,
            ("getStatus", "How the running gateway fares"),
            status,
        ),
        Operation::new(
            (Method::GET, "/api/doctor"),
            AuthPolicy::Operator,
            (
                "checkInstallation",
                "Check the installation and say how to mend what is wrong",
            ),
            check,
        ),
    ]
}

fn status(act: &Act<'_>, _: Nothing, _: Nothing) -> Result<GatewayStatus, Problem> {
    Ok(gateway_status(act.admin.dir())?)
}

fn check(act: &Act<'_>, _: Nothing, _: Nothing) -> Result<Checked, Problem> {
    let findings = act.admin.check()?;
    Ok(Checked {
        ok: findings
            .iter()
            .all(|finding| finding.level < Level::Problem),
        findings,
    })
}
