//! What the codec knows of a message: the build script writes one table per message.

/// One message.
pub(super) struct Message {
    /// With its package.
    pub(super) name: &'static str,
    pub(super) fields: &'static [Field],
}

/// One field.
pub(super) struct Field {
    /// As in the .proto.
    pub(super) name: &'static str,
    /// As written to JSON.
    pub(super) json_name: &'static str,
    pub(super) shape: Shape,
    /// The oneof it is a member of.
    pub(super) oneof: Option<&'static str>,
}

/// How often a value occurs.
#[derive(Clone, Copy)]
pub(super) enum Shape {
    One(Kind),
    List(Kind),
    Map(Kind, Kind),
}

/// What a value is.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Bool,
    Int32,
    Int64,
    Uint32,
    Uint64,
    Float,
    Double,
    String,
    Bytes,
    /// With the names of its values.
    Enum(&'static [&'static str]),
    Message(&'static Message),
}

impl Message {
    /// The field with this name in either spelling.
    pub(super) fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields
            .iter()
            .find(|f| f.json_name == name || f.name == name)
    }
}
