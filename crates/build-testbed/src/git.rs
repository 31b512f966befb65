//! Repositories of a test's own behind a real Git, served as GitHub serves them.
//!
//! Not for GitHub's API: crate `github-fake`. Who may fetch what: `git_http`.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use testbed::{Guarded, Spec, StartError};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::git_http::{Access, GitRequest, Rules, serve};
use crate::programs::search_path;

/// What new repositories call their first branch.
const MAIN: &str = "main";

/// A server with its repositories; dropping it closes the port and removes them.
#[derive(Debug)]
pub struct GitServer {
    addr: SocketAddr,
    dir: PathBuf,
    rules: Arc<Mutex<Rules>>,
    accepting: tokio::task::JoinHandle<()>,
    /// Does nothing; its end, with that of this process, takes the folder away.
    _keeper: Guarded,
}

impl Drop for GitServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl GitServer {
    /// Starts it without repositories.
    ///
    /// # Errors
    /// There is no port or no folder.
    pub async fn start() -> Result<Self, StartError> {
        let dir = testbed::server_dir("git")?;
        let rules = Arc::new(Mutex::new(Rules::default()));
        let (addr, accepting) = serve(&dir, Arc::clone(&rules)).await.map_err(|source| {
            let what = "listen on loopback".to_owned();
            StartError::Files { what, source }
        })?;
        let (keeper, _) = Guarded::start(Spec {
            program: Path::new("/bin/sleep"),
            args: vec!["infinity".to_owned()],
            env: Vec::new(),
            dir: &dir,
            remove: true,
        })
        .await?;
        Ok(Self {
            addr,
            dir,
            rules,
            accepting,
            _keeper: keeper,
        })
    }

    /// Where it is, without an ending slash; a repository is at `<url>/owner/name.git`.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// A private repository with one commit on `main`; its full hash. Files are a path and its content; programs and
    /// scripts become executable.
    ///
    /// # Panics
    /// It is there already, or Git refuses.
    pub async fn create_repo(
        &self,
        repository: &str,
        files: &[(&str, impl AsRef<[u8]>)],
    ) -> String {
        let path = self.path(repository);
        assert!(!path.exists(), "{repository} is there already");
        std::fs::create_dir_all(&path).expect("a folder");
        let head = format!("--initial-branch={MAIN}");
        // without the samples of a template
        self.git(
            &path,
            &["init", "--bare", "--quiet", "--template=", &head],
            None,
        )
        .await;
        self.serves_every_commit(&path).await;
        self.commit(repository, files, "First commit").await
    }

    /// A commit on `main` that sets these files and leaves the others; its full hash.
    ///
    /// # Panics
    /// There is no such repository.
    pub async fn commit(
        &self,
        repository: &str,
        files: &[(&str, impl AsRef<[u8]>)],
        message: &str,
    ) -> String {
        self.commit_on(repository, MAIN, files, message).await
    }

    /// The same on another branch, which begins where `main` is unless it is there.
    ///
    /// # Panics
    /// There is no such repository.
    pub async fn commit_on(
        &self,
        repository: &str,
        branch: &str,
        files: &[(&str, impl AsRef<[u8]>)],
        message: &str,
    ) -> String {
        let path = self.path(repository);
        let parent = match self.head(repository, branch).await {
            Some(sha) => Some(sha),
            None => self.head(repository, MAIN).await,
        };
        let mut stream = Vec::new();
        let now = time_of_commit(parent.as_deref());
        stream.extend(
            format!(
                "commit refs/heads/{branch}\ncommitter Octo <octo@example.test> {now} +0000\ndata {}\n{message}\n",
                message.len()
            )
            .bytes(),
        );
        if let Some(parent) = parent {
            stream.extend(format!("from {parent}\n").bytes());
        }
        for (name, content) in files {
            let content = content.as_ref();
            let runs = content.starts_with(b"#!") || content.starts_with(b"\x7fELF");
            let mode = if runs { "100755" } else { "100644" };
            stream.extend(format!("M {mode} inline {name}\ndata {}\n", content.len()).bytes());
            stream.extend(content);
            stream.push(b'\n');
        }
        self.git(&path, &["fast-import", "--quiet"], Some(&stream))
            .await;
        self.head(repository, branch).await.expect("the commit")
    }

    /// Makes a branch where `main` is; the hash it is at.
    ///
    /// # Panics
    /// There is no such repository.
    pub async fn branch(&self, repository: &str, branch: &str) -> String {
        self.git(&self.path(repository), &["branch", branch, MAIN], None)
            .await;
        self.head(repository, branch).await.expect("the branch")
    }

