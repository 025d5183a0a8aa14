
// Distances of a pair of neurons whose grids have different steps. Appended to the shaders that use them,
// with wide.wgsl.
//
// A distance along an axis is a whole number of the axis' steps, at most 2^51. A step is 2^shift of the pair's
// unit, which is the shorter step of the two; a shift is from 0 to 52. A distance in the pair's unit is kept
// as a key that has the order of the distances. As in a float, these are the 52 bits below the leading one,
// and above them the place of the leading one, from 1 on. The key of distance 0 is 0.

// More steps than any distance has.
const MORE_STEPS = vec2<u32>(0u, 1u << 21u);

// a << places, for fewer than 64 places.
fn shifted_left(a: vec2<u32>, places: u32) -> vec2<u32> {
    let by = places & 31u;
    let carried = (a.x >> 1u) >> (31u - by);
    let shifted = vec2<u32>(a.x << by, (a.y << by) | carried);
    return select(shifted, vec2<u32>(0u, shifted.x), places >= 32u);
}

// a >> places, for fewer than 64 places.
fn shifted_right(a: vec2<u32>, places: u32) -> vec2<u32> {
    let by = places & 31u;
    let carried = (a.y << 1u) << (31u - by);
    let shifted = vec2<u32>((a.x >> by) | carried, a.y >> by);
    return select(shifted, vec2<u32>(shifted.y, 0u), places >= 32u);
}

// The key of a distance in steps of 2^shift.
fn key_of(steps: vec2<u32>, shift: u32) -> vec2<u32> {
    if (steps.x | steps.y) == 0u {
        return steps;
    }
    let leading = select(firstLeadingBit(steps.x), 32u + firstLeadingBit(steps.y), steps.y != 0u);
    let mantissa = shifted_left(steps, 52u - leading);
    // The leading bit adds 1 to the exponent.
    return vec2<u32>(mantissa.x, mantissa.y + ((leading + shift) << 20u));
}

// The number of steps of 2^shift in the distance of a key: rounded down, and rounded up. MORE_STEPS if it is
// larger than any distance along this axis.
struct Steps {
    down: vec2<u32>,
    up: vec2<u32>,
}

fn steps_of(key: vec2<u32>, shift: u32) -> Steps {
    let zero = vec2<u32>(0u);
    let one = vec2<u32>(1u, 0u);
    if (key.x | key.y) == 0u {
        return Steps(zero, zero);
    }
    let exponent = (key.y >> 20u) - 1u;
    let mantissa = vec2<u32>(key.x, (key.y & 0xfffffu) | 0x100000u);
    if exponent > shift + 52u {
        return Steps(MORE_STEPS, MORE_STEPS);
    }
    let places = shift + 52u - exponent;
    if places > 52u {
        return Steps(zero, one);
    }
    let down = shifted_right(mantissa, places);
    let is_whole = all(shifted_left(down, places) == mantissa);
    return Steps(down, select(sum_of(down, one), down, is_whole));
}

// Where the values of a neuron of a pair begin, and its shift, which a pair has in one word.
struct Axis {
    first: u32,
    shift: u32,
}

// The axis of a word with the neuron's place in the lower half, and the shift in the upper one. The values of
// a neuron are `samples` values by sample, and as many ascending.
fn axis_of(word: u32, pairs: u32, samples: u32) -> Axis {
    return Axis(pairs + (word & 0xffffu) * 2u * samples, word >> 16u);
}
