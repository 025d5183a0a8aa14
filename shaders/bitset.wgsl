// Joint histograms of neurons with two bins by sets of bits. One invocation takes 4 row neurons and 4 column
// neurons. It counts the samples that are in bin 1 of both neurons of a pair, and in bin 1 of each neuron.
// The other cells are what these counts leave of the samples. Each word that is loaded serves 4 pairs.
//
// CPU twin: src/engine/cpu/bitset.rs
//
// rows:    [word][row neuron of the tile], 32 samples per word, set where the sample is in bin 1
// columns: [word][column neuron of the tile], the same, padded with empty sets to a multiple of 4 neurons
// table:   [n] = f(n), low word first
// output:  SUMS = 0: counts[pair of the tile][code of the row's neuron][code of the column's neuron]
//          SUMS = 1: [pair of the tile] = (low word, high word, samples counted, tag of the tile)
//
// Dispatch: x = columns of this dispatch / (4 · WORKGROUP_SIZE), y = rows of this dispatch / 4.

struct Params {
    columns: u32,       // columns of the tile
    first_row: u32,     // row of the tile at which this dispatch begins
    end_row: u32,       // one past the last row of this dispatch
    first_column: u32,  // column of the tile at which this dispatch begins
    is_triangular: u32, // 1 when the tile begins on the diagonal
    samples: u32,       // samples of this chunk
    rows: u32,          // rows of the tile
    tag: u32,           // tells this tile's sums from stale ones
}

override WORKGROUP_SIZE: u32;
// 1 when f(n) is summed over the cells, 0 when counts are added to those in memory.
override SUMS: u32;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> rows: array<u32>;
@group(0) @binding(2) var<storage, read> columns: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read> table: array<vec2<u32>>;
@group(0) @binding(4) var<storage, read_write> output: array<u32>;

fn add_value(sum: vec2<u32>, n: u32) -> vec2<u32> {
    let value = table[n];
    let low = sum.x + value.x;
    return vec2<u32>(low, sum.y + value.y + select(0u, 1u, low < value.x));
}

// Adds the counts of a pair to those in memory, or writes their sum. `both` is the number of samples in bin 1
// of both neurons, `row_ones` and `column_ones` of either one.
fn finish_pair(row: u32, column: u32, both: u32, row_ones: u32, column_ones: u32, samples: u32) {
    let is_below = params.is_triangular == 1u && column < row;
    if row >= params.end_row || column >= params.columns || is_below {
        return;
    }
    // Pairs are numbered row by row, without those below the diagonal.
    let skipped = params.is_triangular * (row * (row + 1u) / 2u);
    let pair = row * params.columns + column - skipped;
    let row_only = row_ones - both;
    let column_only = column_ones - both;
    let neither = samples - row_ones - column_only;
    let at = pair * 4u;
    if SUMS == 1u {
        var sum = add_value(vec2<u32>(0u), neither);
        sum = add_value(sum, column_only);
        sum = add_value(sum, row_only);
        sum = add_value(sum, both);
        output[at] = sum.x;
        output[at + 1u] = sum.y;
        output[at + 2u] = samples;
        output[at + 3u] = params.tag;
    } else {
        output[at] += neither;
        output[at + 1u] += column_only;
        output[at + 2u] += row_only;
        output[at + 3u] += both;
    }
}

fn finish_row(
    row: u32, column: u32, both: vec4<u32>, row_ones: u32, column_ones: vec4<u32>, samples: u32,
) {
    finish_pair(row, column, both.x, row_ones, column_ones.x, samples);
    finish_pair(row, column + 1u, both.y, row_ones, column_ones.y, samples);
    finish_pair(row, column + 2u, both.z, row_ones, column_ones.z, samples);
    finish_pair(row, column + 3u, both.w, row_ones, column_ones.w, samples);
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(global_invocation_id) id: vec3<u32>) {
    let column = params.first_column + id.x * 4u;
    let row = params.first_row + workgroup.y * 4u;
    let last_column = min(column + 4u, params.columns);
    if column >= params.columns || (params.is_triangular == 1u && last_column <= row) {
        return; // beyond the last column, or below the diagonal
    }
    // Rows beyond the last are counted as the last, and not written.
    let row_at = min(vec4<u32>(row) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(params.end_row - 1u));
    let quads = (params.columns + 3u) / 4u;

    var both_a: vec4<u32>; // for the first row and the four columns
    var both_b: vec4<u32>;
    var both_c: vec4<u32>;
    var both_d: vec4<u32>;
    var row_ones: vec4<u32>;
    var column_ones: vec4<u32>;
    // Counted in the loop, so that a loop that was cut short shows in the number of samples.
    var samples = 0u;
    let words = (params.samples + 31u) / 32u;
    for (var word = 0u; word < words; word++) {
        let ones = columns[word * quads + column / 4u];
        let base = word * params.rows;
        let row_word = vec4<u32>(
            rows[base + row_at.x],
            rows[base + row_at.y],
            rows[base + row_at.z],
            rows[base + row_at.w],
        );
        both_a += countOneBits(ones & vec4<u32>(row_word.x));
        both_b += countOneBits(ones & vec4<u32>(row_word.y));
        both_c += countOneBits(ones & vec4<u32>(row_word.z));
        both_d += countOneBits(ones & vec4<u32>(row_word.w));
        row_ones += countOneBits(row_word);
        column_ones += countOneBits(ones);
        samples += min(params.samples - word * 32u, 32u);
    }
    finish_row(row, column, both_a, row_ones.x, column_ones, samples);
    finish_row(row + 1u, column, both_b, row_ones.y, column_ones, samples);
    finish_row(row + 2u, column, both_c, row_ones.z, column_ones, samples);
    finish_row(row + 3u, column, both_d, row_ones.w, column_ones, samples);
}
