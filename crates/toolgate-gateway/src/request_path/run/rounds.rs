//! Rounds with a modern server, played for a client that does not know them, and carried for one that does
//! (P11.14 to P11.22).

use std::time::{Duration, Instant};

use futures::FutureExt;
use toolgate_analytics::CallStatus;
use toolgate_protocol::mcp::{
    InputRequired, Question, ResultType, answer_fits, may_ask, result_type,
};
use toolgate_protocol::{Era, Json, ObjectEdit, Outcome};
use toolgate_router::{RouteError, Routed};

use super::{Inner, Leg};
use crate::links;
use crate::reply::{self, CallFault};
use crate::request_path::asking::{Asker, Asking};
use crate::request_path::call::{Finished, Step};
use crate::request_path::state::{Binding, MAX_WRAPPED, State};

/// Rounds of one call at most (P11.4).
const MAX_ROUNDS: u32 = 10;
/// The first pause before a call is repeated that only has a state (P11.17).
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The longest.
const LAST_PAUSE: Duration = Duration::from_secs(2);

/// The round under way.
#[derive(Debug, Default)]
pub(super) struct Rounds {
    count: u32,
    responses: Vec<(String, Json)>,
    /// Since when it is the client's turn.
    asked_at: Option<Instant>,
    /// As the server spelt it.
    state: Option<Json>,
}

impl Inner {
    /// A modern server asks. `Ok` means that the call goes on.
    pub(super) fn on_input_required(&mut self, result: &Json) -> Result<(), Finished> {
        let is_allowed =
            result_type(result) == ResultType::InputRequired && self.target.method.may_interact();
        let Some(input) = InputRequired::parse(result).filter(|_| is_allowed) else {
            return Err(self.broken_promise("it asked for input in a way that is not defined"));
        };
        if !input.requests.iter().all(|(_, q)| links::may_show(q)) {
            return Err(self.broken_promise("its question has a link that is not `https`"));
        }
        let undeclared = input
            .requests
            .iter()
            .find(|(_, q)| !may_ask(&self.client.capabilities, &q.method, &q.params));
        if self.client.revision.era() == Era::Modern {
            return Err(match undeclared {
                Some((_, q)) => {
                    let error = super::missing_capability(&q.method, &q.params);
                    self.error_as_it_is(&error)
                }
                None => self.wrapped(result, input),
            });
        }
        if undeclared.is_some() {
            return Err(self.give_up("the server needs input that this client cannot give"));
        }
        self.begin_round(input)
    }

    /// Begins another round, unless the call had enough of them (P11.4).
    pub(in crate::request_path) fn count_round(&mut self) -> Result<(), Finished> {
        self.rounds.count += 1;
        if self.rounds.count > MAX_ROUNDS {
            return Err(self.give_up("the server asked for input again and again"));
        }
        Ok(())
    }

    /// Asks the client what the server asked, or waits a moment where it asked nothing.
    fn begin_round(&mut self, input: InputRequired) -> Result<(), Finished> {
        self.count_round()?;
        self.rounds.state = input.state;
        self.rounds.responses.clear();
        if input.requests.is_empty() {
            let doubled = FIRST_PAUSE * 2_u32.pow((self.rounds.count - 1).min(8));
            self.leg = Leg::Pausing(tokio::time::sleep(doubled.min(LAST_PAUSE)).boxed());
            return Ok(());
        }
        self.leg = Leg::Waiting;
        self.rounds.asked_at = Some(Instant::now());
        for (key, question) in input.requests {
            let shown = self.shown(&question, Era::Modern);
            match self.ask_client(&shown, Asker::Key(key)) {
                Some(message) => self.queue.push_back(Step::Interim(message)),
                None => return Err(self.give_up("this client has too many questions open")),
            }
        }
        Ok(())
    }

