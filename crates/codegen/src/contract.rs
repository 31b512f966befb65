//! The text of a contract: a trait to implement, the service that forwards to it, and the clients named without
//! an implementation.

use crate::error::Error;
use crate::model::{Handler, Service};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// Gives the contract as unformatted Rust.
pub(crate) fn render(service: &Service) -> String {
    let base = &service.base;
    let mut out = String::from(HEADER);
    let kind = if service.object { "object" } else { "service" };
    let private = if service.private {
        ", ingress_private"
    } else {
        ""
    };
    let docs = comment(&service.docs);
    let methods =
        |text: &dyn Fn(&Handler) -> String| service.handlers.iter().map(text).collect::<String>();

    let listed = methods(&|h| {
        let kind = match (service.object, h.shared) {
            (false, _) => "Stateless",
            (true, true) => "Shared",
            (true, false) => "Exclusive",
        };
        let private = service.private || h.private;
        format!(
            "Handler {{ name: {:?}, kind: HandlerKind::{kind}, private: {private} }},",
            h.name
        )
    });
    let declared = methods(&|h| {
        format!(
            "{}fn {}<'a>(&'a self, ctx: {}<'a>, req: {}) -> impl Future<Output = HandlerResult<{}>> + Send + 'a;",
            comment(&h.docs),
            snake(&h.name),
            context(service, h),
            h.request(),
            h.response()
        )
    });
    let forwarded = methods(&|h| {
        let private = if h.private { ", ingress_private" } else { "" };
        format!(
            "{}#[handler(name = {:?}{private})]\nasync fn {}<'a>(&'a self, ctx: {}<'a>, req: {}) -> HandlerResult<{}> {{ self.0.{}(ctx, req).await }}",
            comment(&h.docs),
            h.name,
            snake(&h.name),
            context(service, h),
            h.request(),
            h.response(),
            snake(&h.name)
        )
    });
    let never = methods(&|h| {
        format!(
            "async fn {}<'a>(&'a self, _: {}<'a>, _: {}) -> HandlerResult<{}> {{ match *self {{}} }}",
            snake(&h.name),
            context(service, h),
            h.request(),
            h.response()
        )
    });
    let _ = write!(
        out,
        r#"
        /// The service's name, as in a URL.
        pub const SERVICE: &str = {full:?};

        /// Its handlers, in the order of the .proto.
        pub const HANDLERS: &[Handler] = &[{listed}];

        {docs}pub trait {base}Backend: Send + Sync + 'static {{ {declared} }}

        /// What Restate hosts: forwards every handler to a backend.
        pub struct {base}Service<B>(pub B);

        {docs}#[restate_sdk::{kind}(name = {full:?}{private})]
        impl<B: {base}Backend> {base}Service<B> {{ {forwarded} }}

        /// Names the clients without an implementation; has no value.
        pub enum Contract {{}}

        impl {base}Backend for Contract {{ {never} }}

        /// Calls the service from a handler.
        pub type {base}Client<'ctx> = {base}ServiceClient<'ctx, Contract>;

        /// Calls the service through Restate's ingress.
        pub type {base}Ingress<E> = {base}ServiceIngressClient<Contract, E>;
        "#,
        full = service.full_name,
    );
    out
}

/// Runs rustfmt with the repository's configuration.
pub(crate) fn format(root: &Path, text: &str) -> Result<String, Error> {
    let mut child = Command::new("rustfmt")
        .args(["--edition", "2024", "--emit", "stdout"])
        .current_dir(root)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(Error::Rustfmt)?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(text.as_bytes()).map_err(Error::Rustfmt)?;
    }
    let output = child.wait_with_output().map_err(Error::Rustfmt)?;
    if !output.status.success() {
        return Err(Error::Refused(
            text.lines()
                .find(|l| l.contains("SERVICE"))
                .unwrap_or_default()
                .trim()
                .to_owned(),
        ));
    }
    String::from_utf8(output.stdout).map_err(|e| Error::Refused(e.to_string()))
}

const HEADER: &str = "\
//! Contract of one service. Written from `proto/` by `cargo xtask codegen`; do not edit.

// The SDK's macro leaves its own items without documentation.
#![allow(missing_docs)]

use messages::contract::{Handler, HandlerKind};
use restate_sdk::prelude::*;
use std::future::Future;
";

impl Handler {
    fn request(&self) -> String {
        format!("messages::{}", self.request)
    }

    fn response(&self) -> String {
        format!("messages::{}", self.response)
    }
}

fn context(service: &Service, handler: &Handler) -> &'static str {
    match (service.object, handler.shared) {
        (false, _) => "Context",
        (true, true) => "SharedObjectContext",
        (true, false) => "ObjectContext",
    }
}

fn comment(lines: &[String]) -> String {
    lines.iter().map(|l| format!("/// {l}\n")).collect()
}

/// `ScaleDownIdle` → `scale_down_idle`.
fn snake(name: &str) -> String {
    let mut out = String::new();
    for (i, c) in name.chars().enumerate() {
        if c.is_ascii_uppercase() && i > 0 {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}
