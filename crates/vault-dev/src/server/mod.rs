//! The listening server: starting, connections, stopping.

mod request;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

use crate::engine::Engine;
use crate::keyfile::{self, KeyFileError};
use crate::keyring::PREFIX;
use crate::keys::{MasterKey, MasterKeys};
use crate::options::{Limits, MasterSource, Options, Storage, Tokens};
use crate::store::{DiskStore, MemoryStore, Store, StoreError};

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The storage cannot be opened.
    #[error("storage cannot be opened")]
    Storage(#[from] StoreError),
    /// The file of the master key cannot be used.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// A new master key would make what is stored unreadable.
    #[error(
        "the storage holds keys, but no master key is given and none is kept: give the one that sealed them"
    )]
    MasterKeyLost,
}

/// A master key that was drawn because none was given.
pub struct Generated {
    /// Its form for the configuration: the secret itself.
    pub master_key: Zeroizing<String>,
    /// Where it is kept; `None` when it ends with the process.
    pub file: Option<std::path::PathBuf>,
}

/// The Vault that the options describe, without a server, and the master key if one had to be drawn.
///
/// # Errors
/// [`StartError`], but never `Listen`.
pub async fn engine(
    master: &MasterSource,
    storage: &Storage,
    limits: &Limits,
) -> Result<(Engine, Option<Generated>), StartError> {
    let store: Arc<dyn Store> = match storage {
        Storage::Memory => Arc::new(MemoryStore::default()),
        Storage::Disk(path) => Arc::new(DiskStore::open(path)?),
        Storage::Other(store) => Arc::clone(store),
    };
    let (masters, generated) = match master {
        MasterSource::Given(masters) => (masters.clone(), None),
        MasterSource::Generate { file } => {
            let kept = file.as_deref().map(keyfile::read).transpose()?.flatten();
            let (key, generated) = match kept {
                Some(key) => (key, None),
                None => {
                    if !store.list(PREFIX, "", 1).await?.is_empty() {
                        return Err(StartError::MasterKeyLost);
                    }
                    let key = MasterKey::generate();
                    if let Some(file) = file {
                        keyfile::write(file, &key)?;
                    }
                    let generated = Generated {
                        master_key: key.to_config(),
                        file: file.clone(),
                    };
                    (key, Some(generated))
                }
            };
            (MasterKeys::of(key), generated)
        }
    };
    Ok((Engine::new(store, masters, limits.items), generated))
}

/// What every connection shares.
struct Shared {
    engine: Arc<Engine>,
    tokens: Tokens,
    limits: Limits,
    started: AtomicBool,
    stopping: AtomicBool,
}

/// A running Vault. Dropping it stops it without waiting.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    generated: Option<Generated>,
    stop: Option<oneshot::Sender<()>>,
    task: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts listening.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let (engine, generated) =
            engine(&options.master, &options.storage, &options.limits).await?;
        let address = options.listen;
        let failed = |source| StartError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        if !address.ip().is_loopback() {
            tracing::warn!(%address, "a development Vault listens beyond this machine");
        }
        let shared = Arc::new(Shared {
            engine: Arc::new(engine),
            tokens: options.tokens,
            limits: options.limits,
            started: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
        });
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(accept(listener, Arc::clone(&shared), stopped));
        shared.started.store(true, Ordering::SeqCst);
        Ok(Self {
            address,
            shared,
            generated,
            stop: Some(stop),
            task: Some(task),
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its base URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The Vault behind the server, for rotating keys and the like.
    #[must_use]
    pub fn engine(&self) -> &Arc<Engine> {
        &self.shared.engine
    }

    /// The master key, if it had to be drawn at this start.
    #[must_use]
    pub fn generated(&self) -> Option<&Generated> {
        self.generated.as_ref()
    }

    /// Is not ready from now on, takes no more connections, and waits for calls under way.
    pub async fn stop(mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        drop(self.stop.take());
        if let Some(task) = self.task.take()
            && let Err(error) = task.await
        {
            tracing::error!(%error, "the server ended badly");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// Takes connections until told to stop, then lets them end.
async fn accept(listener: TcpListener, shared: Arc<Shared>, mut stopped: oneshot::Receiver<()>) {
    let graceful = GracefulShutdown::new();
    // In a set, so that they end with the server when it is dropped.
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Out of file handles, most likely: wait until some are closed.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                    continue;
                }
            },
            Some(_) = connections.join_next() => continue,
            _ = &mut stopped => break,
        };
        connections.spawn(connection(stream, Arc::clone(&shared), &graceful));
    }
    drop(listener);
    if tokio::time::timeout(shared.limits.drain, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("some calls did not end in time");
    }
}

/// Serves one connection, HTTP/1.1 or HTTP/2 in clear, as its first bytes say.
fn connection(
    stream: TcpStream,
    shared: Arc<Shared>,
    graceful: &GracefulShutdown,
) -> impl Future<Output = ()> + Send + 'static {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "no TCP_NODELAY");
    }
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(shared.limits.read);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(shared.limits.read);
    let service = service_fn(move |request| request::answer(Arc::clone(&shared), request));
    let connection = builder
        .serve_connection(TokioIo::new(stream), service)
        .into_owned();
    let watched = graceful.watch(connection);
    async move {
        if let Err(error) = watched.await {
            tracing::debug!(error, "a connection broke");
        }
    }
}
