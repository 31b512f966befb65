//! A connection that gives no more than so many bytes in answer to one request.
//!
//! The client library reads an error to its end, however long it is, and offers no limit; the connection is the one place
//! where there can be one. It stands above TLS, so that it sees the answers themselves. Only HTTP/1.1 is spoken, so what is
//! read after something was written answers that.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::future::BoxFuture;
use hyper::Uri;
use hyper::rt::{Read, ReadBuf, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use tower::Service;

/// Longest answer, bytes: a million rows of usage are half of it.
const ANSWER: usize = 64 << 20;
/// Longest answer that is no success.
const REFUSAL: usize = 1 << 20;
/// Bytes read at a time.
const PART: usize = 16 << 10;

/// Makes such connections.
#[derive(Debug, Clone)]
pub(crate) struct Bounded<C>(pub(crate) C);

impl<C> Service<Uri> for Bounded<C>
where
    C: Service<Uri>,
    C::Future: Send + 'static,
{
    type Response = Answers<C::Response>;
    type Error = C::Error;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = self.0.call(uri);
        Box::pin(async move {
            Ok(Answers {
                inner: connecting.await?,
                read: 0,
                most: ANSWER,
            })
        })
    }
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Answers<T> {
    inner: T,
    /// Bytes since the last write.
    read: usize,
    most: usize,
}

impl<T> Answers<T> {
    fn count(&mut self, part: &[u8]) -> io::Result<()> {
        if self.read == 0 {
            // "HTTP/1.1 2xx"
            let good = part.get(9).is_none_or(|digit| *digit == b'2');
            self.most = if good { ANSWER } else { REFUSAL };
        }
        self.read += part.len();
        if self.read > self.most {
            let text = format!("the answer is longer than {} bytes", self.most);
            return Err(io::Error::other(text));
        }
        Ok(())
    }
}

impl<T: Read + Unpin> Read for Answers<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut into: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let mut part = [0; PART];
        let room = into.remaining().min(PART);
        let mut part = ReadBuf::new(&mut part[..room]);
        ready!(Pin::new(&mut self.inner).poll_read(cx, part.unfilled()))?;
        self.count(part.filled())?;
        into.put_slice(part.filled());
        Poll::Ready(Ok(()))
    }
}

impl<T: Write + Unpin> Write for Answers<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.read = 0;
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.read = 0;
        Pin::new(&mut self.inner).poll_write_vectored(cx, parts)
    }
}

impl<T: Connection> Connection for Answers<T> {
    fn connected(&self) -> Connected {
        self.inner.connected()
    }
}
