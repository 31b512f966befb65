//! The mill every handler goes through: a [`Story`] states its world, its request and what must hold; the runner
//! plays it plain and then once for every fault of every kind, and compares how the world looks afterwards.
//!
//! Not for production, and not for behaviour without faults: that is what the acceptance tests show. See
//! `docs/proof.md`.

mod armed;
mod build_side;
mod child;
mod coverage;
pub mod defects;
mod driver;
mod effects;
mod fault;
mod form;
mod invariants;
mod journal;
mod judge;
mod lane;
mod outside;
mod play;
mod report;
mod rest;
mod runner;
mod scene;
mod stories;
mod story;
mod table;
mod upgrade;
mod worker_process;

pub use child::serve;
pub use coverage::uncovered;
pub use effects::{
    ACME_NEW_ORDER, DEPOT_CREATE_BUILD, DEPOT_FINISH_BUILD, KEYLESS, Keyless, SLACK_WEBHOOK,
};
pub use fault::{Fault, Point};
pub use form::Form;
pub use journal::{FOLDER, Journals, journals};
pub use lane::{Lane, set_patience};
pub use play::Played;
pub use report::{Cell, FaultKind, Report, Row};
pub use runner::{Options, run};
pub use scene::{Request, Scene};
pub use stories::all as stories;
pub use story::{Sections, Story, Undo};
pub use table::{table, upgrade_table};
pub use upgrade::{Ends, Rehearsal, UpgradeOptions, rehearse};
