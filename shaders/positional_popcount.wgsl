// Positional population count of one-hot words over sorted rows. One invocation makes the joint histograms of
// one row neuron with the column neurons of one word of codes. Row `a` of them tells how often each bit
// position is set in the one-hot words of the samples whose row neuron has code `a`. One-hot words are made
// and counted in registers. The counters are bit-sliced: plane `p` holds bit `p` of the count of every
// position.
//
// CPU twin: src/engine/cpu/positional_popcount/mod.rs
//
// rows:    [row neuron of the tile][samples of each code, then sample numbers in order of code], two
//          numbers per word, low half first; each code's list is padded to a multiple of 8
// columns: [block of WORKGROUP_SIZE words][sample][word], 32 / CODE_BITS codes per word, low bits
//          first
// table:   [n] = f(n), low word first
// output:  SUMS = 0: counts[pair of the tile][code of the row's neuron][code of the column's neuron]
//          SUMS = 1: [pair of the tile] = (low word, high word, samples counted, tag of the tile)
//
// Dispatch: x = rows of this dispatch, y = blocks of this dispatch.
//
// A workgroup is one subgroup. It reads each sample's codes in one piece. Neighbouring workgroups walk
// through the same block for other rows, so that the block stays in a cache. A loaded word has 8, 6 or 4
// codes. For up to 16 bins, 8 pair-samples cost a load of 32 bits, half a load that is the same for the whole
// subgroup, about 30 operations for one-hot words, and about 12 for the counters if a three-input logic
// operation is one instruction. The counters take 64 registers (96 for 17 to 32 bins). There is no atomic and
// no shared memory, and the number of bins hardly matters.

struct Params {
    columns: u32,       // columns of the tile
    first_row: u32,     // row of the tile at which this dispatch begins
    first_column: u32,  // column of the tile at which this dispatch begins
    is_triangular: u32, // 1 when the tile begins on the diagonal
    samples: u32,       // samples of this chunk
    row_stride: u32,    // words per row neuron
    bins: u32,          // at most what CODE_BITS has room for
    tag: u32,           // tells this tile's sums from stale ones
}

override WORKGROUP_SIZE: u32;
// Bits of a code in a word: 4 for up to 16 bins, 5 for up to 32, else 8.
override CODE_BITS: u32;
// Neurons that share a one-hot word: 2 for up to 16 bins, else 1.
override SLOTS: u32;
// Blocks that the codes of a word fill.
override PARTS: u32;
// 1 when f(n) is summed over the cells, 0 when counts are added to those in memory.
override SUMS: u32;

const GROUP: u32 = 8u;
const GROUPS_A_BATCH: u32 = 16u;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> rows: array<u32>;
@group(0) @binding(2) var<storage, read> columns: array<u32>;
@group(0) @binding(3) var<storage, read> table: array<vec2<u32>>;
@group(0) @binding(4) var<storage, read_write> output: array<u32>;

// Two one-hot words.
alias Block = vec2<u32>;

// Bit `p` of the count of every position of the blocks of a word: 16 planes per part.
alias Planes = array<Block, 48>;

// Σ f(n) in two words, and Σ n, of the two neurons in one slot of a block.
struct Sums {
    low: vec2<u32>,
    high: vec2<u32>,
    samples: vec2<u32>,
}

// The sums of each part and, with two slots, of the second slot of each part.
alias AllSums = array<Sums, 4>;

// Returns one part of the codes of a word as one-hot words, or zeros if `one` is 0.
fn one_hot(codes: u32, one: u32, part: u32, band: u32) -> Block {
    let first = 2u * SLOTS * CODE_BITS * part;
    let mask = vec2<u32>((1u << CODE_BITS) - 1u);
    let code = (vec2<u32>(codes) >> vec2<u32>(first, first + SLOTS * CODE_BITS)) & mask;
    var bit = vec2<u32>(one) << (code & vec2<u32>(31u));
    if SLOTS == 2u {
        let second = first + CODE_BITS;
        let high = (vec2<u32>(codes) >> vec2<u32>(second, second + SLOTS * CODE_BITS)) & mask;
        bit |= vec2<u32>(one << 16u) << (high & vec2<u32>(15u));
    } else if CODE_BITS == 8u { // a neuron has several words, and this is word `band`
        bit = select(vec2<u32>(0u), bit, (code >> vec2<u32>(5u)) == vec2<u32>(band));
    }
    return bit;
}

