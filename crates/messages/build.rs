//! Turns `proto/` into Rust: message types by buffa, and the list of messages that are Restate payloads.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// Everything below `proto/` that is a message on a wire (the options file is none).
const PACKAGES: &[&str] = &["conformance", "ctrl/v1", "hydra/v1", "vault/v1"];

/// Those whose messages are Restate payloads. The Vault's are not: they carry plaintexts, which no journal may hold.
const PAYLOADS: &[&str] = &["hydra/v1"];

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../../proto");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    println!("cargo:rerun-if-changed={}", root.display());
    let files = sources(&root)?;

    let mut compiler = protox::Compiler::new([&root])?;
    compiler.include_source_info(true).include_imports(true);
    compiler.open_files(&files)?;
    let descriptors = out.join("descriptors.bin");
    fs::write(&descriptors, compiler.encode_file_descriptor_set())?;
    buffa_build::Config::new()
        .descriptor_set(&descriptors)
        .files(&files)
        .includes(&[&root])
        .generate_json(true)
        .generate_views(false)
        .preserve_unknown_fields(false)
        .unbox_oneof()
        .idiomatic_enum_aliases(true)
        .map_type(buffa_build::MapRepr::BTreeMap)
        .include_file("messages.rs")
        .compile()?;

    let pool = compiler.descriptor_pool();
    let mut payloads = String::new();
    for message in pool.all_messages().filter(|m| !m.is_map_entry()) {
        let package = message.package_name();
        if !PAYLOADS.iter().any(|p| p.replace('/', ".") == package) {
            continue;
        }
        writeln!(payloads, "payload!(crate::{}::{});", package.replace('.', "::"), message.name())?;
    }
    fs::write(out.join("payloads.rs"), payloads)?;
    Ok(())
}

/// The .proto files of the packages, sorted, relative to the root.
fn sources(root: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut files = Vec::new();
    for package in PACKAGES {
        for entry in fs::read_dir(root.join(package))? {
            let path = entry?.path();
            if path.extension().is_some_and(|e| e == "proto") {
                files.push(path.strip_prefix(root)?.to_path_buf());
            }
        }
    }
    files.sort();
    Ok(files)
}
