//! The master key of a development Vault that was given none: drawn once, kept in a file of its owner's.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::keys::{BadMasterKey, MasterKey};

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// Reading or writing failed.
    #[error("master key file {path}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It holds no master key.
    #[error("master key file {path} {cause}")]
    Content {
        /// Which file.
        path: PathBuf,
        /// Why.
        cause: BadMasterKey,
    },
    /// Others may read it.
    #[error("master key file {0} may be read by others: chmod 600 it")]
    Permissions(PathBuf),
}

/// Reads the key; `None` when there is no file.
pub(crate) fn read(path: &Path) -> Result<Option<MasterKey>, KeyFileError> {
    let failed = |source| KeyFileError::File {
        path: path.to_path_buf(),
        source,
    };
    let text = match fs::read_to_string(path) {
        Ok(text) => Zeroizing::new(text),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(path).map_err(failed)?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(KeyFileError::Permissions(path.to_path_buf()));
        }
    }
    let key = MasterKey::parse(&text).map_err(|cause| KeyFileError::Content {
        path: path.to_path_buf(),
        cause,
    })?;
    Ok(Some(key))
}

/// Writes a new key where no file is yet.
pub(crate) fn write(path: &Path, key: &MasterKey) -> Result<(), KeyFileError> {
    let write = || -> io::Result<()> {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path)?;
        file.write_all(key.to_config().as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()
    };
    write().map_err(|source| KeyFileError::File {
        path: path.to_path_buf(),
        source,
    })
}
