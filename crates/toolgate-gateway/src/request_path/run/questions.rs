//! What the client says to what it was asked, and what of it the server is told (P11.3 to P11.13).

use bytes::Bytes;
use futures::FutureExt;
use toolgate_protocol::mcp::{Question, answer_fits, question_for_client};
use toolgate_protocol::{Era, Json, Object, Outcome, RpcError, codes};
use toolgate_router::Routed;
use toolgate_upstream::{Answer, AskId, UpstreamError, UpstreamErrorKind};

use super::{GATHER, Inner, Leg};
use crate::request_path::asking::{Asker, Asking, Said};
use crate::request_path::call::Step;

impl Inner {
    pub(super) fn on_said(&mut self, said: Said) -> Option<Step> {
        let Said::Answer(open, outcome) = said else {
            let end = self.give_up("the client did not answer the server's question in time");
            return Some(self.end(end));
        };
        match open.asker {
            Asker::Ask(id) => {
                let answer = match outcome {
                    Outcome::Result(result) if !answer_fits(&open.method, &result) => {
                        let what = "the client's answer has not the shape the question needs";
                        Answer::Error(RpcError::new(codes::INVALID_PARAMS, what))
                    }
                    Outcome::Result(result) => Answer::Result(result),
                    Outcome::Error(error) => Answer::Error(error),
                };
                self.answer_server(id, answer);
                None
            }
            Asker::Key(key) => match self.on_round_answer(&open.method, key, outcome) {
                Ok(()) => None,
                Err(end) => Some(self.end(end)),
            },
        }
    }

    /// The request for a question to a client of an older revision; `None` when it cannot be asked.
    pub(super) fn ask_client(&mut self, question: &Question, asker: Asker) -> Option<Bytes> {
        let session = self.client.session.clone()?;
        let asking = self.asking.get_or_insert_with(|| Asking::new(session));
        let message = asking.ask(question, asker)?;
        Some(message)
    }

    pub(super) fn answer_server(&mut self, id: AskId, answer: Answer) {
        self.answers.push_back((id, answer));
        self.answer_next();
    }

    /// Takes the answer that came with the request itself, if there is one that fits.
    pub(super) fn given(&mut self, key: &str, method: &str) -> Option<Json> {
        let given = self.given.as_ref()?;
        let answer = given
            .get(key)
            .filter(|answer| answer_fits(method, answer))?;
        self.given = Some(given.edit().remove(key).object());
        Some(answer)
    }

    /// Sends the next answer, if the server is not being answered already. What is under way is kept in
    /// `self`, since whoever polls may give up at any time.
    pub(super) fn answer_next(&mut self) {
        if !matches!(self.leg, Leg::Running(_)) {
            return;
        }
        let Some((id, answer)) = self.answers.pop_front() else {
            return;
        };
        if let Leg::Running(mut routed) = std::mem::replace(&mut self.leg, Leg::Waiting) {
            let answering = async move {
                let told = routed.exchange.answer(id, answer).await;
                (routed, told)
            };
            self.leg = Leg::Answering(answering.boxed());
        }
    }

    /// Hands the answers a retry brings to the server; what is missing stays asked (P11.11).
    pub(in crate::request_path) fn take_answers(&mut self, responses: Option<&Object>) {
        self.given = None;
        let asked = std::mem::take(&mut self.asked);
        for asked in asked {
            let answer = responses.and_then(|responses| responses.get(&asked.key));
            let fits = |answer: &Json| answer_fits(&asked.question.method, answer);
            match answer.filter(fits) {
                Some(answer) => {
                    self.answer_server(asked.id, Answer::Result(answer.detached()));
                }
                None => self.asked.push(asked),
            }
        }
        let soon = tokio::time::Instant::now() + GATHER;
        self.gather_until = (!self.asked.is_empty()).then_some(soon);
    }

    /// A server that is gone shows as the end of its call; one whose secret was rotated meanwhile cannot be told
    /// anything any more, and would wait for ever (S-15).
    pub(super) fn on_answered(
        &mut self,
        routed: Routed,
        told: &Result<(), UpstreamError>,
    ) -> Option<Step> {
        self.leg = Leg::Running(routed);
        if let Err(error) = told
            && matches!(error.kind, UpstreamErrorKind::SecretMissing(_))
        {
            let end = self.failed(error);
            return Some(self.end(end));
        }
        self.answer_next();
        None
    }

    /// The question as the client is shown it (P11.6).
    pub(super) fn shown(&self, question: &Question, from: Era) -> Question {
        let spec = self.target.link.spec();
        let prefixed = spec.prefix == toolgate_namespace::Prefix::Slug;
        let slug = prefixed.then(|| spec.slug.as_str());
        let to = self.client.revision.era();
        let elicitation = self.gateway.call_ids().elicitation();
        question_for_client(question, from, to, slug, &elicitation)
    }

    /// The key a modern client knows a question by: the server's own id as far as it is a fair key, so that it
    /// is the same whenever the server asks the same (P11.8). Servers put a mark behind an id that is in use.
    pub(super) fn key_for(&self, id: &AskId) -> String {
        let is_fair = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        let is_free = |key: &str| self.asked.iter().all(|asked| asked.key != key);
        let own = id.0.as_text().unwrap_or_default();
        let own: String = own.chars().take_while(|c| is_fair(*c)).take(64).collect();
        if !own.is_empty() && is_free(&own) {
            return own;
        }
        let mut number = self.asked.len() + 1;
        loop {
            let key = format!("r{number}");
            if is_free(&key) {
                return key;
            }
            number += 1;
        }
    }
}
