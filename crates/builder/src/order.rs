//! What is built, what comes of it, and what is told on the way.

use std::collections::BTreeMap;

use crate::{Secret, Source};

/// The machine an image is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Platform {
    /// `linux/amd64`
    #[default]
    Amd64,
    /// `linux/arm64`
    Arm64,
}

impl Platform {
    /// Reads `linux/<architecture>`, where everything with `arm` or `aarch` in it is the second. Nothing else is built for.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let architecture = text.trim().strip_prefix("linux/")?.to_lowercase();
        match architecture.as_str() {
            "amd64" | "x86_64" => Some(Self::Amd64),
            other if other.contains("arm") || other.contains("aarch") => Some(Self::Arm64),
            _ => None,
        }
    }

    /// As BuildKit writes it: `linux/amd64`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Amd64 => "linux/amd64",
            Self::Arm64 => "linux/arm64",
        }
    }
}

/// The login of the registry that the image is pushed to. Its host is the image's; no other host is shown the login.
///
/// A Dockerfile can begin with any image of that registry that the login may pull, by its full name.
#[derive(Debug, Clone)]
pub struct Registry {
    /// Who pushes.
    pub username: String,
    /// With which password.
    pub password: Secret,
    /// Development only: without TLS.
    pub insecure: bool,
}

/// One image to build.
#[derive(Debug, Clone)]
pub struct Order {
    /// Its name, `<host>/<repository>:<tag>`.
    pub image: String,
    /// What it is built from.
    pub source: Source,
    /// What it is built for.
    pub platform: Platform,
    /// What the source is fetched with, where it is not public.
    pub git_token: Option<Secret>,
    /// Environment variables of the build, for its secret file.
    pub env: BTreeMap<String, Secret>,
    /// Where it is pushed.
    pub registry: Registry,
}

/// A build at the builder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// The builder's id of it.
    pub build_id: String,
    /// What this build's calls are made with; empty for a BuildKit.
    pub build_token: Secret,
}

/// An image that is in its registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// As ordered.
    pub image: String,
    /// `sha256:…` of its manifest.
    pub digest: String,
}

/// How a build ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// There is an image.
    Success,
    /// There is none; why.
    Failed(String),
    /// Nobody wants it any more.
    Canceled,
}

/// What happened in a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A step has ended. Each step is told once; one that wrote nothing is told only when nothing more can come of it.
    Step(Step),
    /// A piece of what a step wrote. The pieces of a step, one after the other, are what it wrote.
    Log(LogLine),
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Digest of the step's definition: the same step has the same id in every build.
    pub id: String,
    /// What a person calls it.
    pub name: String,
    /// Epoch milliseconds.
    pub started_at: i64,
    /// Epoch milliseconds.
    pub completed_at: i64,
    /// Whether it was taken from the cache.
    pub cached: bool,
    /// Why it failed; empty if it did not.
    pub error: String,
    /// Whether it wrote something.
    pub has_logs: bool,
}

/// A piece of a step's output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// The step.
    pub step_id: String,
    /// Epoch milliseconds.
    pub time: i64,
    /// As written: one or more lines with their ends, or a part of one. At most 32 KiB.
    pub message: String,
}

/// Who wants to know.
pub trait Sink: Send + Sync {
    /// Takes an event. Never blocks: it is called between two packets of the builder.
    fn emit(&self, event: Event);
}

#[cfg(test)]
mod tests {
    use super::Platform;

    #[test]
    fn platforms_are_two() {
        for (text, expected) in [
            ("linux/amd64", Some(Platform::Amd64)),
            ("linux/x86_64", Some(Platform::Amd64)),
            ("linux/arm64", Some(Platform::Arm64)),
            ("linux/aarch64", Some(Platform::Arm64)),
            ("linux/arm/v7", Some(Platform::Arm64)),
            ("windows/amd64", None),
            ("linux/riscv64", None),
            ("amd64", None),
            ("", None),
        ] {
            assert_eq!(Platform::parse(text), expected, "{text}");
        }
        for platform in [Platform::Amd64, Platform::Arm64] {
            assert_eq!(Platform::parse(platform.as_str()), Some(platform));
        }
    }
}
