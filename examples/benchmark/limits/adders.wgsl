// A loop of carry-save adders in registers, which measures how many bits per second a device can add.
// words: one word per invocation, written so that the compiler cannot remove the work.

override WORKGROUP_SIZE: u32;
override TURNS: u32;

@group(0) @binding(0) var<storage, read_write> words: array<u32>;

// Adds two words to a plane, bit by bit, and returns the carries.
fn carry_save_add(plane: ptr<function, u32>, a: u32, b: u32) -> u32 {
    let differ = *plane ^ a;
    let carry = (*plane & a) | (differ & b);
    *plane = differ ^ b;
    return carry;
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    // Four independent counters. Each adds up words that change in every turn: the carries of its
    // neighbour.
    var ones = vec4<u32>(id.x, id.x + 1u, id.x + 2u, id.x + 3u) * 2654435769u;
    var carries = ones.yzwx;
    for (var turn = 0u; turn < TURNS; turn++) {
        let inputs = carries.yzwx;
        var a = ones.x;
        var b = ones.y;
        var c = ones.z;
        var d = ones.w;
        carries.x = carry_save_add(&a, carries.x, inputs.x);
        carries.y = carry_save_add(&b, carries.y, inputs.y);
        carries.z = carry_save_add(&c, carries.z, inputs.z);
        carries.w = carry_save_add(&d, carries.w, inputs.w);
        ones = vec4<u32>(a, b, c, d);
    }
    let sum = ones ^ carries;
    words[id.x] = sum.x ^ sum.y ^ sum.z ^ sum.w;
}
