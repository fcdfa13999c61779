//! A forecast that is made up, but always the same for a city: something that needs a secret.

use serde_json::{Value, json};

use crate::stdio::{Arguments, Said, Server, text};

/// Where the secret is expected. Any value will do: there is no service behind it.
pub(crate) const API_KEY: &str = "WEATHER_API_KEY";

const SKIES: [&str; 6] = ["clear", "fair", "cloudy", "foggy", "rainy", "stormy"];

/// The weather office.
pub(crate) struct Weather {
    has_key: bool,
}

impl Weather {
    pub(crate) fn new(key: Option<String>) -> Self {
        Self {
            has_key: key.is_some_and(|key| !key.is_empty()),
        }
    }
}

impl Server for Weather {
    fn name(&self) -> &'static str {
        "toolgate-demo-weather"
    }

    fn instructions(&self) -> &'static str {
        "Makes up a forecast for any city."
    }

    fn tools(&self) -> Value {
        json!([{
            "name": "forecast",
            "title": "Forecast",
            "description": "Three days of weather for a city. Made up, but always the same for the same city.",
            "inputSchema": {
                "type": "object",
                "properties": { "city": { "type": "string", "description": "Any name will do" } },
                "required": ["city"],
            },
            "annotations": { "readOnlyHint": true },
        }])
    }

    fn call(&mut self, tool: &str, arguments: &Arguments) -> Option<Said> {
        if tool != "forecast" {
            return None;
        }
        if !self.has_key {
            return Some(Err(format!(
                "the server has no {API_KEY} (hint: `toolgatectl secrets set weather {API_KEY}`)"
            )));
        }
        Some(text(arguments, "city").map(forecast))
    }
}

fn forecast(city: &str) -> String {
    let seed = hash(&city.to_lowercase());
    let days: Vec<String> = ["today", "tomorrow", "the day after"]
        .into_iter()
        .zip(0_u32..)
        .map(|(day, ahead)| {
            // Twelve fresh bits of the seed for each day.
            let bits = seed >> (12 * ahead);
            let sky = SKIES[usize::try_from(bits % 6).expect("a number below six")];
            let degrees = (bits >> 3) % 35;
            format!("{day} {sky}, {degrees} °C")
        })
        .collect();
    format!("{city}: {}.", days.join("; "))
}

/// FNV-1a (64 bits): the same on every machine and in every release, which the standard hasher does not promise.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
