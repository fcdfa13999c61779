//! Tools that are for some roles only, whatever they do (S-40).

use toolgate_policy::{
    Classification, Denied, Role, Standing, ToolAccess, ToolRules, may_see, permit_call,
};

use crate::support::principal;

/// S-40: below the least role a tool is neither seen nor called, also where read-only tokens may call everything.
#[test]
fn s40_nobody_below_the_least_role_has_the_tool() {
    for least in Role::ALL {
        for role in Role::ALL {
            let tool = ToolAccess {
                exposed: "toolgate__list_tokens",
                full: "toolgate__list_tokens",
                classification: Classification::ReadOnly,
                standing: Standing::Approved,
                least,
                read_only_may_call_all: true,
            };
            let denied = permit_call(principal(role, ToolRules::all()), tool, ()).err();
            let expected = (role < least).then_some(Denied::Role);
            assert_eq!(denied, expected, "{role} below {least}");
            let seen = may_see(&principal(role, ToolRules::all()), tool);
            assert_eq!(seen, role >= least, "{role} below {least}");
        }
    }
}
