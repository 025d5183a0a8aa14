//! One dispatch on what the CPU has, and the only `unsafe` of the crate.
//!
//! Kernels are written once, as portable loops over arrays that fill a register. [`Level::run`]
//! compiles such a loop again for each instruction set and picks the best one that this CPU has.

/// An instruction set that kernels are compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// Whatever the target guarantees: SSE2 on x86-64, NEON on AArch64.
    Portable,
    /// 256-bit registers.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// 512-bit registers and three-input logic.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

/// A loop to be compiled for every level. `run` has to be `#[inline(always)]`.
pub(crate) trait Vectorized {
    type Output;
    fn run(self) -> Self::Output;
}

impl Level {
    /// Every level this CPU has, the best one last.
    pub(crate) fn available() -> Vec<Self> {
        let all = [
            Self::Portable,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2,
            #[cfg(target_arch = "x86_64")]
            Self::Avx512,
        ];
        all.into_iter().filter(|level| level.is_available()).collect()
    }

    /// The best level this CPU has.
    pub(crate) fn best() -> Self {
        Self::available().last().copied().unwrap_or(Self::Portable)
    }

    /// Whether this CPU has everything that [`Level::run`] compiles for.
    fn is_available(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => {
                is_x86_feature_detected!("avx2")
                    && is_x86_feature_detected!("bmi1")
                    && is_x86_feature_detected!("bmi2")
                    && is_x86_feature_detected!("popcnt")
                    && is_x86_feature_detected!("lzcnt")
            }
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => {
                Self::Avx2.is_available()
                    && is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
            }
        }
    }

    /// Runs a loop as compiled for this level, or for the portable one where this CPU lacks it.
    #[inline]
    pub(crate) fn run<V: Vectorized>(self, work: V) -> V::Output {
        #[cfg(target_arch = "x86_64")]
        {
            #[target_feature(enable = "avx2,bmi1,bmi2,popcnt,lzcnt")]
            fn avx2<V: Vectorized>(work: V) -> V::Output {
                work.run()
            }
            #[target_feature(
                enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,bmi1,bmi2,popcnt,lzcnt"
            )]
            fn avx512<V: Vectorized>(work: V) -> V::Output {
                work.run()
            }
            match self {
                Self::Avx512 if self.is_available() => {
                    // SAFETY: the guard has just asked this CPU for each of these features.
                    #[expect(unsafe_code, reason = "the call needs features that were detected")]
                    return unsafe { avx512(work) };
                }
                Self::Avx2 if self.is_available() => {
                    // SAFETY: the guard has just asked this CPU for each of these features.
                    #[expect(unsafe_code, reason = "the call needs features that were detected")]
                    return unsafe { avx2(work) };
                }
                _ => {}
            }
        }
        work.run()
    }
}
