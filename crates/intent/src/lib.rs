//! The rows that the control API and the dashboard write before they call the worker: workspaces,
//! projects, apps with their settings, regions, repository connections, custom domains and deployments.
//!
//! It is for tests, the demo and the command line, which have no control API at hand, and it is the
//! only place that plays that part. It is not for the worker: a service never imports it, and it
//! never writes what the worker owns (topology, sentinels, policies, routes, the live pointer).
//!
//! [`Fixture`] is the short way for tests: one workspace with one app and fresh regions, every name
//! unique. The single functions follow the calls of the control API one by one; [`find_app`] reads
//! what is there.

mod app;
mod deployment;
mod domain;
mod error;
mod find;
mod fixture;
mod insert;
mod keys;
mod region;
mod source;
mod workspace;

pub use app::{
    AppRows, NewApp, NewProject, Region, Runtime, add_environment_variable, connect_repository,
    create_app, create_environment, create_project, set_build, set_runtime,
};
pub use deployment::{
    GitCommit, NewDeployment, authorize_deployment, create_deployment, create_deployments,
    mark_not_sent,
};
pub use domain::{
    add_domain, delete_domain, domain_row, domains_of, find_domain, reset_domain, store_invocation,
};
pub use error::IntentError;
pub use find::{find_app, find_app_by_slugs};
pub use fixture::Fixture;
pub use keys::create_due_keys;
pub use region::{Autoscaling, allow_region, create_region, set_can_schedule, set_quota};
pub use source::{
    BuildSettings, Repository, build_settings, repository_of, set_build_settings, set_repository,
};
pub use workspace::{NewWorkspace, Quota, create_workspace};
