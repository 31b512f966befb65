//! What the command line answers without any server.

use crate::program::ctl;

/// Nothing listens on the discard port of the loopback address.
const NOWHERE: &str = "nobody:secret-word@tcp(127.0.0.1:9)/nothing";

#[test]
fn help_lists_the_verbs_and_the_exit_codes() {
    let help = ctl(&[], &["--help"]);
    assert_eq!(help.code, 0);
    for word in [
        "deploy",
        "promote",
        "rollback",
        "wake",
        "status",
        "watch",
        "routes",
        "seed",
        "completions",
        "Exit codes:",
    ] {
        assert!(help.out.contains(word), "no {word} in\n{}", help.out);
    }
}

#[test]
fn completions_are_printed_for_each_shell() {
    for (shell, mark) in [
        ("bash", "_ctl()"),
        ("zsh", "#compdef ctl"),
        ("fish", "complete -c ctl"),
    ] {
        let ran = ctl(&[], &["completions", shell]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert!(
            ran.out.contains(mark) && ran.out.contains("rollback"),
            "{shell}: {}",
            ran.out
        );
    }
    assert_eq!(ctl(&[], &["completions", "cobol"]).code, 2);
}

#[test]
fn a_missing_address_names_the_flag_and_the_variable() {
    let ran = ctl(&[], &["status", "d_1"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(
        ran.err.contains("CTRL_DATABASE") && ran.err.contains("--database"),
        "{}",
        ran.err
    );
}

#[test]
fn an_unreachable_database_is_told_without_its_password() {
    let ran = ctl(&[("CTRL_DATABASE", NOWHERE)], &["--json", "status", "d_1"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert_eq!(ran.json()[0]["code"], 3);
    assert!(ran.err.contains("is the server up"), "{}", ran.err);
    assert!(
        !ran.err.contains("secret-word") && !ran.out.contains("secret-word"),
        "{ran:?}"
    );
    let help = ctl(&[("CTRL_DATABASE", NOWHERE)], &["deploy", "--help"]);
    assert!(!help.out.contains("secret-word"), "{}", help.out);
}

#[test]
fn a_mistyped_verb_gets_a_suggestion() {
    let ran = ctl(&[], &["promte", "d_1"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("'promote'"), "{}", ran.err);
}

#[test]
fn what_names_no_source_code_is_refused_with_a_reason() {
    let deploy = ["deploy", "--app", "acme/shop"];
    for (args, why) in [
        (vec![], "<IMAGE|--repo <OWNER/NAME>>"),
        (vec!["img:1", "--repo", "acme/shop"], "cannot be used with"),
        (vec!["img:1", "--ref", "main"], "cannot be used with"),
        (vec!["--repo", "shop"], "give owner/name"),
        (
            vec!["--repo", "acme/shop", "--ref=--exec=x"],
            "begins with a dash",
        ),
        (
            vec!["--repo", "acme/shop", "--ref", "0123abc"],
            "all 40 digits",
        ),
        (
            vec!["--repo", "acme/shop", "--context", "../.."],
            "leaves the repository",
        ),
        (
            vec!["--repo", "acme/shop", "--dockerfile", "a\nb"],
            "line break",
        ),
        (
            vec!["--repo", "acme/shop", "--commit", "x"],
            "cannot be used with",
        ),
    ] {
        let ran = ctl(
            &[("CTRL_DATABASE", NOWHERE)],
            &[&deploy[..], &args].concat(),
        );
        assert_eq!(ran.code, 2, "{args:?}: {ran:?}");
        assert!(ran.err.contains(why), "{args:?}: {}", ran.err);
    }
    let seed = ctl(
        &[("CTRL_DATABASE", NOWHERE)],
        &["seed", "--repository", "acme/shop"],
    );
    assert_eq!(seed.code, 2);
    assert!(seed.err.contains("--installation"), "{}", seed.err);
}
