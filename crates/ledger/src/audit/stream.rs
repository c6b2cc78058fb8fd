//! Reading and re-adding at once: pages of rows go from the thread that has the connection to one that folds.

use std::sync::mpsc::{SyncSender, sync_channel};

use busk_store::{Reader, StoreError};

use super::books::Books;
use super::fold::Fold;
use super::seals::Seals;
use super::{Audit, Counted};
use crate::form::{FIRST, POSTINGS, Rows, TRANSFERS};

/// Pages that may wait between the threads.
const PAGES: usize = 2;

/// Transfers, and at least the postings that they are of, in the form in which they are sealed.
#[derive(Default)]
pub(super) struct Page {
    pub(super) postings: Vec<u8>,
    pub(super) transfers: Vec<u8>,
    /// Whether no more transfers come.
    pub(super) last: bool,
}

/// Reads all postings and transfers, and folds them.
pub(super) fn fold(
    db: &mut Reader,
    audit: &mut Audit,
    books: &mut Books,
    seals: &mut Seals,
) -> Result<Counted, StoreError> {
    std::thread::scope(|scope| {
        let (pages, waiting) = sync_channel::<Page>(PAGES);
        let mut fold = Fold::new(audit, books, seals);
        let folding = scope.spawn(move || {
            waiting.iter().for_each(|page| fold.page(&page));
            fold.finish()
        });
        let read = read(db, &pages);
        drop(pages);
        let counted = folding
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        read.map(|()| counted)
    })
}

fn read(db: &mut Reader, pages: &SyncSender<Page>) -> Result<(), StoreError> {
    let (mut transfer, mut posting) = (Some(FIRST), Some(FIRST));
    while transfer.is_some() || posting.is_some() {
        let mut page = Page {
            last: transfer.is_none(),
            ..Page::default()
        };
        let mut upto = i64::MAX;
        if let Some(from) = transfer {
            let end = TRANSFERS.page(db, from, i64::MAX, TRANSFERS.width, &mut page.transfers)?;
            transfer = end.next();
            upto = posting_of(&page.transfers[end.row..]).unwrap_or(FIRST);
        }
        if let Some(from) = posting.filter(|from| *from <= upto) {
            let end = POSTINGS.page(db, from, upto, POSTINGS.width, &mut page.postings)?;
            // There may be others after those up to `upto`, which the last page reads.
            posting = match end.last {
                Some(last) if end.more || !page.last => last.checked_add(1),
                None if !page.last => posting,
                _ => None,
            };
        }
        // The fold went away by a panic, which is told when it is joined.
        if pages.send(page).is_err() {
            break;
        }
    }
    Ok(())
}

/// Which posting a transfer's row names.
fn posting_of(row: &[u8]) -> Option<i64> {
    let (fields, _) = Rows(row).fields::<2>()?;
    fields[1].number()
}
