//! Every key of the policy, and every code of a denial.

mod actor_rows;
mod agents;
mod chain_rows;
mod denials;
mod each_key;
mod expressions;
mod findings;
mod foreign_patterns;
mod hash;
mod initiator_rows;
mod registry_rows;
mod row;
mod token_rows;
mod tricky_inputs;
