//! A share of the events, the same ones wherever it is asked.

/// How many events of a million are chosen by their ids.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sampling {
    per_million: u32,
}

impl Sampling {
    /// `rate`: 0 (no event) to 1 (every event), to the millionth; none if it is anything else.
    pub fn new(rate: f64) -> Option<Self> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to a million")]
        (0.0..=1.0).contains(&rate).then(|| Self { per_million: (rate * 1e6).round() as u32 })
    }

    /// Whether the event of that id is chosen: always the same answer for the same id.
    pub fn includes(self, event_id: &str) -> bool {
        hash(event_id) % 1_000_000 < u64::from(self.per_million)
    }
}

/// FNV-1a, 64 bits (Fowler, Noll, Vo), and the finaliser of `MurmurHash3` (Appleby): ids often differ in their last digit
/// alone, which by itself moves few bits.
fn hash(text: &str) -> u64 {
    let fnv = text
        .bytes()
        .fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3));
    let mixed = (fnv ^ (fnv >> 33)).wrapping_mul(0xFF51_AFD7_ED55_8CCD);
    let mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xC4CE_B9FE_1A85_EC53);
    mixed ^ (mixed >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn about_as_many_are_chosen_as_asked_for() {
        let chosen = |rate: f64| {
            let sampling = Sampling::new(rate).unwrap();
            (553_287_559..553_297_559).filter(|id| sampling.includes(&format!("BINANCE-T-{id}"))).count()
        };
        assert_eq!((chosen(0.0), chosen(1.0)), (0, 10_000));
        for (rate, expected) in [(0.01, 100.0), (0.1, 1000.0), (0.5, 5000.0)] {
            let deviation = (f64::from(u32::try_from(chosen(rate)).unwrap()) - expected).abs();
            // Five standard deviations of a binomial distribution.
            assert!(deviation < 5.0 * (expected * (1.0 - rate)).sqrt(), "{rate}: off by {deviation}");
        }
    }

    #[test]
    fn who_is_chosen_at_a_low_rate_is_chosen_at_any_higher_one() {
        let (low, high) = (Sampling::new(0.1).unwrap(), Sampling::new(0.2).unwrap());
        assert!((0..1000).map(|id| format!("e-{id}")).all(|id| !low.includes(&id) || high.includes(&id)));
    }

    #[test]
    fn a_rate_is_between_none_and_all() {
        for bad in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
            assert_eq!(Sampling::new(bad), None);
        }
    }
}
