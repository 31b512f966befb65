//! The adapter against a GitHub that checks proofs, tokens and rights, over real HTTP.

mod calls;
mod fake;
mod keys;
mod tokens;

use std::sync::LazyLock;

use github::{Access, AppKey, GitHub, Repository, Settings};

use fake::{APP, Fake, INSTALLATION, REPOSITORY};

/// The App's key and its public half, PEM. Made for these tests.
struct Keys {
    pkcs8: String,
    pkcs1: String,
    public: String,
}

static KEYS: LazyLock<Keys> = LazyLock::new(keys::make);

const AS_APP: Access = Access::Installation(INSTALLATION);

fn repository() -> Repository {
    Repository::parse(REPOSITORY).expect("a name")
}

/// A GitHub, and the App's client of it.
async fn world() -> (Fake, GitHub) {
    let fake = Fake::start(&KEYS.public).await;
    let client = client(&fake, Some(&KEYS.pkcs8));
    (fake, client)
}

fn client(fake: &Fake, key: Option<&str>) -> GitHub {
    // a second provider in the process is an error that changes nothing
    let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let app = key.map(|pem| AppKey::new(APP, pem).expect("a key"));
    let settings = Settings {
        base_url: fake.url(),
        ..Settings::new(app)
    };
    GitHub::new(&settings).expect("a client")
}
