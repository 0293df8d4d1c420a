//! The ledger in a JSON file that people can read, the leases in another one beside it.
//!
//! For one machine: what is locked is locked on its file system, and when a lease ends its clock says.

mod sheet;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::Value;

use super::store::unfit;
use super::{Entry, Holder, Lease, Revision, Store, StoreError};
use sheet::{Page, Sheet};

/// What stands behind the file's name in that of the leases.
const LEASES: &str = ".lease";

/// A file, with `PATH.lease` for the leases and `PATH.lock` for the moment of a writing.
#[derive(Clone, Debug)]
pub struct FileStore {
    path: PathBuf,
}

impl FileStore {
    /// The file at this path; it is made with the first writing.
    pub fn new(path: impl Into<PathBuf>) -> FileStore {
        FileStore { path: path.into() }
    }

    /// Does the work on a file where waiting harms nobody.
    async fn on<R: Send + 'static>(
        &self,
        suffix: &'static str,
        work: impl FnOnce(Sheet) -> Result<R, StoreError> + Send + 'static,
    ) -> Result<R, StoreError> {
        let path = self.path.clone();
        let done = tokio::task::spawn_blocking(move || work(Sheet::beside(&path, suffix))).await;
        done.unwrap_or_else(|error| {
            Err(StoreError::Unknown {
                place: self.place(),
                why: format!("the work on it broke off: {error}"),
            })
        })
    }
}

#[async_trait]
impl Store for FileStore {
    fn place(&self) -> String {
        place(&self.path)
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Entry>, StoreError> {
        let prefix = prefix.to_owned();
        self.on("", move |sheet| {
            let page: Page<Value> = sheet.read()?;
            let entries = page.entries.into_iter();
            let wanted = entries.filter(|(key, _)| key.starts_with(&prefix));
            let wanted = wanted.map(|(key, kept)| Entry {
                key,
                value: kept.value.to_string().into_bytes(),
                revision: kept.revision,
            });
            Ok(wanted.collect())
        })
        .await
    }

    async fn put(
        &self,
        key: &str,
        value: &[u8],
        expected: Option<Revision>,
    ) -> Result<Revision, StoreError> {
        let (key, value) = (key.to_owned(), value.to_owned());
        self.on("", move |sheet| {
            if let Some(why) = unfit(&key) {
                return Err(sheet.says(why));
            }
            let value: Value = serde_json::from_slice(&value)
                .map_err(|error| sheet.says(format!("`{key}` would hold no JSON: {error}")))?;
            sheet.change(
                |page| match page.entries.get(&key).map(|kept| kept.revision) {
                    now if now == expected => Ok(page.set(&key, value)),
                    _ => Err(StoreError::Conflict {
                        place: sheet.place(),
                        key,
                    }),
                },
            )
        })
        .await
    }

    async fn acquire(
        &self,
        stack: &str,
        holder: &Holder,
        ttl: Duration,
    ) -> Result<Lease, StoreError> {
        let (stack, holder) = (stack.to_owned(), holder.clone());
        self.on(LEASES, move |sheet| {
            sheet.change(|page| match holding(&sheet, page, &stack)? {
                Some(other) if other.id != holder.id => Err(StoreError::Held {
                    stack: stack.clone(),
                    holder: Box::new(other.clone()),
                }),
                _ => Ok(sign(page, &stack, &holder, ttl)),
            })
        })
        .await
    }

    async fn renew(&self, lease: &Lease, ttl: Duration) -> Result<Lease, StoreError> {
        let lease = lease.clone();
        self.on(LEASES, move |sheet| {
            if lease.ends <= Instant::now() {
                return Err(lease.lost("it was not renewed in time"));
            }
            sheet.change(|page| match holding(&sheet, page, &lease.stack)? {
                Some(now) if now.id == lease.holder.id => {
                    Ok(sign(page, &lease.stack, &lease.holder, ttl))
                }
                other => Err(lease.lost_to(other)),
            })
        })
        .await
    }

    async fn release(&self, lease: &Lease) -> Result<(), StoreError> {
        let lease = lease.clone();
        self.on(LEASES, move |sheet| {
            sheet.change(|page: &mut Page<Holder>| {
                let now = page.entries.get(&lease.stack);
                if now.is_some_and(|now| now.value.id == lease.holder.id) {
                    page.entries.remove(&lease.stack);
                }
                Ok(())
            })
        })
        .await
    }

    async fn holder(&self, stack: &str) -> Result<Option<Holder>, StoreError> {
        let stack = stack.to_owned();
        self.on(LEASES, move |sheet| {
            let page = sheet.read()?;
            Ok(holding(&sheet, &page, &stack)?.cloned())
        })
        .await
    }

    async fn break_lease(&self, stack: &str) -> Result<(), StoreError> {
        let stack = stack.to_owned();
        self.on(LEASES, move |sheet| {
            sheet.change(|page: &mut Page<Holder>| {
                page.entries.remove(&stack);
                Ok(())
            })
        })
        .await
    }
}

/// Who has the lease of a stack now.
fn holding<'p>(
    sheet: &Sheet,
    page: &'p Page<Holder>,
    stack: &str,
) -> Result<Option<&'p Holder>, StoreError> {
    let Some(kept) = page.entries.get(stack) else {
        return Ok(None);
    };
    let over = kept.value.is_over(Timestamp::now());
    let over = over.map_err(|why| {
        sheet.says(format!(
            "the lock of stack `{stack}` can't be read: {why}; if nobody is at work, release it by hand"
        ))
    })?;
    Ok((!over).then_some(&kept.value))
}

fn sign(page: &mut Page<Holder>, stack: &str, holder: &Holder, ttl: Duration) -> Lease {
    let begin = Instant::now();
    let holder = holder.until(Timestamp::now(), ttl);
    Lease {
        stack: stack.to_owned(),
        revision: page.set(stack, holder.clone()),
        holder,
        ends: begin + ttl,
    }
}

fn place(path: &Path) -> String {
    format!("the file `{}`", path.display())
}
