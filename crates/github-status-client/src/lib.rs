//! github-status-client.
