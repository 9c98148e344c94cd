//! The vocabulary of the policy, and the refusals it ends in.

mod actor_rows;
mod each_key;
mod initiator_rows;
mod refusals;
mod row;
