//! The decision, and the proof of it.

use crate::{Principal, Standing, ToolAccess};

/// Proof that policy allowed `T` to its principal.
///
/// The router takes nothing else, so a call that skipped the decision does not compile. Only
/// [`permit_call`] and [`permit_list`] make one; it cannot be built by hand,
///
/// ```compile_fail,E0451
/// # fn forge(principal: toolgate_policy::Principal) {
/// let forged = toolgate_policy::Permitted { principal, inner: "call" };
/// # }
/// ```
///
/// nor used twice:
///
/// ```compile_fail,E0599
/// # fn copy(permitted: toolgate_policy::Permitted<String>) {
/// let twice = (permitted.clone(), permitted);
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a permission does nothing until it is handed to the router"]
pub struct Permitted<T> {
    principal: Principal,
    inner: T,
}

impl<T> Permitted<T> {
    /// Who was permitted.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// What was permitted.
    pub fn inner(&self) -> &T {
        &self.inner
    }

    /// Both, by value: the permission is spent.
    pub fn into_parts(self) -> (Principal, T) {
        (self.principal, self.inner)
    }
}

/// Why a call was refused.
///
/// For records and for the admin's tools only: clients get the words for an unknown tool (P4.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The tool is held: new, changed, or of a quarantined server (S-50, S-52).
    #[error("the tool is held until somebody approves it")]
    Held,
    /// The tool is switched off.
    #[error("the tool is disabled")]
    Disabled,
    /// The token's role may not call tools of this kind, or is below the least that may have this one.
    #[error("the role does not allow tools of this kind")]
    Role,
    /// The token's tool rules leave it out.
    #[error("the tool rules of the token leave this tool out")]
    Rules,
}

/// Decides whether the principal may call the tool (S-40, S-54).
///
/// Expiry and revocation were weighed by [`Principal::authenticate`] for this request.
pub fn permit_call<T>(
    principal: Principal,
    tool: ToolAccess<'_>,
    call: T,
) -> Result<Permitted<T>, Denied> {
    decide(&principal, tool)?;
    Ok(Permitted {
        principal,
        inner: call,
    })
}

/// Permits listing, which every role may do; what is in the list is up to [`may_see`].
pub fn permit_list<T>(principal: Principal, list: T) -> Permitted<T> {
    Permitted {
        principal,
        inner: list,
    }
}

/// Whether the principal finds the tool in lists: exactly if it may call it (P4.5).
pub fn may_see(principal: &Principal, tool: ToolAccess<'_>) -> bool {
    decide(principal, tool).is_ok()
}

fn decide(principal: &Principal, tool: ToolAccess<'_>) -> Result<(), Denied> {
    match tool.standing {
        Standing::Approved => {}
        Standing::Held => return Err(Denied::Held),
        Standing::Disabled => return Err(Denied::Disabled),
    }
    let token = principal.token();
    let role = token.role;
    if role < tool.least || !role.may_call(tool.classification, tool.read_only_may_call_all) {
        return Err(Denied::Role);
    }
    if !token.rules.allow_tool(tool.exposed, tool.full) {
        return Err(Denied::Rules);
    }
    Ok(())
}
