//! The testbed itself, on real servers.

mod servers;
