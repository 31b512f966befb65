//! A body fed from a task: one frame at a time, so that a slow reader slows the writer, and with an error as a
//! possible end, which HTTP/2 sends as a stream reset.
//!
//! Not for bodies that pass untouched.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame};
use tokio::sync::mpsc;

/// Any error of a body or client.
pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The writing end. Dropping it ends the body in order.
pub(crate) type Sender = mpsc::Sender<Result<Frame<Bytes>, BoxError>>;

/// The body.
pub(crate) struct Pipe(mpsc::Receiver<Result<Frame<Bytes>, BoxError>>);

pub(crate) fn pipe() -> (Sender, Pipe) {
    let (sender, receiver) = mpsc::channel(1);
    (sender, Pipe(receiver))
}

impl Body for Pipe {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = ready!(self.0.poll_recv(cx));
        if matches!(frame, Some(Err(_))) {
            self.0.close();
        }
        Poll::Ready(frame)
    }
}
