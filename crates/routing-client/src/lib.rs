//! routing-client.
