//! Which server a log message comes from (P9.37).

use bytes::Bytes;
use toolgate_namespace::{Prefix, ServerSlug, ServerSpec};
use toolgate_protocol::{Json, Object};

/// The params of `notifications/message` with the server's slug before its logger, where there may be several
/// servers; the rest byte for byte.
pub(crate) fn with_logger(params: &Object, spec: &ServerSpec) -> Bytes {
    match spec.prefix {
        Prefix::None => params.bytes().clone(),
        Prefix::Slug => prefixed(params, &spec.slug),
    }
}

fn prefixed(params: &Object, slug: &ServerSlug) -> Bytes {
    let given = params.get("logger");
    let logger = given.and_then(|logger| logger.prefixed(&format!("{slug}/")));
    let logger = logger.unwrap_or_else(|| Json::from_text(slug.as_str()));
    params.edit().set("logger", logger).finish()
}

#[cfg(test)]
mod tests {
    use toolgate_protocol::JsonLimits;

    use super::*;

    #[track_caller]
    fn check(params: &'static str, expected: &str) {
        let params = Object::parse(params.into(), &JsonLimits::UPSTREAM).unwrap();
        let slug = ServerSlug::try_from("old").unwrap();
        assert_eq!(prefixed(&params, &slug), expected);
    }

    #[test]
    fn p9_37_the_slug_stands_before_the_logger_as_it_was_spelt() {
        check(
            r#"{"logger":"a","data":1}"#,
            r#"{"logger":"old/a","data":1}"#,
        );
        check(
            r#"{"logger":"\u0061\ud83d"}"#,
            r#"{"logger":"old/\u0061\ud83d"}"#,
        );
        check(r#"{"data":1}"#, r#"{"data":1,"logger":"old"}"#);
        check(r#"{"logger":7}"#, r#"{"logger":"old"}"#);
    }
}
