// Joint histograms by private counters over sorted rows. One invocation makes the joint histogram of one row
// neuron with one column neuron, row by row. The samples of one code of the row's neuron are counted by the
// code of the column's neuron, in BINS counters of workgroup memory that no other invocation touches. Nothing
// is atomic, and neighbouring invocations use different banks.
//
// CPU twin: src/engine/cpu/private_counters.rs
//
// rows:    [row neuron of the tile][samples of each code, then sample numbers in order of code], two
//          numbers per word, low half first; each code's list is padded to a multiple of 8
// columns: [sample][word], four 8-bit codes per word, low byte first
// table:   [n] = f(n), low word first
// output:  SUMS = 0: counts[pair of the tile][code of the row's neuron][code of the column's neuron]
//          SUMS = 1: [pair of the tile] = (low word, high word, samples counted, tag of the tile)
//
// Dispatch: x = columns of this dispatch / WORKGROUP_SIZE, y = rows of this dispatch.

struct Params {
    columns: u32,       // columns of the tile
    first_row: u32,     // row of the tile at which this dispatch begins
    first_column: u32,  // column of the tile at which this dispatch begins
    is_triangular: u32, // 1 when the tile begins on the diagonal
    words: u32,         // words per sample
    row_stride: u32,    // words per row neuron
    tag: u32,           // tells this tile's sums from stale ones
}

override WORKGROUP_SIZE: u32;
override BINS: u32;
// 1 when f(n) is summed over the cells, 0 when counts are added to those in memory.
override SUMS: u32;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> rows: array<u32>;
@group(0) @binding(2) var<storage, read> columns: array<u32>;
@group(0) @binding(3) var<storage, read> table: array<vec2<u32>>;
@group(0) @binding(4) var<storage, read_write> output: array<u32>;

// Two 16-bit counters per word, since a chunk has at most 65,535 samples:
// [pair of codes][invocation].
var<workgroup> sh_counts: array<u32, ((BINS + 1u) / 2u) * WORKGROUP_SIZE>;

// Σ f(n) in two words, and Σ n.
struct Sum {
    low: u32,
    high: u32,
    samples: u32,
}

fn count_one(code: u32, invocation: u32) {
    sh_counts[(code / 2u) * WORKGROUP_SIZE + invocation] += 1u << (16u * (code % 2u));
}

// Adds the count of a cell to memory, or its f(n) to the sum that is returned.
fn add_cell(sum: Sum, n: u32, cell: u32) -> Sum {
    if SUMS == 0u {
        if n > 0u {
            output[cell] += n;
        }
        return sum;
    }
    if n < 2u {
        return Sum(sum.low, sum.high, sum.samples + n); // f(0) = f(1) = 0
    }
    let value = table[n];
    let low = sum.low + value.x;
    let carry = select(0u, 1u, low < value.x);
    return Sum(low, sum.high + value.y + carry, sum.samples + n);
}

// Adds the counters of two codes and resets them to zero.
fn take_two(sum: Sum, two: u32, first_cell: u32, invocation: u32) -> Sum {
    let at = two * WORKGROUP_SIZE + invocation;
    let counts = sh_counts[at];
    if counts == 0u {
        return sum;
    }
    sh_counts[at] = 0u;
    let first = add_cell(sum, counts & 0xffffu, first_cell + 2u * two);
    return add_cell(first, counts >> 16u, first_cell + 2u * two + 1u);
}

// The code of the column's neuron for a sample.
fn code_of(number: u32, column: u32) -> u32 {
    return (columns[number * params.words + column / 4u] >> (8u * (column % 4u))) & 0xffu;
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(local_invocation_index) invocation: u32,
) {
    let column = params.first_column + id.x;
    let row = params.first_row + workgroup.y;
    if column >= params.columns || (params.is_triangular == 1u && column < row) {
        return; // beyond the last column, or below the diagonal; there is no barrier
    }
    // Pairs are numbered row by row, without those below the diagonal.
    let skipped = params.is_triangular * (row * (row + 1u) / 2u);
    let pair = row * params.columns + column - skipped;
    let twos = (BINS + 1u) / 2u;
    for (var two = 0u; two < twos; two++) {
        sh_counts[two * WORKGROUP_SIZE + invocation] = 0u;
    }

    var sum: Sum;
    let lengths = row * params.row_stride;
    var list = lengths + twos;
    for (var code = 0u; code < BINS; code++) {
        let samples = (rows[lengths + code / 2u] >> (16u * (code % 2u))) & 0xffffu;
        // Four samples per turn, because no invocation may take 65,535 turns in all.
        for (var entry = 0u; entry < samples; entry += 4u) {
            let ab = rows[list + entry / 2u];
            let cd = rows[list + entry / 2u + 1u];
            count_one(code_of(ab & 0xffffu, column), invocation);
            if entry + 1u < samples { count_one(code_of(ab >> 16u, column), invocation); }
            if entry + 2u < samples { count_one(code_of(cd & 0xffffu, column), invocation); }
            if entry + 3u < samples { count_one(code_of(cd >> 16u, column), invocation); }
        }
        let first_cell = (pair * BINS + code) * BINS;
        if samples < BINS {
            // Fewer samples than counters: visits only the counters that samples reached. The numbers that
            // pad a list may reach any counter, taken or not.
            for (var entry = 0u; entry < samples; entry += 4u) {
                let ab = rows[list + entry / 2u];
                let cd = rows[list + entry / 2u + 1u];
                sum = take_two(sum, code_of(ab & 0xffffu, column) / 2u, first_cell, invocation);
                sum = take_two(sum, code_of(ab >> 16u, column) / 2u, first_cell, invocation);
                sum = take_two(sum, code_of(cd & 0xffffu, column) / 2u, first_cell, invocation);
                sum = take_two(sum, code_of(cd >> 16u, column) / 2u, first_cell, invocation);
            }
        } else {
            for (var two = 0u; two < twos; two += 2u) {
                sum = take_two(sum, two, first_cell, invocation);
                if two + 1u < twos { sum = take_two(sum, two + 1u, first_cell, invocation); }
            }
        }
        list += (samples + 7u) / 8u * 4u;
    }
    if SUMS == 1u {
        let at = pair * 4u;
        output[at] = sum.low;
        output[at + 1u] = sum.high;
        output[at + 2u] = sum.samples;
        output[at + 3u] = params.tag;
    }
}
