//! Cut by FIN: both ends are told that the other sends no more, as by a proxy that ends in good
//! order. What is on its way is lost.

use std::time::Instant;

use super::{Condition, Fate, Impairment, Kind, Opening, Settings, cut};

pub const KIND: Kind = Kind {
    name: "cut-fin",
    meaning: "Each connection is closed in the middle, in good order (FIN)",
    example: "cut-fin after=10s",
    keys: cut::KEYS,
    check: |_| Ok(()),
    build: |settings| Box::new(CutFin::new(settings)),
};

struct CutFin(cut::When);

impl CutFin {
    fn new(settings: &Settings) -> Self {
        Self(cut::When::new(settings))
    }
}

/// When it strikes, if it does.
struct Struck(Option<Instant>);

impl Condition for CutFin {
    fn on(&self, opening: &Opening) -> Box<dyn Impairment> {
        Box::new(Struck(self.0.strikes(opening)))
    }
}

impl Impairment for Struck {
    fn fate(&mut self, now: Instant) -> Fate {
        match self.0 {
            Some(at) if at <= now => Fate::Fin,
            _ => Fate::Goes,
        }
    }

    fn next(&self, now: Instant) -> Option<Instant> {
        self.0.filter(|at| *at > now)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::testing::{impair, opening};
    use super::*;

    #[test]
    fn it_strikes_once_its_time_has_come() {
        let opening = opening();
        let mut struck = impair("cut-fin after=10s", &opening);
        let at = opening.opened + Duration::from_secs(10);
        let before = at - Duration::from_millis(1);
        assert_eq!(struck.fate(before), Fate::Goes);
        assert_eq!(struck.next(before), Some(at));
        assert_eq!(struck.fate(at), Fate::Fin);
        assert_eq!(struck.next(at), None);
    }

    #[test]
    fn who_came_later_can_be_spared() {
        let late = Opening {
            opened: opening().from + Duration::from_secs(1),
            ..opening()
        };
        let far = late.opened + Duration::from_secs(3_600);
        let fate = |text| impair(text, &late).fate(far);
        assert_eq!(fate("cut-fin after=0s whom=present"), Fate::Goes);
        assert_eq!(fate("cut-fin after=0s"), Fate::Fin);
    }
}
