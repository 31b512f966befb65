//! The words of a message. Pure.

use crate::decide::Notice;
use crate::workspaces::Exceeded;
use notify::{Message, code, escape};

/// The message about a workspace. What customers chose themselves is disarmed.
pub(crate) fn about(workspace: &Exceeded, notice: Notice) -> Message {
    let name = &workspace.name;
    let title = match notice {
        Notice::First => format!("Quota Exceeded: {name}"),
        Notice::Reminder => format!("Quota Still Exceeded (Weekly Reminder): {name}"),
    };
    let stripe = workspace.stripe_customer_id.as_deref().unwrap_or_default();
    Message::titled(&title)
        .section(&[
            ("Workspace ID", code(&workspace.id)),
            ("Workspace Name", escape(name)),
            ("Organisation ID", code(&workspace.org_id)),
            ("Stripe ID", code(stripe)),
        ])
        .section(&[
            (
                "Tier",
                escape(workspace.tier.as_deref().unwrap_or_default()),
            ),
            ("Quota", "RequestsPerMonth".to_owned()),
        ])
        .section(&[
            ("Limit", thousands(workspace.limit)),
            ("Used", thousands(workspace.used)),
        ])
}

/// `1,250,000`.
fn thousands(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if number < 0 { format!("-{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn exceeded(name: &str) -> Exceeded {
        Exceeded {
            id: "ws_1".to_owned(),
            org_id: "org_1".to_owned(),
            name: name.to_owned(),
            stripe_customer_id: None,
            tier: None,
            limit: 100_000,
            used: 1_250_000,
        }
    }

    fn json_of(workspace: &Exceeded, notice: Notice) -> Value {
        serde_json::to_value(about(workspace, notice)).expect("JSON")
    }

    #[test]
    fn a_message_has_the_form_that_people_know() {
        let mut workspace = exceeded("Acme");
        workspace.stripe_customer_id = Some("cus_9".to_owned());
        workspace.tier = Some("Pro".to_owned());
        let field = |text: &str| json!({"type": "mrkdwn", "text": text});
        assert_eq!(
            json_of(&workspace, Notice::First),
            json!({
                "text": "Quota Exceeded: Acme",
                "blocks": [
                    {"type": "header", "text": {"type": "plain_text", "text": "Quota Exceeded: Acme", "emoji": true}},
                    {"type": "section", "fields": [
                        field("*Workspace ID:*\n`ws_1`"), field("*Workspace Name:*\nAcme"),
                        field("*Organisation ID:*\n`org_1`"), field("*Stripe ID:*\n`cus_9`"),
                    ]},
                    {"type": "section", "fields": [field("*Tier:*\nPro"), field("*Quota:*\nRequestsPerMonth")]},
                    {"type": "section", "fields": [field("*Limit:*\n100,000"), field("*Used:*\n1,250,000")]},
                ],
            })
        );
        let reminder = json_of(&workspace, Notice::Reminder);
        assert_eq!(
            reminder["text"],
            "Quota Still Exceeded (Weekly Reminder): Acme"
        );
        assert_eq!(reminder["blocks"][0]["text"]["text"], reminder["text"]);
    }

    #[test]
    fn what_is_missing_is_empty_and_what_is_markup_is_disarmed() {
        let message = json_of(&exceeded("<!channel> & `co`"), Notice::First);
        let fields = &message["blocks"][1]["fields"];
        assert_eq!(
            fields[1]["text"],
            "*Workspace Name:*\n&lt;!channel&gt; &amp; `co`"
        );
        assert_eq!(fields[3]["text"], "*Stripe ID:*\n``");
        assert_eq!(message["blocks"][2]["fields"][0]["text"], "*Tier:*\n");
        let long = json_of(&exceeded(&"n".repeat(256)), Notice::Reminder);
        let header = long["blocks"][0]["text"]["text"].as_str().expect("a text");
        assert_eq!(header.chars().count(), 150);
    }

    proptest! {
        #[test]
        fn separators_stand_before_every_third_digit(number: i64) {
            let text = thousands(number);
            prop_assert_eq!(text.replace(',', "").parse::<i64>().expect("the number"), number);
            let digits = text.trim_start_matches('-');
            for (n, group) in digits.split(',').enumerate() {
                prop_assert!(group.len() == 3 || (n == 0 && (1..3).contains(&group.len())));
            }
        }
    }
}
