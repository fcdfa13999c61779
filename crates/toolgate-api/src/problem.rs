//! Everything that can go wrong, in the one shape in which clients see it.

use hyper::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use toolgate_admin::{AdminError, Fault, StoreError};
use toolgate_http::serve::BodyError;

/// What every refusal and failure answers.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "Error")]
pub(crate) struct ErrorBody {
    /// What went wrong.
    pub(crate) error: ErrorShown,
}

/// What went wrong, for programs and for people.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "ErrorDetail")]
pub(crate) struct ErrorShown {
    /// One word for programs, such as `not_found`.
    pub(crate) code: &'static str,
    /// What was attempted and why it failed.
    pub(crate) message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hint: Option<String>,
}

/// A refusal or failure on its way to the client.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
    /// Seconds after which it is worth trying again.
    pub(crate) retry_after: Option<u64>,
    /// The methods there are, of a 405.
    pub(crate) allow: Option<String>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            hint: None,
            retry_after: None,
            allow: None,
        }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// A request that does not have the form the document says.
    pub(crate) fn malformed(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed", message)
            .hint("/openapi.json says what each operation takes")
    }

    /// A request that has the right form and cannot be meant.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", message)
    }

    /// Neither a key nor a token that works: one answer for every cause (S-36).
    pub(crate) fn unauthorized() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            "this takes a key of an operator's or a token of the workspace, and none that works was given",
        )
        .hint("send `Authorization: Bearer ak_…` or `Authorization: Bearer mwt_…`; `toolgatectl key create NAME` makes a key")
    }

    pub(crate) fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", message)
    }

    pub(crate) fn no_such_path() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "there is no such path")
            .hint("/openapi.json has all there are")
    }

    /// A workspace that is not there, or not the caller's: one answer for both (S-36, S-45).
    pub(crate) fn unknown_workspace(named: &str) -> Self {
        let shown: String = named.chars().take(64).collect();
        Self::new(
            StatusCode::NOT_FOUND,
            "not_found",
            format!("no workspace `{shown}`"),
        )
    }

    pub(crate) fn busy() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "busy",
            "too much is asked at once",
        )
        .retry_after(1)
    }

    pub(crate) fn broke_off() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "failed",
            "the request broke off",
        )
    }

    /// The same as told to who does not run the installation: nothing of its host (S-21).
    pub(crate) fn without_host(mut self) -> Self {
        let inside = match self.code {
            "failed" | "no_space" => {
                "it failed on the host; whoever runs the installation can say why"
            }
            "mail" => {
                "mail is set up in a way that does not work; whoever runs the installation can say why"
            }
            "gateway_needed" => "no gateway is running",
            _ => return self,
        };
        inside.clone_into(&mut self.message);
        self.hint = None;
        self
    }

    pub(crate) fn into_body(self) -> ErrorBody {
        ErrorBody {
            error: ErrorShown {
                code: self.code,
                message: self.message,
                hint: self.hint,
            },
        }
    }
}

impl From<AdminError> for Problem {
    fn from(error: AdminError) -> Self {
        let (status, code) = match &error {
            AdminError::CommandOverApi
            | AdminError::NotAllowedHere { .. }
            | AdminError::WebhookNotAllowed { .. }
            | AdminError::BeyondOwn { .. }
            | AdminError::SettingOverApi { .. } => (StatusCode::FORBIDDEN, "forbidden"),
            AdminError::Mail(_) => (StatusCode::CONFLICT, "mail"),
            AdminError::Store(StoreError::InvalidSetting { .. }) => {
                (StatusCode::UNPROCESSABLE_ENTITY, "invalid")
            }
            AdminError::Store(StoreError::NoInvitation) => (StatusCode::NOT_FOUND, "not_found"),
            error => match error.fault() {
                Fault::Failed => (StatusCode::INTERNAL_SERVER_ERROR, "failed"),
                Fault::Invalid => (StatusCode::UNPROCESSABLE_ENTITY, "invalid"),
                Fault::NotFound => (StatusCode::NOT_FOUND, "not_found"),
                Fault::Refused => (StatusCode::CONFLICT, "refused"),
                Fault::GatewayNeeded => (StatusCode::SERVICE_UNAVAILABLE, "gateway_needed"),
                Fault::NoSpace => (StatusCode::INSUFFICIENT_STORAGE, "no_space"),
                Fault::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy"),
            },
        };
        let problem = Self {
            hint: error.hint(),
            ..Self::new(status, code, chain(&error))
        };
        match status {
            StatusCode::SERVICE_UNAVAILABLE => problem.retry_after(1),
            _ => problem,
        }
    }
}

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Self {
        let code = match error {
            BodyError::TooLarge { .. } => "too_large",
            BodyError::TooSlow => "too_slow",
            BodyError::Broken => "malformed",
        };
        Self::new(error.status(), code, error.to_string())
    }
}

/// The error and what caused it, in one line.
fn chain(error: &AdminError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
