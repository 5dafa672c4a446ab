use crate::dashboard::testing::{state, text};
use crate::snapshot::samples;

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 60)];

#[test]
fn whole_screen() {
    for size in SIZES {
        let name = |what: &str| format!("{what}_{}x{}", size.0, size.1);
        insta::assert_snapshot!(name("healthy"), text(&mut state(samples::healthy()), size));
        insta::assert_snapshot!(name("unhealthy"), text(&mut state(samples::unhealthy()), size));
        insta::assert_snapshot!(name("unreachable"), text(&mut state(samples::unreachable()), size));
    }
}
