//! Phrases that instruct a model: lists of words in order, each a few words behind the one before.
//!
//! Matched over folded words, so that case, look-alike letters, invisible characters and punctuation make no
//! difference. One hash look-up a word, so the time is in proportion to the text.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::names::fold;

/// What a text does beside describing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Speech {
    /// It tells the model what to do, or to keep something from people.
    Instruction,
    /// It speaks of how other tools are to be used.
    Shadowing,
}

/// What a text does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Speeches {
    instruction: bool,
    shadowing: bool,
}

impl Speeches {
    pub(super) fn contains(self, speech: Speech) -> bool {
        match speech {
            Speech::Instruction => self.instruction,
            Speech::Shadowing => self.shadowing,
        }
    }
}

struct Pattern {
    speech: Speech,
    /// Words that may stand between two steps.
    gap: usize,
    /// Alternatives separated by spaces, one step each.
    steps: &'static [&'static str],
}

const fn say(gap: usize, steps: &'static [&'static str]) -> Pattern {
    Pattern {
        speech: Speech::Instruction,
        gap,
        steps,
    }
}

const fn shadow(gap: usize, steps: &'static [&'static str]) -> Pattern {
    Pattern {
        speech: Speech::Shadowing,
        gap,
        steps,
    }
}

const PATTERNS: &[Pattern] = &[
    // Setting aside what holds.
    say(
        3,
        &[
            "ignore disregard forget override bypass overrule discard supersede neglect",
            "previous prior above earlier preceding all any other system safety existing your original user",
            "instructions instruction rules guidelines directions directives prompts prompt constraints policies policy messages restrictions",
        ],
    ),
    say(
        2,
        &[
            "override overrides supersede supersedes replace replaces",
            "previous prior earlier all any system user",
            "instructions rules guidelines prompt policies directives",
        ],
    ),
    say(
        1,
        &[
            "new updated revised real true",
            "instructions directive directives",
            "follow override are",
        ],
    ),
    say(0, &["you", "are", "now", "a an in the no"]),
    say(1, &["from", "now", "on", "you always respond act"]),
    say(
        2,
        &[
            "developer debug god jailbreak unrestricted maintenance admin",
            "mode",
            "enabled enable activated activate on unlocked",
        ],
    ),
    say(0, &["do", "anything", "now"]),
    say(
        2,
        &[
            "reveal print output repeat disclose leak dump send include show",
            "your the full entire",
            "system initial hidden",
            "prompt instructions message",
        ],
    ),
    say(
        2,
        &[
            "act behave respond operate pretend",
            "as",
            "if though",
            "you no there",
        ],
    ),
    say(2, &["pretend roleplay", "to you", "be are"]),
    // Keeping something from people.
    say(
        4,
        &[
            "do",
            "not",
            "tell mention reveal inform notify disclose alert show display explain say ask warn expose describe",
            "user users human humans person anyone anybody them",
        ],
    ),
    say(
        4,
        &[
            "dont never without cannot",
            "tell mention telling mentioning reveal revealing inform informing notify notifying disclose disclosing alert alerting display explaining explain asking ask warn warning",
            "user users human humans person anyone anybody them",
        ],
    ),
    say(
        3,
        &[
            "do dont never",
            "not ever",
            "mention disclose reveal discuss acknowledge",
            "this these that step instruction instructions it file",
        ],
    ),
    say(
        2,
        &[
            "never dont",
            "mention disclose reveal discuss acknowledge",
            "this these that step instruction instructions file",
        ],
    ),
    say(
        3,
        &[
            "hide hidden conceal keep invisible secret",
            "from to",
            "user users human humans view anyone",
        ],
    ),
    say(
        3,
        &[
            "keep",
            "this it these",
            "secret confidential hidden private quiet between",
        ],
    ),
    say(
        2,
        &[
            "user users human",
            "must should may does do can will need needs",
            "not never cannot",
            "know see notice aware learn be",
        ],
    ),
    say(
        3,
        &[
            "user users",
            "cannot cant wont isnt not",
            "see aware notice shown know informed",
        ],
    ),
    say(
        3,
        &[
            "without",
            "user users human explicit asking requiring any further prior their",
            "consent knowledge confirmation approval permission awareness noticing",
        ],
    ),
    say(
        2,
        &[
            "without",
            "asking requesting waiting seeking",
            "confirmation approval permission consent user",
        ],
    ),
    say(
        2,
        &[
            "do dont",
            "not",
            "ask request wait seek",
            "confirmation approval permission consent",
        ],
    ),
    say(
        2,
        &[
            "skip bypass disable suppress",
            "confirmation approval consent authorization safety security",
            "prompt prompts check checks dialog step steps checks filters filter",
        ],
    ),
    say(
        3,
        &[
            "silently secretly covertly quietly surreptitiously discreetly stealthily",
            "read send forward copy upload include append call invoke add execute run fetch collect pass transmit post exfiltrate store record log attach insert delete change",
        ],
    ),
    say(
        3,
        &[
            "read send forward copy upload include append call invoke add execute run collect pass transmit post log",
            "silently secretly covertly surreptitiously discreetly stealthily",
        ],
    ),
    say(
        3,
        &[
            "provide give",
            "detailed friendly long plausible",
            "reasoning explanation explanations",
            "user",
        ],
    ),
    // Reaching for secrets.
    say(
        5,
        &[
            "send forward exfiltrate upload transmit leak post bcc append include attach pass copy share provide supply submit embed encode paste put store report relay",
            "credentials secrets passwords password apikey apikeys conversation cookies tokens keys history transcript",
            "to as in into at via with parameter field argument",
        ],
    ),
    say(
        3,
        &[
            "send forward exfiltrate upload transmit leak post append include attach pass copy share provide submit embed encode relay collect log record",
            "full entire complete whole all previous",
            "conversation chat message messages history context transcript prompt session",
        ],
    ),
    say(
        3,
        &[
            "conversation chat message",
            "history transcript log context",
            "to as in into here",
            "parameter field argument server endpoint url context note notes audit metadata",
        ],
    ),
    say(
        4,
        &[
            "read cat open access fetch load get include pass retrieve send copy check contents content paste",
            "ssh aws env mcp json cursor netrc kube npmrc gnupg config claude",
            "id rsa ed25519 credentials mcp json key env token key config authorized shadow",
            "and as to into pass send include in content contents file",
        ],
    ),
    say(
        3,
        &[
            "read cat open access load get include pass retrieve send copy contents content paste of",
            "ssh gnupg",
            "id key keys config folder directory",
        ],
    ),
    say(
        3,
        &[
            "read cat open access load get retrieve send copy include paste pass contents content",
            "etc",
            "passwd shadow hosts sudoers",
        ],
    ),
    say(
        2,
        &[
            "contents content value values",
            "of",
            "env credentials ssh wallet keychain",
        ],
    ),
    say(
        2,
        &[
            "id",
            "rsa ed25519",
            "as to into pass send include content contents file and here",
        ],
    ),
    say(
        3,
        &[
            "private secret ssh api access",
            "key keys",
            "as into in to",
            "sidenote parameter field argument content note context server feedback",
        ],
    ),
    say(
        3,
        &[
            "environment",
            "variables",
            "as into in to",
            "sidenote parameter field argument note context server url",
        ],
    ),
    say(
        2,
        &[
            "bcc cc",
            "every all each any",
            "email emails message messages mail",
        ],
    ),
    say(
        3,
        &[
            "also always additionally",
            "bcc cc forward",
            "to every all copy",
        ],
    ),
    say(
        4,
        &[
            "change replace set substitute redirect",
            "recipient address account wallet number phone iban payee",
            "to with",
            "attacker proxy following this ours backup",
        ],
    ),
    say(
        4,
        &[
            "actual real true original",
            "recipient",
            "in",
            "body text message",
        ],
    ),
    // Making itself needed.
    say(
        3,
        &[
            "otherwise or else",
            "tool function call request server",
            "will wont may does",
            "not fail break work stop crash error be",
        ],
    ),
    say(
        3,
        &[
            "tool function",
            "will wont",
            "not",
            "work function run execute",
            "unless without until otherwise",
        ],
    ),
    say(
        2,
        &[
            "before prior",
            "to using calling use invoking running executing answering responding doing",
            "this any other anything every",
            "tool tools function else question request",
            "read open access cat send load execute run fetch",
        ],
    ),
    say(
        2,
        &[
            "you assistant ai model llm agent",
            "must should",
            "always first also immediately",
            "read open send execute run forward include pass append fetch download",
        ],
    ),
    say(
        1,
        &[
            "always",
            "prefer choose use select call",
            "this",
            "tool function server over first instead",
        ],
    ),
    say(
        2,
        &[
            "this",
            "tool function",
            "must should",
            "be always",
            "called used invoked run",
            "before first always whenever instead",
        ],
    ),
    say(
        3,
        &[
            "after when once",
            "calling using running executing",
            "this any",
            "tool",
            "immediately also always",
            "call run send execute invoke",
        ],
    ),
    say(
        3,
        &[
            "curl wget",
            "http https sh",
            "bash sh pipe",
            "before first to and",
        ],
    ),
    say(2, &["download fetch", "and", "execute run eval"]),
    say(
        2,
        &[
            "execute run eval",
            "following this",
            "command code script shell",
            "before first silently immediately on",
        ],
    ),
    say(
        2,
        &[
            "highest top maximum absolute",
            "priority precedence",
            "instruction instructions over rule tool system",
        ],
    ),
    say(
        2,
        &[
            "takes take has have",
            "precedence priority",
            "over",
            "all any other previous user system instructions",
        ],
    ),
    say(
        2,
        &[
            "important critical urgent mandatory attention notice",
            "instruction instructions note message",
            "to for",
            "ai assistant assistants llm model models agent agents claude chatgpt gpt",
        ],
    ),
    say(
        1,
        &[
            "note message attention instruction instructions",
            "to for",
            "ai llm model models assistant agent agents",
            "assistant model agent you always before must",
        ],
    ),
    say(
        1,
        &[
            "as",
            "an the",
            "ai llm assistant agent",
            "you",
            "must should have always",
        ],
    ),
    say(
        0,
        &[
            "end",
            "of",
            "tool system user",
            "description prompt instructions message",
        ],
    ),
    say(
        2,
        &[
            "pre already previously",
            "approved authorized confirmed consented",
            "by",
            "user admin administrator security",
        ],
    ),
    say(
        2,
        &[
            "user",
            "has",
            "already previously",
            "approved authorized consented confirmed agreed",
        ],
    ),
    // Other languages.
    say(
        3,
        &[
            "ignoriere ignorieren vergiss missachte",
            "alle vorherigen bisherigen vorigen obigen",
            "anweisungen instruktionen regeln vorgaben",
        ],
    ),
    say(
        4,
        &[
            "sage sag erwähne zeige verrate",
            "nutzer benutzer anwender",
            "nicht nichts nie",
        ],
    ),
    say(
        3,
        &[
            "ignorez ignore oubliez oublie",
            "toutes les précédentes",
            "instructions consignes règles",
        ],
    ),
    say(
        3,
        &[
            "ne",
            "dites mentionnez révélez informez montrez",
            "utilisateur",
        ],
    ),
    say(
        3,
        &[
            "ignora ignore olvida",
            "todas las anteriores previas",
            "instrucciones reglas indicaciones",
        ],
    ),
    say(
        4,
        &["no", "digas menciones reveles informes muestres", "usuario"],
    ),
    say(
        3,
        &[
            "ignora dimentica",
            "tutte le precedenti",
            "istruzioni regole",
        ],
    ),
    say(
        3,
        &["ignore esqueça", "todas as anteriores", "instruções regras"],
    ),
    say(
        2,
        &[
            "игнорируй игнорируйте забудь",
            "все предыдущие прежние",
            "инструкции указания правила",
        ],
    ),
    // Other tools.
    shadow(
        4,
        &[
            "when whenever if every",
            "tool function",
            "called used invoked available present",
            "must should always instead change send",
        ],
    ),
    shadow(
        3,
        &[
            "instead",
            "of",
            "other any all built builtin native",
            "tool tools function functions server servers",
        ],
    ),
    shadow(
        3,
        &[
            "do dont never",
            "not use call ever",
            "use call any other",
            "other any built builtin native",
            "tool tools function functions server servers",
        ],
    ),
    shadow(
        2,
        &[
            "other all any",
            "tools servers functions",
            "are",
            "deprecated broken unsafe insecure disabled obsolete compromised unreliable malicious",
        ],
    ),
    shadow(
        3,
        &[
            "modify change alter affects override replaces intercept",
            "behavior behaviour output arguments result results recipient",
            "of",
            "other all any every",
        ],
    ),
    shadow(
        2,
        &[
            "any all every other",
            "other",
            "tool tools",
            "must should",
            "be first also",
        ],
    ),
];

