//! The client leg of the official conformance suite, over `toolgate-upstream` and nothing else.
//!
//! ```text
//! conformance client --command target/debug/conformance-client --scenario tools_call --spec-version 2026-07-28
//! ```
//!
//! The suite starts this program once for each scenario, with the scenario's name in the environment and the
//! URL of its server as the last argument. Exit code 0 says that the conversation went as it should.

#![expect(
    clippy::print_stderr,
    reason = "the suite keeps what its client says in a file"
)]

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use toolgate_http::{Egress, EgressConfig};
use toolgate_namespace::{
    EraSetting, HttpKind, Isolation, Prefix, ServerId, ServerSlug, ServerSpec, Timeouts, Transport,
    Trust, WorkspaceId,
};
use toolgate_protocol::{Json, JsonLimits, Object, Outcome, ToolDefinition};
use toolgate_upstream::{
    Answer, Call, CredentialError, Credentials, Event, Injected, IsolationKey, ListKind, Upstream,
    UpstreamConfig,
};

/// The suite ends a client after 30 s; this says why first.
const PATIENCE: Duration = Duration::from_secs(25);
/// Rounds of one call at most (P11.4).
const ROUNDS: usize = 10;

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    match tokio::time::timeout(PATIENCE, Box::pin(run())).await {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(failure)) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
        Err(_) => {
            eprintln!("the scenario took longer than {} s", PATIENCE.as_secs());
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Failure> {
    let url = std::env::args().next_back().unwrap_or_default();
    let scenario = std::env::var("MCP_CONFORMANCE_SCENARIO")?;
    let context = std::env::var("MCP_CONFORMANCE_CONTEXT").unwrap_or_default();
    let context: Value = serde_json::from_str(&context).unwrap_or(Value::Null);
    let client = Client::new(&url)?;
    client.upstream.contact().await?;
    match scenario.as_str() {
        "initialize" | "json-schema-ref-no-deref" => drop(client.upstream.list_tools().await?),
        "request-metadata" => client.declare_everything().await?,
        "tools_call" => drop(
            client
                .call_tool("add_numbers", json!({"a": 2, "b": 3}))
                .await?,
        ),
        "elicitation-sep1034-client-defaults" => {
            let tool = "test_client_elicitation_defaults";
            drop(client.call_tool(tool, json!({})).await?);
        }
        "sse-retry" => drop(client.call_tool("test_reconnection", json!({})).await?),
        "http-standard-headers" => client.use_everything().await?,
        "http-custom-headers" => {
            for call in context["toolCalls"].as_array().into_iter().flatten() {
                let tool = call["name"].as_str().unwrap_or_default();
                client.call_tool(tool, call["arguments"].clone()).await?;
            }
        }
        "http-invalid-tool-headers" => {
            for tool in client.upstream.list_tools().await? {
                let arguments = json!({"region": "us-west1"});
                client.call_tool(&tool.name, arguments).await?;
            }
        }
        "sep-2322-client-request-state" => client.go_several_rounds().await?,
        other => return Err(format!("the scenario {other} is not known here").into()),
    }
    client.upstream.close().await;
    Ok(())
}

/// A client with a person behind it who accepts everything.
struct Client {
    upstream: Arc<Upstream>,
}

/// Nothing to inject.
struct NoSecrets;

impl Credentials for NoSecrets {
    fn open(&self) -> Result<Injected, CredentialError> {
        Ok(Injected::default())
    }

    fn mask(&self, message: bytes::Bytes) -> bytes::Bytes {
        message
    }
}

impl Client {
    fn new(url: &str) -> Result<Self, Failure> {
        let origin = url.split('/').nth(2).ok_or("the server has no address")?;
        let spec = ServerSpec {
            id: ServerId::from_random([1; 16]),
            workspace: WorkspaceId::from_random([2; 16]),
            slug: ServerSlug::try_from("suite")?,
            transport: Transport::Http {
                url: url.to_owned(),
                http: HttpKind::Auto,
            },
            era: EraSetting::Auto,
            prefix: Prefix::Slug,
            isolation: Isolation::Auto,
            injections: Vec::new(),
            timeouts: Timeouts::default(),
            enabled: true,
            display_order: 0,
            allowed_origin: Some(origin.to_owned()),
            trust: Trust::default(),
            version: 1,
        };
        let upstream = Upstream::new(UpstreamConfig {
            spec: Arc::new(spec),
            credentials: Arc::new(NoSecrets),
            egress: Egress::new(EgressConfig::default())?,
            verdict: None,
            children: toolgate_upstream::ChildConfig::default(),
            client_info: to_json(&json!({"name": "toolgate", "version": "1"}))?,
            notices: Arc::new(|_| {}),
            questions: Arc::new(drop),
        });
        Ok(Self { upstream })
    }

    /// Any request with every capability, answered by a person who accepts; its result.
    async fn request(
        &self,
        method: &'static str,
        params: &Value,
        tool: Option<Arc<ToolDefinition>>,
    ) -> Result<Value, Failure> {
        let capabilities = json!({"elicitation": {}, "roots": {}, "sampling": {}});
        let mut call = Call {
            method: method.into(),
            params: Object::parse(params.to_string().into(), &JsonLimits::CLIENT)?,
            name: None,
            tool,
            capabilities: to_json(&capabilities)?,
            log_level: None,
            wants_progress: false,
            isolation: IsolationKey {
                principal: "suite".into(),
                session: Some("suite".into()),
            },
            deadline: Instant::now() + PATIENCE,
            extra: Vec::new(),
        };
        for _ in 0..ROUNDS {
            let result = self.round(call.clone()).await?;
            let read: Value = serde_json::from_str(result.as_str())?;
            if read["resultType"] != "input_required" {
                return Ok(read);
            }
            let requests = read["inputRequests"].as_object();
            let answers: Map<String, Value> = requests
                .into_iter()
                .flatten()
                .map(|(key, request)| (key.clone(), accept(&request["params"])))
                .collect();
            call.extra = vec![("inputResponses", to_json(&Value::from(answers))?)];
            // The state goes back in the very bytes it came in (P11.16).
            let state = result
                .object()
                .and_then(|result| result.get("requestState"));
            call.extra
                .extend(state.map(|state| ("requestState", state)));
        }
        Err("the server never stops asking".into())
    }

    /// One request and its result; questions of a legacy server are answered on the way.
    async fn round(&self, call: Call) -> Result<Json, Failure> {
        let mut exchange = self.upstream.call(call).await?;
        loop {
            match exchange.next().await {
                Event::Done(Outcome::Result(result)) => return Ok(result),
                Event::Done(Outcome::Error(error)) => {
                    return Err(
                        format!("the server answered {}: {}", error.code, error.message).into(),
                    );
                }
                Event::Failed(error) => return Err(error.into()),
                Event::Ask(ask) => {
                    let params: Value = serde_json::from_str(ask.params.json().as_str())?;
                    let answer = Answer::Result(to_json(&accept(&params))?);
                    exchange.answer(ask.id, answer).await?;
                }
                // What is not taken in parts comes as a whole.
                Event::Progress(_)
                | Event::Log(_)
                | Event::Undeclared(_)
                | Event::Large
                | Event::Part(_)
                | Event::Whole(_) => {}
            }
        }
    }

    /// Calls a tool by its definition in the list.
    async fn call_tool(&self, name: &str, arguments: Value) -> Result<Value, Failure> {
        let tools = self.upstream.list_tools().await?;
        let tool = tools.into_iter().find(|tool| &*tool.name == name);
        let tool = tool.ok_or_else(|| format!("the server lists no tool {name}"))?;
        let params = json!({"name": name, "arguments": arguments});
        self.request("tools/call", &params, Some(Arc::new(tool)))
            .await
    }

    async fn declare_everything(&self) -> Result<(), Failure> {
        self.request("tools/list", &json!({}), None).await?;
        Ok(())
    }

    /// Every list, and every item of it.
    async fn use_everything(&self) -> Result<(), Failure> {
        for tool in self.upstream.list_tools().await? {
            self.call_tool(&tool.name, json!({})).await?;
        }
        let resources = self.upstream.list_page(ListKind::Resources, None).await?;
        for resource in resources.into_iter().flat_map(|page| page.items) {
            let resource: Value = serde_json::from_str(resource.as_str())?;
            let params = json!({"uri": resource["uri"]});
            self.request("resources/read", &params, None).await?;
        }
        for prompt in self.upstream.list_prompts().await? {
            let prompt: Value = serde_json::from_str(prompt.as_str())?;
            let params = json!({"name": prompt["name"]});
            self.request("prompts/get", &params, None).await?;
        }
        Ok(())
    }

    /// Calls side by side, some of which take several rounds: nothing of one may turn up in another.
    async fn go_several_rounds(&self) -> Result<(), Failure> {
        let call = |name| Box::pin(self.call_tool(name, json!({})));
        tokio::try_join!(
            call("test_mrtr_echo_state"),
            call("test_mrtr_no_state"),
            call("test_mrtr_unrelated"),
            call("test_mrtr_no_result_type"),
        )?;
        Ok(())
    }
}

/// What a person says who accepts: every default of the schema, and yes where there is none.
fn accept(question: &Value) -> Value {
    let fields = question["requestedSchema"]["properties"].as_object();
    let filled = fields.into_iter().flatten().filter_map(|(name, field)| {
        let yes = || (field["type"] == "boolean").then_some(Value::Bool(true));
        let value = field.get("default").cloned().or_else(yes)?;
        Some((name.clone(), value))
    });
    let content: Map<String, Value> = filled.collect();
    json!({"action": "accept", "content": content})
}

fn to_json(value: &Value) -> Result<Json, Failure> {
    Ok(Json::parse(value.to_string().into(), &JsonLimits::CLIENT)?)
}
