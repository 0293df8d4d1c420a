use std::panic::resume_unwind;
use std::thread;

/// Fewer items than these are not worth a thread.
const WORTH_A_THREAD: usize = 256;

/// Does the same work on every part of many items, a thread for each part; the results come in the order of the parts.
pub fn side_by_side<T: Send, R: Send>(
    mut items: Vec<T>,
    work: impl Fn(Vec<T>) -> R + Sync,
) -> Vec<R> {
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let part = items.len().div_ceil(workers).max(WORTH_A_THREAD);
    let work = &work;
    thread::scope(|scope| {
        let mut others = Vec::new();
        while items.len() > part {
            let rest = items.split_off(items.len().saturating_sub(part));
            others.push(scope.spawn(move || work(rest)));
        }
        let mut results = vec![work(items)];
        for other in others.into_iter().rev() {
            results.push(other.join().unwrap_or_else(|panic| resume_unwind(panic)));
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
            let parts = side_by_side(items.clone(), |part| part);
            assert_eq!(parts.concat(), items, "{count} items");
        }
    }
}
