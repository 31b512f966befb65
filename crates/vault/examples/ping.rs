//! Asks a Vault whether it is there and seals and opens a text with it:
//! `VAULT_TOKEN=… cargo run -p vault --example ping -- http://127.0.0.1:8060 [keyring]`.

use std::process::ExitCode;

use vault::{Vault, VaultError};

async fn ping(url: &str, token: &str, keyring: &str) -> Result<(), VaultError> {
    let vault = Vault::new(url, token)?;
    vault.ping().await?;
    let sealed = vault.encrypt(keyring, "ping").await?;
    let opened = vault.decrypt(keyring, &sealed.blob).await?;
    println!(
        "alive; sealed under {}; opens to the same text: {}",
        sealed.key_id,
        opened.expose() == "ping"
    );
    Ok(())
}

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(url), Ok(token)) = (arguments.next(), std::env::var("VAULT_TOKEN")) else {
        eprintln!("usage: VAULT_TOKEN=… ping <url> [keyring]");
        return ExitCode::FAILURE;
    };
    let keyring = arguments.next().unwrap_or_else(|| "ping".to_owned());
    match ping(&url, &token, &keyring).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error} ({:?})", error.class());
            ExitCode::FAILURE
        }
    }
}