fn majority(a: Block, b: Block, c: Block) -> Block {
    return (a & b) | (c & (a | b));
}

// Adds two blocks to plane `p` and returns the carry out.
fn full_add(planes: ptr<function, Planes>, p: u32, a: Block, b: Block) -> Block {
    let carry = majority((*planes)[p], a, b);
    (*planes)[p] ^= a ^ b;
    return carry;
}

// Adds a carry to plane `p` and returns the carry out.
fn half_add(planes: ptr<function, Planes>, p: u32, carry: Block) -> Block {
    let carry_out = (*planes)[p] & carry;
    (*planes)[p] ^= carry;
    return carry_out;
}

// The codes of eight samples.
struct Eight {
    a: u32,
    b: u32,
    c: u32,
    d: u32,
    e: u32,
    f: u32,
    g: u32,
    h: u32,
}

// The codes of the eight samples whose numbers begin at `at`.
fn load_eight(at: u32, base: u32) -> Eight {
    let ab = rows[at];
    let cd = rows[at + 1u];
    let ef = rows[at + 2u];
    let gh = rows[at + 3u];
    return Eight(
        columns[base + (ab & 0xffffu) * WORKGROUP_SIZE],
        columns[base + (ab >> 16u) * WORKGROUP_SIZE],
        columns[base + (cd & 0xffffu) * WORKGROUP_SIZE],
        columns[base + (cd >> 16u) * WORKGROUP_SIZE],
        columns[base + (ef & 0xffffu) * WORKGROUP_SIZE],
        columns[base + (ef >> 16u) * WORKGROUP_SIZE],
        columns[base + (gh & 0xffffu) * WORKGROUP_SIZE],
        columns[base + (gh >> 16u) * WORKGROUP_SIZE],
    );
}

// The part and band of the one-hot words that are counted, and the number of samples left.
struct Which {
    part: u32,
    band: u32,
    left: u32,
}

// Adds the one-hot words of two samples, which follow `before` others of the eight, to plane 0.
fn add_two(planes: ptr<function, Planes>, which: Which, a: u32, b: u32, before: u32) -> Block {
    let one_a = select(0u, 1u, which.left > before);
    let one_b = select(0u, 1u, which.left > before + 1u);
    let a_hot = one_hot(a, one_a, which.part, which.band);
    let b_hot = one_hot(b, one_b, which.part, which.band);
    return full_add(planes, 16u * which.part, a_hot, b_hot);
}

// Adds up to eight samples to planes 0 to 6 and returns the carry out. A tree of carry-save adders adds them,
// and its carry ripples on.
fn add_eight(planes: ptr<function, Planes>, which: Which, codes: Eight) -> Block {
    let first = 16u * which.part;
    let two_a = add_two(planes, which, codes.a, codes.b, 0u);
    let two_b = add_two(planes, which, codes.c, codes.d, 2u);
    let four_a = full_add(planes, first + 1u, two_a, two_b);
    let two_c = add_two(planes, which, codes.e, codes.f, 4u);
    let two_d = add_two(planes, which, codes.g, codes.h, 6u);
    let four_b = full_add(planes, first + 1u, two_c, two_d);
    var carry = full_add(planes, first + 2u, four_a, four_b);
    carry = half_add(planes, first + 3u, carry);
    carry = half_add(planes, first + 4u, carry);
    carry = half_add(planes, first + 5u, carry);
    return half_add(planes, first + 6u, carry);
}

// Adds the carries out of plane 6 to the planes above.
fn add_overflow(planes: ptr<function, Planes>, part: u32, overflow: Block) {
    let first = 16u * part;
    var carry = half_add(planes, first + 7u, overflow);
    carry = half_add(planes, first + 8u, carry);
    carry = half_add(planes, first + 9u, carry);
    carry = half_add(planes, first + 10u, carry);
    carry = half_add(planes, first + 11u, carry);
    carry = half_add(planes, first + 12u, carry);
    carry = half_add(planes, first + 13u, carry);
    carry = half_add(planes, first + 14u, carry);
    (*planes)[first + 15u] ^= carry;
}

// Bit `p` of the counts of a position.
fn count_bit(planes: ptr<function, Planes>, part: u32, p: u32, position: u32) -> vec2<u32> {
    return (((*planes)[16u * part + p] >> vec2<u32>(position)) & vec2<u32>(1u)) << vec2<u32>(p);
}

