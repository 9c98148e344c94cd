//! What the gate does when those around it do not do their part.

mod limits;
mod neglected;
mod readers;
