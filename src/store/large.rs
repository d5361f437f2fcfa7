//! Objects of any size, in parts: a part that fails is sent again, and what was sent in vain is removed.

use std::io::Read;

use bytes::Bytes;
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use object_store::{MultipartId, ObjectStoreExt as _};

use super::Store;
use super::error::{StoreError, Trouble};

impl Store {
    /// Puts an object of so many bytes, whose name says what it is. Nothing is there where `from` fails, also at its end.
    ///
    /// # Errors
    /// Of the store, or of `from`.
    pub(crate) async fn put_large(
        &self,
        key: &str,
        from: &mut impl Read,
        size: u64,
    ) -> Result<(), StoreError> {
        let what = format!("PUT {key}");
        let path = self.path(key)?;
        let pieces = Pieces {
            what: &what,
            from,
            left: size,
            most: self.piece,
        };
        match &self.parts {
            Some(parts) => self.put_parts(parts.as_ref(), &path, pieces).await,
            None => self.put_folder(&path, pieces).await,
        }
    }

    /// Into a bucket.
    async fn put_parts(
        &self,
        parts: &dyn MultipartStore,
        path: &Path,
        pieces: Pieces<'_, impl Read>,
    ) -> Result<(), StoreError> {
        let what = pieces.what;
        let id = self.tried(what, || parts.create_multipart(path)).await?;
        let sent = match self.send(parts, path, &id, pieces).await {
            Ok(sent) => {
                let complete = || parts.complete_multipart(path, &id, sent.clone());
                self.tried(what, complete).await.map(drop)
            }
            Err(error) => Err(error),
        };
        if sent.is_err() {
            // What was sent is removed, as far as the store can still be asked.
            let _ = parts.abort_multipart(path, &id).await;
        }
        sent
    }

    async fn send(
        &self,
        parts: &dyn MultipartStore,
        path: &Path,
        id: &MultipartId,
        mut pieces: Pieces<'_, impl Read>,
    ) -> Result<Vec<PartId>, StoreError> {
        let mut sent = Vec::new();
        while let Some(piece) = pieces.next()? {
            let put = || parts.put_part(path, id, sent.len(), piece.clone().into());
            let part = self.tried(pieces.what, put).await?;
            sent.push(part);
        }
        Ok(sent)
    }

    /// Into a folder: a part that was refused there has its place in the file all the same, so the whole is tried again.
    async fn put_folder(
        &self,
        path: &Path,
        mut pieces: Pieces<'_, impl Read>,
    ) -> Result<(), StoreError> {
        self.is_still_there()?;
        let what = pieces.what;
        let failed = |error: object_store::Error| StoreError::of(what, &error);
        let upload = self.objects.put_multipart(path).await;
        let mut upload = upload.map_err(failed)?;
        let mut put = async || {
            while let Some(piece) = pieces.next()? {
                upload.put_part(piece.into()).await.map_err(failed)?;
            }
            upload.complete().await.map_err(failed)
        };
        let sent = put().await.map(drop);
        if sent.is_err() {
            let _ = upload.abort().await;
        }
        sent
    }
}

/// What is sent, a part at a time.
struct Pieces<'p, R> {
    what: &'p str,
    from: &'p mut R,
    left: u64,
    most: u64,
}

impl<R: Read> Pieces<'_, R> {
    /// The next; `None`: that was all.
    fn next(&mut self) -> Result<Option<Bytes>, StoreError> {
        if self.left == 0 {
            return Ok(None);
        }
        let mut piece = Vec::new();
        let mut some = self.from.by_ref().take(self.left.min(self.most));
        let read = some.read_to_end(&mut piece);
        read.map_err(|error| StoreError::of_io(self.what, &error))?;
        if piece.is_empty() {
            let why = "the file is shorter than it was";
            return Err(StoreError::new(Trouble::Wrong, self.what, why));
        }
        self.left = self.left.saturating_sub(piece.len() as u64);
        Ok(Some(piece.into()))
    }
}
