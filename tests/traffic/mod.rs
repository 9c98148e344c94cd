//! Real clients and upstreams of every protocol that the gate has, and malformed input of each.

mod bare_hyper;
mod counting_upstream;
mod floods;
mod frames;
mod heads;
mod volume;
