//! The document that says what there is, written from the table that is routed by: OpenAPI 3.1.

use std::sync::LazyLock;

use bytes::Bytes;
use hyper::Method;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::download::FileFormat;
use crate::operation::{AuthPolicy, Operation, Run, names};
use crate::problem::ErrorBody;
use crate::{once, routes};

const ABOUT: &str = "\
Everything that administers a Toolgate installation.\n\n\
**Who.** Send an operator's key (`ak_…`, made by `toolgatectl key create`) or a token of a workspace (`mwt_…`) as \
`Authorization: Bearer …`, or a key as `X-API-Key`. A key may do everything here in every workspace. An Admin token \
manages its own workspace; other tokens see their own calls and tools. A workspace that is not the caller's answers \
exactly as one that does not exist.\n\n\
**Pages.** Lists take `limit` (1 to 500, by default 100) and `cursor`; a reply whose `next_cursor` is not null has more.\n\n\
**Once.** A POST with an `Idempotency-Key` is done once, however often it is sent within a day: the answer is \
repeated, with the header `Idempotency-Replayed`. What is shown once is not repeated.\n\n\
**Errors** are `{\"error\": {\"code\", \"message\", \"hint\"}}`. 400 is what does not have the form this document says, \
422 what has it and cannot be meant.";

/// What the segments of paths stand for.
const PARAMS: &[(&str, &str)] = &[
    (routes::WORKSPACE, "Id (`ws_…`) or slug of a workspace."),
    ("server", "Name of a server."),
    ("tool", "A tool, by its server's own name for it."),
    ("name", "Name of a secret."),
    ("token", "Public id of a token (`tok_…`)."),
    ("call", "Id of a call (`call_…`)."),
    ("key", "Public id of a key (`opk_…`)."),
    ("member", "Id or address of a person."),
    (
        "invitation",
        "Id of an invitation (`ivt_…`), or its address.",
    ),
    ("code", "The code of an invitation."),
    ("alert", "Id (`al_…`) or name of an alert."),
    ("setting", "Name of a setting."),
];

/// What a segment of a path is: without anything that readers of paths could take in two ways (S-62).
const SEGMENT: &str = r"^[^./\\\u0000-\u001f\u007f-\u009f][^/\\\u0000-\u001f\u007f-\u009f]*$";

static TEXT: LazyLock<Bytes> =
    LazyLock::new(|| serde_json::to_vec(&document()).unwrap_or_default().into());

/// The document as it is served.
pub(crate) fn text() -> Bytes {
    TEXT.clone()
}

/// The OpenAPI document of everything that is served.
pub fn document() -> Value {
    let mut taken = generator(SchemaSettings::for_deserialize);
    let mut given = generator(SchemaSettings::for_serialize);
    let error = given.subschema_for::<ErrorBody>();
    let mut paths: Map<String, Value> = Map::new();
    let documented = routes::operations()
        .iter()
        .filter(|operation| !operation.is_for_browsers());
    for operation in documented {
        let described = describe(operation, &mut taken, &mut given, &error);
        let path = paths.entry(operation.path).or_insert_with(|| json!({}));
        if let Some(methods) = path.as_object_mut() {
            methods.insert(operation.method.as_str().to_lowercase(), described);
        }
    }
    let mut schemas = given.take_definitions(true);
    schemas.append(&mut taken.take_definitions(true));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Toolgate",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An operator's key (`ak_…`) or a token of a workspace (`mwt_…`).",
                },
                "key": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "X-API-Key",
                    "description": "An operator's key (`ak_…`).",
                },
            },
        },
    })
}

fn generator(settings: fn(SchemaSettings) -> SchemaSettings) -> SchemaGenerator {
    let mut chosen = settings(SchemaSettings::draft2020_12());
    chosen.definitions_path = "/components/schemas".into();
    chosen.meta_schema = None;
    let bounded = RecursiveTransform(bound);
    chosen.with_transform(bounded).into_generator()
}

