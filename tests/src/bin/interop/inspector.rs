//! The inspector's command line, in each era it can be told to speak.

use std::process::Command;

use serde_json::Value;
use toolgate_tests::Fixtures;

use crate::clients::finish;
use crate::report::Report;

/// What it is asked to do, and where in its answer something has to stand.
const METHODS: &[(&str, &[&str], &str, &str)] = &[
    (
        "tools/call",
        &["--tool-name", "{}__test_simple_text"],
        "/result/content/0/text",
        "This is a simple text response for testing.",
    ),
    (
        "prompts/get",
        &[
            "--prompt-name",
            "{}__test_prompt_with_arguments",
            "--prompt-args",
            "arg1=one",
            "arg2=two",
        ],
        "/result/messages/0/content/text",
        "Prompt with arguments: arg1='one', arg2='two'",
    ),
    (
        "resources/read",
        &["--uri", "{}+test://static-text"],
        "/result/contents/0/text",
        "This is the content of the static text resource.",
    ),
];

/// Lists, calls, gets and reads through the gateway.
pub(crate) fn check(report: &mut Report, fixtures: &Fixtures, url: &str, token: &str) {
    for era in ["legacy", "auto", "modern"] {
        for (list, member) in [
            ("tools/list", "tools"),
            ("prompts/list", "prompts"),
            ("resources/list", "resources"),
        ] {
            report.check(&format!("inspector ({era}): {list}"), || {
                let said = ask(fixtures, url, token, era, list, &[]);
                let listed = said["result"][member].as_array();
                assert!(listed.is_some_and(|listed| !listed.is_empty()), "{said}");
            });
        }
        for (method, arguments, pointer, wanted) in METHODS {
            for slug in ["legacy", "modern", "legacyio"] {
                report.check(&format!("inspector ({era}): {method} of {slug}"), || {
                    let filled: Vec<String> = arguments
                        .iter()
                        .map(|argument| argument.replace("{}", slug))
                        .collect();
                    let filled: Vec<&str> = filled.iter().map(String::as_str).collect();
                    let said = ask(fixtures, url, token, era, method, &filled);
                    let found = said.pointer(pointer).and_then(Value::as_str);
                    assert_eq!(found, Some(*wanted), "{said}");
                });
            }
        }
    }
    // It knows which schemas other clients choke on, and fails over one that they would.
    report.check("inspector: the schemas of all tools are portable", || {
        ask(fixtures, url, token, "auto", "tools/list", &["--strict"]);
    });
    report.check("inspector: a wrong token is refused as one", || {
        let mut command = command(fixtures, url, "mwt_wrong", "legacy", "tools/list");
        let output = command.arg("--stored-auth-only").output();
        let output = output.expect("the inspector starts");
        let complained = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{complained}");
    });
}

fn ask(
    fixtures: &Fixtures,
    url: &str,
    token: &str,
    era: &str,
    method: &str,
    arguments: &[&str],
) -> Value {
    let mut command = command(fixtures, url, token, era, method);
    let said = finish("inspector", command.args(arguments));
    serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"))
}

/// It guesses the transport by the end of a URL, so it is told.
fn command(fixtures: &Fixtures, url: &str, token: &str, era: &str, method: &str) -> Command {
    let launcher = "@modelcontextprotocol/inspector/clients/launcher/build/index.js";
    let mut command = fixtures.run(&fixtures.package(launcher));
    command
        .args(["--cli", url, "--transport", "http", "--format", "json"])
        .args(["--protocol-era", era, "--method", method, "--header"])
        .arg(format!("Authorization: Bearer {token}"))
        // Nothing of it belongs into the keychain of whoever runs this.
        .env("MCP_INSPECTOR_SECRET_STORE", "memory");
    command
}
