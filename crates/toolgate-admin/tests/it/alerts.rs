//! Alerts: what can be watched, and where webhooks may go.

use serde_json::json;
use toolgate_admin::{AdminError, AlertRule, Fault, NewAlert, Secret, SecretOwner};
use toolgate_store::control::{AlertDelivery, AlertState, ControlReply, ControlRequest};

use crate::home::{FakeGateway, Home, http};

const URL: &str = "https://1.1.1.1/hook";

fn alert(rule: AlertRule) -> NewAlert {
    NewAlert {
        name: "failing".into(),
        rule,
        url: URL.into(),
        secret: None,
        allow_private: false,
    }
}

fn error_rate(over_percent: u32, window_s: u32, server: Option<&str>) -> AlertRule {
    AlertRule::ErrorRate {
        over_percent,
        window_s,
        least_calls: 20,
        server: server.map(|slug| slug.try_into().unwrap()),
    }
}

#[test]
fn an_alert_is_listed_as_it_was_made_and_goes_with_its_workspace() {
    let (home, scope) = Home::with_team();
    home.admin
        .add_server(&scope, &http("notes", "https://1.1.1.1/mcp"))
        .unwrap();
    let rule = error_rate(5, 300, Some("notes"));
    let made = home
        .admin
        .create_alert(Some(&scope), &alert(rule.clone()))
        .unwrap();
    assert!(made.alert.id.starts_with("al_"), "{made:?}");
    let listed = home.admin.list_alerts(Some(&scope)).unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(
        serde_json::to_value(&listed[0]).unwrap(),
        json!({
            "id": made.alert.id, "name": "failing", "workspace": "team", "url": URL,
            "rule": {"kind": "error_rate", "over_percent": 5, "window_s": 300, "least_calls": 20, "server": "notes"},
            "secret": null, "enabled": true, "created_at": made.alert.created_at,
            "firing_since": null, "last_delivery": null,
        })
    );
    let other = home.admin.create_workspace("other", "").unwrap();
    let other = home.admin.scope(&other.slug).unwrap();
    assert!(home.admin.list_alerts(Some(&other)).unwrap().is_empty());
    let foreign = home.admin.delete_alert(Some(&other), &made.alert.id);
    assert_eq!(foreign.unwrap_err().fault(), Fault::NotFound, "S-46");
    home.admin.delete_workspace(&scope).unwrap();
    assert!(home.admin.list_alerts(None).unwrap().is_empty());
}

#[track_caller]
fn check_refused(new: &NewAlert, fault: Fault, says: &str) {
    let (home, scope) = Home::with_team();
    let error = home.admin.create_alert(Some(&scope), new).unwrap_err();
    assert_eq!(error.fault(), fault, "{error}");
    assert!(error.to_string().contains(says), "{error}");
    assert!(home.admin.list_alerts(None).unwrap().is_empty());
}

#[test]
fn what_cannot_be_watched_is_refused() {
    let invalid = Fault::Invalid;
    check_refused(&alert(error_rate(100, 300, None)), invalid, "0 to 99");
    check_refused(&alert(error_rate(5, 9, None)), invalid, "10 seconds");
    let quota = AlertRule::Quota { at_percent: 101 };
    check_refused(&alert(quota), invalid, "1 to 100");
    let unknown = error_rate(5, 300, Some("nobody"));
    check_refused(&alert(unknown), Fault::NotFound, "nobody");
    let signed = NewAlert {
        secret: Some("NOT_THERE".into()),
        ..alert(AlertRule::Pins)
    };
    check_refused(&signed, Fault::NotFound, "NOT_THERE");
}

/// S-65: what is private or plain is the operator's to allow, and metadata addresses nobody's.
#[test]
fn s65_a_webhook_goes_to_private_addresses_only_if_the_operator_says_so() {
    let to = |url: &str, allow_private| NewAlert {
        url: url.into(),
        allow_private,
        ..alert(AlertRule::Pins)
    };
    let private = "http://127.0.0.1:9/hook";
    check_refused(&to(private, false), Fault::Refused, "127.0.0.1:9");
    let metadata = "http://169.254.169.254/hook";
    check_refused(&to(metadata, true), Fault::Invalid, "169.254.169.254");
    check_refused(&to("https://1.1.1.1/{SECRET}", true), Fault::Invalid, "");
    let (home, scope) = Home::with_team();
    let made = home
        .admin
        .create_alert(Some(&scope), &to(private, true))
        .unwrap();
    assert_eq!(made.allowance.unwrap().origin, "127.0.0.1:9");
}

#[test]
fn a_signing_secret_is_named_not_shown() {
    let (home, scope) = Home::with_team();
    let value = Secret::new("canary-of-a-signing-key".to_owned());
    home.admin
        .set_secret(&scope, SecretOwner::Workspace, "HOOK_KEY", &value)
        .unwrap();
    let new = NewAlert {
        secret: Some("hook-key".into()),
        ..alert(AlertRule::Pins)
    };
    home.admin.create_alert(Some(&scope), &new).unwrap();
    let listed = home.admin.list_alerts(Some(&scope)).unwrap();
    assert_eq!(listed[0].secret.as_deref(), Some("HOOK_KEY"));
    assert!(!format!("{listed:?}").contains("canary"));
}

#[test]
fn the_gateway_tells_how_alerts_stand_and_sends_samples() {
    let (home, scope) = Home::with_team();
    let new = alert(AlertRule::Pins);
    let id = home
        .admin
        .create_alert(Some(&scope), &new)
        .unwrap()
        .alert
        .id;
    let untested = home.admin.test_alert(Some(&scope), "failing").unwrap_err();
    assert!(matches!(untested, AdminError::GatewayNeeded { .. }));
    let delivery = AlertDelivery {
        at_ms: 1_000,
        delivered: true,
        status: Some(204),
        error: None,
        attempts: 1,
    };
    let gateway = FakeGateway::start(&home.dir(), move |request| match request {
        ControlRequest::Alerts => ControlReply::Alerts {
            alerts: vec![AlertState {
                id: id.as_str().try_into().unwrap(),
                firing_since_ms: Some(2_000),
                last: Some(delivery.clone()),
            }],
        },
        ControlRequest::TestAlert { .. } => ControlReply::AlertTested(delivery.clone()),
        _ => ControlReply::Done { generation: 1 },
    });
    let listed = home.admin.list_alerts(None).unwrap();
    assert_eq!(
        listed[0].firing_since.as_deref(),
        Some("1970-01-01T00:00:02.000Z")
    );
    let tested = home.admin.test_alert(Some(&scope), "failing").unwrap();
    assert!(tested.delivery.delivered);
    assert_eq!(tested.delivery.status, Some(204));
    assert_eq!(gateway.asked().len(), 2);
}
