//! The stories, one file a service.

mod deploy;

use crate::Story;

/// Every story, the longest first: lanes end at about the same time.
pub fn all() -> Vec<Story> {
    deploy::stories()
}
