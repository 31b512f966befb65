//! Turns `proto/` into Rust: message types by buffa, and for the codec a table of every message and its fields.

use protox::prost_reflect::{DescriptorPool, FieldDescriptor, Kind, MessageDescriptor};
use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// Everything below `proto/` that holds messages (the options file holds none).
const PACKAGES: &[&str] = &["conformance", "ctrl/v1", "hydra/v1", "vault/v1"];

/// Those whose messages are Restate payloads. The vault's are not: they carry plaintexts, which no journal may hold.
const PAYLOADS: &[&str] = &["hydra.v1"];

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../../proto");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    println!("cargo:rerun-if-changed={}", root.display());
    let files = sources(&root)?;

    let mut compiler = protox::Compiler::new([&root])?;
    compiler.include_source_info(true).include_imports(true);
    compiler.open_files(&files)?;
    let descriptors = out.join("descriptors.bin");
    // buffa-build has cargo watch this file: written anew each time, it would rebuild everything each time.
    let encoded = compiler.encode_file_descriptor_set();
    if fs::read(&descriptors).ok().as_deref() != Some(&encoded[..]) {
        fs::write(&descriptors, encoded)?;
    }
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
    fs::write(
        out.join("payloads.rs"),
        payloads(&compiler.descriptor_pool())?,
    )?;
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

/// One static and one `payload!` line per message.
fn payloads(pool: &DescriptorPool) -> Result<String, Box<dyn Error>> {
    let mut text = String::new();
    let mut all = String::new();
    let packages: Vec<String> = PACKAGES.iter().map(|p| p.replace('/', ".")).collect();
    for message in pool
        .all_messages()
        .filter(|m| !m.is_map_entry() && packages.iter().any(|p| p == m.package_name()))
    {
        if message.parent_message().is_some() {
            return Err(format!(
                "{}: messages inside messages are not supported",
                message.full_name()
            )
            .into());
        }
        let fields = message
            .fields()
            .map(|f| field(&f))
            .collect::<Result<String, _>>()?;
        let table = table(&message);
        let full_name = message.full_name();
        writeln!(
            text,
            "static {table}: Message = Message {{ name: {full_name:?}, fields: &[{fields}] }};"
        )?;
        let path = full_name.replace('.', "::");
        writeln!(text, "json!(crate::{path}, {table});")?;
        writeln!(all, "Codec::of::<crate::{path}>(&{table}),")?;
        if PAYLOADS.contains(&message.package_name()) {
            writeln!(text, "payload!(crate::{path}, {table});")?;
        }
    }
    writeln!(
        text,
        "/// Every message, sorted by file.\npub static ALL: &[Codec] = &[{all}];"
    )?;
    Ok(text)
}

fn field(field: &FieldDescriptor) -> Result<String, Box<dyn Error>> {
    let shape = match field.kind() {
        Kind::Message(entry) if field.is_map() => {
            let key = scalar(&entry.map_entry_key_field())?;
            format!(
                "Shape::Map({key}, {})",
                scalar(&entry.map_entry_value_field())?
            )
        }
        _ if field.is_list() => format!("Shape::List({})", scalar(field)?),
        _ => format!("Shape::One({})", scalar(field)?),
    };
    // A proto3 `optional` is a oneof of its own in the descriptor; it excludes nothing.
    let oneof = field
        .containing_oneof()
        .filter(|o| !o.is_synthetic())
        .map(|o| o.name().to_owned());
    Ok(format!(
        "Field {{ name: {:?}, json_name: {:?}, shape: {shape}, oneof: {oneof:?} }},",
        field.name(),
        field.json_name()
    ))
}

fn scalar(field: &FieldDescriptor) -> Result<String, Box<dyn Error>> {
    Ok(match field.kind() {
        Kind::Bool => "Kind::Bool".to_owned(),
        Kind::Int32 => "Kind::Int32".to_owned(),
        Kind::Int64 => "Kind::Int64".to_owned(),
        Kind::Uint32 => "Kind::Uint32".to_owned(),
        Kind::Uint64 => "Kind::Uint64".to_owned(),
        Kind::Float => "Kind::Float".to_owned(),
        Kind::Double => "Kind::Double".to_owned(),
        Kind::String => "Kind::String".to_owned(),
        Kind::Bytes => "Kind::Bytes".to_owned(),
        Kind::Enum(e) => format!(
            "Kind::Enum(&{:?})",
            e.values().map(|v| v.name().to_owned()).collect::<Vec<_>>()
        ),
        Kind::Message(m) => format!("Kind::Message(&{})", table(&m)),
        other => return Err(format!("{}: {other:?} is not supported", field.full_name()).into()),
    })
}

/// `hydra.v1.DeployRequest` → `HYDRA_V1_DEPLOYREQUEST`.
fn table(message: &MessageDescriptor) -> String {
    message.full_name().replace('.', "_").to_uppercase()
}
