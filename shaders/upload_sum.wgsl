// Sum of the words of an upload, each times an odd number that depends on its place. The host knows the right
// sum. So words that were lost on the way, or came to another place, are noticed before they are used.
//
// CPU twin: src/device/upload_sum.rs (sum)
//
// words: the uploaded words
// sums:  [slot] gets 1 + the sum, modulo 2^32, so that a sum of zeros differs from no sum
//
// Dispatch: x = workgroups, which share the words.

struct Params {
    words: u32,       // words of the upload
    invocations: u32, // invocations of this dispatch
    slot: u32,        // index of the sum
}

override WORKGROUP_SIZE: u32;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> words: array<u32>;
@group(0) @binding(2) var<storage, read_write> sums: array<atomic<u32>>;

var<workgroup> sh_partial: array<u32, WORKGROUP_SIZE>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(global_invocation_id) global: vec3<u32>,
    @builtin(local_invocation_index) invocation: u32,
) {
    var partial = select(0u, 1u, global.x == 0u);
    for (var at = global.x; at < params.words; at += params.invocations) {
        partial += words[at] * (2u * at + 1u);
    }
    sh_partial[invocation] = partial;
    for (var half = WORKGROUP_SIZE / 2u; half > 0u; half /= 2u) {
        workgroupBarrier(); // the partials of the upper half are written before they are read
        if invocation < half {
            sh_partial[invocation] += sh_partial[invocation + half];
        }
    }
    if invocation == 0u {
        atomicAdd(&sums[params.slot], sh_partial[0]);
    }
}