// Returns the count of a position, which is at most `samples`.
fn count(planes: ptr<function, Planes>, part: u32, position: u32, samples: u32) -> vec2<u32> {
    var n = count_bit(planes, part, 0u, position) | count_bit(planes, part, 1u, position)
        | count_bit(planes, part, 2u, position) | count_bit(planes, part, 3u, position)
        | count_bit(planes, part, 4u, position) | count_bit(planes, part, 5u, position)
        | count_bit(planes, part, 6u, position) | count_bit(planes, part, 7u, position);
    if samples > 0xffu {
        n |= count_bit(planes, part, 8u, position) | count_bit(planes, part, 9u, position)
            | count_bit(planes, part, 10u, position) | count_bit(planes, part, 11u, position)
            | count_bit(planes, part, 12u, position) | count_bit(planes, part, 13u, position)
            | count_bit(planes, part, 14u, position) | count_bit(planes, part, 15u, position);
    }
    return n;
}

// f(n), without looking up f(0) = f(1) = 0.
fn value(n: u32) -> vec2<u32> {
    var f = vec2<u32>(0u);
    if n > 1u {
        f = table[n];
    }
    return f;
}

fn add_values(sums: Sums, n: vec2<u32>) -> Sums {
    let a = value(n.x);
    let b = value(n.y);
    let low = sums.low + vec2<u32>(a.x, b.x);
    let carry = select(vec2<u32>(0u), vec2<u32>(1u), low < sums.low);
    let high = sums.high + vec2<u32>(a.y, b.y) + carry;
    return Sums(low, high, sums.samples + n);
}

// Pairs of the columns of a word with a row.
struct Pairs {
    first: u32, // the number of the pair that the first column is in, or would be in
    begin: u32, // the first column in a pair, counted from the word's first
    end: u32,   // one past the last such column
}

fn write_sum(pairs: Pairs, column: u32, sum: vec3<u32>) {
    if pairs.begin <= column && column < pairs.end {
        let at = (pairs.first + column) * 4u;
        output[at] = sum.x;
        output[at + 1u] = sum.y;
        output[at + 2u] = sum.z;
        output[at + 3u] = params.tag;
    }
}

// Writes the sums of a block, whose neurons are `column` and `column + SLOTS`.
fn write_sums(pairs: Pairs, column: u32, sums: Sums) {
    write_sum(pairs, column, vec3<u32>(sums.low.x, sums.high.x, sums.samples.x));
    write_sum(pairs, column + SLOTS, vec3<u32>(sums.low.y, sums.high.y, sums.samples.y));
}

fn add_count(pairs: Pairs, column: u32, cell: u32, n: u32) {
    if n > 0u && pairs.begin <= column && column < pairs.end {
        output[(pairs.first + column) * params.bins * params.bins + cell] += n;
    }
}

// Adds the counts of a bin to those in memory, for the neurons in one slot of each one-hot word.
fn add_bin(
    planes: ptr<function, Planes>,
    pairs: Pairs,
    cell: u32,
    bin: u32,
    slot: u32,
    samples: u32,
) {
    let position = bin + 16u * slot;
    let n = count(planes, 0u, position, samples);
    add_count(pairs, slot, cell, n.x);
    add_count(pairs, slot + SLOTS, cell, n.y);
    let m = count(planes, 1u, position, samples);
    add_count(pairs, slot + 2u * SLOTS, cell, m.x);
    add_count(pairs, slot + 3u * SLOTS, cell, m.y);
    if PARTS == 3u {
        let l = count(planes, 2u, position, samples);
        add_count(pairs, slot + 4u * SLOTS, cell, l.x);
        add_count(pairs, slot + 5u * SLOTS, cell, l.y);
    }
}

