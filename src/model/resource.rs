use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Address, Flat, Place};

/// Where among its fields a NATS resource bears the name of the stack that it belongs to.
pub const LABEL: &str = "metadata.trueup.stack";

/// Where a NATS resource bears what trueup notes on it, the label among it.
pub const OWN_NOTES: &str = "metadata.trueup.";

/// What a manifest wants of one resource, checked and in the broker's own units.
#[derive(Clone, Debug, PartialEq)]
pub struct Resource {
    /// Its name.
    pub address: Address,
    /// The fields that the manifest declares, and no others, in manifest order.
    pub declared: Flat,
    /// Where it is declared.
    pub place: Option<Place>,
    /// Where each declared field stands.
    pub field_places: IndexMap<String, FieldPlace>,
    /// How trueup is to treat it.
    pub lifecycle: Lifecycle,
    /// Whether it declares what no plan and no ledger ever holds: a user's password.
    pub has_secret: bool,
    /// The resource that implies this one (an ACL that comes from a topic's `access`).
    pub required_by: Option<Address>,
}

impl Resource {
    /// A resource with these fields and nothing else said of it.
    pub fn new(address: Address, declared: Flat) -> Self {
        Resource {
            address,
            declared,
            place: None,
            field_places: IndexMap::new(),
            lifecycle: Lifecycle::default(),
            has_secret: false,
            required_by: None,
        }
    }

    /// Where this field stands; the resource's own place when the field has none.
    pub fn place_of(&self, field: &str) -> Option<Place> {
        self.field_places
            .get(field)
            .map(|place| &place.key)
            .or(self.place.as_ref())
            .cloned()
    }

    /// Where this word of the field's value stands: in its list, or as the value; else the field's own place.
    pub fn place_of_word(&self, field: &str, word: &str) -> Option<Place> {
        let place = self.field_places.get(field);
        place
            .map(|place| place.of_word(word))
            .or(self.place.as_ref())
            .cloned()
    }
}

/// Where a field stands.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldPlace {
    /// Its name.
    pub key: Place,
    /// Its value, where that is one word, written there and not brought in from elsewhere.
    pub value: Option<Place>,
    /// The words of a list, or of what is in it, each with where it stands.
    pub words: Vec<(Box<str>, Place)>,
}

impl FieldPlace {
    fn of_word(&self, word: &str) -> &Place {
        let words = self.words.iter();
        let found = words
            .map(|(known, at)| (&**known, at))
            .find(|(known, _)| *known == word);
        let alone = self.value.as_ref();
        found.map(|(_, at)| at).or(alone).unwrap_or(&self.key)
    }
}

/// How trueup is to treat one resource.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Lifecycle {
    /// Deleting it is an error.
    pub protect: bool,
    /// Fields that are neither shown nor written.
    pub ignore: Vec<String>,
    /// What becomes of values on the broker that the manifest does not declare.
    pub undeclared: Undeclared,
    /// What becomes of it when it is no longer declared.
    pub on_remove: OnRemove,
}

/// What becomes of a resource that the stack owns and no longer declares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnRemove {
    /// It is deleted.
    #[default]
    Delete,
    /// It stays as it is, and is the stack's no longer.
    Forget,
}

/// What becomes of values on the broker that the manifest does not declare.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Undeclared {
    /// They are left alone and kept.
    #[default]
    Keep,
    /// They are put back to the broker's defaults.
    Reset,
}
