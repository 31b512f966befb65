//! Any file at all: read or refused, never a panic, and no secret of it in what is said.

use proptest::prelude::*;

use super::{MINIMAL, parse, parse_with, with};
use crate::DEFAULT_TEXT;

/// A line of a file: one that is right, one that is nearly right, or none.
fn line() -> impl Strategy<Value = String> {
    let lines: Vec<&str> = DEFAULT_TEXT.lines().collect();
    let known = proptest::sample::select(lines);
    let name = proptest::sample::select(vec![
        "app_id", "primary", "listen", "enabled", "x.y", "\"a b\"",
    ]);
    prop_oneof![
        4 => known.clone().prop_map(str::to_owned),
        2 => (known, 0..60usize, "[\\[\\]={}\"'$,.#a-z0-9 -]{0,3}").prop_map(|(line, at, new)| {
            let at = line.char_indices().map(|(i, _)| i).nth(at).unwrap_or(line.len());
            format!("{}{new}{}", &line[..at], &line[at..])
        }),
        2 => (name, "[\\PC]{0,30}").prop_map(|(name, value)| format!("{name} = {value}")),
        1 => "\\[{1,2}[a-z_.]{0,20}\\]{1,2}",
        1 => "[\\PC]{0,40}",
    ]
}

/// Long enough not to be found by chance, with everything in it that means something to TOML, URLs or variables.
fn secret() -> impl Strategy<Value = String> {
    "[\"'\\\\$\\{\\}#=a-zA-Z0-9@:/?%&\n\t é-]{4,20}".prop_map(|text| format!("s3cr{text}3ts"))
}

proptest! {
    #[test]
    fn no_file_panics(lines in proptest::collection::vec(line(), 0..25)) {
        let text = lines.join("\n");
        let _either = parse(&text);
        let _either = parse_with(&with("", &text), &[("A", "1")]);
    }

    #[test]
    fn a_secret_from_the_environment_is_taken_as_it_is_and_never_shown(secret in secret()) {
        let env: &[(&str, &str)] = &[("S", &secret)];
        let file = with(
            "",
            "[vault]\nurl = \"http://vault\"\ntoken = \"${S}\"\n[restate]\napi_key = \"${S}\"\n\
             [acme.route53]\nsecret_access_key = \"${S}\"\n",
        );
        let config = parse_with(&file, env).expect("loads");
        prop_assert_eq!(config.vault.token.expose(), &secret);
        prop_assert_eq!(config.restate.api_key.expose(), &secret);
        let shown = format!("{}{config:?}", config.to_text());
        prop_assert!(!shown.contains(&secret), "{}", shown);
    }

    #[test]
    fn no_error_repeats_a_value(secret in secret(), key in proptest::sample::select(vec![
        "[vault]\nurl", "[restate]\nhttp_port", "[restate]\nlisten", "[restate]\ndrain_timeout", "[restate]\nadmin_url",
        "[github]\napp_id", "[github]\nprivate_key_pem", "[slack]\nquota_check_webhook_url", "[heartbeat]\nkey_refill_url",
        "[clickhouse]\nurl", "[clickhouse]\nadmin_url", "[registry]\npassword", "[acme]\nexternal_account_key",
        "[observability.logging]\nlevel", "[observability.metrics]\nprometheus_port", "[depot]\napi_url",
    ])) {
        let result = parse_with(&with("", &format!("{key} = \"${{S}}\"\n")), &[("S", &secret)]);
        // a value of a key that holds none is shown where the configuration is, but never in an error
        if let Err(error) = result {
            let said = format!("{error} {error:?}");
            prop_assert!(!said.contains(&secret), "{}", said);
        }
    }

    #[test]
    fn dollar_signs_that_are_doubled_are_single(text in "[a-zA-Z0-9$\\{\\} :-]{0,40}") {
        let doubled = text.replace('$', "$$");
        let file = format!("region = \"{doubled}\"\n{MINIMAL}");
        prop_assert_eq!(parse(&file).expect("loads").region, text);
    }
}
