//! A value that is replaced as a whole while others read it.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// A value of this moment.
pub(crate) struct Current<T> {
    value: RwLock<Arc<T>>,
    /// Held from a change of the value until it is stored, so that changes follow one another.
    change: Mutex<()>,
}

impl<T: Clone> Current<T> {
    pub(crate) fn new(value: T) -> Current<T> {
        Current {
            value: RwLock::new(Arc::new(value)),
            change: Mutex::new(()),
        }
    }

    pub(crate) fn get(&self) -> Arc<T> {
        Arc::clone(&self.value.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the value by what `change` makes of it and has stored; an error leaves it as it was.
    pub(crate) fn change<R, E>(&self, change: impl FnOnce(&mut T) -> Result<R, E>) -> Result<R, E> {
        let _one_at_a_time = self.change.lock().unwrap_or_else(PoisonError::into_inner);
        let mut value = T::clone(&self.get());
        let result = change(&mut value)?;
        *self.value.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(value);
        Ok(result)
    }
}
