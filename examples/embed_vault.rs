//! A secret sealed, opened, and masked in an echo, with nothing but `toolgate-vault` and `toolgate-unseal`.
//!
//! `cargo run -p toolgate-examples --example embed_vault`
#![expect(clippy::print_stdout, reason = "an example talks to whoever runs it")]

use toolgate_unseal::{Masker, Opener};
use toolgate_vault::{MasterKey, Secret, SecretContext};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let master = MasterKey::generate()?;
    let (key, wrapped) = master.new_workspace_key("ws_team")?;
    let context = SecretContext {
        workspace: "ws_team",
        server: Some("srv_github"),
        name: "GITHUB_TOKEN",
        version: 1,
    };
    let value = Secret::check_value("ghp_example_not_a_real_token".to_owned())?;
    let sealed = key.seal(context, &value)?;
    println!(
        "sealed:  {} bytes under {}",
        sealed.sealed.len(),
        sealed.key.as_str()
    );

    // Elsewhere, with the stored bytes and the master key:
    let opener = Opener::new(&master.unwrap_workspace_key("ws_team", &wrapped)?);
    let value_again = opener.open(context, &sealed)?;
    println!("debug:   {value_again:?}");
    assert_eq!(value_again.expose(), value.expose());

    // What was sealed for one place opens in no other.
    let moved = SecretContext {
        server: Some("srv_evil"),
        ..context
    };
    assert!(opener.open(moved, &sealed).is_err());

    let echo_guard = Masker::new([value_again.expose().as_str()]);
    let echo = r#"{"text":"your token is ghp_example_not_a_real_token"}"#;
    let masked = echo_guard.mask(echo.into());
    println!("masked:  {}", String::from_utf8_lossy(&masked));
    assert!(!String::from_utf8_lossy(&masked).contains("ghp_example"));
    Ok(())
}