    /// Copies a repository with all its commits, as a fork is; private like every other.
    ///
    /// # Panics
    /// There is no such repository, or the copy is there already.
    pub async fn fork(&self, repository: &str, copy: &str) {
        let (from, to) = (self.path(repository), self.path(copy));
        assert!(!to.exists(), "{copy} is there already");
        let (from, to) = (from.display().to_string(), to.display().to_string());
        self.git(&self.dir, &["clone", "--bare", "--quiet", &from, &to], None)
            .await;
        self.serves_every_commit(Path::new(&to)).await;
    }

    /// The full hash a branch is at.
    pub async fn head(&self, repository: &str, branch: &str) -> Option<String> {
        let name = format!("refs/heads/{branch}");
        let words = ["rev-parse", "--verify", "--quiet", &name];
        let path = self.path(repository);
        if !path.is_dir() {
            return None;
        }
        let mut command = self.command(&path, &words);
        let output = command.output().await.expect("git runs");
        let sha = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        output.status.success().then_some(sha)
    }

    /// Anybody may read it from now on.
    pub fn publish(&self, repository: &str) {
        self.rules().public.insert(repository.to_owned());
    }

    /// This token may read every private repository, until [`GitServer::revoke`].
    pub fn accept(&self, token: &str) {
        self.rules().tokens.insert(token.to_owned());
    }

    /// The token is unknown from now on.
    pub fn revoke(&self, token: &str) {
        self.rules().tokens.remove(token);
    }

    /// Asks this for tokens that are not accepted already: repository (`owner/name`) and token.
    pub fn ask(&self, judge: impl Fn(&str, &str) -> Access + Send + Sync + 'static) {
        self.rules().judge = Some(Arc::new(judge));
    }

    /// The next so many requests are answered with this status and nothing else.
    pub fn trouble(&self, status: u16, requests: usize) {
        let statuses = std::iter::repeat_n(status, requests);
        self.rules().trouble.extend(statuses);
    }

    /// Requests for a repository so far.
    pub fn requests(&self, repository: &str) -> Vec<GitRequest> {
        let rules = self.rules();
        let of = |r: &&GitRequest| r.repository == repository;
        rules.seen.iter().filter(of).cloned().collect()
    }

    /// How often commits of a repository were handed out.
    pub fn fetches(&self, repository: &str) -> usize {
        let requests = self.requests(repository);
        requests.iter().filter(|r| r.fetched).count()
    }

    /// The tokens that were shown with requests for a repository.
    pub fn tokens(&self, repository: &str) -> BTreeSet<String> {
        let requests = self.requests(repository);
        requests.into_iter().filter_map(|r| r.token).collect()
    }

    fn rules(&self) -> MutexGuard<'_, Rules> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self, repository: &str) -> PathBuf {
        self.dir.join(format!("{repository}.git"))
    }

    /// As GitHub does; Git alone hands out only what a branch is at.
    async fn serves_every_commit(&self, path: &Path) {
        let words = ["config", "uploadpack.allowAnySHA1InWant", "true"];
        self.git(path, &words, None).await;
    }

    fn command(&self, path: &Path, words: &[&str]) -> Command {
        let mut command = Command::new("git");
        command.args(words).current_dir(path).env_clear();
        command.envs(environment(&self.dir));
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    async fn git(&self, path: &Path, words: &[&str], input: Option<&[u8]>) {
        let mut command = self.command(path, words);
        if input.is_some() {
            command.stdin(Stdio::piped());
        }
        let mut child = command.spawn().expect("git runs");
        if let (Some(mut pipe), Some(input)) = (child.stdin.take(), input) {
            pipe.write_all(input).await.expect("git reads");
        }
        let output = child.wait_with_output().await.expect("git ends");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {}: {said}", words.join(" "));
    }
}

/// Nothing of the person's own settings.
pub(crate) fn environment(home: &Path) -> [(&'static str, String); 4] {
    [
        ("PATH", search_path()),
        ("HOME", home.display().to_string()),
        ("GIT_CONFIG_NOSYSTEM", "1".to_owned()),
        ("LC_ALL", "C".to_owned()),
    ]
}

/// Equal commits would get equal hashes; two of the same content are still two.
fn time_of_commit(parent: Option<&str>) -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.unwrap_or_default().as_secs() + u64::from(parent.is_some())
}
