//! Runs the blocks of one page, one after the other, in a folder of the page's own.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::pages::Read;
use crate::world::{World, world};

/// How long one block may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Fails with the first block that does not end with 0.
pub(crate) async fn page(read: &Read, number: usize) {
    let world = world().await;
    let names = Names(number);
    let blocks: Vec<(usize, String)> = read
        .blocks()
        .into_iter()
        .map(|(line, text)| (line, names.own(text)))
        .collect();
    let dir = world.dir.join(format!("page-{number}"));
    std::fs::create_dir_all(&dir).expect("a folder for the page");
    std::fs::write(dir.join("worker.toml"), &world.config).expect("a configuration for the page");
    let variables = world.variables(&names.own("acme/shop"), &|name| {
        blocks.iter().any(|(_, text)| {
            text.contains(&format!("${name}")) || text.contains(&format!("${{{name}}}"))
        })
    });
    for (line, text) in &blocks {
        let mut shell = Command::new("sh");
        shell.args(["-eu", "-c", text]).current_dir(&dir);
        World::environment(&mut shell, &variables);
        shell.stdin(Stdio::null()).kill_on_drop(true);
        let place = format!("{}:{line}", read.path);
        let output = tokio::time::timeout(PATIENCE, shell.output())
            .await
            .unwrap_or_else(|_| panic!("{place} takes longer than {PATIENCE:?}:\n{text}"))
            .unwrap_or_else(|e| panic!("{place}: sh: {e}"));
        assert!(
            output.status.success(),
            "{place} ended with {}:\n{text}--- it printed\n{}{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
    }
}

/// What the pages call the same and each page has for itself.
struct Names(usize);

impl Names {
    fn own(&self, text: &str) -> String {
        text.replace("acme/", &format!("acme-{}/", self.0))
            .replace("--workspace acme", &format!("--workspace acme-{}", self.0))
            .replace("example.com", &format!("p{}.example.com", self.0))
    }
}