    /// The client answered one question of the round (P11.15).
    pub(super) fn on_round_answer(
        &mut self,
        method: &str,
        key: String,
        outcome: Outcome,
    ) -> Result<(), Finished> {
        match outcome {
            Outcome::Result(answer) if answer_fits(method, &answer) => {
                self.rounds.responses.push((key, answer));
            }
            // Of another shape: missing, and the server says what it makes of that (P11.7).
            Outcome::Result(_) => {}
            Outcome::Error(_) if method == "elicitation/create" => {
                let cancel = Json::literal(r#"{"action":"cancel"}"#);
                self.rounds.responses.push((key, cancel));
            }
            Outcome::Error(error) => {
                let what = format!("the client did not answer the server: {}", error.message);
                return Err(self.give_up(&what));
            }
        }
        if self.asking.as_ref().is_none_or(Asking::is_done) {
            return self.begin_again();
        }
        Ok(())
    }

    /// Makes the call again with the answers and the state of this round (P11.16), as a new call by what is in
    /// force now: other rights, other secrets (S-41).
    pub(super) fn begin_again(&mut self) -> Result<(), Finished> {
        self.renew()?;
        if let Some(asked_at) = self.rounds.asked_at.take() {
            // The client's time is not the server's (P11.5).
            self.deadline += asked_at.elapsed();
        }
        let mut extra = Vec::new();
        if !self.rounds.responses.is_empty() {
            let mut responses = ObjectEdit::new();
            for (key, answer) in self.rounds.responses.drain(..) {
                responses = responses.set(&key, answer);
            }
            extra.push(("inputResponses", responses.json()));
        }
        if let Some(state) = self.rounds.state.take() {
            extra.push(("requestState", state));
        }
        let call = self.call(extra);
        let Ok(permitted) = self.permitted(call) else {
            return Err(self.no_longer_permitted());
        };
        self.leg = Leg::Starting(toolgate_router::call(permitted).boxed());
        Ok(())
    }

    pub(super) fn on_started(&mut self, started: Result<Routed, RouteError>) -> Option<Finished> {
        match started {
            Ok(routed) => {
                self.from = routed.exchange.revision();
                self.leg = Leg::Running(routed);
                None
            }
            Err(error) => {
                let era = self.client.revision.era();
                let CallFault { error, status } = reply::call_fault(&error, era, self.record.id());
                let finished = Finished::error(&self.client.id, &error, era);
                self.record.finish(status, Some(error.code), finished.len());
                Some(finished)
            }
        }
    }

    /// A modern server's questions for a modern client: its state goes in ours, the rest as it came (P11.21).
    fn wrapped(&mut self, result: &Json, input: InputRequired) -> Finished {
        let Some(members) = result.object() else {
            return self.broken_promise("its result is no object");
        };
        let mut edit = members.edit();
        if let Some(own) = input.state {
            if own.as_str().len() > MAX_WRAPPED {
                return self.broken_promise("its state is too long to be carried");
            }
            let binding = Binding::new(&self.principal, &self.target);
            match binding.seal(&self.gateway, State::Wrapped(own.as_str().to_owned())) {
                Some(sealed) => edit = edit.set("requestState", Json::from_text(&sealed)),
                None => return self.broken_promise("its state could not be sealed"),
            }
        }
        edit =
            self.with_shown_questions(edit, members.get("inputRequests").as_ref(), &input.requests);
        let result = edit.json();
        self.complete(&result, CallStatus::Asked)
    }

    /// Each question in its place, with whatever members it has beside method and parameters.
    fn with_shown_questions(
        &self,
        edit: ObjectEdit,
        given: Option<&Json>,
        questions: &[(String, Question)],
    ) -> ObjectEdit {
        let Some(given) = given.and_then(Json::object) else {
            return edit;
        };
        let mut requests = given.edit();
        for (key, question) in questions {
            let shown = self.shown(question, Era::Modern);
            if shown.params != question.params
                && let Some(request) = given.object(key)
            {
                let params = shown.params.into_json();
                requests = requests.set(key, request.edit().set("params", params).json());
            }
        }
        edit.set("inputRequests", requests.json())
    }
}
