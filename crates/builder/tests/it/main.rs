//! The builders against real servers: BuildKit inside dockerd, a registry, Git, and a Depot in front of that BuildKit.

mod build;
mod depot;
mod instant;
mod reasons;
mod stop;
mod token;
mod world;
