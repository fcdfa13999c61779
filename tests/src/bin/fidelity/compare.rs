//! One call compared: the request, the notices, the response.

use crate::case::{Case, Method};
use crate::client::Reply;
use crate::difference::{Comparison, Findings};
use crate::json;
use crate::judge::{Place, Scene};
use crate::pair::Pair;
use crate::rule::Rule;
use crate::server::Heard;

/// What everybody knows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known<'a> {
    pub(crate) pair: Pair<'a>,
    /// Who the gateway says it is.
    pub(crate) gateway: &'a str,
}

/// Compares what was sent with what arrived, at the server and at the client.
pub(crate) fn call(known: Known<'_>, case: &Case, heard: &[Heard], reply: &Reply) -> Findings {
    let mut findings = Findings::default();
    let [heard] = heard else {
        let times = heard.len();
        let answer = reply.messages.concat();
        findings.accuse(format!(
            "the server heard the call {times} times; the answer is {answer}"
        ));
        return findings;
    };
    let upstream_id = json::member(&heard.request, "id").unwrap_or_default();
    let response = heard.written.last().map_or("", String::as_str);
    let scene = Scene {
        pair: known.pair,
        case,
        upstream_id,
        gateway: known.gateway,
        result: json::member(response, "result").unwrap_or_default(),
    };
    let mut call = Call {
        scene,
        streamed: reply.streamed,
        findings: &mut findings,
    };
    call.compare("request", Place::Envelope, &case.request, &heard.request);
    call.headers(heard);
    call.answer(&heard.written, reply);
    findings
}

struct Call<'a> {
    scene: Scene<'a>,
    streamed: bool,
    findings: &'a mut Findings,
}

impl Call<'_> {
    fn compare(&mut self, path: &str, place: Place, sent: &str, arrived: &str) {
        let mut comparison = Comparison {
            judge: &self.scene,
            findings: self.findings,
        };
        comparison.objects(place, path, sent, arrived);
    }

    /// P8.15: the header repeats the server's own name.
    fn headers(&mut self, heard: &Heard) {
        let case = self.scene.case;
        let wanted = self.scene.pair.server.modern && case.method != Method::Complete;
        // Names that are no visible ASCII go as base64, which the gateway's own tests read.
        let plain = case
            .target
            .own
            .bytes()
            .all(|byte| (b' '..=b'~').contains(&byte));
        let expected = wanted.then_some(&case.target.own);
        if heard.name_header.as_ref() != expected && (plain || !wanted) {
            let arrived = &heard.name_header;
            self.findings.accuse(format!(
                "Mcp-Name: {expected:?} was expected, {arrived:?} arrived"
            ));
        }
    }

    fn answer(&mut self, written: &[String], reply: &Reply) {
        let Some((response, notices)) = written.split_last() else {
            return;
        };
        let mut arrived = reply.messages.iter();
        let mut last_progress = None;
        for notice in notices {
            match self.dropped(notice, &mut last_progress) {
                Some(rule) => self.findings.explain(rule),
                None => match arrived.next() {
                    Some(arrived) => self.notice(notice, arrived),
                    None => self
                        .findings
                        .accuse(format!("notice: `{notice}` did not arrive")),
                },
            }
        }
        match arrived.next() {
            Some(arrived) => self.response(response, arrived, reply.status),
            None => self
                .findings
                .accuse(format!("response: `{response}` did not arrive")),
        }
        for more in arrived {
            self.findings
                .accuse(format!("`{more}` arrived after the response"));
        }
    }

    /// The rule by which a notice is not delivered.
    fn dropped(&self, notice: &str, last_progress: &mut Option<f64>) -> Option<Rule> {
        let method = json::member(notice, "method").and_then(json::decoded)?;
        let params = json::member(notice, "params")?;
        match &*method {
            "notifications/progress" => {
                let ours = json::member(params, "progressToken") == Some(self.scene.upstream_id);
                let value = json::member(params, "progress").and_then(|value| value.parse().ok());
                let rises = last_progress.is_none_or(|last| value > Some(last));
                if !ours || self.scene.case.token.is_none() || !rises {
                    return Some(Rule::Progress);
                }
                *last_progress = value;
                None
            }
            "notifications/message" => {
                let level = json::member(params, "level").and_then(json::decoded)?;
                let wanted = match self.scene.case.log_level {
                    Some(least) => rank(&level) >= rank(least),
                    None => !self.scene.pair.is_modern_client(),
                };
                (!wanted).then_some(Rule::Level)
            }
            _ => Some(Rule::Unknown),
        }
    }

    fn notice(&mut self, sent: &str, arrived: &str) {
        let method = json::member(sent, "method").and_then(json::decoded);
        let place = match method.as_deref() {
            Some("notifications/progress") => Place::ProgressEnvelope,
            _ => Place::LogEnvelope,
        };
        self.message("notice", place, sent, arrived);
    }

    fn message(&mut self, path: &str, place: Place, sent: &str, arrived: &str) {
        if !self.streamed || !sent.contains('\n') {
            return self.compare(path, place, sent, arrived);
        }
        self.findings.explain(Rule::OneLine);
        self.compare(path, place, &sent.replace('\n', " "), arrived);
    }

    fn response(&mut self, sent: &str, arrived: &str, status: u16) {
        let code = json::member(sent, "error").and_then(|error| json::member(error, "code"));
        let both_modern = self.scene.pair.is_modern_client() && self.scene.pair.server.modern;
        let is_refusal = both_modern && code == Some("-32021") && !self.streamed;
        let expected = if is_refusal { 400 } else { 200 };
        if status != expected {
            self.findings.accuse(format!(
                "HTTP status {status} instead of {expected} for {sent}"
            ));
        }
        self.message("response", Place::Envelope, sent, arrived);
    }
}

