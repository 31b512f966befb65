//! deploy-client.
