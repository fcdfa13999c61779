//! Errors of servers, as each era knows them (P4.3 and the table of codes).

use crate::case::Method;
use crate::json;
use crate::judge::Scene;
use crate::pair::MODERN;

/// What an error that was sent has to say when it arrives: code, message and data.
pub(crate) fn is_explained(scene: &Scene<'_>, sent: &str, arrived: &str) -> bool {
    let known = ["code", "message", "data"];
    let names = json::members(arrived).unwrap_or_default();
    let code = json::member(sent, "code").and_then(|code| code.parse().ok());
    let data = json::member(sent, "data");
    let Some((code, data)) = code.map(|code| expected(scene, code, data)) else {
        return false;
    };
    let message = json::member(sent, "message");
    names.iter().all(|member| known.contains(&&*member.name))
        && json::member(arrived, "code") == Some(&code.to_string())
        && message.is_some()
        && json::member(arrived, "message") == message
        && json::member(arrived, "data") == data.as_deref()
}

/// The code and the data that arrive.
fn expected(scene: &Scene<'_>, code: i64, data: Option<&str>) -> (i64, Option<String>) {
    let (client, server) = (scene.pair.client, scene.pair.server);
    let modern = scene.pair.is_modern_client();
    let reads = scene.case.method == Method::ReadResource;
    let same = (code, data.map(str::to_owned));
    let uri = || json::quoted(&scene.case.target.own);
    let names_uri = data.is_some_and(|data| json::member(data, "uri").is_some());
    match code {
        -32042 if client != "2025-11-25" || server.modern => internal(code, data),
        -32002 => {
            let data = match data {
                None if reads => Some(format!("{{\"uri\":{}}}", uri())),
                _ => same.1,
            };
            (if client == MODERN { -32602 } else { code }, data)
        }
        -32602 if reads && server.modern && !modern && names_uri => (-32002, same.1),
        -32021 if modern && server.modern => same,
        -32099..=-32020 if modern || server.modern => internal(code, data),
        _ => same,
    }
}

/// -32603, with what the server said in the data.
fn internal(code: i64, data: Option<&str>) -> (i64, Option<String>) {
    let data = match data {
        Some(data) => format!("{{\"code\":{code},\"data\":{data}}}"),
        None => format!("{{\"code\":{code}}}"),
    };
    (-32603, Some(data))
}
