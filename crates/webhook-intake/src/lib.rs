//! A delivery of GitHub as it arrives over HTTP: checked, read, and turned into one message.
//!
//! Not here: what becomes of the message.
