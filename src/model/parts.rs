use std::thread;

/// Fewer items than these are not worth a thread.
const WORTH_A_THREAD: usize = 256;

/// Does the same work on every part of many items, a thread for each part; the results come in the order of the parts.
pub fn side_by_side<T: Sync, R: Send>(items: &[T], work: impl Fn(&[T]) -> R + Sync) -> Vec<R> {
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let part = items.len().div_ceil(workers).max(WORTH_A_THREAD);
    let Some((first, others)) = items.split_at_checked(part) else {
        return vec![work(items)];
    };
    let work = &work;
    thread::scope(|scope| {
        let others: Vec<_> = others
            .chunks(part)
            .map(|part| (part, scope.spawn(move || work(part))))
            .collect();
        let mut results = vec![work(first)];
        for (part, other) in others {
            results.push(other.join().unwrap_or_else(|_| work(part)));
        }
        results
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_results_come_in_the_order_of_the_items() {
        for count in [0, 1, WORTH_A_THREAD, 10 * WORTH_A_THREAD + 1] {
            let items: Vec<usize> = (0..count).collect();
            let parts = side_by_side(&items, <[usize]>::to_vec);
            assert_eq!(parts.concat(), items, "{count} items");
        }
    }
}
