//! From a value to its share of an axis, and where the ticks stand.

/// Ticks that an axis has at most.
const TICKS_MAX: i32 = 14;

/// What an axis reaches from and to.
pub struct Scale {
    least: f64,
    most: f64,
    is_logarithmic: bool,
}

impl Scale {
    /// Around these values, as far as the axis can show them.
    pub fn of(is_logarithmic: bool, values: impl Iterator<Item = f64>) -> Self {
        let values = values.filter(|value| value.is_finite() && (!is_logarithmic || *value > 0.0));
        let (least, most) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), v| {
            (least.min(v), most.max(v))
        });
        match (least.is_finite(), is_logarithmic) {
            (false, _) => Self {
                least: if is_logarithmic { 1.0 } else { 0.0 },
                most: 10.0,
                is_logarithmic,
            },
            (true, true) => Self {
                least: 10f64.powf(least.log10().floor()),
                most: 10f64.powf(most.log10().ceil()).max(least * 10.0),
                is_logarithmic,
            },
            (true, false) => Self {
                least: least.min(0.0),
                most: if most > 0.0 { most } else { 1.0 },
                is_logarithmic,
            },
        }
    }

    /// Lower end.
    pub fn from(&self) -> f64 {
        self.least
    }

    /// Upper end.
    pub fn to(&self) -> f64 {
        self.most
    }

    /// Whether a value has a place: on a logarithmic axis, those above 0.
    pub fn can_show(&self, value: f64) -> bool {
        value.is_finite() && (!self.is_logarithmic || value > 0.0)
    }

    /// Where it stands: 0 at the lower end, 1 at the upper.
    pub fn share(&self, value: f64) -> f64 {
        match self.is_logarithmic {
            true => (value / self.least).log10() / (self.most / self.least).log10(),
            false => (value - self.least) / (self.most - self.least),
        }
    }

    /// Values that are labelled.
    pub fn ticks(&self) -> Vec<f64> {
        if self.is_logarithmic {
            let decades = (self.most / self.least).log10().round() as i32;
            let step = (decades / TICKS_MAX + 1).max(1) as usize;
            let powers = (0..=decades.min(700)).step_by(step);
            return powers.map(|n| self.least * 10f64.powi(n)).collect();
        }
        let raw = (self.most - self.least) / 5.0;
        let power = 10f64.powf(raw.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0]
            .into_iter()
            .map(|factor| factor * power)
            .find(|step| *step >= raw)
            .unwrap_or(raw);
        let count = (((self.most - self.least) / step + 1e-9) as usize).min(TICKS_MAX as usize);
        (0..=count).map(|n| self.least + n as f64 * step).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_numbers() {
        let scale = Scale {
            least: 0.0,
            most: 9.3,
            is_logarithmic: false,
        };
        assert_eq!(scale.ticks(), [0.0, 2.0, 4.0, 6.0, 8.0]);
        let scale = Scale {
            least: 1.0,
            most: 1_000.0,
            is_logarithmic: true,
        };
        assert_eq!(scale.ticks().len(), 4);
    }
}
