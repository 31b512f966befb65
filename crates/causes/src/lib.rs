//! An error as one line: what it says, and all that caused it.
//!
//! Not for what to do about an error, nor for keeping secrets out of it: whoever makes the error does.

use std::error::Error;

/// An error with what caused it, each part once.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let more = cause.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::fmt;

    use super::*;

    #[derive(Debug)]
    struct Layer(&'static str, Option<Box<Layer>>);

    impl fmt::Display for Layer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Layer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|layer| layer as _)
        }
    }

    #[test]
    fn each_cause_is_told_once() {
        let bottom = Layer("connection refused", None);
        let middle = Layer("no route: connection refused", Some(Box::new(bottom)));
        let top = Layer("not registered", Some(Box::new(middle)));
        assert_eq!(chain(&top), "not registered: no route: connection refused");
        assert_eq!(chain(&Layer("alone", None)), "alone");
    }
}
