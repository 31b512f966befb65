//! `delete_protection`: of the thing itself and of everything below it. A project does not go while one of its
//! environments is protected.
//!
//! Not for protection above: a protected app may lose a preview environment.

use durable::{Fault, codes};

/// What keeps a thing from being deleted, in words for the caller; nothing when it may go.
///
/// `protected` lists kind and id of protected things, at most the first few.
pub fn refusal(kind: &str, id: &str, protected: &[(String, String)]) -> Option<Fault> {
    let (first_kind, first) = protected.first()?;
    let what = if first == id {
        "it is protected".to_owned()
    } else {
        format!("its {first_kind} `{first}` is protected")
    };
    let more = match protected.len() {
        1 => String::new(),
        more => format!(", and {} more", more - 1),
    };
    Some(Fault {
        code: codes::DELETE_PROTECTED,
        text: format!(
            "The {kind} `{id}` was not deleted: {what}{more}. Nothing was changed by this request. Turn the protection off and delete again."
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(of: &[(&str, &str)]) -> Vec<(String, String)> {
        of.iter().map(|(a, b)| ((*a).into(), (*b).into())).collect()
    }

    #[test]
    fn what_is_protected_is_named() {
        assert_eq!(refusal("app", "app_1", &[]), None);
        let own = refusal("app", "app_1", &list(&[("app", "app_1")])).expect("refused");
        assert_eq!((own.code.status, own.code), (409, codes::DELETE_PROTECTED));
        assert!(
            own.text
                .contains("`app_1` was not deleted: it is protected."),
            "{}",
            own.text
        );
        let below = refusal(
            "project",
            "p",
            &list(&[("environment", "env_1"), ("app", "app_2")]),
        )
        .expect("refused");
        assert!(
            below
                .text
                .contains("its environment `env_1` is protected, and 1 more"),
            "{}",
            below.text
        );
    }
}
