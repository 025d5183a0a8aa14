// Positional population count of one-hot words over sorted rows. One invocation counts row `a` of
// the joint histograms of one row neuron with the 2 (or 1) column neurons of a word: how often
// each bit position is set in the words of the samples whose row neuron has code `a`. Bit-sliced
// counters stay in registers: plane `p` holds bit `p` of the count of every bit position.
//
// CPU twin: src/engine/cpu/positional_popcount/mod.rs
//
// row_order:    [row neuron of the tile][entry], sample numbers sorted by the neuron's code; each
//               code's entries are filled up to a multiple of 8 with the number of the zero sample
// row_starts:   [row neuron of the tile][BINS + 1], where each code's entries begin
// column_words: [sample][word], one-hot words of NEURONS neurons; behind the last sample comes
//               the zero sample, whose words have no bit set and so count nothing
// counts:       [pair of the tile][code of the row's neuron][code of the column's neuron]
//
// Dispatch: x = words of a sample / WORKGROUP_SIZE, y = rows of this dispatch, z = codes.

struct Params {
    columns: u32,       // columns of the tile
    first_row: u32,     // row of the tile at which this dispatch begins
    is_triangular: u32, // 1 when the tile begins on the diagonal
    words: u32,         // words a sample
    row_stride: u32,    // entries a row neuron
}

override WORKGROUP_SIZE: u32;
override BINS: u32;
// Neurons in a word: 2 of up to 16 bins, or 1 of up to 32.
override NEURONS: u32;

const GROUP: u32 = 8u;
const GROUPS_A_BATCH: u32 = 16u;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> row_order: array<u32>;
@group(0) @binding(2) var<storage, read> row_starts: array<u32>;
@group(0) @binding(3) var<storage, read> column_words: array<u32>;
@group(0) @binding(4) var<storage, read_write> counts: array<u32>;

fn majority(a: u32, b: u32, c: u32) -> u32 {
    return (a & b) | (c & (a | b));
}

// Adds a carry to a plane and returns the carry out.
fn half_add(plane: ptr<function, u32>, carry: u32) -> u32 {
    let carry_out = *plane & carry;
    *plane ^= carry;
    return carry_out;
}

fn load(entry: u32, word: u32) -> u32 {
    return column_words[row_order[entry] * params.words + word];
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(global_invocation_id) id: vec3<u32>) {
    let word = id.x;
    let row = params.first_row + workgroup.y;
    let code = workgroup.z;
    let last_column = min(word * NEURONS + NEURONS, params.columns);
    if word >= params.words || (params.is_triangular == 1u && last_column <= row) {
        return; // beyond the last column, or below the diagonal
    }
    let base = row * params.row_stride;
    var entry = base + row_starts[row * (BINS + 1u) + code];
    let end = base + row_starts[row * (BINS + 1u) + code + 1u];

    var p0 = 0u; var p1 = 0u; var p2 = 0u; var p3 = 0u; var p4 = 0u;
    var p5 = 0u; var p6 = 0u; var p7 = 0u; var p8 = 0u; var p9 = 0u;
    var p10 = 0u; var p11 = 0u; var p12 = 0u; var p13 = 0u; var p14 = 0u;

    while entry < end {
        // Planes 3 to 6 can overflow once at most in a batch of 16 groups, so their carries out
        // are collected and rippled through the higher planes once a batch.
        let batch_end = min(end, entry + GROUP * GROUPS_A_BATCH);
        var overflow = 0u;
        while entry < batch_end {
            // A tree of carry-save adders: eight words become one carry of weight eight.
            let w0 = load(entry, word);
            let w1 = load(entry + 1u, word);
            let two_a = majority(p0, w0, w1);
            p0 ^= w0 ^ w1;
            let w2 = load(entry + 2u, word);
            let w3 = load(entry + 3u, word);
            let two_b = majority(p0, w2, w3);
            p0 ^= w2 ^ w3;
            let four_a = majority(p1, two_a, two_b);
            p1 ^= two_a ^ two_b;
            let w4 = load(entry + 4u, word);
            let w5 = load(entry + 5u, word);
            let two_c = majority(p0, w4, w5);
            p0 ^= w4 ^ w5;
            let w6 = load(entry + 6u, word);
            let w7 = load(entry + 7u, word);
            let two_d = majority(p0, w6, w7);
            p0 ^= w6 ^ w7;
            let four_b = majority(p1, two_c, two_d);
            p1 ^= two_c ^ two_d;
            var carry = majority(p2, four_a, four_b);
            p2 ^= four_a ^ four_b;
            carry = half_add(&p3, carry);
            carry = half_add(&p4, carry);
            carry = half_add(&p5, carry);
            overflow |= half_add(&p6, carry);
            entry += GROUP;
        }
        var carry = half_add(&p7, overflow);
        carry = half_add(&p8, carry);
        carry = half_add(&p9, carry);
        carry = half_add(&p10, carry);
        carry = half_add(&p11, carry);
        carry = half_add(&p12, carry);
        carry = half_add(&p13, carry);
        p14 ^= carry;
    }

    // Pairs are numbered row by row, without those below the diagonal.
    let skipped = params.is_triangular * (row * (row + 1u) / 2u);
    for (var neuron = 0u; neuron < NEURONS; neuron++) {
        let column = word * NEURONS + neuron;
        if column >= params.columns || (params.is_triangular == 1u && column < row) {
            continue;
        }
        let pair = row * params.columns + column - skipped;
        let first_cell = (pair * BINS + code) * BINS;
        for (var bin = 0u; bin < BINS; bin++) {
            let position = neuron * (32u / NEURONS) + bin;
            let count = ((p0 >> position) & 1u)
                | (((p1 >> position) & 1u) << 1u)
                | (((p2 >> position) & 1u) << 2u)
                | (((p3 >> position) & 1u) << 3u)
                | (((p4 >> position) & 1u) << 4u)
                | (((p5 >> position) & 1u) << 5u)
                | (((p6 >> position) & 1u) << 6u)
                | (((p7 >> position) & 1u) << 7u)
                | (((p8 >> position) & 1u) << 8u)
                | (((p9 >> position) & 1u) << 9u)
                | (((p10 >> position) & 1u) << 10u)
                | (((p11 >> position) & 1u) << 11u)
                | (((p12 >> position) & 1u) << 12u)
                | (((p13 >> position) & 1u) << 13u)
                | (((p14 >> position) & 1u) << 14u);
            counts[first_cell + bin] += count;
        }
    }
}
