//! Everything the door refuses, with what to do about it.

use hyper::StatusCode;
use toolgate_admin::{AdminError, StoreError};

use super::draw;
use super::who::Proof;
use crate::problem::Problem;

/// Why a browser is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error("this browser is not signed in, or its session ended")]
    NotSignedIn,
    #[error("the change does not come from a page of this dashboard")]
    Forged,
    #[error("a change is sent as application/json")]
    NotJson,
    #[error("{0} is not right")]
    Wrong(Proof),
    #[error("too many tries")]
    TooMany { wait_ms: u64 },
    #[error("other passwords are being checked right now")]
    Busy,
    #[error("this takes {0} again")]
    ProofNeeded(Proof),
    #[error("this code opens nothing: it was used or taken back, or it is too late")]
    OpensNothing,
    #[error("what was sent is not understood")]
    Malformed,
    #[error("there is no such route")]
    NoRoute,
    #[error(transparent)]
    Admin(#[from] AdminError),
    #[error(transparent)]
    NoRandomness(#[from] draw::NoRandomness),
}

impl Refused {
    /// Why a code was refused: one answer for whatever opens nothing (S-36).
    pub(super) fn of_code(error: AdminError) -> Self {
        match error {
            AdminError::Store(StoreError::NoInvitation) => Self::OpensNothing,
            error => Self::Admin(error),
        }
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let problem =
            |status, code, hint: &str| Problem::new(status, code, refused.to_string()).hint(hint);
        match &refused {
            Refused::NotSignedIn => {
                problem(StatusCode::UNAUTHORIZED, "not_signed_in", "sign in again")
            }
            Refused::Forged => problem(
                StatusCode::FORBIDDEN,
                "forged",
                "reload the page; if it stays so, open the dashboard by the address `toolgatectl serve` printed",
            ),
            Refused::NotJson => problem(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "send `Content-Type: application/json`",
            ),
            Refused::Wrong(what) => {
                problem(StatusCode::UNAUTHORIZED, "wrong_credentials", what.hint())
            }
            Refused::TooMany { wait_ms } => {
                let seconds = wait_ms.div_ceil(1000);
                let hint = format!("try again in {seconds} s");
                problem(StatusCode::TOO_MANY_REQUESTS, "too_many_tries", &hint).retry_after(seconds)
            }
            Refused::Busy => problem(
                StatusCode::SERVICE_UNAVAILABLE,
                "busy",
                "try again in a second",
            )
            .retry_after(1),
            Refused::ProofNeeded(_) => problem(
                StatusCode::FORBIDDEN,
                "step_up_needed",
                "send it to `POST /api/session/step-up`, then try again",
            ),
            Refused::OpensNothing => problem(
                StatusCode::NOT_FOUND,
                "not_found",
                "ask whoever invited you for a new one",
            ),
            Refused::Malformed => Problem::malformed(refused.to_string())
                .hint("send email and password, or key, or token, as one JSON object"),
            Refused::NoRoute => Problem::no_such_path(),
            Refused::NoRandomness(_) => Problem::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "failed",
                refused.to_string(),
            ),
            Refused::Admin(_) => match refused {
                Refused::Admin(error) => Problem::from(error).without_host(),
                _ => Problem::broke_off(),
            },
        }
    }
}

impl Proof {
    fn hint(self) -> &'static str {
        match self {
            Self::SetupToken => {
                "it is in the output of `toolgatectl serve`, good for 30 minutes; start that again for another one"
            }
            Self::Password => {
                "`toolgatectl operator reset-password E-MAIL` on the host sets another one"
            }
            Self::Key => "check that it was copied whole and was not revoked",
            Self::Token => "check that it was copied whole, was not revoked, and is an Admin one",
        }
    }
}
