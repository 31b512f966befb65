//! route53.
