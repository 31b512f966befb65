//! A Slack incoming webhook, and the few of Slack's blocks that messages are made of.
//!
//! Not for the words: those are the service's.

use std::fmt;

use reqwest::header::CONTENT_TYPE;
use serde::Serialize;
use serde_json::{Value, json};

use crate::call::{Line, Options};
use crate::{NotifyError, Operation};

/// Slack's limit for the text of a header, in characters.
pub const HEADER_CHARS: usize = 150;
/// Slack's limit for the text of a field, in characters.
const FIELD_CHARS: usize = 2_000;

/// A webhook. Clones share connections.
#[derive(Clone)]
pub struct Slack(Line);

impl Slack {
    /// The webhook at this address.
    ///
    /// # Errors
    /// [`NotifyError::Settings`] when it is no http(s) URL.
    pub fn new(url: &str) -> Result<Self, NotifyError> {
        Self::with_options(url, &Options::default())
    }

    /// [`Slack::new`] with other limits.
    ///
    /// # Errors
    /// As [`Slack::new`].
    pub fn with_options(url: &str, options: &Options) -> Result<Self, NotifyError> {
        Line::new(Operation::Slack, url, options).map(Self)
    }

    /// Posts a message once. Only HTTP 200 is a success. Slack knows no key of a message: one that is posted again
    /// after its answer was lost is shown twice.
    ///
    /// # Errors
    /// Any [`NotifyError`]; its [`NotifyError::class`] says what to do.
    pub async fn post(&self, message: &Message) -> Result<(), NotifyError> {
        let body = serde_json::to_vec(message).map_err(NotifyError::Encode)?;
        let request = self
            .0
            .http
            .post(self.0.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .body(body);
        self.0.send(request, |status| status == 200).await
    }
}

impl fmt::Debug for Slack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slack").finish_non_exhaustive()
    }
}

/// A message: a title, shown large, above sections of fields.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Message {
    /// What notifications and old clients show.
    text: String,
    blocks: Vec<Value>,
}

impl Message {
    /// A message with this title: plain text, cut to what Slack takes.
    #[must_use]
    pub fn titled(title: &str) -> Self {
        let title = cut(title, HEADER_CHARS);
        let header = json!({
            "type": "header",
            "text": { "type": "plain_text", "text": title, "emoji": true },
        });
        Self {
            // This one is read as markup even where the header is not.
            text: escape(&title),
            blocks: vec![header],
        }
    }

    /// Adds a section: each field a label in bold above a value. The value is markup: see [`escape`] and [`code`].
    #[must_use]
    pub fn section(mut self, fields: &[(&str, String)]) -> Self {
        let fields: Vec<Value> = fields
            .iter()
            .map(|(label, value)| {
                json!({ "type": "mrkdwn", "text": cut(&format!("*{label}:*\n{value}"), FIELD_CHARS) })
            })
            .collect();
        self.blocks
            .push(json!({ "type": "section", "fields": fields }));
        self
    }
}

/// A text as it is, where Slack reads markup: no link, no mention, no formatting by `&`, `<` and `>`.
#[must_use]
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// A text in backticks; backticks of its own would end them and become apostrophes.
#[must_use]
pub fn code(text: &str) -> String {
    format!("`{}`", escape(text).replace('`', "'"))
}

/// At most so many characters; a text that is longer ends with an ellipsis.
fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(most - 1).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_cut_on_a_character_and_escaped_where_it_is_markup() {
        let message = Message::titled(&format!("<!channel> {}", "ü".repeat(300)));
        let header = message.blocks[0]["text"]["text"].as_str().expect("a text");
        assert_eq!(header.chars().count(), HEADER_CHARS);
        assert!(header.ends_with('…') && header.starts_with("<!channel>"));
        assert!(
            message.text.starts_with("&lt;!channel&gt;"),
            "{}",
            message.text
        );
        assert_eq!(Message::titled("short").text, "short");
    }

    #[test]
    fn markup_of_others_is_disarmed() {
        assert_eq!(escape("a<@U1> & `b`"), "a&lt;@U1&gt; &amp; `b`");
        assert_eq!(code("a`b<c"), "`a'b&lt;c`");
        assert_eq!(code(""), "``");
    }

    #[test]
    fn a_section_has_fields_and_no_text() {
        let message = Message::titled("t").section(&[("Tier", "Free".to_owned())]);
        assert_eq!(
            message.blocks[1],
            json!({"type": "section", "fields": [{"type": "mrkdwn", "text": "*Tier:*\nFree"}]})
        );
    }
}
