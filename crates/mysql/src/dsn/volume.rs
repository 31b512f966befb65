//! Any connection string: what was put together comes apart again, and nothing of a password is told.

use proptest::prelude::*;

use super::{Address, Dsn, Tls};

/// Whatever a password may be, with what separates the parts of the string above all.
fn password() -> impl Strategy<Value = String> {
    "[@:/?()&=%+#'\"a-zA-Z0-9é -]{0,24}"
}

proptest! {
    #[test]
    fn what_was_put_together_comes_apart_again(
        user in "[a-z0-9_.+-]{1,16}",
        password in password(),
        host in "[a-z0-9.-]{1,20}",
        port in 1..=u16::MAX,
        database in "[a-z0-9_]{1,16}",
        tls in proptest::sample::select(vec!["", "?tls=true", "?parseTime=true&tls=skip-verify", "?tls=own&x=1"]),
    ) {
        let text = format!("{user}:{password}@tcp({host}:{port})/{database}{tls}");
        let dsn = Dsn::parse(&text).expect("well formed");
        prop_assert_eq!(&dsn.user, &user);
        prop_assert_eq!(&dsn.password, &password);
        prop_assert_eq!(&dsn.address, &Address::Tcp(host, port));
        prop_assert_eq!(&dsn.database, &database);
        let wanted = match tls {
            "" => Tls::Preferred,
            "?tls=true" => Tls::Verified,
            "?tls=own&x=1" => Tls::Named("own".to_owned()),
            _ => Tls::SkipVerify,
        };
        prop_assert_eq!(&dsn.tls, &wanted);
        let secret = format!("{user}:{password}@");
        let shown = format!("{:?}", dsn);
        prop_assert!(!shown.contains(&secret));
    }

    #[test]
    fn a_string_with_something_missing_tells_nothing_of_the_password(
        secret in "[@:/?()&=a-z0-9]{0,6}s3cret[@:/?()&=a-z0-9]{0,6}",
        shape in 0..7usize,
    ) {
        let text = match shape {
            0 => format!("u:{secret}@tcp(h:1)"),
            1 => format!("u:{secret}/db"),
            2 => format!("u:{secret}@h:3306/db"),
            3 => secret.to_owned(),
            4 => format!("u:{secret}(h:1)/db"),
            5 => format!("u:{secret}@tcp(h:1/db"),
            _ => format!("tcp(h:1)u:{secret}/db"),
        };
        if let Err(error) = Dsn::parse(&text) {
            let said = error.to_string();
            prop_assert!(!said.contains("s3cret"), "{}: {}", text, said);
        }
    }

    #[test]
    fn no_text_panics(text in ".{0,60}", parts in "[a-z:@/()?=&%\\[\\]0-9]{0,60}") {
        let _either = Dsn::parse(&text);
        let _either = Dsn::parse(&parts);
    }
}
