//! Planted defects: does the mill catch what it claims to catch?
//!
//! Each file of `defects/` is a patch against our own handlers with a line `caught-by: <arguments of crash-matrix>`.
//! They are applied, one after the other, to a copy of the tree at the commit checked out; the copy's mill must then
//! fail by the named story, and must pass without any patch. Not for defects that were found: see `docs/proof.md`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Instant;

/// Where `cargo xtask setup` puts servers that no package manager installs.
const STACK: &str = ".stack";

/// A planted defect.
struct Defect {
    name: String,
    patch: PathBuf,
    caught_by: Vec<String>,
}

impl Defect {
    fn story(&self) -> &str {
        let mut words = self.caught_by.iter();
        words.find(|w| *w == "--story");
        words.next().map_or("", String::as_str)
    }
}

/// Plants every defect whose name begins with `only`. True when all were caught and nothing fails without them.
///
/// # Errors
/// A program did not run, a patch does not apply, or the copy does not compile.
pub fn run(only: Option<&str>) -> Result<bool, String> {
    let defects = list(only)?;
    let tree = Tree::new()?;
    let began = Instant::now();
    tree.build()?;
    println!("copy of the tree built in {} s", began.elapsed().as_secs());
    let mut caught = 0;
    let mut green = 0;
    for defect in &defects {
        let (passed, output) = tree.mill(defect)?;
        green += usize::from(passed);
        if !passed {
            println!("{}: fails without the patch\n{output}", defect.name);
        }
    }
    for defect in &defects {
        let began = Instant::now();
        tree.git(&["apply", &defect.patch.to_string_lossy()])?;
        let result = tree.build().and_then(|()| tree.mill(defect));
        tree.git(&["checkout", "--quiet", "--", "."])?;
        let (passed, output) = result?;
        let blamed = output
            .lines()
            .find(|l| l.starts_with(&format!("BROKEN {} ", defect.story())));
        let word = match (passed, blamed) {
            (false, Some(line)) => {
                caught += 1;
                format!("caught: {}", line.chars().take(220).collect::<String>())
            }
            _ => format!("NOT CAUGHT\n{output}"),
        };
        println!(
            "{} [{}] {} s, {word}",
            defect.name,
            defect.caught_by.join(" "),
            began.elapsed().as_secs()
        );
    }
    let all = defects.len();
    println!("planted defects caught: {caught} of {all}; without patch green: {green} of {all}");
    Ok(caught == all && green == all && all > 0)
}

fn list(only: Option<&str>) -> Result<Vec<Defect>, String> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("defects");
    let entries = std::fs::read_dir(&dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    let mut defects = Vec::new();
    for entry in entries {
        let patch = entry.map_err(|e| e.to_string())?.path();
        let name = patch
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if patch.extension().is_none_or(|e| e != "patch")
            || !name.starts_with(only.unwrap_or_default())
        {
            continue;
        }
        let text = std::fs::read_to_string(&patch).map_err(|e| e.to_string())?;
        let line = text.lines().find_map(|l| l.strip_prefix("caught-by: "));
        let caught_by =
            line.ok_or_else(|| format!("{name} does not say which story catches it"))?;
        defects.push(Defect {
            caught_by: caught_by.split_whitespace().map(str::to_owned).collect(),
            name,
            patch,
        });
    }
    defects.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(defects)
}

/// A copy of the tree with a build directory of its own; removed at the end, the build directory stays for next time.
struct Tree {
    root: PathBuf,
    target: PathBuf,
}

impl Tree {
    fn new() -> Result<Self, String> {
        let dir = testbed::target_dir().join("defects");
        let tree = Self {
            root: dir.join("tree"),
            target: dir.join("target"),
        };
        tree.remove();
        std::fs::create_dir_all(&dir).map_err(|e| e.to_string())?;
        let root = tree.root.to_string_lossy().into_owned();
        let repository = testbed::repository();
        run_in(&repository, "git", &["worktree", "prune"])?;
        run_in(
            &repository,
            "git",
            &[
                "worktree", "add", "--quiet", "--detach", "--force", &root, "HEAD",
            ],
        )?;
        tree.borrow_servers()?;
        tree.borrow_dependencies()?;
        Ok(tree)
    }

    /// The servers that are installed beside the tree are those of the copy too.
    fn borrow_servers(&self) -> Result<(), String> {
        let (from, to) = (testbed::repository().join(STACK), self.root.join(STACK));
        if !from.exists() {
            return Ok(());
        }
        std::os::unix::fs::symlink(from, &to).map_err(|e| format!("{}: {e}", to.display()))
    }

