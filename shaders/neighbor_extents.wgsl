// The extents of the neighbours of each sample of a pair of neurons: how far the samples that are no farther
// away than the k-th neighbour reach along each of the two axes. Compares with some of the samples, one
// invocation per sample. Follows nearest_neighbors.wgsl and shares its values, state and dispatch.
//
// CPU twin: src/neighbors/cpu/nearest_neighbors.rs
//
// state: [pair of the tile][word][sample]; behind the words of the k smallest distances come the
//        number of samples compared with here, and two words for each extent, in steps of its axis

struct Params {
    first_item: u32,    // item of the tile at which this dispatch begins
    items: u32,         // items of this dispatch
    width: u32,         // workgroups of this dispatch in x
    pairs: u32,         // pairs of the tile
    samples: u32,       // samples of a neuron
    first_partner: u32, // first sample to compare with
    partners: u32,      // number of samples to compare with
}

override WORKGROUP_SIZE: u32;
override K: u32;
override STATE_WORDS: u32;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> values: array<vec2<u32>>;
@group(0) @binding(2) var<storage, read_write> state: array<u32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) invocation: u32,
) {
    let turn = workgroup.y * params.width + workgroup.x;
    let groups = (params.samples + WORKGROUP_SIZE - 1u) / WORKGROUP_SIZE;
    let item = params.first_item + turn;
    let pair = item / groups;
    let sample = (item % groups) * WORKGROUP_SIZE + invocation;
    if turn >= params.items || sample >= params.samples {
        return;
    }
    let row = axis_of(values[pair].x, params.pairs, params.samples);
    let column = axis_of(values[pair].y, params.pairs, params.samples);
    let x = values[row.first + sample];
    let y = values[column.first + sample];

    let stride = params.samples;
    let kth_word = (pair * STATE_WORDS + 2u * K - 1u) * stride + sample;
    let kth = vec2<u32>(state[kth_word], state[kth_word + stride]);
    let limit_x = steps_of(kth, row.shift).down;
    let limit_y = steps_of(kth, column.shift).down;
    let word = kth_word + 2u * stride;
    let compared_before = state[word];
    let is_first = compared_before == 0u;
    var extent_x = select(vec2<u32>(state[word + stride], state[word + 2u * stride]), vec2<u32>(0u), is_first);
    var extent_y = select(vec2<u32>(state[word + 3u * stride], state[word + 4u * stride]), vec2<u32>(0u), is_first);

    var compared = 0u;
    for (var turn_of_partner = 0u; turn_of_partner < params.partners; turn_of_partner++) {
        let partner = params.first_partner + turn_of_partner;
        let dx = distance_between(x, values[row.first + partner]);
        let dy = distance_between(y, values[column.first + partner]);
        // The sample itself is at distance 0 and extends nothing.
        let is_near = !is_less(limit_x, dx) && !is_less(limit_y, dy);
        extent_x = select(extent_x, dx, is_near && is_less(extent_x, dx));
        extent_y = select(extent_y, dy, is_near && is_less(extent_y, dy));
        compared += 1u;
    }

    state[word] = compared_before + compared;
    state[word + stride] = extent_x.x;
    state[word + 2u * stride] = extent_x.y;
    state[word + 3u * stride] = extent_y.x;
    state[word + 4u * stride] = extent_y.y;
}
