use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// Until when changes may be sent to a broker: neither takes a fencing token, so who may lose a lock holds itself back.
/// Open for good until somebody says when it closes. Clones are one fence.
#[derive(Clone, Debug, Default)]
pub struct Fence(Arc<Mutex<Option<Instant>>>);

impl Fence {
    /// Nothing is sent from this moment on; a later moment takes its place.
    pub fn close_at(&self, end: Instant) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(end);
    }

    /// Whether a change may be sent now.
    pub fn is_open(&self) -> bool {
        let end = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        end.is_none_or(|end| Instant::now() < end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_open_until_its_end_and_opens_again_with_a_later_one() {
        let fence = Fence::default();
        assert!(fence.is_open());
        let clone = fence.clone();
        clone.close_at(Instant::now());
        assert!(!fence.is_open());
        clone.close_at(Instant::now() + std::time::Duration::from_secs(60));
        assert!(fence.is_open());
    }
}
