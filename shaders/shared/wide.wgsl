
// Numbers of 64 bits as two words, low word first. Appended to the shaders that use them.

fn is_less(a: vec2<u32>, b: vec2<u32>) -> bool {
    return a.y < b.y || (a.y == b.y && a.x < b.x);
}

fn sum_of(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
    let low = a.x + b.x;
    return vec2<u32>(low, a.y + b.y + select(0u, 1u, low < a.x));
}

// |a - b|
fn distance_between(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
    let is_swapped = is_less(a, b);
    let larger = select(a, b, is_swapped);
    let smaller = select(b, a, is_swapped);
    let borrow = select(0u, 1u, larger.x < smaller.x);
    return vec2<u32>(larger.x - smaller.x, larger.y - smaller.y - borrow);
}

// Adds sums of 64 bits, and the numbers of samples behind them.
fn add(a: vec3<u32>, b: vec3<u32>) -> vec3<u32> {
    return vec3<u32>(sum_of(a.xy, b.xy), a.z + b.z);
}
