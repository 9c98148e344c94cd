//! Real clients and upstreams of every protocol that the gate has, and malformed input of each.

mod bare_hyper;
mod counting_upstream;
mod examples;
mod floods;
mod frames;
mod grpc;
mod heads;
mod long_stream;
mod volume;
