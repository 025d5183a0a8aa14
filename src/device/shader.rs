//! Shaders as pipelines are made of them.

/// The most invocations in a workgroup of any kernel.
pub(crate) const MAX_WORKGROUP_SIZE: u32 = 64;

/// A shader and the values of its `override` constants.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Shader {
    /// The kernel's name; what debuggers show, behind `cofire.`.
    pub(crate) name: &'static str,
    pub(crate) wgsl: &'static str,
    /// Invocations in a workgroup, at most `MAX_WORKGROUP_SIZE`: the `override` that all have.
    pub(crate) workgroup_size: u32,
    /// Every other `override`.
    pub(crate) constants: Vec<(&'static str, u32)>,
}

/// A number that the plan keeps far below 2³² as the `u32` that shaders want.
pub(crate) fn to_u32(number: usize) -> u32 {
    debug_assert!(u32::try_from(number).is_ok(), "{number} was planned to fit 32 bits");
    u32::try_from(number).unwrap_or(u32::MAX)
}
