//! Definitions, changed at random: what the pins have to notice and what they must not (S-50). Shared with the
//! trial `pin-mutation`, which does the same in large.

use serde_json::{Value, json};
use toolgate_protocol::trust::{Change, judge};
use toolgate_protocol::{Json, JsonLimits};

const ORDINARY: &str = include_str!("../data/ordinary.jsonl");

/// What came of single changes.
#[derive(Debug, Default)]
pub(crate) struct Noticed {
    /// Changes that passed for none.
    pub(crate) unnoticed: u64,
    /// Changes of what a model reads that were taken without anybody's word.
    pub(crate) taken_although_read: u64,
}

/// The ordinary definitions.
pub(crate) fn ordinary() -> Vec<Value> {
    let lines = ORDINARY.lines();
    lines
        .map(|line| serde_json::from_str(line).expect("the file holds JSON"))
        .collect()
}

/// A value as the product reads it.
#[track_caller]
pub(crate) fn parsed(value: &Value) -> Json {
    Json::parse(value.to_string().into(), &JsonLimits::UPSTREAM).expect("it is JSON")
}

/// Changes one place of a definition at a time, `count` times.
pub(crate) fn single_changes(seed: u64, count: u64) -> Noticed {
    let originals = ordinary();
    let definitions: Vec<Json> = originals.iter().map(parsed).collect();
    let mut random = Random(seed);
    let mut noticed = Noticed::default();
    let mut made = 0;
    while made < count {
        let which = random.below(originals.len());
        let mut changed = originals[which].clone();
        if !mutate(&mut changed, &mut random) || changed == originals[which] {
            continue;
        }
        made += 1;
        match judge(&definitions[which], &parsed(&changed)) {
            Change::None => noticed.unnoticed += 1,
            Change::Cosmetic if originals[which].get("icons") == changed.get("icons") => {
                noticed.taken_although_read += 1;
            }
            Change::Cosmetic | Change::Words(_) | Change::Breaking(_) => {}
        }
    }
    noticed
}

/// Writes definitions in another order, with other blanks and escapes, `count` times; how often that passed for a
/// change.
pub(crate) fn rewritings(seed: u64, count: u64) -> u64 {
    let originals = ordinary();
    let mut random = Random(seed);
    let mut alarms = 0;
    for _ in 0..count {
        let original = &originals[random.below(originals.len())];
        let mut text = String::new();
        rewrite(original, &mut random, &mut text);
        let offered = Json::parse(text.into(), &JsonLimits::UPSTREAM).expect("it is JSON");
        alarms += u64::from(judge(&parsed(original), &offered) != Change::None);
    }
    alarms
}

/// `SplitMix64`, the same on every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % end as u64).expect("it is below a size")
    }
}

/// Changes one random place of a value; false when the place it came to cannot be changed.
fn mutate(value: &mut Value, random: &mut Random) -> bool {
    match value {
        Value::Object(members) if !members.is_empty() && random.below(4) > 0 => {
            let at = random.below(members.len());
            let name = members.keys().nth(at).expect("it is there").clone();
            match random.below(8) {
                0 if name != "name" => members.remove(&name).is_some(),
                1 if name != "name" => {
                    let value = members.remove(&name).expect("it is there");
                    members.insert(format!("{name}_"), value).is_none()
                }
                _ => mutate(members.get_mut(&name).expect("it is there"), random),
            }
        }
        Value::Object(members) => members.insert("added".into(), json!("x")).is_none(),
        Value::Array(list) if !list.is_empty() && random.below(3) > 0 => {
            let at = random.below(list.len());
            mutate(&mut list[at], random)
        }
        Value::Array(list) => {
            list.push(json!("added"));
            true
        }
        Value::String(text) => {
            let mut letters: Vec<char> = text.chars().collect();
            let at = random.below(letters.len() + 1);
            let new = ['a', 'Z', ' ', '\n', '\u{200b}', '\u{e0041}', 'е', '.'][random.below(8)];
            match random.below(3) {
                0 if at < letters.len() && letters[at] != new => letters[at] = new,
                1 if at < letters.len() && letters.len() > 1 => drop(letters.remove(at)),
                _ => letters.insert(at, new),
            }
            *text = letters.into_iter().collect();
            true
        }
        Value::Number(number) => {
            let now = number.as_i64().unwrap_or(0);
            *value = json!(now + 1);
            true
        }
        Value::Bool(flag) => {
            *flag = !*flag;
            true
        }
        Value::Null => {
            *value = json!(false);
            true
        }
    }
}

/// Writes a value in another order, with other blanks and other escapes.
fn rewrite(value: &Value, random: &mut Random, out: &mut String) {
    let mut blanks = |out: &mut String| {
        out.push_str(["", "", " ", "\n  ", "\t", "\r\n"][random.below(6)]);
    };
    blanks(out);
    match value {
        Value::Object(members) => {
            out.push('{');
            let mut members: Vec<_> = members.iter().collect();
            for at in (1..members.len()).rev() {
                members.swap(at, random.below(at + 1));
            }
            for (at, (name, value)) in members.into_iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                spell(name, random, out);
                out.push(':');
                rewrite(value, random, out);
            }
            out.push('}');
        }
        Value::Array(list) => {
            out.push('[');
            for (at, value) in list.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                rewrite(value, random, out);
            }
            out.push(']');
        }
        Value::String(text) => spell(text, random, out),
        other => out.push_str(&other.to_string()),
    }
    out.push_str(["", " ", "\n"][random.below(3)]);
}

fn spell(text: &str, random: &mut Random, out: &mut String) {
    use std::fmt::Write;
    out.push('"');
    for letter in text.chars() {
        if matches!(letter, '"' | '\\') || u32::from(letter) < 32 || random.below(20) == 0 {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}").expect("writing to a string");
            }
        } else {
            out.push(letter);
        }
    }
    out.push('"');
}