// Adds f(n) of the counts of a bin to the sums, for all neurons of the word.
fn sum_bin(sums: ptr<function, AllSums>, planes: ptr<function, Planes>, bin: u32, samples: u32) {
    (*sums)[0] = add_values((*sums)[0], count(planes, 0u, bin, samples));
    (*sums)[1] = add_values((*sums)[1], count(planes, 1u, bin, samples));
    if PARTS == 3u {
        (*sums)[2] = add_values((*sums)[2], count(planes, 2u, bin, samples));
    } else if SLOTS == 2u {
        (*sums)[2] = add_values((*sums)[2], count(planes, 0u, bin + 16u, samples));
        (*sums)[3] = add_values((*sums)[3], count(planes, 1u, bin + 16u, samples));
    }
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) invocation: u32,
) {
    let neurons = 2u * PARTS * SLOTS; // per word
    let block = params.first_column / (neurons * WORKGROUP_SIZE) + workgroup.y;
    let row = params.first_row + workgroup.x;
    let first_column = (block * WORKGROUP_SIZE + invocation) * neurons;
    let base = block * params.samples * WORKGROUP_SIZE + invocation;
    let last_column = min(first_column + neurons, params.columns);
    if first_column >= params.columns || (params.is_triangular == 1u && last_column <= row) {
        return; // beyond the last column, or below the diagonal
    }
    // Pairs are numbered row by row, without those below the diagonal.
    let skipped = params.is_triangular * (row * (row + 1u) / 2u);
    let first_pair = row * params.columns + first_column - skipped;
    var pairs = Pairs(first_pair, 0u, last_column - first_column);
    if params.is_triangular == 1u && first_column < row {
        pairs.begin = row - first_column;
    }

    var sums: AllSums;
    let bands = (params.bins + 31u) / 32u; // one-hot words that a neuron takes, counted one by one
    let lengths = row * params.row_stride;
    var list = lengths + (params.bins + 1u) / 2u;
    for (var code = 0u; code < params.bins; code++) {
        let samples = (rows[lengths + code / 2u] >> (16u * (code % 2u))) & 0xffffu;
        for (var band = 0u; band < bands; band++) {
            var planes: Planes;
            var entry = 0u;
            while entry < samples {
                // Planes 3 to 6 overflow at most once in a batch of 16 groups. So their carries out are
                // collected, and rippled through the higher planes once per batch.
                let batch_end = min(samples, entry + GROUP * GROUPS_A_BATCH);
                var overflow_0: Block;
                var overflow_1: Block;
                var overflow_2: Block;
                while entry < batch_end {
                    let codes = load_eight(list + entry / 2u, base);
                    let left = samples - entry;
                    overflow_0 |= add_eight(&planes, Which(0u, band, left), codes);
                    overflow_1 |= add_eight(&planes, Which(1u, band, left), codes);
                    if PARTS == 3u {
                        overflow_2 |= add_eight(&planes, Which(2u, band, left), codes);
                    }
                    entry += GROUP;
                }
                add_overflow(&planes, 0u, overflow_0);
                add_overflow(&planes, 1u, overflow_1);
                if PARTS == 3u {
                    add_overflow(&planes, 2u, overflow_2);
                }
            }
            let band_bins = min(params.bins - band * 32u, 32u);
            // Two bins per turn, because no invocation may take 65,535 turns in all. A bin behind the last is
            // never set. For up to 32 bins one slot per turn: with twice as many places that write counts,
            // SwiftShader's compiler takes a minute.
            if SUMS == 1u {
                for (var bin = 0u; bin < band_bins; bin += 2u) {
                    sum_bin(&sums, &planes, bin, samples);
                    sum_bin(&sums, &planes, bin + 1u, samples);
                }
            } else if CODE_BITS == 8u {
                for (var bin = 0u; bin < band_bins; bin += 2u) {
                    let cell = code * params.bins + band * 32u + bin;
                    add_bin(&planes, pairs, cell, bin, 0u, samples);
                    add_bin(&planes, pairs, cell + 1u, bin + 1u, 0u, samples);
                }
            } else {
                for (var bin = 0u; bin < band_bins; bin++) {
                    for (var slot = 0u; slot < SLOTS; slot++) {
                        add_bin(&planes, pairs, code * params.bins + bin, bin, slot, samples);
                    }
                }
            }
        }
        list += (samples + GROUP - 1u) / GROUP * GROUP / 2u;
    }
    if SUMS == 1u {
        write_sums(pairs, 0u, sums[0]);
        write_sums(pairs, 2u * SLOTS, sums[1]);
        if PARTS == 3u {
            write_sums(pairs, 4u * SLOTS, sums[2]);
        } else if SLOTS == 2u {
            write_sums(pairs, 1u, sums[2]);
            write_sums(pairs, 5u, sums[3]);
        }
    }
}
