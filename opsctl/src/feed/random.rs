//! Reproducible random numbers, and identifiers that nobody else has.

use std::hash::{BuildHasher, Hasher, RandomState};

use jiff::Timestamp;

/// `SplitMix64`: small, and the same numbers for the same seed everywhere.
/// Steele, Lea, Flood: "Fast splittable pseudorandom number generators", OOPSLA 2014.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The numbers of this seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number, any of 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number from `low` to `high`, both included; `low` when the range is empty.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        let Some(width) = high.checked_sub(low).and_then(|width| u64::try_from(width).ok()) else { return low };
        let offset = match width.checked_add(1) {
            Some(size) => self.next_u64() % size,
            None => self.next_u64(),
        };
        low.saturating_add_unsigned(offset)
    }
}

/// A number that no other process and no other call gets: the standard library seeds its hash maps from the system.
pub fn unique() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// A short name for a run, such as `r4f1c09a2`.
pub fn run_id() -> String {
    format!("r{:08x}", unique() >> 32)
}

/// A new X-Ray trace, sampled, as a trace header. Its parent is the sender itself, which leaves no segment.
pub fn trace_header(now: Timestamp) -> String {
    let (root, parent) = (u128::from(unique()) << 64 | u128::from(unique()), unique());
    format!("Root=1-{:08x}-{:024x};Parent={parent:016x};Sampled=1", now.as_second(), root >> 32)
}

/// The trace id in a trace header.
pub fn trace_id(header: &str) -> Option<&str> {
    header.split(';').find_map(|part| part.trim().strip_prefix("Root="))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_always_gives_the_same_numbers() {
        // The first numbers of the reference implementation for seed 1234567.
        let mut random = Random::new(1_234_567);
        assert_eq!([random.next_u64(), random.next_u64()], [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
    }

    #[test]
    fn numbers_stay_in_their_range() {
        let mut random = Random::new(1);
        let numbers: Vec<i64> = (0..1000).map(|_| random.between(-2, 2)).collect();
        assert_eq!((numbers.iter().min(), numbers.iter().max()), (Some(&-2), Some(&2)));
        assert_eq!(random.between(5, 4), 5);
    }

    #[test]
    fn a_trace_header_has_the_form_that_x_ray_wants() {
        let header = trace_header("2026-11-22T00:00:00Z".parse().unwrap());
        let id = trace_id(&header).unwrap();
        let parts: Vec<&str> = id.split('-').collect();
        assert_eq!((parts[0], parts[1], parts[2].len()), ("1", "6b023080", 24), "{header}");
        assert!(header.ends_with(";Sampled=1"), "{header}");
    }
}
