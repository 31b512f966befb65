//! A heartbeat URL: called after a job truly succeeded, so that a monitor notices when it stays away.

use std::fmt;

use crate::call::{Line, Options};
use crate::{NotifyError, Operation};

/// A heartbeat URL, or none. Clones share connections.
#[derive(Clone, Default)]
pub struct Heartbeat(Option<Line>);

impl Heartbeat {
    /// The heartbeat at this address; an empty one is [`Heartbeat::none`].
    ///
    /// # Errors
    /// [`NotifyError::Settings`] when it is no http(s) URL.
    pub fn new(url: &str) -> Result<Self, NotifyError> {
        Self::with_options(url, &Options::default())
    }

    /// [`Heartbeat::new`] with other limits.
    ///
    /// # Errors
    /// As [`Heartbeat::new`].
    pub fn with_options(url: &str, options: &Options) -> Result<Self, NotifyError> {
        if url.is_empty() {
            return Ok(Self::none());
        }
        Line::new(Operation::Heartbeat, url, options).map(|line| Self(Some(line)))
    }

    /// No monitor: every ping succeeds and does nothing.
    #[must_use]
    pub fn none() -> Self {
        Self(None)
    }

    /// Whether a ping goes anywhere.
    #[must_use]
    pub fn is_configured(&self) -> bool {
        self.0.is_some()
    }

    /// Calls the URL once (GET); any 2xx is a success.
    ///
    /// # Errors
    /// Any [`NotifyError`]; its [`NotifyError::class`] says what to do.
    pub async fn ping(&self) -> Result<(), NotifyError> {
        match &self.0 {
            None => Ok(()),
            Some(line) => {
                let request = line.http.get(line.url.clone());
                line.send(request, |status| (200..300).contains(&status))
                    .await
            }
        }
    }
}

impl fmt::Debug for Heartbeat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Heartbeat")
            .field("configured", &self.is_configured())
            .finish_non_exhaustive()
    }
}
