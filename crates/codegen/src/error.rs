//! Why the contracts cannot be written.

use std::io;
use std::path::PathBuf;

/// Every failure names the file or service it is about.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("proto/ does not compile: {0}")]
    Proto(#[from] protox::Error),
    #[error("{0}: expected exactly one service per file")]
    OneService(String),
    #[error("{0}: a handler must not stream, and a plain service has no shared handlers")]
    Handler(String),
    #[error("{0}: the comment of an object says `Key: …`, that of a plain service does not")]
    Key(String),
    #[error("options file lacks {0}")]
    Option(&'static str),
    #[error("cannot write {}: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("rustfmt: {0}")]
    Rustfmt(io::Error),
    #[error("rustfmt refused the contract of {0}")]
    Refused(String),
}
