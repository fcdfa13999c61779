//! A request that is answered before it is served.

use crate::{Era, Json, ObjectEdit, RequestId, RpcError, codes};

use super::SUPPORTED_VERSIONS;

/// What to answer to a request that fails a check before dispatch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// The HTTP status (table 4.1).
    pub status: u16,
    /// The error object.
    pub error: RpcError,
    /// The request's id, where there is one.
    pub id: Option<RequestId>,
    /// The era in whose manner the answer is written (P3.4).
    pub era: Era,
}

impl Rejection {
    /// -32020: header and body differ, or a header is missing or malformed (S-32).
    pub(super) fn header_mismatch(what: &str, id: Option<RequestId>) -> Self {
        let error = RpcError::new(codes::HEADER_MISMATCH, what);
        Self {
            status: 400,
            error,
            id,
            era: Era::Modern,
        }
    }

    /// -32022 with what is served and, where that could be a version, what was asked for (P5.6). Anything else, such
    /// as a token in the wrong header, is not repeated (S-21).
    pub(super) fn unsupported_version(requested: Option<&str>, id: Option<RequestId>) -> Self {
        let supported: Vec<Json> = SUPPORTED_VERSIONS
            .iter()
            .map(|revision| Json::from_text(revision.as_str()))
            .collect();
        let mut data = ObjectEdit::new().set("supported", Json::list(&supported));
        if let Some(requested) = requested.filter(|text| could_be_version(text)) {
            data = data.set("requested", Json::from_text(requested));
        }
        let error = RpcError::new(
            codes::UNSUPPORTED_VERSION,
            "this protocol version is not served",
        )
        .with_data(data.json());
        Self {
            status: 400,
            error,
            id,
            era: Era::Modern,
        }
    }

    /// -32600 with HTTP 400 (P3.1, P3.8).
    pub(super) fn invalid_request(what: &str, era: Era) -> Self {
        Self {
            status: 400,
            error: RpcError::new(codes::INVALID_REQUEST, what),
            id: None,
            era,
        }
    }
}

/// A date, or a number with dots, perhaps after a `v`.
fn could_be_version(text: &str) -> bool {
    let number = text.strip_prefix('v').unwrap_or(text);
    let is_fair = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    number.starts_with(|c: char| c.is_ascii_digit())
        && text.len() <= 20
        && number.bytes().all(is_fair)
}

#[cfg(test)]
mod tests {
    use super::could_be_version;

    /// S-21, P5.6: a version that is not served is named, as the specification wants; other texts are not repeated.
    #[test]
    fn s21_what_could_be_a_version_is_named_and_nothing_else() {
        for version in ["2099-01-01", "v999.0.0", "1.0", "DRAFT"] {
            assert_eq!(could_be_version(version), version != "DRAFT", "{version}");
        }
        for text in [
            "",
            "v",
            "vault",
            "mwt_1",
            "1_0",
            "v1 <b>",
            "1.0.0.0.0.0.0.0.0.0.0",
        ] {
            assert!(!could_be_version(text), "{text}");
        }
    }
}
