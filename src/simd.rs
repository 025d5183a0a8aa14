//! One dispatch on what the CPU has, and the only `unsafe` of the crate.
//!
//! Kernels are written once, as portable loops over arrays that fill a register. [`Level::run`]
//! compiles such a loop again for each instruction set and picks the one that was asked for. The
//! few steps that compilers do not see how to write well are in [`Logic`].

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
    fn run<L: Logic>(self) -> Self::Output;
}

/// 512 bits.
pub(crate) type Block = [u16; 32];

/// Steps that are worth writing by hand.
pub(crate) trait Logic {
    /// Carry-save adder: adds two blocks to a plane, bit by bit, and returns the carries.
    fn full_add(plane: &mut Block, a: &Block, b: &Block) -> Block;
}

/// Leaves it to the compiler.
pub(crate) struct Portable;

impl Logic for Portable {
    #[inline(always)]
    fn full_add(plane: &mut Block, a: &Block, b: &Block) -> Block {
        let mut carry = *plane;
        for lane in 0..plane.len() {
            let (p, a, b) = (plane[lane], a[lane], b[lane]);
            let differ = p ^ a;
            plane[lane] = differ ^ b;
            carry[lane] = (p & a) | (differ & b);
        }
        carry
    }
}

impl Level {
    /// Every level this CPU has, the best one last.
    pub(crate) fn available() -> Vec<Self> {
        #[cfg_attr(
            not(target_arch = "x86_64"),
            expect(unused_mut, reason = "other targets have one level")
        )]
        let mut levels = vec![Self::Portable];
        #[cfg(target_arch = "x86_64")]
        {
            if x86::has_avx2() {
                levels.push(Self::Avx2);
            }
            if x86::has_avx512() {
                levels.push(Self::Avx512);
            }
        }
        levels
    }

    /// The best level this CPU has.
    pub(crate) fn best() -> Self {
        Self::available().last().copied().unwrap_or(Self::Portable)
    }

    /// Runs a loop as compiled for this level, or for the portable one where this CPU lacks it.
    #[inline]
    pub(crate) fn run<V: Vectorized>(self, work: V) -> V::Output {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 if x86::has_avx512() => x86::run_avx512(work),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 if x86::has_avx2() => x86::run_avx2(work),
            _ => work.run::<Portable>(),
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::_mm512_ternarylogic_epi64;
    use std::arch::x86_64::{__m512i, _mm512_loadu_si512, _mm512_storeu_si512};

    use super::{Block, Logic, Portable, Vectorized};

    pub(super) fn has_avx2() -> bool {
        is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("popcnt")
            && is_x86_feature_detected!("lzcnt")
    }

    pub(super) fn has_avx512() -> bool {
        has_avx2()
            && is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl")
    }

    /// To be called only where [`has_avx2`] said yes.
    #[inline(always)]
    pub(super) fn run_avx2<V: Vectorized>(work: V) -> V::Output {
        #[target_feature(enable = "avx2,bmi1,bmi2,popcnt,lzcnt")]
        fn compiled<V: Vectorized>(work: V) -> V::Output {
            work.run::<Portable>()
        }
        // SAFETY: the one caller has just asked this CPU for these features.
        #[expect(unsafe_code, reason = "the call needs features that were detected")]
        unsafe {
            compiled(work)
        }
    }

    /// To be called only where [`has_avx512`] said yes.
    #[inline(always)]
    pub(super) fn run_avx512<V: Vectorized>(work: V) -> V::Output {
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,bmi1,bmi2,popcnt,lzcnt")]
        fn compiled<V: Vectorized>(work: V) -> V::Output {
            work.run::<Avx512>()
        }
        // SAFETY: the one caller has just asked this CPU for these features.
        #[expect(unsafe_code, reason = "the call needs features that were detected")]
        unsafe {
            compiled(work)
        }
    }

    /// Named only by the function above, so its methods run only on a CPU that has AVX-512.
    struct Avx512;

    impl Logic for Avx512 {
        #[inline(always)]
        fn full_add(plane: &mut Block, a: &Block, b: &Block) -> Block {
            // SAFETY: see `Avx512`.
            #[expect(unsafe_code, reason = "the call needs features that were detected")]
            unsafe {
                full_add(plane, a, b)
            }
        }
    }

    /// Two instructions instead of the five that compilers make of the portable version.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn full_add(plane: &mut Block, a: &Block, b: &Block) -> Block {
        const SUM: i32 = 0b1001_0110;
        const MAJORITY: i32 = 0b1110_1000;
        let (p, a, b) = (load(plane), load(a), load(b));
        store(plane, _mm512_ternarylogic_epi64::<SUM>(p, a, b));
        let mut carry = [0; 32];
        store(&mut carry, _mm512_ternarylogic_epi64::<MAJORITY>(p, a, b));
        carry
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn load(block: &Block) -> __m512i {
        // SAFETY: a block is 64 bytes, and an unaligned load asks for nothing else.
        #[expect(unsafe_code, reason = "the intrinsic takes a pointer")]
        unsafe {
            _mm512_loadu_si512(block.as_ptr().cast())
        }
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn store(block: &mut Block, value: __m512i) {
        // SAFETY: a block is 64 bytes, and an unaligned store asks for nothing else.
        #[expect(unsafe_code, reason = "the intrinsic takes a pointer")]
        unsafe {
            _mm512_storeu_si512(block.as_mut_ptr().cast(), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct AddEveryBit;

    impl Vectorized for AddEveryBit {
        type Output = (Block, Block);

        #[inline(always)]
        fn run<L: Logic>(self) -> (Block, Block) {
            let mut plane = [0b0000_1111; 32];
            let carry = L::full_add(&mut plane, &[0b0011_0011; 32], &[0b0101_0101; 32]);
            (plane, carry)
        }
    }

    #[test]
    fn adders_add_on_every_level() {
        for level in Level::available() {
            let expected = ([0b0110_1001; 32], [0b0001_0111; 32]);
            assert_eq!(level.run(AddEveryBit), expected, "{level:?}");
        }
    }
}
