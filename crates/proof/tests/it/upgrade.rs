//! A slice of the upgrade rehearsal in every test run, and the journals of all handlers. The whole is
//! `cargo xtask upgrade-rehearsal`.

use proof::{Options, UpgradeOptions};

use crate::{program, stories};

#[test]
fn the_journals_of_all_handlers_are_as_they_are_kept() {
    testbed::run(async {
        let found = proof::journals(&proof::stories(), &Options::plain(program(), 2)).await;
        let found = found.expect("every story passes");
        let handlers: Vec<String> = proof::stories()
            .iter()
            .map(|s| {
                let service = s.service.trim_start_matches("hydra.v1.");
                format!("{service}.{}.txt", s.handler)
            })
            .collect();
        for handler in &handlers {
            let text = found.0.get(handler).map(String::as_str).unwrap_or_default();
            assert!(
                text.contains("\nOutput\n"),
                "no happy path of {handler}: {text}"
            );
        }
        let differences = found.differences().expect("readable");
        assert!(
            differences.is_empty(),
            "handlers journal something else than {} says; docs/upgrades.md tells what that means, and \
             `cargo run -p proof -- journals --write` keeps it:\n{}",
            proof::FOLDER,
            differences.join("\n")
        );
    });
}

#[test]
fn a_worker_that_is_replaced_in_the_middle_leaves_everything_whole() {
    testbed::run(async {
        // the same build twice, at two addresses
        let options = UpgradeOptions {
            old: program(),
            new: program(),
            lanes: 1,
            verbose: false,
        };
        let chosen = stories(&["deploy", "promote"]);
        let rehearsals = proof::rehearse(&chosen, &options).await.expect("lanes");
        let table = proof::upgrade_table(&rehearsals);
        println!("{table}");
        assert_eq!(rehearsals.len(), 2);
        for rehearsal in &rehearsals {
            assert!(rehearsal.passed(), "{table}");
            assert_eq!(
                rehearsal.ended.len(),
                2,
                "at the old and at the new: {table}"
            );
        }
    });
}
