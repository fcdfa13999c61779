//! S-09: the encoding of a secret's context is injective.

use proptest::prelude::*;
use toolgate_vault::{KeyId, LengthPrefixed, SecretContext};

use crate::support::fixed;

#[derive(Debug, Clone, PartialEq)]
struct Owned {
    key: KeyId,
    workspace: String,
    server: Option<String>,
    name: String,
    version: u64,
}

impl Owned {
    fn encoded(&self) -> Vec<u8> {
        let context = SecretContext {
            workspace: &self.workspace,
            server: self.server.as_deref(),
            name: &self.name,
            version: self.version,
        };
        context.associated_data(&self.key)
    }
}

proptest! {
    #![proptest_config(fixed())]

    #[test]
    fn different_contexts_have_different_encodings(one in context(), other in context()) {
        prop_assert_eq!(one.encoded() == other.encoded(), one == other);
    }

    /// What is absent takes its place too.
    #[test]
    fn absence_cannot_move(
        one in (proptest::option::of("a{0,1}"), proptest::option::of("a{0,1}")),
        other in (proptest::option::of("a{0,1}"), proptest::option::of("a{0,1}")),
    ) {
        let encoded = |(left, right): &(Option<String>, Option<String>)| {
            LengthPrefixed::new("test").optional(left.as_deref()).optional(right.as_deref()).into_bytes()
        };
        prop_assert_eq!(encoded(&one) == encoded(&other), one == other);
    }

    /// Moving the border between two neighbours always shows.
    #[test]
    fn a_border_cannot_move(text in "[a-c\0\u{1}]{0,12}", one in 0..12_usize, other in 0..12_usize) {
        let cut = |at: usize| {
            let (left, right) = text.split_at(at.min(text.len()));
            LengthPrefixed::new("test").text(left).text(right).into_bytes()
        };
        prop_assert_eq!(cut(one) == cut(other), one.min(text.len()) == other.min(text.len()));
    }
}

/// Bytes that look like lengths, in fields that are often equal.
fn context() -> impl Strategy<Value = Owned> {
    let text = || "[a\0\u{1}\u{8}]{0,3}";
    (
        0..3_u8,
        text(),
        proptest::option::of(text()),
        text(),
        0..4_u64,
    )
        .prop_map(|(key, workspace, server, name, version)| Owned {
            key: KeyId::parse(&format!("key_{key:032}")).unwrap(),
            workspace,
            server,
            name,
            version,
        })
}

/// The encoding must never change: every stored secret depends on it.
#[test]
fn known_encoding() {
    let context = SecretContext {
        workspace: "ws_a",
        server: Some("srv_b"),
        name: "KEY",
        version: 7,
    };
    let key = KeyId::parse("key_00112233445566778899aabbccddeeff").unwrap();
    let mut expected = Vec::new();
    let text = |out: &mut Vec<u8>, text: &str| {
        out.extend([0, 0, 0, 0, 0, 0, 0, u8::try_from(text.len()).unwrap()]);
        out.extend(text.bytes());
    };
    let number = |out: &mut Vec<u8>, number: u8| out.extend([0, 0, 0, 0, 0, 0, 0, number]);
    text(&mut expected, "toolgate secret");
    number(&mut expected, 1);
    text(&mut expected, "key_00112233445566778899aabbccddeeff");
    text(&mut expected, "ws_a");
    number(&mut expected, 1);
    text(&mut expected, "srv_b");
    text(&mut expected, "KEY");
    number(&mut expected, 7);
    assert_eq!(context.associated_data(&key), expected);
}
