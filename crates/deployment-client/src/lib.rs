//! deployment-client.
