//! What an invitation opens, for whoever holds its code. It tells nothing but the invitation.

use hyper::{Method, StatusCode};
use toolgate_admin::{Admin, InvitationAccepted, InvitationMade, InvitationShown, Mailed};

use crate::Caller;
use crate::input::Nothing;
use crate::operation::Operation;
use crate::problem::Problem;

const CODE: &str = "/api/invite/{code}";

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::open::<Nothing, _>(
            (Method::GET, CODE),
            ("showInvitation", "What an invitation is to"),
            show,
        ),
        Operation::open(
            (Method::POST, CODE),
            (
                "acceptInvitation",
                "Accept an invitation to a workspace: a personal token, shown once",
            ),
            accept,
        )
        .creates(),
    ]
}

fn show(admin: &Admin, code: &str, _: Nothing) -> Result<InvitationShown, Problem> {
    Ok(admin.show_invitation(code)?)
}

fn accept(admin: &Admin, code: &str, _: Nothing) -> Result<InvitationAccepted, Problem> {
    // Without a password it would be used up, and nobody could sign in.
    if admin.show_invitation(code)?.workspace.is_none() {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "refused",
            "this invitation is to the team, which takes a password to sign in with",
        )
        .hint("open its link in a browser and choose one"));
    }
    Ok(admin.accept_invitation(code)?)
}

/// An invitation as told to whoever made it: what a mail server says is for who runs the installation (S-21).
pub(super) fn told(caller: &Caller, mut made: InvitationMade) -> InvitationMade {
    if let Mailed::Failed { error, hint } = &mut made.mail
        && !caller.is_operator()
    {
        "it was not taken; whoever runs the installation can say why".clone_into(error);
        "hand the link over; `toolgatectl settings mail-test` says what is wrong".clone_into(hint);
    }
    made
}
