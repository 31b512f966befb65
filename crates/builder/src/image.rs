//! Names of images, as far as a login and an exporter depend on them.

use crate::BuildError;

/// The registry's host of an image, with its port; an image without one is at Docker Hub.
pub(crate) fn host(image: &str) -> &str {
    const HUB: &str = "docker.io";
    match image.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => host,
        _ => HUB,
    }
}

/// Whether a registry that asks for a login is the one the image is at. Docker Hub asks by another name than it is called.
pub(crate) fn is_its_registry(asks: &str, image: &str) -> bool {
    const HUB: [&str; 3] = ["docker.io", "index.docker.io", "registry-1.docker.io"];
    let host = host(image);
    asks == host || HUB.contains(&host) && HUB.contains(&asks)
}

/// Refuses a name that an exporter would read as something else: it takes a comma for the beginning of a second name.
pub(crate) fn check(image: &str) -> Result<(), BuildError> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-:/[]".contains(&b);
    if image.is_empty() || image.len() > 1_024 || !image.bytes().all(allowed) {
        return Err(BuildError::Order(format!(
            "{image:?} is no name of an image; check registry.repository"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_images_own_registry_is_shown_the_login() {
        for (image, host_, asks, own) in [
            (
                "registry.test/apps:p-d",
                "registry.test",
                "registry.test",
                true,
            ),
            (
                "127.0.0.1:5000/apps:p-d",
                "127.0.0.1:5000",
                "127.0.0.1:5000",
                true,
            ),
            (
                "127.0.0.1:5000/apps:p-d",
                "127.0.0.1:5000",
                "127.0.0.1:5001",
                false,
            ),
            (
                "127.0.0.1:5000/apps:p-d",
                "127.0.0.1:5000",
                "127.0.0.1",
                false,
            ),
            ("localhost/apps:1", "localhost", "localhost", true),
            (
                "registry.test/apps:1",
                "registry.test",
                "registry-1.docker.io",
                false,
            ),
            (
                "registry.test/apps:1",
                "registry.test",
                "evil.registry.test",
                false,
            ),
            ("acme/apps:1", "docker.io", "registry-1.docker.io", true),
            (
                "docker.io/acme/apps:1",
                "docker.io",
                "registry-1.docker.io",
                true,
            ),
            ("acme/apps:1", "docker.io", "registry.test", false),
            ("apps", "docker.io", "docker.io", true),
        ] {
            assert_eq!(host(image), host_, "{image}");
            assert_eq!(is_its_registry(asks, image), own, "{asks} asks for {image}");
        }
    }

    #[test]
    fn a_name_is_one_name() {
        assert!(check("127.0.0.1:5000/apps:prj_1-dep_2").is_ok());
        for bad in ["", "a,b", "a b", "a\nb", "a\"b", "a=b", "a#b"] {
            assert!(matches!(check(bad), Err(BuildError::Order(_))), "{bad:?}");
        }
    }
}
