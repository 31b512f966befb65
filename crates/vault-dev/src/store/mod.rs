//! Where sealed keys are kept: objects by name, as in a bucket.
//!
//! Stores know nothing of keys or sealing and hold no clear key.

mod disk;
mod memory;
mod outage;

use futures::future::BoxFuture;

pub use disk::DiskStore;
pub use memory::MemoryStore;
pub use outage::OutageStore;

/// Why a store did not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No object can have this name here.
    #[error("storage cannot hold an object of this name: {0}")]
    Name(&'static str),
    /// The storage does not serve.
    #[error("storage is unavailable")]
    Unavailable(#[source] std::io::Error),
}

/// Objects by name. Names are relative paths with `/`.
pub trait Store: Send + Sync + 'static {
    /// The object; `None` when there is none.
    fn get<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>>;

    /// Writes the object, whether it is there or not. A reader sees the old one or the new one, whole.
    fn put<'a>(&'a self, name: &'a str, bytes: Vec<u8>) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Writes the object unless it is there; whether it wrote. Of two at once, one writes.
    fn create<'a>(
        &'a self,
        name: &'a str,
        bytes: Vec<u8>,
    ) -> BoxFuture<'a, Result<bool, StoreError>>;

    /// Up to `most` names that begin with `prefix` and come after `after`, in byte order. An empty prefix lists
    /// nothing.
    fn list<'a>(
        &'a self,
        prefix: &'a str,
        after: &'a str,
        most: usize,
    ) -> BoxFuture<'a, Result<Vec<String>, StoreError>>;
}

/// Refuses names that are empty, absolute, hold NUL, or have an empty, `.` or `..` segment.
fn check_name(name: &str) -> Result<(), StoreError> {
    if name.contains('\0') {
        return Err(StoreError::Name("it holds NUL"));
    }
    if name
        .split('/')
        .any(|segment| matches!(segment, "" | "." | ".."))
    {
        return Err(StoreError::Name("it has an empty, `.` or `..` segment"));
    }
    Ok(())
}
