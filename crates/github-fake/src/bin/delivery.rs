//! Delivers a push as GitHub does: the payload of a branch that moved by one commit, signed with the webhook's secret, to
//! an endpoint on this machine. Prints one JSON line with what was answered.
//!
//! Not for other events, and not for a real GitHub's part: nothing is repeated.

use std::error::Error;
use std::fmt::Write as _;

use aws_lc_rs::hmac;
use bytes::Bytes;
use clap::Parser;
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use url::Url;

/// Delivers a push to an endpoint and prints its answer.
#[derive(Debug, Parser)]
struct Args {
    /// Where to, `http://127.0.0.1:port/path`.
    #[arg(long)]
    url: Url,
    /// Environment variable with the webhook's secret.
    #[arg(long)]
    secret_env: String,
    /// Sign with another secret, as somebody does who does not know it.
    #[arg(long)]
    forged: bool,
    /// Id of the delivery.
    #[arg(long)]
    delivery: String,
    /// `owner/name`.
    #[arg(long)]
    repository: String,
    /// The repository's number.
    #[arg(long)]
    repository_id: i64,
    /// Number of the App's installation.
    #[arg(long)]
    installation: i64,
    /// The branch.
    #[arg(long, default_value = "main")]
    branch: String,
    /// Where it was.
    #[arg(long, default_value = "0000000000000000000000000000000000000000")]
    before: String,
    /// Where it is now.
    #[arg(long)]
    after: String,
    /// The commit's message.
    #[arg(long, default_value = "A change")]
    message: String,
    /// A file that the commit changed; may be repeated.
    #[arg(long = "changed", value_name = "PATH")]
    changed: Vec<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    let secret = std::env::var(&args.secret_env)
        .map_err(|e| format!("the variable {}: {e}", args.secret_env))?;
    let body = payload(&args).to_string();
    let mut key = secret.into_bytes();
    if args.forged {
        key.extend_from_slice(b" of somebody else");
    }
    let answer = send(&args, &sign(&key, body.as_bytes()), body).await?;
    println!("{answer}");
    Ok(())
}

/// The event as far as anybody reads it.
fn payload(args: &Args) -> Value {
    let (owner, name) = args.repository.split_once('/').unwrap_or_default();
    let author = json!({ "name": "Octo Cat", "email": "octo@example.test", "username": "octo" });
    let commit = json!({
        "id": args.after, "message": args.message, "timestamp": "2026-01-02T04:04:05+01:00", "author": author,
        "committer": author, "added": [], "removed": [], "modified": args.changed, "distinct": true,
    });
    json!({
        "ref": format!("refs/heads/{}", args.branch), "before": args.before, "after": args.after,
        "created": false, "deleted": false, "forced": false, "base_ref": null,
        "repository": {
            "id": args.repository_id, "name": name, "full_name": args.repository, "private": true,
            "owner": { "login": owner, "name": owner }, "default_branch": "main",
        },
        "pusher": { "name": "octo", "email": "octo@example.test" },
        "sender": { "login": "octo", "id": 1, "type": "User" },
        "installation": { "id": args.installation },
        "head_commit": commit, "commits": [commit],
    })
}

fn sign(key: &[u8], body: &[u8]) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), body);
    let mut text = "sha256=".to_owned();
    for byte in tag.as_ref() {
        // writing to a text does not fail
        let _ = write!(text, "{byte:02x}");
    }
    text
}

async fn send(args: &Args, signature: &str, body: String) -> Result<Value, Box<dyn Error>> {
    let host = args.url.host_str().unwrap_or_default();
    let port = args.url.port_or_known_default().unwrap_or(80);
    let stream = TcpStream::connect((host, port)).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = http::Request::post(args.url.path())
        .header("host", format!("{host}:{port}"))
        .header("user-agent", "GitHub-Hookshot/0000000")
        .header("content-type", "application/json")
        .header("x-github-event", "push")
        .header("x-github-delivery", &args.delivery)
        .header("x-hub-signature-256", signature)
        .body(Full::new(Bytes::from(body)))?;
    let answer = sender.send_request(request).await?;
    let status = answer.status().as_u16();
    let text = answer.into_body().collect().await?.to_bytes();
    Ok(
        json!({ "status": status, "delivery": args.delivery, "answer": String::from_utf8_lossy(&text) }),
    )
}

#[cfg(test)]
mod tests {
    use super::sign;

    #[test]
    fn the_signature_is_that_of_githubs_own_example() {
        let wanted = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        assert_eq!(
            sign(b"It's a Secret to Everybody", b"Hello, World!"),
            wanted
        );
    }
}
