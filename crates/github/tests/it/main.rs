//! The adapter against a GitHub that checks proofs, tokens and rights, over real HTTP.

mod calls;
mod keys;
mod tokens;

use github::{Access, AppKey, GitHub, Repository, Settings};

use github_fake::{APP, Fake, INSTALLATION, REPOSITORY, keys};

const AS_APP: Access = Access::Installation(INSTALLATION);

fn repository() -> Repository {
    Repository::parse(REPOSITORY).expect("a name")
}

/// A GitHub, and the App's client of it.
async fn world() -> (Fake, GitHub) {
    let fake = Fake::start(&keys().public).await;
    let client = client(&fake, Some(&keys().pkcs8));
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
