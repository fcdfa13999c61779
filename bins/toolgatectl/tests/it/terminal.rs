//! Manners on a terminal: tables as wide as it, colour there alone, questions there alone.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::thread;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::installation::Installation;

/// A terminal of some width, and what a command shows on it.
struct Terminal {
    ours: OwnedFd,
    theirs: File,
}

impl Terminal {
    fn new(columns: u16) -> Self {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let name = ptsname(&ours, Vec::new()).unwrap();
        let theirs = File::options()
            .read(true)
            .write(true)
            .open(name.to_str().unwrap())
            .unwrap();
        let size = Winsize {
            ws_row: 24,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&ours, size).unwrap();
        Self { ours, theirs }
    }

    /// Runs a command with everything on the terminal, `typed` typed into it; answers its exit code and the screen.
    fn run(
        self,
        home: &Installation,
        args: &[&str],
        env: &[(&str, &str)],
        typed: &str,
    ) -> (i32, String) {
        let end = || Stdio::from(self.theirs.try_clone().unwrap());
        let mut child = Command::new(env!("CARGO_BIN_EXE_toolgatectl"))
            .args(args)
            .env("TOOLGATE_DATA_DIR", home.dir())
            .env("HOME", home.user())
            .env("TERM", "xterm")
            .env_remove("NO_COLOR")
            .envs(env.iter().copied())
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .spawn()
            .unwrap();
        drop(self.theirs);
        let mut screen = File::from(self.ours);
        screen.write_all(typed.as_bytes()).unwrap();
        let reader = thread::spawn(move || {
            let mut shown = Vec::new();
            let mut piece = [0; 4096];
            // Reading fails once nobody has the other end.
            while let Ok(count @ 1..) = screen.read(&mut piece) {
                shown.extend_from_slice(&piece[..count]);
            }
            String::from_utf8(shown).unwrap().replace("\r\n", "\n")
        });
        let code = child.wait().unwrap().code().unwrap();
        (code, reader.join().unwrap())
    }
}

fn filled() -> Installation {
    let home = Installation::new();
    home.one(&[
        "workspace",
        "create",
        "Team",
        "--description",
        "a description that is long enough to be cut",
    ]);
    home.one(&[
        "mcp",
        "add",
        "github",
        "--url",
        "https://1.1.1.1/some/long/path/that/does/not/fit/into/forty/columns",
    ]);
    home.one(&["mcp", "disable", "github"]);
    home.one(&[
        "token",
        "create",
        "team",
        "--name",
        "somebody-with-a-long-name",
        "--tools",
        "github__*,!github__delete_*",
    ]);
    home.one(&[
        "secrets",
        "set",
        "github",
        "A_SECRET_WITH_A_LONG_NAME",
        "not-a-real-value",
    ]);
    home
}

/// What is seen, without what only steers colours.
fn plain(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        text + part.split_once('m').map_or(part, |(_, rest)| rest)
    })
}

#[test]
fn tables_fit_the_terminal_they_are_shown_on() {
    let home = filled();
    let commands: [&[&str]; 6] = [
        &["workspace", "list"],
        &["mcp", "list"],
        &["token", "list"],
        &["secrets", "list"],
        &["audit", "list"],
        &["doctor"],
    ];
    for command in commands {
        for columns in [60, 100] {
            let (code, screen) = Terminal::new(columns).run(&home, command, &[], "");
            assert!(code == 0 || command == ["doctor"], "{command:?}: {screen}");
            for line in plain(&screen).lines() {
                let width = line.chars().count();
                assert!(
                    width <= columns.into(),
                    "{command:?} on {columns} columns: {width}: {line}"
                );
            }
        }
    }
}

#[test]
fn colour_is_for_terminals_and_for_those_who_want_it() {
    let home = filled();
    let shown = |env: &[(&str, &str)]| Terminal::new(100).run(&home, &["mcp", "list"], env, "").1;
    assert!(shown(&[]).contains("\u{1b}["));
    for env in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        assert!(!shown(&[env]).contains('\u{1b}'), "{env:?}");
    }
    assert!(!home.ok(&["mcp", "list"]).contains('\u{1b}'));
    let (_, json) = Terminal::new(40).run(&home, &["mcp", "list", "--json"], &[], "");
    assert!(!json.contains('\u{1b}'));
    serde_json::from_str::<serde_json::Value>(json.trim()).expect("JSON is never wrapped");
}

#[test]
fn questions_are_asked_on_a_terminal_and_no_is_what_an_empty_answer_means() {
    let home = filled();
    let file = home.user().join("team.toml");
    std::fs::write(
        &file,
        home.ok(&["export"])
            .replace("name = \"Team\"", "name = \"Crew\""),
    )
    .unwrap();
    let apply = ["apply", "-f", file.to_str().unwrap()];
    let (code, screen) = Terminal::new(100).run(&home, &apply, &[], "\n");
    assert_eq!(code, 4, "{screen}");
    assert!(
        screen.contains("called: \"Team\" -> \"Crew\"") && screen.contains("[y/N]"),
        "{screen}"
    );
    let (code, screen) = Terminal::new(100).run(&home, &apply, &[], "y\n");
    assert_eq!(code, 0, "{screen}");
    assert_eq!(home.json(&["workspace", "list"])[0]["name"], "Crew");
    let (code, _) = Terminal::new(100).run(&home, &["workspace", "delete", "team"], &[], "no\n");
    assert_eq!(code, 4);
    assert_eq!(home.json(&["workspace", "list"]).len(), 1);
}

#[test]
fn what_takes_long_says_so_on_terminals_alone() {
    let home = filled();
    // Done in a moment, so there is nothing to say; and nothing stays behind on the line.
    let (code, screen) = Terminal::new(100).run(&home, &["backup", "create"], &[], "");
    assert_eq!(code, 0, "{screen}");
    assert!(screen.contains("is made"), "{screen}");
    assert_eq!(home.run(&["doctor"]).err, "");
}
