// Sum of H(n) over the samples of a pair of neurons and over the two axes. n is the number of samples that
// are as near along an axis as the sample's neighbours are. One workgroup sums SAMPLES samples of a pair,
// exact in 64 bits. Follows nearest_neighbors.wgsl and, for the second algorithm, neighbor_extents.wgsl.
// Resets the numbers of samples compared to zero, so that the state of an earlier tile is never mistaken for
// that of a later one.
//
// CPU twin: src/neighbors/cpu/nearest_neighbors.rs
//
// Numbers of 53 or 64 bits are two words, low word first.
// values: as in nearest_neighbors.wgsl
// state:  as in nearest_neighbors.wgsl and neighbor_extents.wgsl
// table:  [n] = H(n)
// sums:   [pair of the tile][group] = (low word, high word, samples summed, tag of the tile)
//
// Dispatch: workgroups in rows of `width`, one per item: a pair and a group of SAMPLES samples.

struct Params {
    first_item: u32, // item of the tile at which this dispatch begins
    items: u32,      // items of this dispatch
    width: u32,      // workgroups of this dispatch in x
    pairs: u32,      // pairs of the tile
    samples: u32,    // samples of a neuron
    tag: u32,        // tells this tile's sums from stale ones
}

override WORKGROUP_SIZE: u32;
override K: u32;
override STATE_WORDS: u32;
// Samples of a group.
override SAMPLES: u32;
// 1 for the second algorithm, which uses extents and counts one less; 0 for the first.
override IS_SECOND: u32;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> values: array<vec2<u32>>;
@group(0) @binding(2) var<storage, read_write> state: array<u32>;
@group(0) @binding(3) var<storage, read> table: array<vec2<u32>>;
@group(0) @binding(4) var<storage, read_write> sums: array<vec4<u32>>;

// Partial (low word, high word, samples) of each invocation.
var<workgroup> sh_partial: array<vec3<u32>, WORKGROUP_SIZE>;

// a - b, or 0 if a < b.
fn difference_of(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
    let difference = vec2<u32>(a.x - b.x, a.y - b.y - select(0u, 1u, a.x < b.x));
    return select(difference, vec2<u32>(0u), is_less(a, b));
}

// The number of values less than a threshold, among the ascending values from index `first` on.
fn below(first: u32, threshold: vec2<u32>) -> u32 {
    var low = 0u;
    var high = params.samples;
    while low < high {
        let middle = low + (high - low) / 2u;
        if is_less(values[first + middle], threshold) {
            low = middle + 1u;
        } else {
            high = middle;
        }
    }
    return low;
}

// The number of other samples that are closer to a sample's value than a radius, which is above 0.
fn closer_than(neuron: u32, sample: u32, radius: vec2<u32>) -> u32 {
    let value = values[neuron + sample];
    let ascending = neuron + params.samples;
    let within = difference_of(radius, vec2<u32>(1u, 0u));
    return below(ascending, sum_of(value, radius))
        - below(ascending, difference_of(value, within)) - 1u;
}

fn word_of(first: u32, word: u32) -> u32 {
    return state[first + word * params.samples];
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) invocation: u32,
) {
    let turn = workgroup.y * params.width + workgroup.x;
    if turn >= params.items {
        return; // the whole workgroup takes this branch
    }
    let groups = (params.samples + SAMPLES - 1u) / SAMPLES;
    let item = params.first_item + turn;
    let pair = item / groups;
    let begin = (item % groups) * SAMPLES;
    let end = min(begin + SAMPLES, params.samples);
    let row = axis_of(values[pair].x, params.pairs, params.samples);
    let column = axis_of(values[pair].y, params.pairs, params.samples);
    let one = vec2<u32>(1u, 0u);

    var partial = vec3<u32>(0u);
    for (var sample = begin + invocation; sample < end; sample += WORKGROUP_SIZE) {
        let first = pair * STATE_WORDS * params.samples + sample;
        var is_complete = word_of(first, 0u) == params.samples;
        state[first] = 0u;
        let kth = vec2<u32>(word_of(first, 2u * K - 1u), word_of(first, 2u * K));
        // If k others are equal, equal values are counted: those less than a step away.
        var radius_x = steps_of(kth, row.shift).up;
        var radius_y = steps_of(kth, column.shift).up;
        radius_x = select(radius_x, one, is_less(radius_x, one));
        radius_y = select(radius_y, one, is_less(radius_y, one));
        if IS_SECOND == 1u {
            let extents = 2u * K + 1u;
            is_complete = is_complete && word_of(first, extents) == params.samples;
            state[first + extents * params.samples] = 0u;
            radius_x = sum_of(vec2<u32>(word_of(first, extents + 1u), word_of(first, extents + 2u)), one);
            radius_y = sum_of(vec2<u32>(word_of(first, extents + 3u), word_of(first, extents + 4u)), one);
        }
        let n_x = closer_than(row.first, sample, radius_x) - IS_SECOND;
        let n_y = closer_than(column.first, sample, radius_y) - IS_SECOND;
        let counted = select(0u, 1u, is_complete);
        partial = add(partial, vec3<u32>(sum_of(table[n_x], table[n_y]), counted));
    }
    sh_partial[invocation] = partial;
    for (var half = WORKGROUP_SIZE / 2u; half > 0u; half /= 2u) {
        workgroupBarrier(); // the partials of the upper half are written before they are read
        if invocation < half {
            sh_partial[invocation] = add(sh_partial[invocation], sh_partial[invocation + half]);
        }
    }
    if invocation == 0u {
        sums[item] = vec4<u32>(sh_partial[0], params.tag);
    }
}
