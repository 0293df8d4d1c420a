use crate::kinds::{Declaration, Kind};
use crate::model::Flat;

/// A kind whose resources are streams: how its terms and a stream's translate.
///
/// The two translations undo each other, so that nothing of a live stream is lost on its way
/// through the kind's terms.
pub(in crate::kinds) trait View: Kind {
    /// What a message calls such a resource.
    fn what(&self) -> &'static str;

    /// The name of the stream behind a resource.
    fn stream_name(&self, name: &str) -> String;

    /// The resource behind a stream's name, where it is one of this kind.
    fn resource_name<'n>(&self, stream: &'n str) -> Option<&'n str>;

    /// A stream's flat configuration in the kind's terms.
    fn in_own_terms(&self, name: &str, stream: Flat) -> Flat;

    /// The kind's fields as a stream's flat configuration.
    fn in_stream_terms(&self, name: &str, fields: Flat) -> Flat;

    /// The same for a stream that is to be made.
    fn new_stream(&self, name: &str, fields: Flat) -> Flat {
        self.in_stream_terms(name, fields)
    }

    /// The kind's name for a field of the stream.
    fn field_name(&self, stream_field: &str) -> String;

    /// The fields of a new resource before anything is declared.
    fn fresh(&self) -> Flat {
        Flat::new()
    }

    /// What an export in the kind's terms can't say of this live resource: fields of its stream.
    fn untold(&self, _fields: &Flat) -> Vec<String> {
        Vec::new()
    }

    /// Whether an export tells everything of this live resource.
    fn tells_all(&self, fields: &Flat) -> bool {
        self.untold(fields).is_empty()
    }
}

/// The declaration of streams, for kinds that translate into it.
pub(in crate::kinds) fn stream_declaration() -> &'static Declaration {
    Kind::declaration(&super::Stream)
}
