// The k smallest distances from each sample of a pair of neurons to some of the other samples, one invocation
// per sample. A distance is the larger of the distances along the two axes. The smallest distances to earlier
// samples are read from the state, and the new ones are written back.
//
// CPU twin: src/neighbors/cpu/nearest_neighbors.rs
//
// Numbers of 53 bits are two words, low word first.
// values: [pair of the tile] = (axis of the row's neuron, axis of the column's neuron), each the place of the
//         neuron in the lower half of the word and the shift of its steps in the upper one, then
//         [place of a neuron][0 = by sample, 1 = ascending][sample], in steps of the neuron's grid
// state:  [pair of the tile][word][sample]; the words are the number of samples compared so far, then
//         the two words of the key of each of the k smallest distances, ascending; see shared/axis_units.wgsl
//
// Dispatch: workgroups in rows of `width`, one per item: a pair and WORKGROUP_SIZE samples.

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

// Larger than the key of any distance.
const FAR = vec2<u32>(0u, 0xffffffffu);

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> values: array<vec2<u32>>;
@group(0) @binding(2) var<storage, read_write> state: array<u32>;

// [rank][invocation]; each invocation uses only its own.
var<workgroup> sh_smallest: array<vec2<u32>, K * WORKGROUP_SIZE>;

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

    let first_word = pair * STATE_WORDS * params.samples + sample;
    let compared_before = state[first_word];
    for (var rank = 0u; rank < K; rank++) {
        let word = first_word + (1u + 2u * rank) * params.samples;
        let stored = vec2<u32>(state[word], state[word + params.samples]);
        sh_smallest[rank * WORKGROUP_SIZE + invocation] = select(stored, FAR, compared_before == 0u);
    }
    let last = (K - 1u) * WORKGROUP_SIZE + invocation;
    // A distance is less than the k-th if it is less along both axes.
    var limit_x = steps_of(sh_smallest[last], row.shift).up;
    var limit_y = steps_of(sh_smallest[last], column.shift).up;

    var compared = 0u;
    for (var turn_of_partner = 0u; turn_of_partner < params.partners; turn_of_partner++) {
        let partner = params.first_partner + turn_of_partner;
        let dx = distance_between(x, values[row.first + partner]);
        let dy = distance_between(y, values[column.first + partner]);
        compared += 1u;
        if partner != sample && is_less(dx, limit_x) && is_less(dy, limit_y) {
            let key_x = key_of(dx, row.shift);
            let key_y = key_of(dy, column.shift);
            let distance = select(key_x, key_y, is_less(key_x, key_y));
            var place = last;
            while place >= WORKGROUP_SIZE && is_less(distance, sh_smallest[place - WORKGROUP_SIZE]) {
                sh_smallest[place] = sh_smallest[place - WORKGROUP_SIZE];
                place -= WORKGROUP_SIZE;
            }
            sh_smallest[place] = distance;
            limit_x = steps_of(sh_smallest[last], row.shift).up;
            limit_y = steps_of(sh_smallest[last], column.shift).up;
        }
    }

    for (var rank = 0u; rank < K; rank++) {
        let word = first_word + (1u + 2u * rank) * params.samples;
        let found = sh_smallest[rank * WORKGROUP_SIZE + invocation];
        state[word] = found.x;
        state[word + params.samples] = found.y;
    }
    state[first_word] = compared_before + compared;
}