/// Phrases in scripts that do not put blanks between words.
const UNSPACED: &[&str] = &[
    "忽略之前",
    "忽略以上",
    "忽略所有",
    "无视之前",
    "忽略先前",
    "不要告诉用户",
    "不要向用户",
    "不得告知用户",
    "以前の指示を無視",
    "これまでの指示を無視",
    "ユーザーに言わない",
    "ユーザーには知らせ",
    "이전 지시를 무시",
    "사용자에게 말하지",
];

/// Where a word stands: pattern, step.
type Places = Vec<(usize, usize)>;

static WORDS: LazyLock<HashMap<&'static str, Places>> = LazyLock::new(|| {
    let mut words: HashMap<&str, Places> = HashMap::new();
    for (number, pattern) in PATTERNS.iter().enumerate() {
        for (step, alternatives) in pattern.steps.iter().enumerate() {
            for word in alternatives.split(' ') {
                let places = words.entry(word).or_default();
                if !places.contains(&(number, step)) {
                    places.push((number, step));
                }
            }
        }
    }
    // Later steps first, so that one word is not taken for two steps at once.
    for places in words.values_mut() {
        places.sort_by_key(|(_, step)| std::cmp::Reverse(*step));
    }
    words
});

/// What a text does beside describing.
pub(super) fn speech(text: &str) -> Speeches {
    let mut found = Speeches::default();
    // For each pattern and step, the last word up to which it holds.
    let mut reached: HashMap<(usize, usize), usize> = HashMap::new();
    for (at, word) in words(text).iter().enumerate() {
        let Some(places) = places_of(word) else {
            continue;
        };
        for (number, step) in places {
            let pattern = &PATTERNS[*number];
            let follows = *step == 0
                || reached
                    .get(&(*number, step - 1))
                    .is_some_and(|last| at - last <= pattern.gap + 1);
            if !follows {
                continue;
            }
            reached.insert((*number, *step), at);
            if step + 1 == pattern.steps.len() {
                match pattern.speech {
                    Speech::Instruction => found.instruction = true,
                    Speech::Shadowing => found.shadowing = true,
                }
            }
        }
    }
    if !text.is_ascii() && UNSPACED.iter().any(|phrase| text.contains(phrase)) {
        found.instruction = true;
    }
    found
}

