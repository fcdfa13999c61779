//! Notes that live as long as the process: something to write to and read back.

use serde_json::{Value, json};

use crate::stdio::{Arguments, Said, Server, text};

/// Enough to play with; a server that is left running must not grow for ever.
const MAX_NOTES: usize = 1_000;
const MAX_NOTE_BYTES: usize = 10_000;

/// The notebook.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    notes: Vec<String>,
}

impl Server for Notes {
    fn name(&self) -> &'static str {
        "toolgate-demo-notes"
    }

    fn instructions(&self) -> &'static str {
        "Keeps short notes until the gateway stops."
    }

    fn tools(&self) -> Value {
        json!([
            {
                "name": "add_note",
                "title": "Add a note",
                "description": "Keeps a note until the gateway stops.",
                "inputSchema": {
                    "type": "object",
                    "properties": { "text": { "type": "string", "description": "What to keep" } },
                    "required": ["text"],
                },
                "annotations": { "readOnlyHint": false, "destructiveHint": false, "idempotentHint": false },
            },
            {
                "name": "list_notes",
                "title": "List the notes",
                "description": "Shows every note, oldest first.",
                "inputSchema": { "type": "object", "properties": {} },
                "annotations": { "readOnlyHint": true },
            },
            {
                "name": "search_notes",
                "title": "Search the notes",
                "description": "Shows the notes that contain a text, upper and lower case alike.",
                "inputSchema": {
                    "type": "object",
                    "properties": { "query": { "type": "string", "description": "What to look for" } },
                    "required": ["query"],
                },
                "annotations": { "readOnlyHint": true },
            },
        ])
    }

    fn call(&mut self, tool: &str, arguments: &Arguments) -> Option<Said> {
        Some(match tool {
            "add_note" => text(arguments, "text").and_then(|note| self.add(note)),
            "list_notes" => Ok(self.list("")),
            "search_notes" => text(arguments, "query").map(|query| self.list(query)),
            _ => return None,
        })
    }
}

impl Notes {
    fn add(&mut self, note: &str) -> Said {
        if note.len() > MAX_NOTE_BYTES {
            return Err(format!(
                "a note holds at most {MAX_NOTE_BYTES} bytes, this one has {}",
                note.len()
            ));
        }
        if self.notes.len() == MAX_NOTES {
            return Err(format!("the notebook is full with {MAX_NOTES} notes"));
        }
        self.notes.push(note.to_owned());
        Ok(format!("Kept as note {}.", self.notes.len()))
    }

    /// The notes that contain `query`, numbered as they were kept. The empty text is in every note.
    fn list(&self, query: &str) -> String {
        let query = query.to_lowercase();
        let found: Vec<String> = (1..)
            .zip(&self.notes)
            .filter(|(_, note)| note.to_lowercase().contains(&query))
            .map(|(number, note)| format!("{number}. {note}"))
            .collect();
        if found.is_empty() {
            "No notes.".to_owned()
        } else {
            found.join("\n")
        }
    }
}
