//! The steps of one decision, by one policy. What replaces the policy is not known here.

use super::Inner;
use super::in_force::InForce;
use super::resources::Resources;
use crate::policy::Policy;

/// The steps of one decision, by one policy.
#[derive(Clone, Copy)]
pub(super) struct Pipeline<'a> {
    pub(super) inner: &'a Inner,
    pub(super) policy: &'a Policy,
    pub(super) resources: &'a Resources,
}

impl<'a> Pipeline<'a> {
    pub(super) fn new(inner: &'a Inner, in_force: &'a InForce) -> Pipeline<'a> {
        Pipeline {
            inner,
            policy: &in_force.policy,
            resources: &in_force.resources,
        }
    }
}
