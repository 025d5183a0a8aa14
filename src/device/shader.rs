//! Shaders, as pipelines are built from them.

/// The most invocations in a workgroup of any kernel.
pub(crate) const MAX_WORKGROUP_SIZE: u32 = 64;

/// A shader and the values of its `override` constants.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Shader {
    /// The kernel's name. Debuggers show it after `cofire.`.
    pub(crate) name: &'static str,
    pub(crate) wgsl: &'static str,
    /// Invocations in a workgroup, at most `MAX_WORKGROUP_SIZE`. Every shader has this `override`
    /// constant.
    pub(crate) workgroup_size: u32,
    /// The other `override` constants.
    pub(crate) constants: Vec<(&'static str, u32)>,
}

/// Converts a number that the plan keeps far below 2³² to the `u32` that shaders need.
pub(crate) fn to_u32(number: usize) -> u32 {
    debug_assert!(u32::try_from(number).is_ok(), "{number} was planned to fit 32 bits");
    u32::try_from(number).unwrap_or(u32::MAX)
}
