//! Objects as files below one directory; the name is the relative path.
//!
//! Written to a temporary file beside the target, flushed, then renamed, so a crash leaves the old object or the new.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;

use super::{Store, StoreError, check_name};

const TEMPORARY_PREFIX: &str = ".vault-";
const TEMPORARY_SUFFIX: &str = ".tmp";

/// Files below a directory.
#[derive(Clone)]
pub struct DiskStore(Arc<PathBuf>);

impl DiskStore {
    /// Uses the directory, which is made (readable by its owner alone) when it is not there.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when it cannot be made or is no directory.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        let made = create_private_dir(root).and_then(|()| fs::read_dir(root).map(drop));
        made.map_err(StoreError::Unavailable)?;
        Ok(Self(Arc::new(root.to_path_buf())))
    }

    fn path(&self, name: &str) -> Result<PathBuf, StoreError> {
        check_name(name)?;
        Ok(self.0.join(name))
    }

    /// Writes a temporary file and moves it over the target, or, with `only_new`, beside an existing one.
    fn write(&self, name: &str, bytes: &[u8], only_new: bool) -> Result<bool, StoreError> {
        let target = self.path(name)?;
        let parent = target.parent().ok_or(StoreError::Name("it is the root"))?;
        let write = || -> io::Result<bool> {
            create_private_dir(parent)?;
            let mut file = tempfile::Builder::new()
                .prefix(TEMPORARY_PREFIX)
                .suffix(TEMPORARY_SUFFIX)
                .tempfile_in(parent)?;
            file.write_all(bytes)?;
            file.as_file().sync_all()?;
            let moved = if only_new {
                file.persist_noclobber(&target)
            } else {
                file.persist(&target)
            };
            match moved {
                Ok(_) => File::open(parent)?.sync_all().map(|()| true),
                Err(error) if only_new && error.error.kind() == ErrorKind::AlreadyExists => {
                    Ok(false)
                }
                Err(error) => Err(error.error),
            }
        };
        write().map_err(error_of)
    }

    fn names(&self, prefix: &str, after: &str, most: usize) -> Result<Vec<String>, StoreError> {
        let mut names = Vec::new();
        if !prefix.is_empty() {
            // Only the directory that the prefix names can hold matches.
            let start = prefix
                .rsplit_once('/')
                .map_or("", |(directory, _)| directory);
            self.walk(start, &mut names)?;
        }
        names.retain(|name| name.starts_with(prefix) && name.as_str() > after);
        names.sort_unstable();
        names.truncate(most);
        Ok(names)
    }

    fn walk(&self, directory: &str, names: &mut Vec<String>) -> Result<(), StoreError> {
        let path = if directory.is_empty() {
            self.0.to_path_buf()
        } else {
            self.path(directory)?
        };
        let entries = match fs::read_dir(path) {
            Ok(entries) => entries,
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                return Ok(());
            }
            Err(error) => return Err(StoreError::Unavailable(error)),
        };
        for entry in entries {
            let entry = entry.map_err(StoreError::Unavailable)?;
            let Ok(file_name) = entry.file_name().into_string() else {
                continue;
            };
            let name = if directory.is_empty() {
                file_name.clone()
            } else {
                format!("{directory}/{file_name}")
            };
            let kind = entry.file_type().map_err(StoreError::Unavailable)?;
            if kind.is_dir() {
                self.walk(&name, names)?;
            } else if kind.is_file() && !is_temporary(&file_name) {
                names.push(name);
            }
        }
        Ok(())
    }

    /// File access blocks, so it runs where that is allowed.
    fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, StoreError> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, StoreError>> {
        let store = self.clone();
        async move {
            let done = tokio::task::spawn_blocking(move || work(&store)).await;
            done.unwrap_or_else(|stopped| Err(StoreError::Unavailable(io::Error::other(stopped))))
        }
        .boxed()
    }
}

impl Store for DiskStore {
    fn get<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        let name = name.to_owned();
        self.blocking(move |store| match fs::read(store.path(&name)?) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                Ok(None)
            }
            Err(error) => Err(error_of(error)),
        })
    }

    fn put<'a>(&'a self, name: &'a str, bytes: Vec<u8>) -> BoxFuture<'a, Result<(), StoreError>> {
        let name = name.to_owned();
        self.blocking(move |store| store.write(&name, &bytes, false).map(drop))
    }

    fn create<'a>(
        &'a self,
        name: &'a str,
        bytes: Vec<u8>,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        let name = name.to_owned();
        self.blocking(move |store| store.write(&name, &bytes, true))
    }

    fn list<'a>(
        &'a self,
        prefix: &'a str,
        after: &'a str,
        most: usize,
    ) -> BoxFuture<'a, Result<Vec<String>, StoreError>> {
        let (prefix, after) = (prefix.to_owned(), after.to_owned());
        self.blocking(move |store| store.names(&prefix, &after, most))
    }
}

fn is_temporary(file_name: &str) -> bool {
    file_name.starts_with(TEMPORARY_PREFIX) && file_name.ends_with(TEMPORARY_SUFFIX)
}

/// A name the file system cannot hold is the caller's fault; anything else is the storage's.
fn error_of(error: io::Error) -> StoreError {
    match error.kind() {
        ErrorKind::InvalidFilename => StoreError::Name("a segment is too long"),
        ErrorKind::NotADirectory | ErrorKind::IsADirectory | ErrorKind::AlreadyExists => {
            StoreError::Name("another object is in the way")
        }
        _ => StoreError::Unavailable(error),
    }
}

fn create_private_dir(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}
