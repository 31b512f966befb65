//! The testbed itself, on real servers.

mod life;
mod servers;
