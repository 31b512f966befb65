//! edge-sim.