fn rank(level: &str) -> Option<usize> {
    ["debug", "info", "notice", "warning", "error"]
        .iter()
        .position(|known| *known == level)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::offer::Offer;
    use crate::pair::Named;

    const SENT: &str = r#"{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"~":[1.0],"name":"old__t","arguments":{"n":9007199254740993,"":"\u0041"},"_meta":{"k":{ }}}}"#;
    const HEARD: &str = r#"{"jsonrpc":"2.0","id":41,"method":"tools/call","params":{"~":[1.0],"name":"t","arguments":{"n":9007199254740993,"":"\u0041"},"_meta":{"k":{ }}}}"#;
    const WRITTEN: &str = r#"{"jsonrpc":"2.0","id":41,"result":{"z":-0,"content":[{"type":"text","text":"\/"}],"structuredContent":{"b":1e400,"a":"\ud800"},"_meta":{"k":1}}}"#;
    const READ: &str = r#"{"jsonrpc":"2.0","id":"a","result":{"z":-0,"content":[{"type":"text","text":"\/"}],"structuredContent":{"b":1e400,"a":"\ud800"},"_meta":{"k":1}}}"#;

    fn findings(heard: &str, written: &[&str], read: &[&str]) -> Findings {
        let server = Offer::new(1, "old", false);
        let case = Case {
            method: Method::CallTool,
            target: Named {
                own: "t".to_owned(),
                shown: "old__t".to_owned(),
            },
            id: "\"a\"".to_owned(),
            token: None,
            log_level: None,
            request: SENT.to_owned(),
            answer: Vec::new(),
            streamed: false,
        };
        let known = Known {
            pair: Pair {
                client: "2025-11-25",
                server: &server,
            },
            gateway: "{}",
        };
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let heard = Heard {
            request: heard.to_owned(),
            name_header: None,
            written: texts(written),
        };
        let reply = Reply {
            status: 200,
            streamed: read.len() > 1,
            messages: texts(read),
        };
        call(known, &case, &[heard], &reply)
    }

    #[track_caller]
    fn check_reported(heard: &str, written: &[&str], read: &[&str]) {
        let found = findings(heard, written, read).unexplained;
        assert!(!found.is_empty(), "{heard}\n{read:?}");
    }

    #[test]
    fn what_the_rules_allow_is_explained() {
        let found = findings(HEARD, &[WRITTEN], &[READ]);
        assert_eq!(found.unexplained, Vec::<String>::new());
        let rules: Vec<_> = found.explained.into_iter().collect();
        assert_eq!(rules, [(Rule::Id, 2), (Rule::Name, 1)]);
    }

    #[test]
    fn every_changed_byte_is_reported() {
        let changed = |text: &str, at: usize| {
            let mut bytes = text.as_bytes().to_vec();
            bytes[at] = if bytes[at] == b'7' { b'8' } else { b'7' };
            String::from_utf8(bytes).unwrap()
        };
        for at in 0..HEARD.len() {
            check_reported(&changed(HEARD, at), &[WRITTEN], &[READ]);
        }
        for at in 0..READ.len() {
            check_reported(HEARD, &[WRITTEN], &[&changed(READ, at)]);
        }
    }

    #[test]
    fn every_lost_byte_is_reported() {
        let without = |text: &str, at: usize| [&text[..at], &text[at + 1..]].concat();
        for at in 0..HEARD.len() {
            check_reported(&without(HEARD, at), &[WRITTEN], &[READ]);
        }
        for at in 0..READ.len() {
            check_reported(HEARD, &[WRITTEN], &[&without(READ, at)]);
        }
    }

    #[test]
    fn another_order_is_reported() {
        let swapped = READ
            .replace(r#""z":-0,"#, "")
            .replace("}}}", r#"},"z":-0}}"#);
        check_reported(HEARD, &[WRITTEN], &[&swapped]);
        let arguments = HEARD.replace(
            r#""n":9007199254740993,"":"\u0041""#,
            r#""":"\u0041","n":9007199254740993"#,
        );
        check_reported(&arguments, &[WRITTEN], &[READ]);
    }

    #[test]
    fn members_from_nowhere_are_reported() {
        let more = READ.replace(r#""z":-0"#, r#""z":-0,"resultType":"complete""#);
        check_reported(HEARD, &[WRITTEN], &[&more]);
        let token = HEARD.replace(r#""k":{ }"#, r#""progressToken":41,"k":{ }"#);
        check_reported(&token, &[WRITTEN], &[READ]);
    }

    #[test]
    fn lost_and_invented_messages_are_reported() {
        let notice = r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":1}}"#;
        check_reported(HEARD, &[notice, WRITTEN], &[READ]);
        check_reported(HEARD, &[WRITTEN], &[READ, READ]);
        check_reported(HEARD, &[WRITTEN], &[]);
    }
}
