//! Sending dead letters again without losing one.

mod machine;
