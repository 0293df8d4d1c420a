//! A checked tree as a value of its type, read from the tree itself.

use serde::de::value::{Error, MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeOwned, Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use super::node::{Node, Value};

/// The value. A field that is null was not said.
///
/// # Errors
/// Why the tree does not fit.
pub(super) fn typed<T: DeserializeOwned>(node: &Node) -> Result<T, String> {
    T::deserialize(node).map_err(|error| error.to_string())
}

impl<'de> IntoDeserializer<'de, Error> for &'de Node {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for &'de Node {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.value {
            Value::Null | Value::Broken => visitor.visit_unit(),
            Value::Bool(bool) => visitor.visit_bool(*bool),
            Value::Integer(number) => visitor.visit_i64(*number),
            Value::Number(digits) => match (digits.parse(), digits.parse()) {
                (Ok(whole), _) => visitor.visit_u64(whole),
                (_, Ok(number)) => visitor.visit_f64(number),
                (_, _) => visitor.visit_unit(),
            },
            Value::Text(text) => visitor.visit_borrowed_str(text),
            Value::Expanded(expanded) => visitor.visit_borrowed_str(&expanded.text),
            Value::List(items) => visitor.visit_seq(SeqDeserializer::new(items.iter())),
            Value::Map(map) => {
                let entries = map.iter().map(|(key, entry)| (&**key, &entry.node));
                let said = entries.filter(|(_, node)| !node.is_null());
                visitor.visit_map(MapDeserializer::new(said))
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let word: &str = self.text().unwrap_or_default();
        word.into_deserializer()
            .deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}
