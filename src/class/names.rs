//! Names that a class can read aloud: an adjective and an animal, 625 of them, so that each of the
//! 500 phones of a class has its own.

/// Every pair of one of these with one of [`ANIMALS`] was read and is harmless.
const ADJECTIVES: [&str; 25] = [
    "Quiet", "Bright", "Calm", "Gentle", "Brave", "Clever", "Merry", "Sunny", "Swift", "Kind",
    "Happy", "Curious", "Patient", "Cosy", "Nimble", "Golden", "Silver", "Green", "Blue", "Amber",
    "Polite", "Lucky", "Jolly", "Honest", "Steady",
];

const ANIMALS: [&str; 25] = [
    "Otter", "Heron", "Badger", "Fox", "Robin", "Owl", "Hare", "Lynx", "Seal", "Puffin", "Swan",
    "Finch", "Wren", "Hedgehog", "Squirrel", "Dolphin", "Penguin", "Panda", "Koala", "Turtle",
    "Falcon", "Lark", "Marmot", "Deer", "Sparrow",
];

/// How many there are.
pub const COUNT: usize = ADJECTIVES.len() * ANIMALS.len();

/// The name at a place; places beyond the last begin again.
pub fn at(place: usize) -> String {
    let place = place % COUNT;
    let (adjective, animal) = (place % ADJECTIVES.len(), place / ADJECTIVES.len());
    format!("{} {}", ADJECTIVES[adjective], ANIMALS[animal])
}

/// One that nobody has, from a place chosen `at_random`. Where all are taken it is that place's all
/// the same.
pub fn free(at_random: u64, is_taken: impl Fn(&str) -> bool) -> String {
    let first = (at_random % COUNT as u64) as usize;
    // Steps that share no factor with 625 reach every place, and neighbours do not look alike.
    let mut places = (0..COUNT).map(|step| at(first + step * 208));
    places
        .find(|name| !is_taken(name))
        .unwrap_or_else(|| at(first))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_phone_of_a_full_class_has_a_name_of_its_own() {
        let mut taken = BTreeSet::new();
        for _ in 0..COUNT {
            let name = free(7, |name| taken.contains(name));
            assert!(taken.insert(name));
        }
        assert!(taken.contains("Quiet Otter"));
        assert!(taken.contains(&free(u64::MAX, |name| taken.contains(name))));
        for name in &taken {
            assert_eq!(super::super::filter::check(name, &[]), Ok(name.clone()));
        }
    }
}
