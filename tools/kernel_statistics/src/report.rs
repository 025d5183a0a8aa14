//! Tables of records.

use crate::counts::Counts;
use crate::record::Record;
use crate::table::{Table, figure};

/// Makes a table of the driver's report on each kernel.
pub(crate) fn resources(records: &[Record]) -> Table {
    let columns = [
        ("VGPRs", "VGPRs"),
        ("SGPRs", "SGPRs"),
        ("LDS bytes", "LDS size"),
        ("waves a SIMD", "Subgroups per SIMD"),
        ("code bytes", "Code size"),
        ("instructions", "Instructions"),
        ("latency", "Latency"),
        ("inverse throughput", "Inverse Throughput"),
    ];
    let titles: Vec<&str> =
        ["kernel", "bins", "wave"].into_iter().chain(columns.map(|(title, _)| title)).collect();
    let mut table = Table::new(&titles);
    for record in records {
        let mut row =
            vec![record.title(), record.bins.to_string(), record.subgroup_size.to_string()];
        row.extend(columns.map(|(_, name)| {
            record.statistic(name).map_or_else(|| "–".to_owned(), |value| value.to_string())
        }));
        table.push(row);
    }
    table
}

/// Makes a table of the cost of a pair-sample in the counting loop.
pub(crate) fn pair_samples(records: &[Record]) -> Table {
    let counting = records.iter().filter(|record| record.kernel != "cell_sum");
    costs(counting.map(|record| (record.title(), record.bins, record.pair_sample)))
}

/// Makes a table of the cost of a cell after the counting loop.
pub(crate) fn cells(records: &[Record]) -> Table {
    let cells = records.iter().flat_map(|record| {
        let title = record.title();
        let visited = record.visited_cell.map(|cell| (format!("{title}, visited"), Some(cell)));
        let each = [Some((title, record.cell)), visited];
        each.into_iter().flatten().map(|(title, cell)| (title, record.bins, cell))
    });
    costs(cells)
}

/// Makes a table of the cost of a pair-sample in SPIR-V, which does not depend on the card.
pub(crate) fn operations(records: &[Record]) -> Table {
    let titles =
        ["kernel", "bins", "operations", "loads", "bytes loaded", "workgroup memory", "branches"];
    let mut table = Table::new(&titles);
    for record in records.iter().filter(|one| one.kernel != "cell_sum") {
        let mut row = vec![record.title(), record.bins.to_string()];
        let counts = record.spirv_pair_sample;
        row.push(figure(counts.map(|counts| counts.vector)));
        row.push(figure(counts.map(|counts| counts.loads)));
        row.push(figure(counts.map(|counts| counts.load_bytes)));
        row.push(figure(counts.map(|counts| counts.workgroup)));
        row.push(figure(counts.map(|counts| counts.control)));
        table.push(row);
    }
    table
}

fn costs(rows: impl Iterator<Item = (String, usize, Option<Counts>)>) -> Table {
    type Column = (&'static str, fn(&Counts) -> f64);
    let columns: [Column; 9] = [
        ("vector", |counts| counts.vector),
        ("of them slow", |counts| counts.slow_vector),
        ("scalar", |counts| counts.scalar),
        ("scalar loads", |counts| counts.scalar_loads),
        ("loads", |counts| counts.loads),
        ("bytes loaded", |counts| counts.load_bytes),
        ("bytes stored", |counts| counts.store_bytes),
        ("LDS", |counts| counts.workgroup),
        ("branches", |counts| counts.control),
    ];
    let titles: Vec<&str> =
        ["kernel", "bins"].into_iter().chain(columns.map(|(title, _)| title)).collect();
    let mut table = Table::new(&titles);
    for (title, bins, counts) in rows {
        let mut row = vec![title, bins.to_string()];
        row.extend(columns.map(|(_, get)| figure(counts.as_ref().map(get))));
        table.push(row);
    }
    table
}
