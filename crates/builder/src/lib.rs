//! Builds images: a project, a build, a machine that runs it, and its end. Two backends, Depot and a BuildKit of the
//! operator's own, behind one trait.
//!
//! Not here: what is built for which deployment, and anything of Restate or the database.
