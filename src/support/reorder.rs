//! Reordering of the rows of an array in place.

/// Reorders rows of `width` elements: row `order[k]` becomes row `k`. Every row is moved once, and one row is
/// kept aside for each cycle of the permutation.
pub(crate) fn reorder<T: Copy>(data: &mut [T], width: usize, order: &[usize]) {
    let mut is_done = vec![false; order.len()];
    for begin in 0..order.len() {
        if is_done[begin] || order[begin] == begin {
            continue;
        }
        let aside = data[begin * width..][..width].to_vec();
        let mut to = begin;
        loop {
            is_done[to] = true;
            let from = order[to];
            if from == begin {
                data[to * width..][..width].copy_from_slice(&aside);
                break;
            }
            data.copy_within(from * width..(from + 1) * width, to * width);
            to = from;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_can_be_put_into_any_order() {
        let rows = |order: &[usize]| -> Vec<usize> {
            order.iter().flat_map(|&row| [10 * row, 10 * row + 1]).collect()
        };
        for order in [vec![0, 1, 2, 3, 4], vec![4, 3, 2, 1, 0], vec![1, 2, 0, 4, 3], vec![0]] {
            let mut data = rows(&(0..order.len()).collect::<Vec<_>>());
            reorder(&mut data, 2, &order);
            assert_eq!(data, rows(&order), "{order:?}");
        }
    }
}