/// A format alone tells few programs how large a number may be.
fn bound(schema: &mut Schema) {
    if schema.get("format") == Some(&json!("uint32")) && schema.get("maximum").is_none() {
        schema.insert("maximum".to_owned(), u32::MAX.into());
    }
}

fn describe(
    operation: &Operation,
    taken: &mut SchemaGenerator,
    given: &mut SchemaGenerator,
    error: &Schema,
) -> Value {
    let mut described = json!({
        "operationId": operation.id,
        "summary": operation.summary,
        "tags": [tag(operation.path)],
        "parameters": parameters(operation, taken),
        "responses": responses(operation, given, error),
        "security": match operation.access {
            AuthPolicy::Public => json!([]),
            _ => json!([{ "bearer": [] }, { "key": [] }]),
        },
        "x-access": match operation.access {
            AuthPolicy::Public => "public",
            AuthPolicy::Known => "any key or token",
            AuthPolicy::Admin => "admin",
            AuthPolicy::Operator => "operator",
        },
    });
    if let Some(body) = operation.body {
        described["requestBody"] = json!({
            // What only reads needs no form, and so no body where there is nothing to say.
            "required": !(operation.reads_only && operation.may_say_nothing),
            "content": { "application/json": { "schema": body(taken) } },
        });
    }
    described
}

