//! versioning-client.
