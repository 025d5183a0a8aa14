//! Dispatch on the CPU's instruction set.
//!
//! Kernels are written once, over the vectors of `fearless_simd` or as plain loops for the compiler to
//! vectorise. [`Level::run`] compiles them for each instruction set and picks the best one that this CPU has.

use std::sync::LazyLock;

use fearless_simd::{Simd, dispatch, prelude::*};

/// Bytes of the widest vector.
pub(crate) const MAX_LANES: usize = 64;

/// An instruction set that kernels are compiled for, and that this CPU has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Level {
    name: &'static str,
    set: fearless_simd::Level,
}

/// The environment variable that names the level to use instead of the best one.
const LEVEL_VARIABLE: &str = "COFIRE_SIMD_LEVEL";

/// Returns the instruction set of the CPU engine in this process: `"avx512"`, `"avx2"`, `"sse4.2"` or
/// `"sse2"` on x86-64, `"neon"` on AArch64, else `"portable"`.
///
/// This is the best one that the CPU has, unless the environment variable `COFIRE_SIMD_LEVEL` held the name
/// of a lower one when the level was first needed. A lower level reproduces the speed of another CPU. A name
/// that this CPU does not have changes nothing and is logged as a warning. Results have the same bits with
/// every instruction set.
#[must_use]
pub fn simd_level() -> &'static str {
    Level::best().name
}

/// Work to be compiled for every level. `run`, and everything that it calls in a loop, has to be
/// `#[inline(always)]`.
pub(crate) trait Vectorized {
    type Output;
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

impl Level {
    /// Returns the best level of this CPU, or the one that the environment asks for.
    pub(crate) fn best() -> Self {
        static BEST: LazyLock<Level> = LazyLock::new(|| {
            let wanted = std::env::var_os(LEVEL_VARIABLE);
            let wanted = wanted.as_ref().map(|name| name.to_string_lossy());
            let level = Level::choose(wanted.as_deref());
            log::debug!("instruction set: {}", level.name);
            level
        });
        *BEST
    }

    /// Returns the level with a name, or the best one if this CPU has none of that name.
    fn choose(wanted: Option<&str>) -> Self {
        let available = Self::available();
        let best = available.last().copied();
        let best = best.unwrap_or(Self { name: "portable", set: fearless_simd::Level::baseline() });
        let Some(wanted) = wanted else { return best };
        let named = available.iter().find(|level| level.name.eq_ignore_ascii_case(wanted));
        named.copied().unwrap_or_else(|| {
            let names: Vec<&str> = available.iter().map(|level| level.name).collect();
            log::warn!(
                "{LEVEL_VARIABLE}={wanted}: this CPU has {}; using {}",
                names.join(", "),
                best.name
            );
            best
        })
    }

    /// Returns every level of this CPU, the best last.
    pub(crate) fn available() -> Vec<Self> {
        let best = fearless_simd::Level::new();
        #[cfg(target_arch = "x86_64")]
        let levels = [
            ("sse2", best.as_sse2().map(Simd::level)),
            ("sse4.2", best.as_sse4_2().map(Simd::level)),
            ("avx2", best.as_avx2().map(Simd::level)),
            ("avx512", best.as_avx512().map(Simd::level)),
        ];
        #[cfg(target_arch = "aarch64")]
        let levels = [("neon", Some(best))];
        #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
        let levels = [("portable", Some(best))];
        levels.into_iter().filter_map(|(name, set)| Some(Self { name, set: set? })).collect()
    }

