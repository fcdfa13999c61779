//! The rules of the protocol by which the gateway may change what passes through it.

/// Why something arrived otherwise than it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Rule {
    Edited,
    Envelope,
    Unknown,
    Id,
    Error,
    Complete,
    Reserved,
    OneLine,
    ModernMeta,
    Name,
    Title,
    Execution,
    OutputSchema,
    Structured,
    Blocks,
    Params,
    Uri,
    Shown,
    Prompt,
    Completion,
    Cut,
    Level,
    Logger,
    Token,
    Progress,
    Caching,
    Private,
    RequestMeta,
    ResultMeta,
    Trace,
    Icons,
    Question,
    State,
}

impl Rule {
    /// Its number in protocol.md, and what it lets the gateway do.
    pub(crate) fn text(self) -> (&'static str, &'static str) {
        match self {
            Self::Edited => (
                "P2.3",
                "white space between the members of an edited object goes",
            ),
            Self::Envelope => ("P2.3", "the envelope is written anew"),
            Self::Unknown => ("P3.11", "notices that nobody knows are dropped"),
            Self::Id => ("P3.6", "ids towards servers are the gateway's own"),
            Self::Error => (
                "P4.3",
                "an error is its code, message and data, as the era knows them",
            ),
            Self::Complete => (
                "P5.18",
                "modern results say what they are and who made them",
            ),
            Self::Reserved => (
                "P6.15",
                "members that a legacy revision does not know are removed",
            ),
            Self::OneLine => (
                "P7.1",
                "a line end between two tokens is a space in an event",
            ),
            Self::ModernMeta => (
                "P8.15",
                "requests to modern servers say who asks in `_meta`",
            ),
            Self::Name => ("P9.1", "tools have an exposed name and the server's own"),
            Self::Title => (
                "6.3",
                "members of definitions that an old revision does not know are removed",
            ),
            Self::Execution => ("P9.10", "`execution` is not carried"),
            Self::OutputSchema => ("P9.10", "legacy clients get output schemas of objects only"),
            Self::Structured => (
                "P9.11",
                "structured content that the revision does not know becomes text",
            ),
            Self::Blocks => (
                "P9.12",
                "blocks newer than the client's revision become text",
            ),
            Self::Params => (
                "P9.15",
                "`inputResponses`, `requestState` and `task` have their own rules",
            ),
            Self::Uri => (
                "P9.17",
                "the explicit form of a URI is for the gateway alone",
            ),
            Self::Shown => ("P9.20", "a resource is shown as it was asked for"),
            Self::Prompt => ("P9.23", "prompts are named like tools"),
            Self::Completion => ("P9.24", "a completion refers to the server's own name"),
            Self::Cut => ("P9.25", "a completion has at most 100 values"),
            Self::Level => ("P9.35", "modern clients get the logs they asked for"),
            Self::Logger => ("P9.37", "the logger says which server logs"),
            Self::Token => (
                "P9.38",
                "the progress token towards servers is the gateway's own",
            ),
            Self::Progress => (
                "P9.39",
                "progress without a token, or that does not rise, is dropped",
            ),
            Self::Caching => ("P9.60", "cacheable results say for how long"),
            Self::Private => ("P9.62", "what is cached is private"),
            Self::RequestMeta => ("P9.67", "reserved members of `_meta` end at the gateway"),
            Self::ResultMeta => ("P9.68", "legacy clients get no reserved members of `_meta`"),
            Self::Trace => ("P9.69", "baggage ends at the gateway"),
            Self::Question => ("P11.6", "a question says which server asks"),
            Self::State => ("P11.21", "the state of a server is wrapped"),
            Self::Icons => ("P9.71", "icons have `https` and `data` addresses only"),
        }
    }
}
