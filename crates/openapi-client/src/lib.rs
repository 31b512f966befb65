//! openapi-client.