/// The noun: the first plain word behind the workspace, or of the path.
fn tag(path: &'static str) -> &'static str {
    let (_, rest) = path.split_once("{ws}").unwrap_or(("", path));
    let mut words = rest
        .split('/')
        .filter(|word| !word.is_empty() && !word.starts_with('{') && *word != "api");
    words.next().unwrap_or("workspaces")
}

fn parameters(operation: &Operation, taken: &mut SchemaGenerator) -> Vec<Value> {
    let path = names(operation.path).map(|name| {
        let about = PARAMS.iter().find(|(known, _)| *known == name);
        json!({
            "name": name,
            "in": "path",
            "required": true,
            "description": about.map_or("", |(_, about)| about),
            "schema": { "type": "string", "pattern": SEGMENT },
        })
    });
    let mut parameters: Vec<Value> = path.collect();
    if let Some(query) = operation.query {
        parameters.extend(query_parameters(&query(taken)));
    }
    let is_done_once = operation.method == Method::POST && operation.access != AuthPolicy::Public;
    if is_done_once && !operation.reads_only {
        parameters.push(json!({
            "name": "Idempotency-Key",
            "in": "header",
            "required": false,
            "description": "Done once, however often it is sent within a day.",
            "schema": { "type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$" },
        }));
    }
    parameters
}

/// Each member of the query's type is a parameter; null is said by leaving it out.
fn query_parameters(query: &Schema) -> Vec<Value> {
    let properties = query.get("properties").and_then(Value::as_object);
    let required = query.get("required").and_then(Value::as_array);
    let is_required = |name: &str| {
        required.is_some_and(|names| names.iter().any(|known| known.as_str() == Some(name)))
    };
    let described = properties.into_iter().flatten().map(|(name, schema)| {
        let mut schema = without_null(schema);
        let description = schema
            .as_object_mut()
            .and_then(|schema| schema.remove("description"));
        json!({
            "name": name,
            "in": "query",
            "required": is_required(name),
            "description": description.unwrap_or_default(),
            "schema": schema,
        })
    });
    described.collect()
}

fn without_null(schema: &Value) -> Value {
    let mut schema = schema.clone();
    if let Some(types) = schema.get_mut("type").and_then(Value::as_array_mut) {
        types.retain(|kind| kind != "null");
        if let [only] = types.as_slice() {
            schema["type"] = only.clone();
        }
    }
    let choices = schema.get("anyOf").and_then(Value::as_array);
    let some = choices.and_then(|choices| choices.iter().find(|choice| choice["type"] != "null"));
    if let Some(some) = some.cloned() {
        let description = schema.get("description").cloned();
        schema = some;
        if let Some(description) = description {
            schema["description"] = description;
        }
    }
    schema
}

fn responses(operation: &Operation, given: &mut SchemaGenerator, error: &Schema) -> Value {
    let mut responses = Map::new();
    let reply = (operation.reply)(given);
    let content = match operation.run {
        Run::Feed(_) => json!({ "text/event-stream": { "schema": { "type": "string" } } }),
        Run::Asset => json!({ "text/html": { "schema": { "type": "string" } } }),
        Run::Download(_) => {
            let kinds = FileFormat::ALL.map(FileFormat::kind);
            let bytes = json!({ "schema": { "type": "string", "format": "binary" } });
            kinds
                .map(|kind| (kind.to_owned(), bytes.clone()))
                .into_iter()
                .collect()
        }
        Run::Act(_) | Run::Open(_) | Run::Document | Run::Session => {
            json!({ "application/json": { "schema": reply.clone().to_value() } })
        }
    };
    responses.insert(
        operation.status.as_str().to_owned(),
        json!({ "description": operation.summary, "content": content }),
    );
    if !operation.shown_once.is_empty() {
        let repeated = without_secrets(operation, &reply, given);
        responses.insert(
            "200".to_owned(),
            json!({
                "description": "It was made by an earlier request with the same Idempotency-Key.",
                "content": { "application/json": { "schema": repeated } },
            }),
        );
    }
    for status in refusals(operation) {
        responses.insert(
            status.to_string(),
            json!({
                "description": refusal(status),
                "content": { "application/json": { "schema": error } },
            }),
        );
    }
    Value::Object(responses)
}

/// The shape of a repeated answer: the same without what is shown once.
fn without_secrets(operation: &Operation, reply: &Schema, given: &SchemaGenerator) -> Value {
    let name = reply
        .get("$ref")
        .and_then(Value::as_str)
        .and_then(|path| path.rsplit('/').next());
    let mut shape = name
        .and_then(|name| given.definitions().get(name))
        .cloned()
        .unwrap_or_default();
    if let Some(properties) = shape.get_mut("properties").and_then(Value::as_object_mut) {
        properties.retain(|name, _| !operation.shown_once.contains(&name.as_str()));
        properties.insert(
            "note".to_owned(),
            json!({ "type": "string", "const": once::NOTE }),
        );
    }
    if let Some(required) = shape.get_mut("required").and_then(Value::as_array_mut) {
        required.retain(|name| {
            let name = name.as_str().unwrap_or_default();
            !operation.shown_once.contains(&name)
        });
    }
    shape
}

/// The statuses besides success that an operation answers with.
fn refusals(operation: &Operation) -> Vec<u16> {
    let mut statuses = vec![400, 403, 404, 405];
    if operation.access != AuthPolicy::Public {
        statuses.push(401);
    }
    if operation.access != AuthPolicy::Public || matches!(operation.run, Run::Open(_)) {
        statuses.extend([408, 413, 422, 429, 500, 503]);
        if !operation.reads_only {
            statuses.extend([409, 507]);
        }
        if operation.body.is_some() && !operation.reads_only {
            statuses.push(415);
        }
    }
    statuses
}

fn refusal(status: u16) -> &'static str {
    match status {
        400 => "It does not have the form this document says.",
        401 => "Neither a key nor a token that works was given.",
        403 => "Whoever asks may not.",
        404 => "It does not exist, or not for whoever asks.",
        405 => "The path takes other methods.",
        408 => "The body came too slowly.",
        409 => "A rule or something that exists is in the way.",
        413 => "The body is longer than 1 MiB.",
        415 => "The body is not JSON.",
        422 => "It cannot be meant.",
        429 => "Too many failed authentications from there.",
        503 => "Not now: it takes a running gateway, or too much is asked at once.",
        507 => "The disk is full; nothing was changed.",
        _ => "Something broke.",
    }
}
