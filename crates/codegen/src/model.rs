//! What a contract needs to know of a service, read from the descriptors and our own options.

use crate::error::Error;
use protox::Compiler;
use protox::prost_reflect::{
    DescriptorPool, DynamicMessage, ExtensionDescriptor, FileDescriptor, MethodDescriptor, Value,
};
use std::path::Path;

/// One service.
pub(crate) struct Service {
    /// Stem of its .proto: `github_status`.
    pub(crate) file: String,
    /// `hydra.v1.GitHubStatusService`.
    pub(crate) full_name: String,
    /// `GitHubStatus`.
    pub(crate) base: String,
    pub(crate) docs: Vec<String>,
    pub(crate) object: bool,
    pub(crate) private: bool,
    pub(crate) handlers: Vec<Handler>,
}

/// One handler.
pub(crate) struct Handler {
    /// `ReportStatus`.
    pub(crate) name: String,
    pub(crate) docs: Vec<String>,
    pub(crate) shared: bool,
    pub(crate) private: bool,
    /// `hydra::v1::GitHubStatusReportRequest`, below crate `messages`.
    pub(crate) request: String,
    pub(crate) response: String,
}

/// Compiles the files and reads the one service of each.
pub(crate) fn load(protos: &Path, files: &[&str]) -> Result<Vec<Service>, Error> {
    let mut compiler = Compiler::new([protos])?;
    compiler.include_source_info(true).include_imports(true);
    compiler.open_files(files.iter().map(|f| format!("hydra/v1/{f}.proto")))?;
    let pool = compiler.descriptor_pool();
    let options = Options::find(&pool)?;
    files
        .iter()
        .map(|file| service(&pool, &options, file))
        .collect()
}

/// Our extensions of the standard options.
struct Options {
    kind: ExtensionDescriptor,
    ingress_private: ExtensionDescriptor,
    shared: ExtensionDescriptor,
    handler_private: ExtensionDescriptor,
}

impl Options {
    fn find(pool: &DescriptorPool) -> Result<Self, Error> {
        let get = |name: &'static str| pool.get_extension_by_name(name).ok_or(Error::Option(name));
        Ok(Self {
            kind: get("ctrl_worker.kind")?,
            ingress_private: get("ctrl_worker.ingress_private")?,
            shared: get("ctrl_worker.shared")?,
            handler_private: get("ctrl_worker.handler_private")?,
        })
    }
}

fn service(pool: &DescriptorPool, options: &Options, file: &str) -> Result<Service, Error> {
    let path = format!("hydra/v1/{file}.proto");
    let descriptor = pool
        .get_file_by_name(&path)
        .ok_or_else(|| Error::OneService(path.clone()))?;
    let mut services = descriptor.services();
    let (Some(service), None) = (services.next(), services.next()) else {
        return Err(Error::OneService(path));
    };
    let set = service.options();
    let object = set.get_extension(&options.kind).as_enum_number() == Some(1);
    let handlers = service
        .methods()
        .map(|m| handler(&m, options, object))
        .collect::<Result<_, _>>()?;
    let docs = docs(&service.parent_file(), service.path());
    // Served as documentation; docs/services.md takes the key from there.
    if docs.join(" ").contains("Key: ") != object {
        return Err(Error::Key(path));
    }
    Ok(Service {
        file: file.to_owned(),
        full_name: service.full_name().to_owned(),
        base: service
            .name()
            .strip_suffix("Service")
            .unwrap_or(service.name())
            .to_owned(),
        docs,
        object,
        private: flag(&set, &options.ingress_private),
        handlers,
    })
}

fn handler(method: &MethodDescriptor, options: &Options, object: bool) -> Result<Handler, Error> {
    let set = method.options();
    let shared = flag(&set, &options.shared);
    if method.is_client_streaming() || method.is_server_streaming() || (shared && !object) {
        return Err(Error::Handler(method.full_name().to_owned()));
    }
    Ok(Handler {
        name: method.name().to_owned(),
        docs: docs(&method.parent_file(), method.path()),
        shared,
        private: flag(&set, &options.handler_private),
        request: method.input().full_name().replace('.', "::"),
        response: method.output().full_name().replace('.', "::"),
    })
}

fn flag(options: &DynamicMessage, extension: &ExtensionDescriptor) -> bool {
    matches!(*options.get_extension(extension), Value::Bool(true))
}

/// The comment in front of the element with this path.
fn docs(file: &FileDescriptor, path: &[i32]) -> Vec<String> {
    let proto = file.file_descriptor_proto();
    let locations = proto
        .source_code_info
        .iter()
        .flat_map(|info| &info.location);
    let comment = locations
        .filter(|l| l.path == path)
        .find_map(|l| l.leading_comments.clone());
    comment
        .unwrap_or_default()
        .lines()
        .map(|l| l.trim().to_owned())
        .collect()
}