    /// Runs work as compiled for this level.
    #[inline]
    pub(crate) fn run<V: Vectorized>(self, work: V) -> V::Output {
        dispatch!(self.set, simd => work.run(simd))
    }
}

/// Adds two vectors to a plane, bit by bit, and returns the carries: a carry-save adder.
#[inline(always)]
pub(crate) fn carry_save_add<S: Simd>(
    simd: S,
    plane: &mut S::u16s,
    a: S::u16s,
    b: S::u16s,
) -> S::u16s {
    #[cfg(target_arch = "x86_64")]
    if let Some(avx512) = simd.level().as_avx512() {
        return three_input_logic::carry_save_add::<S>(avx512, plane, a, b);
    }
    let _ = simd;
    let differ = *plane ^ a;
    let carry = (*plane & a) | (differ & b);
    *plane = differ ^ b;
    carry
}

/// Transposes the 8 × 8 bits of every lane: bit `r` of byte `c` becomes bit `c` of byte `r`.
///
/// Three stages swap blocks of 1, 2 and 4 bits (Warren, *Hacker's Delight*, section 7-3).
#[inline(always)]
pub(crate) fn transpose_bits<S: Simd>(lanes: S::u64s) -> S::u64s {
    let swap = |lanes: S::u64s, shift: u32, mask: u64| {
        let differ = (lanes ^ (lanes >> shift)) & mask;
        lanes ^ differ ^ (differ << shift)
    };
    let lanes = swap(lanes, 7, 0x00aa_00aa_00aa_00aa);
    let lanes = swap(lanes, 14, 0x0000_cccc_0000_cccc);
    swap(lanes, 28, 0x0000_0000_f0f0_f0f0)
}

/// Transposes a square of elements, the first `V::LEN` vectors. Each of log₂ n perfect shuffles moves one bit
/// of an element's row number into its column number.
#[inline(always)]
pub(crate) fn transpose<S: Simd, V: SimdBase<S>, const MAX: usize>(square: &mut [V; MAX]) {
    let half = V::LEN / 2;
    for _ in 0..V::LEN.ilog2() {
        let from = *square;
        for k in 0..half {
            square[2 * k] = from[k].zip_low(from[k + half]);
            square[2 * k + 1] = from[k].zip_high(from[k + half]);
        }
    }
}

/// Adds one to the lanes that a mask has set.
///
/// `one` is one in every lane, and the compiler must not see that. If it does, it makes three AVX-512
/// instructions of the addition instead of one with a mask.
#[inline(always)]
pub(crate) fn increment_where<S: Simd>(
    simd: S,
    counts: S::u8s,
    mask: S::mask8s,
    one: S::u8s,
) -> S::u8s {
    #[cfg(target_arch = "x86_64")]
    if simd.level().as_avx512().is_some() {
        return mask.select(counts + one, counts);
    }
    let _ = (simd, one);
    mask.select(counts + 1, counts)
}

/// A carry-save adder of two AVX-512 instructions, which exist for every function of three bits. The compiler
/// finds them for the sum and half of the carry only, and makes four instructions.
#[cfg(target_arch = "x86_64")]
mod three_input_logic {
    use std::arch::x86_64::{__m512i, _mm512_ternarylogic_epi64};

    use fearless_simd::{ExtractToken, Simd, SimdBase, SimdInto, u16x32, x86::Avx512};

    /// Truth tables: bit `k` is the result for the three inputs that are the bits of `k`.
    const ODD: i32 = 0b1001_0110;
    const MAJORITY: i32 = 0b1110_1000;

    fearless_simd::kernel!(
        #[inline(always)]
        fn odd(avx512: Avx512, a: __m512i, b: __m512i, c: __m512i) -> __m512i {
            _mm512_ternarylogic_epi64::<ODD>(a, b, c)
        }
    );

    fearless_simd::kernel!(
        #[inline(always)]
        fn majority(avx512: Avx512, a: __m512i, b: __m512i, c: __m512i) -> __m512i {
            _mm512_ternarylogic_epi64::<MAJORITY>(a, b, c)
        }
    );

    #[inline(always)]
    pub(super) fn carry_save_add<S: Simd>(
        avx512: Avx512,
        plane: &mut S::u16s,
        a: S::u16s,
        b: S::u16s,
    ) -> S::u16s {
        // `S` is `Avx512` here, which the type system cannot know. These are moves between equal types.
        let into = |v: &S::u16s| u16x32::from_slice(avx512, v.as_slice()).into();
        let simd = plane.token();
        let out = |v: __m512i| {
            let v: u16x32<Avx512> = v.simd_into(avx512);
            S::u16s::from_slice(simd, v.as_slice())
        };
        let (p, a, b) = (into(plane), into(&a), into(&b));
        let carry = out(majority(avx512, p, a, b));
        *plane = out(odd(avx512, p, a, b));
        carry
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_chosen_by_name() {
        let available = Level::available();
        let best = available.last().unwrap().name;
        assert_eq!(Level::choose(None).name, best);
        for level in &available {
            assert_eq!(Level::choose(Some(level.name)).name, level.name);
            assert_eq!(Level::choose(Some(&level.name.to_uppercase())).name, level.name);
        }
        assert_eq!(Level::choose(Some("abacus")).name, best, "with a warning");
    }

    /// Checks that no level quietly runs as another, which would then be timed and tested in its place.
    #[test]
    fn every_level_runs_as_itself() {
        struct Which;
        impl Vectorized for Which {
            type Output = fearless_simd::Level;
            #[inline(always)]
            fn run<S: Simd>(self, simd: S) -> Self::Output {
                simd.level()
            }
        }
        for level in Level::available() {
            assert_eq!(format!("{:?}", level.run(Which)), format!("{:?}", level.set));
        }
    }
}