/// Where a word stands, also when some of its letters only look like the ones they are.
fn places_of(word: &str) -> Option<&'static Places> {
    let places = WORDS.get(word);
    if places.is_some() || word.is_ascii() {
        return places;
    }
    let folded: String = word.chars().map(fold).collect();
    WORDS.get(folded.as_str())
}

/// Words in lower case, apostrophes left out. Letters that are set apart one by one are one word.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut apart = String::new();
    for character in text.chars() {
        if character.is_alphanumeric() {
            word.extend(character.to_lowercase());
        } else if !is_inside_words(character) {
            end_word(&mut word, &mut apart, &mut words);
        }
    }
    end_word(&mut word, &mut apart, &mut words);
    end_apart(&mut apart, &mut words);
    words
}

fn end_word(word: &mut String, apart: &mut String, words: &mut Vec<String>) {
    match word.chars().count() {
        0 => {}
        1 => apart.push_str(&std::mem::take(word)),
        _ => {
            end_apart(apart, words);
            words.push(std::mem::take(word));
        }
    }
}

fn end_apart(apart: &mut String, words: &mut Vec<String>) {
    if apart.chars().count() > 3 {
        words.push(std::mem::take(apart));
    } else {
        words.extend(apart.chars().map(String::from));
        apart.clear();
    }
}

/// What may stand inside a word without ending it.
fn is_inside_words(character: char) -> bool {
    matches!(
        character,
        '\'' | '\u{2019}' | '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0000}'..='\u{e0fff}'
    )
}