    /// Takes over what was built of other people's crates, as links: they are never written again. What is ours is
    /// built anew, so that no file of the main build directory is touched.
    fn borrow_dependencies(&self) -> Result<(), String> {
        let (from, to) = (
            testbed::target_dir().join("debug"),
            self.target.join("debug"),
        );
        if to.exists() || !from.join("deps").exists() {
            return Ok(());
        }
        std::fs::create_dir_all(&to).map_err(|e| e.to_string())?;
        for part in ["deps", ".fingerprint", "build"] {
            let (from, to) = (from.join(part), to.join(part));
            run_in(
                Path::new("/"),
                "cp",
                &["-al", &from.to_string_lossy(), &to.to_string_lossy()],
            )?;
        }
        let ours = ours(&self.root)?;
        for part in ["deps", ".fingerprint", "build"] {
            let entries = std::fs::read_dir(to.join(part)).map_err(|e| e.to_string())?;
            for path in entries.flatten().map(|e| e.path()) {
                let name = path
                    .file_name()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned();
                let stem = name.split('.').next().unwrap_or_default();
                let stem = stem
                    .rsplit_once('-')
                    .map_or(stem, |(stem, _)| stem)
                    .replace('_', "-");
                let plain = stem.strip_prefix("lib").unwrap_or(&stem);
                if !ours.iter().any(|o| o == plain || *o == stem) {
                    continue;
                }
                let removed = if path.is_dir() {
                    std::fs::remove_dir_all(&path)
                } else {
                    std::fs::remove_file(&path)
                };
                removed.map_err(|e| format!("{}: {e}", path.display()))?;
            }
        }
        Ok(())
    }

    fn build(&self) -> Result<(), String> {
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        let mut command = Command::new(cargo);
        command
            .args([
                "build",
                "--quiet",
                "--package",
                "proof",
                "--bin",
                "proof",
                "--target-dir",
            ])
            .arg(&self.target)
            .current_dir(&self.root)
            .env_remove("CARGO_TARGET_DIR");
        text(&mut command).map(drop)
    }

    /// Whether the copy's mill passes, and what it printed.
    fn mill(&self, defect: &Defect) -> Result<(bool, String), String> {
        let program = self.target.join("debug/proof");
        let mut command = Command::new(&program);
        command
            .args(["crash-matrix", "--lanes", "1", "--patience", "8"])
            .args(&defect.caught_by)
            .env("RESTATE_SERVER", restate_server());
        let output = output(&mut command)?;
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        if !printed.contains("in all") {
            let errors = String::from_utf8_lossy(&output.stderr);
            return Err(format!(
                "{}: the mill did not run: {printed}{errors}",
                defect.name
            ));
        }
        Ok((output.status.success(), printed))
    }

    fn git(&self, arguments: &[&str]) -> Result<String, String> {
        run_in(&self.root, "git", arguments)
    }

    fn remove(&self) {
        if self.root.exists() {
            let root = self.root.to_string_lossy().into_owned();
            // what git does not know any more is removed by hand
            let _known = run_in(
                &testbed::repository(),
                "git",
                &["worktree", "remove", "--force", &root],
            );
            let _gone = std::fs::remove_dir_all(&self.root);
        }
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        self.remove();
    }
}

/// Names of the packages of the tree.
fn ours(root: &Path) -> Result<Vec<String>, String> {
    let mut names = vec!["xtask".to_owned()];
    for folder in ["crates", "bin"] {
        let entries = std::fs::read_dir(root.join(folder)).map_err(|e| e.to_string())?;
        names.extend(
            entries
                .flatten()
                .map(|e| e.file_name().to_string_lossy().into_owned()),
        );
    }
    Ok(names)
}

/// The installed server: the copy has none.
fn restate_server() -> PathBuf {
    if let Some(given) = std::env::var_os("RESTATE_SERVER") {
        return given.into();
    }
    let arch = if cfg!(target_arch = "aarch64") {
        "arm64"
    } else {
        "x64"
    };
    testbed::repository().join(format!(
        ".stack/node_modules/@restatedev/restate-server-linux-{arch}/bin/restate-server"
    ))
}

fn run_in(dir: &Path, program: &str, arguments: &[&str]) -> Result<String, String> {
    text(Command::new(program).args(arguments).current_dir(dir))
}

fn text(command: &mut Command) -> Result<String, String> {
    let shown = format!("{command:?}");
    let output = output(command)?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(format!(
            "{shown}: {}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        ))
    }
}

fn output(command: &mut Command) -> Result<Output, String> {
    let shown = format!("{command:?}");
    command
        .stdin(Stdio::null())
        .output()
        .map_err(|e| format!("{shown}: {e}"))
}
