//! The keys that each block of a lesson's file has, as the parser knows them: read off the types that it reads
//! files into, so that a list of them cannot be another than the parser's.

use serde::{Deserialize, Deserializer, de::Visitor, de::value::Error, forward_to_deserialize_any};

use super::{
    front::{Clock, Front, Needs},
    step::{Ask, Code, Group, Guess, Live, Reveal, Run, Say, Set, Source, Wait},
};

/// Each block, or table within one, with its keys. Tables with keys of the writer's own (`not_here`, `conditions`,
/// `clients`) are not among them.
pub fn of_blocks() -> Vec<(&'static str, &'static [&'static str])> {
    vec![
        ("front matter", keys::<Front>()),
        ("needs", keys::<Needs>()),
        ("clock", keys::<Clock>()),
        ("say", keys::<Say>()),
        ("guess", keys::<Guess>()),
        ("set", keys::<Set>()),
        ("phones", keys::<Group>()),
        ("source", keys::<Source>()),
        ("run", keys::<Run>()),
        ("live", keys::<Live>()),
        ("wait", keys::<Wait>()),
        ("reveal", keys::<Reveal>()),
        ("code", keys::<Code>()),
        ("ask", keys::<Ask>()),
    ]
}

/// The keys that a file's table for this type may have.
fn keys<'de, T: Deserialize<'de>>() -> &'static [&'static str] {
    let mut found: &'static [&'static str] = &[];
    // It has nothing to read, so it always fails; what it asked for is known then.
    let _ = T::deserialize(Asked(&mut found));
    found
}

/// Reads nothing, and notes which fields were asked for.
struct Asked<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Asked<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(serde::de::Error::custom("nothing is here"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        *self.0 = fields;
        self.deserialize_any(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}
