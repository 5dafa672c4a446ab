//! The market crate from outside: its public functions on real data, generated data, and hostile data.

#[cfg(test)]
mod derived;
#[cfg(test)]
mod events;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod indicators;
#[cfg(test)]
mod messages;
#[cfg(test)]
mod real_data;
#[cfg(test)]
mod rules_document;
#[cfg(test)]
mod rules_firing;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tags;
