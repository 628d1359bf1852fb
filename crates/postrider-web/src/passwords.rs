//! Hashing passwords: few at once, and never on a thread that others wait for.
//!
//! Invariants: a flood of sign-ins costs `HASHES_AT_ONCE_MAX` times 19 MiB and no more; checking a
//! password takes the same work whether or not there is a hash to check it against.

use std::sync::Arc;

use postrider_core::limits;
use postrider_core::password::PasswordHash;
use tokio::sync::Semaphore;

use crate::error::ApiError;
use crate::founding;

/// Stands for the hash of whoever has none: of the agreed costs, and of no known password.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$\
     AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// The room passwords are hashed in.
pub(crate) struct Hashing {
    /// Those being hashed and those waiting for it.
    places: Semaphore,
    slots: Arc<Semaphore>,
}

impl Default for Hashing {
    fn default() -> Self {
        let places = limits::HASHES_AT_ONCE_MAX + limits::HASHES_WAITING_MAX;
        let slots = Arc::new(Semaphore::new(limits::HASHES_AT_ONCE_MAX));
        Self { places: Semaphore::new(places), slots }
    }
}

impl Hashing {
    /// The hash of a new password.
    pub(crate) async fn hash(&self, password: String) -> Result<PasswordHash, ApiError> {
        let hashed = self.run(move || founding::hash(&password)).await?;
        hashed.map_err(ApiError::internal)
    }

    /// Whether `password` is that of `hash`; without a hash it never is.
    pub(crate) async fn is_of(
        &self,
        password: String,
        hash: Option<PasswordHash>,
    ) -> Result<bool, ApiError> {
        let is_known = hash.is_some();
        let hash = hash.unwrap_or_else(|| PasswordHash::restored(NOBODY));
        let is_equal = self.run(move || hash.is_of(&password)).await?;
        Ok(is_equal && is_known)
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let busy = || ApiError::overloaded("passwords to be checked");
        let _place = self.places.try_acquire().map_err(|_| busy())?;
        let slot = Arc::clone(&self.slots).acquire_owned().await.map_err(|_| busy())?;
        let hold = move || {
            let done = work();
            // Given back here and not by who waits, who may have gone.
            drop(slot);
            done
        };
        tokio::task::spawn_blocking(hold).await.map_err(ApiError::internal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn nobodys_hash_costs_what_others_cost_and_is_of_no_password() {
        let real = founding::hash("velvet tractor moss").unwrap();
        let form = |text: &str| -> Vec<String> {
            let parts: Vec<_> = text.split('$').map(str::to_owned).collect();
            let lengths = parts[4..].iter().map(|part| part.len().to_string());
            parts[..4].iter().cloned().chain(lengths).collect()
        };
        assert_eq!(form(NOBODY), form(real.reveal()));
        assert!(!PasswordHash::restored(NOBODY).is_of("velvet tractor moss"));
    }

    #[tokio::test]
    async fn at_most_four_work_and_few_wait() {
        let hashing = Arc::new(Hashing::default());
        let (most, wait) = (limits::HASHES_AT_ONCE_MAX, limits::HASHES_WAITING_MAX);
        let mut tasks = tokio::task::JoinSet::new();
        let (started, starts) = mpsc::channel();
        let mut releases = Vec::new();
        for _ in 0..most + wait {
            let (release, held) = mpsc::channel::<()>();
            let (hashing, started) = (Arc::clone(&hashing), started.clone());
            releases.push(release);
            tasks.spawn(async move {
                let work = move || {
                    started.send(()).unwrap();
                    held.recv().unwrap_err();
                };
                hashing.run(work).await.unwrap();
            });
            tokio::task::yield_now().await;
        }
        let refused = hashing.is_of("x".to_owned(), None).await.unwrap_err();
        assert_eq!(refused.code(), "overloaded");
        let mut begun = 0;
        while begun < most {
            starts.recv().unwrap();
            begun += 1;
        }
        assert_eq!(hashing.slots.available_permits(), 0);
        assert!(starts.try_recv().is_err(), "no fifth has begun");
        drop(releases);
        tasks.join_all().await;
        assert!(!hashing.is_of("x".to_owned(), None).await.unwrap());
    }
}
