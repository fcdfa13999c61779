//! What a collector says of an export it took: that it left some of it out, or that something is amiss.

use hyper::HeaderMap;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;

/// Longest text of a collector's that is repeated, in characters.
const WORDS_MAX: usize = 300;

/// Parts of a header's value that are shorter are words such as `Bearer`.
const SECRET_MIN: usize = 8;

/// An export that the collector took, as far as it did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Taken {
    /// How many items it left out. Sending them again would change nothing.
    pub(super) rejected: u64,
    /// Why, in its words: cut, and on one line.
    pub(super) words: String,
}

impl Taken {
    /// What an answer says. One that cannot be read says nothing: the status was that of a success.
    pub(super) fn of(answer: &[u8]) -> Self {
        // Those to metrics and logs have other names for the same fields.
        let answer = ExportTraceServiceResponse::decode(answer).unwrap_or_default();
        let partial = answer.partial_success.unwrap_or_default();
        Self {
            rejected: u64::try_from(partial.rejected_spans).unwrap_or(0),
            words: one_line(&partial.error_message),
        }
    }

    /// Without what the collector may repeat of the credentials it was sent (S-19).
    pub(super) fn without(mut self, headers: &HeaderMap) -> Self {
        let values = headers.values().filter_map(|value| value.to_str().ok());
        let parts = values.flat_map(|value| value.split(|c: char| c.is_whitespace() || c == '='));
        for part in parts.filter(|part| part.len() >= SECRET_MIN) {
            self.words = self.words.replace(part, "…");
        }
        self
    }

    /// Whether it took all of it and had nothing to say.
    pub(super) fn is_whole(&self) -> bool {
        *self == Self::default()
    }
}

fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_control() || c.is_whitespace());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    words.join(" ").chars().take(WORDS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::logs::v1::{
        ExportLogsPartialSuccess, ExportLogsServiceResponse,
    };
    use opentelemetry_proto::tonic::collector::metrics::v1::{
        ExportMetricsPartialSuccess, ExportMetricsServiceResponse,
    };

    use super::*;

    #[test]
    fn the_answers_to_all_signals_are_read() {
        let logs = ExportLogsServiceResponse {
            partial_success: Some(ExportLogsPartialSuccess {
                rejected_log_records: 3,
                error_message: "too old".into(),
            }),
        };
        let metrics = ExportMetricsServiceResponse {
            partial_success: Some(ExportMetricsPartialSuccess {
                rejected_data_points: 3,
                error_message: "too old".into(),
            }),
        };
        let expected = Taken {
            rejected: 3,
            words: "too old".into(),
        };
        assert_eq!(Taken::of(&logs.encode_to_vec()), expected);
        assert_eq!(Taken::of(&metrics.encode_to_vec()), expected);
        assert!(!expected.is_whole());
    }

    #[test]
    fn an_answer_that_says_nothing_is_a_success() {
        for answer in [&b""[..], b"{}", b"\xff\xff\xff", b"\x0a\x00"] {
            assert!(Taken::of(answer).is_whole(), "{answer:?}");
        }
    }

    #[test]
    fn s19_credentials_are_not_repeated() {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", "Bearer canary-0123456789".parse().unwrap());
        let taken = Taken {
            rejected: 1,
            words: "Bearer canary-0123456789 has no quota".into(),
        };
        assert_eq!(taken.without(&headers).words, "Bearer … has no quota");
    }

    #[test]
    fn the_words_are_one_short_line() {
        assert_eq!(
            one_line("a\r\nERROR forged\u{1b}[31m\u{7}  b\0"),
            "a ERROR forged [31m b"
        );
        assert_eq!(one_line(&"é".repeat(1_000)).chars().count(), WORDS_MAX);
    }
}
