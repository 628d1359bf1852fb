//! How much each merchant has waiting to be stored, so that one that floods leaves room for others.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use parking_lot::Mutex;
use postrider_core::ids::MerchantId;
use postrider_core::limits;

/// KiB that wait, by merchant; those with none are not in it.
#[derive(Debug, Default)]
pub(super) struct Shares {
    waiting: Mutex<HashMap<MerchantId, u32>>,
}

impl Shares {
    /// Takes `kib` out of a merchant's share until the answer is dropped; `None` when it is used up.
    /// A request that is larger than the share passes when nothing else waits.
    pub(super) fn take(&self, merchant: MerchantId, kib: u32) -> Option<Share<'_>> {
        let mut all = self.waiting.lock();
        let waiting = all.entry(merchant).or_default();
        let sum = waiting.saturating_add(kib);
        if *waiting > 0 && sum as usize > limits::INTAKE_BYTES_PER_MERCHANT_MAX / 1024 {
            return None;
        }
        *waiting = sum;
        Some(Share { shares: self, merchant, kib })
    }
}

/// A part of a merchant's share, given back when dropped.
#[derive(Debug)]
pub(super) struct Share<'a> {
    shares: &'a Shares,
    merchant: MerchantId,
    kib: u32,
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        if let Entry::Occupied(mut held) = self.shares.waiting.lock().entry(self.merchant) {
            *held.get_mut() = held.get().saturating_sub(self.kib);
            if *held.get() == 0 {
                held.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_merchant_that_floods_leaves_room_for_others() {
        let shares = Shares::default();
        let (first, second) = (MerchantId::from_bits(1), MerchantId::from_bits(2));
        let most = u32::try_from(limits::INTAKE_BYTES_PER_MERCHANT_MAX / 1024).unwrap();
        let held = shares.take(first, most).unwrap();
        assert!(shares.take(first, 1).is_none());
        assert!(shares.take(second, 1).is_some());
        drop(held);
        assert!(shares.take(first, 1).is_some());
        assert!(shares.waiting.lock().is_empty(), "what is given back is forgotten");
    }

    #[test]
    fn a_request_larger_than_the_share_passes_alone() {
        let shares = Shares::default();
        assert!(shares.take(MerchantId::from_bits(1), u32::MAX).is_some());
    }
}
